//! What is reported in JSON: [`Record`], one object for each thing that happens.
//!
//! The text in it is raw, as it was received: JSON escapes it. The form is a contract; see
//! docs/manual.md for all of it.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::Stamp;
use crate::zre::PeerId;

/// One object of the JSON output; written by whatever `serde` serializer writes JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Record {
    pub(crate) event: &'static str,
    pub(crate) time: Stamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) peer: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) was: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<&'static str>,
    /// Whether what became of a request was our own doing, or a peer is ourselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) own: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    /// Whether a whisper went to everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) all: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) members: Option<Vec<Member>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) groups: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) headers: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<Stamp>,
    /// Why the peer is away, if it is; empty without a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) away: Option<String>,
    /// When the peer said something last, or came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) heard: Option<Stamp>,
    /// When the peer was last told not to answer, if it was not heard since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unanswered: Option<Stamp>,
    /// What else there is to say about the peer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) remarks: Vec<String>,
    /// Whether the group is the current one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<bool>,
    /// Why something was not delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
    /// What has changed about the peer since it was reported last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) change: Option<&'static str>,
    /// Whose list this row is from, if not our own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<Id>,
    /// The round trip, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) round_trip: Option<f64>,
    /// The text; `Some(None)` is written as null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<Option<String>>,
    /// In place of the text, content that is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) base64: Option<String>,
    /// Further frames of content, in base64.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) frames: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<Vec<Member>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) missing: Option<Vec<Member>>,
}

impl Record {
    /// A record with nothing but its event and time.
    pub(crate) const fn new(event: &'static str, time: Stamp) -> Self {
        Self {
            event,
            time,
            peer: None,
            name: None,
            was: None,
            state: None,
            own: None,
            group: None,
            all: None,
            members: None,
            endpoint: None,
            groups: None,
            headers: None,
            since: None,
            away: None,
            heard: None,
            unanswered: None,
            remarks: Vec::new(),
            current: None,
            reason: None,
            change: None,
            from: None,
            round_trip: None,
            text: None,
            base64: None,
            frames: Vec::new(),
            count: None,
            to: None,
            missing: None,
        }
    }

    /// What happened: the value of the field `event`.
    #[must_use]
    pub const fn event(&self) -> &'static str {
        self.event
    }
}

/// A peer within a list: its id, where it is known, and its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Member {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) peer: Option<Id>,
    pub(crate) name: String,
    /// Names of peers that come near to it, where it is nobody's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) near: Vec<String>,
}

/// A peer's id, written as 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Id(pub(crate) PeerId);

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
