//! The life of one link: dialled, greeted, written to; dialled again when its connection ends.
//!
//! A link outlives its connections, and may be led to another place. What waits to be written stays, in
//! order; what the system had taken is kept until the other end has it, and goes again over the next
//! connection if it does not. What it had, but could not say that it has, comes twice: the engine there
//! knows it by its number.

use std::fmt;
use std::io::{self, IoSlice, Read as _, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::pace::Pace;
use super::queue::Queue;
use super::{News, Tools};
use crate::node::tcp::{self, is_for_later};
use crate::node::zmtp::{Item, Reader, Side, Version, Words, ping, pong};
use crate::zre::ticket::Ticket;
use crate::zre::{LinkId, PeerId};

/// One outgoing connection, and what is to be sent over it.
#[derive(Debug)]
pub(super) struct Link {
    id: LinkId,
    to: SocketAddr,
    life: Life,
    pub(super) queue: Queue,
    pace: Pace,
    /// When something is to be done though nothing happens.
    pub(super) due: Option<Instant>,
    /// It is on the list of links to be written.
    pub(super) is_listed: bool,
    /// It is on the list of links to which SHOUTs are to be written.
    pub(super) has_shouts: bool,
    /// A message was given back, and there has been no room since.
    pub(super) is_full: bool,
    /// Its first message was taken.
    is_connected: bool,
    /// It has had an open connection.
    was_open: bool,
    /// Whose mailbox it is to lead to, if that is known.
    peer: Option<PeerId>,
    /// What the mailbox of this peer gave to its first connection, or the last that was known to be read.
    ticket: Option<(PeerId, Ticket)>,
}

#[derive(Debug)]
enum Life {
    /// It has no connection, and waits before the next try.
    Resting,
    /// The system has not said yet whether somebody is there.
    Dialling(TcpStream),
    /// Somebody is there.
    Met(Box<Connection>),
    /// What is there is no mailbox: it is left alone.
    GivenUp,
}

#[derive(Debug)]
struct Connection {
    socket: TcpStream,
    reader: Reader,
    /// Since when the other side is ready to be sent messages.
    open: Option<Instant>,
    /// Whose mailbox it is, if it says so, and the ticket that it has given, if it is one of ours.
    owner: Option<PeerId>,
    given: Option<(PeerId, Ticket)>,
    /// It was asked whether it reads what comes, and has not answered yet.
    is_asked: bool,
    /// The system may take more octets.
    is_writable: bool,
    /// How much has come in the second that began then.
    heard: (Instant, u64),
    /// The rest of our handshake, which this version is still to be told: together with the first
    /// messages, if the other side is ready for them.
    unsaid: Option<Version>,
    /// The greeting was said to its end.
    has_greeted: bool,
    /// The octets of the handshake that were written.
    shaken: u64,
    /// How much of the queue was written before it.
    before: u64,
}

/// A connection to which the first messages go together with the end of the handshake.
struct Opening<'a> {
    socket: &'a TcpStream,
    words: &'a [u8],
}

/// Why there is no connection (any more).
#[derive(Debug)]
enum End {
    /// Nobody listens there.
    Refused,
    /// This peer's mailbox is there, and another one's is sought.
    Another(PeerId),
    /// It has ended, or was not to be had in time.
    Lost(io::Error),
    /// What came over it no mailbox has to say.
    Violation(&'static str),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("nobody listens there"),
            Self::Another(owner) => write!(f, "{} listens there", owner.short(8)),
            Self::Lost(error) => error.fmt(f),
            Self::Violation(what) => f.write_str(what),
        }
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::ConnectionRefused {
            Self::Refused
        } else {
            Self::Lost(error)
        }
    }
}

impl Link {
    pub(super) const fn new(id: LinkId, peer: Option<PeerId>, to: SocketAddr) -> Self {
        Self {
            id,
            to,
            life: Life::Resting,
            queue: Queue::new(),
            pace: Pace::new(),
            due: None,
            is_listed: false,
            has_shouts: false,
            is_full: false,
            is_connected: false,
            was_open: false,
            peer,
            ticket: None,
        }
    }

    /// An empty link takes any message, however large: otherwise it could never be sent.
    pub(super) fn has_room(&self, cost: u64, budget: u64) -> bool {
        let queued = self.queue.cost();
        !self.is_given_up() && (queued == 0 || queued.saturating_add(cost) <= budget)
    }

    pub(super) const fn is_given_up(&self) -> bool {
        matches!(self.life, Life::GivenUp)
    }

    /// Whether its mailbox is ready for messages.
    #[cfg(test)]
    pub(super) fn is_open(&self) -> bool {
        matches!(&self.life, Life::Met(met) if met.open.is_some())
    }

    /// For how long the system at the other end has acknowledged nothing, of a connection that is known to be
    /// read, or is the first one.
    pub(super) fn silence(&self) -> Option<Duration> {
        match &self.life {
            Life::Met(met) if met.takes_messages() => tcp::silence(&met.socket),
            Life::Met(_) | Life::Resting | Life::Dialling(_) | Life::GivenUp => None,
        }
    }

    /// Whether something could be written now.
    pub(super) fn wants_write(&self) -> bool {
        self.queue.unwritten() > 0
            && matches!(&self.life, Life::Met(met) if met.takes_messages() && met.is_writable)
    }

    /// Whether somebody is there, and something is still to be written.
    pub(super) fn is_unfinished(&self) -> bool {
        self.queue.unwritten() > 0 && matches!(&self.life, Life::Met(met) if met.open.is_some())
    }

    /// Dials, which may take a while.
    pub(super) fn dial(&mut self, now: Instant, tools: &mut Tools) {
        match begin(self.to, self.id, tools) {
            Ok(socket) => {
                self.life = Life::Dialling(socket);
                self.due = Some(now + CONNECT);
                // On the same host, it is there already.
                self.attend(now, tools);
            }
            Err(error) => {
                tools.complain(now, &error);
                self.end(now, error.into(), tools);
            }
        }
    }

    /// The time that [`Link::due`] names has come.
    pub(super) fn handle_timeout(&mut self, now: Instant, tools: &mut Tools) {
        self.due = None;
        match &self.life {
            Life::Resting => self.dial(now, tools),
            Life::Met(met) if met.open.is_some() => {
                let arrived = met.arrived().unwrap_or(u64::MAX);
                self.queue.forget(arrived, &mut tools.spare);
                self.look_again(now);
            }
            Life::Dialling(_) | Life::Met(_) => {
                let error = io::ErrorKind::TimedOut.into();
                self.end(now, End::Lost(error), tools);
            }
            Life::GivenUp => {}
        }
    }

    /// Something may have changed about its socket.
    pub(super) fn attend(&mut self, now: Instant, tools: &mut Tools) {
        if let Err(end) = self.go_on(now, tools) {
            self.end(now, end, tools);
        }
    }

    fn go_on(&mut self, now: Instant, tools: &mut Tools) -> Result<(), End> {
        if let Life::Dialling(socket) = &self.life {
            if !hail(socket, self.to, &tools.words)? {
                return Ok(());
            }
            if let Life::Dialling(socket) = std::mem::replace(&mut self.life, Life::Resting) {
                let shaken = tools.words.hail().len() as u64;
                let met = Connection::new(now, socket, shaken, self.queue.written());
                self.life = Life::Met(Box::new(met));
                self.due = Some(now + HANDSHAKE);
                if !self.is_connected {
                    tools.news.push_back(News::Met(self.id));
                }
            }
        }
        if let Life::Met(met) = &mut self.life {
            met.is_writable = true;
            let was_open = met.open.is_some();
            let is_ended = met.read(now, &mut self.queue, tools)?;
            if met.open.is_some() {
                if !was_open {
                    if let Some((owner, _)) = met
                        .owner
                        .zip(self.peer)
                        .filter(|(owner, peer)| owner != peer)
                    {
                        return Err(End::Another(owner));
                    }
                    self.due = None;
                    if std::mem::replace(&mut self.was_open, true) && met.reader.knows_ping() {
                        self.ask(tools)?;
                    }
                }
                self.write_on(now, tools)?;
            }
            self.introduce(tools)?;
            self.keep_ticket();
            if is_ended {
                return Err(End::Lost(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        Ok(())
    }

    /// Asks whether what comes over this connection is read. There was one before, and the peer may not have
    /// noticed its end: then this one waits there, unread, and may be ended so, though the system there says
    /// that it has all. So nothing goes before the answer.
    fn ask(&mut self, tools: &mut Tools) -> Result<(), End> {
        let words = self.take_words(tools);
        if let Life::Met(met) = &mut self.life {
            let all = [&words[..], &ping()].concat();
            met.socket.write_all(&all)?;
            met.shaken += all.len() as u64;
            met.is_asked = true;
            if !std::mem::replace(&mut self.is_connected, true) {
                tools.news.push_back(News::Connected(self.id));
            }
        }
        Ok(())
    }

    /// Says what is still to be said of the handshake, if no message goes with it. READY (there is none in ZMTP 2)
    /// waits for that of the mailbox, which says whose it is, and may give a ticket.
    fn introduce(&mut self, tools: &Tools) -> Result<(), End> {
        if let Life::Met(met) = &mut self.life
            && met.open.is_none()
            && met.unsaid == Some(Version::Three)
        {
            if !std::mem::replace(&mut met.has_greeted, true) {
                met.socket.write_all(Words::greeting_rest())?;
                met.shaken += Words::greeting_rest().len() as u64;
            }
            return Ok(());
        }
        let words = self.take_words(tools);
        if let Life::Met(met) = &mut self.life
            && !words.is_empty()
        {
            met.socket.write_all(&words)?;
            met.shaken += words.len() as u64;
        }
        Ok(())
    }

    /// What is still to be said of the handshake.
    fn take_words(&mut self, tools: &Tools) -> Vec<u8> {
        let Life::Met(met) = &mut self.life else {
            return Vec::new();
        };
        let Some(version) = met.unsaid.take() else {
            return Vec::new();
        };
        let is_same = |((before, _), (peer, _)): &((PeerId, _), (PeerId, _))| before == peer;
        let tickets = self.ticket.zip(met.given).filter(is_same);
        let proof = tickets.map(|((_, before), (_, given))| before.prove(&given, self.to));
        let mut words = match proof {
            Some(proof) => tools.words.to_with_proof(version, &proof),
            None => tools.words.to(version).to_vec(),
        };
        if met.has_greeted {
            words.drain(..Words::greeting_rest().len());
        }
        words
    }

    /// Its connection is the first one, or known to be read: the next one will show this one's ticket.
    fn keep_ticket(&mut self) {
        if let Life::Met(met) = &mut self.life
            && met.takes_messages()
            && met.unsaid.is_none()
            && let Some(given) = met.given.take()
        {
            self.ticket = Some(given);
        }
    }

    /// Writes what waits, as far as it is taken.
    pub(super) fn write(&mut self, now: Instant, tools: &mut Tools) {
        if let Err(end) = self.write_on(now, tools) {
            self.end(now, end, tools);
        }
    }

    fn write_on(&mut self, now: Instant, tools: &mut Tools) -> Result<(), End> {
        if !self.wants_write() {
            return Ok(());
        }
        let words = self.take_words(tools);
        let Life::Met(met) = &mut self.life else {
            return Ok(());
        };
        met.shaken += words.len() as u64;
        let mut to = Opening {
            socket: &met.socket,
            words: &words,
        };
        let written = self.queue.write(&mut to, &mut tools.spare)?;
        met.is_writable = !written.is_full;
        if written.octets == 0 {
            return Ok(());
        }
        self.look_again(now);
        if !std::mem::replace(&mut self.is_connected, true) {
            tools.news.push_back(News::Connected(self.id));
        }
        if self.is_full {
            tools.news.push_back(News::Progress(self.id));
            if self.queue.cost() <= tools.room_from {
                self.is_full = false;
                tools.news.push_back(News::Room(self.id));
            }
        }
        if self.wants_write() && !std::mem::replace(&mut self.is_listed, true) {
            tools.unwritten.push(self.id);
        }
        Ok(())
    }

    /// What is written is kept until it has arrived, which is not told: it is looked for after a while.
    fn look_again(&mut self, now: Instant) {
        if self.due.is_none() && self.queue.keeps_written() {
            self.due = Some(now + KEEP);
        }
    }

    /// It is known to be to this peer.
    pub(super) const fn belong(&mut self, peer: PeerId) {
        self.peer = Some(peer);
    }

    /// Leads it to another place, and dials there. What has not arrived where it was goes there; what is
    /// on the way is called back.
    pub(super) fn lead(&mut self, now: Instant, peer: PeerId, to: SocketAddr, tools: &mut Tools) {
        self.peer = Some(peer);
        match std::mem::replace(&mut self.life, Life::Resting) {
            Life::Met(met) => {
                self.take_back(&met, tools);
                met.call_back();
            }
            Life::Resting | Life::Dialling(_) | Life::GivenUp => {}
        }
        self.to = to;
        self.pace = Pace::new();
        self.is_connected = false;
        self.dial(now, tools);
    }

    /// What has not arrived over a connection is to be written anew.
    fn take_back(&mut self, met: &Connection, tools: &mut Tools) {
        let arrived = met.arrived().unwrap_or(0);
        self.queue.rewind(arrived, &mut tools.spare);
    }

    /// There is no connection (any more).
    fn end(&mut self, now: Instant, end: End, tools: &mut Tools) {
        log::debug!("no connection to {}: {end}", self.to);
        let life = std::mem::replace(&mut self.life, Life::Resting);
        let open = match life {
            Life::Met(met) => {
                self.take_back(&met, tools);
                met.open
            }
            Life::Resting | Life::Dialling(_) | Life::GivenUp => None,
        };
        if matches!(end, End::Violation(_)) {
            self.life = Life::GivenUp;
            self.due = None;
            self.queue.abandon();
            tools.news.push_back(News::Violation);
            return;
        }
        let wait = match open.filter(|_| !matches!(end, End::Another(_))) {
            Some(since) => self.pace.after_connection(now, since, &mut tools.chance),
            None => self.pace.after_failure(&mut tools.chance),
        };
        match end {
            End::Refused => tools.news.push_back(News::Refused(self.id)),
            End::Another(owner) => tools.news.push_back(News::Another(self.id, owner)),
            End::Lost(_) | End::Violation(_) => {}
        }
        self.due = Some(now + wait);
    }

    /// Closes it. The system goes on with what it has taken.
    pub(super) fn hang_up(self) {
        if let Life::Met(met) = self.life {
            met.hang_up();
        }
    }
}

impl Connection {
    /// Whether messages may be sent over it.
    const fn takes_messages(&self) -> bool {
        self.open.is_some() && !self.is_asked
    }

    fn new(now: Instant, socket: TcpStream, shaken: u64, before: u64) -> Self {
        Self {
            socket,
            reader: Reader::new(Side::Dealer),
            open: None,
            owner: None,
            given: None,
            is_asked: false,
            is_writable: true,
            heard: (now, 0),
            unsaid: None,
            has_greeted: false,
            shaken,
            before,
        }
    }

    /// Up to where the other end has the queue, if that is known.
    fn arrived(&self) -> Option<u64> {
        let octets = tcp::arrived(&self.socket)?;
        Some(self.before + octets.saturating_sub(self.shaken))
    }

    /// Reads all that there is; whether the other side has ended the connection.
    fn read(&mut self, now: Instant, queue: &mut Queue, tools: &mut Tools) -> Result<bool, End> {
        let mut octets = [0; OCTETS];
        loop {
            let length = match self.socket.read(&mut octets) {
                Ok(0) => return Ok(true),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if is_for_later(&error) => return Ok(false),
                Err(error) => return Err(error.into()),
            };
            self.count(now, length)?;
            let input = octets.get(..length).unwrap_or(&octets);
            self.understand(now, input, queue, tools)?;
        }
    }

    /// Whoever says much more than a mailbox has to say is not listened to any longer.
    fn count(&mut self, now: Instant, octets: usize) -> Result<(), End> {
        let (since, heard) = &mut self.heard;
        if now.duration_since(*since) >= WHILE {
            (*since, *heard) = (now, 0);
        }
        *heard += octets as u64;
        if *heard > WORDS {
            return Err(End::Violation("it says too much"));
        }
        Ok(())
    }

    fn understand(
        &mut self,
        now: Instant,
        mut input: &[u8],
        queue: &mut Queue,
        tools: &mut Tools,
    ) -> Result<(), End> {
        let limits = &tools.limits;
        loop {
            match self.reader.read(&mut input, limits) {
                Ok(None) => return Ok(()),
                Ok(Some(Item::Version(version))) => self.unsaid = Some(version),
                Ok(Some(Item::Ready(ready))) => {
                    self.open = Some(now);
                    self.owner = PeerId::from_routing_id(&ready.routing_id);
                    self.given = self.owner.zip(ready.ticket);
                }
                Ok(Some(Item::Pong)) => self.is_asked = false,
                Ok(Some(Item::Ping(context))) if queue.cost() < PONGS => {
                    queue.push_command(&pong(&context), &mut tools.spare);
                }
                // Whoever takes so little gets signs of life enough by what waits for it.
                Ok(Some(Item::Ping(_))) => {}
                Ok(Some(Item::Message(_) | Item::TooLarge)) => {
                    return Err(End::Violation("it sends messages"));
                }
                Err(violation) => {
                    log::debug!("a mailbox speaks no ZMTP: {violation:?}");
                    return Err(End::Violation("it speaks no ZMTP"));
                }
            }
        }
    }

    /// The system forgets what it has taken, and says so to the other end, if that still hears us.
    fn call_back(self) {
        // If that fails, it comes twice, which does no harm.
        let _twice = SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
    }

    /// What has come and is not read would make the end a reset, and what is under way would be lost.
    fn hang_up(mut self) {
        let mut octets = [0; OCTETS];
        let _what_came = self.socket.read(&mut octets);
        let _gone = self.socket.shutdown(std::net::Shutdown::Write);
    }
}

/// Begins to dial.
fn begin(to: SocketAddr, id: LinkId, tools: &Tools) -> io::Result<TcpStream> {
    let socket = tcp::socket(to)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    tcp::keep_alive(&socket)?;
    tcp::try_often(&socket)?;
    tcp::answer_at_leisure(&socket);
    match socket.connect(&to.into()) {
        Ok(()) => {}
        Err(error) if is_under_way(&error) => {}
        Err(error) => return Err(error),
    }
    let socket = TcpStream::from(socket);
    tools.sockets.add_changes(&socket, id.0)?;
    Ok(socket)
}

fn is_under_way(error: &io::Error) -> bool {
    let under_way = nix::errno::Errno::EINPROGRESS as i32;
    error.raw_os_error() == Some(under_way) || is_for_later(error)
}

/// Says our version at once, as soon as somebody is there; whether that is so. Nothing is asked before,
/// since the system tells with the answer what has become of the connection.
fn hail(mut socket: &TcpStream, to: SocketAddr, words: &Words) -> Result<bool, End> {
    match socket.write(words.hail()) {
        Ok(all) if all == words.hail().len() => {}
        Ok(_) => return Err(End::Lost(io::ErrorKind::WriteZero.into())),
        Err(error) if is_for_later(&error) => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    // Where nobody listens, the port that we dial from may by chance be the one that we dial.
    if socket.local_addr()? == to {
        return Err(End::Refused);
    }
    Ok(true)
}

impl Write for Opening<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(octets)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.words.is_empty() {
            return self.socket.write_vectored(parts);
        }
        let all: Vec<IoSlice<'_>> = std::iter::once(IoSlice::new(self.words))
            .chain(parts.iter().copied())
            .collect();
        // The system has room for much more on a connection to which nothing was written: where it has
        // none for this, it has none for a connection.
        let written = match self.socket.write_vectored(&all) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            done => done?,
        };
        let behind = written.checked_sub(self.words.len());
        self.words = &[];
        behind.ok_or_else(|| io::ErrorKind::WriteZero.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the system holds of a connection, in octets. It takes more only when a third of this is free
/// again: with its own four megabytes, a peer that reads 200 kB a second would seem to take nothing
/// for seconds.
const SEND_BUFFER: usize = 208 << 10;
/// The same in the other direction, where nothing but a handshake comes.
const RECEIVE_BUFFER: usize = 4 << 10;
/// How long whoever has accepted a connection may take for the handshake: where hundreds of nodes share a
/// processor, each has its turn after seconds.
const HANDSHAKE: Duration = Duration::from_secs(20);
/// How long a connection may take to be accepted: two lost SYNs are made up for.
const CONNECT: Duration = Duration::from_millis(3_500);
/// After how long it is looked whether what was written has arrived.
const KEEP: Duration = Duration::from_secs(1);
/// What is read at a time.
const OCTETS: usize = 2_048;
/// How much a mailbox may say in a [`WHILE`], in octets: a greeting and a READY of the longest kind, or
/// more PINGs than anybody has use for.
const WORDS: u64 = 8_192;
const WHILE: Duration = Duration::from_secs(1);
/// Up to how much that waits a PING is answered.
const PONGS: u64 = 64 << 10;
