//! Virtual time: a beginning, and durations from it.

use std::time::{Duration, Instant};

/// Some moment, for a test to begin at.
#[expect(
    clippy::disallowed_methods,
    reason = "there is no other way to any Instant; all that follow are counted from it"
)]
pub(crate) fn epoch() -> Instant {
    Instant::now()
}

pub(crate) const fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}
