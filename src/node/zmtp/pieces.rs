//! What of a conversation has come and is not complete: a head, a frame, a message.

use super::Violation;
use super::words::{GREETING, LONG};
use crate::zre::{Frame, Limits};

/// Octets whose number is known and small.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) octets: [u8; GREETING],
    pub(super) length: usize,
}

/// A frame whose length is known, of which not everything was there at once.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) flags: u8,
    /// Whether it is part of a message that is kept.
    pub(super) is_kept: bool,
    /// What has come of it, and behind that room for some more.
    pub(super) octets: Vec<u8>,
    pub(super) come: usize,
    pub(super) missing: usize,
}

/// A message whose last frame has not come.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) frames: Vec<Frame>,
    pub(super) octets: usize,
    /// It is larger than any may be: what is left of it is thrown away.
    pub(super) too_large: bool,
}

impl Head {
    pub(super) const fn new() -> Self {
        Self {
            octets: [0; GREETING],
            length: 0,
        }
    }

    /// Takes octets until there are so many; `false` if the input ends before that.
    pub(super) fn fill(&mut self, input: &mut &[u8], length: usize) -> bool {
        let missing = length.saturating_sub(self.length).min(input.len());
        let (taken, rest) = input.split_at(missing);
        if let Some(room) = self.octets.get_mut(self.length..self.length + missing) {
            room.copy_from_slice(taken);
        }
        *input = rest;
        self.length += missing;
        self.length >= length
    }

    pub(super) fn octet(&self, index: usize) -> u8 {
        self.octets.get(index).copied().unwrap_or(0)
    }

    pub(super) fn length_of_frame(&self, flags: u8) -> u64 {
        match self.octets {
            [_, a, b, c, d, e, f, g, h, ..] if flags & LONG != 0 => {
                u64::from_be_bytes([a, b, c, d, e, f, g, h])
            }
            [_, short, ..] => u64::from(short),
        }
    }

    /// The signature, and a version from 2 up (which calls itself 1). What has not come is not wrong.
    pub(super) fn check_version(&self) -> Result<(), Violation> {
        let is_wrong = self.length > 0 && self.octet(0) != 0xff
            || self.length > 9 && self.octet(9) & 1 == 0
            || self.length > 10 && self.octet(10) == 0;
        if is_wrong {
            return Err(Violation::Greeting);
        }
        Ok(())
    }

    pub(super) fn check_mechanism(&self) -> Result<(), Violation> {
        let mechanism = self.octets.get(12..32);
        if mechanism.is_none_or(|name| name != NULL) {
            return Err(Violation::Greeting);
        }
        Ok(())
    }
}

impl Body {
    pub(super) fn new(flags: u8, is_kept: bool, length: usize) -> Self {
        Self {
            flags,
            is_kept,
            octets: Vec::new(),
            come: 0,
            missing: length,
        }
    }

    /// Takes octets until the frame is complete; `false` if the input ends before that.
    pub(super) fn fill(&mut self, input: &mut &[u8]) -> bool {
        let (taken, rest) = input.split_at(self.missing.min(input.len()));
        *input = rest;
        self.missing -= taken.len();
        if !self.is_kept {
            return self.missing == 0;
        }
        if self.octets.capacity() == 0 && self.missing + taken.len() <= AT_ONCE {
            self.octets.reserve_exact(self.missing + taken.len());
        }
        // What there is room for already, and the rest behind it.
        let end = self.octets.len().min(self.come + taken.len());
        let (within, behind) = taken.split_at(end - self.come);
        if let Some(room) = self.octets.get_mut(self.come..end) {
            room.copy_from_slice(within);
        }
        self.octets.extend_from_slice(behind);
        self.come += taken.len();
        self.missing == 0
    }

    /// The memory that it takes, in octets: of a large place that it has got at once only what was touched.
    pub(super) fn held(&self) -> usize {
        let octets = &self.octets;
        octets.capacity().min(octets.len().max(GROWTH))
    }

    /// Makes room for more: as much again as has come, within bounds.
    ///
    /// A frame of which much has come gets a place [`APART`] at once, of which no more is touched than comes:
    /// frames that grow side by side would leave holes behind wherever they were before, and the allocator
    /// keeps holes.
    pub(super) fn grow(&mut self) {
        if self.octets.len() == self.come {
            let more = self.come.clamp(AT_ONCE, GROWTH).min(self.missing);
            let place = if self.come < GROWTH {
                more
            } else {
                self.missing.max(APART.saturating_sub(self.come))
            };
            self.octets.reserve_exact(place);
            self.octets.resize(self.come + more, 0);
        }
    }
}

impl Message {
    /// A frame of this length is about to come.
    pub(super) fn expect(&mut self, length: usize, limits: &Limits) {
        // The first frame is ZRE's own; content comes behind it.
        let too_many = self.frames.len() > limits.frames;
        if too_many || self.octets + length > limits.message_octets {
            self.too_large = true;
            self.frames = Vec::new();
            self.octets = 0;
        }
    }

    pub(super) fn add(&mut self, frame: impl FnOnce() -> Frame) {
        if !self.too_large {
            let frame = frame();
            self.octets += frame.len();
            self.frames.push(frame);
        }
    }
}

const NULL: &[u8; 20] = b"NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
/// The memory that a frame gets before any of it has come, in octets, if it is that long.
pub(super) const AT_ONCE: usize = 64 << 10;
/// The most that it gets at a time later: so much more than its limit a node may hold for a moment.
const GROWTH: usize = 1 << 20;
/// So much that the allocator of glibc asks the system for it, and gives it back when it is free: below 32 MiB it
/// comes to keep what is free (`M_MMAP_THRESHOLD` follows the largest block that was freed). Hardly any of it
/// is ever touched.
const APART: usize = (32 << 20) + 1;
