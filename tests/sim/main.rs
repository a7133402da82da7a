//! The protocol in virtual time: worlds of hosts on a network where everything goes wrong, and what
//! must be true in them all the same.

#![allow(
    clippy::disallowed_methods,
    reason = "virtual time has to begin at some time"
)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that finds something else than it expects has failed"
)]

use std::time::{Duration, Instant};

use zchat::sim::{Options, Report, World};

mod determinism;
mod discovery;
mod faults;
mod forgery;
mod paths;
mod presence;

/// Runs a world to its end. One that fails is run again, to show what led to it.
fn run(options: Options) -> Report {
    let world = |options| World::new(options, Instant::now()).run();
    let failure = match world(options.clone()) {
        Ok(report) => return report,
        Err(failure) => failure,
    };
    let mut options = options;
    options.trace_lines = 200;
    options.trace_from = failure.time.saturating_sub(Duration::from_secs(300));
    match world(options) {
        Ok(_) => {
            panic!("a world that failed does not fail again: the same seed gave another world")
        }
        Err(failure) => panic!("{failure}"),
    }
}
