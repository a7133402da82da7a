//! Messages between peers (RFC 36, "ZRE Protocol Specification").

use super::{Content, GroupName, Headers, Name};

/// A message: what it says, and its number.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The number: 1 for HELLO, then one more for each message to that peer.
    pub sequence: u16,
    /// What it says.
    pub body: Body,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// A greeting: the first message on a connection, or a change of name or headers.
    Hello(Hello),
    /// Content for one peer.
    Whisper {
        /// The content.
        content: Content,
    },
    /// Content for a group.
    Shout {
        /// The group.
        group: GroupName,
        /// The content.
        content: Content,
    },
    /// The sender has joined a group.
    Join {
        /// The group.
        group: GroupName,
        /// The sender's status after that.
        status: u8,
    },
    /// The sender has left a group.
    Leave {
        /// The group.
        group: GroupName,
        /// The sender's status after that.
        status: u8,
    },
    /// A question whether the receiver lives.
    Ping,
    /// The answer to a PING, or a sign of life.
    PingOk,
    /// A candidate of an election (Zyre only; understood, never sent: trap 5).
    Elect {
        /// The group.
        group: GroupName,
        /// The candidate's id.
        challenger: String,
    },
    /// The result of an election (Zyre only; understood, never sent).
    Leader {
        /// The group.
        group: GroupName,
        /// The leader's id.
        leader: String,
    },
    /// A farewell (Zyre in gossip mode only; understood, never sent).
    Goodbye,
}

/// What a HELLO says.
#[derive(Debug, Clone, PartialEq)]
pub struct Hello {
    /// Where the sender says that it can be reached; not to be trusted (trap 11).
    pub endpoint: String,
    /// The groups that it is in; one may stand there twice (trap 13).
    pub groups: Vec<GroupName>,
    /// The number of its joins and leaves so far, modulo 256.
    pub status: u8,
    /// What it calls itself.
    pub name: Name,
    /// What it tells about itself.
    pub headers: Headers,
}
