//! What goes in and out of the socket: datagrams heard, beacons and farewells sent.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use nix::errno::Errno;

use super::{BATCH, BEHIND, DEAF, FAREWELL_GAP, Ready, Thread};
use crate::node::beacon::Heard;
use crate::node::beacon::arrival::Arrival;
use crate::node::beacon::counts::Count;
use crate::node::beacon::link_socket::LinkArrival;
use crate::node::beacon::socket::MOST_OCTETS;
use crate::node::interface::{ALL_NODES, LinkLocal, Network};
use crate::zre::{Beacon, BeaconError, Host, Sighting};

/// A datagram that has come by IPv6: its octets, how many they are, and how it came.
pub(super) type FromLink = ([u8; MOST_OCTETS], usize, LinkArrival);

/// Whether there was something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Came {
    /// By IPv4.
    pub(super) networks: bool,
    /// By IPv6.
    pub(super) links: bool,
}

impl Came {
    pub(super) const fn anything(self) -> bool {
        self.networks || self.links
    }
}

impl Thread {
    /// Takes what has come.
    ///
    /// Whoever speaks by both kinds of IP says the same by IPv4 first, and that is to be its place. So
    /// IPv6 is read first, when the other half of what comes by it is there already, and judged last.
    pub(super) fn hear(&mut self, now: Instant, ready: Ready) -> Came {
        let mut from_links = std::mem::take(&mut self.from_links);
        if ready.link_datagrams {
            self.read_links(now, ready.perhaps, &mut from_links);
        }
        let came = Came {
            networks: ready.datagrams && self.hear_networks(now, ready.perhaps),
            links: !from_links.is_empty(),
        };
        for (octets, length, arrival) in from_links.drain(..) {
            let datagram = octets.get(..length).unwrap_or(&octets);
            let count = self.judge_from_link(now, datagram, arrival);
            self.count(now, count, arrival.source.into());
        }
        self.from_links = from_links;
        came
    }

    /// Takes what has come by IPv4; whether there was anything. Unless that is not known (`perhaps`), there is something.
    fn hear_networks(&mut self, now: Instant, perhaps: bool) -> bool {
        let mut octets = [0; MOST_OCTETS];
        for turn in 0..BATCH {
            match self.parts.socket.receive(&mut octets) {
                Ok(Some((length, arrival))) => {
                    let datagram = octets.get(..length).unwrap_or(&octets);
                    let count = self.judge(now, datagram, arrival);
                    self.count(now, count, arrival.source.into());
                }
                Ok(None) => self.parts.counters.add(Count::Elsewhere, 1),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) if turn > 0 || perhaps => return turn > 0,
                Err(error) => {
                    self.cannot_hear(now, error);
                    return turn > 0;
                }
            }
        }
        true
    }

    /// Reads what has come by IPv6.
    fn read_links(&mut self, now: Instant, perhaps: bool, into: &mut Vec<FromLink>) {
        let mut octets = [0; MOST_OCTETS];
        for turn in 0..BATCH {
            let Some(socket) = &mut self.parts.link_socket else {
                return;
            };
            match socket.receive(&mut octets) {
                Ok(Some((length, arrival))) => into.push((octets, length, arrival)),
                Ok(None) => self.parts.counters.add(Count::Elsewhere, 1),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) if turn > 0 || perhaps => return,
                Err(error) => return self.cannot_hear(now, error),
            }
        }
    }

    /// Perhaps a datagram with a wrong checksum; perhaps an error that stays.
    fn cannot_hear(&mut self, now: Instant, error: Errno) {
        self.deaf_until = Some(now + DEAF);
        if error != Errno::EAGAIN && self.failures.allows(now).is_some() {
            log::debug!("beacon socket: {error}");
        }
    }

    fn count(&mut self, now: Instant, count: Count, source: IpAddr) {
        self.parts.counters.add(count, 1);
        let why = match count {
            Count::Foreign => "is no ZRE beacon",
            Count::UnknownVersion => "is of an unknown version",
            Count::Malformed => "is malformed",
            Count::Encrypted => "is of a node that takes encrypted connections only",
            Count::Dropped => "is left out, for there are too many at once",
            _ => return,
        };
        if let Some(untold) = self.refusals.allows(now) {
            log::debug!("a datagram from {source} {why} ({untold} more were refused)");
        }
    }

    /// Hands a beacon on; or why not.
    fn judge(&mut self, now: Instant, datagram: &[u8], arrival: Arrival) -> Count {
        let Some(network) = arrival.network(&self.networks, self.loopback) else {
            return Count::Elsewhere;
        };
        let beacon = match self.decode(datagram) {
            Ok(beacon) => beacon,
            Err(Count::Echo) => {
                self.note_echo(network.clone());
                return Count::Echo;
            }
            Err(count) => return count,
        };
        if arrival.has_no_source() {
            return Count::Malformed;
        }
        self.hand_on(
            now,
            Sighting {
                source: IpAddr::V4(arrival.source).into(),
                local: IpAddr::V4(network.address),
                beacon,
            },
        )
    }

    /// Hands a beacon on that came by IPv6; or why not.
    fn judge_from_link(&mut self, now: Instant, datagram: &[u8], arrival: LinkArrival) -> Count {
        let here = |link: &&LinkLocal| {
            let is_for_us = [ALL_NODES, link.address].contains(&arrival.destination);
            link.index == arrival.interface && is_for_us
        };
        let Some(link) = self.links.iter().find(here) else {
            return Count::Elsewhere;
        };
        let local = IpAddr::V6(link.address);
        match self.decode(datagram) {
            Ok(_) if !arrival.source.is_unicast_link_local() => Count::Elsewhere,
            Ok(beacon) => self.hand_on(
                now,
                Sighting {
                    source: Host {
                        address: IpAddr::V6(arrival.source),
                        scope: arrival.interface,
                    },
                    local,
                    beacon,
                },
            ),
            Err(count) => count,
        }
    }

    /// The beacon of another node that can be one's peer; or what else it is.
    fn decode(&self, datagram: &[u8]) -> Result<Beacon, Count> {
        let beacon = Beacon::decode(datagram).map_err(|error| match error {
            BeaconError::Signature => Count::Foreign,
            BeaconError::Version { .. } => Count::UnknownVersion,
            BeaconError::Length { .. } => Count::Malformed,
        })?;
        if beacon.peer == self.parts.config.peer {
            Err(Count::Echo)
        } else if beacon.key.is_some() {
            Err(Count::Encrypted)
        } else {
            Ok(beacon)
        }
    }

    fn hand_on(&mut self, now: Instant, sighting: Sighting) -> Count {
        self.announcer.handle_beacon(now, &sighting.beacon);
        let wakes = self.familiar.wakes(now, &sighting);
        let heard = Heard::Sighting(sighting);
        let handed_on = if wakes {
            self.parts.mesh.try_send(heard)
        } else {
            self.parts.mesh.try_leave(heard)
        };
        match handed_on {
            Ok(()) => Count::Heard,
            // Closed: that is noticed by the commands, too.
            Err(_) => Count::Dropped,
        }
    }

    fn note_echo(&mut self, network: Network) {
        if !self.echoed.contains(&network) {
            let echo = Heard::Echo(network.clone());
            if self.parts.mesh.try_send(echo).is_ok() {
                self.echoed.push(network);
            }
        }
    }

    /// Sends the beacon that is due: by IPv4 at once, and by IPv6 a little later, so that whoever is new is
    /// met by the time that it is heard a second time.
    pub(super) fn announce(&mut self, now: Instant) {
        self.announcer.handle_timeout(now);
        while let Some(beacon) = self.announcer.poll_output() {
            let datagram = beacon.encode();
            let mut sent: Vec<(u32, Ipv4Addr)> = Vec::new();
            let mut failed: Vec<(IpAddr, Errno)> = Vec::new();
            for network in &self.networks {
                for to in network.targets() {
                    // Of several addresses in one network, the first speaks for all.
                    if sent.contains(&(network.index, to)) {
                        continue;
                    }
                    sent.push((network.index, to));
                    let from = Some((network.index, network.address));
                    if let Err(error) = self.parts.socket.send(&datagram, to, from) {
                        failed.push((to.into(), error));
                    }
                }
            }
            self.note_sent(now, sent.len(), &failed);
            let waits = !sent.is_empty() && !beacon.is_farewell();
            let due = if waits { now + BEHIND } else { now };
            self.due_on_links = (!self.links.is_empty()).then_some((due, beacon));
        }
        if let Some((_, beacon)) = self.due_on_links.take_if(|(due, _)| *due <= now) {
            self.announce_on_links(now, &beacon);
        }
    }

    fn announce_on_links(&mut self, now: Instant, beacon: &Beacon) {
        let Some(socket) = &self.parts.link_socket else {
            return;
        };
        let datagram = beacon.encode();
        let send = |link: &LinkLocal| {
            let sent = socket.send(&datagram, ALL_NODES, link.index, link.address);
            sent.err().map(|error| (ALL_NODES.into(), error))
        };
        let failed: Vec<(IpAddr, Errno)> = self.links.iter().filter_map(send).collect();
        self.note_sent(now, self.links.len(), &failed);
    }

    pub(super) fn send_farewells(&mut self, now: Instant) {
        let datagram = Beacon::farewell(self.parts.config.peer).encode();
        let mut failed = Vec::new();
        let mut farewells = std::mem::take(&mut self.farewells);
        let mut sent = 0;
        for farewell in farewells.iter_mut().filter(|farewell| farewell.due <= now) {
            sent += 1;
            if let Err(error) = self.send_farewell(&datagram, farewell.to) {
                failed.push((farewell.to.address, error));
            }
            farewell.left -= 1;
            farewell.due = now + FAREWELL_GAP;
        }
        farewells.retain(|farewell| farewell.left > 0);
        self.farewells = farewells;
        self.note_sent(now, sent, &failed);
    }

    /// From the address that the other side knows us by: it asks whether a farewell is ours.
    fn send_farewell(&self, datagram: &[u8], to: Host) -> Result<(), Errno> {
        match to.address {
            IpAddr::V4(address) => {
                let mut networks = self.networks.iter();
                let network = networks.find(|network| network.contains(address));
                let from = network.map(|network| (network.index, network.address));
                self.parts.socket.send(datagram, address, from)
            }
            IpAddr::V6(address) => {
                let mut links = self.links.iter();
                let link = links.find(|link| link.index == to.scope);
                match (link, &self.parts.link_socket) {
                    (Some(link), Some(socket)) => {
                        socket.send(datagram, address, link.index, link.address)
                    }
                    _ => Err(Errno::EADDRNOTAVAIL),
                }
            }
        }
    }

    /// A beacon that cannot be sent is nothing to stop for: a network that is gone is told by the
    /// system, a firewall may be opened, and the next beacon comes soon.
    fn note_sent(&mut self, now: Instant, tried: usize, failed: &[(IpAddr, Errno)]) {
        self.parts.counters.add(Count::Sent, tried - failed.len());
        self.parts.counters.add(Count::Unsent, failed.len());
        for (to, error) in failed {
            if let Some(untold) = self.failures.allows(now) {
                log::warn!("a beacon to {to} was not sent: {error} ({untold} more failures)");
            }
        }
    }
}
