//! Mailboxes that were tried: what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, SocketAddrV4};

use zchat::zre::Host;

use super::super::super::facts::{Facts, Firewall, Reading, Visit, VisitEnd};
use super::super::detours::Detours;
use super::super::firewall::{FIRST_MAILBOX, InTheWay};
use super::super::interfaces::is_ours;
use super::super::places::{Node, Nodes, name};
use super::super::{Finding, as_root, enumerate};

/// Whose mailboxes they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    /// Of a node on this host.
    Ours,
    /// Of a node that beacons.
    Heard,
    /// The user has named it.
    Named,
}

/// Whether this host may be to blame for a mailbox that is not reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Blame {
    /// Nothing of it is in the way.
    NotHere,
    /// A rule that is told may be.
    Rule,
    /// Its rules could not be read.
    Unread,
}

impl Blame {
    fn of(facts: &Facts, in_the_way: &InTheWay, visit: &Visit) -> Self {
        let mut firewalls = facts.firewalls.iter();
        let is_unread = |firewall: &Firewall| {
            matches!(firewall.reading, Reading::NotPermitted | Reading::Failed(_))
        };
        if in_the_way.keeps_from(visit.to).is_some() {
            Self::Rule
        } else if firewalls.any(is_unread) {
            Self::Unread
        } else {
            Self::NotHere
        }
    }
}

pub(super) fn diagnose(
    facts: &Facts,
    nodes: &Nodes,
    in_the_way: &InTheWay,
    detours: &Detours<'_>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut failed: BTreeMap<(Whose, u8, Blame), Vec<Visit>> = BTreeMap::new();
    for (visit, whose) in all(facts, nodes) {
        if visit.end == VisitEnd::Greeted {
            findings.push(greeted(facts, nodes, visit.to, whose));
        } else if visit.ipv4().is_some_and(|ip| detours.takes(ip)) {
            // It went astray.
        } else if in_the_way.keeps_from(visit.to) == Some(true) {
            // The rule of ours is told.
        } else if whose == Whose::Named || !is_foreign(facts, &visit) {
            let blame = Blame::of(facts, in_the_way, &visit);
            failed
                .entry((whose, kind(visit.end), blame))
                .or_default()
                .push(visit);
        }
    }
    for ((whose, _, blame), visits) in failed {
        if let Some(first) = visits.first().copied() {
            let who = enumerate(visits.iter().map(|visit| visit.to));
            findings.push(unreached(facts, whose, &who, first, blame));
        }
    }
    findings
}

/// The attempts that count: of each node the best one.
fn all(facts: &Facts, nodes: &Nodes) -> Vec<(Visit, Whose)> {
    let mut all = Vec::new();
    let of = |node: &Node| {
        // Under an address that two have, one reaches oneself.
        if node.places.iter().any(|place| place.is_double) {
            return None;
        }
        let addresses = node.addresses();
        let visits = facts.visits.iter();
        let mut visits = visits.filter(move |visit| is_among(&addresses, visit.to));
        let first = visits.next()?;
        Some(visits.fold(*first, |best, next| {
            if best.end == VisitEnd::Greeted {
                best
            } else {
                *next
            }
        }))
    };
    all.extend(
        nodes
            .local
            .iter()
            .filter_map(of)
            .map(|visit| (visit, Whose::Ours)),
    );
    all.extend(
        nodes
            .others
            .iter()
            .filter_map(of)
            .map(|visit| (visit, Whose::Heard)),
    );
    let is_seen = |visit: &Visit| {
        let mut nodes = nodes.local.iter().chain(&nodes.others);
        nodes.any(|node| is_among(&node.addresses(), visit.to))
    };
    let named = facts
        .visits
        .iter()
        .filter(|visit| visit.is_named && !is_seen(visit));
    all.extend(named.map(|visit| (*visit, Whose::Named)));
    let by_link = facts
        .visits
        .iter()
        .filter(|visit| !visit.is_named && visit.ipv4().is_none());
    all.extend(by_link.map(|visit| (*visit, Whose::Heard)));
    all
}

fn is_among(addresses: &BTreeSet<SocketAddrV4>, to: SocketAddr) -> bool {
    match to {
        SocketAddr::V4(to) => addresses.contains(&to),
        SocketAddr::V6(_) => false,
    }
}

/// Whether somebody beacons from where we have no network: that is told apart from this.
fn is_foreign(facts: &Facts, visit: &Visit) -> bool {
    visit.ipv4().is_some_and(|ip| !is_ours(facts, ip))
}

/// Equal for what is told in one finding.
const fn kind(end: VisitEnd) -> u8 {
    match end {
        VisitEnd::Greeted => 0,
        VisitEnd::Silent => 1,
        VisitEnd::Stranger => 2,
        VisitEnd::Refused => 3,
        VisitEnd::NoAnswer => 4,
        VisitEnd::HostUnreachable => 5,
        VisitEnd::NoRoute => 6,
        VisitEnd::Forbidden => 7,
        VisitEnd::Failed(_) => 8,
    }
}

fn greeted(facts: &Facts, nodes: &Nodes, to: SocketAddr, whose: Whose) -> Finding {
    let is_it = |node: &&Node| is_among(&node.addresses(), to);
    let node = nodes.local.iter().chain(&nodes.others).find(is_it);
    let mut by_link = facts.link_sightings.iter();
    let by_link = by_link.find(|sighting| sighting.at == to);
    let by_link = by_link.map(|sighting| sighting.peer);
    let id = node.map(|node| node.id).or(by_link);
    let who = id.map_or_else(String::new, |id| {
        let short = id.short(8);
        let name = name(facts, id);
        name.map_or_else(
            || format!(" ({short})"),
            |name| format!(" ({name}, {short})"),
        )
    });
    let what = match whose {
        Whose::Ours => format!("A node of this host answers at {to}{who}"),
        Whose::Heard => format!("{to}{who} beacons, and answers"),
        Whose::Named => format!("{to}{who} answers"),
    };
    Finding::note("node", what)
}

fn unreached(facts: &Facts, whose: Whose, who: &str, first: Visit, blame: Blame) -> Finding {
    let (does, why) = outcome(first.end);
    let is_about_firewalls = matches!(
        first.end,
        VisitEnd::Refused | VisitEnd::NoAnswer | VisitEnd::HostUnreachable
    );
    let why = match blame {
        Blame::Rule => {
            format!("Perhaps the rule of this host does it that is told here; else: {why}")
        }
        Blame::Unread if is_about_firewalls => {
            format!("{why} Or a firewall of this host does it, whose rules could not be read.")
        }
        Blame::Unread | Blame::NotHere => why,
    };
    let what = match whose {
        Whose::Ours => format!("A node of this host beacons from {who}, but {does}"),
        Whose::Heard => format!("Beacons come from {who}, but {does}"),
        Whose::Named => format!("At {who}, named by --peer, {does}"),
    };
    let code = match first.end {
        VisitEnd::Silent => "no_greeting",
        VisitEnd::Stranger => "not_zeromq",
        VisitEnd::Refused => "refused",
        VisitEnd::NoAnswer => "filtered",
        VisitEnd::HostUnreachable => "unreachable",
        VisitEnd::NoRoute => "no_route",
        VisitEnd::Greeted | VisitEnd::Forbidden | VisitEnd::Failed(_) => "not_reached",
    };
    let finding = advise(
        facts,
        Finding::problem(code, what).because(why),
        whose,
        first,
    );
    if blame == Blame::Unread && is_about_firewalls && !facts.is_root {
        return finding
            .say("To see the rules of this host:")
            .run(as_root(facts));
    }
    finding
}

/// What a mailbox does, and what that comes from.
fn outcome(end: VisitEnd) -> (String, String) {
    let (does, why) = match end {
        VisitEnd::Greeted => ("answers", ""),
        VisitEnd::Silent => (
            "connections get no greeting",
            "The program hangs, or is stopped, or has all the connections that it can take.",
        ),
        VisitEnd::Stranger => (
            "something else than ZeroMQ answers",
            "Another program has taken the port.",
        ),
        VisitEnd::Refused => (
            "connections are refused",
            "No program has that port any more, or a firewall on that host rejects them.",
        ),
        VisitEnd::NoAnswer => (
            "connections are not answered",
            "A firewall on that host drops connections, or the network lets broadcasts pass and \
             nothing else (client isolation of a Wi-Fi).",
        ),
        VisitEnd::HostUnreachable => (
            "nothing can be reached",
            "Either nothing answers at that address, or a firewall there rejects connections (as \
             firewalld does), or the network keeps its hosts apart (client isolation).",
        ),
        VisitEnd::NoRoute => (
            "nothing can be reached: there is no route",
            "It is on a network that this host is not on.",
        ),
        VisitEnd::Forbidden => (
            "connections are forbidden",
            "This host forbids it: a firewall, or a policy of the system.",
        ),
        VisitEnd::Failed(error) => {
            return (
                "connections fail".to_owned(),
                format!("The system says: {}.", error.desc()),
            );
        }
    };
    (does.to_owned(), why.to_owned())
}

fn advise(facts: &Facts, finding: Finding, whose: Whose, visit: Visit) -> Finding {
    let ip = Host::from(visit.to);
    match visit.end {
        VisitEnd::Silent | VisitEnd::Stranger => finding.say("Start it again."),
        VisitEnd::Refused | VisitEnd::NoAnswer | VisitEnd::HostUnreachable
            if whose != Whose::Ours =>
        {
            let port = visit.to.port();
            let ports = if port < FIRST_MAILBOX {
                port
            } else {
                FIRST_MAILBOX
            };
            let range = if port < FIRST_MAILBOX {
                ports.to_string()
            } else {
                format!("{ports}:65535")
            };
            finding
                .say("On that host, let connections in; with ufw:")
                .run(format!("sudo ufw allow {range}/tcp"))
                .say("Whether it is reached at all:")
                .run(format!("ping -c 3 {ip}"))
        }
        VisitEnd::Refused | VisitEnd::NoAnswer | VisitEnd::HostUnreachable => {
            finding.say("Start it again, and look at the firewall of this host.")
        }
        VisitEnd::NoRoute => finding.run(format!("ip route get {ip}")),
        _ => finding.run(as_root(facts)),
    }
}
