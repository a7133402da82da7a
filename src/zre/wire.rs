//! The primitives of the wire (RFC 36, "Protocol Grammar"): [`Reader`] and [`Writer`] for numbers,
//! strings, lists of strings and dictionaries, and [`DecodeError`].
//!
//! A reader borrows from its input and allocates nothing; what a number or a length claims is checked
//! against what is there before anything is done with it. What the fields mean is not known here: see
//! `message`.

use std::borrow::Cow;
use std::fmt;

/// The most octets of a string: its length is one octet.
pub(super) const STRING_MAX: usize = u8::MAX as usize;

/// What octets of the wire say, as text of at most [`STRING_MAX`] octets. What is not UTF-8 becomes
/// U+FFFD (trap 8); since that is three octets where one may have been, the end can be cut off.
pub(super) fn short_text(octets: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(octets);
    if text.len() <= STRING_MAX {
        return text;
    }
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(cut(text, STRING_MAX)),
        Cow::Owned(text) => Cow::Owned(cut(&text, STRING_MAX).to_owned()),
    }
}

/// The beginning of `text` that fits into `octets`, whole characters only.
fn cut(text: &str, octets: usize) -> &str {
    text.split_at(text.floor_char_boundary(octets)).0
}

/// Takes fields from the front of a frame.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Begins at the first octet.
    pub(super) const fn new(frame: &'a [u8]) -> Self {
        Self { rest: frame }
    }

    /// A number of one octet.
    pub(super) fn number1(&mut self, field: Field) -> Result<u8, DecodeError> {
        self.array(field).map(u8::from_be_bytes)
    }

    /// A number of two octets.
    pub(super) fn number2(&mut self, field: Field) -> Result<u16, DecodeError> {
        self.array(field).map(u16::from_be_bytes)
    }

    /// A number of four octets.
    pub(super) fn number4(&mut self, field: Field) -> Result<u32, DecodeError> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// A string: a length of one octet, and that many octets, in whatever encoding.
    pub(super) fn string(&mut self, field: Field) -> Result<&'a [u8], DecodeError> {
        let length = self.number1(field)?;
        self.octets(field, length.into())
    }

    /// A long string: a length of four octets, and that many octets, in whatever encoding.
    pub(super) fn longstr(&mut self, field: Field) -> Result<&'a [u8], DecodeError> {
        let length = self.number4(field)?;
        self.octets(field, usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// Strings: a count of four octets, and that many long strings, each given to `take`.
    pub(super) fn strings(
        &mut self,
        field: Field,
        mut take: impl FnMut(&'a [u8]),
    ) -> Result<(), DecodeError> {
        for _ in 0..self.count(field, LONGSTR_LEAST)? {
            take(self.longstr(field)?);
        }
        Ok(())
    }

    /// A dictionary: a count of four octets, and that many pairs of a string and a long string, each
    /// given to `take`.
    pub(super) fn dictionary(
        &mut self,
        field: Field,
        mut take: impl FnMut(&'a [u8], &'a [u8]),
    ) -> Result<(), DecodeError> {
        for _ in 0..self.count(field, STRING_LEAST + LONGSTR_LEAST)? {
            let name = self.string(field)?;
            take(name, self.longstr(field)?);
        }
        Ok(())
    }

    /// A count of things that take at least `least` octets each, so that a count of four billion is
    /// found out at once.
    fn count(&mut self, field: Field, least: usize) -> Result<u32, DecodeError> {
        let count = self.number4(field)?;
        let fits = self.rest.len() / least;
        if usize::try_from(count).is_ok_and(|count| count <= fits) {
            Ok(count)
        } else {
            Err(DecodeError::Count { field, count })
        }
    }

    fn octets(&mut self, field: Field, length: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) =
            self.rest
                .split_at_checked(length)
                .ok_or_else(|| DecodeError::Truncated {
                    field,
                    missing: length - self.rest.len(),
                })?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const LENGTH: usize>(&mut self, field: Field) -> Result<[u8; LENGTH], DecodeError> {
        let (taken, rest) =
            self.rest
                .split_first_chunk()
                .ok_or_else(|| DecodeError::Truncated {
                    field,
                    missing: LENGTH - self.rest.len(),
                })?;
        self.rest = rest;
        Ok(*taken)
    }
}

/// The octets that an empty string takes.
const STRING_LEAST: usize = size_of::<u8>();

/// The octets that an empty long string takes.
const LONGSTR_LEAST: usize = size_of::<u32>();

/// Appends fields to a frame.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    frame: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Appends to what `frame` holds.
    pub(super) const fn new(frame: &'a mut Vec<u8>) -> Self {
        Self { frame }
    }

    /// A number of one octet.
    pub(super) fn number1(&mut self, number: u8) {
        self.frame.push(number);
    }

    /// A number of two octets.
    pub(super) fn number2(&mut self, number: u16) {
        self.frame.extend(number.to_be_bytes());
    }

    /// A number of four octets.
    pub(super) fn number4(&mut self, number: u32) {
        self.frame.extend(number.to_be_bytes());
    }

    /// A string. Whoever made the text has kept it to [`STRING_MAX`] octets; what is longer
    /// nevertheless is cut after a whole character, since text that is not UTF-8 kills Pyre (trap 7)
    /// and a wrong length makes every field behind it something else.
    pub(super) fn string(&mut self, text: &str) {
        let text = cut(text, STRING_MAX);
        self.number1(u8::try_from(text.len()).unwrap_or(u8::MAX));
        self.frame.extend_from_slice(text.as_bytes());
    }

    /// A long string.
    pub(super) fn longstr(&mut self, text: &str) {
        let text = cut(text, LONGSTR_MAX);
        self.count(text.len());
        self.frame.extend_from_slice(text.as_bytes());
    }

    /// Strings: a count, and long strings.
    pub(super) fn strings<'text>(&mut self, strings: impl ExactSizeIterator<Item = &'text str>) {
        self.count(strings.len());
        for text in strings {
            self.longstr(text);
        }
    }

    /// A dictionary: a count, and pairs of a string and a long string.
    pub(super) fn dictionary<'text>(
        &mut self,
        pairs: impl ExactSizeIterator<Item = (&'text str, &'text str)>,
    ) {
        self.count(pairs.len());
        for (name, value) in pairs {
            self.string(name);
            self.longstr(value);
        }
    }

    fn count(&mut self, count: usize) {
        self.number4(u32::try_from(count).unwrap_or(u32::MAX));
    }
}

/// The most octets of a long string: its length is four octets.
const LONGSTR_MAX: usize = u32::MAX as usize;

/// A field of a message, for [`DecodeError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Field {
    /// The first two octets.
    Signature,
    /// The octet that says which message it is.
    Id,
    /// The version of the protocol.
    Version,
    /// The number of the message.
    Sequence,
    /// HELLO: where the sender says that it can be reached.
    Endpoint,
    /// HELLO: the groups that the sender is in.
    Groups,
    /// HELLO, JOIN and LEAVE: the number of joins and leaves.
    Status,
    /// HELLO: the name of the sender.
    Name,
    /// HELLO: what the sender tells about itself.
    Headers,
    /// SHOUT, JOIN, LEAVE, ELECT and LEADER: the group.
    Group,
    /// ELECT and LEADER: the id of a candidate.
    Candidate,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "signature",
            Self::Id => "message id",
            Self::Version => "version",
            Self::Sequence => "sequence number",
            Self::Endpoint => "endpoint",
            Self::Groups => "list of groups",
            Self::Status => "status",
            Self::Name => "name",
            Self::Headers => "headers",
            Self::Group => "group",
            Self::Candidate => "candidate's id",
        })
    }
}

/// Why frames are not a message. Nothing of them was taken: the message is lost, and since the next
/// one has a higher number, the loss will show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The first frame ends within a field, or before it.
    Truncated {
        /// The field.
        field: Field,
        /// How many octets it needs that are not there.
        missing: usize,
    },
    /// A count is larger than what can follow in this frame.
    Count {
        /// The field.
        field: Field,
        /// The count.
        count: u32,
    },
    /// The first octets are not `AA A1`: this is another protocol.
    Signature {
        /// What they are.
        found: u16,
    },
    /// The version is not 2.
    Version {
        /// What it is.
        found: u8,
    },
    /// The id is that of no message of this version.
    UnknownMessage {
        /// The id.
        id: u8,
    },
    /// A group has no name.
    EmptyGroup,
    /// A WHISPER or SHOUT has no content frame (trap 6).
    NoContent,
    /// Frames follow a message that has no content. Zyre would read them as the next message, from
    /// whatever sender they name.
    HiddenFrames {
        /// How many.
        frames: usize,
    },
    /// More content frames than [`Limits::frames`](super::Limits::frames).
    TooManyFrames {
        /// How many.
        frames: usize,
    },
    /// A frame is longer than [`Limits::frame_octets`](super::Limits::frame_octets).
    FrameTooLong {
        /// Its length.
        octets: usize,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { field, missing } => {
                write!(
                    f,
                    "the message ends {missing} octets before the end of its {field}"
                )
            }
            Self::Count { field, count } => {
                write!(
                    f,
                    "the {field} cannot hold {count} entries in the octets that follow"
                )
            }
            Self::Signature { found } => {
                write!(
                    f,
                    "the signature is {found:#06x}, not that of ZRE ({SIGNATURE:#06x})"
                )
            }
            Self::Version { found } => write!(f, "the version is {found}, not {VERSION}"),
            Self::UnknownMessage { id } => write!(f, "there is no message with the id {id}"),
            Self::EmptyGroup => write!(f, "the group has no name"),
            Self::NoContent => write!(f, "the content frame is missing"),
            Self::HiddenFrames { frames } => {
                write!(f, "{frames} frames follow a message that has no content")
            }
            Self::TooManyFrames { frames } => write!(f, "{frames} frames are too many"),
            Self::FrameTooLong { octets } => write!(f, "a frame of {octets} octets is too long"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// What every message begins with.
pub(super) const SIGNATURE: u16 = 0xaaa1;

/// The version of the protocol (RFC 36).
pub(super) const VERSION: u8 = 2;
