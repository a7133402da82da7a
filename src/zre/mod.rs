//! The ZRE protocol (RFC 36) as pure state machines: no socket, thread, clock, file or random source.
//!
//! Time enters as a value with every call; bytes become types in `wire`, `message` and `beacon`, and
//! nowhere else.

mod content;
mod event;
mod group;
mod headers;
mod id;
mod link;
mod name;

pub use content::{Content, Frame, Tail};
pub use event::{Action, Event, ExitReason, Ticket, UndeliveredReason};
pub use group::{GroupName, GroupNameError};
pub use headers::{Headers, HeadersError};
pub use id::PeerId;
pub use link::{Link, Origin, PublicKey};
pub use name::{Name, NameError};
