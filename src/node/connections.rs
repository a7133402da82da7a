//! The inbound connections, as libzmq's monitor and the messages themselves tell of them: which
//! address each comes from, which peer speaks over it, and which must go.
//!
//! No socket is touched here: the [`Inbox`](super::inbox::Inbox) tells what happened, and shuts the
//! connections that are named to it. Routing ids are not looked into.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use crate::zre::PeerId;

/// The inbound connections of a node.
#[derive(Debug)]
pub(super) struct Connections {
    limits: Most,
    open: BTreeMap<RawFd, Connection>,
    by_address: BTreeMap<IpAddr, Count>,
    /// The connection over which each peer was last heard.
    heard: BTreeMap<PeerId, RawFd>,
    /// Peers whose connection is gone, with the address that it came from, until they are heard over
    /// another one.
    lost: BTreeMap<PeerId, Lost>,
    /// The same in the order in which they were lost, to be forgotten after a while: perhaps nobody
    /// knows them.
    lost_since: VecDeque<(Instant, PeerId)>,
    /// Some of them are to be told as soon as the inbox is read empty.
    any_untold: bool,
    /// Connections in the order in which they were accepted, to be looked at when they have had
    /// their time to say something.
    young: VecDeque<(Instant, RawFd, u64)>,
    /// The same once more, to be shut if they still say nothing.
    unheard: VecDeque<(Instant, RawFd, u64)>,
    /// While the inbox is not read, nobody can be heard.
    reading: bool,
    serial: u64,
}

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    pub(super) per_address: usize,
    pub(super) in_all: usize,
}

#[derive(Debug, Clone, Copy)]
struct Connection {
    /// Tells a connection from an earlier one that had the same descriptor.
    serial: u64,
    remote: SocketAddr,
    peer: Option<PeerId>,
    /// It was refused, and is about to end.
    refused: bool,
    /// It was shut because its peer is not behind it any more.
    hung_up: bool,
}

/// How many connections are open from an address.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    admitted: usize,
    refused: usize,
}

#[derive(Debug, Clone, Copy)]
struct Lost {
    since: Instant,
    remote: IpAddr,
    told: bool,
}

/// What to do about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Ask the engine whether one of its peers may be behind it.
    Unheard(IpAddr),
    /// Shut it: nothing that is heard comes over it.
    Shut(RawFd, SocketAddr),
}

impl Connections {
    pub(super) const fn new(limits: Most) -> Self {
        Self {
            limits,
            open: BTreeMap::new(),
            by_address: BTreeMap::new(),
            heard: BTreeMap::new(),
            lost: BTreeMap::new(),
            lost_since: VecDeque::new(),
            any_untold: false,
            young: VecDeque::new(),
            unheard: VecDeque::new(),
            reading: true,
            serial: 0,
        }
    }

    /// A connection was accepted. Says whether it may stay; if not, it is to be shut.
    #[must_use]
    pub(super) fn accepted(&mut self, now: Instant, fd: RawFd, remote: SocketAddr) -> bool {
        // Its end may have gone unnoticed: libzmq does not tell of those that another one replaced.
        self.closed(now, fd);
        self.serial += 1;
        let count = self.by_address.entry(remote.ip()).or_default();
        let refused =
            count.admitted >= self.limits.per_address || self.open.len() >= self.limits.in_all;
        if refused {
            count.refused += 1;
        } else {
            count.admitted += 1;
            self.young.push_back((now, fd, self.serial));
        }
        let connection = Connection {
            serial: self.serial,
            remote,
            peer: None,
            refused,
            hung_up: false,
        };
        self.open.insert(fd, connection);
        !refused
    }

    /// Whether a connection from this address was refused and has not ended yet: whoever asks now to
    /// be let in may be that one.
    pub(super) fn is_refusing(&self, address: IpAddr) -> bool {
        self.by_address
            .get(&address)
            .is_some_and(|count| count.refused > 0)
    }

    /// A connection is gone.
    pub(super) fn closed(&mut self, now: Instant, fd: RawFd) {
        let Some(connection) = self.open.remove(&fd) else {
            return;
        };
        let address = connection.remote.ip();
        if let Some(count) = self.by_address.get_mut(&address) {
            if connection.refused {
                count.refused -= 1;
            } else {
                count.admitted -= 1;
            }
            if count.admitted == 0 && count.refused == 0 {
                self.by_address.remove(&address);
            }
        }
        if let Some(peer) = connection.peer
            && self.heard.get(&peer) == Some(&fd)
        {
            self.lose(now, peer, address);
        }
    }

    fn lose(&mut self, now: Instant, peer: PeerId, remote: IpAddr) {
        self.heard.remove(&peer);
        let lost = Lost {
            since: now,
            remote,
            told: false,
        };
        if self
            .lost
            .insert(peer, lost)
            .is_none_or(|before| before.since != now)
        {
            self.lost_since.push_back((now, peer));
        }
        self.any_untold = true;
    }

    /// Whether it has to be found out over which connection a message of this peer came.
    pub(super) fn is_lost(&self, peer: PeerId) -> bool {
        !self.lost.is_empty() && self.lost.contains_key(&peer)
    }

    /// A message of this peer came over this connection, whose far end is at this address.
    pub(super) fn heard(&mut self, now: Instant, peer: PeerId, fd: RawFd, remote: IpAddr) {
        let Some(connection) = self
            .open
            .get_mut(&fd)
            .filter(|open| open.remote.ip() == remote)
        else {
            // What is read here was left behind by a connection that is gone: the peer is lost, or
            // still is, and that is told when everything is read.
            if !self.heard.contains_key(&peer) {
                self.lose(now, peer, remote);
            }
            return;
        };
        if connection.hung_up {
            // Left behind as well, and expected.
            return;
        }
        let before = connection.peer.replace(peer);
        if let Some(other) = before.filter(|other| *other != peer) {
            // The descriptor has changed hands, and its new connection was heard before that was
            // noticed.
            if self.heard.get(&other) == Some(&fd) {
                self.lose(now, other, remote);
            }
        }
        self.lost.remove(&peer);
        if let Some(old) = self.heard.insert(peer, fd).filter(|old| *old != fd) {
            // Two connections cannot be heard under one id: libzmq has closed the old one.
            self.closed(now, old);
        }
    }

    /// Whether this connection is open, as far as is known.
    pub(super) fn is_open(&self, fd: RawFd) -> bool {
        self.open.contains_key(&fd)
    }

    /// The engine does not know this peer any more.
    pub(super) fn forget(&mut self, peer: PeerId) {
        self.lost.remove(&peer);
    }

    /// The inbox was read empty: the peers of which nothing more can come over the connection that
    /// they had, each told once.
    pub(super) fn take_lost(&mut self) -> Vec<PeerId> {
        self.any_untold = false;
        let untold = |(peer, lost): (&PeerId, &mut Lost)| {
            (!std::mem::replace(&mut lost.told, true)).then_some(*peer)
        };
        self.lost.iter_mut().filter_map(untold).collect()
    }

    /// Whether anybody is to be told of by [`Connections::take_lost`].
    pub(super) const fn has_lost(&self) -> bool {
        self.any_untold
    }

    /// The inbox is read, or not: while it is not, nobody can be heard, and nothing is held against
    /// those who are not.
    pub(super) fn handle_reading(&mut self, now: Instant, reading: bool) {
        if reading && !self.reading {
            for (since, ..) in self.young.iter_mut().chain(&mut self.unheard) {
                *since = now;
            }
        }
        self.reading = reading;
    }

    /// When [`Connections::handle_timeout`] is wanted.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let young = self.young.front().map(|(since, ..)| *since + YOUNG);
        let unheard = self.unheard.front().map(|(since, ..)| *since + UNHEARD);
        let lost = self.lost_since.front().map(|(since, ..)| *since + LOST);
        [young, unheard, lost]
            .into_iter()
            .flatten()
            .min()
            .filter(|_| self.reading)
    }

    /// Time has passed. To be asked until it has nothing to say.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Option<Verdict> {
        if !self.reading {
            return None;
        }
        self.forget_lost(now);
        while let Some((since, fd, serial)) = due(&mut self.young, now, YOUNG) {
            if let Some(remote) = self.is_silent(fd, serial) {
                if self.is_address_of_lost(remote.ip()) {
                    return Some(Verdict::Shut(fd, remote));
                }
                self.unheard.push_back((since, fd, serial));
                return Some(Verdict::Unheard(remote.ip()));
            }
        }
        while let Some((_, fd, serial)) = due(&mut self.unheard, now, UNHEARD) {
            if let Some(remote) = self.is_silent(fd, serial) {
                return Some(Verdict::Shut(fd, remote));
            }
        }
        None
    }

    /// The connection of a peer that is lost was in the way of others from its address, over which
    /// nothing was heard: the peer may be behind one of those, which libzmq has put aside for good.
    /// To be shut, so that it is opened anew, and then heard.
    pub(super) fn put_aside(&self, peer: PeerId) -> Vec<(RawFd, SocketAddr)> {
        let lost = self.lost.get(&peer);
        lost.map_or_else(Vec::new, |lost| self.unheard_from(lost.remote))
    }

    /// The peer is not behind its connection any more, but perhaps behind one of those from this
    /// address over which nothing was heard: all that are to be shut. The peer is not told as lost.
    pub(super) fn hang_up(
        &mut self,
        now: Instant,
        peer: PeerId,
        address: IpAddr,
    ) -> Vec<(RawFd, SocketAddr)> {
        let mut shut = self.unheard_from(address);
        if let Some(fd) = self.heard.get(&peer).copied() {
            self.lose(now, peer, address);
            if let Some(connection) = self.open.get_mut(&fd) {
                connection.hung_up = true;
                shut.push((fd, connection.remote));
            }
        }
        if let Some(lost) = self.lost.get_mut(&peer) {
            lost.told = true;
        }
        shut
    }

    fn unheard_from(&self, address: IpAddr) -> Vec<(RawFd, SocketAddr)> {
        self.unheard
            .iter()
            .filter_map(|(_, fd, serial)| Some((*fd, self.is_silent(*fd, *serial)?)))
            .filter(|(_, remote)| remote.ip() == address)
            .collect()
    }

    fn forget_lost(&mut self, now: Instant) {
        let due = |(since, _): &mut (Instant, PeerId)| now >= *since + LOST;
        while let Some((since, peer)) = self.lost_since.pop_front_if(due) {
            match self.lost.get_mut(&peer) {
                Some(lost) if lost.since == since && lost.told => {
                    self.lost.remove(&peer);
                }
                Some(lost) if lost.since == since => {
                    lost.since = now;
                    self.lost_since.push_back((now, peer));
                }
                _ => {}
            }
        }
    }

    fn is_address_of_lost(&self, address: IpAddr) -> bool {
        self.lost.values().any(|lost| lost.remote == address)
    }

    fn is_silent(&self, fd: RawFd, serial: u64) -> Option<SocketAddr> {
        self.open
            .get(&fd)
            .filter(|connection| connection.serial == serial && connection.peer.is_none())
            .map(|connection| connection.remote)
    }
}

fn due(
    queue: &mut VecDeque<(Instant, RawFd, u64)>,
    now: Instant,
    after: Duration,
) -> Option<(Instant, RawFd, u64)> {
    queue.pop_front_if(|(since, ..)| now >= *since + after)
}

/// How long a connection may take to be heard before the engine is asked about it: the HELLO is sent
/// together with the handshake.
const YOUNG: Duration = Duration::from_millis(100);

/// How long it is remembered that a peer has lost its connection: ten times as long as it takes to
/// open another one.
const LOST: Duration = Duration::from_secs(5);

/// How long a connection may be open without being heard: as long as the handshake may take.
const UNHEARD: Duration = Duration::from_secs(5);
