//! What an application asks of a node ([`Action`]), and what a node tells it ([`Event`]).

use std::net::SocketAddr;
use std::time::Duration;

use super::{Content, GroupName, Headers, Link, Name, Origin, PeerId};

/// A number that the application chooses, to know an answer by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// What a node tells its application.
///
/// For each peer: [`Event::Enter`] comes first, [`Event::Exit`] last, and in between everything in
/// the order in which the peer sent it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A peer is here: its HELLO has come. Its groups follow as [`Event::Join`].
    Enter {
        /// The peer.
        peer: PeerId,
        /// What it calls itself.
        name: Name,
        /// What it tells about itself.
        headers: Headers,
        /// Where it is reached.
        link: Link,
    },
    /// Neither beacon nor traffic came from the peer for the `evasive` time, and it did not answer a
    /// PING within a second. Told once, until [`Event::Heard`].
    Evasive {
        /// The peer.
        peer: PeerId,
    },
    /// Nothing came from the peer for the `silent` time. Told once, until [`Event::Heard`].
    Silent {
        /// The peer.
        peer: PeerId,
    },
    /// The peer is heard again, by a beacon or a message, after [`Event::Evasive`] and perhaps
    /// [`Event::Silent`]. What it said comes behind this.
    Heard {
        /// The peer.
        peer: PeerId,
    },
    /// The peer is reached elsewhere now: by another of its addresses or networks. It has been here all
    /// the time.
    Moved {
        /// The peer.
        peer: PeerId,
        /// Where it is reached.
        link: Link,
    },
    /// The peer is gone.
    Exit {
        /// The peer.
        peer: PeerId,
        /// How that became known.
        reason: ExitReason,
    },
    /// The peer has joined a group, or was in it when it entered.
    Join {
        /// The peer.
        peer: PeerId,
        /// The group.
        group: GroupName,
    },
    /// The peer has left a group.
    Leave {
        /// The peer.
        peer: PeerId,
        /// The group.
        group: GroupName,
    },
    /// A message to this node alone.
    Whisper {
        /// Who sent it.
        origin: Origin,
        /// What it carries.
        content: Content,
    },
    /// A message to a group.
    Shout {
        /// Who sent it.
        origin: Origin,
        /// The group; not necessarily one that this node, or the sender, has joined.
        group: GroupName,
        /// What it carries.
        content: Content,
    },
    /// The peer has greeted again with another name or other headers. Changes of its groups follow as
    /// [`Event::Join`] and [`Event::Leave`].
    Update {
        /// The peer.
        peer: PeerId,
        /// Its name now.
        name: Name,
        /// Its name before; the same where only headers changed.
        was: Name,
        /// Its headers now.
        headers: Headers,
    },
    /// Messages to a peer that were not handed over, and will not be.
    Undelivered {
        /// The peer.
        peer: PeerId,
        /// How many.
        count: u64,
        /// Why.
        reason: UndeliveredReason,
    },
    /// The answer to [`Action::Flush`].
    Flushed {
        /// The number given there.
        ticket: Ticket,
        /// The peers that have read everything sent to them, of those that were sent something since
        /// the last answer; sorted.
        delivered: Vec<PeerId>,
        /// The peers for which that is not known; sorted.
        missing: Vec<PeerId>,
    },
    /// The answer to [`Action::Ping`].
    RoundTrip {
        /// The peer.
        peer: PeerId,
        /// From PING to PING-OK.
        elapsed: Duration,
    },
    /// The networks that the node uses have changed, or are told for the first time.
    Network {
        /// Its own addresses, one for each network; empty while there is no network.
        addresses: Vec<std::net::IpAddr>,
    },
    /// The node has stopped; nothing follows.
    Stop,
}

/// How it became known that a peer is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExitReason {
    /// It said farewell.
    Farewell,
    /// Its connection broke and was not replaced: its process has ended.
    Broken,
    /// Nothing was heard of it for the `expired` time.
    Expired,
    /// It sent something that cannot follow on what it sent before (a number left out, a message
    /// before its HELLO), so that messages of it are lost. It is greeted again at once.
    Gap,
    /// This node was told to disconnect it ([`Action::Dismiss`]), or is stopping.
    Dismissed,
    /// This node could not queue what the protocol needs it to be told: it takes nothing.
    Overflow,
}

/// Why a message was not handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum UndeliveredReason {
    /// The peer is not connected, or not any more.
    Gone,
    /// The peer has taken nothing for the `evasive` time, and its budget of octets is full.
    Full,
    /// The node has stopped before the peer said that it has read them.
    Stopped,
}

/// What an application asks of a node.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// Join a group. Nothing happens if it is joined.
    Join(GroupName),
    /// Leave a group. Nothing happens if it is not joined.
    Leave(GroupName),
    /// Send to one peer. Answered by [`Event::Undelivered`] if it is not connected.
    Whisper {
        /// The peer.
        peer: PeerId,
        /// What to send.
        content: Content,
    },
    /// Send to every peer that is in the group, which need not be joined.
    Shout {
        /// The group.
        group: GroupName,
        /// What to send.
        content: Content,
    },
    /// Take another name, and tell all peers.
    Rename(Name),
    /// Replace one's own headers, and tell all peers.
    Describe(Headers),
    /// Greet whoever has its mailbox at this address, without a beacon; again whenever it is not
    /// connected, until [`Action::Dismiss`]. Also ends an earlier [`Action::Dismiss`] of it.
    Greet(SocketAddr),
    /// Disconnect whoever has its mailbox at this address, and ignore it from then on, by address
    /// and by id, until [`Action::Greet`].
    Dismiss(SocketAddr),
    /// Measure the round trip to a peer; answered by [`Event::RoundTrip`] if it answers.
    Ping(PeerId),
    /// Ask whether everything that was sent has been read; answered by [`Event::Flushed`], as soon as
    /// all have said so or `within` has passed without progress.
    Flush {
        /// To know the answer by.
        ticket: Ticket,
        /// How long to wait without progress.
        within: Duration,
    },
    /// Stop: deliver what was accepted, as long as it makes progress in `within`; then say farewell.
    Stop {
        /// How long to wait without progress.
        within: Duration,
    },
}
