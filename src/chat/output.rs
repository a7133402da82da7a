//! What a session wants done ([`Output`]), and how it ends ([`Exit`]).

use super::{Line, Record};
use crate::zre::Action;

/// What a session wants done, in this order.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Output {
    /// Show a line ([`Form::Screen`](super::Form) and [`Form::Text`](super::Form)).
    Show(Line),
    /// Write a record as one JSON object on a line ([`Form::Json`](super::Form)).
    Report(Box<Record>),
    /// Tell the node. While the node takes no actions, hand no more lines to the session.
    Act(Action),
    /// Clear the screen ([`Form::Screen`](super::Form)).
    Clear,
    /// What the prompt shows has changed ([`Form::Screen`](super::Form)).
    Prompt(Prompt),
    /// The session is over: end with this status. Nothing follows.
    Quit(Exit),
}

/// What a prompt and a status hint are made of. Its texts are safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Prompt {
    /// Where typed text goes.
    pub place: Place,
    /// How many others receive it.
    pub here: usize,
    /// How many peers are connected in all.
    pub connected: usize,
    /// Whether we are away.
    pub away: bool,
}

impl Prompt {
    /// A prompt of these parts; the texts in it must be safe to show.
    #[must_use]
    pub const fn new(place: Place, here: usize, connected: usize, away: bool) -> Self {
        Self {
            place,
            here,
            connected,
            away,
        }
    }
}

/// Where typed text goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// To a group.
    Group(String),
    /// To one peer, in a private chat.
    Private(String),
    /// Nowhere: no group is joined.
    Nowhere,
}

/// How a session ended, as exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All was done: 0.
    Done,
    /// A peer or a line was not reached, or a piped command was wrong, or the node stopped: 1.
    Failed,
    /// Nobody at all was there to receive what was sent: 3.
    Nobody,
    /// Ended by a signal, after a clean leave: 128 and its number.
    Signal(Signal),
}

/// A signal that ends the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal is gone.
    HangUp,
}

impl Exit {
    /// The exit status of the program.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Nobody => 3,
            Self::Signal(Signal::HangUp) => 129,
            Self::Signal(Signal::Interrupt) => 130,
            Self::Signal(Signal::Terminate) => 143,
        }
    }
}
