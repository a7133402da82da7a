//! Messages between peers (RFC 36, "ZRE Protocol Specification"), and their frames.
//!
//! The first frame (after the routing id, which is not seen here) says everything but the content of
//! WHISPER and SHOUT, whose frames follow as they are. Whether a message may follow on another one is
//! not checked here: see `engine`.

use std::borrow::Cow;

use super::wire::{Field, Reader, SIGNATURE, VERSION, Writer, short_text};
use super::{Content, DecodeError, GroupName, Headers, Limits, Name};

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
    /// How many groups and headers the HELLO had besides, which were left out on receipt: more than
    /// [`Limits`] allow, or not possible as groups. 0 in a HELLO of one's own; never sent.
    pub left_out: usize,
}

impl Message {
    /// Appends the first frame of this message to `out`; the frames of its content go behind it.
    ///
    /// `out` is not cleared, so that one vector can serve all messages.
    pub fn encode_header(&self, out: &mut Vec<u8>) {
        let mut frame = Writer::new(out);
        frame.number2(SIGNATURE);
        frame.number1(self.body.id());
        frame.number1(VERSION);
        frame.number2(self.sequence);
        match &self.body {
            Body::Hello(hello) => hello.encode(&mut frame),
            Body::Shout { group, .. } => frame.string(group),
            Body::Join { group, status } | Body::Leave { group, status } => {
                frame.string(group);
                frame.number1(*status);
            }
            Body::Elect {
                group,
                challenger: candidate,
            }
            | Body::Leader {
                group,
                leader: candidate,
            } => {
                frame.string(group);
                frame.string(candidate);
            }
            Body::Whisper { .. } | Body::Ping | Body::PingOk | Body::Goodbye => {}
        }
    }

    /// What the frames of a message say: `header` is the first one, `content` are the others.
    ///
    /// Octets behind the last field of the first frame are ignored, as Zyre, Pyre and zyre.js do: a
    /// later version of the protocol may add fields there. Text that is not UTF-8 is taken with
    /// U+FFFD in the place of what cannot be read: Pyre cuts its own strings within characters (trap
    /// 8). A HELLO that lists more than `limits` allow is taken without the rest, see
    /// [`Hello::left_out`].
    ///
    /// # Errors
    ///
    /// If the first frame is not that of a ZRE message of version 2, or a group has no name; if a
    /// WHISPER or SHOUT has no content, or another message is followed by frames; if there are more
    /// or longer frames than `limits` allow.
    pub fn decode(
        header: &[u8],
        content: Option<Content>,
        limits: &Limits,
    ) -> Result<Self, DecodeError> {
        check_frames(header, content.as_ref(), limits)?;
        let mut frame = Reader::new(header);
        let id = decode_id(&mut frame)?;
        let sequence = frame.number2(Field::Sequence)?;
        if let Some(content) = &content
            && !matches!(id, WHISPER | SHOUT)
        {
            return Err(DecodeError::HiddenFrames {
                frames: content.count(),
            });
        }
        let body = match id {
            HELLO => Body::Hello(Hello::decode(&mut frame, limits)?),
            WHISPER => Body::Whisper {
                content: content.ok_or(DecodeError::NoContent)?,
            },
            SHOUT => Body::Shout {
                group: decode_group(&mut frame)?,
                content: content.ok_or(DecodeError::NoContent)?,
            },
            JOIN => Body::Join {
                group: decode_group(&mut frame)?,
                status: frame.number1(Field::Status)?,
            },
            LEAVE => Body::Leave {
                group: decode_group(&mut frame)?,
                status: frame.number1(Field::Status)?,
            },
            PING => Body::Ping,
            PING_OK => Body::PingOk,
            ELECT => Body::Elect {
                group: decode_group(&mut frame)?,
                challenger: decode_string(&mut frame, Field::Candidate)?,
            },
            LEADER => Body::Leader {
                group: decode_group(&mut frame)?,
                leader: decode_string(&mut frame, Field::Candidate)?,
            },
            GOODBYE => Body::Goodbye,
            _ => return Err(DecodeError::UnknownMessage { id }),
        };
        Ok(Self { sequence, body })
    }
}

/// Whether the frames are as many and as long as they may be.
fn check_frames(
    header: &[u8],
    content: Option<&Content>,
    limits: &Limits,
) -> Result<(), DecodeError> {
    let frames = content.map_or(0, Content::count);
    if frames > limits.frames {
        return Err(DecodeError::TooManyFrames { frames });
    }
    let longest = content
        .into_iter()
        .flat_map(Content::frames)
        .map(|frame| frame.len())
        .fold(header.len(), usize::max);
    if longest > limits.frame_octets {
        return Err(DecodeError::FrameTooLong { octets: longest });
    }
    Ok(())
}

/// Everything up to the version; which message it is.
fn decode_id(frame: &mut Reader<'_>) -> Result<u8, DecodeError> {
    let signature = frame.number2(Field::Signature)?;
    if signature != SIGNATURE {
        return Err(DecodeError::Signature { found: signature });
    }
    let id = frame.number1(Field::Id)?;
    let version = frame.number1(Field::Version)?;
    if version != VERSION {
        return Err(DecodeError::Version { found: version });
    }
    Ok(id)
}

fn decode_group(frame: &mut Reader<'_>) -> Result<GroupName, DecodeError> {
    GroupName::lossy(frame.string(Field::Group)?).ok_or(DecodeError::EmptyGroup)
}

fn decode_string(frame: &mut Reader<'_>, field: Field) -> Result<String, DecodeError> {
    frame.string(field).map(short_text).map(Cow::into_owned)
}

impl Body {
    /// The id on the wire.
    pub(super) const fn id(&self) -> u8 {
        match self {
            Self::Hello(_) => HELLO,
            Self::Whisper { .. } => WHISPER,
            Self::Shout { .. } => SHOUT,
            Self::Join { .. } => JOIN,
            Self::Leave { .. } => LEAVE,
            Self::Ping => PING,
            Self::PingOk => PING_OK,
            Self::Elect { .. } => ELECT,
            Self::Leader { .. } => LEADER,
            Self::Goodbye => GOODBYE,
        }
    }

    /// The content that follows in frames of its own; `None` for all but WHISPER and SHOUT.
    #[must_use]
    pub const fn content(&self) -> Option<&Content> {
        match self {
            Self::Whisper { content } | Self::Shout { content, .. } => Some(content),
            Self::Hello(_)
            | Self::Join { .. }
            | Self::Leave { .. }
            | Self::Ping
            | Self::PingOk
            | Self::Elect { .. }
            | Self::Leader { .. }
            | Self::Goodbye => None,
        }
    }
}

impl Hello {
    fn encode(&self, frame: &mut Writer<'_>) {
        frame.string(&self.endpoint);
        frame.strings(self.groups.iter().map(GroupName::as_str));
        frame.number1(self.status);
        frame.string(&self.name);
        frame.dictionary(self.headers.iter());
    }

    fn decode(frame: &mut Reader<'_>, limits: &Limits) -> Result<Self, DecodeError> {
        let endpoint = decode_string(frame, Field::Endpoint)?;
        let mut groups = Groups::new(limits);
        frame.strings(Field::Groups, |name| groups.take(name))?;
        let status = frame.number1(Field::Status)?;
        let name = Name::lossy(frame.string(Field::Name)?);
        let mut headers = Pairs::new(limits);
        frame.dictionary(Field::Headers, |name, value| headers.take(name, value))?;
        Ok(Self {
            endpoint,
            groups: groups.kept,
            status,
            name,
            headers: headers.kept.into_iter().collect(),
            left_out: groups.left_out + headers.left_out,
        })
    }
}

/// The groups of a HELLO that are kept.
struct Groups {
    kept: Vec<GroupName>,
    most: usize,
    left_out: usize,
}

impl Groups {
    const fn new(limits: &Limits) -> Self {
        Self {
            kept: Vec::new(),
            most: limits.groups_per_peer,
            left_out: 0,
        }
    }

    /// A name that is empty, or longer than JOIN and SHOUT can say, is left out rather than refused:
    /// nothing can be sent to such a group, and its owner would never get in otherwise.
    fn take(&mut self, name: &[u8]) {
        let room = self.kept.len() < self.most && name.len() <= GroupName::MAX;
        match room.then(|| GroupName::lossy(name)).flatten() {
            Some(group) => self.kept.push(group),
            None => self.left_out += 1,
        }
    }
}

/// The headers of a HELLO that are kept.
struct Pairs {
    kept: Vec<(String, String)>,
    most: usize,
    most_octets: usize,
    room: usize,
    left_out: usize,
}

impl Pairs {
    const fn new(limits: &Limits) -> Self {
        Self {
            kept: Vec::new(),
            most: limits.headers,
            most_octets: limits.header_octets,
            room: limits.headers_octets,
            left_out: 0,
        }
    }

    fn take(&mut self, name: &[u8], value: &[u8]) {
        let octets = name.len() + value.len();
        if self.kept.len() < self.most && value.len() <= self.most_octets && octets <= self.room {
            self.room -= octets;
            let name = short_text(name).into_owned();
            let value = String::from_utf8_lossy(value).into_owned();
            self.kept.push((name, value));
        } else {
            self.left_out += 1;
        }
    }
}

const HELLO: u8 = 1;
const WHISPER: u8 = 2;
const SHOUT: u8 = 3;
const JOIN: u8 = 4;
const LEAVE: u8 = 5;
const PING: u8 = 6;
const PING_OK: u8 = 7;
const ELECT: u8 = 8;
const LEADER: u8 = 9;
const GOODBYE: u8 = 10;
