//! When a mailbox is dialled again after its connection has ended, or none was to be had.
//!
//! At once, if the connection lasted or was the first one, so that it shows whether anybody is there at
//! all; once more right after that; then after 100 to 200 ms, and at growing intervals up to 2 s. Whoever ends each
//! connection at once, or never takes one, is dialled no more often for that.

use std::time::{Duration, Instant};

/// The pace of one link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// The next interval, but for the part that chance adds.
    interval: Duration,
    /// It was dialled again at once.
    was_hasty: bool,
    /// It was just now, and is once more soon.
    once_more: bool,
}

/// Where chance comes from: of many that lose their connections at the same time, not all should dial
/// again at the same time. (xorshift64*, S. Vigna.)
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Pace {
    pub(super) const fn new() -> Self {
        Self {
            interval: FIRST,
            was_hasty: false,
            once_more: false,
        }
    }

    /// A connection that was open since then has ended: how long to wait.
    pub(super) fn after_connection(
        &mut self,
        now: Instant,
        since: Instant,
        chance: &mut Chance,
    ) -> Duration {
        self.once_more = false;
        if now.duration_since(since) >= LASTING {
            self.interval = FIRST;
        } else if self.was_hasty {
            return self.after_failure(chance);
        }
        self.was_hasty = true;
        self.once_more = true;
        Duration::ZERO
    }

    /// Nobody was there, or nobody who speaks ZMTP in time: how long to wait.
    pub(super) fn after_failure(&mut self, chance: &mut Chance) -> Duration {
        if std::mem::take(&mut self.once_more) {
            return ONCE_MORE;
        }
        let interval = self.interval;
        self.interval = (interval * 2).min(LAST);
        interval + chance.below(FIRST)
    }
}

impl Chance {
    /// The same seed brings the same luck.
    pub(super) const fn new(seed: u64) -> Self {
        // It never leaves 0.
        Self(if seed == 0 { 1 } else { seed })
    }

    fn below(&mut self, time: Duration) -> Duration {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        time * u32::try_from(drawn >> 16).unwrap_or(0) / (1 << 16)
    }
}

/// The first interval, and the most that chance adds to each.
const FIRST: Duration = Duration::from_millis(100);
/// The last interval.
const LAST: Duration = Duration::from_secs(2);
/// A process that ends closes its listener and its connections one after the other.
const ONCE_MORE: Duration = Duration::from_millis(10);
/// How long a connection lasts that was worth having: what is ended sooner is dialled again at once no
/// second time.
const LASTING: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn intervals_grow_from_100_ms_to_2_s_and_chance_adds_up_to_100_ms() {
        let mut chance = Chance::new(7);
        let mut pace = Pace::new();
        for least in [100, 200, 400, 800, 1_600, 2_000, 2_000].map(Duration::from_millis) {
            let waited = pace.after_failure(&mut chance);
            assert!((least..least + FIRST).contains(&waited), "{waited:?}");
        }
    }

    #[test]
    fn a_connection_that_lasted_is_dialled_again_at_once_and_once_more_right_after() {
        let mut chance = Chance::new(7);
        let start = Instant::now();
        let mut pace = Pace::new();
        let ended = start + 10 * SECOND;
        let waited = pace.after_connection(ended, start, &mut chance);
        assert_eq!(waited, Duration::ZERO);
        assert_eq!(pace.after_failure(&mut chance), ONCE_MORE);
        assert!(pace.after_failure(&mut chance) >= FIRST);
    }

    #[test]
    fn whoever_ends_each_connection_at_once_is_dialled_no_more_often_than_whoever_takes_none() {
        let mut chance = Chance::new(7);
        let start = Instant::now();
        let mut pace = Pace::new();
        let mut now = start;
        let mut dials = 0;
        while now < start + 60 * SECOND {
            now += pace.after_connection(now, now, &mut chance);
            dials += 1;
        }
        assert!(dials < 40, "{dials} dials in a minute");
    }

    #[test]
    fn many_that_lose_their_connections_at_once_do_not_dial_again_at_once() {
        let mut all: Vec<Duration> = (1..=100)
            .map(|seed| {
                Pace::new().after_failure(&mut Chance::new(
                    0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed),
                ))
            })
            .collect();
        all.sort_unstable();
        all.dedup();
        assert!(all.len() > 90, "{} different times", all.len());
        assert!(all[0] < FIRST + FIRST / 10 && all[all.len() - 1] > 2 * FIRST - FIRST / 10);
    }
}
