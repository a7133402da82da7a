//! What comes over one connection: ZMTP 3 (<https://rfc.zeromq.org/spec/23/> and 37), mechanism NULL, and
//! ZMTP 2 (15), octet by octet as they come, for a ROUTER and for a DEALER that only sends.
//!
//! Nothing is believed: a length allocates little before what it promises has come, and everything has
//! a limit. No socket is touched here, and what is in a message is not looked into. ZMTP 1 (libzmq 2)
//! and all other mechanisms are refused. What is said is in `words`.

#[cfg(any(test, feature = "sim"))]
pub(super) mod checks;
mod pieces;
mod words;

use crate::zre::ticket::{Proof, Ticket};
use crate::zre::{Frame, Limits};

use self::pieces::{Body, Head, Message};
use self::words::{COMMAND, GREETING, LONG, PROOF, TICKET, VERSION};

pub(super) use self::words::{MORE, Version, Words, frame_head, ping, pong};

/// What has come over a connection so far.
#[derive(Debug)]
pub(super) struct Reader {
    side: Side,
    stage: Stage,
    /// The beginning of something that is not complete: the greeting, or the head of a frame.
    head: Head,
    /// The frame that is being read.
    body: Option<Body>,
    message: Message,
    /// The other side knows PING (ZMTP 3.1).
    knows_ping: bool,
}

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// A ROUTER, from a DEALER.
    Router,
    /// A DEALER that only sends, from a ROUTER, which has no reason to send it a message.
    Dealer,
}

/// How far the handshake has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The signature and the version.
    Version,
    /// What ZMTP 3 says behind that: the mechanism.
    Mechanism,
    /// What ZMTP 2 says behind that: the type of its socket.
    SocketType,
    /// The command READY, in ZMTP 3.
    Ready,
    /// A frame with the routing id, in ZMTP 2.
    Identity,
    Traffic,
}

/// Something that is complete.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// The other side speaks this version, and wants to be told the rest of the handshake: [`Words`].
    Version(Version),
    /// The other side is ready.
    Ready(Ready),
    /// A message, all its frames.
    Message(Vec<Frame>),
    /// A message that was larger than the limits.
    TooLarge,
    /// A question that [`pong`] answers.
    Ping(Vec<u8>),
    /// To a DEALER: the answer to its [`ping`].
    Pong,
}

/// What is of use here of the properties that the other side tells of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ready {
    /// Empty if it has none.
    pub(super) routing_id: Vec<u8>,
    /// Of one of our mailboxes: the ticket for this connection.
    pub(super) ticket: Option<Ticket>,
    /// Of one of our links: that it had another connection here before.
    pub(super) proof: Option<Proof>,
}

/// What ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Violation {
    /// Neither ZMTP 2 nor ZMTP 3, or another mechanism than NULL.
    Greeting,
    /// A command that cannot be read, or is too long, or anything else before READY.
    Command,
    /// A frame with flags that mean nothing.
    Flags,
    /// A frame larger than [`Limits::frame_octets`].
    Frame,
    /// A message, to a DEALER that only sends.
    Message,
}

impl Reader {
    pub(super) fn new(side: Side) -> Self {
        Self {
            side,
            stage: Stage::Version,
            head: Head::new(),
            body: None,
            message: Message::default(),
            knows_ping: false,
        }
    }

    /// Whether the other side answers a [`ping`], as far as it has said yet.
    pub(super) const fn knows_ping(&self) -> bool {
        self.knows_ping
    }

    /// Memory that is held for what is not complete, in octets.
    pub(super) fn held(&self) -> usize {
        let body = self.body.as_ref().map_or(0, Body::held);
        let frames = self.message.frames.capacity() * size_of::<Frame>()
            + self.message.frames.len() * FRAME_OVERHEAD;
        self.message.octets + frames + body
    }

    /// Where the rest of a large frame is to be read to, so that it is not copied once more. What has
    /// been read there is told by [`Reader::filled`].
    pub(super) fn room(&mut self) -> Option<&mut [u8]> {
        let body = self.body.as_mut()?;
        if !body.is_kept || body.missing < DIRECT {
            return None;
        }
        body.grow();
        body.octets.get_mut(body.come..)
    }

    /// So many octets have been read to where [`Reader::room`] said.
    pub(super) fn filled(&mut self, octets: usize) {
        if let Some(body) = &mut self.body {
            body.come += octets;
            body.missing -= octets;
        }
    }

    /// Takes back the frames of a message, which serve for the next one.
    pub(super) fn reuse(&mut self, mut frames: Vec<Frame>) {
        if frames.capacity() <= FRAMES_KEPT && self.message.frames.capacity() == 0 {
            frames.clear();
            self.message.frames = frames;
        }
    }

    /// Takes a message of two frames off `input` that is there as a whole, as nearly all are, without
    /// looking at its parts one by one. Where anything is different, or wrong, it takes nothing: that is
    /// left to [`Reader::read`].
    pub(super) fn read_whole<'a>(
        &self,
        input: &mut &'a [u8],
        limits: &Limits,
    ) -> Option<(&'a [u8], &'a [u8])> {
        let is_between = self.head.length == 0
            && self.body.is_none()
            && self.message.frames.is_empty()
            && !self.message.too_large;
        if self.stage != Stage::Traffic || self.side != Side::Router || !is_between {
            return None;
        }
        let (first, header, rest) = whole_frame(input)?;
        let (last, content, rest) = whole_frame(rest)?;
        let is_allowed = header.len().max(content.len()) <= limits.frame_octets
            && header.len() + content.len() <= limits.message_octets
            && limits.frames > 0;
        if first & MORE == 0 || last & MORE != 0 || !is_allowed {
            return None;
        }
        *input = rest;
        Some((header, content))
    }

    /// Takes octets off `input` until something is complete, or until there are none left.
    pub(super) fn read(
        &mut self,
        input: &mut &[u8],
        limits: &Limits,
    ) -> Result<Option<Item>, Violation> {
        match self.stage {
            Stage::Version | Stage::Mechanism => {
                let read = self.read_greeting(input)?;
                if read.is_some() || self.stage != Stage::Ready {
                    return Ok(read);
                }
            }
            Stage::SocketType => {
                if !self.head.fill(input, 1) {
                    return Ok(None);
                }
                self.head.length = 0;
                self.stage = Stage::Identity;
            }
            Stage::Ready | Stage::Identity | Stage::Traffic => {}
        }
        loop {
            let ended = match self.body.take() {
                Some(mut body) => {
                    if !body.fill(input) {
                        self.body = Some(body);
                        return Ok(None);
                    }
                    if body.flags & COMMAND == 0 {
                        self.end_frame(body.flags, || Frame::from(body.octets))
                    } else {
                        self.end_command(&body.octets)?
                    }
                }
                None => {
                    let Some((flags, length)) = self.begin_frame(input, limits)? else {
                        return Ok(None);
                    };
                    let is_kept = flags & COMMAND != 0 || !self.message.too_large;
                    let Some((octets, rest)) = input.split_at_checked(length) else {
                        self.body = Some(Body::new(flags, is_kept, length));
                        continue;
                    };
                    *input = rest;
                    if flags & COMMAND == 0 {
                        self.end_frame(flags, || Frame::copy_of(octets))
                    } else {
                        self.end_command(octets)?
                    }
                }
            };
            if ended.is_some() {
                return Ok(ended);
            }
        }
    }

    fn read_greeting(&mut self, input: &mut &[u8]) -> Result<Option<Item>, Violation> {
        if self.stage == Stage::Version {
            let is_complete = self.head.fill(input, VERSION);
            // What is wrong from the beginning does not get any further.
            self.head.check_version()?;
            if !is_complete {
                return Ok(None);
            }
            if self.head.octet(VERSION - 1) < 3 {
                self.head.length = 0;
                self.stage = Stage::SocketType;
                return Ok(Some(Item::Version(Version::Two)));
            }
            self.stage = Stage::Mechanism;
            return Ok(Some(Item::Version(Version::Three)));
        }
        if self.head.fill(input, GREETING) {
            self.head.check_mechanism()?;
            self.knows_ping = self.head.octet(VERSION) > 0;
            self.head.length = 0;
            self.stage = Stage::Ready;
        }
        Ok(None)
    }

    /// Reads the head of a frame: its flags, and its length; `None` if it is not complete.
    fn begin_frame(
        &mut self,
        input: &mut &[u8],
        limits: &Limits,
    ) -> Result<Option<(u8, usize)>, Violation> {
        if !self.head.fill(input, 1) {
            return Ok(None);
        }
        let flags = self.head.octet(0);
        if flags & !(MORE | LONG | COMMAND) != 0 || flags & COMMAND != 0 && flags & MORE != 0 {
            return Err(Violation::Flags);
        }
        let size = if flags & LONG == 0 { 2 } else { 9 };
        if !self.head.fill(input, size) {
            return Ok(None);
        }
        let length = self.head.length_of_frame(flags);
        self.head.length = 0;
        if flags & COMMAND != 0 {
            if length > COMMAND_OCTETS || self.stage == Stage::Identity {
                return Err(Violation::Command);
            }
        } else if self.stage != Stage::Traffic {
            if self.stage == Stage::Ready || length > IDENTITY_OCTETS || flags & MORE != 0 {
                return Err(Violation::Command);
            }
        } else if self.side == Side::Dealer {
            return Err(Violation::Message);
        } else if length > limits.frame_octets as u64 {
            return Err(Violation::Frame);
        }
        let length = usize::try_from(length).map_err(|_| Violation::Frame)?;
        if flags & COMMAND == 0 {
            self.message.expect(length, limits);
        }
        Ok(Some((flags, length)))
    }

    fn end_frame(&mut self, flags: u8, frame: impl FnOnce() -> Frame) -> Option<Item> {
        if self.stage == Stage::Identity {
            self.stage = Stage::Traffic;
            return Some(Item::Ready(Ready {
                routing_id: frame().to_vec(),
                ..Ready::default()
            }));
        }
        self.message.add(frame);
        if flags & MORE != 0 {
            return None;
        }
        let message = std::mem::take(&mut self.message);
        Some(if message.too_large {
            Item::TooLarge
        } else {
            Item::Message(message.frames)
        })
    }

    fn end_command(&mut self, octets: &[u8]) -> Result<Option<Item>, Violation> {
        let (name, rest) = short_string(octets).ok_or(Violation::Command)?;
        match (self.stage, name) {
            (Stage::Ready, b"READY") => {
                self.stage = Stage::Traffic;
                let ready = Ready::read(rest).ok_or(Violation::Command)?;
                Ok(Some(Item::Ready(ready)))
            }
            (Stage::Traffic, b"PING") => {
                // Two octets say how long the other side will wait; the rest comes back.
                let context = rest.get(2..).ok_or(Violation::Command)?;
                let context = context.get(..CONTEXT_OCTETS).unwrap_or(context);
                Ok(Some(Item::Ping(context.to_vec())))
            }
            (Stage::Traffic, b"PONG") if self.side == Side::Dealer => Ok(Some(Item::Pong)),
            // Subscriptions, and whatever is invented later.
            (Stage::Traffic, _) => Ok(None),
            _ => Err(Violation::Command),
        }
    }
}

/// A frame that is no command and is there as a whole: its flags, its octets, and what comes behind it.
fn whole_frame(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&flags, rest) = input.split_first()?;
    let (length, rest) = if flags & !MORE == 0 {
        let (&short, rest) = rest.split_first()?;
        (usize::from(short), rest)
    } else if flags & !MORE == LONG {
        let (long, rest) = rest.split_first_chunk()?;
        (usize::try_from(u64::from_be_bytes(*long)).ok()?, rest)
    } else {
        return None;
    };
    let (octets, rest) = rest.split_at_checked(length)?;
    Some((flags, octets, rest))
}

/// A string with one octet of length, and what comes behind it.
fn short_string(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = octets.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

impl Ready {
    /// The properties of a READY; `None` if they cannot be read.
    fn read(mut properties: &[u8]) -> Option<Self> {
        let mut ready = Self::default();
        while !properties.is_empty() {
            let (name, rest) = short_string(properties)?;
            let (length, rest) = rest.split_first_chunk()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            let (value, rest) = rest.split_at_checked(length)?;
            if name.eq_ignore_ascii_case(b"Identity") {
                ready.routing_id = value.to_vec();
            } else if name.eq_ignore_ascii_case(TICKET) {
                ready.ticket = <[u8; 16]>::try_from(value).ok().map(Ticket::from);
            } else if name.eq_ignore_ascii_case(PROOF) {
                ready.proof = <[u8; 16]>::try_from(value).ok().map(Proof::from);
            }
            properties = rest;
        }
        Some(ready)
    }
}

/// The longest command that is read, in octets. A READY has 100 or so.
const COMMAND_OCTETS: u64 = 4_096;
/// The longest routing id there is.
const IDENTITY_OCTETS: u64 = 255;
/// What of a PING comes back in the PONG at most (RFC 37).
const CONTEXT_OCTETS: usize = 16;
/// From how many missing octets on a frame is read to its place: below it, to read what comes behind it
/// in the same call gains more.
const DIRECT: usize = 4 << 10;
/// What a frame costs besides its octets and its place in the list: two allocations.
const FRAME_OVERHEAD: usize = 80;
/// The longest list of frames that is kept for the next message.
const FRAMES_KEPT: usize = 8;

#[cfg(test)]
mod tests;
