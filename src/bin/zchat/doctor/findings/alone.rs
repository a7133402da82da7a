//! Nobody else is there, although nothing of this host is in the way.

use zchat::node::interface::{Network, Selection};

use super::super::facts::{Facts, Interface, Met, Port, VisitEnd};
use super::firewall::InTheWay;
use super::places::{Nodes, met};
use super::{Finding, as_root, enumerate, links};

pub(super) fn diagnose(facts: &Facts, nodes: &Nodes, in_the_way: &InTheWay) -> Option<Finding> {
    let mut named = facts.visits.iter().filter(|visit| visit.is_named);
    let is_local = |met: &Met| nodes.local.iter().any(|node| node.id == met.peer);
    let is_met = named.any(|visit| visit.end == VisitEnd::Greeted)
        || met(facts).iter().any(|met| !is_local(met));
    let mut by_link = facts.link_sightings.iter();
    let is_met = is_met || by_link.any(|sighting| !sighting.is_local);
    let is_explained = in_the_way.blocks_beacons() || facts.beacon_port != Port::Usable;
    if !nodes.others.is_empty() || is_met || is_explained {
        return None;
    }
    let in_order: Vec<(&Interface, &Network)> = facts
        .interfaces
        .iter()
        .filter(|interface| interface.probe.is_some_and(|probe| probe.heard))
        .filter_map(|interface| Some((interface, interface.network()?)))
        .collect();
    let outside = in_order.iter().filter(|(_, network)| !network.is_loopback);
    if outside.clone().next().is_some() {
        let outside: Vec<(&Interface, &Network)> = outside.copied().collect();
        return Some(alone(facts, &outside));
    }
    let links = links::used(facts).filter(|(_, probe)| probe.is_some_and(|probe| probe.heard));
    let links: Vec<String> = links.map(|(link, _)| link.to_string()).collect();
    if !links.is_empty() {
        return Some(unheard(facts, &enumerate(links), APART));
    }
    if in_order.is_empty() || facts.selection == Selection::All || !nodes.local.is_empty() {
        return None;
    }
    Some(
        Finding::warning(
            "alone",
            "No other node of this host beacons on the loopback interface",
        )
        .say("Start another one, in a second terminal:")
        .run(format!("zchat --interface lo --port {}", facts.port)),
    )
}

fn alone(facts: &Facts, outside: &[(&Interface, &Network)]) -> Finding {
    let where_to = enumerate(outside.iter().map(|(_, network)| network));
    let neighbours: usize = outside.iter().map(|(one, _)| one.neighbours).sum();
    let is_wireless = outside.iter().any(|(one, _)| one.is_wireless);
    let apart = if is_wireless && neighbours <= 1 {
        "No other host but the router has answered here lately either: guest Wi-Fi and \"client \
         isolation\" keep hosts apart like this."
    } else {
        APART
    };
    let example = outside.first().map(|(_, network)| network.address);
    let finding = unheard(facts, &where_to, apart);
    match example {
        Some(address) if facts.bind_port.is_none() => finding.say(format!(
            "Or the other way round: this host is {address} to it."
        )),
        _ => finding,
    }
}

/// What keeps hosts apart without a sign of it.
const APART: &str = "Else the network keeps its hosts apart: guest Wi-Fi and \"client isolation\" of an \
                     access point do, and so do different VLANs.";

fn unheard(facts: &Facts, where_to: &str, apart: &str) -> Finding {
    let seconds = facts.listened.as_secs_f32();
    let finding = Finding::warning(
        "alone",
        format!("Nobody else beacons on {where_to}, in {seconds:.0} s of listening"),
    )
    .because(format!(
        "Own beacons are heard, so this side is in order. Perhaps nobody else has started on UDP \
         port {}. {apart}",
        facts.port
    ))
    .say("Run zchat doctor on the other machine too, and try to reach it:")
    .run("ping -c 3 OTHER")
    .say("No answer: connect both to one network, or switch client isolation off.")
    .say("An answer: start it with --bind-port 49152 there, and name it here:")
    .run("zchat --peer OTHER:49152");
    if facts.is_root {
        return finding;
    }
    finding
        .say("Beacons that do not get through to programs are seen by root alone:")
        .run(as_root(facts))
}
