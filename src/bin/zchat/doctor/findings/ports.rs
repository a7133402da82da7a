//! The ports, and whether our own beacons go out and come back.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use nix::errno::Errno;
use zchat::node::interface::Network;

use super::super::facts::{Facts, FirewallName, Owner, Port};
use super::super::firewall::PacketKind;
use super::firewall::{InTheWay, list};
use super::places::{Node, Nodes, Place};
use super::{Finding, as_root, enumerate};

pub(super) fn diagnose(facts: &Facts, nodes: &Nodes) -> Vec<Finding> {
    let beacon = match &facts.beacon_port {
        Port::Usable => None,
        Port::Taken(owners) => Some(beacon_port_taken(facts, owners)),
        Port::Refused(error) => Some(port_refused("UDP", facts.port, *error)),
    };
    let mailbox = facts.mailbox_port.as_ref().zip(facts.bind_port);
    let mailbox = mailbox.and_then(|(state, port)| match state {
        Port::Usable => None,
        Port::Taken(owners) => Some(mailbox_port_taken(facts, nodes, port, owners)),
        Port::Refused(error) => Some(port_refused("TCP", port, *error)),
    });
    beacon.into_iter().chain(mailbox).collect()
}

fn beacon_port_taken(facts: &Facts, owners: &[Owner]) -> Finding {
    let port = facts.port;
    let who = who(owners);
    let finding = Finding::problem(
        "port_taken",
        format!("UDP port {port} is taken by {who}, which does not share it"),
    )
    .because("No program of this host can hear beacons as long as it runs.");
    let finding = end_them(
        facts,
        finding,
        owners,
        &format!("sudo ss -lunp 'sport = :{port}'"),
    );
    finding
        .say("Or let everybody on this network use another port:")
        .run(format!(
            "zchat --port {}",
            port.checked_add(1).unwrap_or(5_671)
        ))
}

fn mailbox_port_taken(facts: &Facts, nodes: &Nodes, port: u16, owners: &[Owner]) -> Finding {
    let mut addresses = nodes.local.iter().flat_map(Node::addresses);
    if addresses.any(|address| address.port() == port) {
        let what = format!("TCP port {port} (--bind-port) is that of a node of this host");
        return Finding::note("bind_port_taken", what);
    }
    let finding = Finding::problem(
        "bind_port_taken",
        format!("TCP port {port} (--bind-port) is taken by {}", who(owners)),
    );
    let finding = end_them(
        facts,
        finding,
        owners,
        &format!("sudo ss -ltnp 'sport = :{port}'"),
    );
    finding.say("Or take another port, or none: then a free one is found.")
}

fn port_refused(protocol: &str, port: u16, error: Errno) -> Finding {
    let finding = Finding::problem(
        "port_refused",
        format!("{protocol} port {port} cannot be used: {}", error.desc()),
    );
    if error == Errno::EACCES && port < 1_024 {
        finding
            .because("Ports below 1024 are for root.")
            .say("Take a higher one.")
    } else {
        finding
    }
}

/// `"dnsmasq" (process 812, user nobody)`
pub(super) fn who(owners: &[Owner]) -> String {
    if owners.is_empty() {
        return "a program that is not shown".to_owned();
    }
    enumerate(owners.iter().map(|owner| match &owner.process {
        Some(process) => format!(
            "{} (process {}, user {})",
            process.name, process.id, owner.user
        ),
        None => format!("a program of user {}", owner.user),
    }))
}

/// How to end the owners of a port, or how to find out who they are.
pub(super) fn end_them(
    facts: &Facts,
    finding: Finding,
    owners: &[Owner],
    find_out: &str,
) -> Finding {
    let processes: Vec<String> = owners
        .iter()
        .filter_map(|owner| Some(owner.process.as_ref()?.id.to_string()))
        .collect();
    if processes.is_empty() {
        finding.say("Find out which one, and end it:").run(find_out)
    } else {
        finding.say("End it, if it is not needed:").run(format!(
            "{}kill {}",
            if facts.is_root { "sudo " } else { "" },
            processes.join(" ")
        ))
    }
}

/// Whether our own beacons leave, and are heard.
pub(super) fn own_beacons(facts: &Facts, nodes: &Nodes, in_the_way: &InTheWay) -> Vec<Finding> {
    let mut findings = Vec::new();
    for interface in &facts.interfaces {
        let Some((network, probe)) = interface.network().zip(interface.probe) else {
            continue;
        };
        if in_the_way.blocks(PacketKind::BeaconOut, &network.name) {
            continue;
        }
        if let Err(error) = probe.sent {
            findings.push(send_failed(facts, network, error));
        } else if !probe.heard
            && facts.beacon_port == Port::Usable
            && !in_the_way.blocks(PacketKind::BeaconIn, &network.name)
        {
            findings.push(unheard(facts, nodes, network));
        }
    }
    findings
}

fn send_failed(facts: &Facts, network: &Network, error: Errno) -> Finding {
    let finding = Finding::problem(
        "send_failed",
        format!("No beacon can be sent on {network}: {}", error.desc()),
    );
    match error {
        Errno::EPERM | Errno::EACCES => finding
            .because(format!(
                "Something on this host forbids UDP to port {}: a firewall, or a VPN that keeps \
                 all traffic to itself.",
                facts.port
            ))
            .run(as_root(facts)),
        _ => finding.run(format!("ip route get {}", network.address)),
    }
}

fn unheard(facts: &Facts, nodes: &Nodes, network: &Network) -> Finding {
    let port = facts.port;
    let is_here = |node: &&Node| {
        let mut places = node.places.iter();
        places.any(|place| place.heard && place.interface == network.index)
    };
    let others = nodes.others.iter().filter(is_here).count();
    if others > 0 {
        let what = format!("Own beacons are not heard on {network}, those of {others} others are");
        return Finding::note("own_unheard", what);
    }
    let finding = Finding::problem(
        "own_unheard",
        format!("Own beacons leave on {network}, and are not heard"),
    )
    .because(format!(
        "Something on this host drops UDP port {port} as it arrives: most likely its firewall. \
         Then nobody else is heard either{}.",
        seen(nodes, network)
    ))
    .say("Look which, as root:");
    let finding = if facts.is_root {
        finding.run(list(FirewallName::Nftables))
    } else {
        finding.run(as_root(facts))
    };
    finding
        .say("With ufw or firewalld, the port is opened by:")
        .run(format!("sudo ufw allow {port}/udp"))
        .run(format!("sudo firewall-cmd --add-port={port}/udp"))
}

/// Those whose beacons arrive on a network, and are not heard.
fn seen(nodes: &Nodes, network: &Network) -> String {
    let places = nodes.others.iter().flat_map(|node| &node.places);
    let is_unheard = |place: &&Place| !place.heard && place.interface == network.index;
    let addresses = places.filter(is_unheard).map(|place| *place.address.ip());
    let addresses: BTreeSet<Ipv4Addr> = addresses.collect();
    if addresses.is_empty() {
        String::new()
    } else {
        format!(": the beacons of {} arrive", enumerate(addresses))
    }
}
