//! The protocol in virtual time: worlds of hosts in one process, with every fault a network has, all
//! of it from one seed. Not a stable API: it is there for tests, benches and the simulator example.
//!
//! A [`World`] runs the very engines, announcers and chat sessions that the program runs; only the
//! network, the clocks and the people are made up. There is no socket, thread or file, and time is a number: an
//! hour takes seconds, and the same seed gives the same hour again.
//!
//! ```text
//!  seed ─▶ Options ─▶ World ──takes the next thing from its heap, sets the clock──┐
//!                       ▲                                                        ▼
//!                 network.rs, world/streams.rs  ◀──poll_output──  Engine, Announcer (host.rs)
//!                       │                                                        │
//!                       └──────────────────▶ check/ ◀──────────events────────────┘
//! ```
//!
//! While faults happen ([`Fault`]), the checkers (`check`) see that nothing is ever told wrongly; then
//! everything is healed, and all must find each other in the time that the protocol promises.

mod chat;
mod check;
mod crowd;
mod foreign;
mod host;
mod network;
mod options;
mod paths;
mod rng;
mod stream;
mod time;
mod trace;
mod world;

pub use check::{Counts, Violation};
pub use crowd::{Crowd, CrowdCounts};
pub use options::{Fault, Kind, Options};
pub use rng::Rng;
pub use world::{Failure, Report, World};
