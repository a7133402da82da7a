//! What there is to show, before it becomes lines ([`render`](super::render)) or records
//! ([`report`](super::report)).

use std::time::Duration;

use super::Stamp;
use super::naming::Who;
use super::note::Body;
use super::request::State;
use crate::zre::{Frame, PeerId, UndeliveredReason};

/// Something to show. Names in it are safe where they are called `shown`, and as received elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    /// The session has begun.
    Start {
        who: Who,
        endpoint: String,
        groups: Vec<String>,
    },
    /// A peer is here.
    Enter {
        who: Who,
        address: String,
        endpoint: String,
        headers: Vec<(String, String)>,
    },
    /// A peer is gone.
    Exit(Who),
    /// A peer does not answer.
    Evasive(Who),
    /// Nothing is heard of a peer.
    Silent(Who),
    /// A peer that did not answer is heard again.
    Heard(Who),
    /// A peer is reached elsewhere now.
    Moved { who: Who, endpoint: String },
    /// A peer joined a group.
    Join { who: Who, group: String },
    /// A peer left a group.
    Leave { who: Who, group: String },
    /// Several peers came, went, joined and left, in the words for it.
    Moves(String),
    /// Somebody said something.
    Said(Said),
    /// A peer has another name.
    Rename {
        who: Who,
        was_shown: String,
        was: String,
    },
    /// A peer is away, or back where there is no text.
    Away { who: Who, text: Option<String> },
    /// Something happened to a request for a private chat.
    Request { who: Who, state: State },
    /// Messages to a peer will not arrive.
    Undelivered {
        who: Who,
        count: u64,
        reason: UndeliveredReason,
    },
    /// Peers, one a row.
    Peers(Vec<PeerRow>),
    /// Peers, with what has changed about them, and groups.
    Tracked {
        rows: Vec<(Option<Change>, PeerRow)>,
        groups: Vec<(Option<Change>, GroupRow)>,
    },
    /// One peer, with all that is known.
    Whois {
        row: PeerRow,
        /// When it said something last; `None` if it is ourselves.
        heard: Option<Stamp>,
        id: String,
    },
    /// Groups, with who is in them.
    Groups(Vec<GroupRow>),
    /// Who has what was sent, and who has not.
    Sent { to: Vec<Who>, missing: Vec<Missing> },
    /// Something worth knowing.
    Notice(String),
    /// Rows of an answer, in columns.
    Rows(Vec<Vec<String>>),
    /// Something was not done.
    Error(String),
    /// The node has stopped.
    Stop,
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub(crate) who: Who,
    pub(crate) way: Way,
    pub(crate) action: bool,
    pub(crate) body: Body,
    pub(crate) frames: Vec<Frame>,
}

/// Between whom something was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// A peer said it to a group.
    Group(String),
    /// A peer said it to us.
    ToUs,
    /// A peer said it to everybody that it is connected to.
    ToAll,
    /// We said it to a group; `who` is ourselves.
    OwnGroup(String),
    /// We said it to a peer, who is `who`.
    FromUs,
    /// We said it to everybody; `who` is ourselves.
    FromUsToAll,
}

/// A peer in a list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PeerRow {
    pub(crate) who: Who,
    /// Its address and port.
    pub(crate) address: String,
    pub(crate) endpoint: String,
    /// Its groups, as they are.
    pub(crate) groups: Vec<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) since: Stamp,
    /// Why it is away, if it is; empty where it gave no reason.
    pub(crate) away: Option<String>,
    /// When it was last told that it does not answer, if it has not been heard since.
    pub(crate) unanswered: Option<Stamp>,
    /// What else there is to say about it, safe to show.
    pub(crate) remarks: Vec<String>,
    /// Whose list this row is from, if not ours.
    pub(crate) from: Option<PeerId>,
    pub(crate) round_trip: Option<Duration>,
}

/// What has changed about a peer or a group since it was shown last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    New,
    Changed,
    Gone,
}

/// A group in a list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GroupRow {
    /// Its name, as it is.
    pub(crate) group: String,
    /// Who is in it beside us.
    pub(crate) members: Vec<Who>,
    /// Ourselves, if we are in it.
    pub(crate) own: Option<Who>,
    /// Whether it is the current one.
    pub(crate) current: bool,
}

/// Somebody who did not get what was sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Missing {
    /// A peer that did not say that it has read it.
    Peer(Who),
    /// A name that nobody here has, and those that come near.
    Name { name: String, near: Vec<String> },
    /// A name that stands for no single peer, and those of whom it may; why was told already.
    Unclear { name: String, near: Vec<String> },
}
