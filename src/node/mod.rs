//! A ZRE node with sockets and threads: [`Node`], which programs embed.
//!
//! ```text
//!                    your threads                    │   the node's threads
//!                                                    │
//!  Node ── whisper, shout, join, leave … ──Action──▶ │ zchat-mesh ──DEALER (one a peer)──▶ peers
//!    ▲     Sender (clone it for each thread)         │  │   ▲  ▲
//!    │                                               │  │   │  └────────ROUTER, our own ── peers
//!    └──── recv, try_recv, a descriptor ◀──Event──── │──┘   └──Sighting── zchat-beacon ◀─UDP─▶ LAN
//! ```
//!
//! No lock is held and no question is asked across threads. Both queues are bounded, and nothing is
//! lost in them: an application that sends faster than its peers take is made to wait (or told that
//! the queue is full), and one that does not receive its events makes its peers wait, while the node
//! goes on to answer for it. Who is here and in which groups is known from the events that were
//! received: nothing changes between two calls of [`Node::recv`].
//!
//! ```
//! use std::time::{Duration, Instant};
//! use zchat::node::Node;
//! use zchat::zre::{Event, GroupName, Name};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let group = GroupName::new("CHAT")?;
//! // On the loopback interface, and a beacon port of its own, so as not to disturb anybody.
//! let start = |name: &str| -> Result<Node, Box<dyn std::error::Error>> {
//!     let node = Node::builder(Name::new(name)?).group(group.clone()).interface("lo");
//!     Ok(node.beacon_port(5679).start()?)
//! };
//! let mut alice = start("alice")?;
//! let mut bob = start("bob")?;
//!
//! let deadline = Instant::now() + Duration::from_secs(10);
//! while alice.peers_of(&group).next().is_none() {
//!     alice.recv_deadline(deadline)?;
//! }
//! alice.shout(&group, "hello")?;
//! loop {
//!     if let Event::Shout { origin, content, .. } = bob.recv_deadline(deadline)? {
//!         assert_eq!(origin.peer, alice.id());
//!         assert_eq!(&**content.first(), b"hello");
//!         break;
//!     }
//! }
//! // Delivers what was sent before it says farewell.
//! alice.close(Duration::from_secs(5));
//! # Ok(())
//! # }
//! ```
//!
//! Limits: nothing is encrypted, and anybody on the network can read everything and take any name. Each
//! peer costs two descriptors.

pub mod beacon;
pub(crate) mod bell;
mod builder;
#[cfg(any(test, feature = "sim"))]
#[doc(hidden)]
pub mod checks;
mod counters;
mod descriptors;
pub mod error;
mod inbox;
pub mod interface;
mod links;
pub mod mailbox;
mod mesh;
mod outlet;
mod readiness;
mod route;
mod seldom;
mod sender;
mod share;
mod tcp;
mod zmtp;

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::zre::{
    Action, Content, Event, GroupName, Headers, KnownGroup, KnownPeer, Name, PeerId, Roster, Stats,
    Ticket,
};

pub use builder::Builder;
#[doc(hidden)]
pub use descriptors::peers_within;
pub use error::{RecvError, SendError, StartError, TooLarge, TrySendError};
#[doc(hidden)]
pub use route::local_towards;
pub use sender::Sender;

use mailbox::TryRecvError;
use mesh::Shared;
use outlet::Inlet;

/// A running ZRE node: it finds peers, is found by them, and exchanges messages with them, until it is
/// stopped or dropped.
///
/// Several nodes can run in one process. A node can be moved between threads, and is used by one at a
/// time; [`Node::sender`] gives others the means to send.
///
/// Everything that sends has two forms, as [`Sender`] explains: one that waits while too much is
/// queued, and one that never waits.
#[derive(Debug)]
pub struct Node {
    id: PeerId,
    name: Name,
    headers: Headers,
    port: u16,
    addresses: Vec<IpAddr>,
    sender: Sender,
    /// `None` only while the node is dropped.
    events: Option<Inlet>,
    roster: Roster,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Whether [`Event::Stop`] was received.
    stopped: bool,
}

// What it is.
impl Node {
    /// Settings for a node of this name, to be started by [`Builder::start`].
    pub fn builder(name: Name) -> Builder {
        Builder::new(name)
    }

    /// Who this node is: a random id, another one at each start (RFC 36, "Node Identification").
    #[must_use]
    pub const fn id(&self) -> PeerId {
        self.id
    }

    /// The same as a UUID.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.id.into()
    }

    /// What it calls itself.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// What it tells about itself.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The TCP port of its mailbox.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Where its mailbox is: its addresses, one for each network, with the port. They change as
    /// [`Event::Network`] is received; empty while there is no network.
    pub fn endpoints(&self) -> impl ExactSizeIterator<Item = SocketAddr> {
        self.addresses
            .iter()
            .map(|address| SocketAddr::new(*address, self.port))
    }

    /// What the node has counted so far. May be asked at any time, from the handle's thread.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.counters.read()
    }
}

// What it is told to do.
impl Node {
    /// The means to send from other threads.
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// Does what the action says, and waits while too much is queued. For programs that keep what is
    /// to be done as values; all other methods are short for it.
    ///
    /// # Errors
    ///
    /// If the content is larger than allowed, or the node has stopped.
    pub fn act(&mut self, action: Action) -> Result<(), SendError> {
        let action = self.checked(action)?;
        let noted = action.clone();
        self.sender.act(action)?;
        self.note(noted);
        Ok(())
    }

    /// The same without waiting.
    ///
    /// # Errors
    ///
    /// As above, or if too much waits already.
    pub fn try_act(&mut self, action: Action) -> Result<(), TrySendError<Action>> {
        let action = self.checked(action)?;
        let noted = action.clone();
        self.sender.try_act(action)?;
        self.note(noted);
        Ok(())
    }

    fn checked(&self, action: Action) -> Result<Action, TooLarge> {
        match action {
            Action::Whisper { peer, content } => {
                let content = self.sender.checked(content)?;
                Ok(Action::Whisper { peer, content })
            }
            Action::Shout { group, content } => {
                let content = self.sender.checked(content)?;
                Ok(Action::Shout { group, content })
            }
            other => Ok(other),
        }
    }

    /// What an action that was handed over changes in what this handle answers.
    fn note(&mut self, action: Action) {
        match action {
            Action::Join(group) => {
                self.roster.join(&group);
            }
            Action::Leave(group) => {
                self.roster.leave(&group);
            }
            Action::Rename(name) => self.name = name,
            Action::Describe(headers) => self.headers = headers,
            _ => {}
        }
    }

    /// Joins a group, and tells all peers (RFC 36, JOIN). Nothing happens if it is joined.
    ///
    /// # Errors
    ///
    /// If the node has stopped.
    pub fn join(&mut self, group: &GroupName) -> Result<(), SendError> {
        self.act(Action::Join(group.clone()))
    }

    /// The same without waiting.
    ///
    /// # Errors
    ///
    /// If too much waits already, or the node has stopped.
    pub fn try_join(&mut self, group: &GroupName) -> Result<(), TrySendError<()>> {
        self.try_plain(Action::Join(group.clone()))
    }

    /// Leaves a group, and tells all peers (RFC 36, LEAVE). Nothing happens if it is not joined.
    ///
    /// # Errors
    ///
    /// If the node has stopped.
    pub fn leave(&mut self, group: &GroupName) -> Result<(), SendError> {
        self.act(Action::Leave(group.clone()))
    }

    /// The same without waiting.
    ///
    /// # Errors
    ///
    /// If too much waits already, or the node has stopped.
    pub fn try_leave(&mut self, group: &GroupName) -> Result<(), TrySendError<()>> {
        self.try_plain(Action::Leave(group.clone()))
    }

    /// Sends to one peer: see [`Sender::whisper`].
    ///
    /// # Errors
    ///
    /// If the content is larger than allowed, or the node has stopped.
    pub fn whisper(&self, peer: PeerId, content: impl Into<Content>) -> Result<(), SendError> {
        self.sender.whisper(peer, content)
    }

    /// The same without waiting.
    ///
    /// # Errors
    ///
    /// As above, or if too much waits already.
    pub fn try_whisper(
        &self,
        peer: PeerId,
        content: impl Into<Content>,
    ) -> Result<(), TrySendError<Content>> {
        self.sender.try_whisper(peer, content)
    }

    /// Sends to all peers in a group: see [`Sender::shout`].
    ///
    /// # Errors
    ///
    /// If the content is larger than allowed, or the node has stopped.
    pub fn shout(&self, group: &GroupName, content: impl Into<Content>) -> Result<(), SendError> {
        self.sender.shout(group, content)
    }

    /// The same without waiting.
    ///
    /// # Errors
    ///
    /// As above, or if too much waits already.
    pub fn try_shout(
        &self,
        group: &GroupName,
        content: impl Into<Content>,
    ) -> Result<(), TrySendError<Content>> {
        self.sender.try_shout(group, content)
    }

    /// Takes another name, and tells all peers.
    ///
    /// # Errors
    ///
    /// If the node has stopped.
    pub fn rename(&mut self, name: Name) -> Result<(), SendError> {
        self.act(Action::Rename(name))
    }

    /// The same without waiting.
    ///
    /// # Errors
    ///
    /// If too much waits already, or the node has stopped.
    pub fn try_rename(&mut self, name: Name) -> Result<(), TrySendError<()>> {
        self.try_plain(Action::Rename(name))
    }

    /// Replaces the headers, and tells all peers.
    ///
    /// # Errors
    ///
    /// If the node has stopped.
    pub fn describe(&mut self, headers: Headers) -> Result<(), SendError> {
        self.act(Action::Describe(headers))
    }

    /// The same without waiting.
    ///
    /// # Errors
    ///
    /// If too much waits already, or the node has stopped.
    pub fn try_describe(&mut self, headers: Headers) -> Result<(), TrySendError<()>> {
        self.try_plain(Action::Describe(headers))
    }

    /// Greets whoever has its mailbox at this address, without a beacon, and again whenever it is
    /// not connected.
    ///
    /// # Errors
    ///
    /// If the node has stopped.
    pub fn greet(&self, mailbox: SocketAddr) -> Result<(), SendError> {
        self.sender.act(Action::Greet(mailbox))
    }

    /// The same without waiting.
    ///
    /// # Errors
    ///
    /// If too much waits already, or the node has stopped.
    pub fn try_greet(&self, mailbox: SocketAddr) -> Result<(), TrySendError<()>> {
        self.sender
            .try_act(Action::Greet(mailbox))
            .map_err(sender::nothing_of)
    }

    /// Disconnects whoever has its mailbox at this address, and ignores it until [`Node::greet`].
    ///
    /// # Errors
    ///
    /// If the node has stopped.
    pub fn dismiss(&self, mailbox: SocketAddr) -> Result<(), SendError> {
        self.sender.act(Action::Dismiss(mailbox))
    }

    /// The same without waiting.
    ///
    /// # Errors
    ///
    /// If too much waits already, or the node has stopped.
    pub fn try_dismiss(&self, mailbox: SocketAddr) -> Result<(), TrySendError<()>> {
        self.sender
            .try_act(Action::Dismiss(mailbox))
            .map_err(sender::nothing_of)
    }

    /// Measures the round trip to a peer: see [`Sender::ping`].
    ///
    /// # Errors
    ///
    /// If the node has stopped.
    pub fn ping(&self, peer: PeerId) -> Result<(), SendError> {
        self.sender.ping(peer)
    }

    /// The same without waiting.
    ///
    /// # Errors
    ///
    /// If too much waits already, or the node has stopped.
    pub fn try_ping(&self, peer: PeerId) -> Result<(), TrySendError<()>> {
        self.sender.try_ping(peer)
    }

    /// Asks whether everything that was sent so far has been read: see [`Sender::flush`].
    ///
    /// # Errors
    ///
    /// If the node has stopped.
    pub fn flush(&self, ticket: Ticket, within: Duration) -> Result<(), SendError> {
        self.sender.flush(ticket, within)
    }

    /// The same without waiting for the node to take it.
    ///
    /// # Errors
    ///
    /// If too much waits already, or the node has stopped.
    pub fn try_flush(&self, ticket: Ticket, within: Duration) -> Result<(), TrySendError<()>> {
        self.sender.try_flush(ticket, within)
    }

    fn try_plain(&mut self, action: Action) -> Result<(), TrySendError<()>> {
        self.try_act(action).map_err(sender::nothing_of)
    }
}

// Who is here, as far as the events that were received tell.
impl Node {
    /// Everything that the received events have told of peers and groups.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    /// All peers, sorted by id.
    pub fn peers(&self) -> impl ExactSizeIterator<Item = &KnownPeer> {
        self.roster.peers()
    }

    /// A peer: its name, headers, address and groups.
    #[must_use]
    pub fn peer(&self, id: PeerId) -> Option<&KnownPeer> {
        self.roster.peer(id)
    }

    /// The peers that are in a group.
    pub fn peers_of(&self, group: &GroupName) -> impl Iterator<Item = &KnownPeer> {
        self.roster.peers_of(group)
    }

    /// All groups that this node or any peer is in, sorted by name.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = KnownGroup<'_>> {
        self.roster.groups()
    }

    /// The groups that this node is in, sorted by name.
    pub fn own_groups(&self) -> impl Iterator<Item = &GroupName> {
        self.roster.own_groups()
    }
}

// What it tells.
impl Node {
    /// The next event; waits for it. The last one is [`Event::Stop`].
    ///
    /// # Errors
    ///
    /// If the node has stopped, and that was told.
    pub fn recv(&mut self) -> Result<Event, RecvError> {
        self.recv_until(None)
    }

    /// The next event; waits for it until `deadline`.
    ///
    /// # Errors
    ///
    /// If none has come until then, or the node has stopped.
    pub fn recv_deadline(&mut self, deadline: Instant) -> Result<Event, RecvError> {
        self.recv_until(Some(deadline))
    }

    /// The next event, if one waits.
    ///
    /// # Errors
    ///
    /// If none waits, or the node has stopped.
    pub fn try_recv(&mut self) -> Result<Event, RecvError> {
        let events = self.events.as_mut().ok_or(RecvError::Stopped)?;
        match events.try_recv() {
            Ok((event, at)) => Ok(self.received(event, at)),
            Err(none) => Err(none.into()),
        }
    }

    fn recv_until(&mut self, deadline: Option<Instant>) -> Result<Event, RecvError> {
        match self.try_recv() {
            Err(RecvError::Empty) => {}
            event_or_stopped => return event_or_stopped,
        }
        let events = self.events.as_mut().ok_or(RecvError::Stopped)?;
        let (event, at) = events.recv(deadline)?;
        Ok(self.received(event, at))
    }

    fn received(&mut self, event: Event, at: Instant) -> Event {
        self.roster.handle_event(&event, at);
        match &event {
            Event::Network { addresses } => self.addresses.clone_from(addresses),
            Event::Stop => self.stopped = true,
            _ => {}
        }
        event
    }
}

// Its end.
impl Node {
    /// Has the node stop: what was handed to it is delivered first, as long as the peers make
    /// progress in `within`, and everything that is not is told ([`Event::Undelivered`]); then it says
    /// farewell. From now on nothing more can be sent. Go on to receive events until
    /// [`Event::Stop`]: the answers of the peers are read only while there is room for events.
    ///
    /// Waits at most `within` for the node to take this in, if it is not ready to.
    pub fn stop(&self, within: Duration) {
        let deadline = Instant::now() + within;
        if !self.sender.act_until(Action::Stop { within }, deadline) {
            self.shared.abort();
        }
    }

    /// Stops the node and waits for its end; events that come meanwhile are received and dropped.
    /// Takes as long as the delivery makes progress in `within`.
    pub fn close(mut self, within: Duration) {
        self.stop(within);
        while self.recv().is_ok() {}
    }

    /// The end of a handle, however it came.
    fn end(&mut self) {
        if !self.stopped {
            self.stop(DROP);
            let deadline = Instant::now() + DROP_IN_ALL;
            while !self.stopped && self.recv_deadline(deadline).is_ok() {}
            self.shared.abort();
        }
        // Nobody receives any more: the thread does not wait for that.
        self.events = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the mesh thread has panicked");
        }
    }
}

/// Stops the node, with a short time (half a second without progress, two in all) for what it still
/// has to deliver, and waits for its threads. [`Node::stop`] and [`Node::close`] leave it more.
impl Drop for Node {
    fn drop(&mut self) {
        self.end();
    }
}

/// Readable when an event waits: for programs with a loop of their own. After it was readable, call
/// [`Node::try_recv`] until it finds none.
impl AsFd for Node {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.events
            .as_ref()
            .expect("there until the node is dropped")
            .as_fd()
    }
}

impl From<TryRecvError> for RecvError {
    fn from(error: TryRecvError) -> Self {
        match error {
            TryRecvError::Empty => Self::Empty,
            TryRecvError::Closed => Self::Stopped,
        }
    }
}

/// How long a dropped node may take to deliver: without progress, and in all.
const DROP: Duration = Duration::from_millis(500);
const DROP_IN_ALL: Duration = Duration::from_secs(2);
