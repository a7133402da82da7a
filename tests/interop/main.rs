//! With foreign programs: Pyre and zyre.js, as they are installed from their registries, and one of
//! our own that is as strict as Zyre, each in a network namespace of its own, on one bridge with ours.
//!
//! Our side is driven as users drive it: the scripted peer on the public `Node` API
//! (docs/examples/peer.rs), and the program `zchat`. What the protocol does inside is tested
//! elsewhere; here it only counts what a foreign program sees of us and we of it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that is wrong about its input fails by a panic"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "real programs take real time, which the tests measure"
)]

#[path = "../common/figure.rs"]
mod figure;
#[path = "../common/lab.rs"]
mod lab;
#[path = "../common/program.rs"]
mod program;
#[path = "../common/skip.rs"]
mod skip;
mod world;
#[path = "../common/zmtp.rs"]
mod zmtp;

mod bulk;
mod chat;
mod idle;
mod membership;
mod strict;
