//! Whether the nodes of this host, our own among them, have met those whose beacons they hear; and
//! ids and names that two have.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

use super::super::super::facts::{
    Connection, ConnectionState, Facts, Interface, Met, TIME_TO_MEET, VisitEnd,
};
use super::super::super::firewall::PacketKind;
use super::super::firewall::{FIRST_MAILBOX, InTheWay};
use super::super::interfaces::is_ours;
use super::super::places::{Node, Nodes, Place, met, own_addresses};
use super::super::{Finding, as_root, enumerate};

pub(super) fn diagnose(facts: &Facts, nodes: &Nodes, in_the_way: &InTheWay) -> Vec<Finding> {
    let mut findings = same_ids(facts, nodes);
    findings.extend(same_names(facts));
    findings.extend(unmet(facts, nodes, in_the_way));
    findings.extend(beacons_lost(facts, nodes, in_the_way));
    if let Some(Err(why)) = &facts.meeting {
        findings.push(
            Finding::problem("no_node", "No node can be started on this host")
                .because(format!("It says: {why}."))
                .run("zchat -v"),
        );
    }
    findings
}

/// How far two nodes have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contact {
    Met,
    /// Both have connected, as far as can be seen.
    Both,
    /// Ours has connected, the other has not.
    Outward,
    /// Ours has not connected.
    None,
}

/// Those that answer, and were not met by all nodes of this host that hear them.
fn unmet(facts: &Facts, nodes: &Nodes, in_the_way: &InTheWay) -> Vec<Finding> {
    let had_time = |node: &&Node| node.after + TIME_TO_MEET <= facts.watched;
    let is_fit = |node: &&Node| {
        // Those on interfaces that are left out are told apart from this.
        let is_here = |place: &Place| {
            let mut networks = facts.interfaces.iter().filter_map(Interface::network);
            place.heard && networks.any(|network| network.index == place.interface)
        };
        node.places.iter().any(is_here)
            && !node.has_key
            && node.reached(facts) == Some(VisitEnd::Greeted)
    };
    let mut no_way_back = BTreeSet::new();
    let mut mute = BTreeSet::new();
    let mut deaf: BTreeMap<u16, BTreeSet<SocketAddrV4>> = BTreeMap::new();
    for other in nodes.others.iter().filter(is_fit).filter(had_time) {
        let guest = guest_contact(facts, other);
        match guest {
            Some(Contact::Outward) => no_way_back.extend(other.addresses()),
            Some(Contact::Both | Contact::None) => mute.extend(other.addresses()),
            Some(Contact::Met) | None => {}
        }
        for local in nodes.local.iter().filter(had_time) {
            let Some(port) = local.addresses().first().map(SocketAddrV4::port) else {
                continue;
            };
            match contact(facts, port, false, other) {
                Some(Contact::Outward) => no_way_back.extend(other.addresses()),
                // What our own node has not managed either is not the fault of that one.
                Some(Contact::None) if matches!(guest, Some(Contact::Met) | None) => {
                    deaf.entry(port).or_default().extend(other.addresses());
                }
                _ => {}
            }
        }
    }
    let mut findings = Vec::new();
    findings.extend(
        deaf.into_iter()
            .map(|(port, others)| hears_nobody(port, &others)),
    );
    let mut networks = facts.interfaces.iter().filter_map(Interface::network);
    let is_told = networks.any(|one| in_the_way.blocks(PacketKind::ConnectionIn, &one.name));
    if !no_way_back.is_empty() && !is_told {
        findings.push(not_connected_back(facts, &no_way_back));
    }
    if !mute.is_empty() {
        let what = format!(
            "No HELLO comes from {}, which can be reached",
            enumerate(mute)
        );
        findings.push(
            Finding::problem("not_met", what)
                .because("The program there hangs, or speaks another version of ZRE.")
                .say("Start it again."),
        );
    }
    findings
}

/// How far our own node has come with another; `None` if there is none, or nothing is known.
fn guest_contact(facts: &Facts, other: &Node) -> Option<Contact> {
    let Some(Ok(meeting)) = &facts.meeting else {
        return None;
    };
    if meeting.met.iter().any(|met| met.peer == other.id) {
        return Some(Contact::Met);
    }
    contact(facts, meeting.port, true, other)
}

/// How far a node of this host has come with another, by the connections of the one at this port.
fn contact(facts: &Facts, port: u16, is_ours: bool, other: &Node) -> Option<Contact> {
    let addresses = other.addresses();
    let is_of =
        |one: &&Connection| one.state == ConnectionState::Established && one.is_ours == is_ours;
    let mut established = facts.connections.as_ref()?.iter().filter(is_of);
    let goes_out = established
        .clone()
        .any(|one| addresses.contains(&one.remote));
    let comes_in = established.any(|one| {
        let mut addresses = addresses.iter();
        one.local.port() == port && addresses.any(|to| to.ip() == one.remote.ip())
    });
    Some(match (goes_out, comes_in) {
        (true, true) => Contact::Both,
        (true, false) => Contact::Outward,
        (false, _) => Contact::None,
    })
}

fn hears_nobody(port: u16, others: &BTreeSet<SocketAddrV4>) -> Finding {
    let what = format!(
        "The node of this host at port {port} has not met {}, whose beacons are heard here",
        enumerate(others)
    );
    Finding::problem("hears_nobody", what)
        .because("It uses other interfaces, or was told to stay away from them, or hangs.")
        .say("Start it again, without --interface.")
}

fn not_connected_back(facts: &Facts, others: &BTreeSet<SocketAddrV4>) -> Finding {
    let what = format!("No connection comes back from {}", enumerate(others));
    let range = match facts.bind_port {
        Some(port) => port.to_string(),
        None => format!("{FIRST_MAILBOX}:65535"),
    };
    let finding = Finding::problem("not_connected_back", what)
        .because(
            "Both sides have to connect to each other. Most likely a firewall of this host drops \
             what comes in by TCP; else one over there what goes out, or the program there hangs.",
        )
        .say("With ufw or firewalld, the ports of this host are opened by:")
        .run(format!("sudo ufw allow {range}/tcp"))
        .run(format!(
            "sudo firewall-cmd --add-port={}/tcp",
            range.replace(':', "-")
        ));
    if facts.is_root {
        finding
    } else {
        finding
            .say("To see the rules that are in the way:")
            .run(as_root(facts))
    }
}

/// Those that were met, although their beacons are not heard.
fn beacons_lost(facts: &Facts, nodes: &Nodes, in_the_way: &InTheWay) -> Option<Finding> {
    let is_known = |id| {
        let mut all = nodes.local.iter().chain(&nodes.others);
        all.any(|node| node.id == id)
    };
    let is_named = |address: SocketAddr| {
        let mut named = facts.visits.iter().filter(|visit| visit.is_named);
        named.any(|visit| visit.to == address)
    };
    let lost: BTreeSet<SocketAddr> = met(facts)
        .iter()
        .filter(|met| !is_known(met.peer) && !is_named(met.address))
        .map(|met| met.address)
        .filter(|address| match address.ip() {
            IpAddr::V4(ip) => is_ours(facts, ip) && !own_addresses(facts).contains(&ip),
            IpAddr::V6(_) => false,
        })
        .collect();
    if lost.is_empty() || in_the_way.blocks_beacons() {
        return None;
    }
    let what = format!(
        "Beacons of {} are not heard here, though ours are there",
        enumerate(lost)
    );
    Some(
        Finding::warning("beacons_lost", what)
            .because(
                "Beacons pass in one direction only. Who comes later may not be found: a firewall \
                 here, or the network, drops them in the other.",
            )
            .say("With ufw or firewalld, the port of this host is opened by:")
            .run(format!("sudo ufw allow {}/udp", facts.port))
            .run(format!("sudo firewall-cmd --add-port={}/udp", facts.port)),
    )
}

/// Names that more than one node has.
fn same_names(facts: &Facts) -> Vec<Finding> {
    let mut names: BTreeMap<&str, Vec<&Met>> = BTreeMap::new();
    for met in met(facts) {
        names.entry(&met.name).or_default().push(met);
    }
    names.retain(|_, all| all.len() > 1);
    for all in names.values_mut() {
        all.sort_by_key(|met| met.address);
    }
    let tell = |(name, all): (&str, Vec<&Met>)| {
        let where_to = enumerate(all.iter().map(|met| met.address));
        let apart = enumerate(
            all.iter()
                .map(|met| format!("{name}~{}", met.peer.short(4))),
        );
        Finding::note("same_name", format!("{where_to} have one name: {name}"))
            .say(format!("In the chat they are told apart as {apart}."))
    };
    names.into_iter().map(tell).collect()
}

/// Ids that more than one node has.
fn same_ids(facts: &Facts, nodes: &Nodes) -> Vec<Finding> {
    let mut findings = Vec::new();
    for node in nodes.local.iter().chain(&nodes.others) {
        let answers = |place: &Place| {
            let mut visits = facts.visits.iter();
            let there = SocketAddr::V4(place.address);
            visits.any(|visit| visit.to == there && visit.end == VisitEnd::Greeted)
        };
        let is_there = |place: &&Place| answers(place) || is_beside_another(node, place);
        let places: Vec<&Place> = node.places.iter().filter(is_there).collect();
        let hosts: BTreeSet<Ipv4Addr> = places.iter().map(|place| *place.address.ip()).collect();
        let ports: BTreeSet<u16> = places.iter().map(|place| place.address.port()).collect();
        let is_ours: BTreeSet<bool> = places.iter().map(|place| place.is_local).collect();
        if hosts.len() < 2 && ports.len() < 2 {
            continue;
        }
        // One host with two networks has one mailbox, at both addresses: a node of this host knows
        // better, to which it is connected once.
        let are_two = ports.len() > 1
            || is_ours.len() > 1
            || is_ours.contains(&false) && are_connected_twice(facts, nodes, &hosts);
        // On one network, another address that does not answer is most likely another host.
        let networks: BTreeSet<u32> = places.iter().map(|place| place.interface).collect();
        let may_be_two = networks.len() == 1 && !places.iter().all(|place| answers(place));
        if !are_two && !may_be_two {
            continue;
        }
        let addresses: BTreeSet<SocketAddrV4> = places.iter().map(|place| place.address).collect();
        let what = format!(
            "{} have one id ({})",
            enumerate(addresses),
            node.id.short(8)
        );
        findings.push(if are_two {
            Finding::problem("same_id", what)
                .because(
                    "Every node must have its own id: others take these for one, and lose them in \
                     turn. A virtual machine that was copied while a program ran does so, and \
                     programs with a fixed id.",
                )
                .say("End and start again all but one of them.")
        } else {
            Finding::warning("same_id", what)
                .because(
                    "Not all of them answer. If they are two hosts, one is a copy of the other; if \
                     they are one, its firewall lets nobody in by one of its addresses.",
                )
                .say("If they are two, end and start again one of the programs.")
        });
    }
    findings
}

/// Whether a node beacons from another place as well all the time. One that has moved does so from its
/// new place after all beacons from the old one.
fn is_beside_another(node: &Node, place: &Place) -> bool {
    let mut others = node.places.iter();
    others.any(|other| {
        let is_another = other.address != place.address;
        is_another && place.after < other.last && other.after < place.last
    })
}

/// Whether all of these hosts, on which no other node is, have a connection to one of our mailboxes.
fn are_connected_twice(facts: &Facts, nodes: &Nodes, hosts: &BTreeSet<Ipv4Addr>) -> bool {
    let lives_there = |node: &&Node| {
        let mut places = node.places.iter();
        places.any(|place| hosts.contains(place.address.ip()))
    };
    if nodes.others.iter().filter(lives_there).count() > 1 {
        return false;
    }
    let connections = facts.connections.as_deref().unwrap_or_default();
    let local = nodes.local.iter().flat_map(Node::addresses);
    let mut ports: BTreeSet<u16> = local.map(|address| address.port()).collect();
    if let Some(Ok(meeting)) = &facts.meeting {
        ports.insert(meeting.port);
    }
    ports.iter().any(|port| {
        hosts.iter().all(|host| {
            connections.iter().any(|one| {
                one.state == ConnectionState::Established
                    && one.local.port() == *port
                    && one.remote.ip() == host
            })
        })
    })
}
