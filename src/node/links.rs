//! The outgoing connections: one DEALER for each link, send only, with its octets in flight bounded.
//!
//! libzmq's own high-water marks count messages, whatever their size, and throw away or block. So
//! they are off, and the octets that are queued are counted here. What libzmq has written is learned
//! from *marks*: now and then the last frame of a message is handed over in a form whose memory
//! libzmq gives back by calling us, and since it writes in order, everything before it is written
//! too. Nothing here decides what is sent, or to whom: see [`Engine`](crate::zre::Engine).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel as crossbeam;

use crate::zre::{self, Body, Content, Frame, LinkId, Message, PeerId};

use super::bell::Bell;
use super::ffi::{Context, Socket};
use super::torrent::Torrent;

/// All outgoing connections of a node.
pub(super) struct Links {
    context: Context,
    routing_id: [u8; 17],
    /// What may be queued in one link, in octets.
    budget: u64,
    links: BTreeMap<LinkId, Link>,
    /// The links that have given a message back and have had no room since.
    full: BTreeSet<LinkId>,
    reports: Arc<Reports>,
    reported: crossbeam::Receiver<LinkId>,
    torrent: Torrent,
    /// Serves to encode all headers.
    header: Vec<u8>,
}

/// What became of a message that was to be sent.
#[derive(Debug)]
pub(super) enum Sent {
    /// It is queued.
    Queued,
    /// The link has no room for it; here it is again.
    Full(Message),
}

/// What is new about a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// Its first message was taken: somebody is there.
    Connected(LinkId),
    /// A full link has taken some octets.
    Progress(LinkId),
    /// A full link has room again.
    Room(LinkId),
}

impl Links {
    /// No links yet; `budget` is what may be queued in each, in octets. `bell` is rung when there is
    /// something for [`Links::collect_news`].
    pub(super) fn new(context: Context, peer: PeerId, budget: usize, bell: Arc<Bell>) -> Self {
        let (reports, reported) = crossbeam::unbounded();
        Self {
            context,
            routing_id: peer.routing_id(),
            budget: u64::try_from(budget).unwrap_or(u64::MAX),
            links: BTreeMap::new(),
            full: BTreeSet::new(),
            reports: Arc::new(Reports { reports, bell }),
            reported,
            torrent: Torrent::default(),
            header: Vec::new(),
        }
    }

    /// Opens a link. If that fails, which is for lack of descriptors, the link is there all the same
    /// but takes nothing: content that is sent comes back, and the engine in time gives the peer up.
    pub(super) fn connect(&mut self, id: LinkId, to: &zre::Link) {
        let socket = self.open(to).map_err(|error| {
            log::warn!("no connection to {to} can be opened: {error}");
        });
        let link = Link {
            to: to.remote,
            socket: socket.ok(),
            queued: Tally::default(),
            marked_at: 0,
            connected: false,
            seen: 0,
            window: Arc::new(Window {
                link: id,
                octets: AtomicU64::new(0),
                messages: AtomicU64::new(0),
                // The first mark is news: somebody is there.
                report_at: AtomicU64::new(1),
                reports: Arc::clone(&self.reports),
            }),
        };
        self.links.insert(id, link);
    }

    fn open(&self, to: &zre::Link) -> io::Result<Socket> {
        let socket = self.context.socket(zmq_sys::ZMQ_DEALER)?;
        socket.set_identity(&self.routing_id)?;
        socket.set_linger(0)?;
        socket.set_sndhwm(NO_LIMIT)?;
        socket.set_sndbuf(SEND_BUFFER)?;
        // Nothing is ever to come this way. What a hostile listener sends comes slowly, at least, and is
        // noticed: see `torrent`.
        socket.set_rcvbuf(RECEIVE_BUFFER)?;
        socket.set_rcvhwm(1)?;
        socket.set_maxmsgsize(HANDSHAKE_OCTETS)?;
        socket.set_handshake_ivl(milliseconds(HANDSHAKE))?;
        socket.set_reconnect_ivl(milliseconds(RECONNECT_FIRST))?;
        socket.set_reconnect_ivl_max(milliseconds(RECONNECT_LAST))?;
        socket.set_connect_timeout(milliseconds(CONNECT))?;
        keep_alive(&socket)?;
        // No heartbeats: libzmq 4.3.4 aborts the process if one falls due on a connection that was
        // full and then broke, and whoever accepts the connection can bring that about.
        // Not for IPv4, which would be taken for IPv6 in disguise.
        socket.set_ipv6(to.remote.is_ipv6())?;
        socket.connect(&to.to_string())?;
        Ok(socket)
    }

    /// Queues a message; `tail` says whether the tail of its content goes with it.
    pub(super) fn send(&mut self, id: LinkId, message: Message, tail: bool) -> Sent {
        let Some(link) = self.links.get_mut(&id) else {
            debug_assert!(false, "a message for {id:?}, which is not open");
            return Sent::Full(message);
        };
        self.header.clear();
        message.encode_header(&mut self.header);
        let content = message.body.content();
        let cost = cost(&self.header, content, tail);
        if link.has_room(cost, self.budget) {
            match link.write(&self.header, &message.body, tail, cost, self.budget) {
                Ok(()) => return Sent::Queued,
                Err(error) => {
                    // libzmq has given the connection up: what answers there does not speak ZMTP.
                    log::debug!("{id:?} takes nothing any more: {error}");
                    link.socket = None;
                }
            }
        }
        if link.socket.is_none() && message.body.content().is_none() {
            // Nobody will ever answer it, which tells the engine more than a full link would.
            return Sent::Queued;
        }
        self.full.insert(id);
        link.report_when_room(self.budget);
        Sent::Full(message)
    }

    /// Closes a link and throws away what it has not sent; how many WHISPERs and SHOUTs that may be.
    /// (A few of them may have been written since the last mark: never fewer than are lost.)
    pub(super) fn disconnect(&mut self, id: LinkId) -> u64 {
        self.full.remove(&id);
        self.links
            .remove(&id)
            .map_or(0, |link| link.close(Duration::ZERO))
    }

    /// What is new since the last time: to be asked after the bell was rung, and while any link is
    /// full ([`Links::any_full`]) now and then besides, for progress that is too small to be rung.
    pub(super) fn collect_news(&mut self, news: &mut Vec<News>) {
        while let Ok(id) = self.reported.try_recv() {
            if let Some(link) = self.links.get_mut(&id)
                && !link.connected
            {
                link.connected = true;
                news.push(News::Connected(id));
            }
        }
        let Self { links, full, .. } = self;
        full.retain(|id| {
            let Some(link) = links.get_mut(id) else {
                return false;
            };
            if link.progressed() {
                news.push(News::Progress(*id));
            }
            let room = link.socket.is_some() && link.in_flight() <= room_from(self.budget);
            if room {
                news.push(News::Room(*id));
            } else {
                link.report_when_room(self.budget);
            }
            !room
        });
    }

    /// Whether any link has given a message back, and has had no room since.
    pub(super) fn any_full(&self) -> bool {
        !self.full.is_empty()
    }

    /// Whether there is something for [`Links::collect_news`].
    pub(super) fn has_news(&self) -> bool {
        !self.reported.is_empty()
    }

    /// Looks now and then whether a mailbox sends, which none has a reason to do, and closes the links to
    /// those that do; how many. They take nothing any more then, so that the engine gives the peer up.
    pub(super) fn look_for_torrents(&mut self, now: Instant) -> u64 {
        let open = self.links.values().filter(|link| link.socket.is_some());
        let sending = self.torrent.look(now, open.map(|link| link.to));
        let mut closed = 0;
        for link in self.links.values_mut() {
            if sending.contains(&link.to) && link.socket.take().is_some() {
                log::debug!("the mailbox at {} sends, and is left alone", link.to);
                closed += 1;
            }
        }
        closed
    }

    /// When [`Links::look_for_torrents`] is wanted.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.torrent
            .poll_timeout()
            .filter(|_| !self.links.is_empty())
    }

    /// Closes all links. Where somebody is there, what is queued is still sent, for so long at most.
    pub(super) fn close(&mut self, linger: Duration) {
        for (_, link) in std::mem::take(&mut self.links) {
            link.close(linger);
        }
        self.full.clear();
    }
}

/// One outgoing connection.
struct Link {
    to: SocketAddr,
    /// `None` if none could be opened, or libzmq gave it up.
    socket: Option<Socket>,
    /// All that was ever queued.
    queued: Tally,
    /// The octets queued up to the last mark, that mark included.
    marked_at: u64,
    /// Whether its first message was taken.
    connected: bool,
    /// The octets released when progress was last looked for.
    seen: u64,
    window: Arc<Window>,
}

/// How much, since a link was opened.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    octets: u64,
    /// WHISPERs and SHOUTs.
    messages: u64,
}

impl Link {
    /// Octets that libzmq was given and has not let go of, as far as the marks tell.
    fn in_flight(&self) -> u64 {
        let released = self.window.octets.load(Ordering::Acquire);
        self.queued.octets.saturating_sub(released)
    }

    /// An empty link takes any message, however large: otherwise it could never be sent.
    fn has_room(&self, cost: u64, budget: u64) -> bool {
        let in_flight = self.in_flight();
        self.socket.is_some() && (in_flight == 0 || in_flight.saturating_add(cost) <= budget)
    }

    fn write(
        &mut self,
        header: &[u8],
        body: &Body,
        tail: bool,
        cost: u64,
        budget: u64,
    ) -> io::Result<()> {
        let content = body.content();
        let queued = Tally {
            octets: self.queued.octets + cost,
            messages: self.queued.messages + u64::from(content.is_some()),
        };
        let mark = self.is_mark_due(queued, budget).then(|| Mark {
            window: Arc::clone(&self.window),
            released: queued,
        });
        let marked = mark.is_some();
        let socket = self.socket.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        send_frames(socket, header, content, tail, mark)?;
        self.queued = queued;
        if marked {
            self.marked_at = queued.octets;
        }
        Ok(())
    }

    /// A mark costs some memory and one call back. So not every message has one: but the first of a
    /// burst has, and then every so many octets.
    fn is_mark_due(&self, queued: Tally, budget: u64) -> bool {
        let released = self.window.octets.load(Ordering::Relaxed);
        released >= self.marked_at || queued.octets - self.marked_at >= MARK_OCTETS.min(budget / 8)
    }

    fn progressed(&mut self) -> bool {
        let released = self.window.octets.load(Ordering::Acquire);
        std::mem::replace(&mut self.seen, released) != released
    }

    /// Has the window report once so much is released that there is room again.
    fn report_when_room(&self, budget: u64) {
        if self.socket.is_some() {
            let enough = self.queued.octets.saturating_sub(room_from(budget));
            self.window.report_at(enough.max(1));
        }
    }

    fn close(self, linger: Duration) -> u64 {
        // Before the socket is closed: what it throws away is released as well.
        let written = self.window.messages.load(Ordering::Acquire);
        self.window.report_at.store(u64::MAX, Ordering::SeqCst);
        if self.connected
            && self.in_flight() > 0
            && let Some(socket) = &self.socket
            && let Err(error) = socket.set_linger(milliseconds(linger))
        {
            log::debug!("a connection does not linger: {error}");
        }
        self.queued.messages.saturating_sub(written)
    }
}

/// Hands all frames of a message to libzmq, the mark with the last one.
fn send_frames(
    socket: &mut Socket,
    header: &[u8],
    content: Option<&Content>,
    tail: bool,
    mark: Option<Mark>,
) -> io::Result<()> {
    let Some(content) = content else {
        return match mark {
            None => Ok(socket.send(header, zmq::DONTWAIT)?),
            Some(_) => socket.send_owned(Parcel::new(Frame::copy_of(header), mark), zmq::DONTWAIT),
        };
    };
    socket.send(header, zmq::DONTWAIT | zmq::SNDMORE)?;
    if content.count() == 1 && !(tail && content.tail().is_some()) {
        return send_frame(socket, content.first(), mark, zmq::DONTWAIT);
    }
    let mut frames = frames_of(content, tail).peekable();
    while let Some(frame) = frames.next() {
        if frames.peek().is_none() {
            return send_frame(socket, frame, mark, zmq::DONTWAIT);
        }
        send_frame(socket, frame, None, zmq::DONTWAIT | zmq::SNDMORE)?;
    }
    Ok(())
}

fn send_frame(
    socket: &mut Socket,
    frame: &Frame,
    mark: Option<Mark>,
    flags: i32,
) -> io::Result<()> {
    if mark.is_some() || frame.len() >= SHARED_OCTETS {
        socket.send_owned(Parcel::new(frame.clone(), mark), flags)
    } else {
        Ok(socket.send(&**frame, flags)?)
    }
}

fn frames_of(content: &Content, tail: bool) -> impl Iterator<Item = &Frame> {
    let tail = content.tail().filter(|_| tail);
    content
        .frames()
        .chain(tail.into_iter().flat_map(|tail| &tail.frames))
}

/// What a message counts for against the budget: its octets, and what libzmq needs for each frame.
fn cost(header: &[u8], content: Option<&Content>, tail: bool) -> u64 {
    let content = match content {
        None => 0,
        Some(content) if content.tail().is_none() => content.size() + content.count() * FRAME_COST,
        Some(content) => frames_of(content, tail)
            .map(|frame| frame.len() + FRAME_COST)
            .sum(),
    };
    (header.len() + FRAME_COST + content) as u64
}

/// A frame in libzmq's hands, and maybe the news that it is no more.
struct Parcel {
    frame: Frame,
    _mark: Option<Mark>,
}

impl Parcel {
    const fn new(frame: Frame, mark: Option<Mark>) -> Self {
        Self { frame, _mark: mark }
    }
}

impl AsRef<[u8]> for Parcel {
    fn as_ref(&self) -> &[u8] {
        &self.frame
    }
}

/// Dropped when libzmq has written what was queued up to here. (Or thrown it away with its socket:
/// nobody looks at the window any more then.)
struct Mark {
    window: Arc<Window>,
    /// All that was queued until then.
    released: Tally,
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.window.release(self.released);
    }
}

/// What libzmq's threads write down, and the mesh thread reads, of one link.
#[derive(Debug)]
struct Window {
    link: LinkId,
    /// All that was released: see [`Tally`].
    octets: AtomicU64,
    messages: AtomicU64,
    /// From how many octets on that is to be reported, once.
    report_at: AtomicU64,
    reports: Arc<Reports>,
}

impl Window {
    /// On a thread of libzmq: neither waits nor fails.
    fn release(&self, released: Tally) {
        self.messages.fetch_max(released.messages, Ordering::AcqRel);
        self.octets.fetch_max(released.octets, Ordering::SeqCst);
        let at = self.report_at.load(Ordering::SeqCst);
        if released.octets >= at && self.report_at.swap(u64::MAX, Ordering::SeqCst) != u64::MAX {
            self.report();
        }
    }

    /// Asks for a report from so many released octets on.
    fn report_at(&self, octets: u64) {
        self.report_at.store(octets, Ordering::SeqCst);
        // If they were released in between, nobody else may come to see what was just stored.
        if self.octets.load(Ordering::SeqCst) >= octets
            && self.report_at.swap(u64::MAX, Ordering::SeqCst) != u64::MAX
        {
            self.report();
        }
    }

    fn report(&self) {
        // Nobody reads it once the node is gone.
        let _ = self.reports.reports.send(self.link);
        self.reports.bell.ring();
    }
}

/// Where all windows report. At most one report of each window waits there.
#[derive(Debug)]
struct Reports {
    reports: crossbeam::Sender<LinkId>,
    bell: Arc<Bell>,
}

/// A link that was full has room again when no more than this is in flight: some way below the
/// budget, so that a slow peer does not wake us for each of its messages.
const fn room_from(budget: u64) -> u64 {
    budget / 4 * 3
}

/// Dead hosts are noticed though nothing is said: after 90 s, for some 3 octets a second.
pub(super) fn keep_alive(socket: &zmq::Socket) -> zmq::Result<()> {
    socket.set_tcp_keepalive(1)?;
    socket.set_tcp_keepalive_idle(60)?;
    socket.set_tcp_keepalive_intvl(10)?;
    socket.set_tcp_keepalive_cnt(3)
}

/// As libzmq takes times.
pub(super) fn milliseconds(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}

/// `ZMQ_SNDHWM` that never refuses.
const NO_LIMIT: i32 = 0;
/// What the kernel holds of a connection, in octets. It takes more only when a third of this is free
/// again: with its own four megabytes, a peer that reads 200 kB a second would seem to take nothing
/// for seconds.
const SEND_BUFFER: i32 = 208 << 10;
/// The same in the other direction: the least that the kernel allows.
const RECEIVE_BUFFER: i32 = 1;
/// The largest frame taken from a listener: enough for the commands of the handshake.
const HANDSHAKE_OCTETS: i64 = 4_096;
/// How long whoever has accepted a connection may take for the ZMTP handshake.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long a connection may take to be accepted: two lost SYNs are made up for.
const CONNECT: Duration = Duration::from_millis(3_500);
/// When a connection that broke, or was refused, is tried again: first, and at last.
const RECONNECT_FIRST: Duration = Duration::from_millis(100);
const RECONNECT_LAST: Duration = Duration::from_secs(2);
/// What libzmq needs for a frame besides its octets.
const FRAME_COST: usize = 128;
/// Octets between two marks in a burst.
const MARK_OCTETS: u64 = 8 << 10;
/// Frames of this length and more are shared with libzmq, shorter ones copied.
const SHARED_OCTETS: usize = 2 << 10;

#[cfg(test)]
mod tests;
