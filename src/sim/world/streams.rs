//! TCP connections: how they are opened, carry what is in them, break, and are found to be broken.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use super::{Kind, Power, What, World};
use crate::sim::host::Input;
use crate::sim::stream::{
    Cargo, Connection, FIRST_RETRY, GIVE_UP, GIVE_UP_FIN, KEEP_ALIVE, KEEP_ALIVE_ANSWER, Key,
    LAST_RETRY,
};
use crate::sim::time::Time;
use crate::zre::LinkId;

/// How often the packet that opens a connection is sent, and when.
const SYNS: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_secs(1),
    Duration::from_millis(3_000),
];

/// How long a connection may take to be opened (`src/node/links/link.rs`).
const CONNECT: Duration = Duration::from_millis(3_500);

impl World {
    /// Tries to connect a mailbox after a while: it takes two ways to and fro.
    pub(super) fn begin_to_dial(&mut self, key: Key, wait: Duration) {
        let ways: Duration = (0..4).map(|way| self.dial_time(key, way % 2 == 0)).sum();
        self.agenda
            .enter(self.now + wait + ways, What::Dial(key, 0));
    }

    /// How long the way to and from the place that a mailbox dials takes.
    fn dial_time(&mut self, key: Key, forth: bool) -> Duration {
        let Some(mailbox) = self.mailboxes.get(key) else {
            return self.delay();
        };
        let here = self.process(mailbox.owner).host;
        let there = self.network.holder(mailbox.to.ip()).unwrap_or(here);
        let (from, to) = if forth { (here, there) } else { (there, here) };
        let path = self.paths.between(from, to);
        self.paths.stream_time(path, &mut self.luck.network)
    }

    /// The packet that opens a connection was sent, for the given time: what became of it?
    pub(super) fn dial(&mut self, key: Key, packets: u8) {
        let Some(mailbox) = self.mailboxes.get(key) else {
            return;
        };
        let (owner, to, sought) = (mailbox.owner, mailbox.to, mailbox.peer);
        if !self.is_working(owner) {
            // Its timer is overdue when it works again.
            if let Some(mailbox) = self.mailboxes.get_mut(key) {
                mailbox.is_overdue = true;
            }
            return;
        }
        let near = self.network.source_for(self.process(owner).host, to.ip());
        let reached = near.filter(|near| {
            to.ip() == *near
                || self.network.carries(*near, to.ip()) && self.network.carries(to.ip(), *near)
        });
        let Some(near) = reached else {
            let next = usize::from(packets) + 1;
            if let (Some(at), Some(before)) = (SYNS.get(next), SYNS.get(next - 1)) {
                self.agenda
                    .enter(self.now + (*at - *before), What::Dial(key, packets + 1));
            } else {
                // It has taken as long as it may.
                let rest = CONNECT.saturating_sub(SYNS.last().copied().unwrap_or_default());
                self.agenda.enter(self.now + rest, What::Dial(key, 0));
            }
            return;
        };
        let holder = self.network.holder(to.ip());
        if holder == Some(0) {
            self.note_knock();
        }
        let there = holder.and_then(|host| self.host(host).process);
        let listener = there.filter(|&number| {
            let process = self.process(number);
            process.is_alive()
                && process.port == to.port()
                && process.bound.is_none_or(|bound| bound == to.ip())
        });
        let Some(receiver) = listener else {
            self.note(Kind::Stream, [key.number(), 0, 0], || {
                format!("p{owner} is refused at {to}")
            });
            self.refuse_dial(key);
            return;
        };
        self.tell_met(key);
        if !self.is_working(receiver) {
            // The kernel accepts, but nobody says anything: handshakes time out, and are tried again.
            self.agenda
                .enter(self.now + Duration::from_millis(500), What::Dial(key, 0));
            return;
        }
        let is_ours = |number: usize| self.process(number).machine.flavour().is_none();
        let sought = sought.filter(|_| is_ours(owner) && is_ours(receiver));
        if sought.is_some_and(|sought| sought != self.identity(receiver)) {
            self.note(Kind::Stream, [key.number(), 6, receiver as u64], || {
                format!("p{owner} finds p{receiver} at {to}, and not whom it has sought")
            });
            self.find_another(key, self.identity(receiver));
            return;
        }
        self.open_connection(key, owner, near, receiver);
    }

    /// The system there accepts a connection, whatever its process does.
    fn tell_met(&mut self, key: Key) {
        if let Some(mailbox) = self.mailboxes.get(key)
            && self.process(mailbox.owner).machine.flavour().is_none()
        {
            let (owner, link) = (mailbox.owner, mailbox.link);
            self.told.push_back((owner, Input::Met(link)));
        }
    }

    /// Somebody wants a connection to the first host.
    fn note_knock(&mut self) {
        let second = usize::try_from(self.now.elapsed().as_secs()).unwrap_or(usize::MAX);
        if self.options.forged > 0 {
            self.knocks.resize(self.knocks.len().max(second + 1), 0);
            if let Some(knocks) = self.knocks.get_mut(second) {
                *knocks += 1;
            }
        }
    }

    fn open_connection(&mut self, key: Key, owner: usize, near: IpAddr, receiver: usize) {
        let now = self.now;
        let is_ours = self.process(owner).machine.flavour().is_none();
        let Some(mailbox) = self.mailboxes.get_mut(key) else {
            return;
        };
        mailbox.opened = Some(now);
        let was_open = std::mem::replace(&mut mailbox.was_open, true);
        let connection = self.connections.insert(Connection {
            sender: owner,
            mailbox: Some(key),
            again: was_open && is_ours,
            near,
            far: mailbox.to,
            receiver,
            accepted: true,
            heard: false,
            token: None,
            wire: VecDeque::new(),
            carried: 0,
            unacknowledged: 0,
            acknowledged: now,
            last_arrival: now,
            pump: None,
            blocked: None,
            retry: FIRST_RETRY,
            stalled: Time::START,
            lost: VecDeque::new(),
            is_over: false,
        });
        mailbox.connection = Some(connection);
        self.note(
            Kind::Stream,
            [connection.number(), owner as u64, receiver as u64],
            || format!("p{owner} is connected to p{receiver}"),
        );
        self.attach(connection, owner, receiver);
        self.feed(key);
    }

    /// Something is to be looked at when the next thing of a connection arrives.
    pub(super) fn enter_pump(&mut self, key: Key) {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        if connection.pump.is_some() {
            return;
        }
        if let Some(&(at, _)) = connection.wire.front() {
            self.pump_at(key, at.max(now));
        }
    }

    /// A connection is pumped at this time, and not at another one that was entered before.
    pub(super) fn pump_at(&mut self, key: Key, at: Time) {
        if let Some(connection) = self.connections.get_mut(key) {
            connection.pump = Some(at);
            self.agenda.enter(at, What::Pump(key));
        }
    }

    /// Something may arrive over a connection.
    pub(super) fn pump(&mut self, key: Key) {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        if connection.pump.take_if(|at| *at == now).is_none() {
            return;
        }
        let receiver = connection.receiver;
        if connection.is_over && connection.accepted {
            // All that is in it has come.
            self.deliver_arrived(key, receiver, true);
            return;
        }
        let (forth, back) = self.is_carried(key);
        if !forth {
            if self.is_refused(key) {
                self.lose_sending_end(key);
            } else {
                self.retransmit(key);
            }
            return;
        }
        let accepted = self
            .connections
            .get(key)
            .is_some_and(|connection| connection.accepted);
        if !accepted {
            // The far end does not know this connection any more, and says so.
            if back {
                self.lose_sending_end(key);
            } else {
                self.retransmit(key);
            }
            return;
        }
        if let Some(connection) = self.connections.get_mut(key).filter(|_| back) {
            connection.unacknowledged = 0;
            connection.acknowledged = now;
            connection.blocked = None;
            connection.retry = FIRST_RETRY;
        }
        self.deliver_arrived(key, receiver, back);
        if let Some(mailbox) = self.connections.get(key).and_then(|one| one.mailbox) {
            self.feed(mailbox);
        }
        let waits = self.process(receiver).router.waiting.contains(&key);
        let unacknowledged = self
            .connections
            .get(key)
            .is_some_and(|one| one.unacknowledged > 0);
        if unacknowledged {
            self.retransmit(key);
        } else if !waits {
            self.enter_pump(key);
        }
    }

    /// Whether what a connection carries arrives, and what comes back: the addresses of both its ends are
    /// still those of their hosts.
    fn is_carried(&self, key: Key) -> (bool, bool) {
        let Some(connection) = self.connections.get(key) else {
            return (false, false);
        };
        let (near, far) = (connection.near, connection.far.ip());
        if near == far {
            return (true, true);
        }
        let is_at = |number: usize, address: IpAddr| {
            self.network.holder(address) == Some(self.process(number).host)
        };
        let is_theirs = is_at(connection.sender, near) && is_at(connection.receiver, far);
        let forth = is_theirs && self.network.carries(near, far);
        let back = is_theirs && self.network.carries(far, near);
        (forth, back)
    }

    /// Whether another host has the far address of a connection now, which knows nothing of it and says so.
    fn is_refused(&self, key: Key) -> bool {
        let Some(connection) = self.connections.get(key) else {
            return false;
        };
        let (near, far) = (connection.near, connection.far.ip());
        let (here, there) = (connection.sender, connection.receiver);
        self.network.holder(near) == Some(self.process(here).host)
            && self.network.holder(far) != Some(self.process(there).host)
            && self.network.carries(near, far)
            && self.network.carries(far, near)
    }

    /// What was sent, or its acknowledgement, is lost: it is sent again after a while.
    fn retransmit(&mut self, key: Key) {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let since = *connection.blocked.get_or_insert(now);
        let patience = if connection.mailbox.is_some() {
            GIVE_UP
        } else {
            GIVE_UP_FIN
        };
        if now.since(since) > patience {
            self.lose_what_has_not_arrived(key);
            self.lose_sending_end(key);
            return;
        }
        let retry = connection.retry;
        connection.retry = (retry * 2).min(LAST_RETRY);
        if connection.pump.is_none() {
            self.pump_at(key, now + retry);
        }
    }

    /// A process reads its inbox again: what has waited there is taken.
    pub(super) fn read_waiting(&mut self, number: usize) {
        let waiting = std::mem::take(&mut self.process_mut(number).router.waiting);
        for key in waiting {
            self.pump_soon(key);
        }
    }

    /// What waits in a connection is looked at.
    pub(super) fn pump_soon(&mut self, key: Key) {
        let connection = self.connections.get(key);
        if connection.is_some_and(|connection| connection.pump.is_none()) {
            self.pump_at(key, self.now);
        }
    }

    // How connections end.

    /// The receiving side has lost a connection, or its sender has closed it, and what came is read.
    pub(super) fn lose_receiving_end(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        if !std::mem::replace(&mut connection.accepted, false) {
            return;
        }
        self.lose_what_has_not_arrived(key);
        self.lose_what_has_arrived(key);
        let Some(connection) = self.connections.get(key) else {
            return;
        };
        let (receiver, sender) = (connection.receiver, connection.sender);
        self.note(Kind::Stream, [key.number(), 3, 0], || {
            format!("p{receiver} has lost its connection from p{sender}")
        });
        self.detach(key);
        let is_missed = |one: &Connection| {
            let mailbox = one.mailbox.and_then(|key| self.mailboxes.get(key));
            mailbox.is_some_and(|mailbox| !one.lost.is_empty() || !mailbox.queue.is_empty())
        };
        if self.connections.get(key).is_some_and(is_missed) {
            // What was under way is sent again, and its sender told that nobody knows of it; as is one that
            // has had no room there, and asks for some now and then.
            self.pump_at(key, self.now + FIRST_RETRY);
        }
        self.forget_if_over(key);
    }

    /// The receiving side closes a connection, and tells the sender, who is not told of it as broken.
    pub(super) fn close_receiving_end(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        connection.accepted = false;
        self.lose_what_has_not_arrived(key);
        self.lose_what_has_arrived(key);
        let Some(connection) = self.connections.get(key) else {
            return;
        };
        let (receiver, sender) = (connection.receiver, connection.sender);
        self.note(Kind::Stream, [key.number(), 4, 0], || {
            format!("p{receiver} closes its connection from p{sender}")
        });
        self.detach(key);
        let wait = self.stream_time(receiver, sender);
        self.agenda
            .enter(self.now + wait, What::Reset(key, FIRST_RETRY));
        self.forget_if_over(key);
    }

    /// The news that the receiving end is gone travels to the sender.
    pub(super) fn reset(&mut self, key: Key, retry: Duration) {
        if self.connections.get(key).is_none() {
            return;
        }
        if self.is_carried(key).1 {
            self.lose_sending_end(key);
        } else if retry < GIVE_UP_FIN / 2 {
            self.agenda
                .enter(self.now + retry, What::Reset(key, retry * 2));
        } else {
            self.agenda
                .enter(self.now + KEEP_ALIVE, What::KeepAlive(key, false));
        }
    }

    /// The sending side has lost a connection. It opens another one; what was under way is lost.
    pub(super) fn lose_sending_end(&mut self, key: Key) {
        let now = self.now;
        self.lose_what_has_not_arrived(key);
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let receiver = connection.receiver;
        let sender = connection.sender;
        let mailbox = connection.mailbox.take();
        if let Some(mailbox) = mailbox {
            self.note(Kind::Stream, [key.number(), 5, 0], || {
                format!("p{sender} has lost its connection to p{receiver}")
            });
            self.check.disturbed(now, sender, receiver);
            if let Some(mailbox) = self.mailboxes.get_mut(mailbox) {
                mailbox.connection = None;
            }
            if self.process(sender).machine.flavour().is_none() {
                self.take_back(key, mailbox);
            }
            self.dial_soon(mailbox);
        }
        if self
            .connections
            .get(key)
            .is_some_and(|connection| connection.accepted)
        {
            self.agenda
                .enter(now + KEEP_ALIVE, What::KeepAlive(key, false));
        }
        self.forget_if_over(key);
    }

    /// What is under way in a connection will never arrive; what has arrived is read one day.
    pub(super) fn lose_what_has_not_arrived(&mut self, key: Key) {
        let now = self.now;
        let Some(receiver) = self.connections.get(key).map(|one| one.receiver) else {
            return;
        };
        let waits = self.process(receiver).router.waiting.contains(&key);
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        for (at, cargo) in std::mem::take(&mut connection.wire) {
            match cargo {
                cargo if waits && at <= now => connection.wire.push_back((at, cargo)),
                Cargo::Packet(packet) => connection.lost.push_back(packet),
                Cargo::Fin => {}
            }
        }
        connection.carried = carried(&connection.wire);
    }

    /// What has arrived is not read any more.
    fn lose_what_has_arrived(&mut self, key: Key) {
        if let Some(connection) = self.connections.get_mut(key) {
            connection.lose_what_is_unread();
            connection.wire.clear();
            connection.carried = 0;
        }
    }

    /// The receiving side reads what has come over a connection, and then ends it.
    pub(super) fn read_out(&mut self, key: Key) {
        self.lose_what_has_not_arrived(key);
        let now = self.now;
        if let Some(connection) = self.connections.get_mut(key) {
            connection.is_over = true;
            connection.wire.push_back((now, Cargo::Fin));
        }
        // Whatever is on the agenda for it: a retransmission may be far off.
        self.pump_at(key, now);
        let Some(connection) = self.connections.get(key) else {
            return;
        };
        let (sender, receiver) = (connection.sender, connection.receiver);
        self.note(Kind::Stream, [key.number(), 4, 0], || {
            format!("p{receiver} reads its connection from p{sender} to the end")
        });
        let wait = self.stream_time(receiver, sender);
        self.agenda
            .enter(self.now + wait, What::Reset(key, FIRST_RETRY));
    }

    /// Something is lost with a connection.
    pub(super) fn disturb(&mut self, key: Key) {
        if let Some(connection) = self.connections.get(key) {
            let (sender, receiver) = (connection.sender, connection.receiver);
            self.check.disturbed(self.now, sender, receiver);
        }
    }

    /// Before how long the host at the other end of a mailbox's connection has acknowledged something last: it
    /// does while it is on and knows the connection, whatever the process there does. `None` where there is no
    /// connection that is read.
    pub(super) fn acknowledged(&self, number: usize, link: LinkId) -> Option<Duration> {
        let mailbox = *self.process(number).mailboxes.get(&link)?;
        let key = self.mailboxes.get(mailbox)?.connection?;
        let connection = self.connections.get(key)?;
        let is_known = connection.accepted && self.is_powered(connection.receiver);
        if !connection.heard {
            None
        } else if is_known && self.is_carried(key) == (true, true) && connection.blocked.is_none() {
            Some(Duration::ZERO)
        } else {
            Some(self.now.since(connection.acknowledged))
        }
    }

    fn forget_if_over(&mut self, key: Key) {
        if let Some(connection) = self.connections.get(key)
            && !connection.accepted
            && connection.mailbox.is_none()
        {
            self.connections.remove(key);
        }
    }

    /// An end of a connection has heard nothing for long, and asks whether the other is there.
    pub(super) fn keep_alive(&mut self, key: Key, last: bool) {
        let Some(connection) = self.connections.get(key) else {
            return;
        };
        let both_ways = self.is_carried(key) == (true, true);
        let (accepted, sending) = (connection.accepted, connection.mailbox.is_some());
        if both_ways && accepted && sending {
            return;
        }
        if !both_ways && !last {
            self.agenda
                .enter(self.now + KEEP_ALIVE_ANSWER, What::KeepAlive(key, true));
            return;
        }
        if accepted && self.is_powered(connection.receiver) {
            self.lose_receiving_end(key);
        }
        if sending {
            self.lose_sending_end(key);
        }
    }

    fn is_powered(&self, number: usize) -> bool {
        self.host(self.process(number).host).power == Power::On
    }
}

fn carried(wire: &VecDeque<(Time, Cargo)>) -> u64 {
    let octets = wire.iter().map(|(_, cargo)| match cargo {
        Cargo::Packet(packet) => packet.octets,
        Cargo::Fin => 0,
    });
    octets.sum()
}
