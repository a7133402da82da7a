//! Zero-configuration group chat for local networks, and a native ZRE (RFC 36) node for Rust.
//!
//! A node finds all others on its networks, is found by them, knows who is in which group, and
//! exchanges messages with one peer or a group: no server, no configuration. Programs built on Zyre
//! (C), Pyre (Python) and zyre.js are peers like any other.
//!
//! ```text
//!              pure: no socket, thread, clock, file                  shell
//!            ┌───────────┐   ┌───────────┐   ┌───────────┐      ┌───────────┐   ┌──────────┐
//!            │    zre    │◀──│   chat    │   │    sim    │      │   node    │◀──│ channel  │
//!            │ protocol  │   │application│   │  worlds   │      │  sockets  │   │ a thread │
//!            └───────────┘   └───────────┘   └───────────┘      └───────────┘   └──────────┘
//!  feature:    (always)          chat             sim               node       node and chat
//! ```
//!
//! - To find peers and talk with them: [`Node`], in the module [`node`].
//! - To take part in a chat, with its commands and manners: [`channel`], four steps.
//! - To speak the protocol over something else, or to test it: [`zre`], a state machine without
//!   sockets; it needs no feature at all, and no ZeroMQ.
//!
//! # Example
//!
//! Two nodes in one process, on the loopback interface and a beacon port of their own:
//!
#![cfg_attr(feature = "node", doc = "```")]
#![cfg_attr(not(feature = "node"), doc = "```ignore")]
//! use std::time::{Duration, Instant};
//! use zchat::Node;
//! use zchat::zre::{Event, GroupName, Name};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let group = GroupName::new("CHAT")?;
//! let start = |name: &str| -> Result<Node, Box<dyn std::error::Error>> {
//!     let node = Node::builder(Name::new(name)?).group(group.clone());
//!     Ok(node.interface("lo").beacon_port(5_692).start()?)
//! };
//! let (mut alice, mut bob) = (start("alice")?, start("bob")?);
//!
//! // To find each other takes them some milliseconds.
//! let deadline = Instant::now() + Duration::from_secs(10);
//! while alice.peers_of(&group).next().is_none() {
//!     alice.recv_deadline(deadline)?;
//! }
//! alice.shout(&group, "hello, everybody")?;
//! let sender = loop {
//!     if let Event::Shout { origin, content, .. } = bob.recv_deadline(deadline)? {
//!         assert_eq!(&**content.first(), b"hello, everybody");
//!         break origin.peer;
//!     }
//! };
//! assert_eq!(sender, alice.id());
//! bob.whisper(sender, "hello, alice")?;
//! while !matches!(alice.recv_deadline(deadline)?, Event::Whisper { .. }) {}
//! # Ok(())
//! # }
//! ```
//!
//! # Limits
//!
//! - Nothing is encrypted: anybody on the network can read the text and forge a name.
//! - IPv4, and networks on which broadcasts are heard; peers elsewhere are greeted by their address
//!   ([`Node::greet`](node::Node::greet)).
//! - Linux is what is tested. ZMTP, the protocol of ZeroMQ, is spoken by safe Rust
//!   here: no libzmq is needed.
//! - What strangers can make grow is bounded: see [`zre::Limits`].

#![forbid(unsafe_code)]

pub mod zre;

#[cfg(feature = "chat")]
pub mod chat;

#[cfg(feature = "node")]
#[expect(
    clippy::disallowed_methods,
    reason = "the shell: here the clock is read and threads are started"
)]
pub mod node;

#[cfg(all(feature = "node", feature = "chat"))]
#[expect(
    clippy::disallowed_methods,
    reason = "the shell of the chat: here the clock is read and a thread is started"
)]
pub mod channel;

#[cfg(feature = "sim")]
pub mod sim;

#[cfg(feature = "node")]
pub use node::Node;

/// The examples of README.md are compiled as those of the documents are.
#[cfg(all(doctest, feature = "node"))]
#[doc = include_str!("../README.md")]
pub struct Readme;
