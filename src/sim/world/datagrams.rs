//! Beacons on their way: lost, late, twice, and out of order.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::{Kind, Power, What, World};
use crate::sim::host::{Input, Running};
use crate::sim::network::HostId;
use crate::zre::{Beacon, Sighting};

/// Different times at which the copies of one broadcast arrive: so many entries in the agenda.
const WAVES: u64 = 8;

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
        let interfaces = self.network.interfaces(host).to_vec();
        for interface in interfaces.iter().filter(|one| one.up) {
            let mut waves: BTreeMap<u64, Vec<HostId>> = BTreeMap::new();
            let receivers: Vec<HostId> = self.network.on_subnet(interface.subnet).collect();
            for receiver in receivers {
                let luck = &mut self.luck.network;
                let mut copies = u32::from(!luck.chance(self.options.beacon_loss));
                copies += u32::from(luck.chance(self.options.beacon_duplication));
                for _ in 0..copies {
                    waves.entry(luck.below(WAVES)).or_default().push(receiver);
                }
            }
            for (wave, receivers) in waves {
                let (least, most) = self.options.delay;
                let late = u32::try_from(wave).unwrap_or(0);
                let wait = least + (most - least) * late / u32::try_from(WAVES).unwrap_or(1);
                let what = What::Broadcast(interface.address, beacon.clone(), receivers);
                self.agenda.enter(self.now + wait, what);
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
        let everybody = self.network.on_subnet(victim.subnet).collect();
        let wait = self.delay();
        let what = What::Broadcast(victim.address, beacon, everybody);
        self.agenda.enter(self.now + wait, what);
        let pause = Duration::from_secs(1) / self.options.forged;
        self.agenda.enter(self.now + pause, What::Forge);
    }

    /// Sends a beacon to one address.
    pub(super) fn unicast(&mut self, from: IpAddr, to: IpAddr, beacon: Beacon) {
        if !self.luck.network.chance(self.options.beacon_loss) {
            let wait = self.delay();
            self.agenda
                .enter(self.now + wait, What::Unicast(from, to, beacon));
        }
    }

    pub(super) fn hear_broadcast(&mut self, from: IpAddr, beacon: &Beacon, to: &[HostId]) {
        let Some(sender) = self.network.holder(from) else {
            return;
        };
        let on = self.network.interfaces(sender);
        let Some(subnet) = on
            .iter()
            .find(|one| one.address == from)
            .map(|one| one.subnet)
        else {
            return;
        };
        for &host in to {
            if let Some(local) = self.network.address_on(host, subnet) {
                self.hear(from, local, host, beacon);
            }
        }
    }

    pub(super) fn hear_unicast(&mut self, from: IpAddr, to: IpAddr, beacon: &Beacon) {
        if let Some(host) = self.network.holder(to) {
            self.hear(from, to, host, beacon);
        }
    }

    fn hear(&mut self, from: IpAddr, local: IpAddr, host: HostId, beacon: &Beacon) {
        if from != local && !self.network.carries(from, local) {
            return;
        }
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
