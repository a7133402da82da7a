//! When the first piped line may go out: [`Settle`].
//!
//! Discovery has settled when somebody who should receive the line is known, and nobody came or
//! joined for a moment. It is not waited for longer than the user allows.

use std::time::{Duration, Instant};

/// How long nobody may have come or joined: answers to a first beacon come within a few milliseconds,
/// connections within tens, under load and over Wi-Fi within a few hundred.
pub(crate) const QUIET: Duration = Duration::from_millis(300);

/// Whether discovery has settled; it stays so.
#[derive(Debug)]
pub(crate) struct Settle {
    deadline: Instant,
    quiet_from: Instant,
    settled: bool,
}

impl Settle {
    /// Discovery begins now, and is waited for at most so long.
    pub(crate) fn new(now: Instant, wait: Duration) -> Self {
        Self {
            deadline: now + wait,
            quiet_from: now,
            settled: wait.is_zero(),
        }
    }

    /// Somebody came, or joined a group.
    pub(crate) const fn handle_arrival(&mut self, now: Instant) {
        self.quiet_from = now;
    }

    /// Whether it is known to have settled.
    pub(crate) const fn is_settled(&self) -> bool {
        self.settled
    }

    /// Whether it has settled, given whether a receiver is known.
    pub(crate) fn has_settled(&mut self, now: Instant, receiver: bool) -> bool {
        let quiet = receiver && now >= self.quiet_from + QUIET;
        self.settled |= quiet || now >= self.deadline;
        self.settled
    }

    /// When to look again, given whether a receiver is known; `None` once it has settled.
    pub(crate) fn poll_timeout(&self, receiver: bool) -> Option<Instant> {
        let quiet = self.quiet_from + QUIET;
        let next = if receiver {
            quiet.min(self.deadline)
        } else {
            self.deadline
        };
        (!self.settled).then_some(next)
    }
}
