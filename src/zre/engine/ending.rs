//! The end of an acquaintance: farewells, and what is told when a peer is gone.

use std::time::{Duration, Instant};

use super::peer::{Farewell, Purpose};
use super::{Engine, Event, ExitReason, Owner, Timer, UndeliveredReason};
use crate::zre::{Host, LinkId, Output, PeerId};

/// How long all peers are given more time to answer after a farewell that was not the peer's own:
/// somebody makes them up.
const SLANDERED: Duration = Duration::from_secs(10);

/// A question that is older than this, and not answered, was lost with a connection. Whoever takes the answer
/// to the next for its own would wait in vain for one more.
const LOST: Duration = Duration::from_secs(1);

/// How often it is looked at most whether a peer has answered that is said to leave: on a machine that is so
/// overloaded that no look is in time, it is not waited for for ever.
const LOOKS: u8 = 8;

impl Engine {
    /// A farewell beacon. It counts only from the address where the peer is connected: beacons in its
    /// name from other ones prove nothing. (A host on several networks says farewell on all of them.)
    ///
    /// Nor does one from there prove much, for the source of a datagram can be made up. So the peer is asked.
    /// One that leaves ends its connection within milliseconds, or answers no more; one that stays answers.
    pub(super) fn hear_farewell(&mut self, now: Instant, id: PeerId, source: Host) {
        self.forget_heir(id, source);
        let is_slandered = self.is_slandered(now);
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        if Host::from(peer.place.remote) != source {
            self.stats.forged_farewells += 1;
        } else if !peer.is_ready() {
            self.remove(now, id, ExitReason::Farewell);
        } else if peer.farewell.is_none() {
            peer.farewell = Some(Farewell::heard(now, peer.hung_up && !is_slandered));
            self.check_farewell(now, id);
        }
    }

    /// The peer itself has said over its connection that it leaves.
    pub(super) fn take_leave(&mut self, now: Instant, id: PeerId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.farewell = Some(Farewell::heard(now, true));
            self.check_farewell(now, id);
        }
    }

    /// A peer that has said farewell, or in whose name somebody has, is asked whether it is there; not again
    /// just after it was, so that whoever says so without end does not make us ask without end.
    fn ask_if_it_leaves(&mut self, now: Instant, id: PeerId) {
        let pause = self.config.timing.farewell_quiet;
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        if let Some(before) = peer.asked_to_stay.filter(|before| now < *before + pause) {
            self.deadlines.set(before + pause, Timer::Farewell(id));
            return;
        }
        peer.asked_to_stay = Some(now);
        let is_lost = |(sent, purpose): &(Instant, Purpose)| {
            *purpose == Purpose::Life && now.duration_since(*sent) >= LOST
        };
        peer.pings.retain(|ping| !is_lost(ping));
        // What waits before the question takes its time.
        let channel = peer.channel.as_ref();
        let takes_it_at_once = channel.is_some_and(|it| it.connected && it.full.is_none());
        let is_slow = !takes_it_at_once || !peer.pings.is_empty();
        if let Some(farewell) = &mut peer.farewell {
            farewell.asked = Some(now);
            farewell.is_slow = is_slow;
        }
        self.ping(now, id, Purpose::Life);
        self.check_farewell(now, id);
    }

    /// What was under way from a peer that says farewell may have been read.
    pub(super) fn check_farewell(&mut self, now: Instant, id: PeerId) {
        let is_slandered = self.is_slandered(now);
        let timing = &self.config.timing;
        let quiet = timing.farewell_quiet;
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let Some(farewell) = &mut peer.farewell else {
            return;
        };
        let begun = match farewell.asked {
            None if !farewell.is_sure => return self.ask_if_it_leaves(now, id),
            asked => asked.unwrap_or(farewell.since).max(self.blameless),
        };
        if self.inbox_stopped.is_some() {
            // What it has said is read first.
            self.leaving_unread.insert(id);
            return;
        }
        let (least, most) = if farewell.is_sure {
            (quiet, timing.farewell)
        } else if is_slandered || farewell.is_slow {
            (timing.challenge, timing.challenge)
        } else {
            (timing.farewell, timing.challenge)
        };
        let read = peer.traffic.max(self.blameless) + quiet;
        let due = (begun + least).max(read).min(begun + most);
        // Where the machine stood still until now, its answer may be on its way only now.
        let is_over = |looked: Instant| (looked + quiet..=looked + 2 * quiet).contains(&now);
        if now + quiet < due {
            self.deadlines.set(due - quiet, Timer::Farewell(id));
        } else if farewell.is_sure && now < due {
            self.deadlines.set(due, Timer::Farewell(id));
        } else if farewell.is_sure
            || farewell.looked.is_some_and(is_over) && now >= due
            || farewell.looks >= LOOKS && !is_slandered
        {
            self.remove(now, id, ExitReason::Farewell);
        } else {
            farewell.looked = Some(now);
            farewell.looks = farewell.looks.saturating_add(1);
            self.deadlines.set(now + quiet, Timer::Farewell(id));
            if is_slandered {
                self.probe(id);
            }
        }
    }

    /// The peer has answered what was asked at this time: if that was because of a farewell, it was not its
    /// own.
    pub(super) fn refute_farewell(&mut self, now: Instant, id: PeerId, asked: Instant) {
        if let Some(peer) = self.peers.get_mut(&id)
            && peer.farewell.take_if(|it| it.is_refuted(asked)).is_some()
        {
            self.slandered = Some(now);
            self.stats.refuted_farewells += 1;
        }
    }

    /// Whether farewells were made up of late.
    pub(super) fn is_slandered(&self, now: Instant) -> bool {
        self.slandered.is_some_and(|at| now < at + SLANDERED)
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
        self.change_standing(now, id, |engine| {
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

    pub(super) fn tell_exit(&mut self, id: PeerId, reason: ExitReason) {
        log::debug!("peer {} is gone: {reason:?}", id.short(8));
        self.tell_refused_to(id);
        self.event(Event::Exit { peer: id, reason });
    }
}
