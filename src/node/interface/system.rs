//! Asking the system for its interfaces, and noticing that they change. Decides nothing.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::{InterfaceFlags, if_nametoindex};

use super::{AddressState, Listed, ListedLink};

/// What the system lists, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The interfaces of this host, with their IPv4 addresses.
    pub interfaces: Vec<Listed>,
    /// The link-local IPv6 addresses; none where there is no IPv6.
    pub links: Vec<ListedLink>,
}

/// Lists both at once. Takes some 50 µs.
///
/// # Errors
///
/// If the system refuses to tell.
pub fn list() -> io::Result<Listing> {
    let all: Vec<InterfaceAddress> = getifaddrs()?.collect();
    let mut listed: Vec<Listed> = Vec::new();
    for one in all.iter().filter(|one| address_and_mask(one).is_some()) {
        listed.push(line(one, &all));
    }
    for one in &all {
        let is_known = |line: &Listed| line.name() == one.interface_name;
        if !listed.iter().any(is_known) {
            listed.push(line(one, &all));
        }
    }
    Ok(Listing {
        links: links(&all),
        interfaces: listed,
    })
}

fn links(all: &[InterfaceAddress]) -> Vec<ListedLink> {
    let states = std::fs::read_to_string(IPV6_ADDRESSES).unwrap_or_default();
    let link = |one: &InterfaceAddress| {
        let address = one.address.as_ref()?.as_sockaddr_in6()?;
        if !address.ip().is_unicast_link_local() {
            return None;
        }
        let has = |flag| one.flags.contains(flag);
        Some(ListedLink {
            index: address.scope_id(),
            is_running: has(InterfaceFlags::IFF_UP) && has(InterfaceFlags::IFF_RUNNING),
            is_point_to_point: has(InterfaceFlags::IFF_POINTOPOINT),
            can_multicast: has(InterfaceFlags::IFF_MULTICAST),
            state: state_of(&states, address.ip(), address.scope_id()),
            address: address.ip(),
            name: one.interface_name.clone(),
        })
    };
    all.iter().filter_map(link).collect()
}

/// Where Linux tells the states of IPv6 addresses, in the network namespace of this thread. Elsewhere
/// there is no such file, and each address counts as usable.
const IPV6_ADDRESSES: &str = "/proc/thread-self/net/if_inet6";

/// The state of an address, from lines such as
/// `fe80000000000000020000fffe000005 02 40 20 80     eth0`: address, interface, length of the prefix,
/// scope and flags in hexadecimal digits.
fn state_of(lines: &str, address: Ipv6Addr, interface: u32) -> AddressState {
    const DUPLICATE: u8 = 0x08;
    const TENTATIVE: u8 = 0x40;
    let digits = format!("{:032x}", u128::from(address));
    let flags = lines.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let is_it =
            words.next()? == digits && u32::from_str_radix(words.next()?, 16) == Ok(interface);
        let flags = words.nth(2)?;
        is_it.then(|| u8::from_str_radix(flags, 16).ok())?
    });
    match flags {
        Some(flags) if flags & DUPLICATE != 0 => AddressState::Duplicate,
        Some(flags) if flags & TENTATIVE != 0 => AddressState::Tentative,
        _ => AddressState::Usable,
    }
}

fn line(one: &InterfaceAddress, all: &[InterfaceAddress]) -> Listed {
    let has = |flag| one.flags.contains(flag);
    let mut line = Listed {
        label: one.interface_name.clone(),
        index: 0,
        is_up: has(InterfaceFlags::IFF_UP),
        is_running: has(InterfaceFlags::IFF_RUNNING),
        is_loopback: has(InterfaceFlags::IFF_LOOPBACK),
        is_point_to_point: has(InterfaceFlags::IFF_POINTOPOINT),
        can_broadcast: has(InterfaceFlags::IFF_BROADCAST),
        address: address_and_mask(one),
    };
    line.index = index_of(line.name(), all);
    line
}

/// The number of an interface. Mostly it is listed with the address of its hardware.
fn index_of(name: &str, all: &[InterfaceAddress]) -> u32 {
    let mut here = all.iter().filter(|one| one.interface_name == name);
    let listed = here.find_map(|one| one.address.as_ref()?.as_link_addr());
    let listed = listed.and_then(|hardware| u32::try_from(hardware.ifindex()).ok());
    listed.unwrap_or_else(|| if_nametoindex(name).unwrap_or(0))
}

fn address_and_mask(one: &InterfaceAddress) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let address = one.address.as_ref()?.as_sockaddr_in()?.ip();
    let mask = one
        .netmask
        .as_ref()
        .and_then(|mask| Some(mask.as_sockaddr_in()?.ip()));
    // Without a mask there is nobody else on the network.
    Some((address, mask.unwrap_or(Ipv4Addr::BROADCAST)))
}

/// Tells that something about the interfaces may have changed, so that they have to be listed again.
#[derive(Debug)]
pub struct Watch(Option<OwnedFd>);

impl Watch {
    /// Starts to watch. Does not fail: where the system tells nothing (other systems than Linux, some
    /// sandboxes), [`Watch::look_again_after`] says how often to list without being told.
    #[must_use]
    pub fn new() -> Self {
        let events = events();
        if let Err(error) = &events {
            log::debug!("interfaces are looked at every second: no netlink events ({error})");
        }
        Self(events.ok())
    }

    /// Readable when something has changed. `None` where the system tells nothing.
    #[must_use]
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.0.as_ref().map(AsFd::as_fd)
    }

    /// How long to wait at most before listing again.
    #[must_use]
    pub fn look_again_after(&self) -> Option<Duration> {
        self.0.is_none().then_some(Duration::from_secs(1))
    }

    /// Takes what was told, so that the descriptor is not readable because of it; whether there was
    /// anything. Bounded: what comes in a flood is left for the next time.
    pub fn take_events(&self) -> bool {
        self.0.as_ref().is_some_and(take_events)
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn events() -> nix::Result<OwnedFd> {
    use nix::sys::socket::{
        AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket,
    };
    use std::os::fd::AsRawFd;

    /// Of rtnetlink(7): links, IPv4 addresses, IPv6 addresses. The last come also when a link works
    /// again, and one listing more costs nothing.
    const GROUPS: u32 = 0x1 | 0x10 | 0x100;

    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, GROUPS))?;
    Ok(socket)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn events() -> nix::Result<OwnedFd> {
    Err(nix::errno::Errno::ENOSYS)
}

fn take_events(from: &OwnedFd) -> bool {
    use nix::errno::Errno;
    use nix::sys::socket::{MsgFlags, recv};
    use std::os::fd::AsRawFd;

    /// At most so many reads at a time. A change is three or four events.
    const READS: usize = 64;

    let mut any = false;
    // What is cut off does not matter: nothing is read but that there is something.
    let mut events = [0; 64];
    for _ in 0..READS {
        match recv(from.as_raw_fd(), &mut events, MsgFlags::empty()) {
            Ok(_) => any = true,
            Err(Errno::EINTR) => {}
            // Events were lost since there were too many: something has changed for sure. The error
            // is told once, and what is queued comes after it.
            Err(Errno::ENOBUFS) => any = true,
            Err(_) => break,
        }
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_an_address_is_read() {
        let lines = "\
fe800000000000000000000000000005 02 40 20 80     eth0
fe800000000000000000000000000005 03 40 20 c0     eth1
fe800000000000000000000000000005 0a 40 20 c8     eth2
00000000000000000000000000000001 01 80 10 80       lo
";
        let address = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 5);
        let state = |interface| state_of(lines, address, interface);
        assert_eq!(state(2), AddressState::Usable);
        assert_eq!(state(3), AddressState::Tentative);
        assert_eq!(state(10), AddressState::Duplicate);
        assert_eq!(state(4), AddressState::Usable, "nothing is told about it");
    }
}
