//! Finding out about this host and its networks, in a bounded time. Concludes nothing.
//!
//! A node takes part meanwhile, silent and in no group, as that of `zchat peers` does. Besides, a few
//! farewell beacons are sent of ids that nobody knows (every node leaves them unheeded), and each
//! mailbox gets a connection that says nothing.

mod interrupt;
mod links;
mod listen;
mod meeting;
mod owners;
mod proc_net;
mod program;
mod visit;
mod walls;
mod wire;

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::geteuid;
use zchat::node::interface::{
    Decision, LinkLocal, ListedLink, Listing, Network, Selection, UnknownInterface, UnusedLink,
    decide, decide_links, links as usable, list, networks,
};
use zchat::node::local_towards;

use super::Options;
use super::facts::{
    Connection, Facts, Firewall, Interface, Link, Port, Probe, Visit, VisitEnd, other_of,
};
use interrupt::{Interrupted, Interrupts};
use listen::{Heard, listen};

/// The least time to listen: own beacons come back within a millisecond.
const LEAST_WAIT: Duration = Duration::from_millis(100);

/// Finds out everything.
///
/// # Errors
///
/// If a signal came that ends the program.
pub(super) fn gather(options: &Options) -> Result<Facts, Interrupted> {
    let interrupts = Interrupts::new();
    let walls = Walls::read();
    let selection = Selection::parse(&options.interfaces);
    let mailbox_port = options.bind_port.map(mailbox_port);
    let mut look = Look::at_networks(&selection);
    let mut heard = look.listen(options, mailbox_port.as_ref(), &interrupts)?;
    // A cable is plugged in, an address comes: then what was heard before says little. Once more.
    let mut again = Look::at_networks(&selection);
    if !again.is_like(&look) {
        heard = again.listen(options, mailbox_port.as_ref(), &interrupts)?;
        look = again;
        again = Look::at_networks(&selection);
    }
    let answering = proc_net::neighbours(&read("/proc/net/arp"));
    let wireless = proc_net::wireless(&read("/proc/net/wireless"));
    let is_changing = !again.is_like(&look);
    let firewalls = walls.map_or(Ok(Vec::new()), |walls| walls.collect(&interrupts))?;
    let visits = heard.visits.iter();
    let visits = visits.map(|visit| weigh(*visit, &look.networks, &answering));
    let visits = visits.collect();
    let interfaces = look.decisions.into_iter();
    let interfaces = interfaces.map(|one| interface(one, &heard, &answering, &wireless));
    Ok(Facts {
        port: options.port,
        bind_port: options.bind_port,
        listened: heard.listened,
        watched: heard.watched,
        is_root: geteuid().is_root(),
        clock: unix_milliseconds(),
        selection,
        unknown_interface: look.unknown,
        interfaces: interfaces.collect(),
        is_changing,
        links: look
            .links
            .into_iter()
            .map(|(listed, verdict)| link(listed, verdict, &heard))
            .collect(),
        link_port: heard.ear.port(),
        link_sightings: heard.link_sightings,
        beacon_port: heard.beacon_port,
        mailbox_port,
        sightings: heard.sightings,
        left_out: heard.left_out.len(),
        saw_the_wire: heard.saw_the_wire,
        visits,
        meeting: heard.meeting,
        connections: heard.connections,
        firewalls,
        descriptors: getrlimit(Resource::RLIMIT_NOFILE)
            .ok()
            .map(|(_, hard)| hard),
    })
}

/// The interfaces at one moment.
struct Look {
    decisions: Vec<Decision>,
    networks: Vec<Network>,
    links: Vec<(ListedLink, Result<LinkLocal, UnusedLink>)>,
    used_links: Vec<LinkLocal>,
    unknown: Option<UnknownInterface>,
}

impl Look {
    fn is_like(&self, other: &Self) -> bool {
        self.networks == other.networks && self.used_links == other.used_links
    }

    fn at_networks(selection: &Selection) -> Self {
        let listed = list().unwrap_or_else(|error| {
            log::warn!("the interfaces cannot be listed: {error}");
            Listing::default()
        });
        let decisions = decide(&listed.interfaces, selection);
        let verdicts = decide_links(&listed.links, selection);
        Self {
            used_links: usable(&verdicts),
            links: listed.links.into_iter().zip(verdicts).collect(),
            networks: networks(&decisions),
            decisions,
            unknown: selection.check(&listed.interfaces).err(),
        }
    }

    fn listen(
        &self,
        options: &Options,
        mailbox: Option<&Port>,
        interrupts: &Interrupts,
    ) -> Result<Heard, Interrupted> {
        let wait = options.wait.max(LEAST_WAIT);
        let (networks, links) = (&self.networks, &self.used_links);
        listen(networks, links, options, mailbox, wait, interrupts)
    }
}

/// The rules of all firewalls, which are read beside everything else.
struct Walls {
    reading: JoinHandle<Vec<Firewall>>,
    /// Ends when they have been read.
    done: UnixStream,
}

impl Walls {
    fn read() -> Option<Self> {
        let read = || {
            let (here, done) = UnixStream::pair()?;
            let named = thread::Builder::new().name("zchat-walls".into());
            let reading = named.spawn(move || {
                let _done = done;
                walls::read()
            })?;
            Ok(Self {
                reading,
                done: here,
            })
        };
        let failed = |error: &io::Error| log::warn!("the firewall is not looked at: {error}");
        read().inspect_err(failed).ok()
    }

    /// Waits for them.
    fn collect(self, interrupts: &Interrupts) -> Result<Vec<Firewall>, Interrupted> {
        interrupts.wait_for(self.done.as_fd())?;
        // It has no end of its own to fail by: a panic there was printed.
        Ok(self.reading.join().unwrap_or_default())
    }
}

fn link(listed: ListedLink, verdict: Result<LinkLocal, UnusedLink>, heard: &Heard) -> Link {
    Link {
        probe: verdict.as_ref().ok().and_then(|link| heard.ear.probe(link)),
        name: listed.name,
        address: listed.address,
        verdict,
    }
}

fn interface(
    decision: Decision,
    heard: &Heard,
    answering: &[(Ipv4Addr, String)],
    wireless: &[String],
) -> Interface {
    let listed = &decision.listed;
    let is_here = |(address, device): &&(Ipv4Addr, String)| {
        let is_near = |network: &Network| network.contains(*address);
        device == listed.name() && decision.verdict.as_ref().is_ok_and(is_near)
    };
    let probe = decision.verdict.as_ref().ok().and_then(|network| {
        network.broadcast.ok()?;
        let (sent, heard) = heard.probe(network)?;
        Some(Probe {
            sent,
            heard,
            leaves_from: leaves_from(network),
        })
    });
    Interface {
        is_wireless: wireless.iter().any(|name| name == listed.name()),
        neighbours: answering.iter().filter(is_here).count(),
        probe,
        decision,
    }
}

/// Says of a host that did not answer whether it is there at all: then it has answered to ARP. (The
/// system itself takes three seconds to find that out.)
fn weigh(visit: Visit, networks: &[Network], answering: &[(Ipv4Addr, String)]) -> Visit {
    let Some(ip) = visit.ipv4() else {
        return visit;
    };
    let is_near = |network: &Network| network.contains(ip) && network.address != ip;
    let has_answered = answering.iter().any(|(address, _)| *address == ip);
    let is_absent = visit.end == VisitEnd::NoAnswer && !has_answered;
    if is_absent && networks.iter().any(is_near) {
        Visit {
            end: VisitEnd::HostUnreachable,
            ..visit
        }
    } else {
        visit
    }
}

/// The address that the system writes to others of a network from; nothing is sent.
fn leaves_from(network: &Network) -> Option<Ipv4Addr> {
    let other = other_of(network)?;
    match local_towards(IpAddr::V4(other).into())? {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

fn mailbox_port(port: u16) -> Port {
    let tried = std::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, port));
    match tried {
        Ok(_) => Port::Usable,
        Err(error) => owners::port_state(&error, "tcp", port),
    }
}

fn connections() -> Option<Vec<Connection>> {
    let own = owners::own_sockets();
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let mut connections = proc_net::connections(&table, &own);
    connections.extend(proc_net::connections(&read("/proc/net/tcp6"), &own));
    Some(connections)
}

/// What a file of the system says; nothing where there is none.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn unix_milliseconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// The moment from which everything is counted.
#[derive(Debug, Clone, Copy)]
struct Start(Instant);

impl Start {
    fn now() -> Self {
        Self(Instant::now())
    }

    fn passed(self) -> Duration {
        Instant::now().saturating_duration_since(self.0)
    }
}

/// Where a mailbox is, if it can be one: a place that can be connected to.
fn mailbox(source: Ipv4Addr, port: u16) -> Option<SocketAddrV4> {
    let is_host = !source.is_unspecified() && !source.is_broadcast() && !source.is_multicast();
    (is_host && port != 0).then(|| SocketAddrV4::new(source, port))
}
