//! How often the beacon thread gets up for what it hears. Pure: time is given.
//!
//! Where hundreds start at once, thousands of beacons come in a second, and to sleep and be woken for
//! each costs more than all else about it. Beyond a pace that a hundred quiet peers do not reach, what
//! comes is let gather for some milliseconds, and taken together. How long, depends on what comes: where
//! much is news, what follows from it takes longer than that; where nothing is, a newcomer may be next,
//! who is not to wait.

use std::time::{Duration, Instant};

/// How much it has listened of late.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leisure {
    /// When all of that is made up for.
    rested: Instant,
}

impl Leisure {
    pub(super) const fn new(now: Instant) -> Self {
        Self { rested: now }
    }

    /// What had come was taken; whether some of it was news.
    pub(super) fn spend(&mut self, now: Instant, news: bool) {
        self.rested = self.rested.max(now) + if news { NEWS } else { FAMILIAR };
    }

    /// Until when nothing is listened to; `None` if it is at once.
    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        let until = self.rested.checked_sub(CREDIT)?;
        (until > now).then_some(until)
    }
}

/// Where nothing is news, it is listened 125 times a second in the long run: more often than a hundred
/// peers speak.
const FAMILIAR: Duration = Duration::from_millis(8);

/// Where much is news, 50 times.
const NEWS: Duration = Duration::from_millis(20);

/// How much it may listen ahead of that: a dozen who start together are heard at once.
const CREDIT: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    /// How often is listened in ten seconds in which so many beacons come each second, and how long the
    /// one that waits longest does.
    fn in_ten_seconds(beacons: u32, news: bool) -> (u32, Duration) {
        let start = Instant::now();
        let mut leisure = Leisure::new(start);
        let (mut times, mut longest) = (0, Duration::ZERO);
        let mut taken_until = None;
        for number in 0..10 * beacons {
            let at = start + Duration::from_secs(1) * number / beacons;
            if taken_until.is_some_and(|until| at <= until) {
                continue;
            }
            let taken = leisure.until(at).unwrap_or(at);
            longest = longest.max(taken - at);
            leisure.spend(taken, news);
            times += 1;
            taken_until = Some(taken);
        }
        (times, longest)
    }

    #[test]
    fn a_hundred_quiet_peers_are_heard_at_once() {
        assert_eq!(in_ten_seconds(120, false), (1_200, Duration::ZERO));
    }

    #[test]
    fn a_flood_is_listened_to_some_hundred_times_a_second_and_nothing_waits_for_long() {
        for beacons in [1_000, 10_000, 100_000] {
            let (times, longest) = in_ten_seconds(beacons, false);
            assert!((1_000..=1_300).contains(&times), "{beacons}: {times} times");
            assert!(longest <= FAMILIAR, "{beacons}: {longest:?}");
            let (times, longest) = in_ten_seconds(beacons, true);
            assert!((450..=520).contains(&times), "{beacons}: {times} times");
            assert!(longest <= NEWS, "{beacons}: {longest:?}");
        }
    }

    #[test]
    fn a_dozen_who_start_together_are_heard_at_once() {
        let start = Instant::now();
        let mut leisure = Leisure::new(start);
        for _ in 0..12 {
            assert_eq!(leisure.until(start), None);
            leisure.spend(start, true);
        }
        leisure.spend(start, true);
        assert_eq!(leisure.until(start), Some(start + NEWS / 2));
        assert_eq!(leisure.until(start + NEWS / 2), None);
    }
}
