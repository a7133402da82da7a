//! Connections: what a DEALER has queued ([`Mailbox`]) and what its TCP connection carries
//! ([`Connection`]). Only what they are; how they behave is in the world.
//!
//! A mailbox outlives its connections, as a DEALER does: when one breaks, what was queued stays, and
//! another connection is opened: by ZeroMQ after 100 to 200 ms, by ours at once, if the one before lasted.
//! What the kernel had taken and has not arrived is lost; ours take it back. Of TCP there is
//! the order, the bounded window, retransmission at doubling intervals, keep-alive, and ends that do
//! not know of each other's death. Congestion control is left out.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::time::Time;
use crate::zre::connections::Token;
use crate::zre::ticket::Ticket;
use crate::zre::{Content, LinkId, Message, PeerId};

/// The first interval of retransmission.
pub(super) const FIRST_RETRY: Duration = Duration::from_millis(200);

/// The last interval of retransmission, as in Linux.
pub(super) const LAST_RETRY: Duration = Duration::from_secs(120);

/// How long retransmission goes on: `tcp_retries2` of Linux comes to this.
pub(super) const GIVE_UP: Duration = Duration::from_secs(924);

/// How long the end of a connection is retransmitted once its process is gone.
pub(super) const GIVE_UP_FIN: Duration = Duration::from_secs(100);

/// How long a connection is idle before its far end is asked (`TCP_KEEPIDLE` of the node).
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// How long that may go unanswered (three times ten seconds).
pub(super) const KEEP_ALIVE_ANSWER: Duration = Duration::from_secs(30);

/// The outgoing side of a link: a DEALER.
#[derive(Debug)]
pub(super) struct Mailbox {
    /// The process whose it is.
    pub(super) owner: usize,
    pub(super) link: LinkId,
    /// Of ours: to whom it is to lead.
    pub(super) peer: Option<PeerId>,
    pub(super) to: SocketAddr,
    /// What is queued and not written, and how many octets that is.
    pub(super) queue: VecDeque<Packet>,
    pub(super) queued: u64,
    /// A message was given back, and there has been no room since.
    pub(super) full: bool,
    /// A first message was written.
    pub(super) connected: bool,
    pub(super) connection: Option<Key>,
    /// Which HELLO was queued last, of all in the world.
    pub(super) greeting: u64,
    /// It would have tried to connect while its process or host stood still.
    pub(super) is_overdue: bool,
    /// How long to wait before the next try to connect.
    pub(super) interval: Duration,
    /// Of ours: since when its last connection was open.
    pub(super) opened: Option<Time>,
    /// It had a connection before.
    pub(super) was_open: bool,
    /// Of ours: what the mailbox of this one of ours has given to its last connection that was heard.
    pub(super) ticket: Option<(PeerId, Ticket)>,
    /// Of ours: it was dialled again at once; and is once more soon.
    pub(super) was_hasty: bool,
    pub(super) once_more: bool,
}

/// A TCP connection.
#[derive(Debug)]
pub(super) struct Connection {
    /// The sending process, and its mailbox while that has not lost the connection.
    pub(super) sender: usize,
    pub(super) mailbox: Option<Key>,
    /// Whether it is a later one of its mailbox, and the sender one of ours, which says so.
    pub(super) again: bool,
    /// The sender's address.
    pub(super) near: IpAddr,
    pub(super) far: SocketAddr,
    pub(super) receiver: usize,
    /// Whether the receiving side has it open.
    pub(super) accepted: bool,
    /// Whether the receiver reads it: not if another one speaks under the same routing id.
    pub(super) heard: bool,
    /// Its name where one of ours receives it.
    pub(super) token: Option<Token>,
    /// What is under way, with the time when it arrives.
    pub(super) wire: VecDeque<(Time, Cargo)>,
    /// The octets of it.
    pub(super) carried: u64,
    /// Octets that have arrived, but their acknowledgement has not.
    pub(super) unacknowledged: u64,
    /// When its sender last learned that something has arrived.
    pub(super) acknowledged: Time,
    /// When the last of it arrives.
    pub(super) last_arrival: Time,
    /// When it is to be pumped, as entered in the agenda; what else is entered there is out of date.
    pub(super) pump: Option<Time>,
    /// Since when retransmission has been in vain, and how long to wait for the next.
    pub(super) blocked: Option<Time>,
    pub(super) retry: Duration,
    /// Nothing arrives before then.
    pub(super) stalled: Time,
    /// What has not arrived, and never will, in order: its sender takes it back when it learns of the end.
    pub(super) lost: VecDeque<Packet>,
    /// Its receiver reads what has arrived, and then ends it.
    pub(super) is_over: bool,
}

/// What is in a connection.
#[derive(Debug)]
pub(super) enum Cargo {
    Packet(Packet),
    /// The sender has closed it.
    Fin,
}

/// A message under way.
#[derive(Debug)]
pub(super) struct Packet {
    pub(super) payload: Payload,
    pub(super) octets: u64,
    /// Which HELLO its number counts from.
    pub(super) greeting: u64,
}

/// A message, as a value or as it is on the wire.
#[derive(Debug)]
pub(super) enum Payload {
    /// The message, and whether the tail of its content goes with it.
    Typed(Message, bool),
    /// Its frames.
    Octets {
        header: Vec<u8>,
        content: Option<Content>,
    },
}

impl Packet {
    /// Whether an application sent it.
    pub(super) const fn is_content(&self) -> bool {
        match &self.payload {
            Payload::Typed(message, _) => message.body.content().is_some(),
            Payload::Octets { content, .. } => content.is_some(),
        }
    }
}

impl Connection {
    /// Over a connection that is not heard nothing is written that would be lost if it never is.
    pub(super) fn lose_what_is_unread(&mut self) {
        if self.heard {
            return;
        }
        for (_, cargo) in std::mem::take(&mut self.wire).into_iter().rev() {
            match cargo {
                Cargo::Packet(packet) => self.lost.push_front(packet),
                // How it ends is told all the same.
                Cargo::Fin => self.wire.push_back((self.last_arrival, Cargo::Fin)),
            }
        }
        self.carried = 0;
    }
}

/// The key of something in a [`Slab`]; never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    slot: u32,
    generation: u32,
}

impl Key {
    /// A ticket for the connection that has it: there is no other in a world.
    pub(super) fn ticket(self) -> Ticket {
        Ticket::from(u128::from(self.number()).to_be_bytes())
    }

    /// As a number, for the trace.
    pub(super) fn number(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.slot)
    }
}

/// Things by key.
#[derive(Debug)]
pub(super) struct Slab<T> {
    slots: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub(super) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(super) fn insert(&mut self, value: T) -> Key {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            u32::try_from(self.slots.len() - 1).expect("a world has less than 2^32 connections")
        });
        let entry = self.entry(slot).expect("a free slot is a slot");
        entry.1 = Some(value);
        Key {
            slot,
            generation: entry.0,
        }
    }

    fn entry(&mut self, slot: u32) -> Option<&mut (u32, Option<T>)> {
        self.slots.get_mut(usize::try_from(slot).ok()?)
    }

    pub(super) fn get(&self, key: Key) -> Option<&T> {
        let (generation, value) = self.slots.get(usize::try_from(key.slot).ok()?)?;
        value.as_ref().filter(|_| *generation == key.generation)
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let (generation, value) = self.entry(key.slot)?;
        value.as_mut().filter(|_| *generation == key.generation)
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        let entry = self.entry(key.slot)?;
        if entry.0 != key.generation {
            return None;
        }
        let value = entry.1.take()?;
        entry.0 += 1;
        self.free.push(key.slot);
        Some(value)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        let used = self.slots.iter().enumerate();
        used.filter(|(_, (_, value))| value.is_some())
            .filter_map(|(slot, (generation, _))| {
                let slot = u32::try_from(slot).ok()?;
                Some(Key {
                    slot,
                    generation: *generation,
                })
            })
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}
