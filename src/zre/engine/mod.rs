//! The protocol as one state machine: [`Engine`].
//!
//! It knows no socket, thread or clock. The files beside this one hold its parts: `discovery` (who is
//! there, and where), `admission` (how many strangers), `receive` and `send` (messages), `life` (who is still there), `patience` (who
//! doubts that we are), `moves` (where they are), `ways` (the connections between us), `flush` (what was delivered), `statics` (peers without beacons), `dismissed` (peers to stay
//! away from), `heirs` (peers in the place of others). It
//! deliberately leaves out elections, which are understood on the wire and otherwise ignored, and
//! encrypted links.

mod admission;
mod broken;
mod deadlines;
mod dial;
mod discovery;
mod dismissed;
mod ending;
mod flush;
mod heirs;
mod hello;
mod life;
mod moves;
mod patience;
mod peer;
mod peers;
mod receive;
mod send;
mod share;
mod statics;
mod ways;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Instant;

use self::admission::Admission;
use self::broken::Reconnection;
use self::deadlines::{Deadlines, Timer};
use self::dismissed::{Dismissed, Returning};
use self::flush::Flushes;
use self::heirs::Heir;
use self::peers::Peers;
use self::statics::Static;
use super::{
    Action, Event, ExitReason, GroupName, Headers, Hello, Host, Limits, Link, LinkId, Name, Output,
    PeerId, Stats, Timing, UndeliveredReason,
};

/// What an engine has not got rid of yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiting {
    /// Outputs that have not been asked for.
    pub outputs: usize,
    /// Messages to the peer, of those whose connections are full, for which most wait.
    pub kept: usize,
}

/// What an engine needs to know at its start.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EngineConfig {
    /// Who this node is.
    pub peer: PeerId,
    /// What it calls itself.
    pub name: Name,
    /// What it tells about itself.
    pub headers: Headers,
    /// The TCP port of its mailbox.
    pub mailbox: u16,
    /// Where others shall look for its mailbox instead of where they see it (NAT), for HELLO; port 0
    /// stands for the mailbox's own.
    pub advertise: Option<SocketAddr>,
    /// When it does what.
    pub timing: Timing,
    /// What it takes before it refuses more.
    pub limits: Limits,
}

impl EngineConfig {
    /// The defaults, for this id, name and mailbox port.
    #[must_use]
    pub fn new(peer: PeerId, name: Name, mailbox: u16) -> Self {
        Self {
            peer,
            name,
            headers: Headers::default(),
            mailbox,
            advertise: None,
            timing: Timing::default(),
            limits: Limits::default(),
        }
    }
}

/// The protocol of one node.
///
/// Everything that happens is told to it by a `handle_…` method together with the time; what it wants
/// done comes out of [`Engine::poll_output`], to be carried out in order before anything else is told;
/// [`Engine::poll_timeout`] says when it wants to be woken.
///
/// ```
/// use std::net::IpAddr;
/// use std::time::Instant;
///
/// use zchat::zre::{
///     Beacon, Engine, EngineConfig, Event, Host, Name, Origin, Output, PeerId, Sighting, Via,
/// };
///
/// # #[allow(clippy::disallowed_methods, reason = "an example has to begin at some time")]
/// let now = Instant::now();
/// let node = |octet, name: &str| {
///     let id = PeerId::from_bytes([octet; 16]);
///     let name = Name::new(name).expect("a short name");
///     (id, Engine::new(now, EngineConfig::new(id, name, 49152)))
/// };
/// let (alice, mut at_alice) = node(1, "alice");
/// let (bob, mut at_bob) = node(2, "bob");
///
/// // Bob hears Alice's beacon …
/// let source = Host::from(IpAddr::from([10, 0, 0, 1]));
/// let local = "10.0.0.2".parse().expect("an address");
/// at_bob.handle_beacon(now, Sighting { source, local, beacon: Beacon::new(alice, 49152) });
///
/// // … and both carry what the other wants to send, until there is nothing left.
/// let mut entered = Vec::new();
/// loop {
///     let (from_bob, output) = match (at_bob.poll_output(), at_alice.poll_output()) {
///         (Some(output), None) => (true, output),
///         (None, Some(output)) => (false, output),
///         (Some(output), Some(other)) => {
///             assert!(!matches!(other, Output::Send { .. }), "one speaks at a time here");
///             (true, output)
///         }
///         (None, None) => break,
///     };
///     match output {
///         Output::Send { message, .. } if from_bob => {
///             at_alice.handle_message(now, Origin::unproven(bob), Via::default(), message);
///         }
///         Output::Send { message, .. } => {
///             at_bob.handle_message(now, Origin::unproven(alice), Via::default(), message);
///         }
///         Output::Event(Event::Enter { name, .. }) => entered.push(name.to_string()),
///         _ => {}
///     }
/// }
/// assert!(entered.contains(&"alice".to_owned()));
/// ```
#[derive(Debug)]
pub struct Engine {
    config: EngineConfig,
    view: View,
    peers: Peers,
    /// Which peer has its mailbox at an address, or says so.
    places: BTreeMap<SocketAddr, PeerId>,
    /// The peers that have entered, by group.
    members: BTreeMap<GroupName, BTreeSet<PeerId>>,
    /// How many of them there are in all.
    memberships: usize,
    links: BTreeMap<LinkId, Owner>,
    /// Links whose budget of octets is used up.
    full: BTreeSet<LinkId>,
    /// How many of them are not given up yet, so that the application has to wait.
    waited_for: usize,
    statics: BTreeMap<SocketAddr, Static>,
    /// Which address of ours is on the way to a host that is greeted without a beacon.
    routes: BTreeMap<Host, Option<IpAddr>>,
    dismissed: Dismissed,
    /// Peers that were dismissed and are greeted again.
    returning: BTreeMap<PeerId, Returning>,
    /// Peers whose mailbox is where somebody else has its own, who is asked whether it is still there.
    heirs: BTreeMap<PeerId, Heir>,
    admission: Admission,
    /// Our own addresses.
    addresses: Vec<IpAddr>,
    /// When one of them went.
    readdressed: Instant,
    /// What our interfaces are called that have these link-local addresses.
    zones: BTreeMap<Ipv6Addr, String>,
    /// Peers that may open their connection to us again.
    reconnecting: BTreeMap<PeerId, Reconnection>,
    flushes: Flushes,
    /// Refused messages that are not told yet.
    refused: BTreeMap<(PeerId, UndeliveredReason), u64>,
    /// Since when the inbox is not read.
    inbox_stopped: Option<Instant>,
    /// When everybody was sent a sign of life that nobody had asked for.
    life_sign: Option<Instant>,
    /// When it was read again, or we ourselves ran again: nobody is blamed for silence before that.
    blameless: Instant,
    /// Peers that have said farewell, or in whose name somebody has, while the inbox is not read.
    leaving_unread: BTreeSet<PeerId>,
    /// When a farewell was last found not to be its peer's own.
    slandered: Option<Instant>,
    deadlines: Deadlines,
    outputs: VecDeque<Output>,
    stats: Stats,
    next_number: u64,
}

/// What a kind of peer is told about this node's groups, and how often they changed.
///
/// There is one view today. The counter belongs to it, not to the node: groups may one day be told to
/// some peers only.
#[derive(Debug, Default)]
struct View {
    groups: BTreeSet<GroupName>,
    status: u8,
}

/// Whose an outgoing connection is.
#[derive(Debug, Clone, Copy)]
enum Owner {
    Peer(PeerId),
    Static(SocketAddr),
    /// It was to be closed; what its peer is told after that.
    Closing(PeerId, Option<ExitReason>),
    /// It was to be closed, and nobody knows whose it was.
    Forgotten,
}

impl Engine {
    /// An engine that knows nobody and is in no group.
    #[must_use]
    pub fn new(now: Instant, config: EngineConfig) -> Self {
        Self {
            config,
            view: View::default(),
            peers: Peers::default(),
            places: BTreeMap::new(),
            members: BTreeMap::new(),
            memberships: 0,
            links: BTreeMap::new(),
            full: BTreeSet::new(),
            waited_for: 0,
            statics: BTreeMap::new(),
            routes: BTreeMap::new(),
            dismissed: Dismissed::default(),
            returning: BTreeMap::new(),
            heirs: BTreeMap::new(),
            admission: Admission::default(),
            addresses: Vec::new(),
            readdressed: now,
            zones: BTreeMap::new(),
            reconnecting: BTreeMap::new(),
            flushes: Flushes::default(),
            refused: BTreeMap::new(),
            inbox_stopped: None,
            life_sign: None,
            blameless: now,
            leaving_unread: BTreeSet::new(),
            slandered: None,
            deadlines: Deadlines::default(),
            outputs: VecDeque::new(),
            stats: Stats::default(),
            next_number: 0,
        }
    }

    /// The application asks for something. Only to be called while [`Engine::wants_actions`].
    pub fn handle_action(&mut self, now: Instant, action: Action) {
        match action {
            Action::Whisper { peer, content } => self.whisper(now, peer, content),
            Action::Shout { group, content } => self.shout(now, group, content),
            Action::Join(group) => self.join(now, group),
            Action::Leave(group) => self.leave(now, &group),
            Action::Rename(name) => {
                self.config.name = name;
                self.greet_again(now);
            }
            Action::Describe(headers) => {
                self.config.headers = headers;
                self.greet_again(now);
            }
            Action::Greet(address) => self.greet(now, address),
            Action::Dismiss(address) => self.dismiss(now, address),
            Action::Ping(peer) => self.measure(now, peer),
            Action::Flush { ticket, within } => self.flush(now, ticket, within),
            Action::Stop { within } => self.stop(now, within),
        }
    }

    /// Whether the application may ask for more: `false` while a peer that takes octets slowly has
    /// to be waited for, and from [`Action::Stop`] on.
    #[must_use]
    pub fn wants_actions(&self) -> bool {
        !self.is_stopping() && !self.is_waiting()
    }

    /// The time that [`Engine::poll_timeout`] named has come (or any other).
    pub fn handle_timeout(&mut self, now: Instant) {
        self.notice_own_absence(now);
        while let Some(timer) = self.deadlines.take_due(now) {
            match timer {
                Timer::Life(peer, serial) => self.check_life(now, peer, serial),
                Timer::Challenge(peer) => self.check_challenge(now, peer),
                Timer::Twin(peer) => self.check_twin(now, peer),
                Timer::Broken(peer) => self.check_broken(now, peer),
                Timer::Farewell(peer) => self.check_farewell(now, peer),
                Timer::Dial(peer, serial) => self.check_dial(now, peer, serial),
                Timer::Answer(peer) => self.check_answer(now, peer),
                Timer::Unheard(peer) => self.check_unheard(now, peer),
                Timer::Static(address) => self.check_static(now, address),
                Timer::Stall(link) => self.check_stall(now, link),
                Timer::Reassure(peer, serial) => self.check_patience(now, peer, serial),
                Timer::LifeSign => self.give_life_signs(now),
                Timer::Confirm(peer) => self.check_confirmed(now, peer),
                Timer::Flush => self.check_flushes(now),
                Timer::Reconnection(id) => self.check_reconnection(now, id),
                Timer::Undelivered => self.tell_refused(),
            }
        }
        self.look_ahead(now);
    }

    /// What to do next; to be asked until there is nothing.
    pub fn poll_output(&mut self) -> Option<Output> {
        while let Some(Output::Send { link, .. }) = self.outputs.front()
            && self.full.contains(link)
        {
            // Something before it on this connection was given back: it has to wait behind that.
            if let Some(Output::Send {
                link,
                message,
                tail,
            }) = self.outputs.pop_front()
            {
                self.put_by(link, message, tail);
            }
        }
        self.outputs.pop_front()
    }

    /// When [`Engine::handle_timeout`] is wanted; `None` while there is nothing to wait for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// How many outputs have not been asked for, and how many messages wait at most for one connection
    /// that is full.
    #[must_use]
    pub fn waiting(&self) -> Waiting {
        let full = self
            .full
            .iter()
            .filter_map(|link| match self.links.get(link)? {
                Owner::Peer(id) => self.peers.get(id)?.channel.as_ref(),
                _ => None,
            });
        Waiting {
            outputs: self.outputs.len(),
            kept: full.map(|channel| channel.outbox.len()).max().unwrap_or(0),
        }
    }

    /// Who this node is.
    #[must_use]
    pub const fn peer(&self) -> PeerId {
        self.config.peer
    }

    /// The peer at the other end of a connection, if it has entered and takes our messages there: it has been
    /// heard in both directions.
    #[must_use]
    pub fn proven_by(&self, link: LinkId) -> Option<PeerId> {
        match self.links.get(&link) {
            Some(Owner::Peer(id)) if self.has_proven_itself(*id) => Some(*id),
            _ => None,
        }
    }

    /// Whether a peer has entered, and has ever taken our messages where it said to be.
    #[must_use]
    pub fn has_proven_itself(&self, peer: PeerId) -> bool {
        let peer = self.peers.get(&peer);
        peer.is_some_and(|peer| peer.is_ready() && peer.was_reached)
    }

    /// How many peers have entered.
    #[must_use]
    pub fn entered(&self) -> usize {
        self.admission.entered()
    }

    /// What our interfaces are called that have link-local IPv6 addresses: HELLO names them, for such
    /// an address means something on its link only.
    pub fn handle_zones(&mut self, zones: impl IntoIterator<Item = (Ipv6Addr, String)>) {
        self.zones = zones.into_iter().collect();
    }

    /// When a peer, whether it has entered or not, last gave a sign of life, and where its mailbox is.
    #[must_use]
    pub fn whereabouts(&self, peer: PeerId) -> Option<(&Instant, &Link)> {
        let peer = self.peers.get(&peer)?;
        Some((&peer.heard, &peer.place))
    }

    /// What was counted so far.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The same, for what the shell counts.
    pub const fn stats_mut(&mut self) -> &mut Stats {
        &mut self.stats
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// Whether our own mailbox is there.
    fn is_own_mailbox(&self, place: SocketAddr) -> bool {
        place.port() == self.config.mailbox && self.addresses.contains(&place.ip())
    }

    /// Whether an address that we speak from is still ours.
    fn is_own(&self, address: Option<IpAddr>) -> bool {
        self.addresses.is_empty() || address.is_none_or(|address| self.addresses.contains(&address))
    }

    /// Our mailbox as whoever is reached over this address of ours sees it.
    fn endpoint(&self, local: Option<IpAddr>) -> String {
        let mailbox = self.config.mailbox;
        if let Some(advertised) = self.config.advertise {
            let port = Some(advertised.port()).filter(|port| *port != 0);
            let port = port.unwrap_or(mailbox);
            return format!("tcp://{}", SocketAddr::new(advertised.ip(), port));
        }
        let local = local.filter(|local| self.is_own(Some(*local)));
        let address = local.or_else(|| self.addresses.first().copied());
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let zone = match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => self.zones.get(&address),
        };
        match zone {
            // As Zyre writes it. The name is ours, and often theirs, too.
            Some(zone) => format!("tcp://[{address}%{zone}]:{mailbox}"),
            None => format!("tcp://{}", SocketAddr::new(address, mailbox)),
        }
    }

    /// The HELLO for whoever is reached over this address of ours.
    fn hello(&self, local: Option<IpAddr>) -> Hello {
        Hello {
            endpoint: self.endpoint(local),
            groups: self.view.groups.iter().cloned().collect(),
            status: self.view.status,
            name: self.config.name.clone(),
            headers: self.config.headers.clone(),
            left_out: 0,
        }
    }
}
