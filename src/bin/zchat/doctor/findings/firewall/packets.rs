//! The packets of zchat that have to pass: those of each network, and those that are known by their ends.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use zchat::node::interface::{LinkLocal, Network};
use zchat::zre::Host;

use super::super::super::facts::{Facts, Interface, Visit, VisitEnd};
use super::super::super::firewall::{Family, Packet, PacketKind, Span};
use super::super::links;
use super::super::places::Nodes;
use super::FIRST_MAILBOX;

/// The packets that have to pass on a network.
pub(super) fn packets(facts: &Facts, nodes: &Nodes, network: &Network) -> Vec<Packet> {
    let bits = u32::from(network.mask).count_ones();
    let (own, all) = (
        Span::one(network.address.into()),
        Span::prefix(network.address, bits),
    );
    let mut packets = Vec::new();
    for kind in PacketKind::ALL {
        let (source, destination) = match (kind, network.broadcast) {
            (PacketKind::BeaconIn, Ok(to)) => (all, Span::one(to.into())),
            (PacketKind::BeaconOut, Ok(to)) => (own, Span::one(to.into())),
            (PacketKind::BeaconIn | PacketKind::BeaconOut, Err(_)) => continue,
            (PacketKind::ConnectionIn | PacketKind::ReplyIn, _) => (all, own),
            (PacketKind::ConnectionOut, _) => (own, all),
        };
        packets.push(Packet {
            kind,
            family: Family::V4,
            device: network.name.clone(),
            source,
            destination,
            port: if kind.is_beacon() {
                facts.port
            } else {
                mailbox_port(facts, nodes, kind)
            },
        });
    }
    packets
}

/// The same by IPv6.
pub(super) fn link_packets(facts: &Facts, link: &LinkLocal) -> Vec<Packet> {
    let packet = |kind: PacketKind| Packet {
        kind,
        family: Family::V6,
        device: link.name.clone(),
        source: Span::ALL,
        destination: Span::ALL,
        port: match kind {
            PacketKind::BeaconIn | PacketKind::BeaconOut => facts.port,
            PacketKind::ConnectionIn => facts.bind_port.unwrap_or(FIRST_MAILBOX),
            PacketKind::ConnectionOut | PacketKind::ReplyIn => FIRST_MAILBOX,
        },
    };
    PacketKind::ALL.map(packet).into()
}

/// A port that must be open: our own mailbox, or those of others.
fn mailbox_port(facts: &Facts, nodes: &Nodes, kind: PacketKind) -> u16 {
    let running = nodes.local.first();
    let running = running.and_then(|node| Some(node.addresses().first()?.port()));
    match kind {
        PacketKind::ConnectionIn => facts.bind_port.or(running).unwrap_or(FIRST_MAILBOX),
        _ => FIRST_MAILBOX,
    }
}

/// The packets that were on their way to and from a mailbox that was tried in vain.
pub(super) fn tried(facts: &Facts, visit: &Visit) -> Vec<(Packet, Option<SocketAddr>)> {
    if matches!(
        visit.end,
        VisitEnd::Greeted | VisitEnd::Silent | VisitEnd::Stranger | VisitEnd::NoRoute
    ) {
        return Vec::new();
    }
    let spans = match visit.to.ip() {
        IpAddr::V4(ip) => {
            let mut networks = facts.interfaces.iter().filter_map(Interface::network);
            let leads_there =
                |network: &&Network| network.contains(ip) || visit.from == Some(network.address);
            let network = networks.find(leads_there);
            network.map(|network| {
                let (own, other) = (Span::one(network.address.into()), Span::one(ip.into()));
                (Family::V4, &network.name, own, other)
            })
        }
        IpAddr::V6(_) => {
            let scope = Host::from(visit.to).scope;
            let mut links = links::used(facts).map(|(link, _)| link);
            let link = links.find(|link| link.index == scope);
            link.map(|link| (Family::V6, &link.name, Span::ALL, Span::ALL))
        }
    };
    let Some((family, device, own, other)) = spans else {
        return Vec::new();
    };
    let packet = |kind, source, destination| Packet {
        kind,
        family,
        device: device.clone(),
        source,
        destination,
        port: visit.to.port(),
    };
    let out = packet(PacketKind::ConnectionOut, own, other);
    let back = packet(PacketKind::ReplyIn, other, own);
    [out, back].map(|packet| (packet, Some(visit.to))).into()
}

/// The connections of those whose beacons come here: a rule may be about one host.
pub(super) fn of_others(facts: &Facts, nodes: &Nodes) -> Vec<Packet> {
    let places = nodes.others.iter().flat_map(|node| &node.places);
    let hosts: BTreeSet<(u32, Ipv4Addr)> = places
        .map(|place| (place.interface, *place.address.ip()))
        .collect();
    let packet = |(index, ip): (u32, Ipv4Addr)| {
        let mut networks = facts.interfaces.iter().filter_map(Interface::network);
        let network = networks.find(|one| one.index == index && one.contains(ip))?;
        Some(Packet {
            kind: PacketKind::ConnectionIn,
            family: Family::V4,
            device: network.name.clone(),
            source: Span::one(ip.into()),
            destination: Span::one(network.address.into()),
            port: mailbox_port(facts, nodes, PacketKind::ConnectionIn),
        })
    };
    hosts.into_iter().filter_map(packet).collect()
}
