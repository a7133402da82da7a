//! When the engine wants to be woken, and why: a heap of deadlines that are checked when they come.
//!
//! Nothing is ever taken out early. A deadline that has been overtaken (a peer was heard meanwhile)
//! fires all the same, is compared with what is true by then, and set again. So a beacon costs one
//! store, and mostly there is one entry a peer and reason in the heap. Where there are more, each that comes has to
//! find what is true by itself.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::Instant;

use crate::zre::{LinkId, PeerId};

/// A reason to wake up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// The peer may have been quiet for too long: ask it, call it evasive, silent, or gone. The
    /// number tells one life of an id from the next.
    Life(PeerId, u64),
    /// The old place of the peer has not answered: it has moved.
    Challenge(PeerId),
    /// The peer's beacon was heard elsewhere, and that from its place should have come as well.
    Twin(PeerId),
    /// The peer's connection broke and it has not been heard since: it is gone.
    Broken(PeerId),
    /// The peer has said farewell, and what was under way has been read.
    Farewell(PeerId),
    /// The peer's mailbox cannot be reached where its beacon said.
    Dial(PeerId, u64),
    /// A peer that was greeted again has not answered.
    Answer(PeerId),
    /// A peer that is heard has not shown that it hears us.
    Unheard(PeerId),
    /// An address that is greeted without a beacon may have to be dialled (again).
    Static(SocketAddr),
    /// A connection that is full may have taken nothing for too long to be waited for.
    Stall(LinkId),
    /// A peer that takes nothing but messages for life needs one.
    Reassure(PeerId, u64),
    /// The inbox is not read: peers need a sign that we live.
    LifeSign,
    /// Content was sent to the peer that it has not been known to read.
    Confirm(PeerId),
    /// A flush may have made no progress for too long.
    Flush,
    /// A reconnection of the peer that was expected did not come.
    Reconnection(PeerId),
    /// Messages that were refused are to be told.
    Undelivered,
}

/// The heap.
#[derive(Debug, Default)]
pub(super) struct Deadlines(BinaryHeap<Reverse<(Instant, Timer)>>);

impl Deadlines {
    pub(super) fn set(&mut self, at: Instant, timer: Timer) {
        self.0.push(Reverse((at, timer)));
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// The first of them, and when it is due.
    pub(super) fn first(&self) -> Option<(Instant, Timer)> {
        self.0.peek().map(|Reverse(first)| *first)
    }

    /// The first of them is due later than it was.
    pub(super) fn put_off(&mut self, until: Instant) {
        if let Some(mut first) = self.0.peek_mut() {
            first.0.0 = until;
        }
    }

    /// The earliest timer that is due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.0.pop().map(|Reverse((_, timer))| timer)
    }
}
