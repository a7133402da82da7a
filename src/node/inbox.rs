//! The mailbox on the network: a ROUTER, receive only.
//!
//! Messages are taken whole, decoded, and named after their sender. What goes on with the
//! connections that they come over is watched in [`Watch`]. Whether a message is believed is not
//! decided here: see [`Engine`](crate::zre::Engine).

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{BorrowedFd, RawFd};
use std::time::Instant;

use nix::sys::socket::{SockaddrIn, getsockname};

use crate::zre::{Body, Content, Frame, Limits, Message, PeerId, Via};

use super::ffi::{Context, Socket, seed_libc};
use super::links::{HANDSHAKE, keep_alive, milliseconds};
use super::watch::Watch;

/// The sockets behind a node's TCP port.
pub(super) struct Inbox {
    router: Socket,
    /// Told of the connections, and asked about them.
    pub(super) watch: Watch,
    port: u16,
    /// The addresses where it is bound.
    bound: Vec<Ipv4Addr>,
    limits: Limits,
    /// Serve for all messages: the routing id, and the first frame.
    sender: zmq::Message,
    header: zmq::Message,
    /// Whether there may be something to take.
    pub(super) ready: bool,
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
    /// A message under a routing id that is not ZRE's.
    BadOrigin,
}

/// Why a mailbox could not be opened.
#[derive(Debug)]
pub(super) enum BindError {
    /// Every port that could be taken is in use at this address; this is the last one tried.
    Taken(SocketAddr),
    /// Something else is wrong with this address.
    Address(SocketAddr, io::Error),
    /// A socket could not be opened, or set up.
    Socket(io::Error),
}

impl From<io::Error> for BindError {
    fn from(error: io::Error) -> Self {
        Self::Socket(error)
    }
}

impl From<zmq::Error> for BindError {
    fn from(error: zmq::Error) -> Self {
        Self::Socket(error.into())
    }
}

impl Inbox {
    /// A mailbox at these addresses: at `port`, or where that is `None`, at the first one from 49152
    /// up that is free at all of them. At most `connections` are open at a time.
    pub(super) fn bind(
        context: &Context,
        addresses: &[Ipv4Addr],
        port: Option<u16>,
        limits: &Limits,
        connections: usize,
        seed: u32,
    ) -> Result<Self, BindError> {
        // libzmq names anonymous connections by libc's rand(), which it does not seed.
        seed_libc(seed);
        let mut router = open(context, limits)?;
        let watch = Watch::new(context, &router, limits, connections)?;
        let port = match port {
            Some(port) => bind_all(&mut router, addresses, port)?,
            None => bind_first_free(&mut router, addresses)?,
        };
        Ok(Self {
            router,
            watch,
            port,
            bound: addresses.to_vec(),
            limits: limits.clone(),
            sender: zmq::Message::new(),
            header: zmq::Message::new(),
            ready: true,
        })
    }

    /// The TCP port.
    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// Readable after something has come, if nothing was left when it was last taken from.
    pub(super) fn signal(&self) -> BorrowedFd<'_> {
        self.router.signal()
    }

    /// Receives at further addresses, at the same port. What does not work is logged: a network that
    /// has just come up may be gone again.
    pub(super) fn follow(&mut self, addresses: impl IntoIterator<Item = Ipv4Addr>) {
        if self.bound.contains(&Ipv4Addr::UNSPECIFIED) {
            return;
        }
        for address in addresses {
            // An address that is gone keeps its place: it may come back.
            if self.bound.contains(&address) || self.bound.len() >= MOST_ADDRESSES {
                continue;
            }
            match bind(&mut self.router, address, self.port) {
                Ok(()) => self.bound.push(address),
                Err(error) => log::warn!("no messages are received at {address}: {error:?}"),
            }
        }
    }

    /// Lets a new connection take the place of an older one under the same routing id, or not.
    pub(super) fn set_handover(&self, on: bool) {
        if let Err(error) = self.router.set_router_handover(on) {
            log::warn!("ZMQ_ROUTER_HANDOVER cannot be set: {error}");
        }
    }

    /// The inbox is read, or not. While it is not, libzmq soon takes nothing more from the
    /// connections, and TCP makes their senders wait.
    pub(super) fn set_reading(&mut self, now: Instant, reading: bool) {
        self.watch.set_reading(now, reading);
        self.ready |= reading;
    }

    /// Takes one message, the whole of it; `None` when there is none.
    pub(super) fn receive(&mut self, now: Instant) -> Option<Received> {
        if !take(&self.router, &mut self.sender) {
            self.ready = false;
            return None;
        }
        let content = if self.sender.get_more() && take(&self.router, &mut self.header) {
            self.take_content()
        } else {
            Ok(None)
        };
        let Some(from) = PeerId::from_routing_id(&self.sender) else {
            return Some(Received::BadOrigin);
        };
        let Ok(content) = content else {
            log::debug!("a message of {} has too many frames", from.short(8));
            return Some(Received::Malformed { from });
        };
        match Message::decode(&self.header, content, &self.limits) {
            Ok(message) => {
                let via = self.via(now, from, &message);
                Some(Received::Message { from, via, message })
            }
            Err(error) => {
                log::debug!("a message of {} cannot be read: {error}", from.short(8));
                Some(Received::Malformed { from })
            }
        }
    }

    /// Takes the frames behind the first one.
    fn take_content(&self) -> Result<Option<Content>, TooManyFrames> {
        let mut more = self.header.get_more();
        if !more {
            return Ok(None);
        }
        let mut frame = zmq::Message::new();
        take(&self.router, &mut frame);
        more = frame.get_more();
        let first = frame_of(frame);
        if !more {
            return Ok(Some(Content::new(first)));
        }
        let mut frames = vec![first];
        let mut left_out = false;
        while more {
            let mut frame = zmq::Message::new();
            take(&self.router, &mut frame);
            more = frame.get_more();
            if frames.len() < self.limits.frames {
                frames.push(frame_of(frame));
            } else {
                left_out = true;
            }
        }
        if left_out {
            return Err(TooManyFrames);
        }
        Ok(Content::from_frames(frames))
    }

    /// The connection that the message in `header` came over. To ask libzmq takes a while, so it is
    /// asked only where that matters: for HELLO, and for peers whose connection is gone.
    fn via(&mut self, now: Instant, from: PeerId, message: &Message) -> Via {
        if !matches!(message.body, Body::Hello(_)) && !self.watch.is_lost(from) {
            return Via::default();
        }
        let fd = self
            .header
            .gets("__fd")
            .and_then(|fd| fd.parse::<RawFd>().ok());
        let remote = self
            .header
            .gets("Peer-Address")
            .and_then(|ip| ip.parse::<IpAddr>().ok());
        let (Some(fd), Some(remote)) = (fd, remote) else {
            return Via {
                remote,
                local: None,
            };
        };

        self.watch.heard(now, from, fd, remote);
        let local = getsockname::<SockaddrIn>(fd)
            .ok()
            .map(|name| IpAddr::V4(name.ip()));
        Via {
            remote: Some(remote),
            local,
        }
    }
}

/// Moves what was received into a frame of content. Nothing is copied, but for the shortest.
fn frame_of(message: zmq::Message) -> Frame {
    Frame::from_owner(Octets(message))
}

struct Octets(zmq::Message);

impl AsRef<[u8]> for Octets {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// A message with more frames than [`Limits::frames`].
struct TooManyFrames;

/// Receives a frame; `false` if there is none. (libzmq hands out messages whole: there is none only
/// at the beginning of one.)
pub(super) fn take(socket: &zmq::Socket, into: &mut zmq::Message) -> bool {
    loop {
        match socket.recv(into, zmq::DONTWAIT) {
            Ok(()) => return true,
            Err(zmq::Error::EINTR) => {}
            Err(_) => return false,
        }
    }
}

fn open(context: &Context, limits: &Limits) -> Result<Socket, BindError> {
    let router = context.socket(zmq_sys::ZMQ_ROUTER)?;
    router.set_linger(0)?;
    router.set_rcvhwm(RECEIVED)?;
    // Nothing is ever sent this way.
    router.set_sndhwm(1)?;
    router.set_maxmsgsize(i64::try_from(limits.frame_octets).unwrap_or(i64::MAX))?;
    router.set_handshake_ivl(milliseconds(HANDSHAKE))?;
    router.set_backlog(BACKLOG)?;
    router.set_zap_domain(ZAP_DOMAIN)?;
    keep_alive(&router)?;
    Ok(router)
}

fn bind(router: &mut Socket, address: Ipv4Addr, port: u16) -> Result<(), BindError> {
    let to = SocketAddr::from((address, port));
    router
        .bind_to(&format!("tcp://{to}"))
        .map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => BindError::Taken(to),
            _ => BindError::Address(to, error),
        })
}

/// Binds to all addresses, or to none.
fn bind_all(router: &mut Socket, addresses: &[Ipv4Addr], port: u16) -> Result<u16, BindError> {
    for (index, address) in addresses.iter().enumerate() {
        if let Err(error) = bind(router, *address, port) {
            for bound in addresses.iter().take(index) {
                // Ends what was bound as well.
                router.disconnect(&format!("tcp://{bound}:{port}"))?;
            }
            return Err(error);
        }
    }
    Ok(port)
}

/// Binds to all addresses at the first port that is free there.
fn bind_first_free(router: &mut Socket, addresses: &[Ipv4Addr]) -> Result<u16, BindError> {
    let mut port = FIRST_PORT;
    loop {
        match bind_all(router, addresses, port) {
            Err(BindError::Taken(_)) if port < u16::MAX => port += 1,
            done => return done,
        }
    }
}

/// The first of the ports that nobody has registered (RFC 6335), where Zyre begins as well.
pub(super) const FIRST_PORT: u16 = 49_152;
/// The name under which the ZAP handler is asked.
const ZAP_DOMAIN: &str = "zre";
/// Connections that wait to be accepted: a mass start brings hundreds at once.
const BACKLOG: i32 = 1_024;
/// Addresses where one node receives at most; more than a host has networks.
const MOST_ADDRESSES: usize = 64;
/// Messages of each connection that libzmq holds for us. With a quarter of it, each short message
/// costs a sixth more processor time to receive; with ten times as many, nothing is gained (measured).
/// It must not be changed while connections are open: libzmq 4.3.4 then forgets to wake a connection
/// that waits for room.
const RECEIVED: i32 = 1_000;

#[cfg(test)]
mod tests;
