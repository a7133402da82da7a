//! What was delivered: flushes, and the orderly stop.
//!
//! "Delivered" to a ZRE peer means that it has answered a PING sent behind the message. To leave means:
//! ask all that were sent something, wait for their answers, and only then say farewell, which would
//! overtake what is queued (trap 15).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::{Engine, Event, Timer, UndeliveredReason};
use crate::zre::{Output, PeerId, Ticket};

/// The most flushes that wait at a time; one more is answered at once, as if nothing had been
/// delivered.
const FLUSHES: usize = 64;

/// The most peers of which it is remembered until the next flush whether they have read everything.
/// More than are ever here at a time; of those beyond it the next answer says nothing.
const REMEMBERED: usize = 20_000;

/// The flushes under way.
#[derive(Debug, Default)]
pub(super) struct Flushes {
    waiting: Vec<Flush>,
    stop: Option<Flush>,
    stopped: bool,
    /// Peers that something was not delivered to since the last answer.
    missed: BTreeSet<PeerId>,
    /// Peers that have read everything since the last answer.
    confirmed: BTreeSet<PeerId>,
}

#[derive(Debug)]
struct Flush {
    ticket: Ticket,
    within: Duration,
    progress: Instant,
    /// The peers that have not confirmed yet.
    open: BTreeSet<PeerId>,
    delivered: BTreeSet<PeerId>,
    missing: BTreeSet<PeerId>,
}

impl Flush {
    fn due(&self) -> Instant {
        self.progress + self.within
    }

    /// The answer: who is still open now is missing.
    fn answer(mut self) -> Event {
        self.missing.append(&mut self.open);
        let missing = self.missing;
        Event::Flushed {
            ticket: self.ticket,
            delivered: self
                .delivered
                .into_iter()
                .filter(|id| !missing.contains(id))
                .collect(),
            missing: missing.into_iter().collect(),
        }
    }
}

impl Flushes {
    fn all(&mut self) -> impl Iterator<Item = &mut Flush> {
        self.waiting.iter_mut().chain(self.stop.iter_mut())
    }

    /// Something was taken: nobody has to give up yet.
    pub(super) fn progress(&mut self, now: Instant) {
        self.all().for_each(|flush| flush.progress = now);
    }

    /// Something to this peer is not delivered.
    pub(super) fn missed(&mut self, id: PeerId) {
        if self.is_idle() && self.missed.len() < REMEMBERED {
            self.missed.insert(id);
        }
        for flush in self.all() {
            flush.open.remove(&id);
            flush.missing.insert(id);
        }
    }

    /// Nobody waits: what happens is remembered for the next flush.
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.stop.is_none()
    }

    /// This peer is gone: what it has not confirmed is not known to be delivered.
    pub(super) fn gone(&mut self, id: PeerId) {
        for flush in self.all() {
            if flush.open.remove(&id) {
                flush.missing.insert(id);
            }
        }
    }

    fn confirm(&mut self, id: PeerId) {
        if self.is_idle() && self.confirmed.len() < REMEMBERED {
            self.confirmed.insert(id);
        }
        for flush in self.all() {
            if flush.open.remove(&id) {
                flush.delivered.insert(id);
            }
        }
    }
}

impl Engine {
    pub(super) const fn is_stopping(&self) -> bool {
        self.flushes.stop.is_some() || self.flushes.stopped
    }

    pub(super) fn flush(&mut self, now: Instant, ticket: Ticket, within: Duration) {
        let flush = self.begin_flush(now, ticket, within);
        if self.flushes.waiting.len() >= FLUSHES {
            self.event(flush.answer());
            return;
        }
        self.deadlines.set(flush.due(), Timer::Flush);
        self.flushes.waiting.push(flush);
        self.check_flushes(now);
    }

    pub(super) fn stop(&mut self, now: Instant, within: Duration) {
        if self.is_stopping() {
            return;
        }
        let flush = self.begin_flush(now, Ticket(u64::MAX), within);
        self.deadlines.set(flush.due(), Timer::Flush);
        self.flushes.stop = Some(flush);
        self.check_flushes(now);
    }

    fn begin_flush(&mut self, now: Instant, ticket: Ticket, within: Duration) -> Flush {
        let open: BTreeSet<PeerId> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.unconfirmed > 0)
            .map(|(id, _)| *id)
            .collect();
        for id in &open {
            self.raise_barrier(now, *id);
        }
        Flush {
            ticket,
            within,
            progress: now,
            open,
            delivered: std::mem::take(&mut self.flushes.confirmed),
            missing: std::mem::take(&mut self.flushes.missed),
        }
    }

    /// A peer has read everything that was sent before its barrier.
    pub(super) fn confirmed(&mut self, now: Instant, id: PeerId) {
        self.flushes.progress(now);
        if self
            .peers
            .get(&id)
            .is_some_and(|peer| peer.unconfirmed == 0)
        {
            self.flushes.confirm(id);
        } else if self.flushes.all().any(|flush| flush.open.contains(&id)) {
            // More was sent behind that barrier, before a later flush.
            self.raise_barrier(now, id);
        }
        self.check_flushes(now);
    }

    /// Answers the flushes that are complete, or have waited without progress for long enough.
    pub(super) fn check_flushes(&mut self, now: Instant) {
        let is_over = |flush: &Flush| flush.open.is_empty() || flush.due() <= now;
        while let Some(at) = self.flushes.waiting.iter().position(is_over) {
            let flush = self.flushes.waiting.remove(at);
            for id in &flush.open {
                self.give_up_barrier(*id);
            }
            self.tell_refused();
            self.event(flush.answer());
        }
        if let Some(flush) = self.flushes.stop.take_if(|flush| is_over(flush)) {
            self.finish(now, &flush);
        }
        let next = self.flushes.all().map(|flush| flush.due()).min();
        if let Some(next) = next.filter(|_| self.deadlines.next().is_none_or(|at| at > now)) {
            self.deadlines.set(next.max(now), Timer::Flush);
        }
    }

    /// The next barrier is a new one: nobody waits for this one any more.
    fn give_up_barrier(&mut self, id: PeerId) {
        let wanted = self.flushes.all().any(|flush| flush.open.contains(&id));
        if let Some(peer) = self.peers.get_mut(&id).filter(|_| !wanted) {
            peer.barrier = None;
        }
    }

    /// Everything is delivered, or given up.
    fn finish(&mut self, now: Instant, flush: &Flush) {
        let unconfirmed: BTreeMap<PeerId, u64> = flush
            .open
            .iter()
            .filter_map(|id| Some((*id, self.peers.get(id)?.unconfirmed)))
            .collect();
        for (id, count) in unconfirmed {
            self.refuse_many(now, id, UndeliveredReason::Stopped, count);
        }
        self.tell_refused();
        self.flushes.stopped = true;
        self.outputs.push_back(Output::Stop);
    }
}
