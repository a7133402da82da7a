//! `zchat doctor` on hosts where something is wrong on purpose: each situation is made for real, in
//! network namespaces, and must be found. (What is concluded from what is tested beside the code.)
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub,
    reason = "a test may panic, reads the clock of the machine, and is used from nowhere"
)]

#[path = "../common/lab.rs"]
mod lab;
#[path = "../common/skip.rs"]
mod skip;

mod beacons;
mod firewalls;
mod interfaces;
mod ipv6;
mod output;
mod peers;
mod ports;
mod support;
