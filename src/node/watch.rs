//! Watches over the inbound connections: libzmq's monitor tells of those that come and go, and a ZAP
//! handler is asked before a new one may say who it is.
//!
//! What is to be made of that is reckoned in [`Connections`]; here are the sockets for it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{BorrowedFd, RawFd};
use std::time::Instant;

use nix::sys::socket::{Shutdown, SockaddrIn, getpeername, shutdown};

use crate::zre::{Limits, PeerId};

use super::connections::{Connections, Most, Verdict};
use super::ffi::{Context, Socket};
use super::inbox::take;

/// The watch over the connections of a ROUTER.
pub(super) struct Watch {
    monitor: Socket,
    zap: Socket,
    connections: Connections,
    notices: Vec<Notice>,
    /// Whether there may be something to read at the monitor, and at the ZAP handler.
    pub(super) monitor_ready: bool,
    pub(super) zap_ready: bool,
}

/// What the engine has to be told of inbound connections, or counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// [`Engine::handle_broken`](crate::zre::Engine::handle_broken)
    Broken(PeerId),
    /// [`Engine::handle_unheard`](crate::zre::Engine::handle_unheard)
    Unheard(IpAddr),
    /// A connection was refused: there are too many, or too many from its address.
    Refused,
    /// A connection was shut because nothing that is heard came over it.
    ClosedUnheard,
}

impl Watch {
    /// Watches a ROUTER that is not bound yet. At most `connections` are open at a time.
    pub(super) fn new(
        context: &Context,
        router: &Socket,
        limits: &Limits,
        connections: usize,
    ) -> io::Result<Self> {
        let mut zap = context.socket(zmq_sys::ZMQ_REP)?;
        zap.set_linger(0)?;
        zap.bind_to("inproc://zeromq.zap.01")?;
        let events = zmq_sys::ZMQ_EVENT_ACCEPTED
            | zmq_sys::ZMQ_EVENT_CLOSED
            | zmq_sys::ZMQ_EVENT_DISCONNECTED;
        router.monitor(MONITOR, i32::try_from(events).unwrap_or(0))?;
        let monitor = context.socket(zmq_sys::ZMQ_PAIR)?;
        monitor.set_linger(0)?;
        monitor.set_rcvhwm(0)?;
        monitor.connect(MONITOR)?;
        Ok(Self {
            monitor,
            zap,
            connections: Connections::new(Most {
                per_address: limits.connections_per_address,
                in_all: connections,
            }),
            notices: Vec::new(),
            monitor_ready: true,
            zap_ready: true,
        })
    }

    /// Readable after something has come, if nothing was left when it was last read.
    pub(super) fn signals(&self) -> [BorrowedFd<'_>; 2] {
        [self.monitor.signal(), self.zap.signal()]
    }

    /// Reads what the monitor has to tell, and answers what the ZAP handler is asked.
    pub(super) fn attend(&mut self, now: Instant) {
        // Before a connection is asked about, the monitor has told of it.
        if self.monitor_ready || self.zap_ready {
            self.read_monitor(now);
        }
        while self.zap_ready {
            self.answer_zap(now);
        }
    }

    /// What is new since the last time.
    pub(super) fn take_notices(&mut self) -> std::vec::Drain<'_, Notice> {
        self.notices.drain(..)
    }

    /// See [`Connections::is_lost`].
    pub(super) fn is_lost(&self, peer: PeerId) -> bool {
        self.connections.is_lost(peer)
    }

    /// See [`Connections::heard`].
    pub(super) fn heard(&mut self, now: Instant, peer: PeerId, fd: RawFd, remote: IpAddr) {
        if !self.connections.is_open(fd) {
            // It may be so new that the monitor's word of it is not read yet.
            self.read_monitor(now);
        }
        self.connections.heard(now, peer, fd, remote);
    }

    /// See [`Connections::forget`].
    pub(super) fn forget(&mut self, peer: PeerId) {
        self.connections.forget(peer);
    }

    /// See [`Connections::hang_up`].
    pub(super) fn hang_up(&mut self, now: Instant, peer: PeerId, address: IpAddr) {
        for (fd, remote) in self.connections.hang_up(now, peer, address) {
            shut(fd, remote);
        }
    }

    /// The inbox was read empty: nothing more will come of peers whose connection is gone.
    pub(super) fn handle_empty(&mut self) {
        if !self.connections.has_lost() {
            return;
        }
        for peer in self.connections.take_lost() {
            self.notices.push(Notice::Broken(peer));
            for (fd, remote) in self.connections.put_aside(peer) {
                self.shut(fd, remote);
            }
        }
    }

    /// The inbox is read, or not.
    pub(super) fn set_reading(&mut self, now: Instant, reading: bool) {
        self.connections.handle_reading(now, reading);
    }

    /// When [`Watch::handle_timeout`] is wanted.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.connections.poll_timeout()
    }

    /// Looks after connections over which nothing is heard.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        while let Some(verdict) = self.connections.handle_timeout(now) {
            match verdict {
                Verdict::Unheard(remote) => self.notices.push(Notice::Unheard(remote)),
                Verdict::Shut(fd, remote) => self.shut(fd, remote),
            }
        }
    }

    fn shut(&mut self, fd: RawFd, remote: SocketAddr) {
        if shut(fd, remote) {
            self.notices.push(Notice::ClosedUnheard);
        }
    }

    fn read_monitor(&mut self, now: Instant) {
        let (mut event, mut address) = (zmq::Message::new(), zmq::Message::new());
        while take(&self.monitor, &mut event) {
            if event.get_more() {
                take(&self.monitor, &mut address);
            }
            let &[low, high, a, b, c, d] = &*event else {
                continue;
            };
            let Ok(fd) = RawFd::try_from(u32::from_ne_bytes([a, b, c, d])) else {
                continue;
            };
            if u32::from(u16::from_ne_bytes([low, high])) == zmq_sys::ZMQ_EVENT_ACCEPTED {
                self.accepted(now, fd);
            } else {
                self.connections.closed(now, fd);
            }
        }
        self.monitor_ready = false;
    }

    fn accepted(&mut self, now: Instant, fd: RawFd) {
        let Some(remote) = remote(fd) else {
            return;
        };
        if !self.connections.accepted(now, fd, remote) && shut(fd, remote) {
            self.notices.push(Notice::Refused);
        }
    }

    /// Answers one question (ZeroMQ RFC 27): may a connection from this address go on?
    fn answer_zap(&mut self, now: Instant) {
        let mut frames = Vec::new();
        let mut more = true;
        while more {
            let mut frame = zmq::Message::new();
            if !take(&self.zap, &mut frame) {
                self.zap_ready = false;
                return;
            }
            more = frame.get_more();
            if frames.len() < ZAP_FRAMES {
                frames.push(frame);
            }
        }
        self.read_monitor(now);
        let address = frames
            .get(3)
            .and_then(|frame| frame.as_str())
            .and_then(|address| address.parse().ok());
        let refuse = address.is_some_and(|address| self.connections.is_refusing(address));
        // 300 lets the other side try again later; after 400 it never would.
        let (code, text) = if refuse {
            ("300", "too many connections from this address")
        } else {
            ("200", "OK")
        };
        let request = frames.get(1).map_or(&[][..], |frame| &frame[..]);
        let reply: [&[u8]; 6] = [b"1.0", request, code.as_bytes(), text.as_bytes(), b"", b""];
        if let Err(error) = self.zap.send_multipart(reply, zmq::DONTWAIT) {
            log::warn!("a connection cannot be admitted: {error}");
        }
    }
}

/// Ends a connection, if the descriptor is still that of this one; libzmq closes it then. (Between
/// the question and the deed lies a moment in which it could change hands. Whoever had it next would
/// have to connect anew, as after any other broken connection.)
fn shut(fd: RawFd, to: SocketAddr) -> bool {
    remote(fd) == Some(to) && shutdown(fd, Shutdown::Both).is_ok()
}

fn remote(fd: RawFd) -> Option<SocketAddr> {
    let name = getpeername::<SockaddrIn>(fd).ok()?;
    Some(SocketAddr::from((name.ip(), name.port())))
}

const MONITOR: &str = "inproc://zchat.inbox.monitor";
/// A request has seven frames; those of a mechanism with more credentials may have more.
const ZAP_FRAMES: usize = 8;
