//! What chats say to each other: frame 1 is the text, for everybody; frame 2 is a [`Note`], for peers
//! that have our HELLO header.
//!
//! A note is a MessagePack map with named fields; unknown fields are ignored, a note of an unknown
//! kind is known to be one. This is the only place where those octets become types. A note is bounded
//! before it is looked at, and what is decoded from it never takes more than a small multiple of it.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::HEADER;
use super::note::{Body, Kind, Listed, Note, Received};
use crate::zre::{Content, Frame, PeerId, Tail};

/// The longest note that is decoded, in octets; anything longer is no note.
pub(crate) const NOTE_OCTETS: usize = 64 << 10;

/// The most peers in an answer to `/select`; how many were left out is told.
pub(crate) const LISTED_PEERS: usize = 256;

/// The most groups of one of them.
pub(crate) const LISTED_GROUPS: usize = 64;

/// The most headers of one of them.
pub(crate) const LISTED_HEADERS: usize = 32;

/// Room in an answer for the peers in it, in octets: the rest of the note is small.
const LIST_OCTETS: usize = NOTE_OCTETS - 4_096;

/// The deepest that a note is nested: a map, of lists, of maps, of lists, of pairs. Decoding does not
/// follow anything deeper, not even to ignore it.
const DEPTH: usize = 16;

impl Note {
    /// The content that carries this note to those who read it, and the text to everybody.
    pub(crate) fn content(&self, text: impl Into<Frame>) -> Content {
        let wire = Wire::from(self);
        let octets = rmp_serde::to_vec_named(&wire)
            .expect("a map of numbers, texts and lists is serialised into memory without errors");
        Content::new(text).with_tail(Tail {
            header: HEADER.into(),
            frames: vec![octets.into()],
        })
    }

    /// The note in these octets, if they are one.
    pub(crate) fn decode(octets: &[u8]) -> Option<Self> {
        if octets.len() > NOTE_OCTETS {
            return None;
        }
        let mut deserializer = rmp_serde::Deserializer::from_read_ref(octets);
        deserializer.set_max_depth(DEPTH);
        Wire::deserialize(&mut deserializer).ok().map(Self::from)
    }
}

/// Takes a message apart; only a peer that has our header is believed to have sent a note.
pub(crate) fn read(content: &Content, is_zchat: bool) -> Received {
    let mut frames = content.frames().skip(1).cloned().peekable();
    let note = if is_zchat {
        frames.peek().and_then(|frame| Note::decode(frame))
    } else {
        None
    };
    if note.is_some() {
        frames.next();
    }
    let mut body = match std::str::from_utf8(content.first()) {
        Ok(text) => Body::Text(text.to_owned()),
        Err(_) => Body::Octets(content.first().clone()),
    };
    if let (
        Body::Text(text),
        Some(Note {
            kind: Kind::Action { skip, .. },
            ..
        }),
    ) = (&mut body, &note)
        && text.is_char_boundary(*skip)
    {
        text.drain(..*skip);
    }
    Received {
        body,
        note,
        frames: frames.collect(),
    }
}

/// As many of the peers as an answer has room for, and how many it has not.
pub(crate) fn fitting(peers: impl Iterator<Item = Listed>) -> (Vec<Listed>, u64) {
    let mut octets = 0;
    let mut listed = Vec::new();
    let mut more = 0;
    for mut peer in peers {
        peer.groups.truncate(LISTED_GROUPS);
        peer.headers.truncate(LISTED_HEADERS);
        let groups: usize = peer.groups.iter().map(|group| group.len() + 5).sum();
        let headers = peer
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len() + 12);
        // Field names, id, time and the lengths of everything.
        let size = 120 + peer.name.len() + peer.endpoint.len() + groups + headers.sum::<usize>();
        if listed.len() < LISTED_PEERS && octets + size <= LIST_OCTETS {
            octets += size;
            listed.push(peer);
        } else {
            more += 1;
        }
    }
    (listed, more)
}

/// A note as it is written: a map of the fields that its kind needs.
#[derive(Debug, Serialize, Deserialize)]
struct Wire {
    kind: String,
    #[serde(default)]
    id: u64,
    #[serde(default)]
    sent: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    private: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    skip: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    peers: Option<Few<WireListed, LISTED_PEERS>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    more: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct WireListed {
    peer: String,
    name: String,
    #[serde(default)]
    endpoint: String,
    #[serde(default)]
    groups: Few<String, LISTED_GROUPS>,
    #[serde(default)]
    headers: Few<(String, String), LISTED_HEADERS>,
    #[serde(default)]
    since: i64,
}

impl From<&Note> for Wire {
    fn from(note: &Note) -> Self {
        let mut wire = Self {
            kind: name_of(&note.kind).to_owned(),
            id: note.id,
            sent: note.sent,
            private: None,
            skip: None,
            request: None,
            timeout: None,
            text: None,
            peers: None,
            more: None,
        };
        match &note.kind {
            Kind::Text { private } => wire.private = *private,
            Kind::Action { skip, private } => {
                wire.skip = u32::try_from(*skip).ok();
                wire.private = *private;
            }
            Kind::Ask { request }
            | Kind::Accept { request }
            | Kind::Reject { request }
            | Kind::Busy { request }
            | Kind::WhoIsThere { question: request } => wire.request = Some(*request),
            Kind::End { request, timeout } => {
                wire.request = Some(*request);
                wire.timeout = Some(*timeout);
            }
            Kind::Away { text } => wire.text = Some(text.clone()),
            Kind::These {
                question,
                peers,
                more,
            } => {
                wire.request = Some(*question);
                wire.peers = Some(Few(peers.iter().map(WireListed::from).collect()));
                wire.more = Some(*more);
            }
            Kind::All | Kind::Back | Kind::Unknown => {}
        }
        wire
    }
}

impl From<Wire> for Note {
    fn from(wire: Wire) -> Self {
        let request = wire.request.unwrap_or_default();
        let kind = match wire.kind.as_str() {
            "text" => Kind::Text {
                private: wire.private,
            },
            "all" => Kind::All,
            "action" => Kind::Action {
                skip: wire
                    .skip
                    .and_then(|skip| usize::try_from(skip).ok())
                    .unwrap_or(0),
                private: wire.private,
            },
            "ask" => Kind::Ask { request },
            "ok" => Kind::Accept { request },
            "reject" => Kind::Reject { request },
            "busy" => Kind::Busy { request },
            "end" => Kind::End {
                request,
                timeout: wire.timeout.unwrap_or(false),
            },
            "away" => Kind::Away {
                text: wire.text.unwrap_or_default(),
            },
            "back" => Kind::Back,
            "who" => Kind::WhoIsThere { question: request },
            "these" => Kind::These {
                question: request,
                peers: wire
                    .peers
                    .into_iter()
                    .flat_map(|few| few.0)
                    .filter_map(listed)
                    .collect(),
                more: wire.more.unwrap_or_default(),
            },
            _ => Kind::Unknown,
        };
        Self {
            id: wire.id,
            sent: wire.sent,
            kind,
        }
    }
}

/// What a kind is called on the wire.
const fn name_of(kind: &Kind) -> &'static str {
    match kind {
        Kind::Text { .. } => "text",
        Kind::All => "all",
        Kind::Action { .. } => "action",
        Kind::Ask { .. } => "ask",
        Kind::Accept { .. } => "ok",
        Kind::Reject { .. } => "reject",
        Kind::Busy { .. } => "busy",
        Kind::End { .. } => "end",
        Kind::Away { .. } => "away",
        Kind::Back => "back",
        Kind::WhoIsThere { .. } => "who",
        Kind::These { .. } => "these",
        Kind::Unknown => "unknown",
    }
}

impl From<&Listed> for WireListed {
    fn from(listed: &Listed) -> Self {
        Self {
            peer: listed.peer.to_string(),
            name: listed.name.clone(),
            endpoint: listed.endpoint.clone(),
            groups: Few(listed.groups.clone()),
            headers: Few(listed.headers.clone()),
            since: listed.since,
        }
    }
}

/// A peer in an answer; nothing if its id is none.
fn listed(wire: WireListed) -> Option<Listed> {
    Some(Listed {
        peer: id_of(&wire.peer)?,
        name: wire.name,
        endpoint: wire.endpoint,
        groups: wire.groups.0,
        headers: wire.headers.0,
        since: wire.since,
    })
}

/// The id that these 32 digits write.
fn id_of(digits: &str) -> Option<PeerId> {
    if digits.len() != 32 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(digits, 16)
        .ok()
        .map(|id| PeerId::from_bytes(id.to_be_bytes()))
}

/// A list that is not decoded if it has more than `MOST` items.
#[derive(Debug, Serialize)]
struct Few<T, const MOST: usize>(Vec<T>);

impl<T, const MOST: usize> Default for Few<T, MOST> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Few<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FewVisitor::<T, MOST>(PhantomData))
    }
}

struct FewVisitor<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for FewVisitor<T, MOST> {
    type Value = Few<T, MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MOST}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut few = Vec::new();
        while let Some(item) = items.next_element()? {
            if few.len() == MOST {
                return Err(de::Error::invalid_length(MOST + 1, &self));
            }
            few.push(item);
        }
        Ok(Few(few))
    }
}
