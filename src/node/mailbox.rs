//! How threads talk: typed queues, bounded in values and in octets, whose reader can sleep in a poll.
//!
//! There are two forms of reader. A thread that also waits for sockets reads any number of queues by
//! [`Receiver`]s that share its [`Waker`] ([`channel`]). An application reads one queue by a
//! [`Mailbox`], which has a bell of its own: it blocks, or polls the mailbox as a descriptor
//! ([`mailbox`]). The sending side is the same for both, and any number of threads may send.
//!
//! What is sent is received once, for each sender in its order, unless the receiver is dropped
//! before. Nothing here asks a question across threads, or knows what the values mean.

mod room;

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Instant;
use std::{fmt, io};

use crossbeam_channel as crossbeam;

pub use super::bell::Waker;

use super::bell::Bell;
use room::{Shared, Waiting};

pub(super) use room::Load;

/// What a value counts for against [`Capacity::octets`].
pub trait Weigh {
    /// The octets that the value holds on to besides itself.
    fn octets(&self) -> usize;
}

/// How much a queue holds before it is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Values, from 1 up to [`Capacity::MOST_VALUES`]. Memory for them is taken as they come: to touch
    /// that of thousands which hardly ever wait is a good part of what the start of a node costs.
    pub values: usize,
    /// Octets that these values hold, up to [`Capacity::MOST_OCTETS`]. A single value that is larger
    /// passes when the queue is empty, for otherwise it never could.
    pub octets: usize,
}

impl Capacity {
    /// The largest capacity in values; anything above counts as this. They are counted in 24 bits.
    pub const MOST_VALUES: usize = 1 << 23;
    /// The largest capacity in octets, 512 GiB; anything above counts as this. They are counted in
    /// 40 bits.
    pub const MOST_OCTETS: usize = 1 << 39;
}

/// A queue towards a thread that sleeps on `consumer`, and may read other queues besides.
pub fn channel<T: Weigh>(capacity: Capacity, consumer: &Waker) -> (Sender<T>, Receiver<T>) {
    connect(capacity, consumer.bell(), None)
}

/// A queue towards an application. `producer` belongs to the thread that sends: it is rung when there
/// is room that was asked for ([`Sender::want_room`]), and when the application drops the mailbox.
///
/// # Errors
///
/// If the process has no descriptor left.
pub fn mailbox<T>(capacity: Capacity, producer: &Waker) -> io::Result<(Sender<T>, Mailbox<T>)> {
    let bell = Arc::new(Bell::new()?);
    let (sender, receiver) = connect(capacity, Arc::clone(&bell), Some(producer.bell()));
    // Whoever polls the descriptor does not say so first: it has to be rung from the start.
    bell.arm();
    Ok((sender, Mailbox { receiver, bell }))
}

fn connect<T>(
    capacity: Capacity,
    consumer: Arc<Bell>,
    producer: Option<Arc<Bell>>,
) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared::new(capacity, consumer, producer));
    // Bounded by the places that are taken before.
    let (to_queue, from_queue) = crossbeam::unbounded();
    let sender = Sender {
        queue: to_queue,
        shared: Arc::clone(&shared),
    };
    let receiver = Receiver {
        queue: from_queue,
        shared,
    };
    (sender, receiver)
}

/// The sending side; cloned for each thread that sends.
pub struct Sender<T> {
    queue: crossbeam::Sender<(T, Load)>,
    shared: Arc<Shared>,
}

impl<T: Weigh> Sender<T> {
    /// Sends now or not at all.
    ///
    /// # Errors
    ///
    /// The value comes back if the queue is full or its receiver is gone.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        match self.reserve(value.octets()) {
            Ok(load) => self.put(value, load),
            Err(Refused::Full) => Err(TrySendError::Full(value)),
            Err(Refused::Closed) => Err(TrySendError::Closed(value)),
        }
    }

    /// Sends now or not at all, but wakes nobody: the receiver finds it when it is awake for another
    /// reason.
    ///
    /// # Errors
    ///
    /// As above.
    pub(super) fn try_leave(&self, value: T) -> Result<(), TrySendError<T>> {
        match self.reserve(value.octets()) {
            Ok(load) => self.queue(value, load),
            Err(Refused::Full) => Err(TrySendError::Full(value)),
            Err(Refused::Closed) => Err(TrySendError::Closed(value)),
        }
    }

    /// Sends, and waits as long as the queue is full.
    ///
    /// # Errors
    ///
    /// The value comes back if the receiver is gone, or goes while this waits.
    pub fn send(&self, value: T) -> Result<(), Closed<T>> {
        // Without a deadline nothing but the end of the receiver ends the wait in vain.
        self.send_until(value, None)
            .map_err(|error| Closed(error.into_value()))
    }

    /// Sends, and waits until `deadline` as long as the queue is full.
    ///
    /// # Errors
    ///
    /// The value comes back if the queue is still full then, or if the receiver is gone, or goes
    /// while this waits.
    pub fn send_deadline(&self, value: T, deadline: Instant) -> Result<(), TrySendError<T>> {
        self.send_until(value, Some(deadline))
    }

    fn send_until(&self, value: T, deadline: Option<Instant>) -> Result<(), TrySendError<T>> {
        let reserved = match self.reserve(value.octets()) {
            Err(Refused::Full) => self.await_room(value.octets(), deadline),
            reserved_or_closed => reserved_or_closed,
        };
        match reserved {
            Ok(load) => self.put(value, load),
            Err(Refused::Full) => Err(TrySendError::Full(value)),
            Err(Refused::Closed) => Err(TrySendError::Closed(value)),
        }
    }
}

// In two steps: a place first, and what goes there later, perhaps together with what goes to others.
impl<T> Sender<T> {
    /// Takes the place of one value of so many octets.
    pub(super) fn reserve(&self, octets: usize) -> Result<Load, Refused> {
        if self.shared.is_closed() {
            return Err(Refused::Closed);
        }
        let load = Load::of(octets);
        if self.shared.reserve(load) {
            Ok(load)
        } else {
            Err(Refused::Full)
        }
    }

    /// The same, and waits for it until `deadline`, or without end.
    pub(super) fn await_room(
        &self,
        octets: usize,
        deadline: Option<Instant>,
    ) -> Result<Load, Refused> {
        let _waiting = Waiting::on(&self.shared);
        let mut time_is_left = true;
        loop {
            match self.reserve(octets) {
                Err(Refused::Full) if time_is_left => {}
                done => return done,
            }
            time_is_left = self.shared.wait_for_room(deadline);
        }
    }

    /// Sends what places were taken for.
    pub(super) fn put(&self, value: T, load: Load) -> Result<(), TrySendError<T>> {
        self.queue(value, load)?;
        self.shared.ring_consumer();
        Ok(())
    }

    fn queue(&self, value: T, load: Load) -> Result<(), TrySendError<T>> {
        match self.queue.try_send((value, load)) {
            Ok(()) => Ok(()),
            Err(crossbeam::TrySendError::Disconnected((value, _))) => {
                Err(TrySendError::Closed(value))
            }
            // Cannot be: the queue has no bound but the places, and one was taken.
            Err(crossbeam::TrySendError::Full((value, load))) => {
                self.shared.cancel(load);
                Err(TrySendError::Full(value))
            }
        }
    }
}

/// Why there is no place for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// The queue is full.
    Full,
    /// The receiver is gone.
    Closed,
}

impl<T> Sender<T> {
    /// Whether a value of so many octets would be taken now, or refused for good since the receiver
    /// is gone. If neither, the [`Waker`] that was given to [`mailbox`] is rung later: when half of
    /// the queue is empty, and when the receiver goes. For a thread that does not wait here but
    /// sleeps on that waker; to be asked between [`Waker::prepare_sleep`] and the poll.
    #[must_use]
    pub fn want_room(&self, octets: usize) -> bool {
        self.shared.want_room(Load::of(octets))
    }

    /// Whether the receiver is gone, so that everything sent comes back.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.add_sender();
        Self {
            queue: self.queue.clone(),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.remove_sender();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender({} queued)", self.queue.len())
    }
}

/// The receiving side, for a thread that sleeps on a [`Waker`] of its own.
pub struct Receiver<T> {
    queue: crossbeam::Receiver<(T, Load)>,
    shared: Arc<Shared>,
}

impl<T> Receiver<T> {
    /// Takes one value.
    ///
    /// # Errors
    ///
    /// If none waits, or none will come any more.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let (value, load) = self.take()?;
        self.shared.release(load);
        Ok(value)
    }

    /// Takes what waits, but at most so many values, one at each step of the iterator. Its places
    /// are free again, and senders that wait for them told, when the iterator is dropped.
    pub fn drain(&self, most: usize) -> Drain<'_, T> {
        Drain {
            receiver: self,
            left: most,
            taken: Load::NOTHING,
        }
    }

    /// Whether there is a reason to stay awake: a value waits, or all senders are gone. (It stays
    /// ready when they are: whoever knows that does not ask any more.)
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.is_empty() || self.is_closed()
    }

    /// Whether no value waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether all senders are gone. Values may still wait.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.has_no_senders()
    }

    fn take(&self) -> Result<(T, Load), TryRecvError> {
        // The last sender may go after the first look; the second finds what it sent before.
        self.queue.try_recv().or_else(|_| {
            if self.is_closed() {
                self.queue.try_recv().map_err(|_| TryRecvError::Closed)
            } else {
                Err(TryRecvError::Empty)
            }
        })
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receiver({} queued)", self.queue.len())
    }
}

/// The values that [`Receiver::drain`] takes.
#[derive(Debug)]
pub struct Drain<'a, T> {
    receiver: &'a Receiver<T>,
    left: usize,
    taken: Load,
}

impl<T> Iterator for Drain<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.left = self.left.checked_sub(1)?;
        let (value, load) = self.receiver.take().ok()?;
        self.taken.add(load);
        Some(value)
    }
}

impl<T> Drop for Drain<'_, T> {
    fn drop(&mut self) {
        if self.taken != Load::NOTHING {
            self.receiver.shared.release(self.taken);
        }
    }
}

/// The receiving side, for an application: it blocks here, or polls this as a descriptor.
///
/// The descriptor is readable while values wait, and when all senders are gone. Having been readable,
/// it stays so until [`Mailbox::try_recv`] (or another form of it) has found nothing.
#[derive(Debug)]
pub struct Mailbox<T> {
    receiver: Receiver<T>,
    bell: Arc<Bell>,
}

impl<T> Mailbox<T> {
    /// Takes one value, if one waits.
    ///
    /// # Errors
    ///
    /// If none waits, or none will come any more.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let (value, load) = self.try_take()?;
        self.release(load);
        Ok(value)
    }

    /// Takes one value, and waits for it.
    ///
    /// # Errors
    ///
    /// If none will come any more.
    pub fn recv(&self) -> Result<T, Closed<()>> {
        // Without a deadline nothing but the end of all senders ends the wait in vain.
        let (value, load) = self.take(None).map_err(|_| Closed(()))?;
        self.release(load);
        Ok(value)
    }

    /// Takes one value, and waits for it until `deadline`.
    ///
    /// # Errors
    ///
    /// If none has come until then, or none will come any more.
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, TryRecvError> {
        let (value, load) = self.take(Some(deadline))?;
        self.release(load);
        Ok(value)
    }

    /// Whether no value waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.receiver.is_empty()
    }

    /// Takes what was put in one piece; its places stay taken until [`Mailbox::release`].
    pub(super) fn try_take(&self) -> Result<(T, Load), TryRecvError> {
        match self.receiver.take() {
            Err(TryRecvError::Empty) => {}
            value_or_closed => return value_or_closed,
        }
        // From here on the next value rings, so that the descriptor may be polled; but one that came
        // in between did not ring, and more may wait behind it.
        self.bell.arm();
        let found = self.receiver.take();
        if !matches!(found, Err(TryRecvError::Empty)) {
            self.bell.ring();
        }
        found
    }

    /// The same, and waits for it until `deadline`, or without end.
    pub(super) fn take(&self, deadline: Option<Instant>) -> Result<(T, Load), TryRecvError> {
        loop {
            match self.try_take() {
                Err(TryRecvError::Empty) if deadline.is_none_or(|at| Instant::now() < at) => {
                    self.bell.sleep(deadline);
                }
                done => return done,
            }
        }
    }

    /// Gives places back.
    pub(super) fn release(&self, load: Load) {
        self.receiver.shared.release(load);
    }

    /// Whether so much is worth telling of: where each value is told, that costs more than the value.
    pub(super) fn is_worth_release(&self, load: Load) -> bool {
        load.is_part(self.receiver.shared.capacity())
    }
}

impl<T> AsFd for Mailbox<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

/// Why a value was not sent. It is inside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// The queue is full: sending it again may help.
    Full(T),
    /// The receiver is gone: sending it again never helps.
    Closed(T),
}

impl<T> TrySendError<T> {
    /// The value that was not sent.
    pub fn into_value(self) -> T {
        match self {
            Self::Full(value) | Self::Closed(value) => value,
        }
    }
}

/// Without the value, which need not be printable.
impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full",
            Self::Closed(_) => "Closed",
        })
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the queue is full",
            Self::Closed(_) => "the receiver is gone",
        })
    }
}

impl<T> std::error::Error for TrySendError<T> {}

/// The other side is gone. Inside is the value that was to be sent, if any.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Closed<T>(pub T);

/// Without the value, which need not be printable.
impl<T> fmt::Debug for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closed")
    }
}

impl<T> fmt::Display for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the other side of the queue is gone")
    }
}

impl<T> std::error::Error for Closed<T> {}

/// Why no value was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryRecvError {
    /// None waits, or none came in time.
    Empty,
    /// None waits, and all senders are gone.
    Closed,
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "no value waits",
            Self::Closed => "all senders are gone",
        })
    }
}

impl std::error::Error for TryRecvError {}
