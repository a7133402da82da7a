//! The way of events to the application: [`Outlet`] and [`Inlet`], its two ends.
//!
//! The application may be slow: it is never waited for, and nothing is lost. What one round of the mesh
//! thread has to tell goes over in one piece, so that neither thread touches memory of the other for
//! each event, or wakes it for each; but each event takes its own place in the mailbox, which is
//! bounded by events and octets, and gives it back when it is received.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use crossbeam_channel as crossbeam;

use crate::zre::{Action, Event};

use super::bell::Waker;
use super::mailbox::{self, Capacity, Load, Mailbox, Refused, Sender, TryRecvError, Weigh};

/// What goes over in one piece.
#[derive(Debug)]
struct Batch {
    events: VecDeque<Event>,
    /// When this was told.
    at: Instant,
}

/// A way for events, bounded as a whole; `producer` is rung when there is room again, and when the
/// application drops its end.
pub(super) fn events(capacity: Capacity, producer: &Waker) -> io::Result<(Outlet, Inlet)> {
    let (to_application, mailbox) = mailbox::mailbox(capacity, producer)?;
    let (emptied, empty) = crossbeam::bounded(EMPTY);
    let outlet = Outlet {
        mailbox: to_application,
        batch: VecDeque::new(),
        load: Load::NOTHING,
        now: Instant::now(),
        empty,
        backlog: VecDeque::new(),
    };
    let inlet = Inlet {
        mailbox,
        batch: VecDeque::new(),
        at: Instant::now(),
        taken: Load::NOTHING,
        emptied,
    };
    Ok((outlet, inlet))
}

/// The end of the mesh thread: events that are told, and those that wait because the mailbox of the
/// application is full.
///
/// While any wait, the inbox is not read, so that only what happens without it comes in addition:
/// peers that go, and messages to them that were not delivered. These are added up, so that they do
/// not pile up either.
pub(super) struct Outlet {
    mailbox: Sender<Batch>,
    /// Events that have their places in the mailbox, and go there by [`Outlet::hand_over`].
    batch: VecDeque<Event>,
    load: Load,
    now: Instant,
    /// What the application has emptied: its memory serves again.
    empty: crossbeam::Receiver<VecDeque<Event>>,
    backlog: VecDeque<Event>,
}

impl Outlet {
    /// Tells the application, or lets it wait behind what waits already. It comes there with the next
    /// [`Outlet::hand_over`] at the latest.
    pub(super) fn push(&mut self, event: Event) {
        if !self.backlog.is_empty() {
            self.hold(event);
        } else if let Some(event) = self.add(event) {
            self.backlog.push_back(event);
        }
    }

    /// What is told from now on happens at this time.
    pub(super) const fn begin_round(&mut self, now: Instant) {
        self.now = now;
    }

    /// Hands over what was told since the last time: to be called at the end of each round.
    pub(super) fn hand_over(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let empty = self.empty.try_recv().unwrap_or_default();
        let events = std::mem::replace(&mut self.batch, empty);
        let load = std::mem::replace(&mut self.load, Load::NOTHING);
        // If there is no application any more, nobody misses them; and they have their places.
        let at = self.now;
        let _gone = self.mailbox.put(Batch { events, at }, load);
    }

    /// Tells what waits, as far as there is room.
    pub(super) fn flush(&mut self) {
        while let Some(event) = self.backlog.pop_front() {
            if let Some(event) = self.add(event) {
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
            .is_some_and(|event| self.mailbox.want_room(event.octets()))
    }

    /// Tells everything that waits, and that the node has stopped. Only here the application is
    /// waited for: there is nothing else left to do.
    pub(super) fn finish(mut self) {
        for event in std::mem::take(&mut self.backlog)
            .into_iter()
            .chain([Event::Stop])
        {
            let Some(event) = self.add(event) else {
                continue;
            };
            self.hand_over();
            let Ok(load) = self.mailbox.await_room(event.octets(), None) else {
                return;
            };
            self.put(event, load);
        }
        self.hand_over();
    }

    /// Adds an event to the batch, if there is room for it in the mailbox; otherwise it is back.
    fn add(&mut self, event: Event) -> Option<Event> {
        match self.mailbox.reserve(event.octets()) {
            Ok(load) => {
                self.put(event, load);
                None
            }
            Err(Refused::Full) => Some(event),
            Err(Refused::Closed) => None,
        }
    }

    fn put(&mut self, event: Event, load: Load) {
        self.batch.push_back(event);
        self.load.add(load);
        if self.batch.len() >= BATCH {
            self.hand_over();
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

/// The end of the application: it blocks here, or polls this as a descriptor (see [`Mailbox`]).
#[derive(Debug)]
pub(super) struct Inlet {
    mailbox: Mailbox<Batch>,
    /// What has come over, and was not received yet; and when it was told.
    batch: VecDeque<Event>,
    at: Instant,
    /// Places of events that were received, not given back yet.
    taken: Load,
    emptied: crossbeam::Sender<VecDeque<Event>>,
}

impl Inlet {
    /// The next event, if one waits, and when the node told it.
    pub(super) fn try_recv(&mut self) -> Result<(Event, Instant), TryRecvError> {
        if self.batch.is_empty() {
            let (batch, _) = self.mailbox.try_take()?;
            self.begin(batch);
        }
        self.next().ok_or(TryRecvError::Empty)
    }

    /// The same; waits for it until `deadline`, or without end.
    pub(super) fn recv(
        &mut self,
        deadline: Option<Instant>,
    ) -> Result<(Event, Instant), TryRecvError> {
        if self.batch.is_empty() {
            let (batch, _) = self.mailbox.take(deadline)?;
            self.begin(batch);
        }
        self.next().ok_or(TryRecvError::Empty)
    }

    fn begin(&mut self, batch: Batch) {
        let emptied = std::mem::replace(&mut self.batch, batch.events);
        self.at = batch.at;
        // The other end has enough of them, or is gone.
        let _not_needed = self.emptied.try_send(emptied);
    }

    fn next(&mut self) -> Option<(Event, Instant)> {
        let event = self.batch.pop_front()?;
        self.taken.add(Load::of(event.octets()));
        // All of them before the next one is waited for: it may wait for their places.
        if self.batch.is_empty() || self.mailbox.is_worth_release(self.taken) {
            let taken = std::mem::replace(&mut self.taken, Load::NOTHING);
            self.mailbox.release(taken);
        }
        Some((event, self.at))
    }
}

/// Readable while events wait.
impl AsFd for Inlet {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.mailbox.as_fd()
    }
}

impl Weigh for Event {
    fn octets(&self) -> usize {
        match self {
            Self::Whisper { content, .. } | Self::Shout { content, .. } => content.size(),
            Self::Enter { headers, .. } | Self::Update { headers, .. } => headers.weight(),
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

/// The most events that go over in one piece: as many as messages are taken in one round.
const BATCH: usize = 256;

/// Emptied batches that are kept for the next ones: one under way, one being filled.
const EMPTY: usize = 2;
