//! The UDP socket: one for all networks, both to hear and to send. Decides nothing.
//!
//! It is bound to all addresses, for what is bound to a single one hears no broadcasts; by which
//! interface a datagram came, and by which one is to leave, and from which address, is told beside
//! each datagram (`IP_PKTINFO`). So two interfaces in one subnet both work, which with a socket for
//! each address they would not: the system would send all by the first.

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
compile_error!("the feature `node` needs IP_PKTINFO, of Linux, Android or macOS");

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc::{in_addr, in_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, SockaddrLike, recvmsg, sendmsg,
    setsockopt, sockopt,
};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Type};

use super::arrival::Arrival;
use crate::node::interface::FALLBACK_GROUP;

/// A UDP socket that shares its port with other programs.
#[derive(Debug)]
pub struct Socket {
    socket: socket2::Socket,
    port: u16,
    /// Where the system writes what it tells beside a datagram.
    beside: Vec<u8>,
}

/// What the system holds for us while the thread does not run. A beacon counts for up to 2.3 kB in
/// it (the whole buffer of a network driver), and where a thousand nodes hear of a new network at
/// once, a thousand may come at once. Memory is taken only for what waits. Without a word from the
/// administrator (`net.core.rmem_max`) the system gives less.
const BUFFER_OCTETS: usize = 2 << 20;

/// The longest datagram that is looked at; what is longer is cut, and is no beacon anyway.
pub const MOST_OCTETS: usize = 64;

impl Socket {
    /// Opens the port on all addresses, shared with whoever shares it too: Zyre, Pyre, other nodes of
    /// ours. (All of these set both options; Linux asks that two that share have one of them in
    /// common, and for `SO_REUSEPORT` also the same user.)
    ///
    /// # Errors
    ///
    /// If it is taken by somebody who does not share it, or the system refuses.
    pub fn open(port: u16) -> io::Result<Self> {
        let socket = Self::bound(Ipv4Addr::UNSPECIFIED, port)?;
        socket.set_broadcast(true)?;
        setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
        enlarge(&socket);
        // Otherwise whatever group any program of this host has joined would be heard.
        #[cfg(target_os = "linux")]
        socket.set_multicast_all_v4(false)?;
        Ok(Self {
            socket,
            port,
            beside: cmsg_space!(in_pktinfo),
        })
    }

    /// Whether the port cannot be had on this address, though shared.
    pub fn is_taken(address: Ipv4Addr, port: u16) -> bool {
        Self::bound(address, port).is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
    }

    fn bound(address: Ipv4Addr, port: u16) -> io::Result<socket2::Socket> {
        let socket = shared(Domain::IPV4)?;
        socket.bind(&SocketAddrV4::new(address, port).into())?;
        Ok(socket)
    }

    /// Hears the group that Pyre falls back to, by this interface.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn join_fallback_group(&self, interface: u32) -> io::Result<()> {
        let by = InterfaceIndexOrAddress::Index(interface);
        self.socket.join_multicast_v4_n(&FALLBACK_GROUP, &by)
    }

    /// Hears it no more.
    ///
    /// # Errors
    ///
    /// If it does not hear it.
    pub fn leave_fallback_group(&self, interface: u32) -> io::Result<()> {
        let by = InterfaceIndexOrAddress::Index(interface);
        self.socket.leave_multicast_v4_n(&FALLBACK_GROUP, &by)
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
    ) -> Result<Option<(usize, Arrival)>, Errno> {
        let told = |told| match told {
            ControlMessageOwned::Ipv4PacketInfo(info) => Some(info),
            _ => None,
        };
        let received = receive(&self.socket, into, &mut self.beside, told)?;
        Ok(received.map(|(octets, source, info): (_, SockaddrIn, _)| {
            let arrival = Arrival {
                source: source.ip(),
                destination: address_from(info.ipi_addr),
                interface: info.ipi_ifindex.try_into().unwrap_or(0),
            };
            (octets, arrival)
        }))
    }

    /// Sends one datagram to the beacon port of `to`. `from` is the interface and our address on it;
    /// without, the system chooses by its routes.
    ///
    /// # Errors
    ///
    /// If the system refuses: there is no route, or a firewall of this host forbids it.
    pub fn send(
        &self,
        datagram: &[u8],
        to: Ipv4Addr,
        from: Option<(u32, Ipv4Addr)>,
    ) -> Result<(), Errno> {
        let info = from.map(|(interface, address)| in_pktinfo {
            ipi_ifindex: interface.try_into().unwrap_or(0),
            ipi_spec_dst: in_addr {
                s_addr: u32::from_ne_bytes(address.octets()),
            },
            ipi_addr: in_addr { s_addr: 0 },
        });
        let beside: Vec<_> = info.iter().map(ControlMessage::Ipv4PacketInfo).collect();
        let to = SockaddrIn::from(SocketAddrV4::new(to, self.port));
        send(&self.socket, datagram, &beside, &to)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A datagram socket that will share its port.
pub(super) fn shared(domain: Domain) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    Ok(socket)
}

/// Asks for a large buffer. Less would do most of the time.
pub(super) fn enlarge(socket: &socket2::Socket) {
    if let Err(error) = socket.set_recv_buffer_size(BUFFER_OCTETS) {
        log::debug!("a beacon socket keeps its small buffer: {error}");
    }
}

/// Takes one datagram: how long it is, from where, and what the system tells beside it, if that is
/// told.
pub(super) fn receive<A: SockaddrLike, T>(
    socket: &socket2::Socket,
    into: &mut [u8; MOST_OCTETS],
    beside: &mut [u8],
    told: impl FnMut(ControlMessageOwned) -> Option<T>,
) -> Result<Option<(usize, A, T)>, Errno> {
    let mut parts = [IoSliceMut::new(into)];
    let flags = MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<A>(socket.as_raw_fd(), &mut parts, Some(beside), flags)?;
    let found = message.cmsgs().ok().and_then(|mut all| all.find_map(told));
    let (octets, source) = (message.bytes, message.address);
    Ok(source
        .zip(found)
        .map(|(source, found)| (octets, source, found)))
}

/// Sends one datagram, with what the system is told beside it. A signal does not end the try.
pub(super) fn send(
    socket: &socket2::Socket,
    datagram: &[u8],
    beside: &[ControlMessage<'_>],
    to: &impl SockaddrLike,
) -> Result<(), Errno> {
    let (parts, flags) = ([IoSlice::new(datagram)], MsgFlags::MSG_DONTWAIT);
    loop {
        let sent = sendmsg(socket.as_raw_fd(), &parts, beside, flags, Some(to));
        if sent != Err(Errno::EINTR) {
            return sent.map(drop);
        }
    }
}

fn address_from(address: in_addr) -> Ipv4Addr {
    Ipv4Addr::from(address.s_addr.to_ne_bytes())
}
