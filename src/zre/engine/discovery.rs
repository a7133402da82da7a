//! Who is there, and where: beacons, the admission of new peers, and peers that turn up elsewhere.
//!
//! A beacon is followed by one dial, as far as `admission` allows it.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::admission::Standing;
use super::peer::{Channel, Peer, Phase, Place, Presence};
use super::{Engine, Event, ExitReason, Owner, Static, Timer};
use crate::zre::{Body, Host, Link, LinkId, Output, PeerId, Sighting, Via};

/// How long a mailbox may take to answer a dial before it counts as not reachable.
const DIAL: Duration = Duration::from_secs(3);

/// The same for one that is heard elsewhere as well: then it is tried there. Who answers at all mostly
/// does within milliseconds, and the first repetition of a lost packet comes after one second.
pub(super) const ELSEWHERE: Duration = Duration::from_secs(1);

/// How long somebody who took our HELLO has to say its own, before it is dialled anew: our connection
/// may not be heard at the other end (trap 16).
const ANSWER: Duration = Duration::from_secs(5);

/// Places of one peer that are remembered besides the one where it is connected.
const PLACES: usize = 4;

/// How far apart a host's beacons on two networks arrive at most.
const TOGETHER: Duration = Duration::from_millis(100);

/// Beacon intervals after which a place is not alive any more.
pub(super) const MISSED: u32 = 3;

impl Peer {
    /// Whether a beacon from there says nothing but that all is as it was: nearly all of them do, so
    /// that they cost one look-up and two stores.
    fn is_expected(&self, link: &Link) -> bool {
        self.phase == Phase::Ready
            && self.presence == Presence::Present
            && self.place.remote == link.remote
            && self.place.local == link.local
            && self.farewell.is_none()
            && self.challenge.is_none()
            && !self.displaced
    }

    pub(super) fn standing(&self) -> Standing {
        match (self.phase, &self.channel) {
            (Phase::Ready, Some(channel)) if channel.connected => Standing::Proven,
            (Phase::Ready, _) => Standing::Here,
            (_, None) => Standing::Heard,
            (_, Some(channel)) if channel.connected => Standing::Answered,
            (_, Some(_)) => Standing::Dialled,
        }
    }
}

impl Engine {
    /// A beacon was heard.
    pub fn handle_beacon(&mut self, now: Instant, sighting: Sighting) {
        let Sighting {
            source,
            local,
            beacon,
        } = sighting;
        let id = beacon.peer;
        if id == self.config.peer {
            return;
        }
        if beacon.key.is_some() {
            // It speaks over encrypted links only, which we do not have.
            self.stats.bad_beacons += 1;
            return;
        }
        self.stats.beacons += 1;
        let place = source.at(beacon.port);
        if self.dismissed.holds(id, place) {
            self.stats.dismissed += 1;
            return;
        }
        if beacon.is_farewell() {
            self.hear_farewell(now, id, source);
            return;
        }
        let link = Link::plain(place, Some(local));
        match self.peers.get_mut(&id) {
            None => self.meet(now, id, link),
            Some(peer) if peer.is_expected(&link) => {
                peer.heard = now;
                peer.beacon = Some(now);
            }
            Some(peer) if peer.place.remote == place => self.hear_again(now, id, link),
            Some(_) => self.hear_elsewhere(now, id, link),
        }
    }

    /// A beacon of somebody new.
    fn meet(&mut self, now: Instant, id: PeerId, link: Link) {
        if self.is_own_mailbox(link.remote) {
            // A process that has ended, and whose port we were given, is heard late.
            self.stats.bad_beacons += 1;
            return;
        }
        if self.is_stopping() || self.is_returning(now, id) {
            return;
        }
        if !self
            .admission
            .admits_unproven(&self.config.limits, link.remote.ip())
        {
            self.stats.too_many_unproven += 1;
            return;
        }
        if !self.is_free(now, link.remote) {
            self.stats.too_many_unproven += 1;
            return;
        }
        let mut peer = Peer::new(now, self.number(), link);
        peer.beacon = Some(now);
        self.get_to_know(now, id, peer);
        self.dial_if_admitted(now, id);
    }

    /// Whether nobody else is known at a place, and dialled there. Two connections of ours there would be
    /// taken for one (trap 16), and whoever is behind it has one HELLO of ours under way already. A peer
    /// that has entered from there is asked whether it is still there; if it is known to have hung up,
    /// the place is free at once, and else when it has not answered, for the next beacon from there.
    fn is_free(&mut self, now: Instant, place: SocketAddr) -> bool {
        let Some(&other) = self.places.get(&place) else {
            return true;
        };
        if self.peers.get(&other).is_some_and(Peer::is_ready) {
            self.suspect(now, other);
        }
        !self.places.contains_key(&place)
    }

    /// Remembers a peer that is new.
    pub(super) fn get_to_know(&mut self, now: Instant, id: PeerId, peer: Peer) {
        let due = now + self.config.timing.expired;
        self.deadlines.set(due, Timer::Life(id, peer.serial));
        self.change_standing(id, |engine| {
            engine.peers.insert(id, peer);
        });
    }

    /// Dials a peer that was heard, if that is allowed now.
    fn dial_if_admitted(&mut self, now: Instant, id: PeerId) {
        let Some(peer) = self.peers.get(&id) else {
            return;
        };
        let place = peer.place.clone();
        let is_static = self
            .statics
            .get(&place.remote)
            .is_some_and(Static::is_dialling);
        if peer.phase != Phase::Heard || is_static {
            return;
        }
        if !self
            .admission
            .admits_dial(&self.config.limits, now, place.remote.ip())
        {
            self.admission.waiting.add(place.remote.ip(), id);
            return;
        }
        let serial = peer.serial;
        self.change_standing(id, |engine| {
            engine.connect(now, id, place);
        });
        self.deadlines.set(now + ELSEWHERE, Timer::Dial(id, serial));
    }

    /// Gives a peer an outgoing connection, and says HELLO on it.
    pub(super) fn connect(&mut self, now: Instant, id: PeerId, to: Link) {
        let link = LinkId(self.number());
        self.links.insert(link, Owner::Peer(id));
        self.tell_moved(id, &to);
        self.outputs.push_back(Output::Connect {
            link,
            to: to.clone(),
        });
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.place = to.clone();
            peer.channel = Some(Channel::new(link, to));
            if peer.phase == Phase::Heard {
                peer.phase = Phase::Greeted;
            }
        }
        self.say_hello(now, id);
    }

    /// Tells where a peer is reached that has entered and is connected elsewhere now.
    pub(super) fn tell_moved(&mut self, id: PeerId, to: &Link) {
        let has_moved = |peer: &&Peer| peer.is_ready() && peer.place.remote != to.remote;
        if self.peers.get(&id).filter(has_moved).is_some() {
            let link = to.clone();
            self.event(Event::Moved { peer: id, link });
        }
    }

    /// Lets what changes a peer's standing be counted.
    pub(super) fn change_standing(&mut self, id: PeerId, change: impl FnOnce(&mut Self)) {
        let before = self.standing_of(id);
        change(self);
        let after = self.standing_of(id);
        if before != after {
            if let Some((place, standing)) = before {
                self.admission.leave(place.ip(), standing);
                if self.places.get(&place) == Some(&id) {
                    self.places.remove(&place);
                }
            }
            if let Some((place, standing)) = after {
                self.admission.enter(place.ip(), standing);
                self.places.insert(place, id);
            }
        }
    }

    fn standing_of(&self, id: PeerId) -> Option<(SocketAddr, Standing)> {
        let peer = self.peers.get(&id)?;
        Some((peer.place.remote, peer.standing()))
    }

    /// Dials those who wait for it, after a dial has ended or an address has proven itself.
    pub(super) fn dial_waiting(&mut self, now: Instant) {
        while let Some(id) = self.admission.next_dial(&self.config.limits, now) {
            self.dial_if_admitted(now, id);
        }
    }

    /// The first message on a connection has been taken: somebody is there.
    pub fn handle_connected(&mut self, now: Instant, link: LinkId) {
        match self.links.get(&link).copied() {
            Some(Owner::Peer(id)) => {
                self.change_standing(id, |engine| {
                    if let Some(peer) = engine.peers.get_mut(&id)
                        && let Some(channel) = &mut peer.channel
                    {
                        channel.connected = true;
                        // What it was greeted with has waited until now.
                        peer.greeted = now;
                    }
                });
                self.renew_reconnection(now, id);
                self.trust(id);
                self.await_answer(now, id);
                self.dial_waiting(now);
            }
            Some(Owner::Static(address)) => self.static_connected(now, address),
            Some(Owner::Closing(..) | Owner::Forgotten) | None => {}
        }
    }

    /// Whoever has said HELLO, and takes ours, speaks for its address.
    pub(super) fn trust(&mut self, id: PeerId) {
        let proven = self.peers.get(&id).filter(|peer| {
            let channel = peer.channel.as_ref();
            peer.is_ready() && channel.is_some_and(|channel| channel.connected)
        });
        if let Some(peer) = proven {
            self.admission.answered(peer.place.remote.ip());
        }
    }

    /// A peer that was greeted has its time to answer from now on.
    pub(super) fn await_answer(&mut self, now: Instant, id: PeerId) {
        if let Some(peer) = self.peers.get_mut(&id).filter(|peer| !peer.is_ready()) {
            peer.answer_due = Some(now + ANSWER);
            self.deadlines
                .set(now + ANSWER, Timer::Dial(id, peer.serial));
        }
    }

    /// A dial has had its time.
    pub(super) fn check_dial(&mut self, now: Instant, id: PeerId, serial: u64) {
        let stale = self.config.timing.interval * MISSED;
        let (blameless, is_stopped) = (self.blameless, self.inbox_stopped.is_some());
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.serial == serial) else {
            return;
        };
        let channel = peer.channel.as_ref();
        if peer.phase == Phase::Heard || peer.is_ready() && channel.is_some_and(|it| it.connected) {
            return;
        }
        let is_early = |due: Instant| now < due.max(blameless + ANSWER);
        let is_in_time = is_stopped || peer.answer_due.is_some_and(is_early);
        if peer.standing() == Standing::Answered && is_in_time {
            // Its HELLO may lie unread.
            self.deadlines.set(now + ANSWER, Timer::Dial(id, serial));
            return;
        }
        peer.others
            .retain(|other| now.duration_since(other.heard) <= stale);
        if peer.standing() != Standing::Answered && !peer.others.is_empty() {
            self.dial_elsewhere(now, id);
        } else if peer.is_ready() {
            self.deadlines.set(now + ELSEWHERE, Timer::Dial(id, serial));
        } else if peer.standing() == Standing::Dialled && now < peer.greeted + DIAL {
            let due = peer.greeted + DIAL;
            self.deadlines.set(due, Timer::Dial(id, serial));
        } else {
            // Its next beacon makes the next try.
            let address = peer.place.remote.ip();
            let limits = &self.config.limits;
            self.admission.in_vain(limits, now, address);
            self.remove(now, id, ExitReason::Expired);
        }
    }

    /// Nobody answers where a peer is dialled, and it is heard elsewhere too: perhaps it can be reached
    /// there, by its other network, or by IPv6.
    fn dial_elsewhere(&mut self, now: Instant, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        self.deadlines
            .set(now + ELSEWHERE, Timer::Dial(id, peer.serial));
        let limits = &self.config.limits;
        let is_allowed = |other: &Place| {
            let address = other.link.remote.ip();
            self.admission.admits_dial(limits, now, address)
        };
        let is_ready = peer.is_ready();
        let other = peer
            .others
            .iter()
            .position(|one| is_ready || is_allowed(one));
        let Some(to) = other.and_then(|index| Some(peer.others.get(index)?.link.clone())) else {
            return;
        };
        if !is_ready {
            let address = peer.place.remote.ip();
            self.admission.in_vain(limits, now, address);
        }
        self.move_to(now, id, to);
    }

    /// A peer has come over another of its networks than the one where nobody has answered us yet: there
    /// the way is open. But an answer may be under way, and two connections of ours to it would be in each
    /// other's way (trap 16): so the first one has some time.
    pub(super) fn answer_where_it_is_heard(&mut self, now: Instant, id: PeerId, via: Via) {
        let Some(peer) = self.peers.get(&id) else {
            return;
        };
        let is_connected = peer.channel.as_ref().is_some_and(|it| it.connected);
        let host = |place: SocketAddr| Some(Host::from(place));
        if is_connected || host(peer.place.remote) == via.remote {
            return;
        }
        let due = peer.greeted + ELSEWHERE;
        if now + ELSEWHERE / 2 < due {
            self.deadlines.set(due, Timer::Dial(id, peer.serial));
            return;
        }
        let mut others = peer.others.iter().map(|other| &other.link);
        if let Some(to) = others.find(|to| host(to.remote) == via.remote).cloned() {
            self.move_to(now, id, to);
        }
    }

    /// Connects to a peer at another of its places, and keeps the one where nobody has answered.
    fn move_to(&mut self, now: Instant, id: PeerId, to: Link) {
        if !self.is_free_for(now, id, to.remote) {
            return;
        }
        if let Some(peer) = self.peers.get_mut(&id) {
            let here = Place {
                link: peer.place.clone(),
                heard: peer.beacon.unwrap_or(peer.heard),
            };
            // Its beacons there count from now on.
            let mut others = peer.others.iter();
            let other = others.position(|other| other.link.remote == to.remote);
            peer.beacon = other.map(|other| peer.others.remove(other).heard);
            peer.others.push(here);
        }
        self.reconnect(now, id, to);
    }

    /// A beacon from where the peer is connected.
    fn hear_again(&mut self, now: Instant, id: PeerId, link: Link) {
        // A connection from an address that we do not have any more is dead, whatever comes the other
        // way.
        let local_changed = self
            .peers
            .get(&id)
            .is_some_and(|peer| !self.is_own(peer.place.local) && peer.place.local != link.local);
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        if peer.farewell.is_some() {
            return;
        }
        peer.beacon = Some(now);
        if peer.show_itself(now) {
            self.outputs
                .push_back(Output::Event(Event::Heard { peer: id }));
        }
        let is_elsewhere = |to: &Link| to.remote != link.remote;
        peer.challenge.take_if(|challenge| {
            !challenge.by_connection && challenge.to.as_ref().is_some_and(is_elsewhere)
        });
        match peer.phase {
            Phase::Heard => self.dial_if_admitted(now, id),
            // It is heard over a connection that it has opened since: that one is well.
            Phase::Ready if local_changed && peer.traffic > self.readdressed => {
                self.reconnect(now, id, link);
            }
            Phase::Ready if peer.displaced || local_changed => self.relocate(now, id, link),
            Phase::Greeted | Phase::Ready => {}
        }
    }

    /// A beacon of a known peer from a place where it is not connected.
    fn hear_elsewhere(&mut self, now: Instant, id: PeerId, link: Link) {
        let stale = self.config.timing.interval * MISSED;
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        if peer.farewell.is_some() {
            return;
        }
        if peer.phase == Phase::Heard {
            if !self.is_free(now, link.remote) {
                return;
            }
            self.change_standing(id, |engine| {
                if let Some(peer) = engine.peers.get_mut(&id) {
                    peer.place = link;
                    peer.heard = now;
                }
            });
            self.dial_if_admitted(now, id);
            return;
        }
        if peer.displaced {
            self.relocate(now, id, link);
            return;
        }
        // A host on two networks is heard on both at once; one that has moved is not.
        let is_here_too = peer
            .beacon
            .is_some_and(|at| now.duration_since(at) <= TOGETHER);
        let known = peer
            .others
            .iter_mut()
            .find(|other| other.link.remote == link.remote);
        let is_new = known.is_none();
        match known {
            Some(other) => other.heard = now,
            None => {
                peer.others
                    .retain(|other| now.duration_since(other.heard) <= stale);
                if peer.others.len() < PLACES {
                    peer.others.push(Place {
                        link: link.clone(),
                        heard: now,
                    });
                }
            }
        }
        if !peer.is_ready() || is_here_too {
            return;
        }
        if is_new {
            self.challenge(now, id, Some(link));
        } else {
            self.deadlines.set(now + TOGETHER, Timer::Twin(id));
        }
    }

    /// A peer was heard elsewhere. If it is heard no more at its place, where its beacon of the same
    /// round should have come, it is asked whether it is still there.
    pub(super) fn check_twin(&mut self, now: Instant, id: PeerId) {
        let round = self.config.timing.interval / 2;
        let Some(peer) = self.peers.get(&id).filter(|peer| peer.is_ready()) else {
            return;
        };
        let is_recent = |at: Instant| now.duration_since(at) < TOGETHER + round;
        let mut others = peer.others.iter();
        if !peer.beacon.is_some_and(is_recent)
            && let Some(other) = others.find(|other| is_recent(other.heard))
        {
            let link = other.link.clone();
            self.challenge(now, id, Some(link));
        }
    }

    /// A farewell beacon. It counts only from the address where the peer is connected: beacons in its
    /// name from other ones prove nothing. (A host on several networks says farewell on all of them.)
    fn hear_farewell(&mut self, now: Instant, id: PeerId, source: Host) {
        self.forget_heir(id, source);
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        if Host::from(peer.place.remote) != source {
            self.stats.forged_farewells += 1;
        } else if !peer.is_ready() {
            self.remove(now, id, ExitReason::Farewell);
        } else if peer.farewell.is_none() {
            peer.farewell = Some(now);
            let at = now + self.config.timing.farewell_quiet;
            self.deadlines.set(at, Timer::Farewell(id));
        }
    }

    /// Whether our own mailbox is there.
    pub(super) fn is_own_mailbox(&self, place: SocketAddr) -> bool {
        place.port() == self.config.mailbox && self.addresses.contains(&place.ip())
    }

    pub(super) fn is_own(&self, address: Option<IpAddr>) -> bool {
        self.addresses.is_empty() || address.is_none_or(|address| self.addresses.contains(&address))
    }

    /// Says HELLO on a peer's connection, as the first message or again.
    pub(super) fn say_hello(&mut self, now: Instant, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let was_greeted = peer.channel.as_ref().is_some_and(Channel::is_greeted);
        let is_known = peer.is_ready() || peer.last_gap.is_some() || was_greeted;
        let is_answered = !std::mem::replace(&mut peer.hello_awaited, true);
        peer.greeted = now;
        let local = peer.place.local;
        let hello = self.hello(local);
        self.send(now, id, Body::Hello(hello));
        if is_known {
            let greetings = if is_answered { 1 } else { 2 };
            self.expect_reconnection(now, id, greetings);
        }
    }
}
