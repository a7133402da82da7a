//! What WHISPER and SHOUT carry: [`Frame`]s in a [`Content`], shared by all receivers.
//!
//! The protocol never looks inside. A frame owns its octets in whatever form they came (a ZeroMQ
//! message, a vector): they are moved and shared, never copied, but for the shortest.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// One frame of content: octets that do not change. Cheap to clone.
#[derive(Clone)]
pub struct Frame(Octets);

/// Octets up to this length are held in place, a line of chat most of all: to copy them a few times is
/// cheaper than to allocate memory on one thread, and free it on another.
const IN_PLACE: usize = 70;

#[derive(Clone)]
enum Octets {
    InPlace { length: u8, octets: [u8; IN_PLACE] },
    Copied(Arc<[u8]>),
    Shared(Arc<dyn AsRef<[u8]> + Send + Sync>),
}

impl Frame {
    /// A frame that owns `octets` in the form that they have, without copying them.
    pub fn from_owner(octets: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self::in_place(octets.as_ref()).unwrap_or_else(|| Self(Octets::Shared(Arc::new(octets))))
    }

    /// A frame with a copy of `octets`.
    #[must_use]
    pub fn copy_of(octets: &[u8]) -> Self {
        Self::in_place(octets).unwrap_or_else(|| Self(Octets::Copied(Arc::from(octets))))
    }

    fn in_place(from: &[u8]) -> Option<Self> {
        let mut octets = [0; IN_PLACE];
        octets.get_mut(..from.len())?.copy_from_slice(from);
        let length = u8::try_from(from.len()).ok()?;
        Some(Self(Octets::InPlace { length, octets }))
    }
}

impl Deref for Frame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Octets::InPlace { length, octets } => {
                octets.get(..usize::from(*length)).unwrap_or(octets)
            }
            Octets::Copied(octets) => octets,
            Octets::Shared(octets) => (**octets).as_ref(),
        }
    }
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Vec<u8>> for Frame {
    fn from(octets: Vec<u8>) -> Self {
        Self::from_owner(octets)
    }
}

impl From<String> for Frame {
    fn from(text: String) -> Self {
        Self::from_owner(text)
    }
}

impl From<&str> for Frame {
    fn from(text: &str) -> Self {
        Self::copy_of(text.as_bytes())
    }
}

impl From<&[u8]> for Frame {
    fn from(octets: &[u8]) -> Self {
        Self::copy_of(octets)
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Frame {}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(self) {
            Ok(text) if self.len() <= 64 => write!(f, "{text:?}"),
            _ => write!(f, "[{} octets]", self.len()),
        }
    }
}

/// What one WHISPER or SHOUT carries: one frame or more, and maybe a [`Tail`]. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    first: Frame,
    /// What most content has not: it is moved from place to place as one word.
    rest: Option<Arc<Rest>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Rest {
    more: Vec<Frame>,
    tail: Option<Tail>,
}

impl Content {
    /// Content of one frame.
    pub fn new(frame: impl Into<Frame>) -> Self {
        Self {
            first: frame.into(),
            rest: None,
        }
    }

    /// Content of these frames; `None` if there is none: a WHISPER or SHOUT without content kills
    /// Pyre (trap 6).
    pub fn from_frames(frames: impl IntoIterator<Item = Frame>) -> Option<Self> {
        let mut frames = frames.into_iter();
        let mut content = Self::new(frames.next()?);
        if let Some(second) = frames.next() {
            let more = std::iter::once(second).chain(frames).collect();
            content.rest = Some(Arc::new(Rest { more, tail: None }));
        }
        Some(content)
    }

    /// This content, with frames behind it that only some of the receivers are sent.
    #[must_use]
    pub fn with_tail(mut self, tail: Tail) -> Self {
        let rest = self.rest.get_or_insert_default();
        Arc::make_mut(rest).tail = Some(tail);
        self
    }

    /// This content without its tail: what a receiver is sent who does not have the header.
    #[must_use]
    pub fn without_tail(&self) -> Self {
        let more = || self.frames().skip(1).cloned().collect();
        let rest = self.rest.as_ref();
        let rest = match rest.filter(|rest| rest.tail.is_some()) {
            Some(rest) if rest.more.is_empty() => None,
            Some(_) => Some(Arc::new(Rest {
                more: more(),
                tail: None,
            })),
            None => rest.cloned(),
        };
        Self {
            first: self.first.clone(),
            rest,
        }
    }

    /// The first frame: in a chat, the text.
    #[must_use]
    pub const fn first(&self) -> &Frame {
        &self.first
    }

    /// The frames in order, those of the tail left out.
    pub fn frames(&self) -> impl Iterator<Item = &Frame> {
        std::iter::once(&self.first).chain(self.more())
    }

    /// The frames for a receiver with these headers: those of the tail last, if they are for it.
    pub fn frames_for(&self, headers: &super::Headers) -> impl Iterator<Item = &Frame> {
        let tail = self
            .tail()
            .filter(|tail| headers.get(&tail.header).is_some());
        self.frames()
            .chain(tail.into_iter().flat_map(|tail| tail.frames.iter()))
    }

    /// The frames that go only to some receivers.
    #[must_use]
    pub fn tail(&self) -> Option<&Tail> {
        self.rest.as_ref()?.tail.as_ref()
    }

    fn more(&self) -> &[Frame] {
        self.rest.as_ref().map_or(&[], |rest| &rest.more)
    }

    /// How many frames there are, the tail left out.
    #[must_use]
    pub fn count(&self) -> usize {
        1 + self.more().len()
    }

    /// The octets of all frames together, the tail included.
    #[must_use]
    pub fn size(&self) -> usize {
        if self.rest.is_none() {
            return self.first.len();
        }
        let tail = self.tail().into_iter().flat_map(|tail| tail.frames.iter());
        self.frames().chain(tail).map(|frame| frame.len()).sum()
    }
}

impl<T: Into<Frame>> From<T> for Content {
    fn from(frame: T) -> Self {
        Self::new(frame)
    }
}

/// Frames behind the content that go only to receivers whose HELLO had a given header: one SHOUT can
/// so carry more to programs that understand it, and nothing strange to all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// The name of the header that a receiver must have announced, with whatever value.
    pub header: Arc<str>,
    /// The frames, sent after those of the content.
    pub frames: Vec<Frame>,
}
