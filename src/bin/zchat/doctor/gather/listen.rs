//! Listening for a while: own beacons go out and come back, those of others come in, and their
//! mailboxes are tried. One thread, which waits in one place.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use uuid::Uuid;
use zchat::node::beacon::{Arrival, MOST_OCTETS, Socket};
use zchat::node::interface::{LinkLocal, Network};
use zchat::zre::{Beacon, BeaconError, PeerId};

use super::super::Options;
use super::super::facts::{
    Connection, Datagram, LinkSighting, Meeting, Port, Sighting, TIME_TO_MEET, Visit,
};
use super::interrupt::{Interrupted, Interrupts};
use super::links::{Ear, Said};
use super::meeting::{Guest, Unstarted};
use super::owners::port_state;
use super::visit::Attempt;
use super::wire::Wire;
use super::{Start, connections, mailbox};

/// The most senders that are told apart; as many more are counted.
const MOST_SENDERS: usize = 1_000;

/// The most mailboxes that are tried: each takes a descriptor, and whoever makes up beacons must not
/// make us connect to everybody.
const MOST_VISITS: usize = 100;

/// The most datagrams that are read before the clock is looked at again.
const MOST_AT_ONCE: usize = 256;

/// When own beacons are sent: more than once, since any may be lost.
const PROBES_AFTER: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_millis(200),
    Duration::from_millis(700),
];

/// What was heard.
pub(super) struct Heard {
    pub(super) beacon_port: Port,
    pub(super) saw_the_wire: bool,
    pub(super) sightings: Vec<Sighting>,
    /// Those by IPv6.
    pub(super) link_sightings: Vec<LinkSighting>,
    /// Listens by IPv6.
    pub(super) ear: Ear,
    /// Who else sends, as far as that is told apart.
    pub(super) left_out: BTreeSet<(Ipv4Addr, u32)>,
    pub(super) visits: Vec<Visit>,
    pub(super) listened: Duration,
    pub(super) watched: Duration,
    pub(super) meeting: Option<Result<Meeting, String>>,
    pub(super) connections: Option<Vec<Connection>>,
    probes: BTreeMap<PeerId, Sent>,
}

/// Our own beacon on one network.
struct Sent {
    network: Network,
    result: Result<(), Errno>,
    heard: bool,
}

impl Heard {
    /// Whether our own beacons were sent on a network, and heard there.
    pub(super) fn probe(&self, network: &Network) -> Option<(Result<(), Errno>, bool)> {
        let mut probes = self.probes.values();
        let sent = probes.find(|sent| sent.network == *network)?;
        Some((sent.result, sent.heard))
    }
}

/// Listens for so long on the beacon port, and goes on until all attempts to reach a mailbox have
/// ended, and all who were heard have had time to meet our node.
/// `mailbox` is the state of the wanted mailbox port.
///
/// # Errors
///
/// If a signal came.
pub(super) fn listen(
    networks: &[Network],
    links: &[LinkLocal],
    options: &Options,
    mailbox: Option<&Port>,
    wait: Duration,
    interrupts: &Interrupts,
) -> Result<Heard, Interrupted> {
    let (socket, beacon_port) = match open(networks, options.port) {
        Ok(socket) => (Some(socket), Port::Usable),
        Err(error) => (None, port_state(&error, "udp", options.port)),
    };
    let wire = Wire::open(options.port)
        .inspect_err(|error| log::debug!("the wire is not looked at: {error}"))
        .ok();
    let guest = socket.as_ref().map(|_| Guest::start(options, mailbox));
    let mut listener = Listener {
        start: Start::now(),
        guest: None,
        attempts: Vec::new(),
        tried: BTreeSet::new(),
        heard: Heard {
            beacon_port,
            saw_the_wire: wire.is_some(),
            sightings: Vec::new(),
            link_sightings: Vec::new(),
            ear: Ear::open(links, options.port),
            left_out: BTreeSet::new(),
            visits: Vec::new(),
            listened: wait,
            watched: wait,
            meeting: None,
            connections: None,
            probes: socket
                .as_ref()
                .map(|_| probes(networks))
                .unwrap_or_default(),
        },
        socket,
        wire,
        port: options.port,
    };
    match guest {
        Some(Ok(guest)) => listener.guest = Some(guest),
        Some(Err(Unstarted::Known)) | None => {}
        Some(Err(Unstarted::Why(error))) => listener.heard.meeting = Some(Err(error)),
    }
    for peer in &options.peers {
        listener.visit(*peer, true);
    }
    let interrupted = listener.run(wait, interrupts);
    let heard = listener.end();
    interrupted.map_or(Ok(heard), Err)
}

/// Opens the beacon port, shared with all nodes of this host.
fn open(networks: &[Network], port: u16) -> std::io::Result<Socket> {
    let socket = Socket::open(port)?;
    for network in networks.iter().filter(|network| network.is_loopback) {
        if let Err(error) = socket.join_fallback_group(network.index) {
            log::debug!("the group of Pyre is not heard: {error}");
        }
    }
    Ok(socket)
}

/// An id of its own for each network that has a broadcast address.
fn probes(networks: &[Network]) -> BTreeMap<PeerId, Sent> {
    let can_broadcast = networks.iter().filter(|network| network.broadcast.is_ok());
    can_broadcast
        .map(|network| {
            let sent = Sent {
                network: network.clone(),
                result: Ok(()),
                heard: false,
            };
            (PeerId::from(Uuid::new_v4()), sent)
        })
        .collect()
}

struct Listener {
    start: Start,
    socket: Option<Socket>,
    wire: Option<Wire>,
    /// The UDP port of the beacons.
    port: u16,
    guest: Option<Guest>,
    attempts: Vec<Attempt>,
    tried: BTreeSet<SocketAddr>,
    heard: Heard,
}

impl Listener {
    /// Goes on to the end, or until a signal comes.
    fn run(&mut self, wait: Duration, interrupts: &Interrupts) -> Option<Interrupted> {
        let before_end = |after: &Duration| *after < wait;
        let mut probes = PROBES_AFTER.into_iter().filter(before_end).peekable();
        loop {
            let passed = self.start.passed();
            while probes.next_if(|after| *after <= passed).is_some() {
                self.send_probes();
            }
            let is_listening = passed < wait;
            let met = self.all_met_at();
            if !is_listening && self.attempts.is_empty() && met <= passed {
                return None;
            }
            let deadlines = self.attempts.iter().map(|attempt| attempt.deadline);
            let ends = if is_listening { wait } else { met };
            let ends = Some(ends).filter(|end| *end > passed);
            let next = deadlines.chain(probes.peek().copied()).chain(ends).min();
            let left = next.map_or(Duration::ZERO, |next| next.saturating_sub(passed));
            let ready = self.wait(left, is_listening, interrupts);
            if let Some(signal) = interrupts.came() {
                return Some(signal);
            }
            if is_listening {
                self.hear();
                self.hear_links();
            }
            self.take_events();
            self.go_on(&ready);
        }
    }

    /// When all who were heard have met our node, or have had time to.
    fn all_met_at(&self) -> Duration {
        let guest = self.guest.as_ref();
        let is_missing = |sighting: &&Sighting| match sighting.what {
            Datagram::Beacon { peer, has_key, .. } => {
                sighting.heard && !has_key && !guest.is_some_and(|guest| guest.has_met(peer))
            }
            _ => false,
        };
        let missing = self.heard.sightings.iter().filter(is_missing);
        let by_link = self.heard.link_sightings.iter();
        let by_link =
            by_link.filter(|sighting| !guest.is_some_and(|guest| guest.has_met(sighting.peer)));
        let heard = missing.map(|sighting| sighting.after);
        let heard = heard.chain(by_link.map(|sighting| sighting.after));
        heard
            .max()
            .map_or(Duration::ZERO, |after| after + TIME_TO_MEET)
    }

    fn end(mut self) -> Heard {
        self.heard.watched = self.start.passed();
        // While the connections of our node are there.
        self.heard.connections = connections();
        if let Some(guest) = self.guest {
            self.heard.meeting = Some(Ok(guest.meeting()));
            guest.leave();
        }
        self.heard
    }

    /// Waits until something comes; which attempts can go on.
    fn wait(&self, at_most: Duration, is_listening: bool, interrupts: &Interrupts) -> Vec<bool> {
        let mut sockets: Vec<BorrowedFd<'_>> = interrupts.fds().collect();
        sockets.extend(self.guest.as_ref().map(AsFd::as_fd));
        if is_listening {
            sockets.extend(self.socket.as_ref().map(AsFd::as_fd));
            sockets.extend(self.wire.as_ref().map(AsFd::as_fd));
            sockets.extend(self.heard.ear.fd());
        }
        let mut waiting: Vec<PollFd<'_>> = sockets
            .iter()
            .map(|socket| PollFd::new(*socket, PollFlags::POLLIN))
            .collect();
        let attempts = self.attempts.iter();
        waiting.extend(attempts.map(|one| PollFd::new(one.as_fd(), one.interest())));
        // Rounded up: else it would spin through the last millisecond.
        let at_most = at_most.as_micros().div_ceil(1_000);
        let timeout = PollTimeout::try_from(at_most).unwrap_or(PollTimeout::MAX);
        if let Err(error) = poll(&mut waiting, timeout)
            && error != Errno::EINTR
        {
            log::warn!("waiting failed: {error}");
        }
        let came = waiting.iter().skip(sockets.len());
        came.map(|one| one.any().unwrap_or(true)).collect()
    }

    fn send_probes(&mut self) {
        self.heard.ear.send_probes();
        let Some(socket) = &self.socket else { return };
        for (id, sent) in &mut self.heard.probes {
            // A farewell of somebody whom nobody knows.
            let datagram = Beacon::farewell(*id).encode();
            let from = Some((sent.network.index, sent.network.address));
            let mut targets = sent.network.targets();
            sent.result = targets.try_for_each(|to| socket.send(&datagram, to, from));
        }
    }

    fn hear(&mut self) {
        let mut octets = [0; MOST_OCTETS];
        for _ in 0..MOST_AT_ONCE {
            let received = self
                .socket
                .as_mut()
                .map(|socket| socket.receive(&mut octets));
            match received {
                Some(Ok(Some((length, arrival)))) => {
                    let datagram = octets.get(..length).unwrap_or_default().to_vec();
                    self.take(arrival, kind(&datagram), true);
                }
                // Errors of what was sent before are told here, too.
                Some(Ok(None) | Err(Errno::EINTR | Errno::ECONNREFUSED)) => {}
                Some(Err(_)) | None => break,
            }
        }
        for _ in 0..MOST_AT_ONCE {
            let Some(seen) = self.wire.as_ref().and_then(Wire::receive) else {
                break;
            };
            let what = kind(&seen.octets);
            match what {
                _ if seen.port == self.port => self.take(seen.arrival, what, false),
                Kind::Known(Datagram::Beacon { .. }) => {
                    let what = Datagram::OtherPort(seen.port);
                    self.take(seen.arrival, Kind::Known(what), false);
                }
                _ => {}
            }
        }
    }

    /// The same by IPv6. Behind that by IPv4: who is heard by both is tried there.
    fn hear_links(&mut self) {
        for Said { peer, at, is_local } in self.heard.ear.hear() {
            let all = &mut self.heard.link_sightings;
            let Some(at) = at else {
                all.retain(|one| one.peer != peer);
                continue;
            };
            let is_known = all.iter().any(|one| one.peer == peer && one.at == at);
            let is_ours = self.guest.as_ref().is_some_and(|guest| guest.id() == peer);
            if is_known || is_ours || all.len() >= MOST_SENDERS {
                continue;
            }
            all.push(LinkSighting {
                peer,
                at,
                is_local,
                after: self.start.passed(),
            });
            let is_it = |sighting: &Sighting| match sighting.what {
                Datagram::Beacon { peer: other, .. } => other == peer,
                _ => false,
            };
            if !is_local && !self.heard.sightings.iter().any(is_it) {
                self.visit(at, false);
            }
        }
    }

    fn take_events(&mut self) {
        if self.guest.as_mut().is_some_and(|guest| !guest.listen()) {
            self.guest = None;
            self.heard.meeting = Some(Err("the node has stopped by itself".to_owned()));
        }
    }

    fn take(&mut self, arrival: Arrival, kind: Kind, heard: bool) {
        // Now and then the system does not know any more where a datagram came in. It says nothing
        // about any network then, and another one follows.
        if arrival.interface == 0 {
            return;
        }
        let what = match kind {
            Kind::Farewell(peer) => return self.leave(peer, &arrival, heard),
            Kind::Known(Datagram::Beacon { peer, .. })
                if self.guest.as_ref().is_some_and(|one| one.id() == peer) =>
            {
                return;
            }
            Kind::Known(what) => what,
        };
        let count = self.heard.sightings.len();
        let known = self.heard.sightings.iter_mut().find(|sighting| {
            sighting.what == what
                && sighting.source == arrival.source
                && sighting.interface == arrival.interface
        });
        if let Some(known) = known {
            if heard && !known.heard {
                known.target = arrival.destination;
            }
            known.heard |= heard;
            known.seen |= !heard;
            known.last = self.start.passed();
            return;
        }
        if count >= MOST_SENDERS {
            if self.heard.left_out.len() < MOST_SENDERS {
                let sender = (arrival.source, arrival.interface);
                self.heard.left_out.insert(sender);
            }
            return;
        }
        self.heard.sightings.push(Sighting {
            source: arrival.source,
            target: arrival.destination,
            interface: arrival.interface,
            heard,
            seen: !heard,
            what,
            after: self.start.passed(),
            last: self.start.passed(),
        });
        if let Datagram::Beacon {
            port,
            has_key: false,
            ..
        } = what
            && let Some(to) = mailbox(arrival.source, port)
        {
            self.visit(to.into(), false);
        }
    }

    /// Somebody leaves, or one of our own beacons came back.
    fn leave(&mut self, peer: PeerId, arrival: &Arrival, heard: bool) {
        if let Some(sent) = self.heard.probes.get_mut(&peer) {
            sent.heard |= heard && arrival.source == sent.network.address;
            return;
        }
        self.heard.sightings.retain(|sighting| {
            let is_of = |what| matches!(what, Datagram::Beacon { peer: id, .. } if id == peer);
            sighting.source != arrival.source || !is_of(sighting.what)
        });
    }

    fn visit(&mut self, to: SocketAddr, is_named: bool) {
        if self.tried.len() >= MOST_VISITS || !self.tried.insert(to) {
            return;
        }
        match Attempt::begin(to, is_named, self.start.passed()) {
            Ok(attempt) => self.attempts.push(attempt),
            Err(ended) => self.heard.visits.push(ended),
        }
    }

    fn go_on(&mut self, ready: &[bool]) {
        let passed = self.start.passed();
        let mut ready = ready.iter().copied();
        let visits = &mut self.heard.visits;
        self.attempts.retain_mut(|attempt| {
            // Those that were begun meanwhile were not waited for.
            let is_ready = ready.next().unwrap_or(false);
            let ended = attempt.go_on(is_ready, passed);
            visits.extend(ended);
            ended.is_none()
        });
    }
}

/// What was received.
enum Kind {
    Farewell(PeerId),
    Known(Datagram),
}

fn kind(octets: &[u8]) -> Kind {
    Kind::Known(match Beacon::decode(octets) {
        Ok(beacon) if beacon.is_farewell() => return Kind::Farewell(beacon.peer),
        Ok(beacon) => Datagram::Beacon {
            peer: beacon.peer,
            port: beacon.port,
            has_key: beacon.key.is_some(),
        },
        Err(BeaconError::Version { found }) => Datagram::OtherVersion(found),
        Err(BeaconError::Length { octets }) => Datagram::OtherLength(octets),
        Err(_) => Datagram::Other,
    })
}
