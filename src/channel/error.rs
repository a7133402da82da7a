//! What can go wrong with a channel: [`OpenError`], [`Closed`], [`TrySendError`].

use std::{fmt, io};

/// The task has ended: nothing more can be sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the chat has ended")
    }
}

impl std::error::Error for Closed {}

/// Why a line was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrySendError {
    /// The pipe is full: sending it again helps, later.
    Full,
    /// The task has ended: sending it again never helps.
    Closed,
}

impl fmt::Display for TrySendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "too many lines wait to be sent",
            Self::Closed => "the chat has ended",
        })
    }
}

impl std::error::Error for TrySendError {}

/// Why a chat task could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The system has no thread or descriptor left.
    Io(io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot start the chat: {error}"),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
        }
    }
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
