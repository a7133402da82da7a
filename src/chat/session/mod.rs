//! The chat as one state machine: [`Session`].

use std::collections::VecDeque;
use std::time::Instant;

use super::{Completion, Config, Exit, Output, Signal, Stamp};
use crate::zre::{Event, PeerId};

/// A chat. What happens is told to it by a `handle_…` method together with the time (`now`, which
/// never runs backwards, and the wall clock, for people); what it wants done comes out of
/// [`Session::poll_output`], to be carried out in order before anything else is told;
/// [`Session::poll_timeout`] says when it wants to be woken.
///
/// What is drained after each call is bounded by what is known (a list has a row for each peer), so
/// lines without end need no memory.
#[derive(Debug)]
pub struct Session {
    outputs: VecDeque<Output>,
}

/// Why a line could not be read as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadLine {
    /// It is not UTF-8.
    NotUtf8,
    /// It is longer than [`TEXT_OCTETS`](super::TEXT_OCTETS); the shell need not keep the rest of it.
    TooLong,
}

impl Session {
    /// The session of the node with this id.
    #[must_use]
    pub fn new(_config: Config, _own: PeerId, _now: Instant, _wall: Stamp) -> Self {
        Self {
            outputs: VecDeque::new(),
        }
    }

    /// A line was typed or piped in; without its line end. Only to be called while
    /// [`Session::wants_lines`].
    pub fn handle_line(&mut self, _now: Instant, _wall: Stamp, _line: &str) {}

    /// A line came that cannot be handled; it counts as a line, and nothing of it is sent.
    pub fn handle_bad_line(&mut self, _now: Instant, _wall: Stamp, _why: BadLine) {}

    /// No more lines will come: the session delivers what it has, and ends.
    pub fn handle_end_of_input(&mut self, now: Instant, _wall: Stamp) {
        self.handle_signal(now, _wall, Signal::Terminate);
    }

    /// The program is to end, after a clean leave; at the second signal it ends at once.
    pub fn handle_signal(&mut self, _now: Instant, _wall: Stamp, signal: Signal) {
        self.outputs.push_back(Output::Quit(Exit::Signal(signal)));
    }

    /// Nobody reads what is shown (a broken pipe): the session leaves cleanly, and quietly.
    pub fn handle_broken_pipe(&mut self, _now: Instant, _wall: Stamp) {}

    /// The node tells something.
    pub fn handle_event(&mut self, _now: Instant, _wall: Stamp, _event: Event) {}

    /// The time that [`Session::poll_timeout`] named has come (or any other).
    pub fn handle_timeout(&mut self, _now: Instant, _wall: Stamp) {}

    /// What to do next; to be asked until there is nothing.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Session::handle_timeout`] is wanted; `None` while there is nothing to wait for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Whether the session takes lines: not while the first piped one waits for a receiver, and not
    /// once it is leaving. The shell then leaves them where they come from.
    #[must_use]
    pub fn wants_lines(&self) -> bool {
        true
    }

    /// What could stand before the cursor, which is at this octet of the line.
    #[must_use]
    pub fn complete(&self, _line: &str, _cursor: usize) -> Completion {
        Completion::default()
    }
}
