//! What happened in a world: [`Trace`], a hash of everything, and on demand a text of it.
//!
//! Text costs more than the world itself, so it is made only where somebody will read it: a world that
//! failed is run again with it.

use std::collections::VecDeque;

use super::time::Time;

/// A record of everything that happened, as a number and maybe as text.
#[derive(Debug)]
pub(super) struct Trace {
    hash: u64,
    noted: u64,
    /// How many of the last lines are kept, and from when on there are any.
    keep: usize,
    from: Time,
    lines: VecDeque<String>,
}

impl Trace {
    pub(super) const fn new(keep: usize, from: Time) -> Self {
        Self {
            hash: 0xCBF2_9CE4_8422_2325,
            noted: 0,
            keep,
            from,
            lines: VecDeque::new(),
        }
    }

    /// Notes that something happened: by numbers that tell it from anything else, and by text.
    pub(super) fn note(
        &mut self,
        now: Time,
        what: What,
        numbers: [u64; 3],
        text: impl FnOnce() -> String,
    ) {
        self.noted += 1;
        for number in [now.0, what as u64].iter().chain(&numbers) {
            self.hash = (self.hash ^ number).wrapping_mul(0x0100_0000_01B3);
            self.hash ^= self.hash >> 32;
        }
        if self.keep > 0 && now >= self.from {
            if self.lines.len() >= self.keep {
                self.lines.pop_front();
            }
            self.lines.push_back(format!("{now} {}", text()));
        }
    }

    /// The hash of all that was noted.
    pub(super) const fn hash(&self) -> u64 {
        self.hash
    }

    /// How much was noted.
    pub(super) const fn noted(&self) -> u64 {
        self.noted
    }

    /// The last lines.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}

/// What kinds of things are noted.
#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    Beacon,
    Message,
    Event,
    Action,
    Send,
    Link,
    Stream,
    Fault,
    Process,
}
