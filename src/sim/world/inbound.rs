//! Which of the connections to a process are heard: as the node decides it, and for foreign processes
//! as a ROUTER does that hands over.

use super::{Kind, World};
use crate::sim::host::Input;
use crate::sim::stream::Key;
use crate::zre::connections::{Introduction, Token, Verdict};
use crate::zre::{Event, Host, PeerId};

impl World {
    /// A process learns who is at the other end of a connection.
    pub(super) fn attach(&mut self, key: Key, sender: usize, receiver: usize) {
        let id = self.identity(sender);
        if self.process(receiver).machine.flavour().is_some() {
            self.hand_over(key, id, receiver);
            return;
        }
        let Some(one) = self.connections.get(key) else {
            return;
        };
        let (near, at) = (one.near, one.far);
        let mailbox = one.mailbox.and_then(|key| self.mailboxes.get(key));
        let ticket = key.ticket();
        let own = self.identity(receiver);
        let kept = mailbox.and_then(|mailbox| mailbox.ticket);
        let before = kept.filter(|(peer, _)| *peer == own);
        let who = Introduction {
            peer: id,
            ticket,
            at: Some(at),
            proof: before.map(|(_, before)| before.prove(&ticket, at)),
        };
        if !one.again {
            self.keep_ticket(key);
        }
        let now = self.clock(receiver).read(self.now);
        let router = &mut self.process_mut(receiver).router;
        let Some(token) = router.book.accepted(now, near.into()) else {
            self.close_receiving_end(key);
            return;
        };
        router.by_token.insert(token, key);
        let verdicts = router.book.introduced(now, token, &who);
        if let Some(connection) = self.connections.get_mut(key) {
            connection.token = Some(token);
        }
        for verdict in verdicts {
            self.judge_connection(receiver, verdict);
        }
        self.enter_wake(receiver);
    }

    /// The last one under a routing id is heard, and the one before closed.
    fn hand_over(&mut self, key: Key, id: PeerId, receiver: usize) {
        let old = self.process_mut(receiver).router.heard.insert(id, key);
        if let Some(connection) = self.connections.get_mut(key) {
            connection.heard = true;
        }
        if let Some(old) = old {
            let is_under_way = |old: &crate::sim::stream::Connection| !old.wire.is_empty();
            if self.connections.get(old).is_some_and(is_under_way) {
                self.disturb(old);
            }
            self.close_receiving_end(old);
        }
    }

    /// A connection has ended at its receiver.
    pub(super) fn detach(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let (receiver, sender) = (connection.receiver, connection.sender);
        let token = connection.token.take();
        let id = self.identity(sender);
        let router = &mut self.process_mut(receiver).router;
        router.waiting.remove(&key);
        if router.heard.get(&id) == Some(&key) {
            router.heard.remove(&id);
        }
        let Some(token) = token else {
            return;
        };
        router.by_token.remove(&token);
        let (broken, verdicts) = router.book.ended(token);
        if let Some(peer) = broken {
            self.told.push_back((receiver, Input::Broken(peer)));
        }
        for verdict in verdicts {
            self.judge_connection(receiver, verdict);
        }
    }

    fn judge_connection(&mut self, receiver: usize, verdict: Verdict) {
        match verdict {
            Verdict::Hear(token) => self.hear_connection(receiver, token, true),
            Verdict::Wait(token) => self.hear_connection(receiver, token, false),
            Verdict::End(token) => {
                let key = self.process(receiver).router.by_token.get(&token).copied();
                if let Some(key) = key {
                    self.close_receiving_end(key);
                }
            }
            Verdict::ReadOut(token) => {
                let key = self.process(receiver).router.by_token.get(&token).copied();
                if let Some(key) = key {
                    self.read_out(key);
                }
            }
            Verdict::Unheard(peer, remote) => {
                self.told
                    .push_back((receiver, Input::Unheard(peer, remote)));
            }
            Verdict::Reopened(peer, remote) => {
                self.told
                    .push_back((receiver, Input::Reopened(peer, remote)));
            }
        }
    }

    /// One of ours keeps what its connection was given by one of ours.
    fn keep_ticket(&mut self, key: Key) {
        let Some(connection) = self.connections.get(key) else {
            return;
        };
        let is_ours = self.process(connection.sender).machine.flavour().is_none();
        let ticket = (self.identity(connection.receiver), key.ticket());
        let mailbox = connection.mailbox.filter(|_| is_ours);
        if let Some(mailbox) = mailbox.and_then(|key| self.mailboxes.get_mut(key)) {
            mailbox.ticket = Some(ticket);
        }
    }

    fn hear_connection(&mut self, receiver: usize, token: Token, is_heard: bool) {
        let Some(&key) = self.process(receiver).router.by_token.get(&token) else {
            return;
        };
        // One that waits is not heard, and what it brings when it is heard may be old.
        let waits = self.process(receiver).router.waiting.contains(&key);
        if !is_heard || waits {
            self.disturb(key);
        }
        if !is_heard {
            self.note(Kind::Stream, [key.number(), 1, 0], || {
                format!("p{receiver} lets connection {} wait", key.number())
            });
        }
        if let Some(connection) = self.connections.get_mut(key) {
            connection.heard = is_heard;
        }
        if is_heard {
            self.keep_ticket(key);
        }
        if is_heard && self.process_mut(receiver).router.waiting.remove(&key) {
            self.pump_soon(key);
        }
    }

    /// A peer has entered by the message that is being told, or has left.
    pub(super) fn note_presence(&mut self, number: usize, event: &Event) {
        let now = self.clock(number).read(self.now);
        let router = &mut self.process_mut(number).router;
        let verdicts = match event {
            Event::Enter { peer, .. } => router.book.entered(now, *peer, router.current),
            Event::Exit { peer, .. } => router.book.left(*peer),
            _ => return,
        };
        for verdict in verdicts {
            self.judge_connection(number, verdict);
        }
    }

    /// A peer is not behind its connection any more.
    pub(super) fn hang_up(&mut self, number: usize, peer: PeerId, at: Host) {
        let now = self.clock(number).read(self.now);
        let verdicts = self.process_mut(number).router.book.hang_up(now, peer, at);
        for verdict in verdicts {
            self.judge_connection(number, verdict);
        }
    }

    /// Connections may have waited for long enough.
    pub(super) fn look_at_connections(&mut self, number: usize) {
        let now = self.clock(number).read(self.now);
        while let Some(verdict) = self.process_mut(number).router.book.handle_timeout(now) {
            self.judge_connection(number, verdict);
        }
    }
}
