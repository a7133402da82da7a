//! What a node calls itself: [`Name`].
//!
//! Names are not unique and prove nothing; [`PeerId`](super::PeerId) tells nodes apart.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::wire::short_text;

/// The public name of a node: UTF-8 of at most 255 octets (RFC 36, HELLO `name`).
///
/// A name that was received may hold anything that is text, control characters included: it must be
/// made harmless before it is shown. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// The longest name that the wire can carry, in octets: its length is one octet.
    pub const MAX: usize = 255;

    /// A name for a node of one's own.
    ///
    /// # Errors
    ///
    /// If it is empty, longer than [`Name::MAX`] octets, or holds a control character. Nothing is cut.
    pub fn new(name: &str) -> Result<Self, NameError> {
        if name.is_empty() {
            Err(NameError::Empty)
        } else if name.len() > Self::MAX {
            Err(NameError::TooLong { octets: name.len() })
        } else if name.chars().any(char::is_control) {
            Err(NameError::Control)
        } else {
            Ok(Self(name.into()))
        }
    }

    /// A name as it came over the wire. Octets that are not UTF-8 become U+FFFD: Pyre counts
    /// characters where octets are meant and so cuts names within a character (trap 8). If that makes
    /// it longer than [`Name::MAX`] octets, its end is cut off.
    #[must_use]
    pub fn lossy(octets: &[u8]) -> Self {
        Self(short_text(octets).into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text cannot be the name of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameError {
    /// It has no characters.
    Empty,
    /// It is longer than [`Name::MAX`] octets of UTF-8.
    TooLong {
        /// Its length.
        octets: usize,
    },
    /// It holds a control character, which no terminal should be sent.
    Control,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "a name needs at least one character"),
            Self::TooLong { octets } => write!(
                f,
                "the name is {octets} octets long in UTF-8, and the wire carries at most {}",
                Name::MAX
            ),
            Self::Control => write!(f, "the name holds a control character; leave it out"),
        }
    }
}

impl std::error::Error for NameError {}
