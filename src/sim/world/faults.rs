//! What goes wrong in a world, and how it gets right again.
//!
//! Nothing ever happens to the lucky hosts, so that between them everything must go well at all times.

use std::collections::BTreeSet;
use std::time::Duration;

use super::repairs::Repair;
use super::{Kind, Power, What, World};
use crate::sim::host::Running;
use crate::sim::network::HostId;
use crate::sim::options::Fault;
use crate::sim::rng::Ppm;
use crate::sim::stream::{KEEP_ALIVE, Key};
use crate::sim::time::Time;

/// How long a laptop is closed at least.
const LEAST_SLEEP: Duration = Duration::from_secs(60);

/// How many of the times when it could be the switch drops broadcasts: that concerns everybody.
const MUTE: Ppm = 100_000;

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

    /// Some hosts have no network when they start, and get one later. Foreign programs would never notice
    /// it.
    pub(super) fn begin_late(&mut self) {
        for host in 0..self.hosts.len() {
            let is_ours = self.host(host).flavour.is_none();
            if self.luck.faults.chance(self.options.late) && is_ours {
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
        if fault == Fault::SlowReader {
            // Foreign programs queue without limit.
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
    pub(super) fn suffers(&mut self, host: HostId) {
        self.host_mut(host).troubles += 1;
        if let Some(number) = self.host(host).process {
            self.check.suffers(self.now, number);
        }
    }

    pub(super) fn recovers(&mut self, host: HostId) {
        let troubles = &mut self.host_mut(host).troubles;
        *troubles = troubles.saturating_sub(1);
        if let Some(number) = self.host(host).process {
            self.check.recovers(self.now, number);
        }
    }

    pub(super) fn repair_later(&mut self, time: Duration, repair: Repair) {
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
        // Somebody else may have its old one meanwhile.
        self.network.release(host, interface);
    }

    /// No broadcast is carried for a while. That hurts nobody who is there; but whoever was in trouble just
    /// before, or comes meanwhile, cannot be found.
    fn mute(&mut self, time: Duration) {
        if !std::mem::replace(&mut self.muted, true) {
            self.check.mute(self.now);
            self.repair_later(time, Repair::Unmute);
        }
    }

    pub(super) fn unmute(&mut self) {
        if std::mem::replace(&mut self.muted, false) {
            self.check.unmute(self.now);
        }
    }

    fn roam(&mut self, host: HostId) {
        let interfaces = self.network.interfaces(host).len();
        let interface = self.luck.faults.place(interfaces);
        self.suffers(host);
        self.move_in(host, interface);
        self.repair_later(Duration::from_secs(1), Repair::Calm(vec![host]));
    }

    /// The connections of a host may be cut: their ends will ask.
    pub(super) fn watch_connections(&mut self, host: HostId) {
        for key in self.connections_of(host) {
            self.agenda
                .enter(self.now + KEEP_ALIVE, What::KeepAlive(key, false));
        }
    }

    /// The connections from and to a host.
    pub(super) fn connections_of(&self, host: HostId) -> Vec<Key> {
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
        if self.luck.faults.coin() {
            keys = self.most_fragile(&keys).into_iter().collect();
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

    /// Of three connections that chance picks, the one whose way bears least: so one link breaks often, and
    /// its way back never.
    fn most_fragile(&mut self, keys: &[Key]) -> Option<Key> {
        let picked: Vec<Key> = (0..3)
            .filter_map(|_| keys.get(self.luck.faults.place(keys.len())).copied())
            .collect();
        picked.into_iter().max_by_key(|&key| {
            let connection = self.connections.get(key);
            connection.map_or(0, |one| {
                let host = |number: usize| self.process(number).host;
                let path = self.paths.between(host(one.sender), host(one.receiver));
                path.fragility
            })
        })
    }

    /// What a host sends and is sent does not arrive for a while, or what goes one way over one connection.
    fn stall(&mut self, host: HostId, time: Duration) {
        let until = self.now + time;
        let all = self.connections_of(host);
        if self.luck.faults.coin() {
            self.suffers(host);
            for key in all {
                self.hold_up(key, until);
            }
            self.repair_later(time, Repair::Calm(vec![host]));
        } else if let Some(key) = self.most_fragile(&all)
            && let Some(connection) = self.connections.get(key)
        {
            let (sender, receiver) = (connection.sender, connection.receiver);
            self.check.disturbed(until, sender, receiver);
            self.hold_up(key, until);
        }
    }

    fn hold_up(&mut self, key: Key, until: Time) {
        if let Some(connection) = self.connections.get_mut(key) {
            connection.stalled = connection.stalled.max(until);
        }
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
}
