//! Rules of firewalls that are in the way of beacons and connections, and how to make exceptions.

mod exception;
mod packets;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use zchat::zre::Host;

use super::super::facts::{
    ConnectionState, Facts, Firewall, FirewallName, Interface, Reading, Trouble, VisitEnd,
};
use super::super::firewall::{
    Blocker, Chain, Family, Outcome, Packet, PacketKind, Ruleset, Span, Tool,
};
use super::places::{Nodes, Place, met};
use super::{Finding, Severity, as_root, enumerate, links};
use exception::Manager;
use packets::{link_packets, of_others, packets, tried};

/// The first port that is tried for a mailbox.
pub(super) const FIRST_MAILBOX: u16 = 49_152;

/// What rules of this host keep away.
#[derive(Default)]
pub(super) struct InTheWay {
    /// Which packets, on which interfaces, for certain.
    packets: BTreeSet<(PacketKind, String)>,
    /// Which mailboxes, that were tried in vain; and whether that is certain.
    mailboxes: BTreeMap<SocketAddr, bool>,
}

impl InTheWay {
    pub(super) fn blocks(&self, kind: PacketKind, device: &str) -> bool {
        self.packets.contains(&(kind, device.to_owned()))
    }

    /// Whether beacons are kept away in either direction, on any interface.
    pub(super) fn blocks_beacons(&self) -> bool {
        self.packets.iter().any(|(kind, _)| kind.is_beacon())
    }

    /// Whether they keep us from this mailbox: for certain, perhaps, or not as far as is known.
    pub(super) fn keeps_from(&self, mailbox: SocketAddr) -> Option<bool> {
        self.mailboxes.get(&mailbox).copied()
    }
}

/// One rule, or policy, and what it keeps away.
struct Wall {
    blocker: Blocker,
    is_certain: bool,
    /// One of each kind for each interface, and for each mailbox that was tried in vain.
    packets: Vec<Packet>,
    /// Those mailboxes.
    mailboxes: BTreeSet<SocketAddr>,
}

impl Wall {
    fn kinds(&self) -> BTreeSet<PacketKind> {
        self.packets.iter().map(|packet| packet.kind).collect()
    }

    /// Whether it is known of mailboxes that were tried only.
    fn is_for_some(&self) -> bool {
        let is_one = |span: Span| span.first == span.last;
        let mut packets = self.packets.iter();
        !self.mailboxes.is_empty()
            && packets.all(|packet| is_one(packet.source) && is_one(packet.destination))
    }

    fn port(&self, kind: PacketKind) -> u16 {
        let packet = self.packets.iter().find(|packet| packet.kind == kind);
        packet.map_or(FIRST_MAILBOX, |packet| packet.port)
    }
}

pub(super) fn diagnose(facts: &Facts, nodes: &Nodes) -> (InTheWay, Vec<Finding>) {
    let mut in_the_way = InTheWay::default();
    let mut findings = unread(facts);
    for wall in walls(facts, nodes) {
        for mailbox in &wall.mailboxes {
            let is_certain = in_the_way.mailboxes.entry(*mailbox).or_default();
            *is_certain |= wall.is_certain;
        }
        let severities = wall.packets.iter().map(|packet| {
            let severity = severity(facts, nodes, packet, wall.is_certain);
            if severity == Severity::Problem {
                let what = (packet.kind, packet.device.clone());
                in_the_way.packets.insert(what);
            }
            severity
        });
        let tried = match (wall.mailboxes.is_empty(), wall.is_certain) {
            (true, _) => Severity::Note,
            (false, false) => Severity::Warning,
            (false, true) => Severity::Problem,
        };
        let severity = severities.fold(tried, Severity::min);
        findings.push(tell(facts, &wall, severity));
    }
    (in_the_way, findings)
}

/// Firewalls whose rules are not known.
fn unread(facts: &Facts) -> Vec<Finding> {
    let is_refused = |firewall: &&Firewall| firewall.reading == Reading::NotPermitted;
    let refused = facts.firewalls.iter().filter(is_refused);
    let mut refused: Vec<&str> = refused.map(name).collect();
    refused.dedup();
    let mut findings = Vec::new();
    if !refused.is_empty() {
        let what = format!("Only root may read the rules of {}", enumerate(&refused));
        findings.push(Finding::note("firewall_unread", what).run(as_root(facts)));
    }
    for firewall in &facts.firewalls {
        let name = name(firewall);
        match &firewall.reading {
            Reading::Rules(_) | Reading::NotPermitted => {}
            // Where the rules were read, it is known what they do.
            Reading::SwitchedOn if refused.is_empty() => {}
            Reading::SwitchedOn => {
                let what = format!("The firewall {name} is switched on");
                findings.push(Finding::note("firewall_on", what).run(list(firewall.name)));
            }
            Reading::Failed(trouble) => {
                let what = format!("The rules of {name} could not be read");
                let why = match trouble {
                    Trouble::Slow => "Listing them takes too long.".to_owned(),
                    Trouble::Garbled => "What lists them writes something unknown.".to_owned(),
                    Trouble::Said(text) => format!("It said: {text}"),
                };
                let finding = Finding::note("firewall_unread", what).because(why);
                findings.push(finding.run(list(firewall.name)));
            }
        }
    }
    findings
}

const fn name(firewall: &Firewall) -> &'static str {
    match firewall.name {
        FirewallName::Nftables => "nftables",
        FirewallName::Iptables => "iptables",
        FirewallName::Ufw => "ufw",
        FirewallName::Firewalld => "firewalld",
    }
}

/// The command that lists its rules.
pub(super) const fn list(name: FirewallName) -> &'static str {
    match name {
        FirewallName::Nftables => "sudo nft list ruleset",
        FirewallName::Iptables => "sudo iptables-save",
        FirewallName::Ufw => "sudo ufw status verbose",
        FirewallName::Firewalld => "sudo firewall-cmd --list-all",
    }
}

/// All rules in the way, each once.
fn walls(facts: &Facts, nodes: &Nodes) -> Vec<Wall> {
    let mut rulesets: Vec<&Ruleset> = rulesets(facts).collect();
    // Rules of iptables may be listed twice, by its own tool and by nft, which understands less of
    // them: what is certain counts, then what is listed by iptables.
    let is_by_nft = |chain: &Chain| chain.place.tool == Tool::Nft;
    rulesets.sort_by_key(|ruleset| ruleset.chains.first().is_some_and(is_by_nft));
    let networks = facts.interfaces.iter().filter_map(Interface::network);
    let networks = networks.filter(|network| !network.is_loopback);
    let mut walls: Vec<Wall> = Vec::new();
    let packets = networks.flat_map(|network| packets(facts, nodes, network));
    let by_links = links::used(facts).flat_map(|(link, _)| link_packets(facts, link));
    let of_others = of_others(facts, nodes);
    let general = packets.chain(by_links).chain(of_others);
    let general = general.map(|packet| (packet, None));
    let tried = facts.visits.iter().flat_map(|visit| tried(facts, visit));
    for (packet, mailbox) in general.chain(tried) {
        let outcomes = rulesets.iter().map(|ruleset| ruleset.judge(&packet));
        let mut may_be = None;
        let mut certain = None;
        for outcome in outcomes {
            match outcome {
                Outcome::Passes => {}
                Outcome::Blocked(blocker) => certain = certain.or(Some(blocker)),
                Outcome::MayBeBlocked(blocker) => may_be = may_be.or(Some(blocker)),
            }
        }
        let is_certain = certain.is_some();
        let Some(blocker) = certain.or(may_be) else {
            continue;
        };
        let is_it = |wall: &&mut Wall| wall.is_certain == is_certain && wall.blocker == blocker;
        let index = walls.iter_mut().position(|wall| is_it(&wall));
        let index = index.unwrap_or(walls.len());
        if index == walls.len() {
            walls.push(Wall {
                blocker,
                is_certain,
                packets: Vec::new(),
                mailboxes: BTreeSet::new(),
            });
        }
        if let Some(wall) = walls.get_mut(index) {
            wall.packets.push(packet);
            wall.mailboxes.extend(mailbox);
        }
    }
    without_doubts_that_are_settled(walls)
}

/// Leaves out what a rule may do where it is certain that it does so to somebody.
fn without_doubts_that_are_settled(mut walls: Vec<Wall>) -> Vec<Wall> {
    let certain = walls.iter().filter(|wall| wall.is_certain);
    let certain: Vec<(Blocker, BTreeSet<PacketKind>)> = certain
        .map(|wall| (wall.blocker.clone(), wall.kinds()))
        .collect();
    for wall in walls.iter_mut().filter(|wall| !wall.is_certain) {
        let is_settled = |packet: &Packet| {
            let mut certain = certain.iter();
            certain.any(|(blocker, kinds)| *blocker == wall.blocker && kinds.contains(&packet.kind))
        };
        wall.packets.retain(|packet| !is_settled(packet));
    }
    walls.retain(|wall| !wall.packets.is_empty());
    walls
}

fn rulesets(facts: &Facts) -> impl Iterator<Item = &Ruleset> {
    let readings = facts.firewalls.iter().map(|firewall| &firewall.reading);
    readings.filter_map(|reading| match reading {
        Reading::Rules(ruleset) => Some(ruleset),
        _ => None,
    })
}

/// What is certain by the rules is a problem, unless such packets passed before our eyes. What is
/// not, counts only where something is amiss that it would explain.
fn severity(facts: &Facts, nodes: &Nodes, packet: &Packet, is_certain: bool) -> Severity {
    if packet.family == Family::V6 {
        // Where IPv4 is in order, hosts are met by that.
        let has_passed = has_passed_by_link(facts, packet);
        return match links::severity(facts) {
            Severity::Problem if !has_passed && is_certain => Severity::Problem,
            Severity::Problem if !has_passed => Severity::Warning,
            _ => Severity::Note,
        };
    }
    let has_passed = has_passed(facts, nodes, packet);
    let is_proven = is_certain || is_dropped(facts, nodes, packet);
    if is_proven && !has_passed {
        Severity::Problem
    } else if !has_passed && is_amiss(facts, nodes, packet) {
        Severity::Warning
    } else {
        Severity::Note
    }
}

/// Whether such a packet passed by IPv6 before our eyes.
fn has_passed_by_link(facts: &Facts, packet: &Packet) -> bool {
    let mut links = links::used(facts).map(|(link, _)| link);
    let index = links.find(|link| link.name == packet.device);
    let index = index.map(|link| link.index);
    let is_here = |at: SocketAddr| Some(Host::from(at).scope) == index;
    match packet.kind {
        PacketKind::BeaconIn => {
            let mut others = facts.link_sightings.iter();
            others.any(|sighting| !sighting.is_local && is_here(sighting.at))
        }
        PacketKind::ConnectionIn => {
            let mut others = met(facts).iter();
            others.any(|met| is_here(met.address))
        }
        PacketKind::ConnectionOut | PacketKind::ReplyIn => {
            let mut visits = facts.visits.iter();
            visits.any(|visit| visit.end == VisitEnd::Greeted && is_here(visit.to))
        }
        PacketKind::BeaconOut => false,
    }
}

fn has_passed(facts: &Facts, nodes: &Nodes, packet: &Packet) -> bool {
    let is_here = |place: &Place| {
        let mut networks = facts.interfaces.iter().filter_map(Interface::network);
        networks.any(|one| one.index == place.interface && one.name == packet.device)
    };
    let mut others = nodes.others.iter();
    match packet.kind {
        PacketKind::BeaconIn => others.any(|node| {
            node.places
                .iter()
                .any(|place| place.heard && is_here(place))
        }),
        PacketKind::ConnectionOut | PacketKind::ReplyIn => others.any(|node| {
            node.reached(facts) == Some(VisitEnd::Greeted) && node.places.iter().all(is_here)
        }),
        PacketKind::ConnectionIn => is_reached_from(facts, packet),
        PacketKind::BeaconOut => false,
    }
}

/// Whether somebody else has connected to our node by IPv4 with such packets. To be met proves that only
/// where it is not known: both have to come through to each other, but one of them may do so by IPv6.
fn is_reached_from(facts: &Facts, packet: &Packet) -> bool {
    let is_there = |ip: IpAddr| {
        let mut networks = facts.interfaces.iter().filter_map(Interface::network);
        networks.any(|one| match ip {
            IpAddr::V4(ip) => {
                let is_like_it = (packet.source.first..=packet.source.last).contains(&ip.into());
                is_like_it && one.name == packet.device && one.contains(ip) && one.address != ip
            }
            IpAddr::V6(_) => false,
        })
    };
    match (&facts.meeting, &facts.connections) {
        (Some(Ok(meeting)), Some(connections)) => connections.iter().any(|one| {
            let is_open = one.state == ConnectionState::Established && one.is_ours;
            is_open && one.local.port() == meeting.port && is_there((*one.remote.ip()).into())
        }),
        _ => met(facts).iter().any(|met| is_there(met.address.ip())),
    }
}

/// Whether such packets arrived before our eyes, and were not heard.
fn is_dropped(facts: &Facts, nodes: &Nodes, packet: &Packet) -> bool {
    let is_here = |place: &Place| {
        let mut networks = facts.interfaces.iter().filter_map(Interface::network);
        networks.any(|one| {
            let is_there = one.index == place.interface && one.name == packet.device;
            is_there && one.broadcast == Ok(place.target)
        })
    };
    let unheard = |place: &Place| !place.heard && is_here(place);
    let mut others = nodes.others.iter();
    packet.kind == PacketKind::BeaconIn && others.any(|node| node.places.iter().any(unheard))
}

fn is_amiss(facts: &Facts, nodes: &Nodes, packet: &Packet) -> bool {
    match packet.kind {
        PacketKind::BeaconIn | PacketKind::BeaconOut => {
            let is_here = |one: &&Interface| {
                let network = one.network();
                network.is_some_and(|network| network.name == packet.device)
            };
            let interfaces = facts.interfaces.iter().filter(is_here);
            let mut probes = interfaces.filter_map(|one| one.probe);
            nodes.others.is_empty() || probes.any(|probe| probe.sent.is_err() || !probe.heard)
        }
        PacketKind::ConnectionIn => !nodes.others.is_empty() && met(facts).is_empty(),
        PacketKind::ConnectionOut | PacketKind::ReplyIn => {
            let mut visits = facts.visits.iter();
            visits.any(|visit| visit.end != VisitEnd::Greeted)
        }
    }
}

fn tell(facts: &Facts, wall: &Wall, severity: Severity) -> Finding {
    let kinds = wall.kinds();
    let kept_away = kinds.iter().map(|kind| match kind {
        PacketKind::BeaconIn => "beacons of others".to_owned(),
        PacketKind::BeaconOut => "its own beacons".to_owned(),
        PacketKind::ConnectionIn => {
            format!("connections to its mailbox (TCP {})", wall.port(*kind))
        }
        PacketKind::ConnectionOut if wall.is_for_some() => {
            format!("its own connections to {}", enumerate(&wall.mailboxes))
        }
        PacketKind::ConnectionOut => "its own connections to mailboxes".to_owned(),
        PacketKind::ReplyIn if wall.is_for_some() => {
            format!("answers of {}", enumerate(&wall.mailboxes))
        }
        PacketKind::ReplyIn => "answers to its own connections".to_owned(),
    });
    let drops = if wall.is_certain { "drops" } else { "may drop" };
    let devices: BTreeSet<&String> = wall.packets.iter().map(|packet| &packet.device).collect();
    let by_link = wall.packets.iter().all(|one| one.family == Family::V6);
    let what = format!(
        "This host {drops} {} on {}{}",
        enumerate(kept_away),
        enumerate(devices),
        if by_link { ", by IPv6" } else { "" }
    );
    let tool = match wall.blocker.base.tool {
        Tool::Nft => "nftables",
        Tool::Iptables => "iptables",
        Tool::IptablesLegacy => "iptables-legacy",
        Tool::Ip6tables => "ip6tables",
    };
    let finding =
        Finding::new(severity, "firewall", what).because(format!("{tool}: {}", wall.blocker));
    if severity == Severity::Note {
        return finding;
    }
    let manager = Manager::of(wall, rulesets(facts));
    let commands = kinds
        .iter()
        .flat_map(|kind| manager.exception(wall, *kind, wall.port(*kind)));
    let finding = finding.run_all(commands);
    if kinds.contains(&PacketKind::ConnectionIn) && facts.bind_port.is_none() {
        finding.say("Or open one TCP port only, and start zchat with --bind-port and that one.")
    } else {
        finding
    }
}
