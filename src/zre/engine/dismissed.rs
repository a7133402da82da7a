//! Peers to stay away from, and what they say meanwhile: from `Dismiss` to `Greet`.
//!
//! A dismissed peer is told farewell, but hears our beacons still. It greets us, and takes our first
//! HELLO after [`Action::Greet`](crate::zre::Action) for the answer: from then on it speaks, and will
//! not say its own HELLO again. So that is kept, and followed until then, for nothing it says
//! afterwards to be lost.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::peer::Peer;
use super::{Engine, ExitReason};
use crate::zre::sequence::{Incoming, is_bridge};
use crate::zre::{Body, Hello, Host, Message, Output, PeerId, Via};

/// How many dismissed peers are followed; of the others the HELLO is asked for again. Each may take as
/// much as a HELLO may, and dozens of peers to stay away from are many.
const FOLLOWED: usize = 64;

/// How long somebody who is greeted again is expected where it is greeted, and nowhere else.
const RETURN: Duration = Duration::from_secs(3);

/// Ids and places to stay away from.
#[derive(Debug, Default)]
pub(super) struct Dismissed {
    /// In the order in which they were dismissed.
    entries: BTreeMap<u64, Entry>,
    ids: BTreeMap<PeerId, u64>,
    places: BTreeMap<SocketAddr, u64>,
    followed: BTreeMap<PeerId, (u64, Followed)>,
    last: u64,
}

/// Somebody to stay away from.
#[derive(Debug, Default)]
struct Entry {
    id: Option<PeerId>,
    places: BTreeSet<SocketAddr>,
    /// Its HELLO has come since, and was ignored.
    unheard: bool,
}

/// What a peer has said that is ignored.
#[derive(Debug, Clone)]
pub(super) struct Followed {
    /// Its HELLO, with the groups that it is in now.
    pub(super) hello: Hello,
    pub(super) expected: Incoming,
}

/// A peer that is greeted again, and may speak without another HELLO.
#[derive(Debug)]
pub(super) struct Returning {
    /// Where it is greeted.
    address: SocketAddr,
    until: Instant,
    followed: Followed,
}

impl Dismissed {
    pub(super) fn holds(&self, id: PeerId, place: SocketAddr) -> bool {
        self.ids.contains_key(&id) || self.places.contains_key(&place)
    }

    /// Whether a HELLO from there is to be ignored. If so, it is kept: its sender will not say it again
    /// by itself.
    fn ignores(&mut self, id: PeerId, place: Option<SocketAddr>, hello: &Hello) -> bool {
        let by_place = || self.places.get(&place?);
        let Some(key) = self.ids.get(&id).or_else(by_place).copied() else {
            return false;
        };
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.unheard = true;
        }
        if self.followed.len() < FOLLOWED || self.followed.contains_key(&id) {
            let followed = Followed::greeted(hello.clone());
            self.followed.insert(id, (key, followed));
        }
        true
    }

    /// What a peer says that is ignored; `None` stands for what could not be read.
    fn follow(&mut self, id: PeerId, message: Option<&Message>, groups: usize) {
        if let Some((_, followed)) = self.followed.get_mut(&id)
            && !message.is_some_and(|message| followed.hear(message, groups))
        {
            self.followed.remove(&id);
        }
    }

    /// Stays away from whoever is at these places, and from this peer.
    fn add(
        &mut self,
        places: BTreeSet<SocketAddr>,
        peer: Option<(PeerId, Followed)>,
        limit: usize,
    ) {
        for place in &places {
            self.forget(*place);
        }
        let id = peer.as_ref().map(|(id, _)| *id);
        if let Some(id) = id {
            self.forget_peer(id);
        }
        self.last += 1;
        let key = self.last;
        self.ids.extend(id.map(|id| (id, key)));
        self.places.extend(places.iter().map(|place| (*place, key)));
        if self.followed.len() < FOLLOWED {
            let followed = peer.map(|(id, followed)| (id, (key, followed)));
            self.followed.extend(followed);
        }
        let entry = Entry {
            id,
            places,
            unheard: false,
        };
        self.entries.insert(key, entry);
        if self.entries.len() > limit
            && let Some(oldest) = self.entries.keys().next().copied()
        {
            self.remove(oldest);
        }
    }

    /// Nobody at this place is stayed away from any more. Whether a HELLO from there was ignored, and
    /// who is followed.
    fn forget(&mut self, place: SocketAddr) -> Option<(bool, Vec<(PeerId, Followed)>)> {
        let key = *self.places.get(&place)?;
        self.remove(key)
    }

    fn forget_peer(&mut self, id: PeerId) {
        if let Some(key) = self.ids.get(&id).copied() {
            self.remove(key);
        }
    }

    fn remove(&mut self, key: u64) -> Option<(bool, Vec<(PeerId, Followed)>)> {
        let entry = self.entries.remove(&key)?;
        for place in entry.places {
            self.places.remove(&place);
        }
        if let Some(id) = entry.id {
            self.ids.remove(&id);
        }
        let of_it = |_: &PeerId, (other, _): &mut (u64, Followed)| *other == key;
        let followed = self.followed.extract_if(.., of_it);
        let followed = followed.map(|(id, (_, followed))| (id, followed)).collect();
        Some((entry.unheard, followed))
    }
}

impl Followed {
    /// Somebody who has just said HELLO.
    pub(super) const fn greeted(hello: Hello) -> Self {
        Self {
            hello,
            expected: Incoming::greeted(1),
        }
    }

    /// A peer that has entered, as if its HELLO had come just now.
    fn as_it_is(peer: &Peer) -> Self {
        Self {
            hello: Hello {
                endpoint: peer.place.to_string(),
                groups: peer.groups.iter().cloned().collect(),
                status: peer.status,
                name: peer.name.clone(),
                headers: peer.headers.clone(),
                left_out: 0,
            },
            expected: peer.expected,
        }
    }

    /// One more message; whether it follows on those before it.
    pub(super) fn hear(&mut self, message: &Message, groups: usize) -> bool {
        let Message { sequence, body } = message;
        let follows = self.expected.accept(*sequence);
        match body {
            // A HELLO comes behind it (trap 10).
            Body::PingOk if is_bridge(*sequence) => return true,
            Body::Join { group, status } => {
                self.hello.status = *status;
                if !self.hello.groups.contains(group) && self.hello.groups.len() < groups {
                    self.hello.groups.push(group.clone());
                }
            }
            Body::Leave { group, status } => {
                self.hello.status = *status;
                self.hello.groups.retain(|other| other != group);
            }
            _ => {}
        }
        follows
    }
}

impl Engine {
    /// Disconnects whoever has its mailbox there, and stays away from it, whatever way it comes.
    pub(super) fn dismiss(&mut self, now: Instant, address: SocketAddr) {
        let id = self.who_is_at(address);
        if id.is_none() && self.dismissed.places.contains_key(&address) {
            // Once is enough: what is known of whoever is there is wanted when it is greeted.
            return;
        }
        let back = |_: &PeerId, returning: &mut Returning| returning.address == address;
        let back = self.returning.extract_if(.., back).last();
        let peer = id.and_then(|id| self.peers.get(&id));
        let known = peer.map(places_of).into_iter().flatten();
        let is_its = |place: &SocketAddr| self.places.get(place).is_none_or(|it| Some(*it) == id);
        let places: BTreeSet<SocketAddr> = known
            .filter(is_its)
            .chain(std::iter::once(address))
            .collect();
        let followed = id.zip(peer.map(Followed::as_it_is));
        let followed = followed.or_else(|| back.map(|(id, it)| (id, it.followed)));
        for place in &places {
            self.drop_static(*place);
        }
        let farewells = self.farewells_to(id, &places);
        self.returning.retain(|other, _| Some(*other) != id);
        self.dismissed
            .add(places, followed, self.config.limits.dismissed);
        self.outputs.extend(farewells);
        if let Some(id) = id {
            self.remove(now, id, ExitReason::Dismissed);
        }
    }

    /// The peer that has its mailbox there, or was heard from there as well.
    fn who_is_at(&self, address: SocketAddr) -> Option<PeerId> {
        let held = self.statics.get(&address).and_then(super::Static::holder);
        let at_place = || self.places.get(&address).copied();
        let beside = || {
            let mut peers = self.peers.iter();
            peers.find_map(|(id, peer)| places_of(peer).any(|it| it == address).then_some(*id))
        };
        held.or_else(at_place).or_else(beside)
    }

    /// A farewell for each of the peer's hosts, for it knows us by one of our addresses: but for none
    /// where others are as well. They share the beacon port, so that a farewell to it reaches one of them
    /// by chance: it would tell somebody else that we leave.
    fn farewells_to(&self, id: Option<PeerId>, places: &BTreeSet<SocketAddr>) -> Vec<Output> {
        let is_shared = |host: &Host| {
            let mut others = self.peers.iter().filter(|(other, _)| Some(**other) != id);
            others.any(|(_, peer)| places_of(peer).any(|place| Host::from(place) == *host))
        };
        let places = places.iter().filter(|_| id.is_some());
        let hosts: BTreeSet<Host> = places.map(|place| Host::from(*place)).collect();
        let hosts = hosts.into_iter().filter(|host| !is_shared(host));
        hosts.map(|to| Output::Farewell { to }).collect()
    }

    /// Whether this HELLO is to be ignored: unless we ourselves greet whoever says it.
    pub(super) fn ignores(
        &mut self,
        id: PeerId,
        place: Option<SocketAddr>,
        via: Via,
        hello: &Hello,
    ) -> bool {
        let greeted = place.and_then(|place| self.static_for(place, via, hello));
        if greeted.is_some_and(|address| via.remote == Some(Host::from(address))) {
            self.dismissed.forget_peer(id);
        }
        self.dismissed.ignores(id, place, hello)
    }

    /// The address is greeted: nobody there is stayed away from any more.
    pub(super) fn end_dismissal(&mut self, now: Instant, address: SocketAddr) {
        let Some((unheard, followed)) = self.dismissed.forget(address) else {
            return;
        };
        if unheard && followed.is_empty() {
            // Whoever is there takes our first HELLO for the answer to its own, which we ignored, and
            // would speak to us without ever greeting us. A second one asks for it again.
            self.greet_address_again(address);
        } else if !followed.is_empty() {
            // One that takes it for an answer has nothing to say, and is asked.
            self.send_static(address, Body::Ping);
        }
        for (id, followed) in followed {
            let returning = Returning {
                address,
                until: now + RETURN,
                followed,
            };
            self.returning.insert(id, returning);
        }
    }

    /// A message of somebody who has not entered. If it is greeted again after it was dismissed, and this
    /// follows on what it said meanwhile, it enters by that.
    #[must_use]
    pub(super) fn returns(
        &mut self,
        now: Instant,
        id: PeerId,
        via: Via,
        message: &Message,
    ) -> bool {
        let groups = self.config.limits.groups_per_peer;
        self.dismissed.follow(id, Some(message), groups);
        self.follow_heir(id, Some(message));
        let Some(Returning {
            address,
            until,
            mut followed,
        }) = self.returning.remove(&id)
        else {
            return false;
        };
        let before = followed.clone();
        if now > until {
            return false;
        }
        if !followed.hear(message, groups) {
            self.greet_address_again(address);
            return false;
        }
        if self.peers.contains_key(&id) || is_bridge(message.sequence) {
            // Its HELLO is on its way.
            return false;
        }
        self.meet_by_hello(now, id, via, Some(address), before.hello);
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.is_ready()) else {
            return false;
        };
        peer.expected = before.expected;
        true
    }

    /// Something that somebody said who has not entered could not be read.
    pub(super) fn lose_track(&mut self, id: PeerId) {
        self.dismissed.follow(id, None, 0);
        self.follow_heir(id, None);
        if let Some(returning) = self.returning.remove(&id) {
            self.greet_address_again(returning.address);
        }
    }

    /// Whether somebody is greeted again elsewhere, and not to be dialled: two connections under our id
    /// would be in each other's way (trap 16).
    pub(super) fn is_returning(&mut self, now: Instant, id: PeerId) -> bool {
        self.returning.retain(|_, returning| now <= returning.until);
        self.returning.contains_key(&id)
    }

    /// Where somebody is greeted again who has come.
    pub(super) fn static_of_returned(&mut self, id: PeerId) -> Option<SocketAddr> {
        let address = self.returning.remove(&id)?.address;
        let greeted = self.statics.get(&address);
        greeted.filter(|it| it.is_dialling()).map(|_| address)
    }
}

/// Where a peer has its mailbox, as far as is known: by any of its networks.
fn places_of(peer: &Peer) -> impl Iterator<Item = SocketAddr> {
    let others = peer.others.iter().map(|other| other.link.remote);
    std::iter::once(peer.place.remote)
        .chain(others)
        .chain(peer.greeted_as)
}
