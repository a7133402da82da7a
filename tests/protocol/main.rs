//! The wire and the small machines, without sockets: what octets mean, and what no octets can do.
//! Builds without features.
//!
//! What a peer makes of the messages is not tested here.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails here fails at the right place"
)]

mod allocation;
mod announcer;
mod checks;
mod clock;
#[path = "../common/counting.rs"]
mod counting;
mod golden;
mod hostile;
#[path = "../common/replay.rs"]
mod replay;
mod roster;
mod roundtrip;
mod vectors;
