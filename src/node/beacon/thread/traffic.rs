//! What goes in and out of the socket: datagrams heard, beacons and farewells sent.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use nix::errno::Errno;

use super::{BATCH, DEAF, FAREWELL_GAP, Thread};
use crate::node::beacon::Heard;
use crate::node::beacon::arrival::Arrival;
use crate::node::beacon::counts::Count;
use crate::node::beacon::socket::MOST_OCTETS;
use crate::node::interface::Network;
use crate::zre::{Beacon, BeaconError, Sighting};

impl Thread {
    pub(super) fn hear(&mut self, now: Instant) {
        let mut octets = [0; MOST_OCTETS];
        for turn in 0..BATCH {
            match self.parts.socket.receive(&mut octets) {
                Ok(Some((length, arrival))) => {
                    let datagram = octets.get(..length).unwrap_or(&octets);
                    self.take_datagram(now, datagram, arrival);
                }
                Ok(None) => self.parts.counters.add(Count::Elsewhere, 1),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) if turn > 0 => return,
                Err(error) => {
                    // Perhaps a datagram with a wrong checksum; perhaps an error that stays.
                    self.deaf_until = Some(now + DEAF);
                    if error != Errno::EAGAIN && self.failures.allows(now).is_some() {
                        log::debug!("beacon socket: {error}");
                    }
                    return;
                }
            }
        }
    }

    fn take_datagram(&mut self, now: Instant, datagram: &[u8], arrival: Arrival) {
        let count = self.judge(datagram, arrival);
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
            let source = arrival.source;
            log::debug!("a datagram from {source} {why} ({untold} more were refused)");
        }
    }

    /// Hands a beacon on; or why not.
    fn judge(&mut self, datagram: &[u8], arrival: Arrival) -> Count {
        let Some(network) = arrival.network(&self.networks, self.loopback) else {
            return Count::Elsewhere;
        };
        let beacon = match Beacon::decode(datagram) {
            Ok(beacon) => beacon,
            Err(BeaconError::Signature) => return Count::Foreign,
            Err(BeaconError::Version { .. }) => return Count::UnknownVersion,
            Err(_) => return Count::Malformed,
        };
        if beacon.peer == self.parts.config.peer {
            self.note_echo(network.clone());
            return Count::Echo;
        }
        if beacon.key.is_some() {
            return Count::Encrypted;
        }
        if arrival.has_no_source() {
            return Count::Malformed;
        }
        let sighting = Sighting {
            source: IpAddr::V4(arrival.source),
            local: IpAddr::V4(network.address),
            beacon,
        };
        match self.parts.mesh.try_send(Heard::Sighting(sighting)) {
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

    pub(super) fn announce(&mut self, now: Instant) {
        self.announcer.handle_timeout(now);
        while let Some(beacon) = self.announcer.poll_output() {
            let datagram = beacon.encode();
            let mut sent: Vec<(u32, Ipv4Addr)> = Vec::new();
            let mut failed = Vec::new();
            for network in &self.networks {
                for to in network.targets() {
                    // Of several addresses in one network, the first speaks for all.
                    if sent.contains(&(network.index, to)) {
                        continue;
                    }
                    sent.push((network.index, to));
                    let from = Some((network.index, network.address));
                    if let Err(error) = self.parts.socket.send(&datagram, to, from) {
                        failed.push((to, error));
                    }
                }
            }
            self.note_sent(now, sent.len(), &failed);
        }
    }

    pub(super) fn send_farewells(&mut self, now: Instant) {
        let datagram = Beacon::farewell(self.parts.config.peer).encode();
        let mut failed = Vec::new();
        let mut sent = 0;
        for farewell in self
            .farewells
            .iter_mut()
            .filter(|farewell| farewell.due <= now)
        {
            // From the address that the other side knows us by: it asks whether a farewell is ours.
            let network = self
                .networks
                .iter()
                .find(|network| network.contains(farewell.to));
            let from = network.map(|network| (network.index, network.address));
            sent += 1;
            if let Err(error) = self.parts.socket.send(&datagram, farewell.to, from) {
                failed.push((farewell.to, error));
            }
            farewell.left -= 1;
            farewell.due = now + FAREWELL_GAP;
        }
        self.farewells.retain(|farewell| farewell.left > 0);
        self.note_sent(now, sent, &failed);
    }

    /// A beacon that cannot be sent is nothing to stop for: a network that is gone is told by the
    /// system, a firewall may be opened, and the next beacon comes soon.
    fn note_sent(&mut self, now: Instant, tried: usize, failed: &[(Ipv4Addr, Errno)]) {
        self.parts.counters.add(Count::Sent, tried - failed.len());
        self.parts.counters.add(Count::Unsent, failed.len());
        for (to, error) in failed {
            if let Some(untold) = self.failures.allows(now) {
                log::warn!("a beacon to {to} was not sent: {error} ({untold} more failures)");
            }
        }
    }
}
