//! The parts of `zchat::node` with real threads, sockets and networks.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub,
    reason = "a test may panic, reads the clock of the machine, and is used from nowhere"
)]

#[cfg(feature = "sim")]
#[path = "../common/counting.rs"]
mod counting;
#[path = "../common/figure.rs"]
mod figure;
#[path = "../common/lab.rs"]
mod lab;
#[cfg(feature = "sim")]
#[path = "../common/replay.rs"]
mod replay;
#[path = "../common/skip.rs"]
mod skip;

mod alone;
mod beacon;
mod flow;
mod hostile;
mod hosts;
mod interface;
#[cfg(feature = "libzmq")]
mod libzmq;
mod mailbox;
mod mesh;
#[cfg(feature = "sim")]
mod octets;
mod raw;
mod shutdown;
mod start;
mod support;
