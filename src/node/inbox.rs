//! The mailbox on the network: a ROUTER, receive only, without libzmq.
//!
//! libzmq's own ROUTER cannot be made safe against whoever is on the network (docs/architecture.md says
//! how it fails); what it would do for us is little: take connections, read messages from them in
//! turn, and say over which connection, and so under which id, each came. What is on the wire is the
//! same. Who is heard is reckoned in [`Connections`], frames are put together in [`Reader`]; whether a
//! message is believed is not decided here: see [`Engine`](crate::zre::Engine).

mod arrivals;
#[cfg(any(test, feature = "sim"))]
pub(super) mod checks;
mod listen;
mod turns;

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IoSliceMut, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::Instant;

use log::Level::{Debug, Warn};
use uuid::Uuid;

use crate::zre::{Content, DecodeError, Frame, Host, Limits, Message, PeerId, Via};

use self::listen::Listeners;
use self::turns::{Turn, Turns};
use super::readiness::Readiness;
use super::tcp::is_for_later;
use super::zmtp::{self, Item, Reader, Words};
use crate::zre::connections::{Connections, Most, Token};
use crate::zre::ticket::Ticket;

pub(super) use self::listen::BindError;

/// The sockets behind a node's TCP port.
pub(super) struct Inbox {
    listeners: Listeners,
    connections: Connections,
    streams: BTreeMap<Token, Stream>,
    /// Connections that have not said who they are, and those that wait.
    arrivals: Readiness,
    /// Connections that are heard.
    traffic: Readiness,
    words: Words,
    /// Makes a ticket for a connection.
    tickets: fn() -> Ticket,
    /// Connections in which there is something to read, the next one first: see [`Turns`].
    turns: Turns,
    /// What was read last, and not taken yet.
    buffer: Vec<u8>,
    work: Option<Work>,
    /// How often something may still be read in this round.
    reads: usize,
    /// Serves to learn which connections have something.
    numbers: Vec<u64>,
    /// The connection over which the last message came.
    last: Option<Token>,
    /// Memory that incomplete messages hold, in octets.
    held: usize,
    limits: Limits,
    notices: VecDeque<Notice>,
    /// What is to be told before anything else is read: that connections have ended.
    ends: VecDeque<Received>,
    /// Whether connections that are heard may have something new, and whether there may be somebody
    /// to be admitted.
    pub(super) signalled: bool,
    pub(super) arrived: bool,
}

/// A connection.
struct Stream {
    socket: TcpStream,
    remote: SocketAddr,
    local: Option<IpAddr>,
    /// Who the other side says that it is.
    peer: Option<PeerId>,
    /// The ticket that it is given.
    ticket: Ticket,
    /// We have told it our version.
    is_hailed: bool,
    /// A message of it was read.
    is_heard: bool,
    /// The other side has asked something before it said anything: see [`Via::again`].
    is_again: bool,
    reader: Reader,
    /// What was read together with the handshake, and comes before all else.
    early: Vec<u8>,
    held: usize,
    turn: Turn,
}

impl Stream {
    fn via(&self) -> Via {
        Via {
            remote: Some(self.remote.into()),
            local: self.local,
            again: self.is_again,
        }
    }
}

/// The part of the buffer that is not taken yet, and whose it is.
#[derive(Debug, Clone, Copy)]
struct Work {
    token: Token,
    from: usize,
    to: usize,
}

/// What was taken out of the inbox.
#[derive(Debug)]
pub(super) enum Received {
    /// A message.
    Message {
        from: PeerId,
        via: Via,
        message: Message,
    },
    /// A message of this peer that cannot be understood, or is larger than the limits.
    Malformed { from: PeerId },
    /// The connection of this peer has ended, after everything that was taken before.
    Broken { peer: PeerId },
    /// The same, and it is another one of the same process, from there, that is heard from now on.
    Reopened { peer: PeerId, remote: Host },
}

/// What the engine has to be asked about connections, or has to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// [`Engine::handle_unheard`](crate::zre::Engine::handle_unheard)
    Unheard(PeerId, Host),
    /// A connection was refused: there are too many, or too many from its address.
    Refused,
    /// A connection was ended because nothing that is heard came over it.
    ClosedUnheard,
    /// A connection was ended under a routing id that is not ZRE's.
    BadOrigin,
    /// A connection was ended because what came over it is no ZMTP, or larger than the limits.
    Violation,
    /// A connection was ended because all incomplete messages together held too much memory.
    TooMuchHeld,
}

impl Inbox {
    /// The mailbox of this peer at these addresses: at `port`, or where that is `None`, at the first one from 49152
    /// up that is free at all of them. At most `connections` are open at a time.
    pub(super) fn bind(
        own: PeerId,
        addresses: &[Host],
        port: Option<u16>,
        limits: &Limits,
        connections: usize,
    ) -> Result<Self, BindError> {
        let arrivals = Readiness::new()?;
        Ok(Self {
            listeners: Listeners::bind(addresses, port, &arrivals)?,
            connections: Connections::new(Most {
                per_address: limits.connections_per_address,
                strangers: limits
                    .connections_of_strangers
                    .max(limits.connections_per_address),
                in_all: connections,
            }),
            streams: BTreeMap::new(),
            arrivals,
            traffic: Readiness::new()?,
            words: Words::of_a_router(&own.routing_id()),
            tickets: || Ticket::from(Uuid::new_v4().into_bytes()),
            turns: Turns::default(),
            buffer: vec![0; BUFFER],
            work: None,
            reads: READS,
            numbers: Vec::new(),
            last: None,
            held: 0,
            limits: limits.clone(),
            notices: VecDeque::new(),
            ends: VecDeque::new(),
            signalled: true,
            arrived: true,
        })
    }

    /// The TCP port.
    pub(super) const fn port(&self) -> u16 {
        self.listeners.port()
    }

    /// Readable while there is something to take.
    pub(super) fn signal(&self) -> BorrowedFd<'_> {
        self.traffic.as_fd()
    }

    /// Readable while there is somebody to be admitted.
    pub(super) fn arrival_signal(&self) -> BorrowedFd<'_> {
        self.arrivals.as_fd()
    }

    /// Receives at further addresses, at the same port. What does not work is logged: a network that
    /// has just come up may be gone again.
    pub(super) fn follow(&mut self, addresses: impl IntoIterator<Item = Host>) {
        for at in addresses {
            if let Err(error) = self.listeners.follow(at, &self.arrivals) {
                // Where there is no IPv6, that is nothing to tell.
                let level = if at.address.is_ipv6() { Debug } else { Warn };
                log::log!(level, "no messages are received at {at}: {error:?}");
            }
        }
    }

    /// What is new since the last time.
    pub(super) fn take_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// Whether there may be something to take.
    pub(super) fn is_ready(&self) -> bool {
        self.signalled || self.work.is_some() || !self.turns.is_empty() || !self.ends.is_empty()
    }

    /// So much is read from now on before everything else has its turn.
    pub(super) const fn begin_round(&mut self) {
        self.reads = READS;
    }

    /// Takes one message; `None` when there is none, or enough was read in this round.
    pub(super) fn receive(&mut self) -> Option<Received> {
        loop {
            if let Some(end) = self.ends.pop_front() {
                return Some(end);
            }
            if let Some(work) = self.work.take() {
                if let Some(received) = self.go_on(work) {
                    return Some(received);
                }
            } else if self.reads == 0 || !self.read_next() {
                return None;
            }
        }
    }

    /// Takes a message out of what was read last.
    fn go_on(&mut self, mut work: Work) -> Option<Received> {
        if let Some(received) = self.take_whole(work) {
            return Some(received);
        }
        let token = work.token;
        let stream = self.streams.get_mut(&token)?;
        let mut input = self.buffer.get(work.from..work.to)?;
        let read = stream.reader.read(&mut input, &self.limits);
        work.from = work.to - input.len();
        let item = match read {
            Ok(Some(item)) => item,
            Ok(None) => {
                self.weigh(token);
                return None;
            }
            Err(violation) => {
                log::debug!(
                    "a connection from {} is ended: {violation:?}",
                    stream.remote
                );
                self.notices.push_back(Notice::Violation);
                self.end(token);
                return None;
            }
        };
        self.work = Some(work);
        stream.turn.charge(MESSAGE);
        let from = stream.peer?;
        match item {
            Item::Message(frames) => Some(self.understand(token, from, frames)),
            Item::TooLarge => {
                log::debug!("a message of {} is too large", from.short(8));
                self.end(token);
                Some(Received::Malformed { from })
            }
            Item::Ping(context) => {
                stream.is_again |= !stream.is_heard;
                let pong = zmtp::pong(&context);
                // Whoever does not read the answers has no use for them, and a part of one would be
                // the beginning of something that is not ZMTP.
                if !matches!(stream.socket.write(&pong), Ok(all) if all == pong.len()) {
                    self.notices.push_back(Notice::Violation);
                    self.end(token);
                }
                None
            }
            Item::Version(_) | Item::Ready(_) | Item::Pong => None,
        }
    }

    /// The way of nearly all messages: all of it is there, and made of what was read at once.
    fn take_whole(&mut self, mut work: Work) -> Option<Received> {
        let token = work.token;
        let stream = self.streams.get_mut(&token)?;
        let from = stream.peer?;
        let mut input = self.buffer.get(work.from..work.to)?;
        let (header, content) = stream.reader.read_whole(&mut input, &self.limits)?;
        work.from = work.to - input.len();
        self.work = Some(work);
        stream.turn.charge(MESSAGE);
        self.last = Some(token);
        if !std::mem::replace(&mut stream.is_heard, true) {
            self.connections.heard(token);
        }
        let via = stream.via();
        let content = Content::new(Frame::copy_of(content));
        match Message::decode(header, Some(content), &self.limits) {
            Ok(message) => Some(Received::Message { from, via, message }),
            Err(error) => Some(self.refuse(token, from, &error)),
        }
    }

    fn understand(&mut self, token: Token, from: PeerId, mut frames: Vec<Frame>) -> Received {
        self.last = Some(token);
        let mut all = frames.drain(..);
        let header = all.next();
        let content = Content::from_frames(all);
        let mut via = Via::default();
        if let Some(stream) = self.streams.get_mut(&token) {
            stream.reader.reuse(frames);
            if !std::mem::replace(&mut stream.is_heard, true) {
                self.connections.heard(token);
            }
            via = stream.via();
        }
        match Message::decode(header.as_deref().unwrap_or_default(), content, &self.limits) {
            Ok(message) => Received::Message { from, via, message },
            Err(error) => self.refuse(token, from, &error),
        }
    }

    /// What comes behind a message that cannot be read is out of sequence; and whoever made us forget it
    /// and meet it again by each pair of messages has to connect for that.
    fn refuse(&mut self, token: Token, from: PeerId, error: &DecodeError) -> Received {
        log::debug!("a message of {} cannot be read: {error}", from.short(8));
        self.end(token);
        Received::Malformed { from }
    }

    /// Reads the next connection in which there is something; `false` if there is none.
    fn read_next(&mut self) -> bool {
        self.ask_who_has_something();
        let Some(token) = self.turns.next() else {
            return false;
        };
        self.reads -= 1;
        let Some(stream) = self.streams.get_mut(&token) else {
            return true;
        };
        stream.turn.begin();
        if !stream.early.is_empty() {
            let early = std::mem::take(&mut stream.early);
            let to = early.len().min(self.buffer.len());
            for (octet, read) in self.buffer.iter_mut().zip(early) {
                *octet = read;
            }
            self.work = Some(Work { token, from: 0, to });
            return true;
        }
        match stream.read(&mut self.buffer) {
            Ok(read) if read.octets > 0 => {
                stream.turn.charge(read.octets as u64);
                if read.is_all_there_was_room_for {
                    self.turns.ask(token, &mut stream.turn);
                }
                let to = read.in_buffer;
                self.work = Some(Work { token, from: 0, to });
            }
            Err(error) if is_for_later(&error) => {}
            Ok(_) | Err(_) => self.end(token),
        }
        true
    }

    /// Learns which connections have something, if that may have changed: when none is known any more,
    /// and now and then while some never end.
    fn ask_who_has_something(&mut self) {
        if !self.signalled || !self.turns.is_empty() && !self.reads.is_multiple_of(ASK_EVERY) {
            return;
        }
        let mut numbers = std::mem::take(&mut self.numbers);
        // There may be more than are told at a time.
        self.signalled = self.traffic.take(&mut numbers);
        for token in numbers.drain(..).map(Token) {
            if let Some(stream) = self.streams.get_mut(&token) {
                self.turns.ask(token, &mut stream.turn);
            }
        }
        self.numbers = numbers;
    }

    /// Reckons what a connection holds; if all together hold too much, the one that holds most ends.
    fn weigh(&mut self, token: Token) {
        let Some(stream) = self.streams.get_mut(&token) else {
            return;
        };
        self.held -= stream.held;
        stream.held = stream.reader.held() + stream.early.capacity();
        self.held += stream.held;
        while self.held > self.limits.unfinished_octets
            && let Some(heaviest) = self.heaviest()
        {
            self.notices.push_back(Notice::TooMuchHeld);
            self.end(heaviest);
        }
    }

    /// Of the connections of the address that holds most, the one that does.
    fn heaviest(&self) -> Option<Token> {
        let mut addresses: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for stream in self.streams.values() {
            *addresses.entry(stream.remote.ip()).or_default() += stream.held;
        }
        let (address, _) = addresses.into_iter().max_by_key(|(_, held)| *held)?;
        let there = self
            .streams
            .iter()
            .filter(|(_, stream)| stream.remote.ip() == address);
        let (token, stream) = there.max_by_key(|(_, stream)| stream.held)?;
        (stream.held > 0).then_some(*token)
    }

    /// The peer has entered by the last message that was taken.
    pub(super) fn entered(&mut self, now: Instant, peer: PeerId) {
        for verdict in self.connections.entered(now, peer, self.last) {
            self.carry_out(verdict);
        }
    }

    /// The peer is heard in both directions.
    pub(super) fn proven(&mut self, peer: PeerId) {
        self.connections.proven(peer);
    }

    /// The peer has left.
    pub(super) fn left(&mut self, peer: PeerId) {
        for verdict in self.connections.left(peer) {
            self.carry_out(verdict);
        }
    }

    /// The peer is not behind its connection any more, but perhaps behind one from this address.
    pub(super) fn hang_up(&mut self, now: Instant, peer: PeerId, at: Host) {
        for verdict in self.connections.hang_up(now, peer, at) {
            self.carry_out(verdict);
        }
    }

    /// The inbox is read, or not: then TCP makes the senders wait.
    pub(super) fn set_reading(&mut self, now: Instant, reading: bool) {
        self.connections.set_reading(now, reading);
    }

    /// When [`Inbox::handle_timeout`] is wanted.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let connections = self.connections.poll_timeout();
        connections
            .into_iter()
            .chain(self.listeners.poll_timeout())
            .min()
    }

    /// Looks after connections over which nothing is heard.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.listeners.handle_timeout(now, &self.arrivals);
        while let Some(verdict) = self.connections.handle_timeout(now) {
            self.carry_out(verdict);
        }
    }

    /// Closes a connection, and lets another one take its place.
    fn end(&mut self, token: Token) {
        if let Some(mut stream) = self.streams.remove(&token) {
            self.held -= stream.held;
            self.turns.forget(token, &mut stream.turn);
        }
        let (broken, verdicts) = self.connections.ended(token);
        if let Some(peer) = broken {
            self.ends.push_back(Received::Broken { peer });
        }
        for verdict in verdicts {
            self.carry_out(verdict);
        }
    }
}

impl Stream {
    /// Reads what there is: the rest of a large frame to its place, all else to the buffer.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        let Some(room) = self.reader.room() else {
            let octets = self.socket.read(buffer)?;
            return Ok(Read {
                octets,
                in_buffer: octets,
                is_all_there_was_room_for: octets == buffer.len(),
            });
        };
        // What is behind it belongs to another frame, perhaps as large, and would be copied.
        let (behind, _) = buffer.split_at_mut(BEHIND.min(buffer.len()));
        let (length, all) = (room.len(), room.len() + behind.len());
        let mut parts = [IoSliceMut::new(room), IoSliceMut::new(behind)];
        let octets = self.socket.read_vectored(&mut parts)?;
        self.reader.filled(octets.min(length));
        Ok(Read {
            octets,
            in_buffer: octets.saturating_sub(length),
            is_all_there_was_room_for: octets == all,
        })
    }
}

/// What was read at a time.
#[derive(Debug, Clone, Copy)]
struct Read {
    octets: usize,
    /// How many of them are in the buffer.
    in_buffer: usize,
    /// There may be more.
    is_all_there_was_room_for: bool,
}

/// What is read from a connection before it is another one's turn, in octets.
const BUFFER: usize = 64 << 10;
/// The same behind a large frame.
const BEHIND: usize = 2 << 10;
/// How often something is read before everything else has its turn.
const READS: usize = 64;
/// After how many of these it is asked who else has something.
const ASK_EVERY: usize = 8;
/// What a message costs besides its octets, in octets that could have been read instead.
const MESSAGE: u64 = 256;

#[cfg(test)]
mod tests;
