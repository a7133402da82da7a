//! What a node tells about itself in its HELLO: [`Headers`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The headers of a node: names and values, sorted by name (RFC 36, HELLO `headers`). Cheap to clone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Arc<BTreeMap<String, String>>);

impl Headers {
    /// The longest header name in octets: its length is one octet on the wire.
    pub const MAX_NAME: usize = 255;

    /// The longest value that this node sends, in octets. The wire would take 4 GiB; a HELLO goes to
    /// every peer.
    pub const MAX_VALUE: usize = 4_096;

    /// These headers with one more, or with another value where the name is there already.
    ///
    /// # Errors
    ///
    /// If the name is empty or longer than [`Headers::MAX_NAME`], the value longer than
    /// [`Headers::MAX_VALUE`] octets, or either holds a control character. Nothing is changed then.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, HeadersError> {
        if name.is_empty() || name.len() > Self::MAX_NAME {
            return Err(HeadersError::NameLength { octets: name.len() });
        }
        if value.len() > Self::MAX_VALUE {
            return Err(HeadersError::ValueTooLong {
                octets: value.len(),
            });
        }
        if name.chars().chain(value.chars()).any(char::is_control) {
            return Err(HeadersError::Control);
        }
        Arc::make_mut(&mut self.0).insert(name.to_owned(), value.to_owned());
        Ok(self)
    }

    /// The value of the header with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All headers, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// What they take of memory, in octets.
    pub(crate) fn weight(&self) -> usize {
        self.iter().map(weight).sum()
    }

    /// Those that come first and take no more than so many octets.
    pub(crate) fn within(&self, octets: usize) -> Self {
        let mut left = octets;
        let fits = |header: &(&str, &str)| {
            let rest = left.checked_sub(weight(*header));
            left = rest.unwrap_or(0);
            rest.is_some()
        };
        let first = self.iter().take_while(fits);
        first
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn weight((name, value): (&str, &str)) -> usize {
    name.len() + value.len() + A_HEADER
}

/// What a header takes besides its octets: two allocations, and its place.
const A_HEADER: usize = 96;

/// Headers as they came over the wire; the last of several with one name counts.
impl FromIterator<(String, String)> for Headers {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(headers: I) -> Self {
        Self(Arc::new(headers.into_iter().collect()))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a header cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadersError {
    /// The name has no octets, or more than [`Headers::MAX_NAME`].
    NameLength {
        /// Its length.
        octets: usize,
    },
    /// The value has more than [`Headers::MAX_VALUE`] octets.
    ValueTooLong {
        /// Its length.
        octets: usize,
    },
    /// Name or value holds a control character.
    Control,
}

impl fmt::Display for HeadersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameLength { octets } => write!(
                f,
                "the header name is {octets} octets long; 1 to {} are allowed",
                Headers::MAX_NAME
            ),
            Self::ValueTooLong { octets } => write!(
                f,
                "the header value is {octets} octets long; at most {} are allowed",
                Headers::MAX_VALUE
            ),
            Self::Control => write!(f, "the header holds a control character; leave it out"),
        }
    }
}

impl std::error::Error for HeadersError {}
