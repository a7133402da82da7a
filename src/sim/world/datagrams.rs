//! Beacons on their way: lost, late, twice, and out of order.

use std::hint::black_box;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::{Kind, Power, What, World};
use crate::sim::host::{Input, Running};
use crate::sim::network::HostId;
use crate::sim::paths::{LATENESS, Path, SLOWEST};
use crate::sim::rng::Rng;
use crate::zre::{Beacon, Link, PeerId, Sighting};

/// Different times at which the copies of one broadcast arrive on ways that are not slow: so many entries
/// in the agenda.
const WAVES: usize = 8;

/// The times at which they arrive on any way: on those that are slow, and those that are late.
const ALL_WAVES: usize = WAVES * SLOWEST as usize + LATENESS.len();

/// A beacon on its way to some of the hosts of a network.
#[derive(Debug)]
pub(super) struct Broadcast {
    from: IpAddr,
    /// Whose address that was when it was sent.
    sender: HostId,
    subnet: usize,
    beacon: Beacon,
    to: Vec<HostId>,
}

/// Datagrams in the buffer of a socket that nobody reads.
const BUFFERED: usize = 200;

impl World {
    /// Broadcasts a beacon on every network of a process.
    pub(super) fn broadcast(&mut self, number: usize, beacon: &Beacon) {
        let host = self.process(number).host;
        self.check.beacons(number);
        self.note(
            Kind::Beacon,
            [number as u64, u64::MAX, u64::from(beacon.port)],
            || format!("p{number} broadcasts {}", beacon.port),
        );
        if self.muted {
            return;
        }
        for interface in self.network.interfaces(host).iter().filter(|one| one.up) {
            let mut waves: [Vec<HostId>; ALL_WAVES] = Default::default();
            for receiver in self.network.on_subnet(interface.subnet) {
                let path = self.paths.between(host, receiver);
                let luck = &mut self.luck.network;
                let mut copies = u32::from(!luck.chance(path.loss));
                copies += u32::from(luck.chance(path.duplication));
                for _ in 0..copies {
                    if let Some(wave) = waves.get_mut(choose_wave(path, luck)) {
                        wave.push(receiver);
                    }
                }
            }
            for (number, to) in waves.into_iter().enumerate() {
                if to.is_empty() {
                    continue;
                }
                let broadcast = Broadcast {
                    from: interface.address,
                    sender: host,
                    subnet: interface.subnet,
                    beacon: beacon.clone(),
                    to,
                };
                let wait = wave_time(number, self.options.delay);
                self.agenda
                    .enter(self.now + wait, What::Broadcast(Box::new(broadcast)));
            }
        }
    }

    /// Somebody broadcasts a beacon in the name of the first host, and will again.
    pub(super) fn forge(&mut self) {
        let Some(victim) = self.network.interfaces(0).first().cloned() else {
            return;
        };
        let port = 1_024 + u16::try_from(self.luck.ids.below(60_000)).unwrap_or(0);
        let beacon = Beacon::new(self.new_id(), port);
        let broadcast = Broadcast {
            from: victim.address,
            sender: 0,
            subnet: victim.subnet,
            beacon,
            to: self.network.on_subnet(victim.subnet).collect(),
        };
        let wait = self.delay();
        self.agenda
            .enter(self.now + wait, What::Broadcast(Box::new(broadcast)));
        let pause = Duration::from_secs(1) / self.options.forged;
        self.agenda.enter(self.now + pause, What::Forge);
    }

    /// Sends a beacon to one address.
    pub(super) fn unicast(&mut self, from: IpAddr, to: IpAddr, beacon: Beacon) {
        let path = self.path(from, to);
        if !self.luck.network.chance(path.loss) {
            let wait = self.paths.travel_time(path, &mut self.luck.network);
            self.agenda
                .enter(self.now + wait, What::Unicast(from, to, beacon));
        }
    }

    pub(super) fn hear_broadcast(&mut self, broadcast: &Broadcast) {
        let Broadcast {
            from,
            sender,
            subnet,
            beacon,
            to,
        } = broadcast;
        self.fetch(beacon.peer, to);
        for &host in to {
            if let Some(local) = self.network.hears(*sender, *subnet, host) {
                self.hear(*from, local, host, beacon);
            }
        }
    }

    /// All of these will look a peer up, in memory that no cache holds: it is there much sooner if all of
    /// it is asked for at once. Nothing else comes of this.
    fn fetch(&self, peer: PeerId, hosts: &[HostId]) {
        let processes = hosts.iter().filter_map(|&host| self.host(host).process);
        let known = processes.filter_map(|number| self.process(number).machine.known(peer));
        let known: Vec<(&Instant, &Link)> = known.collect();
        for (heard, place) in known {
            black_box((*heard, place.remote.port(), place.local.is_some()));
        }
    }

    pub(super) fn hear_unicast(&mut self, from: IpAddr, to: IpAddr, beacon: &Beacon) {
        if let Some(host) = self.network.holder(to)
            && (from == to || self.network.carries(from, to))
        {
            self.hear(from, to, host, beacon);
        }
    }

    fn hear(&mut self, from: IpAddr, local: IpAddr, host: HostId, beacon: &Beacon) {
        let Some(number) = self.host(host).process else {
            return;
        };
        if self.host(host).power != Power::On {
            return;
        }
        let beacon = if self.options.octets {
            let Ok(beacon) = Beacon::decode(&beacon.encode()) else {
                self.check.undecodable(number, "a beacon");
                return;
            };
            beacon
        } else {
            beacon.clone()
        };
        let first = beacon
            .peer
            .as_bytes()
            .first_chunk()
            .map_or(0, |first| u64::from_be_bytes(*first));
        self.note(
            Kind::Beacon,
            [number as u64, first, u64::from(beacon.port)],
            || {
                format!(
                    "p{number} hears {} at {from}:{}",
                    beacon.peer.short(8),
                    beacon.port
                )
            },
        );
        let sighting = Sighting {
            source: from.into(),
            local,
            beacon,
        };
        let process = self.process_mut(number);
        if process.state == Running::Frozen {
            if process.datagrams.len() < BUFFERED {
                process.datagrams.push_back(sighting);
            }
        } else {
            self.tell(number, Input::Beacon(sighting));
        }
    }
}

/// When a copy arrives that takes this way.
fn choose_wave(path: Path, luck: &mut Rng) -> usize {
    if luck.chance(path.late) {
        return ALL_WAVES - 1 - luck.place(LATENESS.len());
    }
    let slow = usize::try_from(path.slow).unwrap_or(1);
    luck.place(WAVES * slow)
}

/// How long the copies of a wave take.
fn wave_time(number: usize, (least, most): (Duration, Duration)) -> Duration {
    let late = number.checked_sub(ALL_WAVES - LATENESS.len());
    if let Some(late) = late.and_then(|late| LATENESS.get(late)) {
        return most + *late;
    }
    let number = u32::try_from(number).unwrap_or(0);
    least + (most - least) * number / u32::try_from(WAVES).unwrap_or(1)
}
