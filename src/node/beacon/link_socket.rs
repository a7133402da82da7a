//! The UDP socket for IPv6: beacons to all hosts of a link, as Zyre sends them where IPv6 is on.
//! Decides nothing.
//!
//! Link-local addresses only: a datagram leaves by the interface that is named beside it, and goes no
//! further than its link (one hop, which is what the system gives a multicast).

use std::io;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::os::fd::{AsFd, BorrowedFd};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc::{in6_addr, in6_pktinfo};
use nix::sys::socket::{ControlMessage, ControlMessageOwned, SockaddrIn6, setsockopt, sockopt};
use socket2::Domain;

use super::socket::{MOST_OCTETS, enlarge, receive, send, shared};
use crate::node::interface::ALL_NODES;

/// A UDP socket that shares its port with other programs.
#[derive(Debug)]
pub struct LinkSocket {
    socket: socket2::Socket,
    port: u16,
    /// Where the system writes what it tells beside a datagram.
    beside: Vec<u8>,
}

/// How a datagram came over IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkArrival {
    /// The address that it says it is from.
    pub source: Ipv6Addr,
    /// The address that it was sent to.
    pub destination: Ipv6Addr,
    /// The number of the interface that it came by.
    pub interface: u32,
}

impl LinkSocket {
    /// Opens the port for IPv6 alone, on all addresses, shared with whoever shares it too.
    ///
    /// # Errors
    ///
    /// If the system has no IPv6, or the port is taken by somebody who does not share it.
    pub fn open(port: u16) -> io::Result<Self> {
        let socket = shared(Domain::IPV6)?;
        socket.set_only_v6(true)?;
        socket.bind(&SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0).into())?;
        setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        enlarge(&socket);
        Ok(Self {
            socket,
            port,
            beside: cmsg_space!(in6_pktinfo),
        })
    }

    /// Hears what is sent to all hosts of the link of this interface.
    ///
    /// # Errors
    ///
    /// If the system refuses, or does it already.
    pub fn join(&self, interface: u32) -> io::Result<()> {
        self.socket.join_multicast_v6(&ALL_NODES, interface)
    }

    /// Hears it no more.
    ///
    /// # Errors
    ///
    /// If it does not hear it, or the interface has gone.
    pub fn leave(&self, interface: u32) -> io::Result<()> {
        self.socket.leave_multicast_v6(&ALL_NODES, interface)
    }

    /// Takes one datagram, if one waits: writes its beginning, and tells its length there.
    ///
    /// `Ok(None)` for one of which the system does not tell how it came.
    ///
    /// # Errors
    ///
    /// If none waits (`EAGAIN`), or what was sent before did not arrive (`ECONNREFUSED`), or the
    /// system refuses.
    pub fn receive(
        &mut self,
        into: &mut [u8; MOST_OCTETS],
    ) -> Result<Option<(usize, LinkArrival)>, Errno> {
        let told = |told| match told {
            ControlMessageOwned::Ipv6PacketInfo(info) => Some(info),
            _ => None,
        };
        let received = receive(&self.socket, into, &mut self.beside, told)?;
        Ok(received.map(|(octets, source, info): (_, SockaddrIn6, _)| {
            let arrival = LinkArrival {
                source: source.ip(),
                destination: Ipv6Addr::from(info.ipi6_addr.s6_addr),
                interface: info.ipi6_ifindex,
            };
            (octets, arrival)
        }))
    }

    /// Sends one datagram to the beacon port of `to`, by this interface and from our address there.
    ///
    /// # Errors
    ///
    /// If the system refuses: the address has gone, or a firewall of this host forbids it.
    pub fn send(
        &self,
        datagram: &[u8],
        to: Ipv6Addr,
        by: u32,
        from: Ipv6Addr,
    ) -> Result<(), Errno> {
        let info = in6_pktinfo {
            ipi6_ifindex: by,
            ipi6_addr: in6_addr {
                s6_addr: from.octets(),
            },
        };
        let beside = [ControlMessage::Ipv6PacketInfo(&info)];
        let to = SockaddrIn6::from(SocketAddrV6::new(to, self.port, 0, by));
        send(&self.socket, datagram, &beside, &to)
    }
}

impl AsFd for LinkSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
