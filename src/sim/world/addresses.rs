//! The addresses of hosts: which they get, who had them before, and what foreign programs make of that.

use std::time::Duration;

use super::World;
use super::repairs::Repair;
use crate::sim::host::Input;
use crate::sim::network::HostId;

/// How long it takes, at least and at most, until somebody starts a program again that nobody can reach.
const NOTICED: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

impl World {
    /// A host has another address on one of its interfaces.
    pub(super) fn move_in(&mut self, host: HostId, interface: usize) {
        self.watch_connections(host);
        let again = self.luck.faults.chance(self.options.reuse);
        self.network.readdress(host, interface, again);
        self.addresses_changed(host);
    }

    /// Where a host has given up its address, it gets one.
    pub(super) fn ask_for_address(&mut self, host: HostId) {
        for interface in 0..self.network.interfaces(host).len() {
            if !self.network.holds(host, interface) {
                self.move_in(host, interface);
            }
        }
    }

    pub(super) fn addresses_changed(&mut self, host: HostId) {
        if let Some(number) = self.host(host).process {
            let addresses = self.network.addresses(host);
            self.told.push_back((number, Input::Addresses(addresses)));
            self.take_over(number);
            self.lose_mailbox(number);
        }
    }

    /// A process has its mailbox where another one may have had its own: what was sent to that one comes
    /// to this one.
    pub(super) fn take_over(&mut self, number: usize) {
        let process = self.process(number);
        let port = process.port;
        for address in self.network.addresses(process.host) {
            let before = self.doors.insert((address, port).into(), number);
            if before.is_some_and(|before| before != number) {
                self.check.inherits(self.now, number);
            }
        }
    }

    /// A Zyre binds its mailbox to the address that it finds at its start, and says that address in each
    /// HELLO for good. Elsewhere its beacons go on, with a port at which nobody listens any more; what it
    /// sends arrives, for ZeroMQ connects again from the new address, but nobody can answer it. It gets
    /// over a cable that was out, and over nothing else: until somebody starts it again it is deaf. (Pyre
    /// and zyre.js listen on all addresses, and only go on saying the old one.)
    fn lose_mailbox(&mut self, number: usize) {
        let process = self.process(number);
        let host = process.host;
        let Some(bound) = process.bound.filter(|_| !process.is_lost) else {
            return;
        };
        if self.network.holder(bound) != Some(host) {
            self.process_mut(number).is_lost = true;
            self.check.suffers(self.now, number);
            let (least, most) = NOTICED;
            let wait = self.luck.faults.time(least, most);
            self.repair_later(wait, Repair::Again(number));
        }
    }

    /// Somebody starts a program again that nobody can reach.
    pub(super) fn start_again(&mut self, number: usize) {
        let process = self.process(number);
        if process.is_alive() && process.is_lost {
            let host = process.host;
            self.end(number, false);
            self.start(host, None);
        }
    }
}
