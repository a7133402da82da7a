//! What goes wrong in a world, and how it gets right again.
//!
//! Nothing ever happens to the lucky hosts, so that between them everything must go well at all times.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Kind, Power, What, World};
use crate::sim::host::{Input, Running};
use crate::sim::network::HostId;
use crate::sim::options::Fault;
use crate::sim::rng::Ppm;
use crate::sim::stream::{FIRST_RETRY, KEEP_ALIVE, Key};

/// How long a laptop is closed at least.
const LEAST_SLEEP: Duration = Duration::from_secs(60);

/// How many of the times when it could be the switch drops broadcasts: that concerns everybody.
const MUTE: Ppm = 100_000;

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
    /// What was wrong is over by itself by now.
    Calm(Vec<HostId>),
}

impl World {
    /// Something goes wrong.
    pub(super) fn go_wrong(&mut self) {
        if self.healed {
            return;
        }
        let wait = self
            .luck
            .faults
            .time(Duration::ZERO, self.options.fault_pace * 2);
        self.agenda.enter(self.now + wait, What::Fault);
        let place = self.luck.faults.place(self.options.faults.len());
        let Some(fault) = self.options.faults.iter().nth(place).copied() else {
            return;
        };
        if fault == Fault::Mute && !self.luck.faults.chance(MUTE) {
            return;
        }
        let Some(host) = self.victim(fault) else {
            return;
        };
        let sleeps = matches!(fault, Fault::Suspend | Fault::Travel);
        let time = match self.options.sleep.filter(|_| sleeps) {
            Some(longest) => self.sleeping_time(longest),
            None => self.fault_time(),
        };
        self.inflict(fault, host, time);
    }

    fn sleeping_time(&mut self, longest: Duration) -> Duration {
        self.luck.faults.time(LEAST_SLEEP.min(longest), longest)
    }

    /// Some hosts have no network when they start, and get one later.
    pub(super) fn begin_late(&mut self) {
        for host in 0..self.hosts.len() {
            if self.luck.faults.chance(self.options.late) {
                let time = self.sleeping_time(self.options.sleep.unwrap_or(LEAST_SLEEP));
                self.unplug(host, time);
            }
        }
    }

    /// Something goes wrong with a host, for some time if that is not over at once.
    pub(super) fn inflict(&mut self, fault: Fault, host: HostId, time: Duration) {
        self.note(Kind::Fault, [fault as u64, host as u64, 0], || {
            format!("{fault:?} at host {host} for {time:?}")
        });
        match fault {
            Fault::Partition => self.cut_off(false, time),
            Fault::OneWay => self.cut_off(true, time),
            Fault::Flap => self.unplug(host, time),
            Fault::Break => self.break_connections(host, true),
            Fault::HalfOpen => self.break_connections(host, false),
            Fault::Stall => self.stall(host, time),
            Fault::Roam => self.roam(host),
            Fault::Crash => self.crash(host),
            Fault::PowerLoss => self.lose_power(host, time),
            Fault::Suspend => self.suspend(host, time),
            Fault::Freeze => self.freeze(host, time),
            Fault::SlowReader => self.slow_down(host, time),
            Fault::Travel => self.travel(host, time),
            Fault::Mute => self.mute(time),
        }
    }

    /// How long something is wrong: mostly seconds, sometimes minutes.
    fn fault_time(&mut self) -> Duration {
        let most = [100, 1_000, 5_000, 20_000, 60_000, 120_000];
        let most = most
            .get(self.luck.faults.place(most.len()))
            .copied()
            .unwrap_or(1_000);
        Duration::from_millis(self.luck.faults.between(most / 10, most))
    }

    fn victim(&mut self, fault: Fault) -> Option<HostId> {
        let mut unlucky = self.unlucky();
        let ours = [Fault::Roam, Fault::Flap, Fault::SlowReader, Fault::Travel];
        if ours.contains(&fault) {
            // Foreign programs bear no change of their address, and queue without limit.
            unlucky.retain(|host| self.host(*host).flavour.is_none());
        }
        unlucky.get(self.luck.faults.place(unlucky.len())).copied()
    }

    fn unlucky(&self) -> Vec<HostId> {
        let hosts = self.hosts.iter().enumerate();
        hosts
            .filter(|(_, host)| !host.lucky)
            .map(|(number, _)| number)
            .collect()
    }

    /// A host is in trouble: nothing is expected of it.
    fn suffers(&mut self, host: HostId) {
        if let Some(number) = self.host(host).process {
            self.check.suffers(self.now, number);
        }
    }

    fn recovers(&mut self, host: HostId) {
        if let Some(number) = self.host(host).process {
            self.check.recovers(self.now, number);
        }
    }

    fn repair_later(&mut self, time: Duration, repair: Repair) {
        self.agenda.enter(self.now + time, What::Repair(repair));
    }

    // The network.

    fn cut_off(&mut self, one_way: bool, time: Duration) {
        let side: BTreeSet<HostId> = self
            .unlucky()
            .into_iter()
            .filter(|_| self.luck.faults.coin())
            .collect();
        for &host in &side {
            self.suffers(host);
            self.watch_connections(host);
        }
        let hosts = side.iter().copied().collect();
        let number = self.network.cut(side, one_way);
        self.repair_later(time, Repair::Partition(number, hosts));
    }

    fn unplug(&mut self, host: HostId, time: Duration) {
        let interfaces = self.network.interfaces(host).len();
        let interface = self.luck.faults.place(interfaces);
        self.pull_out(host, interface, time);
    }

    fn pull_out(&mut self, host: HostId, interface: usize, time: Duration) {
        self.suffers(host);
        self.network.plug(host, interface, false);
        self.addresses_changed(host);
        self.watch_connections(host);
        self.repair_later(time, Repair::Plug(host, interface));
    }

    fn addresses_changed(&mut self, host: HostId) {
        if let Some(number) = self.host(host).process {
            let addresses = self.network.addresses(host);
            self.told.push_back((number, Input::Addresses(addresses)));
        }
    }

    fn travel(&mut self, host: HostId, time: Duration) {
        if self.host(host).power != Power::On {
            return;
        }
        let interfaces = self.network.interfaces(host).len();
        let interface = self.luck.faults.place(interfaces);
        // It has its new address before it wakes up, or has a network.
        self.repair_later(time, Repair::Arrive(host, interface));
        if self.luck.faults.coin() {
            self.suspend(host, time);
        } else {
            self.pull_out(host, interface, time);
        }
    }

    fn arrive(&mut self, host: HostId, interface: usize) {
        if !self.healed {
            self.watch_connections(host);
            self.network.readdress(host, interface);
            self.addresses_changed(host);
        }
    }

    /// No broadcast is carried for a while. That hurts nobody who is there; but whoever was in trouble just
    /// before, or comes meanwhile, cannot be found.
    fn mute(&mut self, time: Duration) {
        if !std::mem::replace(&mut self.muted, true) {
            self.check.mute(self.now);
            self.repair_later(time, Repair::Unmute);
        }
    }

    fn unmute(&mut self) {
        if std::mem::replace(&mut self.muted, false) {
            self.check.unmute(self.now);
        }
    }

    fn roam(&mut self, host: HostId) {
        let interfaces = self.network.interfaces(host).len();
        let interface = self.luck.faults.place(interfaces);
        self.watch_connections(host);
        self.suffers(host);
        self.network.readdress(host, interface);
        self.addresses_changed(host);
        self.repair_later(Duration::from_secs(1), Repair::Calm(vec![host]));
    }

    /// The connections of a host may be cut: their ends will ask.
    fn watch_connections(&mut self, host: HostId) {
        for key in self.connections_of(host) {
            self.agenda
                .enter(self.now + KEEP_ALIVE, What::KeepAlive(key, false));
        }
    }

    /// The connections from and to a host.
    fn connections_of(&self, host: HostId) -> Vec<Key> {
        let is_there = |number: usize| self.process(number).host == host;
        let keys = self.connections.keys();
        let concerned = keys.filter(|&key| {
            let connection = self.connections.get(key);
            connection.is_some_and(|one| is_there(one.sender) || is_there(one.receiver))
        });
        concerned.collect()
    }

    fn break_connections(&mut self, host: HostId, both_ends: bool) {
        let mut keys = self.connections_of(host);
        if self.luck.faults.coin() && !keys.is_empty() {
            let one = self.luck.faults.place(keys.len());
            keys = keys.get(one).copied().into_iter().collect();
        }
        for key in keys {
            let Some(connection) = self.connections.get(key) else {
                continue;
            };
            self.check
                .disturbed(self.now, connection.sender, connection.receiver);
            let sender_knows = both_ends || self.luck.faults.coin();
            if both_ends || !sender_knows {
                self.lose_receiving_end(key);
            }
            if sender_knows {
                self.lose_sending_end(key);
            }
            self.agenda
                .enter(self.now + KEEP_ALIVE, What::KeepAlive(key, false));
        }
    }

    fn stall(&mut self, host: HostId, time: Duration) {
        self.suffers(host);
        let until = self.now + time;
        for key in self.connections_of(host) {
            if let Some(connection) = self.connections.get_mut(key) {
                connection.stalled = connection.stalled.max(until);
            }
        }
        self.repair_later(time, Repair::Calm(vec![host]));
    }

    // Hosts and processes.

    fn crash(&mut self, host: HostId) {
        let Some(number) = self.host(host).process else {
            return;
        };
        let port = self.process(number).port;
        self.end(number, false);
        let again = self.luck.faults.coin().then_some(port);
        let wait = self.fault_time() / 4;
        self.agenda.enter(self.now + wait, What::Start(host, again));
    }

    fn lose_power(&mut self, host: HostId, time: Duration) {
        if self.host(host).power != Power::On {
            return;
        }
        let port = self
            .host(host)
            .process
            .map(|number| self.process(number).port);
        if let Some(number) = self.host(host).process {
            self.vanish(number);
        }
        self.host_mut(host).power = Power::Off;
        self.network.power(host, false);
        let again = port.filter(|_| self.luck.faults.coin());
        self.repair_later(time, Repair::Power(host, again));
    }

    /// A process ends without its host saying a word about it.
    fn vanish(&mut self, number: usize) {
        let host = self.process(number).host;
        let keys = self.connections_of(host);
        self.network.power(host, false);
        for key in keys {
            if let Some(connection) = self.connections.get_mut(key) {
                connection.wire.clear();
                connection.carried = 0;
                if connection.receiver == number {
                    connection.accepted = false;
                }
                if connection.sender == number {
                    connection.mailbox = None;
                }
            }
            self.agenda
                .enter(self.now + KEEP_ALIVE, What::KeepAlive(key, false));
        }
        self.forget_process(number);
    }

    fn suspend(&mut self, host: HostId, time: Duration) {
        if self.host(host).power != Power::On {
            return;
        }
        self.suffers(host);
        let now = self.now;
        let entry = self.host_mut(host);
        entry.power = Power::Suspended;
        entry.suspended = now;
        self.network.power(host, false);
        if let Some(number) = self.host(host).process {
            self.process_mut(number).wake = None;
        }
        self.watch_connections(host);
        self.repair_later(time, Repair::Wake(host));
    }

    fn freeze(&mut self, host: HostId, time: Duration) {
        let Some(number) = self.host(host).process else {
            return;
        };
        if self.process(number).state != Running::Runs || self.host(host).power != Power::On {
            return;
        }
        self.suffers(host);
        let process = self.process_mut(number);
        process.state = Running::Frozen;
        process.wake = None;
        self.repair_later(time, Repair::Thaw(number));
    }

    fn slow_down(&mut self, host: HostId, time: Duration) {
        let Some(number) = self.host(host).process else {
            return;
        };
        if self.process(number).state == Running::Runs {
            self.stop_reading(number);
            self.repair_later(time, Repair::Read(number));
        }
    }

    // Repairs.

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
            Repair::Arrive(host, interface) => self.arrive(host, interface),
            Repair::Unmute => self.unmute(),
            Repair::Calm(hosts) => hosts.into_iter().for_each(|host| self.recovers(host)),
        }
    }

    fn switch_on(&mut self, host: HostId, port: Option<u16>) {
        if self.host(host).power == Power::Off {
            self.host_mut(host).power = Power::On;
            self.network.power(host, true);
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
            if !connection.wire.is_empty() {
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
        }
        let keys: Vec<Key> = self.connections.keys().collect();
        for key in keys {
            self.unstall(key);
        }
        self.check.all_recover(self.now);
        self.tell_all();
    }
}
