//! Peers that behave like Zyre and like Pyre, as far as that concerns us: what they take for life, how
//! they count, what they do about a second HELLO, and what ends them, which is a failure of ours.
//!
//! Written from what their sources do, not from RFC 36. Left out are elections, gossip, and everything
//! that happens between two of them.

mod inbox;
mod octets;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

pub(super) use self::inbox::WRONG_STATUS;
pub(super) use self::octets::write;

use self::octets::Death;
use super::host::Input;
use crate::zre::{
    Action, Beacon, Body, Event, ExitReason, GroupName, Headers, Hello, Link, LinkId, Message,
    Name, Output, PeerId, Sighting,
};

/// How often everybody is looked at.
const REAP: Duration = Duration::from_secs(1);

/// Between two beacons.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long nothing may come from a peer before it is gone.
const EXPIRED: Duration = Duration::from_secs(30);

/// Which program a peer behaves like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    /// Zyre 2.0.1.
    Zyre,
    /// Pyre 0.3.4.
    Pyre,
}

impl Flavour {
    /// The greatest number of a message; 0 comes next.
    const fn last_number(self) -> u16 {
        match self {
            Self::Zyre => u16::MAX,
            Self::Pyre => u16::MAX - 1,
        }
    }

    /// How long nothing may come from a peer before it is asked (every second).
    const fn patience(self) -> Duration {
        match self {
            Self::Zyre => Duration::from_secs(5),
            Self::Pyre => Duration::from_secs(10),
        }
    }

    const fn next(self, number: u16) -> u16 {
        if number >= self.last_number() {
            0
        } else {
            number + 1
        }
    }
}

/// A foreign node.
#[derive(Debug)]
pub(super) struct Foreign {
    pub(super) flavour: Flavour,
    id: PeerId,
    name: Name,
    port: u16,
    address: Option<IpAddr>,
    groups: BTreeSet<GroupName>,
    status: u8,
    peers: BTreeMap<PeerId, Known>,
    outputs: VecDeque<Output>,
    beacon: Option<Beacon>,
    next_beacon: Option<Instant>,
    next_reap: Instant,
    next_link: u64,
    /// What it has died of.
    pub(super) death: Option<Death>,
}

/// What it knows of a peer.
#[derive(Debug)]
struct Known {
    place: Option<SocketAddr>,
    link: Option<LinkId>,
    is_ready: bool,
    sent: u16,
    received: u16,
    status: u8,
    groups: BTreeSet<GroupName>,
    heard: Instant,
}

impl Foreign {
    pub(super) fn new(now: Instant, flavour: Flavour, id: PeerId, name: Name, port: u16) -> Self {
        Self {
            flavour,
            id,
            name,
            port,
            address: None,
            groups: BTreeSet::new(),
            status: 0,
            peers: BTreeMap::new(),
            outputs: VecDeque::new(),
            beacon: Some(Beacon::new(id, port)),
            next_beacon: Some(now + INTERVAL),
            next_reap: now + REAP,
            next_link: 0,
            death: None,
        }
    }

    pub(super) fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Beacon(sighting) => self.hear_beacon(now, &sighting),
            // What it has found at its start it says for good.
            Input::Addresses(addresses) if self.address.is_none() => {
                self.address = addresses.first().copied();
            }
            Input::Action(action) => self.act(action),
            Input::Timeout => self.handle_timeout(now),
            // It has no use for what ZeroMQ could tell it besides.
            _ => {}
        }
    }

    pub(super) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub(super) fn poll_beacon(&mut self) -> Option<Beacon> {
        self.beacon.take()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.next_beacon.map(|beacon| beacon.min(self.next_reap))
    }

    /// It has said farewell.
    pub(super) const fn is_finished(&self) -> bool {
        self.next_beacon.is_none() && self.beacon.is_none()
    }

    /// It says farewell, once, without waiting for anything.
    pub(super) fn stop(&mut self) {
        self.beacon = Some(Beacon::farewell(self.id));
        self.next_beacon = None;
    }

    fn handle_timeout(&mut self, now: Instant) {
        if let Some(due) = self.next_beacon.filter(|due| *due <= now) {
            self.beacon = Some(Beacon::new(self.id, self.port));
            self.next_beacon = Some((due + INTERVAL).max(now));
        }
        if self.next_reap <= now {
            self.next_reap = now + REAP;
            let ids: Vec<PeerId> = self.peers.keys().copied().collect();
            ids.into_iter().for_each(|id| self.reap(now, id));
        }
    }

    fn reap(&mut self, now: Instant, id: PeerId) {
        let Some(peer) = self.peers.get(&id) else {
            return;
        };
        let quiet = now.duration_since(peer.heard);
        if quiet >= EXPIRED {
            self.remove(id, ExitReason::Expired);
        } else if quiet >= self.flavour.patience() {
            self.send(id, Body::Ping);
        }
    }

    fn hear_beacon(&mut self, now: Instant, sighting: &Sighting) {
        let id = sighting.beacon.peer;
        if id == self.id {
            return;
        }
        if sighting.beacon.is_farewell() {
            self.remove(id, ExitReason::Farewell);
            return;
        }
        let place = sighting.source.at(sighting.beacon.port);
        self.require(now, id, Some(place));
        if self.flavour == Flavour::Pyre
            && let Some(peer) = self.peers.get_mut(&id)
        {
            peer.heard = now;
        }
    }

    /// Connects to a peer that is not known, and greets it.
    fn require(&mut self, now: Instant, id: PeerId, place: Option<SocketAddr>) {
        if self.peers.contains_key(&id) {
            return;
        }
        let purged = self.peers.values_mut().filter(|peer| peer.place == place);
        for link in purged.filter_map(|peer| peer.link.take()) {
            self.outputs.push_back(Output::Disconnect { link });
        }
        let link = place.map(|place| {
            self.next_link += 1;
            let link = LinkId(self.next_link);
            let to = Link::plain(place, None);
            self.outputs.push_back(Output::Connect {
                link,
                peer: None,
                to,
            });
            link
        });
        let peer = Known {
            place,
            link,
            is_ready: false,
            sent: 0,
            received: 0,
            status: 0,
            groups: BTreeSet::new(),
            heard: now,
        };
        self.peers.insert(id, peer);
        let address = self
            .address
            .map(|address| SocketAddr::new(address, self.port));
        let endpoint = address.map_or_else(String::new, |address| format!("tcp://{address}"));
        let hello = Hello {
            endpoint,
            groups: self.groups.iter().cloned().collect(),
            status: self.status,
            name: self.name.clone(),
            headers: Headers::default(),
            left_out: 0,
        };
        self.send(id, Body::Hello(hello));
    }

    fn send(&mut self, id: PeerId, body: Body) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let Some(link) = peer.link else {
            return;
        };
        peer.sent = self.flavour.next(peer.sent);
        let sequence = peer.sent;
        self.outputs.push_back(Output::Send {
            link,
            message: Message { sequence, body },
            tail: false,
        });
    }

    fn remove(&mut self, id: PeerId, reason: ExitReason) {
        let Some(peer) = self.peers.remove(&id) else {
            return;
        };
        if peer.is_ready {
            self.event(Event::Exit { peer: id, reason });
        }
        if let Some(link) = peer.link {
            self.outputs.push_back(Output::Disconnect { link });
        }
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Join(group) if self.groups.insert(group.clone()) => {
                self.status = self.status.wrapping_add(1);
                let status = self.status;
                self.send_all(|_| true, &Body::Join { group, status });
            }
            Action::Leave(group) if self.groups.remove(&group) => {
                self.status = self.status.wrapping_add(1);
                let status = self.status;
                self.send_all(|_| true, &Body::Leave { group, status });
            }
            Action::Shout { group, content } => {
                let members = |peer: &Known| peer.groups.contains(&group);
                let group = group.clone();
                self.send_all(members, &Body::Shout { group, content });
            }
            Action::Whisper { peer, content } => self.send(peer, Body::Whisper { content }),
            Action::Stop { .. } => self.outputs.push_back(Output::Stop),
            _ => {}
        }
    }

    fn send_all(&mut self, to: impl Fn(&Known) -> bool, body: &Body) {
        let receivers = self.peers.iter().filter(|(_, peer)| to(peer));
        let receivers: Vec<PeerId> = receivers.map(|(id, _)| *id).collect();
        for id in receivers {
            self.send(id, body.clone());
        }
    }
}
