//! The UDP socket for IPv6: beacons to all hosts of a link, as Zyre sends them where IPv6 is on.
//! Decides nothing.
//!
//! Link-local addresses only: a datagram leaves by the interface that is named beside it, and goes no
//! further than its link (one hop, which is what the system gives a multicast).

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv6Addr, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc::{in6_addr, in6_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn6, recvmsg, sendmsg, setsockopt,
    sockopt,
};
use socket2::{Domain, Protocol, Type};

use super::socket::{BUFFER_OCTETS, MOST_OCTETS};
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
        let socket = socket2::Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        socket.set_only_v6(true)?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(true)?;
        socket.bind(&SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0).into())?;
        setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        // Less would do most of the time.
        if let Err(error) = socket.set_recv_buffer_size(BUFFER_OCTETS) {
            log::debug!("the IPv6 beacon socket keeps its small buffer: {error}");
        }
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
        let mut parts = [IoSliceMut::new(into)];
        let message = recvmsg::<SockaddrIn6>(
            self.socket.as_raw_fd(),
            &mut parts,
            Some(&mut self.beside),
            MsgFlags::MSG_DONTWAIT,
        )?;
        let told = message.cmsgs().ok().and_then(|mut told| {
            told.find_map(|told| match told {
                ControlMessageOwned::Ipv6PacketInfo(info) => Some(info),
                _ => None,
            })
        });
        let arrival = message.address.zip(told).map(|(source, info)| LinkArrival {
            source: source.ip(),
            destination: Ipv6Addr::from(info.ipi6_addr.s6_addr),
            interface: info.ipi6_ifindex,
        });
        Ok(arrival.map(|arrival| (message.bytes, arrival)))
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
        loop {
            let sent = sendmsg(
                self.socket.as_raw_fd(),
                &[IoSlice::new(datagram)],
                &beside,
                MsgFlags::MSG_DONTWAIT,
                Some(&to),
            );
            if sent != Err(Errno::EINTR) {
                return sent.map(drop);
            }
        }
    }
}

impl AsFd for LinkSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
