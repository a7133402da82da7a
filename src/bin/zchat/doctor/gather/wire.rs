//! What arrives at the interfaces, before this host decides about it: for root only, on Linux only.
//!
//! Beacons that are seen here and heard by no program were sent to another network's address, or are
//! dropped by this host.

use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd};

use zchat::node::beacon::Arrival;

/// A datagram, and how it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) arrival: Arrival,
    /// The UDP port that it was sent to.
    pub(super) port: u16,
    pub(super) octets: Vec<u8>,
}

/// Takes an IPv4 packet apart: source, target, UDP port, and what is carried to it: anything to this
/// port, and to others what begins like a beacon.
fn dissect(packet: &[u8], port: u16) -> Option<(Ipv4Addr, Ipv4Addr, u16, &[u8])> {
    const UDP: u8 = 17;
    const UDP_HEADER: usize = 8;
    let (header, _) = packet.split_first_chunk::<20>()?;
    let [first, _, _, _, _, _, offset, offset_low, _, protocol, ..] = *header;
    let [.., s0, s1, s2, s3, t0, t1, t2, t3] = *header;
    let is_first = u16::from_be_bytes([offset, offset_low]) & 0x1fff == 0;
    if first >> 4 != 4 || protocol != UDP || !is_first {
        return None;
    }
    let datagram = packet.get(usize::from(first & 0x0f) * 4..)?;
    let (head, payload) = datagram.split_first_chunk::<UDP_HEADER>()?;
    let [_, _, to_high, to_low, long_high, long_low, ..] = *head;
    let to = u16::from_be_bytes([to_high, to_low]);
    // What is behind the end fills up a short frame.
    let length = usize::from(u16::from_be_bytes([long_high, long_low]));
    let payload = payload.get(..length.checked_sub(UDP_HEADER)?)?;
    if to != port && !payload.starts_with(b"ZRE") {
        return None;
    }
    Some((
        Ipv4Addr::new(s0, s1, s2, s3),
        Ipv4Addr::new(t0, t1, t2, t3),
        to,
        payload,
    ))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::io;
    use std::os::fd::AsRawFd;

    use nix::sys::socket::{LinkAddr, recvfrom};
    use socket2::{Domain, Protocol, SockFilter, Socket, Type};

    use super::{Arrival, AsFd, BorrowedFd, Seen, dissect};

    /// The longest packet that is looked at; the rest of a longer one is cut off.
    const LONGEST: usize = 2_048;

    /// The type of Ethernet frames that carry IPv4.
    const IPV4: u16 = 0x0800;

    /// All IPv4 packets that arrive for one UDP port, and beacons for any.
    #[derive(Debug)]
    pub(in super::super) struct Wire {
        socket: Socket,
        port: u16,
    }

    impl Wire {
        pub(in super::super) fn open(port: u16) -> io::Result<Self> {
            let protocol = Protocol::from(i32::from(IPV4.to_be()));
            let socket = Socket::new(Domain::PACKET, Type::DGRAM, Some(protocol))?;
            socket.set_nonblocking(true)?;
            socket.attach_filter(&filter(port))?;
            Ok(Self { socket, port })
        }

        /// The next datagram; `None` if there is none for now.
        pub(in super::super) fn receive(&self) -> Option<Seen> {
            /// So many others may be passed over at a time: some came before the filter was there.
            const READS: usize = 1_000;
            let mut packet = vec![0; LONGEST];
            for _ in 0..READS {
                let (length, from) =
                    recvfrom::<LinkAddr>(self.socket.as_raw_fd(), &mut packet).ok()?;
                let whole = packet.get(..length).unwrap_or_default();
                let Some((source, destination, port, octets)) = dissect(whole, self.port) else {
                    continue;
                };
                return Some(Seen {
                    arrival: Arrival {
                        source,
                        destination,
                        interface: u32::try_from(from?.ifindex()).unwrap_or(0),
                    },
                    port,
                    octets: octets.to_vec(),
                });
            }
            None
        }
    }

    impl AsFd for Wire {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.socket.as_fd()
        }
    }

    /// A program for the kernel that lets pass what [`dissect`] takes: a host may have more traffic
    /// than can be read.
    fn filter(port: u16) -> [SockFilter; 12] {
        const LOAD_OCTET: u16 = 0x30;
        const LOAD_TWO: u16 = 0x28;
        const LOAD_TWO_BEHIND_HEADER: u16 = 0x48;
        const LOAD_FOUR_BEHIND_HEADER: u16 = 0x40;
        const MASK: u16 = 0x54;
        const BEACON: u32 = u32::from_be_bytes([b'Z', b'R', b'E', 0]);
        const HEADER_LENGTH: u16 = 0xb1;
        const IF_EQUAL: u16 = 0x15;
        const IF_ANY_BIT: u16 = 0x45;
        const TAKE: u16 = 0x06;
        [
            SockFilter::new(LOAD_OCTET, 0, 0, 9),
            SockFilter::new(IF_EQUAL, 0, 9, 17),
            SockFilter::new(LOAD_TWO, 0, 0, 6),
            SockFilter::new(IF_ANY_BIT, 7, 0, 0x1fff),
            SockFilter::new(HEADER_LENGTH, 0, 0, 0),
            SockFilter::new(LOAD_TWO_BEHIND_HEADER, 0, 0, 2),
            SockFilter::new(IF_EQUAL, 3, 0, port.into()),
            SockFilter::new(LOAD_FOUR_BEHIND_HEADER, 0, 0, 8),
            SockFilter::new(MASK, 0, 0, 0xffff_ff00),
            SockFilter::new(IF_EQUAL, 0, 1, BEACON),
            SockFilter::new(TAKE, 0, 0, u32::MAX),
            SockFilter::new(TAKE, 0, 0, 0),
        ]
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use std::io;

    use super::{AsFd, BorrowedFd, Seen};

    /// Not on this system.
    #[derive(Debug)]
    pub(in super::super) enum Wire {}

    impl Wire {
        pub(in super::super) fn open(_: u16) -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(in super::super) fn receive(&self) -> Option<Seen> {
            match *self {}
        }
    }

    impl AsFd for Wire {
        fn as_fd(&self) -> BorrowedFd<'_> {
            match *self {}
        }
    }
}

pub(super) use system::Wire;

#[cfg(test)]
mod tests {
    use super::*;

    fn packet() -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 31, 0, 0, 0x40, 0, 64, 17, 0, 0];
        packet.extend([10, 77, 0, 2, 10, 77, 0, 255]);
        packet.extend([0xc0, 0, 0x16, 0x26, 0, 11, 0, 0]);
        packet.extend(*b"ZRE");
        packet
    }

    #[test]
    fn a_datagram_is_found_behind_its_headers() {
        let mut padded = packet();
        padded.extend([0; 15]);
        let (source, target, port, octets) = dissect(&padded, 5670).unwrap();
        assert_eq!(port, 5670);
        assert_eq!(source, Ipv4Addr::new(10, 77, 0, 2));
        assert_eq!(target, Ipv4Addr::new(10, 77, 0, 255));
        assert_eq!(octets, b"ZRE");
        assert_eq!(
            dissect(&padded, 5671).unwrap().2,
            5670,
            "a beacon to another port"
        );
        padded[28] = b'z';
        assert_eq!(dissect(&padded, 5671), None);
    }

    #[test]
    fn what_is_cut_off_or_is_something_else_is_no_datagram() {
        for length in 0..packet().len() {
            assert_eq!(dissect(&packet()[..length], 5670), None, "{length}");
        }
        for (place, octet) in [(0, 0x65), (0, 0x4f), (6, 0x20 | 1), (9, 6), (25, 3)] {
            let mut other = packet();
            other[place] = octet;
            let found = dissect(&other, 5670);
            assert!(found.is_none(), "octet {place} = {octet}: {found:?}");
        }
    }
}
