//! The parts of `zchat::node` with real threads, sockets and networks.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a test may panic, and reads the clock of the machine"
)]

mod mailbox;
