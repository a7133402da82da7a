//! What a process costs, read from /proc while it is attacked.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What a process has at a moment, or the most that it had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    /// Resident memory in KiB.
    pub(crate) memory: u64,
    pub(crate) descriptors: u64,
    pub(crate) threads: u64,
}

impl Cost {
    pub(crate) fn megabytes(self) -> u64 {
        self.memory.div_ceil(1_024)
    }

    fn at_most(self, other: Self) -> Self {
        Self {
            memory: self.memory.max(other.memory),
            descriptors: self.descriptors.max(other.descriptors),
            threads: self.threads.max(other.threads),
        }
    }
}

/// What a process has now.
pub(crate) fn cost(process: u64) -> Cost {
    let status = fs::read_to_string(of(process, "status")).unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
        value.unwrap_or(0)
    };
    Cost {
        memory: field("VmRSS:"),
        descriptors: fs::read_dir(of(process, "fd")).map_or(0, |entries| entries.count() as u64),
        threads: field("Threads:"),
    }
}

/// Seconds of processor time that a process has used so far.
pub(crate) fn processor_seconds(process: u64) -> f64 {
    let stat = fs::read_to_string(of(process, "stat")).unwrap_or_default();
    // Fields 14 and 15, in hundredths; the name, field 2, may have spaces but ends with a bracket.
    let rest = stat.rsplit(')').next().unwrap_or_default();
    let field = |index: usize| {
        let value = rest.split_whitespace().nth(index);
        value
            .and_then(|value| value.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    (field(11) + field(12)) / 100.0
}

fn of(process: u64, what: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{process}/{what}"))
}

/// Watches a process for its peaks.
#[derive(Debug)]
pub(crate) struct Watch {
    process: u64,
    ended: Arc<AtomicBool>,
    watching: JoinHandle<Cost>,
}

impl Watch {
    pub(crate) fn begin(process: u64) -> Self {
        // The kernel's own peak of the memory begins anew.
        let _not_everywhere = fs::write(of(process, "clear_refs"), "5");
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ended);
        let watching = thread::spawn(move || {
            let mut most = Cost::default();
            while !seen.load(Ordering::Relaxed) {
                most = most.at_most(cost(process));
                thread::sleep(EVERY);
            }
            most
        });
        Self {
            process,
            ended,
            watching,
        }
    }

    /// The most that it had.
    pub(crate) fn end(self) -> Cost {
        self.ended.store(true, Ordering::Relaxed);
        let mut most = self.watching.join().unwrap();
        let status = fs::read_to_string(of(self.process, "status")).unwrap_or_default();
        let peak = status.lines().find_map(|line| {
            line.strip_prefix("VmHWM:")?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        });
        most.memory = most.memory.max(peak.unwrap_or(0));
        most
    }
}

const EVERY: Duration = Duration::from_millis(10);
