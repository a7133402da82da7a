//! Broken connections, and the new ones that may come in their place.
//!
//! That a connection has ended is a question to the peer, not a verdict: networks come and go, and a
//! Zyre opens its connection anew for each greeting. What ends a peer is in `ending`.

use std::time::{Duration, Instant};

use super::peer::{Farewell, Peer, Purpose, Repeats, Suspicion};
use super::{Engine, ExitReason, Owner, Timer};
use crate::zre::{LinkId, PeerId};

/// How long a peer that was greeted again has to open its connection to us again. Zyre does it at once;
/// a busy network takes a while.
pub(super) const RECONNECTION: Duration = Duration::from_secs(2);

/// How long ago nobody may have listened at a peer's mailbox for the end of its own connection to say
/// that its process has ended.
const LATELY: Duration = Duration::from_millis(250);

/// A peer that was greeted again, and may open its connection to us again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reconnection {
    /// Until when that is expected.
    until: Instant,
    /// How many greetings it has not answered. A Zyre opens its connection anew for each of them, so
    /// that the answer to one may come over a connection that ends because of the next.
    greetings: u32,
}

impl Engine {
    /// The inbound connection of this peer is gone, and everything that came over it has been told.
    pub fn handle_broken(&mut self, now: Instant, peer: PeerId) {
        let is_slandered = self.is_slandered(now);
        let Some(known) = self.peers.get_mut(&peer).filter(|known| known.is_ready()) else {
            return;
        };
        known.hung_up = true;
        known.reopened_from = None;
        // If it connects again, it says once more what it does not know to have arrived.
        known.repeats = Repeats::Expected;
        let place = known.place.remote;
        let at_its_mailbox = self.places.get(&place);
        let has_heir = self.heirs.values().any(|heir| heir.is_at(place));
        let is_taken = at_its_mailbox.is_some_and(|other| *other != peer) || has_heir;
        let just_now = |at: Instant| now.duration_since(at) <= LATELY;
        let is_its_own = |it: Farewell| it.is_sure || !is_slandered;
        if known.farewell.is_some_and(is_its_own) {
            self.remove(now, peer, ExitReason::Farewell);
        } else if is_taken || known.refused.is_some_and(just_now) {
            self.remove(now, peer, ExitReason::Broken);
        } else {
            self.ask_if_broken(now, peer, self.config.timing.broken);
        }
    }

    /// A connection has found the mailbox of this other peer where the one is that it is for, by a beacon: nobody
    /// has been told anything there. A peer that has entered is not there (any more), as if nobody listened. Of one
    /// that has not, the beacon was old or made up. The other one is as good as heard there, so that nobody can
    /// keep it out by beacons that name its mailbox.
    pub fn handle_another(&mut self, now: Instant, link: LinkId, other: PeerId) {
        let Some(Owner::Peer(id)) = self.links.get(&link).copied() else {
            return;
        };
        let Some(peer) = self.peers.get(&id) else {
            return;
        };
        let to = peer.place.clone();
        if peer.is_ready() {
            self.handle_refused(now, link);
            let is_elsewhere = |it: &Peer| it.is_ready() && it.place.remote != to.remote;
            if self.peers.get(&other).is_some_and(is_elsewhere) {
                self.hear_elsewhere(now, other, to);
            }
            return;
        }
        self.stats.bad_beacons += 1;
        // It is dialled in the place of the one that is not there, before all that wait.
        let waiting = std::mem::take(&mut self.admission.waiting);
        let was_found = peer.was_found;
        self.remove(now, id, ExitReason::Expired);
        let is_known = other == self.config.peer || self.peers.contains_key(&other);
        if was_found {
            // Whoever says to be another one each time is not asked again before the next beacon.
            self.admission
                .in_vain(&self.config.limits, now, to.remote.ip());
        } else if !is_known && !self.dismissed.holds(other, to.remote) {
            self.meet(now, other, to);
            if let Some(peer) = self.peers.get_mut(&other) {
                peer.was_found = true;
            }
        }
        self.admission.waiting = waiting;
        self.dial_if_admitted(now, other);
        self.dial_waiting(now);
    }

    /// A try to open a connection was refused: nobody listens there (any more). (That nobody answers at all is
    /// not to be told: networks come and go.)
    ///
    /// A peer whose connection to us is gone as well is gone: its process has ended, without a word.
    /// As long as the one is there, the other proves nothing: it may be a firewall that refuses, or
    /// somebody else who has got the peer's address.
    pub fn handle_refused(&mut self, now: Instant, link: LinkId) {
        let Some(Owner::Peer(id)) = self.links.get(&link).copied() else {
            return;
        };
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        if !peer.is_ready() {
            let address = peer.place.remote.ip();
            let limits = &self.config.limits;
            if !self.admission.has_time(limits, now, address) {
                // Others wait for their turn; its next beacon makes the next try.
                self.admission.in_vain(limits, now, address);
                self.remove(now, id, ExitReason::Expired);
            }
            return;
        }
        peer.refused = Some(now);
        if peer.hung_up {
            self.remove(now, id, ExitReason::Broken);
        }
    }

    /// Somebody else says that its mailbox is where this peer has its own: perhaps its process has
    /// ended and another one was given its port. What is sent to it would go there.
    ///
    /// If its connection to us is gone as well, that is certain. Then ours to it has to go before the
    /// other one is dialled: two connections under our id would be in each other's way (trap 16).
    pub(super) fn suspect(&mut self, now: Instant, peer: PeerId) {
        self.suspect_for(now, peer, self.config.timing.challenge);
    }

    /// The same where no more than a beacon says so, which anybody can make up: if the peer cannot be reached for
    /// a moment, that is no reason to let it go. Where another process is there indeed, its system ends the
    /// connections of the one before as soon as anything is sent over them.
    pub(super) fn suspect_by_beacon(&mut self, now: Instant, peer: PeerId) {
        self.suspect_for(now, peer, self.config.timing.evasive);
    }

    fn suspect_for(&mut self, now: Instant, peer: PeerId, patience: Duration) {
        if self.peers.get(&peer).is_some_and(|peer| peer.hung_up) {
            self.remove(now, peer, ExitReason::Broken);
        } else {
            self.ask_if_broken(now, peer, patience);
        }
    }

    fn ask_if_broken(&mut self, now: Instant, id: PeerId, patience: Duration) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.is_ready()) else {
            return;
        };
        let due = now + patience;
        if peer.broken.is_none_or(|before| due < before.due) {
            peer.broken = Some(Suspicion { asked: now, due });
            // Shortly before the verdict, the system is asked as well.
            let before = due - patience / 4;
            self.ping(now, id, Purpose::Life);
            self.deadlines.set(before, Timer::Broken(id));
        }
    }

    pub(super) fn check_broken(&mut self, now: Instant, id: PeerId) {
        let patience = self.config.timing.broken;
        let Some(Suspicion { due, .. }) = self.peers.get(&id).and_then(|peer| peer.broken) else {
            self.turn_heirs_away(id);
            return;
        };
        let mut due = due.max(self.blameless + patience);
        if let Some(expected) = self.reconnecting.get(&id) {
            // One that was greeted again opens its connection anew, if it is a Zyre.
            due = due.max(expected.until);
        }
        if self.inbox_stopped.is_some() {
            self.deadlines.set(now + patience, Timer::Broken(id));
        } else if now < due {
            self.deadlines.set(due, Timer::Broken(id));
            self.probe(id);
        } else {
            self.remove(now, id, ExitReason::Broken);
        }
    }

    /// A peer that was greeted again may open its connection to us again, once for each greeting, of
    /// which so many are not answered if none was expected before.
    pub(super) fn expect_reconnection(&mut self, now: Instant, id: PeerId, greetings: u32) {
        let until = now + RECONNECTION;
        if let Some(expected) = self.reconnecting.get_mut(&id) {
            expected.until = until;
            expected.greetings = expected.greetings.saturating_add(1);
        } else {
            self.reconnecting
                .insert(id, Reconnection { until, greetings });
            self.deadlines.set(until, Timer::Reconnection(id));
        }
    }

    /// Our connection to it has opened: it can hear what it was greeted with.
    pub(super) fn renew_reconnection(&mut self, now: Instant, id: PeerId) {
        if let Some(expected) = self.reconnecting.get_mut(&id) {
            expected.until = now + RECONNECTION;
        }
    }

    /// It has answered one of the greetings.
    pub(super) fn answer_reconnection(&mut self, id: PeerId) {
        let Some(expected) = self.reconnecting.get_mut(&id) else {
            return;
        };
        expected.greetings = expected.greetings.saturating_sub(1);
        if expected.greetings == 0 {
            self.end_reconnection(id);
        }
    }

    /// It is not expected to do so any more.
    pub(super) fn end_reconnection(&mut self, id: PeerId) {
        self.reconnecting.remove(&id);
    }

    pub(super) fn check_reconnection(&mut self, now: Instant, id: PeerId) {
        let channel = self.peers.get(&id).and_then(|peer| peer.channel.as_ref());
        let is_deaf = channel.is_some_and(|channel| !channel.connected);
        let Some(expected) = self.reconnecting.get_mut(&id) else {
            return;
        };
        if is_deaf {
            // It has not been able to hear the greetings yet.
            expected.until = expected.until.max(now + RECONNECTION);
        }
        if expected.until <= now {
            self.end_reconnection(id);
        } else {
            self.deadlines.set(expected.until, Timer::Reconnection(id));
        }
    }
}
