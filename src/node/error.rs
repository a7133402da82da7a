//! What can go wrong with a node: [`StartError`], [`SendError`], [`TrySendError`], [`RecvError`].

use std::net::SocketAddr;
use std::{fmt, io};

use super::beacon;
use super::interface::UnknownInterface;

/// Why a node did not start. Nothing of it is left running: no thread, no socket, no port.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The TCP port of the mailbox is in use at this address; where none was asked for, all ports
    /// from 49152 up are.
    PortTaken(SocketAddr),
    /// An interface was named that does not exist.
    UnknownInterface(UnknownInterface),
    /// The process may not open enough descriptors for a node and a few peers.
    TooFewDescriptors {
        /// How many it may open.
        limit: usize,
        /// How many there would have to be, those that are open already included.
        needed: usize,
    },
    /// The mailbox cannot be opened at this address.
    Address(SocketAddr, io::Error),
    /// The system refuses to list its interfaces.
    Interfaces(io::Error),
    /// The beacon thread did not start: its UDP port is taken, or cannot be opened.
    Beacon(beacon::StartError),
    /// A descriptor, or something else that a node needs, cannot be had.
    Resources(io::Error),
    /// A thread cannot be started.
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortTaken(address) => write!(
                f,
                "TCP port {} is in use at {}; choose another one, or none for any that is free",
                address.port(),
                address.ip()
            ),
            Self::UnknownInterface(unknown) => unknown.fmt(f),
            Self::TooFewDescriptors { limit, needed } => write!(
                f,
                "the process may open {limit} files and sockets, and the node needs {needed}; \
                 raise the limit (ulimit -n)"
            ),
            Self::Address(address, error) => write!(f, "cannot receive at {address}: {error}"),
            Self::Interfaces(error) => write!(f, "cannot list the network interfaces: {error}"),
            Self::Beacon(error) => error.fmt(f),
            Self::Resources(error) => write!(f, "cannot open what a node needs: {error}"),
            Self::Thread(error) => write!(f, "cannot start a thread: {error}"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::UnknownInterface(error) => Some(error),
            Self::Beacon(error) => Some(error),
            Self::Address(_, error)
            | Self::Interfaces(error)
            | Self::Resources(error)
            | Self::Thread(error) => Some(error),
            Self::PortTaken(_) | Self::TooFewDescriptors { .. } => None,
        }
    }
}

impl From<beacon::StartError> for StartError {
    fn from(error: beacon::StartError) -> Self {
        match error {
            beacon::StartError::Interfaces(error) => Self::Interfaces(error),
            beacon::StartError::Unknown(error) => Self::UnknownInterface(error),
            beacon::StartError::Thread(error) => Self::Thread(error),
            error => Self::Beacon(error),
        }
    }
}

/// Content that is larger than the node's [`Limits`](crate::zre::Limits): other nodes would refuse
/// it. Nothing was sent; to send it in pieces helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TooLarge {
    /// A frame is longer than [`Limits::frame_octets`](crate::zre::Limits::frame_octets).
    Frame {
        /// Its length.
        octets: usize,
        /// The most that is allowed.
        most: usize,
    },
    /// There are more frames than [`Limits::frames`](crate::zre::Limits::frames).
    Frames {
        /// How many, those of the tail included.
        count: usize,
        /// The most that is allowed.
        most: usize,
    },
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame { octets, most } => write!(
                f,
                "the message is {octets} octets long, and at most {most} are allowed; send it in pieces"
            ),
            Self::Frames { count, most } => write!(
                f,
                "the message has {count} frames, and at most {most} are allowed; send it in pieces"
            ),
        }
    }
}

impl std::error::Error for TooLarge {}

/// Why something was not handed to the node, though it would have been waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The node has stopped, or is about to: it takes nothing any more.
    Stopped,
    /// The content is larger than allowed.
    TooLarge(TooLarge),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("the node has stopped"),
            Self::TooLarge(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SendError {}

impl From<TooLarge> for SendError {
    fn from(error: TooLarge) -> Self {
        Self::TooLarge(error)
    }
}

/// Why something was not handed to the node at once. What was to be sent is inside, where that helps.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrySendError<T> {
    /// As much waits for the node as its [`Limits`](crate::zre::Limits) allow, perhaps because a peer
    /// takes its messages slowly. To try again later helps.
    Full(T),
    /// The node has stopped, or is about to: it takes nothing any more.
    Stopped(T),
    /// The content is larger than allowed.
    TooLarge(TooLarge),
}

/// Without the value, which need not be printable.
impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("Full"),
            Self::Stopped(_) => f.write_str("Stopped"),
            Self::TooLarge(error) => f.debug_tuple("TooLarge").field(error).finish(),
        }
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("too much waits to be sent; try again later"),
            Self::Stopped(_) => f.write_str("the node has stopped"),
            Self::TooLarge(error) => error.fmt(f),
        }
    }
}

impl<T> std::error::Error for TrySendError<T> {}

impl<T> From<TooLarge> for TrySendError<T> {
    fn from(error: TooLarge) -> Self {
        Self::TooLarge(error)
    }
}

/// Why no event was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvError {
    /// None waits, or none came in time.
    Empty,
    /// The node has stopped, and everything that it had to tell has been received.
    Stopped,
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "no event waits",
            Self::Stopped => "the node has stopped",
        })
    }
}

impl std::error::Error for RecvError {}
