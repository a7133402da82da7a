//! How full a queue is, and who is told when that changes. Knows nothing of the values themselves.
//!
//! Two counters are kept, of what was pushed and of what was popped, each in values and octets at
//! once; their difference is in the queue. A place is reserved before the value goes into it, so the
//! limits hold with any number of senders.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::time::Instant;

use crossbeam_channel as crossbeam;

use super::Capacity;
use crate::node::bell::Bell;

/// A number of values and of octets: the values in the upper 24 bits, the octets in the lower 40.
/// Sums may wrap: differences stay right as long as what is queued at a time fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::node) struct Load(u64);

const OCTET_BITS: u32 = 40;

/// Values of which the sender need not be told one by one that they were taken.
const MANY: usize = 64;

impl Load {
    pub(in crate::node) const NOTHING: Self = Self(0);

    /// One value of so many octets.
    pub(in crate::node) fn of(octets: usize) -> Self {
        let octets = octets.min(Capacity::MOST_OCTETS) as u64;
        Self((1 << OCTET_BITS) | octets)
    }

    pub(in crate::node) fn add(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }

    /// Whether it is an eighth of a capacity, or many values.
    pub(super) fn is_part(self, capacity: Capacity) -> bool {
        let many = (capacity.values / 8).min(MANY) as u64;
        self.values() >= many || self.octets() >= (capacity.octets / 8) as u64
    }

    fn values(self) -> u64 {
        self.0 >> OCTET_BITS
    }

    fn octets(self) -> u64 {
        self.0 & ((1 << OCTET_BITS) - 1)
    }
}

/// Keeps what one side writes often off the cache lines that the other side reads.
#[derive(Debug)]
#[repr(align(128))]
struct OwnLine<T>(T);

/// What the two sides of a queue share.
#[derive(Debug)]
pub(super) struct Shared {
    /// A [`Load`]: all that was ever pushed, or has reserved its place.
    pushed: OwnLine<AtomicU64>,
    /// A [`Load`]: all that was ever popped.
    popped: OwnLine<AtomicU64>,
    /// How many senders there are.
    senders: AtomicUsize,
    /// Whether the receiver is gone.
    closed: AtomicBool,
    /// How many senders are blocked until there is room.
    waiting: AtomicUsize,
    /// Whether a sender that sleeps in a poll of its own wants to be told of room.
    room_wanted: AtomicBool,
    /// Wakes one blocked sender.
    token: crossbeam::Sender<()>,
    tokens: crossbeam::Receiver<()>,
    capacity: Capacity,
    consumer: Arc<Bell>,
    producer: Option<Arc<Bell>>,
}

impl Shared {
    pub(super) fn new(
        capacity: Capacity,
        consumer: Arc<Bell>,
        producer: Option<Arc<Bell>>,
    ) -> Self {
        let (token, tokens) = crossbeam::bounded(1);
        Self {
            pushed: OwnLine(AtomicU64::new(0)),
            popped: OwnLine(AtomicU64::new(0)),
            senders: AtomicUsize::new(1),
            closed: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            room_wanted: AtomicBool::new(false),
            token,
            tokens,
            capacity: Capacity {
                values: capacity.values.clamp(1, Capacity::MOST_VALUES),
                octets: capacity.octets.min(Capacity::MOST_OCTETS),
            },
            consumer,
            producer,
        }
    }

    pub(super) fn capacity(&self) -> Capacity {
        self.capacity
    }

    // ---- the sending side

    /// Takes a place in the queue, if there is one.
    pub(super) fn reserve(&self, load: Load) -> bool {
        let mut pushed = self.pushed.0.load(Ordering::Relaxed);
        loop {
            // Acquire: what is popped has left its place in the queue.
            let popped = self.popped.0.load(Ordering::Acquire);
            let has_room = self.capacity_allows(Load(pushed.wrapping_sub(popped)), load);
            let now = if has_room {
                let then = pushed.wrapping_add(load.0);
                match self.pushed.0.compare_exchange_weak(
                    pushed,
                    then,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => return true,
                    Err(now) => now,
                }
            } else {
                // With other senders at work, `pushed` may be older than `popped`, and the
                // difference mean nothing. Full is only what is full by a number that still holds.
                let now = self.pushed.0.load(Ordering::Relaxed);
                if now == pushed {
                    return false;
                }
                now
            };
            pushed = now;
        }
    }

    /// Gives back a place that nothing was put into.
    pub(super) fn cancel(&self, load: Load) {
        self.pushed.0.fetch_sub(load.0, Ordering::Relaxed);
        self.pass_token();
    }

    fn capacity_allows(&self, queued: Load, load: Load) -> bool {
        queued.values() == 0
            || (queued.values() < self.capacity.values as u64
                && queued.octets() + load.octets() <= self.capacity.octets as u64)
    }

    /// What is in the queue, or was so a moment ago; never less than that.
    fn queued(&self) -> Load {
        let popped = self.popped.0.load(Ordering::Acquire);
        Load(self.pushed.0.load(Ordering::Relaxed).wrapping_sub(popped))
    }

    pub(super) fn ring_consumer(&self) {
        self.consumer.ring();
    }

    pub(super) fn want_room(&self, load: Load) -> bool {
        self.room_wanted.store(true, Ordering::Relaxed);
        // Pairs with the fence in `release`: either room is seen here, or the wish there.
        fence(Ordering::SeqCst);
        self.is_closed() || self.capacity_allows(self.queued(), load)
    }

    /// Blocks until there may be room; whether that was before the deadline.
    pub(super) fn wait_for_room(&self, deadline: Option<Instant>) -> bool {
        match deadline {
            None => self.tokens.recv().is_ok(),
            Some(at) => self.tokens.recv_deadline(at).is_ok(),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn add_sender(&self) {
        self.senders.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn remove_sender(&self) {
        if self.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.consumer.ring();
        }
    }

    // ---- the receiving side

    pub(super) fn has_no_senders(&self) -> bool {
        self.senders.load(Ordering::Acquire) == 0
    }

    /// Gives back places that are empty again, and tells those who wait for them, once the queue is
    /// half empty: otherwise each value taken would wake a sender for the next one.
    pub(super) fn release(&self, load: Load) {
        self.popped.0.fetch_add(load.0, Ordering::Release);
        // Pairs with the fences in `want_room` and `Waiting::on`.
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) > 0 && self.is_half_empty() {
            self.pass_token();
        }
        if let Some(producer) = &self.producer
            && self.room_wanted.load(Ordering::Relaxed)
            && self.is_half_empty()
        {
            self.room_wanted.store(false, Ordering::Relaxed);
            producer.ring();
        }
    }

    /// Counts places that are reserved but still empty as full. Their values will come, and will be
    /// popped, so this is asked again: nobody waits for ever.
    fn is_half_empty(&self) -> bool {
        let queued = self.queued();
        queued.values() <= self.capacity.values as u64 / 2
            && queued.octets() <= self.capacity.octets as u64 / 2
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        // One of those who wait is woken here, and wakes the next.
        self.pass_token();
        if let Some(producer) = &self.producer {
            producer.ring();
        }
    }

    /// Wakes a blocked sender. A token that nobody waited for makes one that comes later look twice,
    /// no more.
    fn pass_token(&self) {
        let _one_is_there_already = self.token.try_send(());
    }
}

/// A sender that is blocked. On its way out, for whatever reason, it wakes the next one: there may be
/// room for more than one value, or the receiver may be gone.
pub(super) struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    /// The sender has to look for room once more after this, for it is told only from now on.
    pub(super) fn on(shared: &'a Shared) -> Self {
        shared.waiting.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.0.waiting.fetch_sub(1, Ordering::Relaxed) > 1 {
            self.0.pass_token();
        }
    }
}
