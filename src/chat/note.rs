//! What chats tell each other beside the text: [`Note`]. How it is written is in `payload`.

use crate::zre::{Frame, PeerId};

/// What goes with a message between chats, beside its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    /// The number of the message, given by its sender, to be referred to.
    pub(crate) id: u64,
    /// When it was sent, by the sender's clock, in milliseconds since 1970.
    pub(crate) sent: i64,
    /// What it is.
    pub(crate) kind: Kind,
}

/// What a message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Something said; within the private chat of this number, if there is one.
    Text { private: Option<u64> },
    /// Something said to everybody that the sender is connected to.
    All,
    /// Something done: the text tells it after so many octets, which are for programs without notes.
    Action { skip: usize, private: Option<u64> },
    /// Will you have a private chat? Under this number.
    Ask { request: u64 },
    /// Yes.
    Accept { request: u64 },
    /// No.
    Reject { request: u64 },
    /// I am in a private chat already.
    Busy { request: u64 },
    /// The private chat, or the request for it, has ended.
    End { request: u64, timeout: bool },
    /// I am away; the reason may be empty.
    Away { text: String },
    /// I am back.
    Back,
    /// Who do you know?
    WhoIsThere { question: u64 },
    /// These; and so many more.
    These {
        question: u64,
        peers: Vec<Listed>,
        more: u64,
    },
    /// Something that a later version may say.
    Unknown,
}

impl Kind {
    /// Whether the text of the message is something that somebody says, though it be empty.
    pub(crate) const fn says(&self) -> bool {
        matches!(self, Self::Text { .. } | Self::All | Self::Action { .. })
    }
}

/// A peer in somebody's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) peer: PeerId,
    pub(crate) name: String,
    pub(crate) endpoint: String,
    pub(crate) groups: Vec<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) since: i64,
}

/// The text of a message, or what stands in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    Text(String),
    /// Octets that are not UTF-8.
    Octets(Frame),
}

/// A message, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) body: Body,
    pub(crate) note: Option<Note>,
    /// Further frames, of programs that send some.
    pub(crate) frames: Vec<Frame>,
}
