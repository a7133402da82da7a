//! Virtual time ([`Time`]), what happens when ([`Agenda`]), and clocks that differ ([`Clock`]).

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fmt;
use std::ops::Add;
use std::time::{Duration, Instant};

/// A moment of virtual time: nanoseconds since the world began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Time(pub(super) u64);

impl Time {
    /// The beginning.
    pub(super) const START: Self = Self(0);

    /// How long it has been since the beginning.
    pub(super) const fn elapsed(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// How long it has been since `earlier`; nothing if that is later.
    pub(super) const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(nanoseconds(later)))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.elapsed().as_secs_f64())
    }
}

/// What is to happen, ordered by time; what is due at the same time happens in the order in which it
/// was entered.
#[derive(Debug)]
pub(super) struct Agenda<What> {
    heap: BinaryHeap<Entry<What>>,
    entered: u64,
}

#[derive(Debug)]
struct Entry<What> {
    at: Time,
    number: u64,
    what: What,
}

impl<What> Agenda<What> {
    pub(super) const fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            entered: 0,
        }
    }

    pub(super) fn enter(&mut self, at: Time, what: What) {
        self.entered += 1;
        self.heap.push(Entry {
            at,
            number: self.entered,
            what,
        });
    }

    /// The next thing, if it is due by `until`.
    pub(super) fn take(&mut self, until: Time) -> Option<(Time, What)> {
        if self.heap.peek()?.at > until {
            return None;
        }
        self.heap.pop().map(|entry| (entry.at, entry.what))
    }
}

/// Earliest first: the heap gives out its greatest.
impl<What> Ord for Entry<What> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl<What> PartialOrd for Entry<What> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<What> PartialEq for Entry<What> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<What> Eq for Entry<What> {}

/// The monotonic clock of a host: it began at another time than the others, runs faster or slower, and
/// stands still while the host is suspended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// What it showed when the world began.
    origin: Instant,
    /// How much faster than virtual time it runs, in parts of a million.
    drift: i64,
    /// How long it stood still, in nanoseconds.
    suspended: u64,
}

impl Clock {
    pub(super) const fn new(origin: Instant, drift: i64) -> Self {
        Self {
            origin,
            drift,
            suspended: 0,
        }
    }

    /// What it shows.
    pub(super) fn read(&self, now: Time) -> Instant {
        let running = now.0.saturating_sub(self.suspended);
        self.origin + Duration::from_nanos(self.shown(running))
    }

    /// When it will show `deadline`, not before `now`: to the nanosecond, so that the same deadline
    /// comes to the same time whenever that is asked.
    pub(super) fn when(&self, now: Time, deadline: Instant) -> Time {
        let wanted = nanoseconds(deadline.saturating_duration_since(self.origin));
        let mut running = self.running(wanted);
        while self.shown(running) < wanted {
            running += 1;
        }
        while running > 0 && self.shown(running - 1) >= wanted {
            running -= 1;
        }
        now.max(Time(running.saturating_add(self.suspended)))
    }

    /// What it shows after it has run for so long, in nanoseconds: some parts of a million more or less.
    const fn shown(&self, running: u64) -> u64 {
        let parts = self.drift.unsigned_abs();
        // In two steps, or the product would not fit after some hours.
        let more = running / MILLION * parts + running % MILLION * parts / MILLION;
        if self.drift < 0 {
            running.saturating_sub(more)
        } else {
            running.saturating_add(more)
        }
    }

    /// About how long it has run when it shows this.
    const fn running(&self, shown: u64) -> u64 {
        let all = MILLION.saturating_add_signed(self.drift);
        shown / all * MILLION + shown % all * MILLION / all
    }

    pub(super) fn stand_still(&mut self, time: Duration) {
        self.suspended = self.suspended.saturating_add(nanoseconds(time));
    }
}

/// What a drift is a part of.
const MILLION: u64 = 1_000_000;

fn nanoseconds(time: Duration) -> u64 {
    let seconds = time.as_secs().saturating_mul(1_000_000_000);
    seconds.saturating_add(u64::from(time.subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_at_once_happens_in_the_order_in_which_it_was_entered() {
        let mut agenda = Agenda::new();
        for (at, what) in [(5, 'c'), (1, 'a'), (5, 'd'), (1, 'b')] {
            agenda.enter(Time(at), what);
        }
        assert_eq!(agenda.take(Time(0)).map(|(_, what)| what), None);
        let all: String = std::iter::from_fn(|| agenda.take(Time(5)))
            .map(|(_, what)| what)
            .collect();
        assert_eq!(all, "abcd");
    }

    #[test]
    fn a_clock_that_drifts_shows_a_time_at_the_nanosecond_that_was_said_and_never_later() {
        #[allow(
            clippy::disallowed_methods,
            reason = "a clock has to begin at some time"
        )]
        let origin = Instant::now();
        for drift in [-50_000, -7, 0, 3, 50_000] {
            let clock = Clock::new(origin, drift);
            let mut now = Time(12_345);
            for step in [1, 999, 1_000_003, 30_000_000_001] {
                let deadline = clock.read(now) + Duration::from_nanos(step);
                let at = clock.when(now, deadline);
                assert!(clock.read(at) >= deadline, "drift {drift}, step {step}");
                let just_before = Time(at.0 - 1);
                assert!(
                    clock.read(just_before) < deadline,
                    "drift {drift}, step {step}"
                );
                let half_way = Time(u64::midpoint(now.0, at.0));
                assert_eq!(
                    clock.when(half_way, deadline),
                    at,
                    "drift {drift}, step {step}"
                );
                now = at;
            }
        }
    }
}
