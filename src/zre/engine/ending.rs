//! The end of an acquaintance: farewells, and what is told when a peer is gone.

use std::time::Instant;

use super::{Engine, Event, ExitReason, Owner, Timer, UndeliveredReason};
use crate::zre::{Host, LinkId, Output, PeerId};

impl Engine {
    /// A farewell beacon. It counts only from the address where the peer is connected: beacons in its
    /// name from other ones prove nothing. (A host on several networks says farewell on all of them.)
    pub(super) fn hear_farewell(&mut self, now: Instant, id: PeerId, source: Host) {
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

    /// What was under way from a peer that says farewell may have been read.
    pub(super) fn check_farewell(&mut self, now: Instant, id: PeerId) {
        let timing = &self.config.timing;
        let Some(peer) = self.peers.get(&id) else {
            return;
        };
        let Some(since) = peer.farewell else { return };
        if self.inbox_stopped.is_some() {
            self.deadlines
                .set(now + timing.farewell_quiet, Timer::Farewell(id));
            return;
        }
        let quiet = since.max(peer.traffic).max(self.blameless) + timing.farewell_quiet;
        let due = quiet.min(since.max(self.blameless) + timing.farewell);
        if now < due {
            self.deadlines.set(due, Timer::Farewell(id));
        } else {
            self.remove(now, id, ExitReason::Farewell);
        }
    }

    /// Ends the acquaintance with a peer; if it had entered, the application is told, last of all.
    pub(super) fn remove(&mut self, now: Instant, id: PeerId, reason: ExitReason) {
        let Some(peer) = self.peers.get(&id) else {
            return;
        };
        let told = peer.is_ready().then_some(reason);
        let place = peer.place.remote;
        if told == Some(ExitReason::Expired) {
            self.hang_up(id, Host::from(place));
        }
        self.leave_groups(id);
        self.end_reconnection(id);
        self.doubt(id);
        self.change_standing(id, |engine| {
            if engine
                .peers
                .get(&id)
                .is_some_and(|peer| peer.channel.is_some())
            {
                engine.close_channel(now, id, told);
            } else if let Some(reason) = told {
                engine.tell_exit(id, reason);
            }
            engine.peers.remove(&id);
        });
        self.admission.waiting.remove(id);
        self.flushes.gone(id);
        self.release_static(now, id);
        self.let_heir_in(now, place);
        self.dial_waiting(now);
        self.check_flushes(now);
    }

    /// Closes a peer's connection. What was queued is told once that is known.
    pub(super) fn close_channel(&mut self, now: Instant, id: PeerId, reason: Option<ExitReason>) {
        let Some(channel) = self.peers.get_mut(&id).and_then(|peer| peer.channel.take()) else {
            return;
        };
        self.forget_full(&channel);
        self.refuse_many(now, id, UndeliveredReason::Gone, channel.waiting_content());
        self.links.insert(channel.link, Owner::Closing(id, reason));
        self.outputs
            .push_back(Output::Disconnect { link: channel.link });
    }

    /// A connection was closed as asked; `unsent` WHISPERs and SHOUTs were still queued in it.
    pub fn handle_closed(&mut self, now: Instant, link: LinkId, unsent: u64) {
        match self.links.remove(&link) {
            Some(Owner::Closing(id, reason)) => {
                self.refuse_many(now, id, UndeliveredReason::Gone, unsent);
                if let Some(reason) = reason {
                    self.tell_exit(id, reason);
                }
            }
            Some(Owner::Forgotten) | None => {}
            Some(owner) => {
                self.links.insert(link, owner);
            }
        }
    }

    fn tell_exit(&mut self, id: PeerId, reason: ExitReason) {
        self.tell_refused_to(id);
        self.event(Event::Exit { peer: id, reason });
    }
}
