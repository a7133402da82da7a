//! The engine, told what happens by hand, in virtual time: one scenario a test, and sequences of
//! operations made up by chance or kept by the fuzzer.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    reason = "a test may fail, and has to begin at some time"
)]

mod broken;
mod corpus;
mod delivery;
mod discovery;
mod farewells;
mod flow;
mod heirs;
mod life;
mod link_local;
mod messages;
mod one_way;
mod operations;
mod places;
mod reopened;
mod repeats;
#[path = "../common/replay.rs"]
mod replay;
mod solo;
mod statics;
mod successors;
