//! Whoever says HELLO and has its mailbox where another peer has its own: its heir, perhaps. A host was
//! switched off and on again, or a port was given to another process, and nothing has told us so.
//!
//! The one who was there is asked. Until that has an answer, the heir is neither dialled nor here: two
//! connections of ours to one mailbox would be in each other's way (trap 16). It will not say its HELLO
//! again, so what it says is followed meanwhile.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::dial::ELSEWHERE;
use super::dismissed::Followed;
use super::peer::Peer;
use super::{Engine, Timer};
use crate::zre::{Hello, Host, Link, Message, PeerId, Via};

/// How many are followed; the beacons of others are followed later. Each may take as much as a HELLO
/// may, and that a host is switched off and on with more nodes on it is rare.
const HEIRS: usize = 64;

/// How long ago it may have been that nobody listened for a peer where it is dialled: as long as it takes
/// until it is dialled again at most, and a while.
const LATELY: Duration = Duration::from_secs(4);

/// How long one is followed: whoever was there is asked for a fraction of this.
const PATIENCE: Duration = Duration::from_secs(5);

/// A peer in the place of another one.
#[derive(Debug)]
pub(super) struct Heir {
    place: SocketAddr,
    via: Via,
    until: Instant,
    /// Nothing, if it is not known how it stands: it has said HELLO more than once, and perhaps over
    /// several connections, of which none says how old it is; or something that it said is lost.
    followed: Option<Followed>,
}

impl Heir {
    /// Whether it says to be at this place.
    pub(super) fn is_at(&self, place: SocketAddr) -> bool {
        self.place == place
    }
}

impl Engine {
    /// Somebody has said HELLO whose place is not known to be free yet: for the first time, or else how it
    /// stands is not known.
    pub(super) fn let_heir_wait(
        &mut self,
        now: Instant,
        id: PeerId,
        via: Via,
        place: SocketAddr,
        hello: Option<Hello>,
    ) {
        self.heirs.retain(|_, heir| now <= heir.until);
        if self.heirs.len() >= HEIRS {
            self.stats.too_many_unproven += 1;
            return;
        }
        let heir = Heir {
            place,
            via,
            until: now + PATIENCE,
            followed: hello.map(Followed::greeted),
        };
        self.heirs.insert(id, heir);
    }

    /// Whether a known peer may be dialled at a place: not where another one is, who is asked whether it is
    /// still there.
    pub(super) fn is_free_for(&mut self, now: Instant, id: PeerId, place: SocketAddr) -> bool {
        if self.is_own_mailbox(place) {
            return false;
        }
        let Some(&other) = self.places.get(&place).filter(|other| **other != id) else {
            return true;
        };
        if !self.exchange(now, id, other) {
            self.suspect(now, other);
        }
        self.places.get(&place).is_none_or(|other| *other == id)
    }

    /// A peer is heard where another one is known to be: two hosts may have got each other's address. If nobody
    /// listens for that one there, but it speaks from elsewhere, it is led there, though the first one may be
    /// known to be there as yet, and its place is the first one's. Whether that is so.
    fn exchange(&mut self, now: Instant, id: PeerId, other: PeerId) -> bool {
        let Some(peer) = self.peers.get_mut(&other).filter(|peer| peer.is_ready()) else {
            return false;
        };
        let is_lately = |at: Instant| now.duration_since(at) <= LATELY;
        let is_connected = peer.channel.as_ref().is_some_and(|it| it.connected);
        let place = peer.place.remote;
        let speaks_from = peer.spoke_from.filter(|from| *from != Host::from(place));
        let is_gone = !is_connected && !peer.hung_up && peer.refused.is_some_and(is_lately);
        let Some(from) = speaks_from.filter(|_| is_gone) else {
            return false;
        };
        let known = peer.other_on(from).cloned();
        let to = known.unwrap_or_else(|| Link::plain(from.at(place.port()), None));
        let holder = self.places.get(&to.remote);
        if holder.is_some_and(|holder| *holder != id && *holder != other) {
            return false;
        }
        peer.challenge = None;
        peer.displaced = false;
        self.reconnect(now, other, to);
        self.places.insert(place, id);
        true
    }

    /// Whoever was at a place is not there any more: its heir is met.
    pub(super) fn let_heir_in(&mut self, now: Instant, place: SocketAddr) {
        if self.places.contains_key(&place) {
            return;
        }
        let is_there = |_: &PeerId, heir: &mut Heir| heir.place == place;
        let last = self
            .heirs
            .extract_if(.., is_there)
            .max_by_key(|(_, heir)| heir.until);
        let Some((id, heir)) = last.filter(|(_, heir)| now <= heir.until) else {
            return;
        };
        if self.peers.contains_key(&id) || self.is_stopping() {
            return;
        }
        let Some(Followed { hello, expected }) = heir.followed else {
            self.ask_heir_again(now, id, Link::plain(place, heir.via.local));
            return;
        };
        self.meet_by_hello(now, id, heir.via, Some(place), hello);
        if let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.is_ready()) {
            peer.expected = expected;
        }
    }

    /// It takes our first HELLO for the answer to its own. A second one asks for that again.
    fn ask_heir_again(&mut self, now: Instant, id: PeerId, to: Link) {
        let peer = Peer::new(now, self.number(), to.clone());
        let serial = peer.serial;
        self.get_to_know(now, id, peer);
        self.change_standing(now, id, |engine| engine.connect(now, id, to));
        self.greet_anew(now, id);
        self.deadlines.set(now + ELSEWHERE, Timer::Dial(id, serial));
    }

    /// A peer has answered that is said to have an heir: whoever said so has no place there.
    pub(super) fn turn_heirs_away(&mut self, id: PeerId) {
        if let Some(place) = self.peers.get(&id).map(|peer| peer.place.remote) {
            self.heirs.retain(|_, heir| heir.place != place);
        }
    }

    /// An heir says something, or what cannot be read.
    pub(super) fn follow_heir(&mut self, id: PeerId, message: Option<&Message>) {
        let groups = self.config.limits.groups_per_peer;
        if let Some(heir) = self.heirs.get_mut(&id)
            && let Some(followed) = &mut heir.followed
            && !message.is_some_and(|message| followed.hear(message, groups))
        {
            heir.followed = None;
        }
    }

    /// An heir leaves.
    pub(super) fn forget_heir(&mut self, id: PeerId, source: Host) {
        if self
            .heirs
            .get(&id)
            .is_some_and(|heir| Host::from(heir.place) == source)
        {
            self.heirs.remove(&id);
        }
    }
}
