//! The ZRE protocol (RFC 36) as pure state machines: no socket, thread, clock, file or random source.
//!
//! Time enters as a value with every call; bytes become types in `wire`, `message` and `beacon`, and
//! nowhere else.

mod announcer;
mod beacon;
mod config;
#[cfg(any(feature = "node", feature = "sim"))]
pub(crate) mod connections;
mod content;
mod engine;
mod event;
mod group;
mod headers;
mod host;
mod id;
mod link;
mod message;
mod name;
mod output;
mod recent;
mod roster;
mod sequence;
mod stats;
#[cfg(any(feature = "node", feature = "sim"))]
pub(crate) mod ticket;
mod wire;

pub use announcer::Announcer;
pub use beacon::{Beacon, BeaconError};
pub use config::{Limits, Timing};
pub use content::{Content, Frame, Tail};
pub use engine::{Engine, EngineConfig, Waiting};
pub use event::{Action, Event, ExitReason, Ticket, UndeliveredReason};
pub use group::{GroupName, GroupNameError};
pub use headers::{Headers, HeadersError};
pub use host::Host;
pub use id::PeerId;
pub use link::{Link, Origin, PublicKey};
pub use message::{Body, Hello, Message};
pub use name::{Name, NameError};
pub use output::{LinkId, Output, Sighting, Via};
pub use roster::{KnownGroup, KnownPeer, Presence, Roster};
pub use stats::Stats;
pub use wire::{DecodeError, Field};
