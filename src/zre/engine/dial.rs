//! Dials, and the HELLO that each begins with: to peers that were heard, as `admission` allows, and
//! elsewhere where nobody answers.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::admission::Standing;
use super::discovery::MISSED;
use super::peer::{Channel, Phase, Place};
use super::{Engine, ExitReason, Owner, Static, Timer};
use crate::zre::{Body, Host, Link, LinkId, Output, PeerId, Via};

/// How long a mailbox may take to answer a dial before it counts as not reachable.
pub(super) const DIAL: Duration = Duration::from_secs(3);

/// The same for one that is heard elsewhere as well: then it is tried there. Who answers at all mostly
/// does within milliseconds, and the first repetition of a lost packet comes after one second.
pub(super) const ELSEWHERE: Duration = Duration::from_secs(1);

/// How long somebody who took our HELLO has to say its own, before it is dialled anew: our connection
/// may not be heard at the other end (trap 16).
const ANSWER: Duration = Duration::from_secs(5);

impl Engine {
    /// Dials a peer that was heard, if that is allowed now.
    pub(super) fn dial_if_admitted(&mut self, now: Instant, id: PeerId) {
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
        self.change_standing(now, id, |engine| {
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
            peer: Some(id),
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

    /// Dials those who wait for it, after a dial has ended or an address has proven itself.
    pub(super) fn dial_waiting(&mut self, now: Instant) {
        while let Some(id) = self.admission.next_dial(&self.config.limits, now) {
            self.dial_if_admitted(now, id);
        }
    }

    /// The system where a connection leads to has accepted it: the host is there. Whether anybody will say something
    /// is another question.
    pub fn handle_met(&mut self, now: Instant, link: LinkId) {
        let Some(Owner::Peer(id)) = self.links.get(&link).copied() else {
            return;
        };
        self.change_standing(now, id, |engine| {
            let peer = engine.peers.get_mut(&id);
            if let Some(channel) = peer.and_then(|peer| peer.channel.as_mut()) {
                channel.met.get_or_insert(now);
            }
        });
        self.dial_waiting(now);
    }

    /// The first message on a connection has been taken: somebody is there.
    pub fn handle_connected(&mut self, now: Instant, link: LinkId) {
        match self.links.get(&link).copied() {
            Some(Owner::Peer(id)) => {
                self.change_standing(now, id, |engine| {
                    if let Some(peer) = engine.peers.get_mut(&id)
                        && let Some(channel) = &mut peer.channel
                    {
                        channel.connected = true;
                        peer.led = 0;
                        // What it was greeted with has waited until now.
                        peer.greeted = now;
                    }
                });
                self.renew_reconnection(now, id);
                self.trust(now, id);
                self.await_answer(now, id);
                self.dial_waiting(now);
            }
            Some(Owner::Static(address)) => self.static_connected(now, address),
            Some(Owner::Closing(..) | Owner::Forgotten) | None => {}
        }
    }

    /// Whoever has said HELLO, and takes ours, speaks for its address.
    pub(super) fn trust(&mut self, now: Instant, id: PeerId) {
        let proven = self.peers.get(&id).filter(|peer| {
            let channel = peer.channel.as_ref();
            peer.is_ready() && channel.is_some_and(|channel| channel.connected)
        });
        if let Some(peer) = proven {
            self.admission.answered(now, peer.place.remote.ip());
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
        let place = self.peers.get(&id).map(|peer| peer.place.remote.ip());
        let limits = &self.config.limits;
        // Where others wait for their turn, whoever has not answered soon waits for another turn.
        let is_patient = place.is_some_and(|address| self.admission.has_time(limits, now, address));
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.serial == serial) else {
            return;
        };
        let channel = peer.channel.as_ref();
        if peer.phase == Phase::Heard || peer.is_ready() && channel.is_some_and(|it| it.connected) {
            return;
        }
        // Of two mailboxes with which it is heard, one is somebody else's, who may say nothing for good.
        let is_contested = peer.is_heard_with_another_mailbox(now, stale);
        let until = channel.and_then(Channel::has_time_until);
        if let Some(until) = until.filter(|until| now < *until && !is_contested) {
            self.deadlines.set(until, Timer::Dial(id, serial));
            return;
        }
        if peer.is_ready() && now < peer.led_until {
            // It has its time there, at the end of which this is looked at again.
            return;
        }
        let is_early = |due: Instant| now < due.max(blameless + ANSWER);
        let is_in_time = is_stopped || peer.answer_due.is_some_and(is_early);
        if peer.standing() == Standing::Answered && is_in_time {
            // Its HELLO may lie unread.
            self.deadlines.set(now + ANSWER, Timer::Dial(id, serial));
            return;
        }
        if !peer.is_ready() && now < peer.greeted + ELSEWHERE {
            // This was of an earlier dial.
            self.deadlines
                .set(peer.greeted + ELSEWHERE, Timer::Dial(id, serial));
            return;
        }
        peer.others
            .retain(|other| now.duration_since(other.heard) <= stale);
        if peer.standing() != Standing::Answered && !peer.others.is_empty() {
            self.dial_elsewhere(now, id);
        } else if peer.is_ready() && self.admission.is_surplus(&self.config.limits, id) {
            self.stats.too_many_unproven += 1;
            self.remove(now, id, ExitReason::Expired);
        } else if peer.is_ready() {
            self.deadlines.set(now + ELSEWHERE, Timer::Dial(id, serial));
        } else if is_patient && peer.standing() == Standing::Dialled && now < peer.greeted + DIAL {
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
        let there = via.remote.and_then(|remote| peer.other_on(remote));
        if let Some(to) = there.cloned() {
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
