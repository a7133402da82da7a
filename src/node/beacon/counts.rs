//! What the beacon thread counts, readable by other threads at any time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a beacon thread has counted since its start. Every datagram that was heard is in one of the
/// first eight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Beacons of other nodes that were handed to the mesh thread.
    pub heard: u64,
    /// Beacons of other nodes that were left out because the mesh thread did not keep up.
    pub dropped: u64,
    /// Our own beacons that came back.
    pub echoes: u64,
    /// Datagrams that came by a network that is not used.
    pub elsewhere: u64,
    /// Datagrams that are no ZRE beacons at all.
    pub foreign: u64,
    /// Beacons of a version that is not known.
    pub unknown_version: u64,
    /// Beacons with a key (version 3): their nodes take encrypted connections only.
    pub encrypted: u64,
    /// Beacons of a wrong length, or from an address that nobody can have.
    pub malformed: u64,
    /// Beacons and farewells that were sent, one for each address.
    pub sent: u64,
    /// Those that the system refused to send.
    pub unsent: u64,
}

/// Where the thread counts; cloned for whoever reads.
#[derive(Debug, Clone)]
pub(super) struct Counters(Arc<[AtomicU64; 10]>);

/// One of the numbers in [`Counts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Count {
    Heard,
    Dropped,
    Echo,
    Elsewhere,
    Foreign,
    UnknownVersion,
    Encrypted,
    Malformed,
    Sent,
    Unsent,
}

impl Counters {
    pub(super) fn new() -> Self {
        Self(Arc::new(std::array::from_fn(|_| AtomicU64::new(0))))
    }

    pub(super) fn add(&self, count: Count, times: usize) {
        if let Some(counter) = self.0.get(count as usize) {
            counter.fetch_add(times as u64, Ordering::Relaxed);
        }
    }

    pub(super) fn counts(&self) -> Counts {
        let of = |count: Count| {
            let counter = self.0.get(count as usize);
            counter.map_or(0, |counter| counter.load(Ordering::Relaxed))
        };
        Counts {
            heard: of(Count::Heard),
            dropped: of(Count::Dropped),
            echoes: of(Count::Echo),
            elsewhere: of(Count::Elsewhere),
            foreign: of(Count::Foreign),
            unknown_version: of(Count::UnknownVersion),
            encrypted: of(Count::Encrypted),
            malformed: of(Count::Malformed),
            sent: of(Count::Sent),
            unsent: of(Count::Unsent),
        }
    }
}
