//! What a node is to be, and how it is started: [`Builder`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::zre::{
    Action, Engine, EngineConfig, GroupName, Headers, HeadersError, Host, Limits, Name, PeerId,
    Roster, Timing,
};

use super::Node;
use super::beacon;
use super::bell::Waker;
use super::descriptors;
use super::error::StartError;
use super::inbox::{BindError, Inbox};
use super::interface::{self, LinkLocal, Listing, Network, Selection, Watch};
use super::links::Links;
use super::mailbox::{self, Capacity};
use super::mesh::{Beacon, Core, Mesh, Shared, hosts};
use super::outlet;
use super::sender::Sender;

/// The settings of a node that is to be started; made by [`Node::builder`].
#[derive(Debug, Clone)]
#[must_use = "a node runs after Builder::start"]
pub struct Builder {
    name: Name,
    headers: Headers,
    groups: Vec<GroupName>,
    beacon_port: u16,
    mailbox_port: Option<u16>,
    timing: Timing,
    limits: Limits,
    interfaces: Vec<String>,
    peers: Vec<SocketAddr>,
    advertise: Option<SocketAddr>,
}

impl Builder {
    pub(super) fn new(name: Name) -> Self {
        Self {
            name,
            headers: Headers::default(),
            groups: Vec::new(),
            beacon_port: beacon::PORT,
            mailbox_port: None,
            timing: Timing::default(),
            limits: Limits::default(),
            interfaces: Vec::new(),
            peers: Vec::new(),
            advertise: None,
        }
    }

    /// One more header, told to all peers (RFC 36, HELLO `headers`).
    ///
    /// # Errors
    ///
    /// As [`Headers::with`] says.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, HeadersError> {
        self.headers = std::mem::take(&mut self.headers).with(name, value)?;
        Ok(self)
    }

    /// All headers at once.
    pub fn headers(mut self, headers: Headers) -> Self {
        self.headers = headers;
        self
    }

    /// One more group that the node is in from the start.
    pub fn group(mut self, group: GroupName) -> Self {
        self.groups.push(group);
        self
    }

    /// The UDP port for beacons; 5670 (RFC 36) unless given. Nodes with different ones do not see
    /// each other.
    pub const fn beacon_port(mut self, port: u16) -> Self {
        self.beacon_port = port;
        self
    }

    /// The TCP port of the mailbox. The first free one from 49152 up unless given.
    pub const fn mailbox_port(mut self, port: u16) -> Self {
        self.mailbox_port = Some(port);
        self
    }

    /// See [`Timing::interval`].
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.timing.interval = interval;
        self
    }

    /// See [`Timing::evasive`].
    pub const fn evasive(mut self, evasive: Duration) -> Self {
        self.timing.evasive = evasive;
        self
    }

    /// See [`Timing::silent`].
    pub const fn silent(mut self, silent: Duration) -> Self {
        self.timing.silent = silent;
        self
    }

    /// See [`Timing::expired`].
    pub const fn expired(mut self, expired: Duration) -> Self {
        self.timing.expired = expired;
        self
    }

    /// All times at once.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// One more interface to use, by its name or its IPv4 address. Every usable one unless given,
    /// loopback only where there is nothing else.
    pub fn interface(mut self, interface: impl Into<String>) -> Self {
        self.interfaces.push(interface.into());
        self
    }

    /// One more mailbox to greet without a beacon: see [`Node::greet`].
    pub fn peer(mut self, mailbox: SocketAddr) -> Self {
        self.peers.push(mailbox);
        self
    }

    /// Where others reach this node's mailbox, where that is not where they see it: behind a
    /// translation of addresses (NAT), or in a container. Port 0 stands for the mailbox's own.
    pub const fn advertise(mut self, mailbox: SocketAddr) -> Self {
        self.advertise = Some(mailbox);
        self
    }

    /// What the node takes before it refuses more.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Starts the node: two threads, `zchat-mesh` and `zchat-beacon`. Peers are looked for at
    /// once; that there is no network (yet) is no error.
    ///
    /// The limit of descriptors of the process (`RLIMIT_NOFILE`) is raised as far as the node may
    /// come to need and the system allows; where that is less, [`Limits::peers`] is lowered to it.
    ///
    /// # Errors
    ///
    /// See [`StartError`]. Nothing is left running then.
    pub fn start(self) -> Result<Node, StartError> {
        let limits = descriptors::provide(self.limits.clone())?;
        let selection = Selection::parse(&self.interfaces);
        // Before the listing, so that no change falls between the two.
        let watch = Watch::new();
        let listed = interface::list().map_err(StartError::Interfaces)?;
        let (networks, links) = choose(&selection, &listed)?;
        let id = PeerId::from(Uuid::new_v4());
        let mut inbox = self.open_inbox(id, &selection, &networks, &limits)?;
        inbox.follow(ipv6_addresses(&selection, &links));
        let port = inbox.port();
        let waker = Waker::new().map_err(StartError::Resources)?;
        // Nodes that lose a connection at the same time should not dial again at the same time.
        let (seed, _) = Uuid::new_v4().as_u64_pair();
        let outgoing = Links::new(id, &limits, seed).map_err(StartError::Resources)?;
        let shared = Arc::new(Shared::new(waker.bell()));
        let capacity = |values, octets| Capacity { values, octets };
        let (to_mesh, actions) =
            mailbox::channel(capacity(limits.actions, limits.action_octets), &waker);
        let (outlet, events) = outlet::events(capacity(limits.events, limits.event_octets), &waker)
            .map_err(StartError::Resources)?;
        // As late as possible: from here on others hear of the node.
        let (to_hear, heard) = mailbox::channel(HEARD, &waker);
        let config = self.beacon_config(id, port, selection.clone());
        let beacon = Beacon::new(beacon::start_with(config, to_hear, watch, &listed)?);
        let core = Core {
            engine: self.engine(id, port, &limits),
            inbox,
            links: outgoing,
            beacon,
            outlet,
            shared: Arc::clone(&shared),
            follows_networks: selection != Selection::All,
            reading: true,
            stopping: false,
        };
        let mesh = Mesh::new(core, actions, heard, waker);
        let thread = thread::Builder::new()
            .name("zchat-mesh".to_owned())
            .spawn(|| mesh.run())
            .map_err(StartError::Thread)?;
        let mut roster = Roster::new();
        for group in &self.groups {
            roster.join(group);
        }
        Ok(Node {
            id,
            name: self.name,
            headers: self.headers,
            port,
            addresses: hosts(&networks, &links).map(|host| host.address).collect(),
            sender: Sender::new(to_mesh, &limits),
            events: Some(events),
            roster,
            shared,
            thread: Some(thread),
            stopped: false,
        })
    }

    fn beacon_config(&self, id: PeerId, mailbox: u16, selection: Selection) -> beacon::Config {
        let mut config = beacon::Config::new(id, mailbox);
        config.port = self.beacon_port;
        config.interval = self.timing.interval;
        config.selection = selection;
        config
    }

    fn open_inbox(
        &self,
        id: PeerId,
        selection: &Selection,
        networks: &[Network],
        limits: &Limits,
    ) -> Result<Inbox, StartError> {
        let addresses: Vec<IpAddr> = match selection {
            Selection::All => vec![Ipv4Addr::UNSPECIFIED.into()],
            // None of them is up yet: the port is held where it always can be.
            Selection::Named(_) if networks.is_empty() => vec![Ipv4Addr::LOCALHOST.into()],
            Selection::Named(_) => networks
                .iter()
                .map(|network| network.address.into())
                .collect(),
        };
        let addresses: Vec<Host> = addresses.into_iter().map(Host::from).collect();
        let connections = limits.peers + limits.unproven;
        let inbox = Inbox::bind(id, &addresses, self.mailbox_port, limits, connections);
        inbox.map_err(|error| match error {
            BindError::Taken(address) => StartError::PortTaken(address),
            BindError::Address(address, error) => StartError::Address(address, error),
            BindError::Resources(error) => StartError::Resources(error),
        })
    }

    fn engine(&self, id: PeerId, port: u16, limits: &Limits) -> Engine {
        let now = Instant::now();
        let mut config = EngineConfig::new(id, self.name.clone(), port);
        config.headers = self.headers.clone();
        config.advertise = self.advertise;
        config.timing = self.timing.clone();
        config.limits = limits.clone();
        let mut engine = Engine::new(now, config);
        for group in &self.groups {
            engine.handle_action(now, Action::Join(group.clone()));
        }
        for peer in &self.peers {
            engine.handle_action(now, Action::Greet(*peer));
        }
        engine
    }
}

/// What is used now. Others may come and go.
fn choose(
    selection: &Selection,
    listed: &Listing,
) -> Result<(Vec<Network>, Vec<LinkLocal>), StartError> {
    selection
        .check(&listed.interfaces)
        .map_err(StartError::UnknownInterface)?;
    let networks = interface::decide(&listed.interfaces, selection);
    let links = interface::decide_links(&listed.links, selection);
    Ok((interface::networks(&networks), interface::links(&links)))
}

/// Where messages are received by IPv6: a host without it does without.
fn ipv6_addresses(selection: &Selection, links: &[LinkLocal]) -> Vec<Host> {
    match selection {
        Selection::All => vec![IpAddr::V6(Ipv6Addr::UNSPECIFIED).into()],
        Selection::Named(_) => links.iter().map(LinkLocal::host).collect(),
    }
}

/// What the beacon thread has heard and the mesh thread has not taken. Sightings beyond it are
/// dropped and counted: each node is heard again in a second.
const HEARD: Capacity = Capacity {
    values: 1_024,
    octets: 0,
};
