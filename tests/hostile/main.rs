//! A hostile host on the network: whatever it does, the conversation of others goes on.
//!
//! Each attack does for some seconds what is known to kill or confuse other implementations, with real
//! sockets, from a host of its own, against a node in the middle of a conversation with an honest
//! one. The node is a process of its own, so that its memory, descriptors and threads can be read
//! from outside: see [`ground`]. What single messages do to the engine is tested in
//! `tests/protocol` and `tests/engine`; here it is about sockets, and about quantities.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that is wrong about its input fails by a panic"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "attacks take real time, which the tests measure"
)]

#[path = "../common/figure.rs"]
mod figure;
#[path = "../common/lab.rs"]
mod lab;
#[path = "../common/program.rs"]
mod program;
#[path = "../common/skip.rs"]
mod skip;
#[path = "../common/zmtp.rs"]
mod zmtp;

mod field;
mod ground;
mod measure;
mod words;

mod beacons;
mod connections;
mod crowds;
mod identities;
mod listeners;
mod log;
mod messages;
mod notes;
mod peers;
mod phases;
mod programs;
mod stopped;
mod together;
mod unfinished;
