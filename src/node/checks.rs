//! What must hold for any octets on a connection. Shared: a fuzz target looks for octets that break it,
//! and the tests replay all that were ever interesting. Not part of what a node offers.
//!
//! Each check panics where something does not hold.

use std::time::Duration;

use crate::zre::Limits;

use super::{inbox, links, zmtp};

/// Any octets, in any pieces, as a connection that a node has accepted, or has dialled.
///
/// The first octet says which of the two, and whether they come over a socket or from memory. The next
/// two say in what pieces the others come: so long by turns, where zero is as long as there is.
///
/// # Panics
///
/// If anything is not as it must be.
pub fn connection(octets: &[u8]) {
    let [part, one, other, said @ ..] = octets else {
        return;
    };
    let pieces = Pieces {
        rest: said.get(..MOST).unwrap_or(said),
        lengths: [usize::from(*one), usize::from(*other)],
    };
    match part % 4 {
        0 => zmtp::checks::as_router(pieces, &limits()),
        1 => zmtp::checks::as_dealer(pieces, &limits()),
        2 => inbox::checks::accepted(pieces, &limits()),
        _ => links::checks::dialled(pieces, &limits()),
    }
}

/// Octets in the pieces in which they come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pieces<'a> {
    rest: &'a [u8],
    lengths: [usize; 2],
}

impl<'a> Pieces<'a> {
    /// All that comes, at once.
    pub(super) const fn whole(self) -> Self {
        Self {
            lengths: [0, 0],
            ..self
        }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        self.lengths.rotate_left(1);
        let length = match self.lengths {
            [_, 0] => self.rest.len(),
            [_, length] => length.min(self.rest.len()),
        };
        let (piece, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(piece)
    }
}

/// So small that a few hundred octets reach them.
fn limits() -> Limits {
    Limits {
        frames: 3,
        frame_octets: 80_000,
        message_octets: 80_100,
        // However often a fuzzer connects.
        connections_per_address: usize::MAX,
        ..Limits::default()
    }
}

/// The most octets that are looked at.
const MOST: usize = 6_000;

/// How long what must happen on a socket may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
