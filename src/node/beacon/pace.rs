//! Logging at a bounded rate: what a stranger can cause a thousand times a second is told now and
//! then, with the number of times it was not told. Pure: time is given.

use std::time::{Duration, Instant};

/// Lets one of many alike lines through every 30 seconds.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When the next may be told.
    next: Option<Instant>,
    untold: u64,
}

impl Pace {
    /// Whether this one may be told; if so, how many before it were not.
    pub(super) fn allows(&mut self, now: Instant) -> Option<u64> {
        if self.next.is_some_and(|next| now < next) {
            self.untold += 1;
            return None;
        }
        self.next = now.checked_add(BETWEEN);
        Some(std::mem::take(&mut self.untold))
    }
}

/// Rare enough for a log that is kept, often enough for somebody who watches it.
const BETWEEN: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_in_thirty_seconds_says_how_many_were_left_out() {
        let start = Instant::now();
        let mut pace = Pace::default();
        assert_eq!(pace.allows(start), Some(0));
        for second in 0..30 {
            assert_eq!(pace.allows(start + Duration::from_secs(second)), None);
        }
        assert_eq!(pace.allows(start + BETWEEN), Some(30));
        assert_eq!(pace.allows(start + BETWEEN), None);
    }
}
