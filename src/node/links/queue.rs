//! What waits to be written over one connection: whole messages as they are on the wire, and how much
//! of it is written.
//!
//! Small frames are copied into one piece, heads and all, so that a thousand messages are one write;
//! large ones are shared with whoever else is sent them. Nothing is forgotten before the system at the
//! other end must have it, so that what is lost with a connection goes again over the next one.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};

use crate::node::zmtp::{MORE, frame_head};
use crate::zre::Frame;

/// The octets of messages that are not written, in their order.
#[derive(Debug)]
pub(super) struct Queue {
    pieces: VecDeque<Piece>,
    /// First those that are completely written and may be lost with the connection, then the others.
    messages: VecDeque<Waiting>,
    /// How many are completely written.
    sent: usize,
    /// Where the next octet to be written is, counted from the first octet that was ever queued.
    written: u64,
    /// Where the first message begins that is not forgotten.
    begun: u64,
    /// Where all that is queued ends.
    end: u64,
    /// What all messages that are not written cost.
    cost: u64,
    /// How many of them are content of an application.
    contents: u64,
}

#[derive(Debug)]
struct Piece {
    /// Where it begins, counted like [`Queue::written`].
    start: u64,
    octets: Octets,
}

#[derive(Debug)]
enum Octets {
    /// Heads and small frames.
    Copied(Vec<u8>),
    Shared(Frame),
}

/// A message that may have to be written, or to be written again.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    /// Where it ends, counted like [`Queue::written`].
    end: u64,
    cost: u64,
    is_content: bool,
}

/// What became of an attempt to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) octets: u64,
    /// There was no room for more.
    pub(super) is_full: bool,
}

/// Large buffers that are not used just now, for whoever has something to write.
#[derive(Debug, Default)]
pub(super) struct Spare(Vec<Vec<u8>>);

impl Queue {
    pub(super) const fn new() -> Self {
        Self {
            pieces: VecDeque::new(),
            messages: VecDeque::new(),
            sent: 0,
            written: 0,
            begun: 0,
            end: 0,
            cost: 0,
            contents: 0,
        }
    }

    /// What is queued and not written costs so much, in octets.
    pub(super) const fn cost(&self) -> u64 {
        self.cost
    }

    /// Messages of an application that are not completely written.
    pub(super) const fn contents(&self) -> u64 {
        self.contents
    }

    /// Octets that are not written.
    pub(super) const fn unwritten(&self) -> u64 {
        self.end - self.written
    }

    /// How many octets were written, since the first that was ever queued.
    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    /// Whether something is kept that is written, in case it is lost.
    pub(super) const fn keeps_written(&self) -> bool {
        self.sent > 0
    }

    /// Memory that is held, shared frames left out, in octets.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        let copied = self.pieces.iter().map(|piece| match &piece.octets {
            Octets::Copied(octets) => octets.capacity(),
            Octets::Shared(_) => 0,
        });
        copied.sum::<usize>()
            + self.pieces.capacity() * size_of::<Piece>()
            + self.messages.capacity() * size_of::<Waiting>()
    }

    /// Queues a message: its first frame, and the frames of its content.
    pub(super) fn push<'a>(
        &mut self,
        header: &[u8],
        content: impl Iterator<Item = &'a Frame>,
        cost: u64,
        spare: &mut Spare,
    ) {
        let mut content = content.peekable();
        let is_content = content.peek().is_some();
        let more = |is_there: bool| if is_there { MORE } else { 0 };
        self.copy(more(is_content), header, spare);
        while let Some(frame) = content.next() {
            let flags = more(content.peek().is_some());
            if frame.len() < SHARED_OCTETS {
                self.copy(flags, frame, spare);
            } else {
                let head = self.copied(HEAD, spare);
                let before = head.len();
                frame_head(head, flags, frame.len());
                let head = head.len() - before;
                self.end += head as u64;
                self.share(frame.clone());
            }
        }
        self.end_message(cost, is_content);
    }

    /// Queues a command.
    pub(super) fn push_command(&mut self, octets: &[u8], spare: &mut Spare) {
        let piece = self.copied(octets.len(), spare);
        piece.extend_from_slice(octets);
        self.end += octets.len() as u64;
        self.end_message(octets.len() as u64 + MESSAGE_COST, false);
    }

    fn copy(&mut self, flags: u8, frame: &[u8], spare: &mut Spare) {
        let piece = self.copied(HEAD + frame.len(), spare);
        let before = piece.len();
        frame_head(piece, flags, frame.len());
        piece.extend_from_slice(frame);
        let octets = piece.len() - before;
        self.end += octets as u64;
    }

    fn share(&mut self, frame: Frame) {
        let start = self.end;
        self.end += frame.len() as u64;
        let octets = Octets::Shared(frame);
        self.pieces.push_back(Piece { start, octets });
    }

    fn end_message(&mut self, cost: u64, is_content: bool) {
        self.cost += cost;
        self.contents += u64::from(is_content);
        self.messages.push_back(Waiting {
            end: self.end,
            cost,
            is_content,
        });
    }

    /// Where the next octets are to be copied to, of which there are so many at most.
    fn copied(&mut self, octets: usize, spare: &mut Spare) -> &mut Vec<u8> {
        let has_room = match self.pieces.back().map(|piece| &piece.octets) {
            Some(Octets::Copied(piece)) => piece.len() + octets <= PIECE,
            Some(Octets::Shared(_)) | None => false,
        };
        if !has_room {
            self.pieces.push_back(Piece {
                start: self.end,
                octets: Octets::Copied(spare.take(octets)),
            });
        }
        match self.pieces.back_mut().map(|piece| &mut piece.octets) {
            Some(Octets::Copied(piece)) => piece,
            _ => unreachable!("one was pushed just now"),
        }
    }

    /// Writes as much as is taken, within bounds.
    pub(super) fn write(&mut self, to: &mut impl Write, spare: &mut Spare) -> io::Result<Written> {
        let mut written = Written {
            octets: 0,
            is_full: false,
        };
        while self.unwritten() > 0 && written.octets < AT_ONCE && !written.is_full {
            let (wanted, taken) = self.write_some(to);
            let taken = match taken {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(taken) => taken as u64,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            written.octets += taken;
            written.is_full = taken < wanted;
            self.written += taken;
            self.count_sent();
            self.forget(self.written.saturating_sub(UNDER_WAY), spare);
        }
        Ok(written)
    }

    /// One write; of how many octets, and how many of them were taken.
    fn write_some(&self, to: &mut impl Write) -> (u64, io::Result<usize>) {
        let written = self.written;
        let first = self.pieces.partition_point(|piece| piece.start <= written);
        let first = first.saturating_sub(1);
        let mut parts = [IoSlice::new(&[]); PARTS];
        let mut wanted = 0;
        let mut count = 0;
        for (part, piece) in parts.iter_mut().zip(self.pieces.range(first..)) {
            let skipped =
                usize::try_from(written.saturating_sub(piece.start)).unwrap_or(usize::MAX);
            let octets = piece.octets().get(skipped..).unwrap_or_default();
            *part = IoSlice::new(octets);
            wanted += octets.len() as u64;
            count += 1;
        }
        let parts = parts.get(..count).unwrap_or_default();
        (wanted, to.write_vectored(parts))
    }

    /// Messages that are completely written count no more.
    fn count_sent(&mut self) {
        while let Some(message) = self.messages.get(self.sent)
            && message.end <= self.written
        {
            self.sent += 1;
            self.cost -= message.cost;
            self.contents -= u64::from(message.is_content);
        }
    }

    /// Forgets the written messages of which the other end has all: what comes before `arrived`.
    pub(super) fn forget(&mut self, arrived: u64, spare: &mut Spare) {
        while self.sent > 0
            && let Some(message) = self.messages.pop_front_if(|it| it.end <= arrived)
        {
            self.sent -= 1;
            self.begun = message.end;
        }
        let begun = self.begun;
        while let Some(piece) = self.pieces.pop_front_if(|piece| piece.end() <= begun) {
            if let Octets::Copied(octets) = piece.octets {
                spare.give(octets);
            }
        }
        if self.messages.is_empty() && self.messages.capacity() > KEPT {
            self.messages.shrink_to(0);
        }
        if self.pieces.is_empty() && self.pieces.capacity() > KEPT {
            self.pieces.shrink_to(0);
        }
    }

    /// The connection is another one: what the other end does not have begins anew.
    pub(super) fn rewind(&mut self, arrived: u64, spare: &mut Spare) {
        self.forget(arrived, spare);
        for message in self.messages.range(..self.sent) {
            self.cost += message.cost;
            self.contents += u64::from(message.is_content);
        }
        self.sent = 0;
        self.written = self.begun;
    }

    /// Nothing will ever be written: only how much is lost is still known.
    pub(super) fn abandon(&mut self) {
        self.pieces = VecDeque::new();
        self.messages = VecDeque::new();
        self.sent = 0;
        self.written = self.end;
        self.cost = 0;
        self.begun = self.end;
    }
}

impl Piece {
    fn octets(&self) -> &[u8] {
        match &self.octets {
            Octets::Copied(octets) => octets,
            Octets::Shared(frame) => frame,
        }
    }

    fn end(&self) -> u64 {
        self.start + self.octets().len() as u64
    }
}

impl Spare {
    fn take(&mut self, octets: usize) -> Vec<u8> {
        let new = || Vec::with_capacity(octets.max(SMALL).next_power_of_two());
        self.0.pop().unwrap_or_else(new)
    }

    /// Small ones are quick to be had, and many large ones would be kept for nothing.
    fn give(&mut self, mut octets: Vec<u8>) {
        if self.0.len() < SPARE && octets.capacity() > SMALL {
            octets.clear();
            self.0.push(octets);
        }
    }
}

/// What a message counts for against the budget: its octets, and what is kept of it besides. Frames
/// that are copied cost their heads, those that are shared a piece of their own, and another one behind.
pub(super) fn cost<'a>(header: &[u8], content: impl Iterator<Item = &'a Frame>) -> u64 {
    let frame = |frame: &Frame| {
        let kept = if frame.len() < SHARED_OCTETS {
            HEAD
        } else {
            SHARED_COST
        };
        (frame.len() + kept) as u64
    };
    (header.len() + HEAD) as u64 + MESSAGE_COST + content.map(frame).sum::<u64>()
}

/// Frames of this length and more are shared, shorter ones copied: that is quicker than to count who
/// shares them.
pub(super) const SHARED_OCTETS: usize = 2 << 10;
/// The longest head of a frame.
const HEAD: usize = 9;
/// What is copied into one piece at most: what a socket takes at a time, by and large.
const PIECE: usize = 64 << 10;
/// More octets than the system holds of a connection: what was written before them has arrived.
const UNDER_WAY: u64 = 512 << 10;
/// How many pieces are written at a time.
const PARTS: usize = 32;
/// What is written to one connection before others have their turn, in octets.
const AT_ONCE: u64 = 1 << 20;
/// What a list of messages or pieces holds without being given back once it is empty.
const KEPT: usize = 64;
/// The first size of a piece: a HELLO, or some messages of a chat.
const SMALL: usize = 256;
/// How many large buffers are kept for the next one who needs one.
const SPARE: usize = 8;
/// What is kept of a message besides its octets, while its list grows.
const MESSAGE_COST: u64 = 2 * size_of::<Waiting>() as u64;
/// What a frame that is shared costs besides its octets: its piece, and the one behind it.
const SHARED_COST: usize = 4 * size_of::<Piece>() + SMALL;

#[cfg(test)]
mod tests;
