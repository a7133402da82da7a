//! Mailboxes: what a node's shell does with its DEALERs and its ROUTER.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use super::World;
use super::delivery::take_first;
use crate::sim::foreign::{self, Flavour};
use crate::sim::host::{Input, Running};
use crate::sim::stream::{Cargo, Key, Mailbox, Packet, Payload};
use crate::zre::{Body, Content, LinkId, Message, PeerId};

/// When a connection that broke, or was refused, is tried again: first, and at last.
const RECONNECT_FIRST: Duration = Duration::from_millis(100);
const RECONNECT_LAST: Duration = Duration::from_secs(2);

/// When one of ours is tried for the second time after it was tried at once, and how long a connection
/// has to last for that.
const RECONNECT_ONCE_MORE: Duration = Duration::from_millis(10);
const LASTING: Duration = Duration::from_secs(2);

/// What a frame costs besides its octets, roughly.
const FRAME_COST: usize = 64;

impl World {
    /// Opens a DEALER to an address.
    pub(super) fn open_mailbox(
        &mut self,
        number: usize,
        link: LinkId,
        peer: Option<PeerId>,
        to: SocketAddr,
    ) {
        self.see_one_dial(number, to);
        let key = self.mailboxes.insert(Mailbox {
            owner: number,
            link,
            peer,
            to,
            queue: VecDeque::new(),
            queued: 0,
            full: false,
            connected: false,
            connection: None,
            greeting: 0,
            is_overdue: false,
            interval: RECONNECT_FIRST,
            opened: None,
            was_open: false,
            ticket: None,
            was_hasty: false,
            once_more: false,
        });
        let before = self.process_mut(number).mailboxes.insert(link, key);
        self.check.link_is_new(number, link, before.is_none());
        self.begin_to_dial(key, Duration::ZERO);
    }

    /// Two connections from one process to one place are in each other's way (trap 16), and none leads to
    /// itself.
    fn see_one_dial(&mut self, number: usize, to: SocketAddr) {
        let process = self.process(number);
        if process.machine.flavour().is_some() {
            return;
        }
        let is_there = |key: &Key| self.mailboxes.get(*key).is_some_and(|it| it.to == to);
        let is_second = process.mailboxes.values().any(is_there);
        // It cannot know an address that it was given while its cable was out.
        let own = self.network.addresses(process.host);
        let is_own = own.contains(&to.ip()) && to.port() == process.port;
        if is_second || is_own {
            self.check.dials_twice(number, to.port());
        }
    }

    /// A mailbox got no connection: it tries again later.
    pub(super) fn dial_again(&mut self, key: Key) {
        let Some(mailbox) = self.mailboxes.get_mut(key) else {
            return;
        };
        if std::mem::take(&mut mailbox.once_more) {
            self.begin_to_dial(key, RECONNECT_ONCE_MORE);
            return;
        }
        let interval = mailbox.interval;
        mailbox.interval = (interval * 2).min(RECONNECT_LAST);
        let wait = interval + self.luck.network.time(Duration::ZERO, RECONNECT_FIRST);
        self.begin_to_dial(key, wait);
    }

    /// A mailbox has lost its connection. One of ours tries again at once, as it does outside
    /// (`src/node/links/pace.rs`); foreign ones have ZeroMQ.
    pub(super) fn dial_soon(&mut self, key: Key) {
        let now = self.now;
        let Some(owner) = self.mailboxes.get(key).map(|mailbox| mailbox.owner) else {
            return;
        };
        let is_foreign = self.process(owner).machine.flavour().is_some();
        let Some(mailbox) = self.mailboxes.get_mut(key) else {
            return;
        };
        let lasted = mailbox
            .opened
            .take()
            .is_some_and(|at| now.since(at) >= LASTING);
        if is_foreign || lasted {
            mailbox.interval = RECONNECT_FIRST;
        }
        mailbox.once_more = !is_foreign && (lasted || !mailbox.was_hasty);
        mailbox.was_hasty = true;
        if mailbox.once_more {
            self.begin_to_dial(key, Duration::ZERO);
        } else {
            self.dial_again(key);
        }
    }

    /// Nobody listens where a mailbox is dialled.
    pub(super) fn refuse_dial(&mut self, key: Key) {
        if let Some(mailbox) = self.mailboxes.get(key)
            && self.process(mailbox.owner).machine.flavour().is_none()
        {
            self.told
                .push_back((mailbox.owner, Input::Refused(mailbox.link)));
        }
        self.dial_again(key);
    }

    /// Somebody else than is sought listens where a mailbox of ours is dialled.
    pub(super) fn find_another(&mut self, key: Key, other: PeerId) {
        if let Some(mailbox) = self.mailboxes.get(key) {
            self.told
                .push_back((mailbox.owner, Input::Another(mailbox.link, other)));
        }
        self.dial_again(key);
    }

    /// Queues a message, or gives it back for want of room.
    pub(super) fn queue_message(
        &mut self,
        number: usize,
        link: LinkId,
        message: Message,
        tail: bool,
    ) -> Result<(), (Message, bool)> {
        let Some(&key) = self.process(number).mailboxes.get(&link) else {
            self.check.unknown_link(number, link);
            return Ok(());
        };
        self.scratch.clear();
        message.encode_header(&mut self.scratch);
        let octets = cost(self.scratch.len(), message.body.content(), tail);
        let budget = self.budget(number);
        let flavour = self.process(number).machine.flavour();
        let Some(mailbox) = self.mailboxes.get_mut(key) else {
            return Ok(());
        };
        if flavour.is_none() && mailbox.queued > 0 && mailbox.queued + octets > budget {
            mailbox.full = true;
            return Err((message, tail));
        }
        self.check.counts.messages += 1;
        if matches!(message.body, Body::Hello(_)) {
            mailbox.greeting = self.check.counts.messages;
        }
        let greeting = mailbox.greeting;
        let payload = if let Some(flavour) = flavour {
            Payload::Octets {
                header: foreign::write(&message, flavour == Flavour::Pyre),
                content: message
                    .body
                    .content()
                    .and_then(|content| on_the_wire(content, tail)),
            }
        } else if self.options.octets {
            let header = self.scratch.clone();
            let content = message
                .body
                .content()
                .and_then(|content| on_the_wire(content, tail));
            Payload::Octets { header, content }
        } else {
            Payload::Typed(message, tail)
        };
        mailbox.queued += octets;
        mailbox.queue.push_back(Packet {
            payload,
            octets,
            greeting,
        });
        let queued = mailbox.queued;
        self.process_mut(number).queued += octets;
        if flavour.is_none() {
            self.check.queue(number, queued, octets, budget);
            self.see_queued(number, octets);
        }
        self.feed(key);
        Ok(())
    }

    /// Closes a DEALER: what it has queued is thrown away, what the kernel has goes on. Says how many
    /// WHISPERs and SHOUTs were thrown away.
    pub(super) fn close_mailbox(&mut self, number: usize, link: LinkId) -> u64 {
        let Some(key) = self.process_mut(number).mailboxes.remove(&link) else {
            self.check.unknown_link(number, link);
            return 0;
        };
        let Some(mailbox) = self.mailboxes.remove(key) else {
            return 0;
        };
        self.process_mut(number).queued -= mailbox.queued;
        let unsent = mailbox
            .queue
            .iter()
            .filter(|packet| packet.is_content())
            .count() as u64;
        if let Some(connection) = mailbox.connection {
            if unsent > 0 && self.process(number).machine.flavour().is_some() {
                // Lingers for nothing, and tells nobody.
                self.disturb(connection);
            }
            self.send_fin(connection);
        }
        unsent
    }

    /// Leads a DEALER of ours to another place, with what has not arrived where it was.
    pub(super) fn lead_mailbox(
        &mut self,
        number: usize,
        link: LinkId,
        peer: PeerId,
        to: SocketAddr,
    ) {
        let old = self.process_mut(number).mailboxes.remove(&link);
        let Some(mut mailbox) = old.and_then(|key| self.mailboxes.remove(key)) else {
            self.check.unknown_link(number, link);
            return;
        };
        let connection = mailbox.connection.take();
        mailbox.to = to;
        mailbox.peer = Some(peer);
        mailbox.connected = false;
        mailbox.interval = RECONNECT_FIRST;
        mailbox.opened = None;
        mailbox.was_hasty = false;
        mailbox.once_more = false;
        // What is on the agenda about the old one is void.
        let key = self.mailboxes.insert(mailbox);
        self.process_mut(number).mailboxes.insert(link, key);
        if let Some(connection) = connection {
            self.disturb(connection);
            self.lose_what_has_not_arrived(connection);
            self.take_back(connection, key);
            self.send_fin(connection);
        }
        self.begin_to_dial(key, Duration::ZERO);
    }

    /// A DEALER of ours is known to be to this peer.
    pub(super) fn belong_mailbox(&mut self, number: usize, link: LinkId, peer: PeerId) {
        let key = self.process(number).mailboxes.get(&link).copied();
        if let Some(mailbox) = key.and_then(|key| self.mailboxes.get_mut(key)) {
            mailbox.peer = Some(peer);
        }
    }

    /// What has not arrived over a connection is queued again, before all else.
    pub(super) fn take_back(&mut self, connection: Key, mailbox: Key) {
        let Some(connection) = self.connections.get_mut(connection) else {
            return;
        };
        connection.lose_what_is_unread();
        let lost = std::mem::take(&mut connection.lost);
        let Some(mailbox) = self.mailboxes.get_mut(mailbox) else {
            return;
        };
        let octets: u64 = lost.iter().map(|packet| packet.octets).sum();
        mailbox.queued += octets;
        for packet in lost.into_iter().rev() {
            mailbox.queue.push_front(packet);
        }
        let owner = mailbox.owner;
        self.process_mut(owner).queued += octets;
    }

    /// The sender closes a connection: that travels behind what is under way.
    pub(super) fn send_fin(&mut self, key: Key) {
        let Some(connection) = self.connections.get(key) else {
            return;
        };
        let wait = self.stream_time(connection.sender, connection.receiver);
        let now = self.now;
        if let Some(connection) = self.connections.get_mut(key) {
            connection.mailbox = None;
            let at = connection.last_arrival.max(now + wait);
            connection.last_arrival = at;
            connection.wire.push_back((at, Cargo::Fin));
            self.enter_pump(key);
        }
    }

    /// The process ends: the kernel closes all its connections.
    pub(super) fn close_all(&mut self, number: usize) {
        let links: Vec<LinkId> = self.process(number).mailboxes.keys().copied().collect();
        for link in links {
            self.close_mailbox(number, link);
        }
        for key in self.inbound(number) {
            self.close_receiving_end(key);
        }
    }

    /// All connections that a process has accepted.
    pub(super) fn inbound(&self, number: usize) -> Vec<Key> {
        let router = &self.process(number).router;
        let heard = router.heard.values().copied();
        heard.chain(router.by_token.values().copied()).collect()
    }

    /// Whether a process runs and its host is on, so that its connections are served.
    pub(super) fn is_working(&self, number: usize) -> bool {
        let process = self.process(number);
        process.is_alive()
            && process.state != Running::Frozen
            && self.host(process.host).power == super::Power::On
    }

    /// Writes what a mailbox has queued, as far as its connection takes it.
    pub(super) fn feed(&mut self, key: Key) {
        let Some(mailbox) = self.mailboxes.get(key) else {
            return;
        };
        let (owner, link, Some(path)) = (mailbox.owner, mailbox.link, mailbox.connection) else {
            return;
        };
        if !self.is_working(owner) {
            return;
        }
        let Some(receiver) = self.connections.get(path).map(|one| one.receiver) else {
            return;
        };
        let now = self.now;
        let mut written = 0;
        loop {
            let wait = self.stream_time(owner, receiver);
            let Some(mailbox) = self.mailboxes.get_mut(key) else {
                return;
            };
            let Some(connection) = self.connections.get_mut(path) else {
                return;
            };
            let Some(next) = mailbox.queue.front() else {
                break;
            };
            let under_way = connection.carried + connection.unacknowledged;
            if under_way > 0 && under_way + next.octets > self.options.window {
                break;
            }
            let Some(packet) = take_first(&mut mailbox.queue) else {
                break;
            };
            mailbox.queued -= packet.octets;
            written += packet.octets;
            connection.carried += packet.octets;
            let at = connection
                .last_arrival
                .max(now + wait)
                .max(connection.stalled);
            connection.last_arrival = at;
            connection.wire.push_back((at, Cargo::Packet(packet)));
            self.enter_pump(path);
        }
        if written > 0 {
            self.process_mut(owner).queued -= written;
            self.tell_of_writing(key, owner, link);
        }
    }

    fn tell_of_writing(&mut self, key: Key, owner: usize, link: LinkId) {
        let room = self.budget(owner) / 4 * 3;
        let Some(mailbox) = self.mailboxes.get_mut(key) else {
            return;
        };
        if !std::mem::replace(&mut mailbox.connected, true) {
            self.told.push_back((owner, Input::Connected(link)));
        }
        if mailbox.full {
            self.told.push_back((owner, Input::Progress(link)));
            if mailbox.queued <= room {
                mailbox.full = false;
                self.told.push_back((owner, Input::Room(link)));
            }
        }
    }

    /// The process whose id is on a connection.
    pub(super) fn identity(&self, sender: usize) -> PeerId {
        self.process(sender).peer
    }
}

/// What the receiver gets as content.
pub(super) fn on_the_wire(content: &Content, tail: bool) -> Option<Content> {
    let tail = content.tail().filter(|_| tail);
    let more = tail.into_iter().flat_map(|tail| tail.frames.iter());
    Content::from_frames(content.frames().chain(more).cloned())
}

fn cost(header: usize, content: Option<&Content>, tail: bool) -> u64 {
    let content = content.map_or(0, |content| {
        let tail = content.tail().filter(|_| tail);
        let more = tail.into_iter().flat_map(|tail| tail.frames.iter());
        let all = content.frames().chain(more);
        all.map(|frame| frame.len() + FRAME_COST).sum::<usize>()
    });
    (header + FRAME_COST + content) as u64
}
