//! What was found out about this host and its networks: plain data, from which [`diagnose`] concludes.
//!
//! Nothing here is a judgement. Everything that a system does not tell has a value that says so.
//!
//! [`diagnose`]: super::findings::diagnose

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use nix::errno::Errno;
use zchat::node::interface::{
    Decision, LinkLocal, Network, Selection, UnknownInterface, UnusedLink,
};
use zchat::zre::PeerId;

use super::firewall::Ruleset;

/// How long two nodes may take to meet, after the first beacon: a connection that is lost in a full
/// network is tried again after a second.
pub(crate) const TIME_TO_MEET: Duration = Duration::from_millis(1_500);

/// All that was found out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Facts {
    /// The UDP port of the beacons.
    pub(crate) port: u16,
    /// The TCP port that the user wants for the mailbox.
    pub(crate) bind_port: Option<u16>,
    /// How long was listened.
    pub(crate) listened: Duration,
    /// How long others had to take up contact in all: longer, if somebody came late.
    pub(crate) watched: Duration,
    pub(crate) is_root: bool,
    /// Milliseconds since 1970, by the clock of the system.
    pub(crate) clock: i64,
    /// Which interfaces the user wants.
    pub(crate) selection: Selection,
    /// One that is wanted and does not exist.
    pub(crate) unknown_interface: Option<UnknownInterface>,
    pub(crate) interfaces: Vec<Interface>,
    /// Whether the networks changed again and again meanwhile.
    pub(crate) is_changing: bool,
    pub(crate) beacon_port: Port,
    /// What every interface has that has IPv6.
    pub(crate) links: Vec<Link>,
    /// The beacon port, for IPv6; `None` where this host has none.
    pub(crate) link_port: Option<Port>,
    /// Who beacons by IPv6.
    pub(crate) link_sightings: Vec<LinkSighting>,
    /// That of `bind_port`.
    pub(crate) mailbox_port: Option<Port>,
    pub(crate) sightings: Vec<Sighting>,
    /// How many senders more there were than are listed.
    pub(crate) left_out: usize,
    /// Whether all packets that arrive were looked at, or only those that the system lets through.
    pub(crate) saw_the_wire: bool,
    pub(crate) visits: Vec<Visit>,
    /// What became of a node that took part for a while; `None` if none was started.
    pub(crate) meeting: Option<Result<Meeting, String>>,
    /// The TCP connections of this host.
    pub(crate) connections: Option<Vec<Connection>>,
    pub(crate) firewalls: Vec<Firewall>,
    /// How many files a process may have open, at most.
    pub(crate) descriptors: Option<u64>,
}

/// One line of the list of interfaces.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Interface {
    pub(crate) decision: Decision,
    pub(crate) is_wireless: bool,
    /// How many other hosts of it have answered lately (ARP).
    pub(crate) neighbours: usize,
    /// What became of our own beacons, if it is used and they can be sent on it.
    pub(crate) probe: Option<Probe>,
}

impl Interface {
    /// The network that it is, if it is used.
    pub(crate) fn network(&self) -> Option<&Network> {
        self.decision.verdict.as_ref().ok()
    }
}

/// What became of our own beacons on one network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) sent: Result<(), Errno>,
    pub(crate) heard: bool,
    /// The address that the system would write to others of this network from.
    pub(crate) leaves_from: Option<Ipv4Addr>,
}

/// A link-local IPv6 address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// The name of the interface.
    pub(crate) name: String,
    pub(crate) address: Ipv6Addr,
    pub(crate) verdict: Result<LinkLocal, UnusedLink>,
    /// What became of our own beacons, if it is used.
    pub(crate) probe: Option<LinkProbe>,
}

/// What became of our own beacons to all hosts of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LinkProbe {
    pub(crate) sent: Result<(), Errno>,
    pub(crate) heard: bool,
}

/// A node that beacons by IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LinkSighting {
    pub(crate) peer: PeerId,
    /// Where its mailbox is.
    pub(crate) at: SocketAddr,
    pub(crate) is_local: bool,
    /// When it came first, after listening began.
    pub(crate) after: Duration,
}

/// Whether a port can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Port {
    Usable,
    /// Somebody has it, and does not share it.
    Taken(Vec<Owner>),
    Refused(Errno),
}

/// Who has a port. Which process it is, is told to its own user and to root only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) process: Option<Process>,
    pub(crate) user: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) id: u32,
    pub(crate) name: String,
}

/// A kind of datagram that somebody sent to the beacon port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sighting {
    pub(crate) source: Ipv4Addr,
    /// Where it was sent to.
    pub(crate) target: Ipv4Addr,
    /// The number of the interface that it came in by.
    pub(crate) interface: u32,
    /// Whether a node hears it.
    pub(crate) heard: bool,
    /// Whether it was seen on the wire: it came from outside.
    pub(crate) seen: bool,
    pub(crate) what: Datagram,
    /// When it came first, after listening began.
    pub(crate) after: Duration,
    /// When it came last.
    pub(crate) last: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Datagram {
    Beacon {
        peer: PeerId,
        port: u16,
        /// Whether it has a key: its sender speaks over encrypted links only.
        has_key: bool,
    },
    /// A beacon to another UDP port.
    OtherPort(u16),
    OtherVersion(u8),
    OtherLength(usize),
    /// It has nothing to do with ZRE.
    Other,
}

/// An attempt to reach a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Visit {
    pub(crate) to: SocketAddr,
    /// Whether the user has named it; if not, a beacon did.
    pub(crate) is_named: bool,
    /// Our address that it went out from.
    pub(crate) from: Option<Ipv4Addr>,
    pub(crate) end: VisitEnd,
}

impl Visit {
    /// The host, if it was tried by IPv4.
    pub(crate) const fn ipv4(&self) -> Option<Ipv4Addr> {
        match self.to.ip() {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(_) => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VisitEnd {
    /// ZeroMQ answered.
    Greeted,
    /// It was connected, and nothing came.
    Silent,
    /// Something else answered.
    Stranger,
    Refused,
    /// Nothing came back at all.
    NoAnswer,
    /// No such host answers on the network, or something on the way says that it may not be reached.
    HostUnreachable,
    /// There is no route to it.
    NoRoute,
    /// This host forbids it.
    Forbidden,
    Failed(Errno),
}

/// A node of our own, which took part like any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meeting {
    pub(crate) peer: PeerId,
    /// The TCP port of its mailbox.
    pub(crate) port: u16,
    /// Those that it has met: they have greeted each other.
    pub(crate) met: Vec<Met>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Met {
    pub(crate) peer: PeerId,
    pub(crate) name: String,
    /// Where it is reached.
    pub(crate) address: SocketAddr,
}

/// A TCP connection of this host, or a port that waits for some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) local: SocketAddrV4,
    pub(crate) remote: SocketAddrV4,
    pub(crate) state: ConnectionState,
    /// Whether it is one of this program.
    pub(crate) is_ours: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionState {
    Established,
    /// It waits for connections.
    Listening,
    Other,
}

/// One set of rules on this host.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Firewall {
    pub(crate) name: FirewallName,
    pub(crate) reading: Reading,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FirewallName {
    Nftables,
    Iptables,
    Ufw,
    Firewalld,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reading {
    Rules(Ruleset),
    /// It is switched on; its rules are among those of nftables or iptables.
    SwitchedOn,
    /// Only root may read the rules.
    NotPermitted,
    /// The tool that lists the rules failed.
    Failed(Trouble),
}

/// Why the rules could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It did not end in time.
    Slow,
    /// It said this.
    Said(String),
    /// Its output is not understood.
    Garbled,
}

/// Some address of this network that is not ours; `None` if nobody else has room there.
pub(crate) fn other_of(network: &Network) -> Option<Ipv4Addr> {
    let first = u32::from(network.address & network.mask);
    let near = [1, 2]
        .into_iter()
        .filter_map(|number| first.checked_add(number));
    let mut near = near.map(Ipv4Addr::from);
    near.find(|other| *other != network.address && network.contains(*other))
}
