//! The listening sockets of a mailbox, all at the same port.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::super::readiness::Readiness;
use super::super::seldom::Seldom;
use super::super::tcp::{self, is_for_later};
use crate::zre::Host;

/// The listening sockets.
#[derive(Debug)]
pub(super) struct Listeners {
    port: u16,
    open: Vec<Listener>,
    /// When the system had no descriptor for a connection: when it is tried again.
    again: Option<Instant>,
    complaints: Seldom,
}

#[derive(Debug)]
struct Listener {
    at: Host,
    socket: TcpListener,
    /// It is not asked until the system has descriptors again.
    rests: bool,
}

/// Why a mailbox could not be opened.
#[derive(Debug)]
pub(in super::super) enum BindError {
    /// Every port that could be taken is in use at this address; this is the last one tried.
    Taken(SocketAddr),
    /// Something else is wrong with this address.
    Address(SocketAddr, io::Error),
    /// What is needed to wait for connections could not be had.
    Resources(io::Error),
}

impl From<io::Error> for BindError {
    fn from(error: io::Error) -> Self {
        Self::Resources(error)
    }
}

impl Listeners {
    /// Binds to all addresses, or to none: at `port`, or at the first one that is free at all of them.
    pub(super) fn bind(
        addresses: &[Host],
        port: Option<u16>,
        arrivals: &Readiness,
    ) -> Result<Self, BindError> {
        let mut first = port.unwrap_or(FIRST_PORT);
        let sockets = loop {
            let all: Result<Vec<_>, _> = addresses
                .iter()
                .map(|address| listen(*address, first))
                .collect();
            match all {
                Err(BindError::Taken(_)) if port.is_none() && first < u16::MAX => first += 1,
                done => break done?,
            }
        };
        let mut listeners = Self {
            port: first,
            open: Vec::new(),
            again: None,
            complaints: Seldom::default(),
        };
        for (address, socket) in addresses.iter().zip(sockets) {
            listeners.add(*address, socket, arrivals)?;
        }
        Ok(listeners)
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// Listens at one more address, if it is not listened at already.
    pub(super) fn follow(&mut self, at: Host, arrivals: &Readiness) -> Result<(), BindError> {
        // An address that is gone keeps its place: it may come back.
        let is_covered = self
            .open
            .iter()
            .any(|listener| listener.at == at || listener.is_for_all_like(at));
        if is_covered || self.open.len() >= MOST_ADDRESSES {
            return Ok(());
        }
        let socket = listen(at, self.port)?;
        Ok(self.add(at, socket, arrivals)?)
    }

    fn add(&mut self, at: Host, socket: TcpListener, arrivals: &Readiness) -> io::Result<()> {
        arrivals.add(&socket, number(self.open.len()))?;
        self.open.push(Listener {
            at,
            socket,
            rests: false,
        });
        Ok(())
    }

    /// Accepts a connection at the listener with this number, if there is one.
    pub(super) fn accept(
        &mut self,
        now: Instant,
        of: u64,
        arrivals: &Readiness,
    ) -> Option<(TcpStream, SocketAddr)> {
        let index = (0..self.open.len()).find(|index| number(*index) == of)?;
        let listener = self.open.get_mut(index)?;
        loop {
            match listener.socket.accept() {
                Ok((socket, remote)) if prepare(&socket).is_ok() => return Some((socket, remote)),
                // It has ended already.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) if is_for_later(&error) => return None,
                Err(error) => {
                    if let Some(before) = self.complaints.is_due(now) {
                        log::warn!(
                            "connections cannot be accepted for a moment: {error} \
                             ({before} more times since this was last told)"
                        );
                    }
                    let _gone = arrivals.remove(&listener.socket);
                    listener.rests = true;
                    self.again = Some(now + REST);
                    return None;
                }
            }
        }
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.again
    }

    /// Listeners that rest are asked again.
    pub(super) fn handle_timeout(&mut self, now: Instant, arrivals: &Readiness) {
        if self.again.is_none_or(|at| at > now) {
            return;
        }
        self.again = None;
        for (index, listener) in self.open.iter_mut().enumerate() {
            if listener.rests && arrivals.add(&listener.socket, number(index)).is_ok() {
                listener.rests = false;
            }
        }
    }
}

impl Listener {
    /// Whether it takes connections to any address of this kind. (IPv6 takes none to IPv4.)
    fn is_for_all_like(&self, other: Host) -> bool {
        let own = self.at.address;
        own.is_unspecified() && own.is_ipv4() == other.address.is_ipv4()
    }
}

/// Listeners are numbered from the top, connections from below.
fn number(index: usize) -> u64 {
    u64::MAX - index as u64
}

fn listen(at: Host, port: u16) -> Result<TcpListener, BindError> {
    let to = at.at(port);
    let socket = tcp::socket(to)?;
    if to.is_ipv6() {
        // IPv4 has listeners of its own, at addresses as they are.
        socket.set_only_v6(true)?;
    }
    // Connections of a node that has just ended are no hindrance.
    socket.set_reuse_address(true)?;
    if tcp::INHERITED {
        tcp::keep_alive(&socket)?;
    }
    // Those that are accepted have it from their listener.
    tcp::try_often(&socket)?;
    let bound = socket
        .bind(&to.into())
        .and_then(|()| socket.listen(BACKLOG));
    bound.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => BindError::Taken(to),
        _ => BindError::Address(to, error),
    })?;
    Ok(socket.into())
}

fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    if tcp::INHERITED {
        return Ok(());
    }
    tcp::keep_alive(socket)
}

/// The first of the ports that nobody has registered (RFC 6335), where Zyre begins as well.
const FIRST_PORT: u16 = 49_152;
/// Connections that wait to be accepted: a mass start brings hundreds at once.
const BACKLOG: i32 = 1_024;
/// Addresses where one node receives at most; more than a host has networks.
const MOST_ADDRESSES: usize = 64;
/// How long nothing is accepted after the system had no descriptor for a connection.
const REST: Duration = Duration::from_millis(100);
