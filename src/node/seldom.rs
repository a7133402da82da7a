//! What others can bring about as often as they like is logged seldom.

use std::time::{Duration, Instant};

/// When something was logged last, and how often it was not since.
#[derive(Debug, Default)]
pub(super) struct Seldom {
    last: Option<Instant>,
    left_out: u64,
}

impl Seldom {
    /// Whether it is to be logged now, and how often it was left out before; otherwise it is counted.
    pub(super) fn is_due(&mut self, now: Instant) -> Option<u64> {
        if self
            .last
            .is_some_and(|last| now.duration_since(last) < EVERY)
        {
            self.left_out += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.left_out))
    }
}

/// How often the same thing is logged at most.
const EVERY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_next_after_a_minute_with_the_number_of_those_before() {
        let start = Instant::now();
        let mut seldom = Seldom::default();
        assert_eq!(seldom.is_due(start), Some(0));
        for second in 1..60 {
            assert_eq!(seldom.is_due(start + Duration::from_secs(second)), None);
        }
        assert_eq!(seldom.is_due(start + EVERY), Some(59));
        assert_eq!(seldom.is_due(start + EVERY), None);
    }
}
