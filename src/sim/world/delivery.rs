//! What a connection has carried is read by its receiver, as a message or as octets.

use std::collections::VecDeque;

use super::transport::on_the_wire;
use super::{Kind, World};
use crate::sim::foreign::WRONG_STATUS;
use crate::sim::host::{Input, Machine};
use crate::sim::stream::{Cargo, Key, Packet, Payload};
use crate::zre::{Message, Via};

impl World {
    /// Hands what has arrived to its receiver, as long as that reads.
    pub(super) fn deliver_arrived(&mut self, key: Key, receiver: usize, acknowledged: bool) {
        loop {
            let now = self.now;
            let is_read = self.is_reading(receiver);
            let Some(connection) = self.connections.get_mut(key) else {
                return;
            };
            let arrived = connection.wire.front().is_some_and(|&(at, _)| at <= now);
            if !arrived {
                return;
            }
            let is_fin = matches!(connection.wire.front(), Some((_, Cargo::Fin)));
            if !(is_read && connection.heard || is_fin && !connection.heard) {
                self.process_mut(receiver).router.waiting.insert(key);
                return;
            }
            match take_first(&mut connection.wire) {
                Some((_, Cargo::Packet(packet))) => {
                    connection.carried -= packet.octets;
                    if !acknowledged {
                        connection.unacknowledged += packet.octets;
                    }
                    self.deliver(key, receiver, packet);
                    self.tell_all();
                }
                Some((_, Cargo::Fin)) => {
                    self.lose_receiving_end(key);
                    return;
                }
                None => return,
            }
        }
    }

    /// Whether a process reads its inbox now.
    pub(super) fn is_reading(&self, number: usize) -> bool {
        self.is_working(number) && self.process(number).inbox_open
    }

    fn deliver(&mut self, key: Key, receiver: usize, packet: Packet) {
        let Some(connection) = self.connections.get(key) else {
            return;
        };
        let sender = connection.sender;
        let via = Via {
            remote: Some(connection.near.into()),
            local: Some(connection.far.ip()),
            again: connection.again,
        };
        let id = self.identity(sender);
        if self.process(receiver).machine.flavour().is_some() {
            self.deliver_to_foreign(receiver, sender, packet);
            return;
        }
        let Some(message) = self.decode(packet.payload) else {
            self.check.undecodable(receiver, "a message");
            return;
        };
        self.note_message(receiver, sender, &message);
        self.check
            .received(self.now, receiver, sender, packet.greeting, &message);
        let token = self.connections.get(key).and_then(|one| one.token);
        self.process_mut(receiver).router.current = token;
        if let Some(token) = token {
            self.process_mut(receiver).router.book.heard(token);
        }
        self.tell(receiver, Input::Message(id, via, message));
        self.process_mut(receiver).router.current = None;
    }

    fn note_message(&mut self, receiver: usize, sender: usize, message: &Message) {
        let numbers = [sender as u64, receiver as u64, u64::from(message.sequence)];
        self.trace.note(self.now, Kind::Message, numbers, || {
            format!(
                "p{receiver} gets {} of p{sender}: {:.160}",
                message.sequence,
                format!("{:?}", message.body)
            )
        });
    }

    fn decode(&self, payload: Payload) -> Option<Message> {
        match payload {
            Payload::Typed(message, tail) => Some(as_received(message, tail)),
            Payload::Octets { header, content } => {
                Message::decode(&header, content, &self.options.limits).ok()
            }
        }
    }

    /// A foreign process gets the octets.
    fn deliver_to_foreign(&mut self, receiver: usize, sender: usize, packet: Packet) {
        let (header, content) = match packet.payload {
            Payload::Octets { header, content } => (header, content),
            Payload::Typed(message, tail) => {
                let mut header = Vec::new();
                message.encode_header(&mut header);
                let content = message.body.content();
                (
                    header,
                    content.and_then(|content| on_the_wire(content, tail)),
                )
            }
        };
        if let Ok(message) = Message::decode(&header, content.clone(), &self.options.limits) {
            self.note_message(receiver, sender, &message);
            self.check
                .received(self.now, receiver, sender, packet.greeting, &message);
        }
        let now = self.clock(receiver).read(self.now);
        let id = self.identity(sender);
        // What counts from a HELLO that was lost with a connection may fit by chance: nobody can tell.
        let is_in_step = self.check.is_in_step(receiver, sender);
        if let Machine::Foreign(foreign) = &mut self.process_mut(receiver).machine {
            foreign.receive(now, id, &header, content);
            match foreign.death {
                Some(WRONG_STATUS) if !is_in_step => foreign.survive(id),
                Some(death) => self.check.killed(receiver, death),
                None => {}
            }
        }
        self.carry_out_all(receiver);
    }
}

/// Takes the first of what waits. Nothing is kept for what may wait there later: nearly all queues of a
/// world are empty, two for each pair, and would be most of its memory.
pub(super) fn take_first<T>(queue: &mut VecDeque<T>) -> Option<T> {
    let first = queue.pop_front();
    if queue.is_empty() {
        *queue = VecDeque::new();
    }
    first
}

/// A message as its receiver gets it: the tail is content like the rest.
fn as_received(mut message: Message, tail: bool) -> Message {
    use crate::zre::Body;
    if let Body::Whisper { content } | Body::Shout { content, .. } = &mut message.body
        && content.tail().is_some()
        && let Some(received) = on_the_wire(content, tail)
    {
        *content = received;
    }
    message
}
