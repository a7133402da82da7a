//! The sending side of a node, for threads of their own: [`Sender`].

use std::time::{Duration, Instant};

use crate::zre::{Action, Content, Frame, GroupName, Limits, PeerId, Ticket};

use super::error::{SendError, TooLarge, TrySendError};
use super::mailbox;

/// Sends what a node is to send, from any thread; clone it for each. It works as long as the node
/// runs, and does not keep it running.
///
/// Every method has two forms. The first waits while as much waits for the node as
/// [`Limits::actions`] and [`Limits::action_octets`] allow: that is so while a peer takes its messages
/// slowly, until it has taken them or has taken nothing for the `evasive` time. The other one,
/// `try_…`, never waits, and gives back what was to be sent. That something was handed to the node is
/// no promise that it arrives: see [`Sender::flush`] and [`Event::Undelivered`](crate::zre::Event).
#[derive(Debug, Clone)]
pub struct Sender {
    actions: mailbox::Sender<Action>,
    frame_octets: usize,
    frames: usize,
}

impl Sender {
    pub(super) const fn new(actions: mailbox::Sender<Action>, limits: &Limits) -> Self {
        Self {
            actions,
            frame_octets: limits.frame_octets,
            frames: limits.frames,
        }
    }

    /// Sends to one peer (RFC 36, WHISPER).
    ///
    /// # Errors
    ///
    /// If the content is larger than allowed, or the node has stopped. That the peer is not connected
    /// is no error here, but an event.
    pub fn whisper(&self, peer: PeerId, content: impl Into<Content>) -> Result<(), SendError> {
        let content = self.checked(content.into())?;
        self.act(Action::Whisper { peer, content })
    }

    /// The same without waiting.
    ///
    /// # Errors
    ///
    /// As above, or if too much waits already.
    pub fn try_whisper(
        &self,
        peer: PeerId,
        content: impl Into<Content>,
    ) -> Result<(), TrySendError<Content>> {
        let content = self.checked(content.into())?;
        self.try_act(Action::Whisper { peer, content })
            .map_err(content_of)
    }

    /// Sends to all peers in a group, which this node need not have joined (RFC 36, SHOUT).
    ///
    /// # Errors
    ///
    /// If the content is larger than allowed, or the node has stopped. That nobody is in the group is
    /// no error.
    pub fn shout(&self, group: &GroupName, content: impl Into<Content>) -> Result<(), SendError> {
        let content = self.checked(content.into())?;
        let group = group.clone();
        self.act(Action::Shout { group, content })
    }

    /// The same without waiting.
    ///
    /// # Errors
    ///
    /// As above, or if too much waits already.
    pub fn try_shout(
        &self,
        group: &GroupName,
        content: impl Into<Content>,
    ) -> Result<(), TrySendError<Content>> {
        let content = self.checked(content.into())?;
        let group = group.clone();
        self.try_act(Action::Shout { group, content })
            .map_err(content_of)
    }

    /// Asks whether everything that was sent so far has been read, and waits for the answers of the
    /// peers as long as they make progress in `within`. Answered by
    /// [`Event::Flushed`](crate::zre::Event) with this ticket.
    ///
    /// # Errors
    ///
    /// If the node has stopped.
    pub fn flush(&self, ticket: Ticket, within: Duration) -> Result<(), SendError> {
        self.act(Action::Flush { ticket, within })
    }

    /// The same without waiting for the node to take it.
    ///
    /// # Errors
    ///
    /// If too much waits already, or the node has stopped.
    pub fn try_flush(&self, ticket: Ticket, within: Duration) -> Result<(), TrySendError<()>> {
        self.try_act(Action::Flush { ticket, within })
            .map_err(nothing_of)
    }

    /// Measures the round trip to a peer, which [`Event::RoundTrip`](crate::zre::Event) tells if it
    /// answers.
    ///
    /// # Errors
    ///
    /// If the node has stopped.
    pub fn ping(&self, peer: PeerId) -> Result<(), SendError> {
        self.act(Action::Ping(peer))
    }

    /// The same without waiting for the node to take it.
    ///
    /// # Errors
    ///
    /// If too much waits already, or the node has stopped.
    pub fn try_ping(&self, peer: PeerId) -> Result<(), TrySendError<()>> {
        self.try_act(Action::Ping(peer)).map_err(nothing_of)
    }

    /// Whether the node takes nothing any more.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.actions.is_closed()
    }

    pub(super) fn act(&self, action: Action) -> Result<(), SendError> {
        self.actions.send(action).map_err(|_| SendError::Stopped)
    }

    pub(super) fn try_act(&self, action: Action) -> Result<(), TrySendError<Action>> {
        self.actions.try_send(action).map_err(|error| match error {
            mailbox::TrySendError::Full(action) => TrySendError::Full(action),
            mailbox::TrySendError::Closed(action) => TrySendError::Stopped(action),
        })
    }

    pub(super) fn act_until(&self, action: Action, deadline: Instant) -> bool {
        self.actions.send_deadline(action, deadline).is_ok()
    }

    /// Content that other nodes take.
    pub(super) fn checked(&self, content: Content) -> Result<Content, TooLarge> {
        let tail = content.tail().map_or(&[][..], |tail| &tail.frames);
        let count = content.count() + tail.len();
        if count > self.frames {
            let most = self.frames;
            return Err(TooLarge::Frames { count, most });
        }
        let longest = content
            .frames()
            .chain(tail)
            .map(|frame: &Frame| frame.len())
            .max();
        match longest {
            Some(octets) if octets > self.frame_octets => Err(TooLarge::Frame {
                octets,
                most: self.frame_octets,
            }),
            _ => Ok(content),
        }
    }
}

fn content_of(error: TrySendError<Action>) -> TrySendError<Content> {
    map(error, |action| match action {
        Action::Whisper { content, .. } | Action::Shout { content, .. } => content,
        // Nothing else was tried.
        _ => Content::new(""),
    })
}

pub(super) fn nothing_of(error: TrySendError<Action>) -> TrySendError<()> {
    map(error, drop)
}

fn map<T, U>(error: TrySendError<T>, change: impl FnOnce(T) -> U) -> TrySendError<U> {
    match error {
        TrySendError::Full(value) => TrySendError::Full(change(value)),
        TrySendError::Stopped(value) => TrySendError::Stopped(change(value)),
        TrySendError::TooLarge(error) => TrySendError::TooLarge(error),
    }
}
