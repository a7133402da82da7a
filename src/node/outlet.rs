//! The way of events to the application, which may be slow: never waited for, and nothing lost.

use std::collections::VecDeque;

use crate::zre::{Action, Event};

use super::mailbox::{Sender, TrySendError, Weigh};

/// Events that are told, and those that wait because the mailbox of the application is full.
///
/// While any wait, the inbox is not read, so that only what happens without it comes in addition:
/// peers that go, and messages to them that were not delivered. These are added up, so that they do
/// not pile up either.
pub(super) struct Outlet {
    events: Sender<Event>,
    backlog: VecDeque<Event>,
}

impl Outlet {
    pub(super) const fn new(events: Sender<Event>) -> Self {
        Self {
            events,
            backlog: VecDeque::new(),
        }
    }

    /// Tells the application, or lets it wait behind what waits already.
    pub(super) fn push(&mut self, event: Event) {
        if !self.backlog.is_empty() {
            self.hold(event);
        } else if let Err(TrySendError::Full(event)) = self.events.try_send(event) {
            self.backlog.push_back(event);
        }
    }

    /// Tells what waits, as far as there is room.
    pub(super) fn flush(&mut self) {
        while let Some(event) = self.backlog.pop_front() {
            if let Err(TrySendError::Full(event)) = self.events.try_send(event) {
                self.backlog.push_front(event);
                return;
            }
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_clear(&self) -> bool {
        self.backlog.is_empty()
    }

    /// Whether [`Outlet::flush`] can do something; if not, the waker is rung as soon as it can.
    pub(super) fn wants_flush(&self) -> bool {
        self.backlog
            .front()
            .is_some_and(|event| self.events.want_room(event.octets()))
    }

    /// Tells everything that waits, and that the node has stopped. Only here the application is
    /// waited for: there is nothing else left to do.
    pub(super) fn finish(self) {
        for event in self.backlog.into_iter().chain([Event::Stop]) {
            if self.events.send(event).is_err() {
                return;
            }
        }
    }

    fn hold(&mut self, event: Event) {
        if let Event::Undelivered {
            peer,
            count,
            reason,
        } = &event
        {
            let added =
                self.backlog
                    .iter_mut()
                    .rev()
                    .take(MERGED)
                    .find_map(|waiting| match waiting {
                        Event::Undelivered {
                            peer: to,
                            count,
                            reason: why,
                        } if to == peer && why == reason => Some(count),
                        _ => None,
                    });
            if let Some(added) = added {
                *added += count;
                return;
            }
        }
        self.backlog.push_back(event);
    }
}

impl Weigh for Event {
    fn octets(&self) -> usize {
        match self {
            Self::Whisper { content, .. } | Self::Shout { content, .. } => content.size(),
            _ => 0,
        }
    }
}

impl Weigh for Action {
    fn octets(&self) -> usize {
        match self {
            Self::Whisper { content, .. } | Self::Shout { content, .. } => content.size(),
            _ => 0,
        }
    }
}

/// How far back in the backlog an earlier count for the same peer is looked for.
const MERGED: usize = 10_000;
