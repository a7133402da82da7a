//! Trying mailboxes: connect, wait for the first octets of ZeroMQ, and go away without a word.

use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFlags;
use socket2::{Domain, Protocol, Socket, Type};

use super::super::facts::{Visit, VisitEnd};

/// How long to wait for an answer: the first packet of a connection is sent again after a second.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// The signature of ZMTP is ten octets long, begins and ends with these, and is sent unasked (RFC 23).
const SIGNATURE: usize = 10;
const FIRST: u8 = 0xff;
const LAST: u8 = 0x7f;

/// An attempt under way.
#[derive(Debug)]
pub(super) struct Attempt {
    to: SocketAddr,
    is_named: bool,
    from: Option<Ipv4Addr>,
    socket: Socket,
    is_connected: bool,
    greeting: Vec<u8>,
    /// When it is given up, after the start.
    pub(super) deadline: Duration,
}

impl Attempt {
    /// Begins; or ends at once.
    pub(super) fn begin(to: SocketAddr, is_named: bool, passed: Duration) -> Result<Self, Visit> {
        let begun = || -> io::Result<Socket> {
            let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
            socket.set_nonblocking(true)?;
            match socket.connect(&to.into()) {
                Err(error) if error.raw_os_error() != Some(Errno::EINPROGRESS as i32) => Err(error),
                _ => Ok(socket),
            }
        };
        match begun() {
            Ok(socket) => Ok(Self {
                to,
                is_named,
                from: from(&socket),
                socket,
                is_connected: false,
                greeting: Vec::new(),
                deadline: passed + PATIENCE,
            }),
            Err(error) => Err(Visit {
                to,
                is_named,
                from: None,
                end: end_of(&error),
            }),
        }
    }

    /// What to wait for.
    pub(super) const fn interest(&self) -> PollFlags {
        if self.is_connected {
            PollFlags::POLLIN
        } else {
            PollFlags::POLLOUT
        }
    }

    /// Goes on after something came, or time has passed; how it ended, if it did.
    pub(super) fn go_on(&mut self, is_ready: bool, passed: Duration) -> Option<Visit> {
        let end = if is_ready { self.step() } else { None };
        let end = end.or_else(|| {
            (passed >= self.deadline).then_some(if self.is_connected {
                VisitEnd::Silent
            } else {
                VisitEnd::NoAnswer
            })
        })?;
        Some(Visit {
            to: self.to,
            is_named: self.is_named,
            from: self.from,
            end,
        })
    }

    fn step(&mut self) -> Option<VisitEnd> {
        if !self.is_connected {
            match self.socket.take_error() {
                Ok(None) => self.is_connected = true,
                Ok(Some(error)) | Err(error) => return Some(end_of(&error)),
            }
        }
        let mut octets = [0; SIGNATURE];
        match self.socket.read(&mut octets) {
            Ok(0) => Some(self.judge(true)),
            Ok(length) => {
                let came = octets.iter().take(length);
                self.greeting.extend(came);
                let is_whole = self.greeting.len() >= SIGNATURE;
                let is_other = self.greeting.first() != Some(&FIRST);
                (is_whole || is_other).then(|| self.judge(false))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
            Err(error) => Some(end_of(&error)),
        }
    }

    fn judge(&self, is_closed: bool) -> VisitEnd {
        let is_zmtp = self.greeting.first() == Some(&FIRST)
            && self.greeting.get(SIGNATURE - 1) == Some(&LAST);
        match self.greeting.is_empty() {
            _ if is_zmtp => VisitEnd::Greeted,
            true if is_closed => VisitEnd::Silent,
            _ => VisitEnd::Stranger,
        }
    }
}

impl AsFd for Attempt {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn from(socket: &Socket) -> Option<Ipv4Addr> {
    let address = socket.local_addr().ok()?.as_socket_ipv4()?;
    Some(*address.ip()).filter(|ip| !ip.is_unspecified())
}

fn end_of(error: &io::Error) -> VisitEnd {
    let Some(number) = error.raw_os_error() else {
        return VisitEnd::Failed(Errno::UnknownErrno);
    };
    match Errno::from_raw(number) {
        Errno::ECONNREFUSED | Errno::ECONNRESET => VisitEnd::Refused,
        Errno::ETIMEDOUT => VisitEnd::NoAnswer,
        Errno::EHOSTUNREACH | Errno::EHOSTDOWN => VisitEnd::HostUnreachable,
        Errno::ENETUNREACH | Errno::EADDRNOTAVAIL => VisitEnd::NoRoute,
        Errno::EPERM | Errno::EACCES => VisitEnd::Forbidden,
        other => VisitEnd::Failed(other),
    }
}
