//! Mailboxes that send: nothing is ever to come over our connections to others, but libzmq reads it all
//! the same, and keeps a message without limit until its last frame has come (trap 17).
//!
//! libzmq tells neither that it does nor which descriptor it reads. So the memory of the process is
//! looked at now and then, which costs next to nothing; when it has risen, the kernel is asked how many
//! octets have come over each connection to a mailbox. Those that are to be closed are named here; who
//! is behind them is not known. Where the system does not tell (only Linux does), nothing is noticed.

use std::collections::BTreeSet;
use std::fs;
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use nix::sys::socket::{SockaddrStorage, getpeername};

#[cfg(any(target_os = "linux", target_os = "android"))]
use super::ffi::received_octets;

/// Watches over the memory that connections to mailboxes take.
#[derive(Debug, Default)]
pub(super) struct Torrent {
    /// The resident memory that is nothing new, in octets.
    usual: u64,
    next: Option<Instant>,
}

impl Torrent {
    /// When [`Torrent::look`] is wanted, while there are connections.
    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    /// Looks if it is time to: the mailboxes among these that send what they should not.
    pub(super) fn look(
        &mut self,
        now: Instant,
        mailboxes: impl Iterator<Item = SocketAddr>,
    ) -> BTreeSet<SocketAddr> {
        let mut mailboxes = mailboxes.peekable();
        if mailboxes.peek().is_none() {
            self.next = None;
            return BTreeSet::new();
        }
        if self.next.is_some_and(|next| now < next) {
            return BTreeSet::new();
        }
        self.next = Some(now + EVERY);
        let resident = resident_octets();
        if resident <= self.usual.saturating_add(RISE) {
            self.usual = self.usual.min(resident);
            return BTreeSet::new();
        }
        let meeting = open_descriptors().saturating_mul(A_DESCRIPTOR);
        if resident <= self.usual.saturating_add(meeting) {
            return BTreeSet::new();
        }
        self.usual = resident;
        let sending: BTreeSet<SocketAddr> = descriptors().filter_map(sending_to_us).collect();
        mailboxes
            .filter(|mailbox| sending.contains(mailbox))
            .collect()
    }
}

/// The other side of a connection over which more has come than a mailbox has to say.
fn sending_to_us(descriptor: RawFd) -> Option<SocketAddr> {
    let name = getpeername::<SockaddrStorage>(descriptor).ok()?;
    let place = match (name.as_sockaddr_in(), name.as_sockaddr_in6()) {
        (Some(place), _) => SocketAddr::V4(SocketAddrV4::from(*place)),
        (None, Some(place)) => SocketAddr::V6(SocketAddrV6::from(*place)),
        (None, None) => return None,
    };
    (received_octets(descriptor)? > WORDS).then_some(place)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
const fn received_octets(_descriptor: RawFd) -> Option<u64> {
    None
}

fn descriptors() -> impl Iterator<Item = RawFd> {
    let entries = fs::read_dir("/proc/self/fd").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// How many descriptors the process has; Linux tells it at once from 6.2 on, and 0 before.
fn open_descriptors() -> u64 {
    fs::metadata("/proc/self/fd").map_or(0, |folder| folder.len())
}

/// The memory of this process that is in use.
fn resident_octets() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0).saturating_mul(PAGE)
}

/// How often memory is looked at. libzmq has taken in up to a gigabyte a second (measured).
const EVERY: Duration = Duration::from_millis(50);
/// How much it may rise before connections are looked at: some messages, or some hundred peers.
const RISE: u64 = 4 << 20;
/// The same for each descriptor of the process, twice what a connection takes by itself: to look at all
/// of them takes time, which a process of many nodes that all meet, each of them looking, has not.
const A_DESCRIPTOR: u64 = 32 << 10;
/// The smallest page there is: larger ones make it look as if less were in use.
const PAGE: u64 = 4_096;
/// More than all that a mailbox has to say, in octets: a greeting and a READY, 150 or so.
const WORDS: u64 = 2_048;

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd as _;

    use super::*;

    /// What is seen of a mailbox at this address that has sent so many octets.
    fn after(address: &str, octets: usize) -> (SocketAddr, Option<SocketAddr>) {
        let listener = TcpListener::bind(address).unwrap();
        let place = listener.local_addr().unwrap();
        let mut ours = TcpStream::connect(place).unwrap();
        let (mut mailbox, _) = listener.accept().unwrap();
        mailbox.write_all(&vec![0; octets]).unwrap();
        ours.read_exact(&mut vec![0; octets]).unwrap();
        (place, sending_to_us(ours.as_raw_fd()))
    }

    #[test]
    fn a_mailbox_that_sends_more_than_its_greeting_is_known_by_its_place_with_ipv4_and_ipv6() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let (place, sending) = after(address, 3_000);
            assert_eq!(sending, Some(place));
            assert_eq!(after(address, 150).1, None);
        }
    }
}
