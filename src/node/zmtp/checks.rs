//! What must hold for any octets that are read as ZMTP: they mean the same in all pieces and by every
//! way of reading, and what is held of them is in proportion to them.

use super::pieces::AT_ONCE;
use super::{COMMAND_OCTETS, FRAME_OVERHEAD, Item, Reader, Side, Violation};
use crate::node::checks::Pieces;
use crate::zre::{Frame, Limits};

/// What was complete, and how the connection ended, if it did.
pub(in super::super) type Meaning = (Vec<Item>, Option<Violation>);

/// How a reader is given what has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Way {
    /// All to [`Reader::read`].
    Plain,
    /// The rest of a large frame to where [`Reader::room`] says.
    Direct,
    /// As [`Way::Direct`], and messages of two frames by [`Reader::read_whole`]: as an inbox does it.
    Whole,
}

/// A ROUTER reads.
pub(in super::super) fn as_router(pieces: Pieces<'_>, limits: &Limits) {
    let meaning = read(Side::Router, pieces.whole(), limits, Way::Plain);
    for way in [Way::Plain, Way::Direct, Way::Whole] {
        for pieces in [pieces, pieces.whole()] {
            let again = read(Side::Router, pieces, limits, way);
            assert_eq!(again, meaning, "by {way:?}");
        }
    }
    for item in &meaning.0 {
        let Item::Message(frames) = item else {
            continue;
        };
        let octets: usize = frames.iter().map(|frame| frame.len()).sum();
        assert!(frames.len() <= 1 + limits.frames && octets <= limits.message_octets);
    }
}

/// A DEALER that only sends reads.
pub(in super::super) fn as_dealer(pieces: Pieces<'_>, limits: &Limits) {
    let meaning = read(Side::Dealer, pieces.whole(), limits, Way::Plain);
    assert_eq!(read(Side::Dealer, pieces, limits, Way::Direct), meaning);
    let is_message = |item: &Item| matches!(item, Item::Message(_) | Item::TooLarge);
    assert!(!meaning.0.iter().any(is_message));
}

/// What these pieces mean.
pub(in super::super) fn read<'a>(
    side: Side,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limits: &Limits,
    way: Way,
) -> Meaning {
    let mut reader = Reader::new(side);
    let mut items = Vec::new();
    let mut come = 0;
    for piece in pieces {
        come += piece.len();
        let mut input = piece;
        if way != Way::Plain {
            input = read_to_place(&mut reader, input);
        }
        loop {
            if way == Way::Whole
                && let Some((header, content)) = reader.read_whole(&mut input, limits)
            {
                let frames = [header, content].map(Frame::copy_of);
                items.push(Item::Message(frames.into()));
                continue;
            }
            match reader.read(&mut input, limits) {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break,
                Err(violation) => return (items, Some(violation)),
            }
        }
        assert!(input.is_empty(), "nothing is left behind");
        let most = most_held(side, come);
        let held = reader.held();
        assert!(held <= most, "{held} held after {come} octets");
    }
    (items, None)
}

/// Reads what is the rest of a large frame to its place; what is not.
fn read_to_place<'a>(reader: &mut Reader, input: &'a [u8]) -> &'a [u8] {
    let Some(room) = reader.room() else {
        return input;
    };
    let (within, behind) = input.split_at(room.len().min(input.len()));
    if let Some(room) = room.get_mut(..within.len()) {
        room.copy_from_slice(within);
    }
    reader.filled(within.len());
    behind
}

/// The most that may be held after so many octets.
fn most_held(side: Side, come: usize) -> usize {
    match side {
        Side::Router => {
            let frames = come / 2 * (2 * size_of::<Frame>() + FRAME_OVERHEAD);
            2 * come + frames + AT_ONCE
        }
        Side::Dealer => usize::try_from(2 * COMMAND_OCTETS).unwrap_or(usize::MAX),
    }
}
