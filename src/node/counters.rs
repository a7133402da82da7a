//! What was counted, where the application can read it while the mesh thread goes on counting.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::zre::Stats;

macro_rules! counters {
    ($($name:ident),* $(,)?) => {
        /// [`Stats`] that one thread writes and any thread reads, without a lock: each counter is
        /// right, though one may be a moment newer than another.
        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $($name: AtomicU64,)*
        }

        impl Counters {
            pub(super) fn publish(&self, stats: &Stats) {
                // Without `..`, so that none is forgotten.
                let Stats { $($name,)* } = stats;
                $(self.$name.store(*$name, Ordering::Relaxed);)*
            }

            pub(super) fn read(&self) -> Stats {
                Stats { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    received,
    sent,
    beacons,
    bad_beacons,
    bad_messages,
    bad_origins,
    unknown_peers,
    gaps,
    repeated,
    wrong_status,
    left_out,
    too_many_groups,
    too_many_peers,
    too_many_unproven,
    dismissed,
    forged_farewells,
    refuted_farewells,
    refuted_moves,
    unanswered_pings,
    refused_connections,
    closed_unheard,
    violations,
    closed_unfinished,
    sending_mailboxes,
    dropped_sightings,
    undelivered,
}
