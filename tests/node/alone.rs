//! Tests that need a process of their own: they count its threads and descriptors, measure it, or
//! change its limits, which must not meet other tests in the same one.

use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

use crate::support::PATIENCE;

/// Runs a test by itself: the same test again in a process of its own, where `true` is returned.
/// The first one then has nothing to do but to see that this went well.
pub fn is_alone(test: &str) -> bool {
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(MARK, "1")
        .output()
        .unwrap();
    let (out, error) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        out.contains("1 passed"),
        "{test}, {}:\n{out}{error}",
        output.status
    );
    false
}

const MARK: &str = "ZCHAT_TEST_ALONE";

/// What this process has of what a node uses.
#[derive(Debug, PartialEq, Eq)]
pub struct Process {
    threads: usize,
    descriptors: usize,
}

impl Process {
    pub fn now() -> Self {
        let count = |what| std::fs::read_dir(what).unwrap().count();
        Self {
            threads: count("/proc/self/task"),
            descriptors: count("/proc/self/fd"),
        }
    }

    /// Waits until it is as it was. (A thread that was joined may be listed a moment longer.)
    pub fn assert_again(&self) {
        let deadline = Instant::now() + PATIENCE;
        while Self::now() != *self {
            assert!(
                Instant::now() < deadline,
                "before {self:?}, now {:?}",
                Self::now()
            );
            std::thread::yield_now();
        }
    }
}

/// The processor time that this process has used.
pub fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let micros = |time: nix::sys::time::TimeVal| {
        let seconds = u64::try_from(time.tv_sec()).unwrap();
        let micros = u64::try_from(time.tv_usec()).unwrap();
        Duration::from_micros(seconds * 1_000_000 + micros)
    };
    micros(usage.user_time()) + micros(usage.system_time())
}

/// How often a thread of this process has gone to sleep, and so has been woken up: what idle nodes cost
/// on a fast machine and on a slow one alike.
pub fn sleeps() -> i64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    usage.voluntary_context_switches()
}

/// The memory that this process has in use, in octets.
pub fn memory() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}
