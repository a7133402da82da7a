//! The chat in virtual time: transcripts of sessions (lines and events in, screen, records and actions
//! out), two sessions wired to each other, and whatever a hostile peer may send or
//! the fuzzer has kept.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, and says where"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "one reading of the clock is the epoch of each world"
)]
#![allow(unreachable_pub, missing_docs, reason = "nothing here is a library")]

mod astray;
mod between;
mod checks;
mod commands;
mod completing;
mod corpus;
mod harness;
mod hostile;
mod ignoring;
mod listing;
mod manual;
mod names;
mod observing;
mod pair;
#[path = "../common/replay.rs"]
mod replay;
mod screen;
mod sending;
mod talking;
