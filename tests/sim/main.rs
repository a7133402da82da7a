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

mod determinism;
mod discovery;
