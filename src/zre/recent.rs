//! What a peer has said last, to know it again when it comes once more: [`Recent`].
//!
//! Numbers alone do not tell: a HELLO sets them back to 1, and what was sent before and behind it may come
//! again together, when it was not known to have arrived. Nothing is known here of connections.

use super::{Body, Frame, Message};

/// Marks of the last messages of one peer that were taken.
#[derive(Debug, Default)]
pub(super) struct Recent {
    marks: Vec<u64>,
    /// Where the oldest one is, once there is no room for more.
    oldest: usize,
}

impl Recent {
    /// A message was taken.
    pub(super) fn add(&mut self, mark: u64) {
        if self.marks.len() < REMEMBERED {
            self.marks.push(mark);
        } else if let Some(oldest) = self.marks.get_mut(self.oldest) {
            *oldest = mark;
            self.oldest = (self.oldest + 1) % REMEMBERED;
        }
    }

    /// How many messages are remembered.
    pub(super) fn len(&self) -> usize {
        self.marks.len()
    }

    /// Whether one with this mark was taken lately.
    pub(super) fn holds(&self, mark: u64) -> bool {
        self.marks.contains(&mark)
    }
}

/// A number made of what a message says and of its own number. What is long is looked at from both ends:
/// who is not meant to be taken for somebody else is told apart by the connection, not by this.
pub(super) fn mark(message: &Message) -> u64 {
    let mut mark = Mark(0xcbf2_9ce4_8422_2325);
    mark.number(u64::from(message.sequence));
    mark.number(u64::from(message.body.id()));
    if let Body::Shout { group, .. } | Body::Join { group, .. } | Body::Leave { group, .. } =
        &message.body
    {
        mark.octets(group.as_bytes());
    }
    let content = message.body.content();
    let frames = content.into_iter().flat_map(|content| content.frames());
    for frame in frames.take(FRAMES) {
        mark.frame(frame);
    }
    mark.0
}

struct Mark(u64);

impl Mark {
    const fn number(&mut self, number: u64) {
        let mixed = (self.0.rotate_left(23) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 29;
    }

    fn octets(&mut self, octets: &[u8]) {
        for part in octets.chunks(8) {
            let mut number = [0; 8];
            for (to, from) in number.iter_mut().zip(part) {
                *to = *from;
            }
            self.number(u64::from_le_bytes(number));
        }
        self.number(octets.len() as u64);
    }

    fn frame(&mut self, frame: &Frame) {
        if frame.len() <= 2 * END {
            return self.octets(frame);
        }
        self.octets(frame.get(..END).unwrap_or_default());
        self.octets(frame.get(frame.len() - END..).unwrap_or_default());
        self.number(frame.len() as u64);
    }
}

/// How many messages of a peer are remembered. Only a HELLO that goes again with others makes this
/// necessary: what was sent within some round trips.
pub(super) const REMEMBERED: usize = 64;

/// How many frames of a message are looked at. A zchat's have two.
const FRAMES: usize = 4;

/// How many octets at each end of a frame.
const END: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zre::Content;

    fn whisper(sequence: u16, text: &[u8]) -> Message {
        let content = Content::new(Frame::copy_of(text));
        let body = Body::Whisper { content };
        Message { sequence, body }
    }

    #[test]
    fn what_differs_in_number_kind_or_content_has_another_mark() {
        let long = |last: u8| [&[7; 500][..], &[last]].concat();
        let all = [
            whisper(2, b"a"),
            whisper(3, b"a"),
            whisper(2, b"b"),
            whisper(2, b"a\0"),
            whisper(2, &long(1)),
            whisper(2, &long(2)),
            Message {
                sequence: 2,
                body: Body::Ping,
            },
        ];
        let mut marks: Vec<u64> = all.iter().map(mark).collect();
        assert_eq!(mark(&whisper(2, b"a")), marks[0]);
        marks.sort_unstable();
        marks.dedup();
        assert_eq!(marks.len(), all.len());
    }

    #[test]
    fn the_last_messages_are_remembered_and_no_more() {
        let mut recent = Recent::default();
        let marks = 0..3 * REMEMBERED as u64;
        for mark in marks.clone() {
            recent.add(mark);
        }
        for mark in marks {
            let is_late = mark >= 2 * REMEMBERED as u64;
            assert_eq!(recent.holds(mark), is_late, "{mark}");
        }
    }
}
