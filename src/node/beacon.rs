//! The beacon thread: says by UDP that this node is here, and hears who else is (RFC 36,
//! "Discovery").
//!
//! It owns the UDP socket, the list of networks and the [`Announcer`](crate::zre::Announcer), and
//! knows nothing of peers: what it hears goes to the mesh thread as [`Heard`]. Presence goes out even
//! while the mesh is busy.

mod arrival;
mod counts;
mod familiar;
mod leisure;
mod link_socket;
mod pace;
mod socket;
mod thread;

use std::net::Ipv4Addr;
use std::thread::JoinHandle;
use std::time::Duration;
use std::{fmt, io};

use super::interface::{
    self, LinkLocal, Listing, Network, Selection, UnknownInterface, Watch, decide, networks,
};
use super::mailbox::{Capacity, Sender, Waker, Weigh, channel};
use crate::zre::{Host, PeerId, Sighting};

pub use counts::Counts;
// For the program's own diagnosis; not a stable part of the library.
#[doc(hidden)]
pub use arrival::Arrival;
#[doc(hidden)]
pub use link_socket::{LinkArrival, LinkSocket};
#[doc(hidden)]
pub use socket::{MOST_OCTETS, Socket};

use counts::Counters;

/// The UDP port of ZRE (RFC 36).
pub const PORT: u16 = 5670;

/// What a beacon thread needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Who this node is.
    pub peer: PeerId,
    /// The TCP port of its mailbox, which the beacons name.
    pub mailbox: u16,
    /// The UDP port on which all nodes send and listen; not 0. [`PORT`]; another one makes a world
    /// of its own.
    pub port: u16,
    /// Between two beacons: [`Timing::interval`](crate::zre::Timing).
    pub interval: Duration,
    /// The networks to use. All, for whoever starts a chat does not want to think about them.
    pub selection: Selection,
}

impl Config {
    /// The defaults, for this id and mailbox port.
    #[must_use]
    pub fn new(peer: PeerId, mailbox: u16) -> Self {
        Self {
            peer,
            mailbox,
            port: PORT,
            interval: Duration::from_secs(1),
            selection: Selection::All,
        }
    }
}

/// What the beacon thread tells the mesh thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// What is used: the first thing that is told, and again after each change. Nothing is no
    /// failure; a network may come. Never left out.
    Networks {
        /// The IPv4 networks.
        networks: Vec<Network>,
        /// The links on which IPv6 is used as well, or alone.
        links: Vec<LinkLocal>,
    },
    /// The beacon of another node. Left out, and counted, while the queue is full: it is repeated.
    Sighting(Sighting),
    /// The first of our own beacons that came back on this network since it is used: sending and
    /// hearing both work.
    Echo(Network),
}

impl Weigh for Heard {
    fn octets(&self) -> usize {
        0
    }
}

/// Starts the thread `zchat-beacon`. The first beacon goes out at once.
///
/// # Errors
///
/// [`StartError`]: then nothing was started. That there is no network is no error.
pub fn start(config: Config, mesh: Sender<Heard>) -> Result<BeaconHandle, StartError> {
    // Before the first listing, so that no change falls between the two.
    let watch = Watch::new();
    let listed = interface::list().map_err(StartError::Interfaces)?;
    config
        .selection
        .check(&listed.interfaces)
        .map_err(StartError::Unknown)?;
    start_with(config, mesh, watch, &listed)
}

/// The same with the interfaces as they are listed already, and watched since before that.
pub(super) fn start_with(
    config: Config,
    mesh: Sender<Heard>,
    watch: Watch,
    listed: &Listing,
) -> Result<BeaconHandle, StartError> {
    let socket = Socket::open(config.port).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => StartError::PortTaken {
            port: config.port,
            on: taken_addresses(
                config.port,
                &networks(&decide(&listed.interfaces, &config.selection)),
            ),
        },
        _ => StartError::Socket {
            port: config.port,
            error,
        },
    })?;
    // Where there is no IPv6, there is IPv4.
    let link_socket = LinkSocket::open(config.port)
        .inspect_err(|error| log::debug!("no beacons by IPv6: {error}"))
        .ok();
    let waker = Waker::new().map_err(StartError::Thread)?;
    let (commands, from_mesh) = channel(FAREWELLS, &waker);
    let counters = Counters::new();
    let parts = thread::Parts {
        config,
        socket,
        link_socket,
        watch,
        waker,
        commands: from_mesh,
        mesh,
        counters: counters.clone(),
    };
    let mut thread = thread::Thread::new(parts, listed);
    // Whoever hears it can begin to answer while the threads of this node do.
    thread.announce_at_once();
    let thread = std::thread::Builder::new()
        .name("zchat-beacon".into())
        .spawn(move || thread.run())
        .map_err(StartError::Thread)?;
    Ok(BeaconHandle {
        commands,
        thread,
        counters,
    })
}

/// What the mesh thread asks for: say farewell to the nodes of this host.
#[derive(Debug, Clone, Copy)]
struct FarewellTo(Host);

impl Weigh for FarewellTo {
    fn octets(&self) -> usize {
        0
    }
}

/// Farewells to single addresses that wait. Each is a user's command; more than that is a mistake
/// somewhere, and a farewell may be lost in any case.
const FAREWELLS: Capacity = Capacity {
    values: 256,
    octets: 0,
};

/// Where exactly a port is taken that cannot be opened for all addresses; empty if on none of these.
fn taken_addresses(port: u16, networks: &[Network]) -> Vec<(String, Ipv4Addr)> {
    networks
        .iter()
        .filter(|network| Socket::is_taken(network.address, port))
        .map(|network| (network.name.clone(), network.address))
        .collect()
}

/// The running beacon thread. When this is dropped, or [stopped](BeaconHandle::stop), farewells are
/// broadcast and the thread ends, some 20 ms later.
#[derive(Debug)]
#[must_use = "the thread stops when this is dropped"]
pub struct BeaconHandle {
    commands: Sender<FarewellTo>,
    thread: JoinHandle<()>,
    counters: Counters,
}

impl BeaconHandle {
    /// Says farewell to the nodes of this host alone. (They share a port, and the system gives a
    /// datagram that is not broadcast to one of them.)
    pub fn farewell(&self, to: Host) {
        // Full, or the thread has ended: a farewell may be lost.
        let _sent = self.commands.try_send(FarewellTo(to));
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counters.counts()
    }

    /// Lets the thread say farewell to all and end, without waiting for that: the last farewell goes
    /// out some 20 ms later, if the process still runs then.
    pub fn stop(self) -> Stopping {
        drop(self.commands);
        Stopping(self.thread)
    }
}

/// A beacon thread that says farewell.
#[derive(Debug)]
pub struct Stopping(JoinHandle<()>);

impl Stopping {
    /// Waits until the thread has ended, and says whether it did so as it should (that is, did not
    /// panic).
    pub fn join(self) -> bool {
        self.0.join().is_ok()
    }
}

/// Why the beacon thread did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The system does not list its interfaces.
    Interfaces(io::Error),
    /// An interface or address was named that does not exist.
    Unknown(UnknownInterface),
    /// Another program uses the UDP port and does not share it. (ZRE nodes do.) Trying again helps
    /// once it has ended.
    PortTaken {
        /// The port.
        port: u16,
        /// The interfaces, with addresses, on which it is; empty if on none that is used here.
        on: Vec<(String, Ipv4Addr)>,
    },
    /// The UDP socket cannot be opened for another reason, such as a port that only root may open.
    Socket {
        /// The port.
        port: u16,
        /// What the system says.
        error: io::Error,
    },
    /// The process has no thread or descriptor left.
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interfaces(error) => {
                write!(f, "the network interfaces cannot be listed: {error}")
            }
            Self::Unknown(error) => error.fmt(f),
            Self::PortTaken { port, on } => {
                write!(
                    f,
                    "UDP port {port} is taken by another program that does not share it"
                )?;
                for (number, (name, address)) in on.iter().enumerate() {
                    write!(
                        f,
                        "{}{name} ({address})",
                        if number == 0 { ", on " } else { ", " }
                    )?;
                }
                write!(
                    f,
                    "; end that program, or let all nodes use another beacon port"
                )
            }
            Self::Socket { port, error } => write!(f, "UDP port {port} cannot be opened: {error}"),
            Self::Thread(error) => write!(f, "the beacon thread cannot be started: {error}"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unknown(error) => Some(error),
            Self::Interfaces(error) | Self::Socket { error, .. } | Self::Thread(error) => {
                Some(error)
            }
            Self::PortTaken { .. } => None,
        }
    }
}
