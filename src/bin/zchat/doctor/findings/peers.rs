//! The nodes that beacon: which can be met, which cannot, and why.

mod meeting;
mod reach;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};

use zchat::node::interface::{Listed, Network, Unused};

use super::super::facts::{Datagram, Facts, Interface, VisitEnd};
use super::super::firewall::PacketKind;
use super::detours::Detours;
use super::firewall::InTheWay;
use super::places::{Node, Nodes, Place};
use super::{Finding, enumerate};

pub(super) fn diagnose(
    facts: &Facts,
    nodes: &Nodes,
    in_the_way: &InTheWay,
    detours: &Detours<'_>,
) -> Vec<Finding> {
    let mut findings = reach::diagnose(facts, nodes, in_the_way, detours);
    findings.extend(meeting::diagnose(facts, nodes, in_the_way));
    findings.extend(elsewhere(facts, nodes));
    findings.extend(not_heard(facts, nodes, in_the_way, detours));
    findings.extend(same_address(facts, nodes));
    findings.extend(encrypted(nodes));
    findings.extend(other_datagrams(facts));
    findings
}

/// Nodes on interfaces that are left out, and nodes whose addresses belong to none of our networks.
fn elsewhere(facts: &Facts, nodes: &Nodes) -> Vec<Finding> {
    let mut strangers: BTreeMap<u32, BTreeSet<Ipv4Addr>> = BTreeMap::new();
    for node in &nodes.others {
        let is_near = |place: &Place| network_of(facts, place).is_some();
        if node.places.iter().any(is_near) {
            continue;
        }
        // A router may lead to another subnet, but not out of an interface that is left out.
        let is_reached = node.reached(facts) == Some(VisitEnd::Greeted);
        for place in &node.places {
            if !is_reached || is_left_out(facts, place.interface) {
                let addresses = strangers.entry(place.interface).or_default();
                addresses.insert(*place.address.ip());
            }
        }
    }
    let tell = |(index, addresses): (u32, BTreeSet<Ipv4Addr>)| {
        if is_left_out(facts, index) {
            let (who, name) = (enumerate(addresses), name(facts, index));
            let what = format!("Beacons of {who} come to {name}, which --interface leaves out");
            Finding::problem("not_named", what).run(format!("zchat --interface {name}"))
        } else {
            other_subnet(facts, index, &addresses)
        }
    };
    strangers.into_iter().map(tell).collect()
}

fn is_left_out(facts: &Facts, index: u32) -> bool {
    let mut here = facts.interfaces.iter();
    here.any(|one| {
        one.decision.listed.index == index && one.decision.verdict == Err(Unused::NotNamed)
    })
}

/// The name of the interface with this number.
fn name(facts: &Facts, index: u32) -> &str {
    let mut interfaces = facts.interfaces.iter().map(|one| &one.decision.listed);
    let listed = interfaces.find(|listed| listed.index == index);
    listed.map_or("an interface that is gone", Listed::name)
}

fn other_subnet(facts: &Facts, index: u32, addresses: &BTreeSet<Ipv4Addr>) -> Finding {
    let name = name(facts, index);
    let networks = facts.interfaces.iter().filter_map(Interface::network);
    let networks: Vec<&Network> = networks.filter(|network| network.index == index).collect();
    let ours = if networks.is_empty() {
        "none".to_owned()
    } else {
        enumerate(networks.iter().map(|network| as_written(network)))
    };
    let who = enumerate(addresses);
    let finding = Finding::problem(
        "other_subnet",
        format!("Beacons of {who} come to {name} from another subnet; ours is {ours}"),
    )
    .because("Both are on one wire, and have addresses that do not go together.")
    .say("Give both addresses of one subnet; or this host a second one, if this is free:");
    let first = addresses.first();
    let free = first.map_or(Ipv4Addr::UNSPECIFIED, |other| neighbour(*other));
    let bits = networks.first().map_or(24, |network| bits(network));
    finding.run(format!(
        "sudo ip address add {free}/{bits} brd + dev {name}"
    ))
}

fn bits(network: &Network) -> u32 {
    u32::from(network.mask).count_ones()
}

/// `10.0.0.5/24`
fn as_written(network: &Network) -> String {
    format!("{}/{}", network.address, bits(network))
}

/// An address that is likely to be free beside another one.
fn neighbour(other: Ipv4Addr) -> Ipv4Addr {
    let [a, b, c, d] = other.octets();
    Ipv4Addr::new(a, b, c, if d == 250 { 249 } else { 250 })
}

/// Nodes whose beacons come to this host, and to no program.
fn not_heard(
    facts: &Facts,
    nodes: &Nodes,
    in_the_way: &InTheWay,
    detours: &Detours<'_>,
) -> Vec<Finding> {
    let mut wrong_masks: BTreeMap<(Ipv4Addr, u32), BTreeSet<Ipv4Addr>> = BTreeMap::new();
    let mut dropped: BTreeMap<u32, BTreeSet<Ipv4Addr>> = BTreeMap::new();
    for node in nodes.others.iter().filter(|node| !node.is_heard()) {
        for place in node.places.iter().filter(|place| !place.is_double) {
            let source = *place.address.ip();
            let Some(network) = network_of(facts, place) else {
                continue;
            };
            if !is_for(network, place.target) {
                let sources = wrong_masks
                    .entry((place.target, place.interface))
                    .or_default();
                sources.insert(source);
            } else if !in_the_way.blocks(PacketKind::BeaconIn, &network.name)
                && !detours.takes(source)
                && is_own_heard(facts, network)
            {
                dropped.entry(place.interface).or_default().insert(source);
            }
        }
    }
    let mut findings = Vec::new();
    for ((target, index), sources) in wrong_masks {
        let mut networks = facts.interfaces.iter().filter_map(Interface::network);
        let Some(network) = networks.find(|network| network.index == index) else {
            continue;
        };
        let Ok(broadcast) = network.broadcast else {
            continue;
        };
        findings.push(
            Finding::problem(
                "other_mask",
                format!(
                    "Beacons of {} go to {target}, not to {broadcast}",
                    enumerate(sources)
                ),
            )
            .because(format!(
                "The mask there is another than that of {}, so that another address is taken \
                 for the one of all hosts.",
                as_written(network)
            ))
            .say("Give both the same mask. Compare, here and there:")
            .run("ip -4 address"),
        );
    }
    for (index, sources) in dropped {
        let name = name(facts, index);
        findings.push(
            Finding::problem(
                "beacons_dropped",
                format!(
                    "Beacons of {} arrive on {name}, and no program hears them",
                    enumerate(sources)
                ),
            )
            .because("This host drops them: its firewall, or the check of where packets come from.")
            .run("nft list ruleset")
            .run(format!(
                "sysctl net.ipv4.conf.all.rp_filter net.ipv4.conf.{name}.rp_filter"
            )),
        );
    }
    findings
}

/// Whether own beacons are heard on a network; if not, that is told.
fn is_own_heard(facts: &Facts, network: &Network) -> bool {
    let mut here = facts.interfaces.iter();
    let here = here.find(|one| one.network() == Some(network));
    here.is_some_and(|one| one.probe.is_some_and(|probe| probe.heard))
}

/// Whether another host has an address of ours: its beacons come in where ours go out.
fn same_address(facts: &Facts, nodes: &Nodes) -> Option<Finding> {
    let is_another = |place: &&Place| {
        let mut networks = facts.interfaces.iter().filter_map(Interface::network);
        let is_there = |network: &Network| {
            network.index == place.interface && network.address == *place.address.ip()
        };
        place.is_double && networks.any(is_there)
    };
    let places = nodes.others.iter().flat_map(|node| &node.places);
    let places = places.filter(is_another);
    let addresses: BTreeSet<Ipv4Addr> = places.map(|place| *place.address.ip()).collect();
    let first = addresses.first()?;
    let what = format!(
        "Another host has the address of this one: {}",
        enumerate(&addresses)
    );
    Some(
        Finding::problem("same_address", what)
            .because("What is sent to one of them reaches the one or the other.")
            .say("Give one of them another address. Who it is:")
            .run(format!("sudo arping -D -c 2 {first}")),
    )
}

/// Our network that a beacon came from.
fn network_of<'a>(facts: &'a Facts, place: &Place) -> Option<&'a Network> {
    let mut networks = facts.interfaces.iter().filter_map(Interface::network);
    networks.find(|one| one.index == place.interface && one.contains(*place.address.ip()))
}

/// Whether a network takes what is sent there as sent to all.
fn is_for(network: &Network, target: Ipv4Addr) -> bool {
    target.is_broadcast() || target.is_multicast() || network.broadcast == Ok(target)
}

/// Nodes that only speak over encrypted links.
fn encrypted(nodes: &Nodes) -> Option<Finding> {
    let addresses: Vec<SocketAddrV4> = nodes
        .others
        .iter()
        .filter(|node| node.has_key)
        .flat_map(Node::addresses)
        .collect();
    if addresses.is_empty() {
        return None;
    }
    Some(
        Finding::warning(
            "encrypted_only",
            format!("Encrypted links only are spoken by {}", enumerate(addresses)),
        )
        .because(
            "Beacons of version 3, with a key (CURVE of Zyre), announce that. No such link is made.",
        )
        .say("Start it without encryption, or do without it."),
    )
}

/// What else is sent to the port.
fn other_datagrams(facts: &Facts) -> Vec<Finding> {
    let mut senders: BTreeMap<Datagram, BTreeSet<Ipv4Addr>> = BTreeMap::new();
    for sighting in &facts.sightings {
        if !matches!(sighting.what, Datagram::Beacon { .. }) {
            senders
                .entry(sighting.what)
                .or_default()
                .insert(sighting.source);
        }
    }
    let mut findings: Vec<Finding> = senders
        .into_iter()
        .filter_map(|(what, sources)| {
            let who = enumerate(sources);
            Some(match what {
                Datagram::Beacon { .. } => return None,
                Datagram::OtherPort(port) => Finding::warning(
                    "other_port",
                    format!(
                        "Beacons of {who} go to UDP port {port}, not to {}",
                        facts.port
                    ),
                )
                .because("Nodes with different beacon ports do not see each other.")
                .say("Start one of them with the port of the other:")
                .run(format!("zchat --port {port}")),
                Datagram::OtherVersion(version) => Finding::warning(
                    "other_version",
                    format!("Beacons of the unknown version {version} come from {who}"),
                )
                .because("That is a protocol that this program is too old for, or another one.")
                .say("Compare the versions of the programs, here and there:")
                .run("zchat --version"),
                Datagram::OtherLength(octets) => Finding::warning(
                    "odd_beacon",
                    format!("Beacons of a wrong length ({octets} octets) come from {who}"),
                )
                .because(
                    "A beacon of version 1 has 22 octets, and one of version 3, with a key, has 54. \
                     Any that has not 22 ends every Pyre node.",
                )
                .say("Find the program on that host that does so, and end it."),
                Datagram::Other => Finding::note(
                    "stranger_on_port",
                    format!(
                        "Something else than beacons comes from {who} to UDP port {}",
                        facts.port
                    ),
                ),
            })
        })
        .collect();
    if facts.left_out > 0 {
        let what = format!("At least {} more senders are not shown", facts.left_out);
        findings.push(Finding::note("left_out", what));
    }
    findings
}
