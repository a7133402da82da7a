//! IPv6: on which links it is used, and what keeps it from being of use. Where IPv4 is in order, hosts
//! are met by that, and what is wrong with IPv6 is only worth a note.

use nix::errno::Errno;
use zchat::node::interface::{LinkLocal, UnusedLink};

use super::super::facts::{Facts, Interface, Link, LinkProbe, Port};
use super::super::firewall::PacketKind;
use super::firewall::InTheWay;
use super::ports::{end_them, who};
use super::{Finding, Severity};

pub(super) fn diagnose(facts: &Facts, in_the_way: &InTheWay) -> Vec<Finding> {
    let mut findings = Vec::new();
    for link in &facts.links {
        match &link.verdict {
            Ok(used) => findings.extend(in_use(facts, in_the_way, used, link.probe)),
            Err(UnusedLink::Duplicate) => findings.push(duplicate(facts, link)),
            Err(UnusedLink::Tentative) => {
                let what = format!(
                    "{} is not used by IPv6 yet: its address is being checked",
                    link.name
                );
                findings.push(Finding::note("interface_unused", what));
            }
            // The same is told of its IPv4 side, or it was not asked for.
            Err(_) => {}
        }
    }
    findings.extend(port(facts));
    findings
}

/// The links on which IPv6 is used.
pub(super) fn used(facts: &Facts) -> impl Iterator<Item = (&LinkLocal, Option<LinkProbe>)> {
    let links = facts.links.iter();
    links.filter_map(|link| Some((link.verdict.as_ref().ok()?, link.probe)))
}

/// How bad it is if IPv6 does not work.
pub(super) fn severity(facts: &Facts) -> Severity {
    let mut networks = facts.interfaces.iter().filter_map(Interface::network);
    if networks.any(|network| !network.is_loopback && network.broadcast.is_ok()) {
        Severity::Note
    } else {
        Severity::Problem
    }
}

fn in_use(
    facts: &Facts,
    in_the_way: &InTheWay,
    link: &LinkLocal,
    probe: Option<LinkProbe>,
) -> Vec<Finding> {
    let is_told = |kind| in_the_way.blocks(kind, &link.name);
    let heard = match probe {
        Some(probe) if probe.heard => ", and own ones are heard",
        _ => "",
    };
    let what = format!("{link} is used by IPv6: beacons go to ff02::1{heard}");
    let mut findings = vec![Finding::note("interface", what)];
    match probe {
        Some(LinkProbe {
            sent: Err(error), ..
        }) if !is_told(PacketKind::BeaconOut) => findings.push(send_failed(facts, link, error)),
        Some(LinkProbe {
            sent: Ok(()),
            heard: false,
        }) if !is_told(PacketKind::BeaconOut) && !is_told(PacketKind::BeaconIn) => {
            findings.push(unheard(facts, link))
        }
        _ => {}
    }
    findings
}

fn send_failed(facts: &Facts, link: &LinkLocal, error: Errno) -> Finding {
    let what = format!("No beacon can be sent by IPv6 on {link}: {}", error.desc());
    Finding::new(severity(facts), "ipv6_send_failed", what)
        .because(
            "A firewall of this host forbids it, or the route to all hosts of the link is gone.",
        )
        .run("sudo ip6tables-save")
        .run(format!("ip -6 route show table all dev {}", link.name))
}

fn unheard(facts: &Facts, link: &LinkLocal) -> Finding {
    let what = format!("Own beacons by IPv6 leave on {link}, and are not heard");
    let port = facts.port;
    Finding::new(severity(facts), "ipv6_unheard", what)
        .because(format!(
            "Something on this host drops UDP port {port} as it arrives by IPv6: most likely its \
             firewall, whose rules for IPv6 are others than those for IPv4."
        ))
        .say("Look which, as root:")
        .run("sudo nft list ruleset")
        .run("sudo ip6tables-save")
        .say("With ufw or firewalld, the port is opened for both by:")
        .run(format!("sudo ufw allow {port}/udp"))
        .run(format!("sudo firewall-cmd --add-port={port}/udp"))
}

fn duplicate(facts: &Facts, link: &Link) -> Finding {
    let (name, address) = (&link.name, link.address);
    let what = format!("Another host has the IPv6 address of {name}, {address}");
    Finding::new(severity(facts), "ipv6_duplicate", what)
        .because("Virtual machines that were copied have one hardware address, and so one address.")
        .say("Give one of them another hardware address; then let this one ask again:")
        .run(format!("sudo ip link set {name} down"))
        .run(format!("sudo ip link set {name} up"))
}

/// What keeps the port from being used by IPv6.
fn port(facts: &Facts) -> Option<Finding> {
    let port = facts.port;
    used(facts).next()?;
    match facts.link_port.as_ref()? {
        Port::Usable => None,
        // The same program has it for both, and that is told.
        Port::Taken(_) if facts.beacon_port != Port::Usable => None,
        Port::Taken(owners) => {
            let who = who(owners);
            let what =
                format!("UDP port {port} is taken for IPv6 by {who}, which does not share it");
            let finding = Finding::new(severity(facts), "ipv6_port_taken", what)
                .because("No program of this host can hear beacons by IPv6 as long as it runs.");
            let find_out = format!("sudo ss -6 -lunp 'sport = :{port}'");
            Some(end_them(facts, finding, owners, &find_out))
        }
        Port::Refused(error) => {
            let what = format!("UDP port {port} cannot be used by IPv6: {}", error.desc());
            Some(Finding::new(severity(facts), "ipv6_port_refused", what).run("zchat -v"))
        }
    }
}
