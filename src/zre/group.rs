//! The name of a group: [`GroupName`].

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::wire::short_text;

/// The name of a group: 1 to 255 octets of UTF-8 (RFC 36, "Groups").
///
/// A group exists while somebody is in it; its name is its identity, case included. A name that was
/// received may hold control characters: it must be made harmless before it is shown. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName(Arc<str>);

impl GroupName {
    /// The longest name that JOIN and SHOUT can carry, in octets: its length is one octet.
    pub const MAX: usize = 255;

    /// The name of a group to join or to shout to.
    ///
    /// # Errors
    ///
    /// If it is empty, longer than [`GroupName::MAX`] octets, or holds a control character (C
    /// implementations end strings at NUL, and terminals obey the rest). Nothing is cut.
    pub fn new(name: &str) -> Result<Self, GroupNameError> {
        if name.is_empty() {
            Err(GroupNameError::Empty)
        } else if name.len() > Self::MAX {
            Err(GroupNameError::TooLong { octets: name.len() })
        } else if name.chars().any(char::is_control) {
            Err(GroupNameError::Control)
        } else {
            Ok(Self(name.into()))
        }
    }

    /// A group name as it came over the wire, octets that are not UTF-8 replaced by U+FFFD, and cut to
    /// [`GroupName::MAX`] octets if that makes it longer; `None` if there is none.
    #[must_use]
    pub fn lossy(octets: &[u8]) -> Option<Self> {
        (!octets.is_empty()).then(|| Self(short_text(octets).into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for GroupName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for GroupName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text cannot be the name of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupNameError {
    /// It has no characters.
    Empty,
    /// It is longer than [`GroupName::MAX`] octets of UTF-8.
    TooLong {
        /// Its length.
        octets: usize,
    },
    /// It holds a control character.
    Control,
}

impl fmt::Display for GroupNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "a group name needs at least one character"),
            Self::TooLong { octets } => write!(
                f,
                "the group name is {octets} octets long in UTF-8, and the wire carries at most {}",
                GroupName::MAX
            ),
            Self::Control => write!(f, "the group name holds a control character; leave it out"),
        }
    }
}

impl std::error::Error for GroupNameError {}
