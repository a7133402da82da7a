//! How what went wrong gets right again.

use std::time::Duration;

use super::{Kind, Power, World};
use crate::sim::host::{Input, Running};
use crate::sim::network::HostId;
use crate::sim::stream::{FIRST_RETRY, Key};

/// Something that gets right again.
#[derive(Debug)]
pub(super) enum Repair {
    Partition(u64, Vec<HostId>),
    Plug(HostId, usize),
    Power(HostId, Option<u16>),
    Wake(HostId),
    Thaw(usize),
    Read(usize),
    /// A host has another address where it is now.
    Arrive(HostId, usize),
    Unmute,
    /// Somebody starts a foreign program again that cannot be reached any more.
    Again(usize),
    /// What was wrong is over by itself by now.
    Calm(Vec<HostId>),
}

impl World {
    /// Something gets right again.
    pub(super) fn repair(&mut self, repair: Repair) {
        self.note(Kind::Fault, [u64::MAX, 0, 0], || {
            format!("repaired: {repair:?}")
        });
        match repair {
            Repair::Partition(number, hosts) => {
                self.network.join(number);
                hosts.into_iter().for_each(|host| self.recovers(host));
            }
            Repair::Plug(host, interface) => {
                self.network.plug(host, interface, true);
                self.ask_for_address(host);
                self.addresses_changed(host);
                self.recovers(host);
            }
            Repair::Power(host, port) => self.switch_on(host, port),
            Repair::Wake(host) => self.wake_host(host),
            Repair::Thaw(number) => self.thaw(number),
            Repair::Read(number) => {
                if self.process(number).is_alive() {
                    self.read_again(number);
                }
            }
            Repair::Arrive(host, interface) if !self.healed => self.move_in(host, interface),
            Repair::Arrive(..) => {}
            Repair::Again(number) => self.start_again(number),
            Repair::Unmute => self.unmute(),
            Repair::Calm(hosts) => hosts.into_iter().for_each(|host| self.recovers(host)),
        }
    }

    fn switch_on(&mut self, host: HostId, port: Option<u16>) {
        if self.host(host).power == Power::Off {
            self.host_mut(host).power = Power::On;
            self.network.power(host, true);
            self.ask_for_address(host);
            self.start(host, port);
        }
    }

    fn wake_host(&mut self, host: HostId) {
        if self.host(host).power != Power::Suspended {
            return;
        }
        let asleep = self.now.since(self.host(host).suspended);
        let entry = self.host_mut(host);
        entry.power = Power::On;
        entry.clock.stand_still(asleep);
        self.network.power(host, true);
        self.ask_for_address(host);
        self.recovers(host);
        if let Some(number) = self.host(host).process {
            self.resume(number);
        }
        for key in self.connections_of(host) {
            self.send_again(host, key);
        }
    }

    fn thaw(&mut self, number: usize) {
        if self.process(number).state != Running::Frozen {
            return;
        }
        self.process_mut(number).state = Running::Runs;
        self.check.recovers(self.now, number);
        if self.host(self.process(number).host).power == Power::On {
            self.resume(number);
        }
    }

    /// A process goes on: it reads what has come in the meantime.
    fn resume(&mut self, number: usize) {
        self.addresses_changed(self.process(number).host);
        let datagrams = std::mem::take(&mut self.process_mut(number).datagrams);
        for sighting in datagrams {
            self.told.push_back((number, Input::Beacon(sighting)));
        }
        for input in std::mem::take(&mut self.process_mut(number).deferred) {
            self.told.push_back((number, input));
        }
        self.told.push_back((number, Input::Timeout));
        self.read_waiting(number);
        let mailboxes: Vec<Key> = self.process(number).mailboxes.values().copied().collect();
        for key in mailboxes {
            let mailbox = self.mailboxes.get_mut(key);
            if mailbox.is_some_and(|mailbox| std::mem::take(&mut mailbox.is_overdue)) {
                self.begin_to_dial(key, Duration::ZERO);
            }
            self.feed(key);
        }
        self.check_inbox(number);
    }

    fn unstall(&mut self, key: Key) {
        let now = self.now;
        if let Some(connection) = self.connections.get_mut(key)
            && connection.stalled.max(connection.last_arrival) > now
        {
            connection.stalled = now;
            connection.last_arrival = now;
            for (at, _) in &mut connection.wire {
                *at = now;
            }
            self.pump_at(key, now);
        }
    }

    /// What a host has to send is sent again at once: it did not try while it was suspended.
    fn send_again(&mut self, host: HostId, key: Key) {
        let now = self.now;
        let is_sender = |number: usize| self.process(number).host == host;
        let sends = self
            .connections
            .get(key)
            .is_some_and(|connection| is_sender(connection.sender));
        if let Some(connection) = self.connections.get_mut(key).filter(|_| sends) {
            connection.retry = FIRST_RETRY;
            connection.blocked = None;
            if !connection.wire.is_empty() || connection.unacknowledged > 0 {
                self.pump_at(key, now);
            }
        }
    }

    /// Everything gets right, at once and for good.
    pub(super) fn heal(&mut self) {
        self.healed = true;
        self.note(Kind::Fault, [u64::MAX, 1, 0], || {
            "everything is healed".to_owned()
        });
        let down: Vec<(HostId, usize)> = (0..self.hosts.len())
            .flat_map(|host| {
                let interfaces = self.network.interfaces(host).iter().enumerate();
                let down = interfaces.filter(|(_, interface)| !interface.up);
                down.map(|(number, _)| (host, number)).collect::<Vec<_>>()
            })
            .collect();
        self.unmute();
        self.network.heal();
        for host in 0..self.hosts.len() {
            self.ask_for_address(host);
        }
        for (host, _) in down {
            self.addresses_changed(host);
        }
        for host in 0..self.hosts.len() {
            self.switch_on(host, None);
            self.wake_host(host);
            self.start(host, None);
        }
        for number in 0..self.processes.len() {
            self.thaw(number);
            if self.process(number).is_alive() && !self.process(number).application.is_reading {
                self.read_again(number);
            }
            self.start_again(number);
        }
        let keys: Vec<Key> = self.connections.keys().collect();
        for key in keys {
            self.unstall(key);
        }
        self.check.all_recover(self.now);
        for host in &mut self.hosts {
            host.troubles = 0;
        }
        self.tell_all();
    }
}
