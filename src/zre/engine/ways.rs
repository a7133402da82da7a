//! The two ways between us and a peer, each a connection of its own: peers that open theirs again, or speak from
//! another address than the one where they are reached, and connections of ours that nobody hears.
//!
//! What speaks for another place of a peer is weighed in `moves`.

use std::time::{Duration, Instant};

use super::discovery::MISSED;
use super::moves::{MUCH, STEP};
use super::peer::{Purpose, Repeats, Unheard};
use super::{Engine, Event, Timer};
use crate::zre::{Host, Link, PeerId, Via};

impl Engine {
    /// What comes next from this peer comes over another connection, from this address, and it is known to be
    /// its own: so it is there. Everything that came over the one before has been told.
    pub fn handle_reopened(&mut self, now: Instant, id: PeerId, remote: Host) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.is_ready()) else {
            return;
        };
        // It says once more what it does not know to have arrived.
        peer.repeats = Repeats::Expected;
        peer.reopened_from = Some(remote);
        if peer.hear(now) {
            self.welcome_back(now, id);
        }
        // Whether it hears us is another question; and a connection over which nothing is said does not last.
        self.ping(now, id, Purpose::Life);
        let has_way = self
            .peers
            .get(&id)
            .is_some_and(|peer| self.is_own(peer.place.local));
        if !has_way {
            // Its next word says by which of our addresses it is reached now.
            self.challenge(now, id, None);
        }
        self.heed_way(now, id, remote);
    }

    /// A peer speaks from an address that is not the one where it is reached. That is no fault: each way may be
    /// open where the other is not. But where its beacons have ended, it may have moved.
    pub(super) fn heed_way(&mut self, now: Instant, id: PeerId, remote: Host) {
        let stale = self.config.timing.interval * MISSED;
        let pause = self.config.timing.evasive;
        let Some(peer) = self.peers.get(&id).filter(|peer| peer.is_ready()) else {
            return;
        };
        let is_since = |at: Instant, time: Duration| now.duration_since(at) <= time;
        if Host::from(peer.place.remote) == remote
            || peer.beacon.is_some_and(|at| is_since(at, stale))
            || peer.heeded.is_some_and(|at| is_since(at, pause))
        {
            return;
        }
        let known = peer.other_on(remote).cloned();
        let Some(to) = known.or_else(|| self.likely_place(now, peer, remote)) else {
            return;
        };
        let is_displaced = peer.displaced;
        let is_new = peer.challenge.is_none();
        // Who is reached where somebody has said it is, behind a translation of addresses maybe, comes from
        // elsewhere all the time.
        let is_static = peer.greeted_as.is_some();
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.heeded = Some(now);
        }
        if is_displaced {
            self.relocate(now, id, to);
            return;
        }
        self.challenge(now, id, Some(to));
        let peer = self.peers.get_mut(&id).filter(|_| is_new);
        if let Some(challenge) = peer.and_then(|peer| peer.challenge.as_mut()) {
            challenge.by_word = true;
            if is_static {
                challenge.patience *= MUCH;
            }
        }
    }

    /// A message of a peer that is in doubt has come. If our own address from which it was reached is gone, and it
    /// reaches us from where it was, at another one: so does it hear us. Whether it is greeted there.
    pub(super) fn return_by_its_way(&mut self, now: Instant, id: PeerId, via: Via) -> bool {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.is_ready()) else {
            return false;
        };
        let place = peer.place.remote;
        let is_there = via.remote == Some(Host::from(place));
        let (before, after) = (peer.place.local, via.local);
        let is_lost = before.is_none() || !self.is_own(before);
        if !is_there || !is_lost || after.is_none() || !self.is_own(after) {
            return false;
        }
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.challenge = None;
            peer.displaced = false;
        }
        self.reconnect(now, id, Link::plain(place, after));
        true
    }

    /// A peer that gave no sign of life is heard again. What it was sent meanwhile may wait for long: until the
    /// system, which has tried less and less often, tries once more. So if nothing is acknowledged now, it gets
    /// another connection, and over that what has not arrived.
    pub(super) fn welcome_back(&mut self, now: Instant, id: PeerId) {
        self.event(Event::Heard { peer: id });
        let mut patience = self.config.timing.challenge;
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        if peer.is_hard_to_hear(now) {
            patience *= MUCH;
        }
        if let Some((asked, _)) = peer.pings.front() {
            peer.unheard = Some(Unheard::Since(*asked));
            self.deadlines.set(now + patience, Timer::Unheard(id));
        }
    }

    /// The same of a peer that is heard all the time, and has not answered for long.
    pub(super) fn doubt_connection(&mut self, now: Instant, id: PeerId) {
        let patience = self.config.timing.evasive;
        let pause = self.config.timing.expired;
        let Some(peer) = self.peers.get_mut(&id).filter(|it| it.unheard.is_none()) else {
            return;
        };
        let is_long = |at: Instant| now.duration_since(at) >= patience;
        let asked = peer.asked_since_traffic().filter(|at| is_long(*at));
        let is_due = peer
            .renewed
            .is_none_or(|at| now.duration_since(at) >= pause);
        if let Some(asked) = asked.filter(|asked| is_due && peer.heard > *asked) {
            peer.unheard = Some(Unheard::Since(asked));
            self.check_unheard(now, id);
        }
    }

    pub(super) fn check_unheard(&mut self, now: Instant, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.is_ready()) else {
            return;
        };
        match peer.unheard {
            None => {}
            Some(Unheard::Since(asked)) => {
                peer.unheard = Some(Unheard::Probed(asked));
                self.probe(id);
                self.deadlines.set(now + STEP, Timer::Unheard(id));
            }
            Some(Unheard::Probed(_)) => peer.unheard = None,
            Some(Unheard::Confirmed) => {
                peer.unheard = None;
                let channel = peer.channel.as_ref();
                let most = self.config.limits.queued_control;
                // Greeted anew: there has to be room for that.
                if channel.is_some_and(|it| it.connected && it.outbox.len() + 2 < most) {
                    peer.renewed = Some(now);
                    let place = peer.place.clone();
                    self.reconnect(now, id, place);
                }
            }
        }
    }
}
