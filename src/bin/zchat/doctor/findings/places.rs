//! Who beacons, and from where: the sightings, put together by node.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use zchat::zre::PeerId;

use super::super::facts::{Datagram, Facts, Interface, Met, VisitEnd};

/// All nodes that were seen, other than our own.
pub(super) struct Nodes {
    /// Of this host.
    pub(super) local: Vec<Node>,
    /// Of others.
    pub(super) others: Vec<Node>,
}

/// One id, and all that beacons under it.
pub(super) struct Node {
    pub(super) id: PeerId,
    pub(super) places: Vec<Place>,
    /// It speaks over encrypted links only.
    pub(super) has_key: bool,
    /// When its first beacon came.
    pub(super) after: Duration,
}

/// One place that a node beacons from.
pub(super) struct Place {
    pub(super) address: SocketAddrV4,
    pub(super) target: Ipv4Addr,
    pub(super) interface: u32,
    pub(super) heard: bool,
    pub(super) is_local: bool,
    /// Whether it came from outside, with an address of ours: another host has it, too.
    pub(super) is_double: bool,
    /// When its first beacon came, and its last one.
    pub(super) after: Duration,
    pub(super) last: Duration,
}

impl Nodes {
    pub(super) fn of(facts: &Facts) -> Self {
        let own = own_addresses(facts);
        let mut nodes: BTreeMap<PeerId, Node> = BTreeMap::new();
        for sighting in &facts.sightings {
            let Datagram::Beacon {
                peer,
                port,
                has_key,
            } = sighting.what
            else {
                continue;
            };
            let node = nodes.entry(peer).or_insert_with(|| Node {
                id: peer,
                places: Vec::new(),
                has_key: false,
                after: sighting.after,
            });
            node.has_key |= has_key;
            node.after = node.after.min(sighting.after);
            node.places.push(Place {
                address: SocketAddrV4::new(sighting.source, port),
                target: sighting.target,
                interface: sighting.interface,
                heard: sighting.heard,
                is_local: !sighting.seen && own.contains(&sighting.source),
                is_double: sighting.seen && own.contains(&sighting.source),
                after: sighting.after,
                last: sighting.last,
            });
        }
        let is_local = |node: &Node| node.places.iter().all(|place| place.is_local);
        let (local, others) = nodes.into_values().partition(is_local);
        Self { local, others }
    }
}

impl Node {
    /// Whether a node of this host can hear its beacons.
    pub(super) fn is_heard(&self) -> bool {
        self.places.iter().any(|place| place.heard)
    }

    /// Where it says that its mailbox is; each place once.
    pub(super) fn addresses(&self) -> BTreeSet<SocketAddrV4> {
        self.places.iter().map(|place| place.address).collect()
    }

    /// The best that an attempt to reach it came to.
    pub(super) fn reached(&self, facts: &Facts) -> Option<VisitEnd> {
        let ends = self.addresses().into_iter().filter_map(|address| {
            let visit = facts
                .visits
                .iter()
                .find(|visit| visit.to == SocketAddr::V4(address))?;
            Some(visit.end)
        });
        ends.min_by_key(|end| u8::from(*end != VisitEnd::Greeted))
    }
}

/// What a node is called, if it was met.
pub(super) fn name(facts: &Facts, id: PeerId) -> Option<&str> {
    let met = met(facts).iter().find(|met| met.peer == id)?;
    Some(&met.name)
}

/// Those whom our own node has met.
pub(super) fn met(facts: &Facts) -> &[Met] {
    match &facts.meeting {
        Some(Ok(meeting)) => &meeting.met,
        _ => &[],
    }
}

/// All addresses of this host, also those that are not used.
pub(super) fn own_addresses(facts: &Facts) -> BTreeSet<Ipv4Addr> {
    let address = |one: &Interface| Some(one.decision.listed.address?.0);
    facts.interfaces.iter().filter_map(address).collect()
}
