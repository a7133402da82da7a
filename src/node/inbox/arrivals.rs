//! Connections that arrive: how they are accepted, how hands are shaken, and which of them are read.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::time::Instant;

use super::{Inbox, Notice, Received, Stream};
use crate::node::tcp::is_for_later;
use crate::node::zmtp::{Item, Reader, Ready, Side};
use crate::zre::PeerId;
use crate::zre::connections::{Introduction, Token, Verdict};

impl Inbox {
    /// Admits whoever has come, and shakes hands. To be called also while the inbox is not read.
    pub(in super::super) fn attend(&mut self, now: Instant) {
        if !std::mem::take(&mut self.arrived) {
            return;
        }
        let mut arrived = std::mem::take(&mut self.numbers);
        self.arrivals.take(&mut arrived);
        for number in arrived.drain(..) {
            self.arrived = true;
            match Token(number) {
                token if self.streams.contains_key(&token) => self.shake(now, token),
                _ => self.accept(now, number),
            }
        }
        self.numbers = arrived;
    }

    fn accept(&mut self, now: Instant, listener: u64) {
        for _ in 0..ACCEPTED {
            let Some((socket, remote)) = self.listeners.accept(now, listener, &self.arrivals)
            else {
                return;
            };
            let Some(token) = self.connections.accepted(now, remote.into()) else {
                self.notices.push_back(Notice::Refused);
                continue;
            };
            let stream = Stream {
                local: socket.local_addr().ok().map(|local| local.ip()),
                socket,
                remote,
                peer: None,
                ticket: (self.tickets)(),
                is_hailed: false,
                is_heard: false,
                is_again: false,
                reader: Reader::new(Side::Router),
                early: Vec::new(),
                held: 0,
                turn: self.turns.admit(),
            };
            let begun = self.arrivals.add(&stream.socket, token.0);
            self.streams.insert(token, stream);
            if begun.is_err() {
                self.end(token);
                continue;
            }
            // Whoever dials says its version at once: mostly it is there already, and the whole answer
            // goes in one piece. Whoever waits for ours is told it.
            self.shake(now, token);
            self.hail(token);
        }
    }

    /// Tells the other side our version, if that has not been done yet.
    fn hail(&mut self, token: Token) {
        let Some(stream) = self.streams.get_mut(&token).filter(|it| !it.is_hailed) else {
            return;
        };
        stream.is_hailed = true;
        if stream.socket.write_all(self.words.hail()).is_err() {
            self.end(token);
        }
    }

    /// Goes on with the handshake of a connection.
    fn shake(&mut self, now: Instant, token: Token) {
        let Some(stream) = self.streams.get_mut(&token) else {
            return;
        };
        let mut octets = [0; HANDSHAKE_OCTETS];
        let length = match stream.socket.read(&mut octets) {
            Ok(length) if length > 0 && stream.peer.is_none() => length,
            Err(error) if is_for_later(&error) => return,
            // One that waits is ended by its other side.
            Ok(_) | Err(_) => return self.end(token),
        };
        let mut input = octets.get(..length).unwrap_or(&octets);
        loop {
            match stream.reader.read(&mut input, &self.limits) {
                Ok(Some(Item::Version(version))) => {
                    let mut words = self.words.to_with_ticket(version, &stream.ticket);
                    if !std::mem::replace(&mut stream.is_hailed, true) {
                        words = [self.words.hail(), &words].concat();
                    }
                    if stream.socket.write_all(&words).is_err() {
                        return self.end(token);
                    }
                }
                Ok(Some(Item::Ready(ready))) => {
                    stream.early = input.to_vec();
                    return self.introduce(now, token, &ready);
                }
                Ok(None) => return self.weigh(token),
                Ok(Some(_)) | Err(_) => {
                    self.notices.push_back(Notice::Violation);
                    return self.end(token);
                }
            }
        }
    }

    fn introduce(&mut self, now: Instant, token: Token, ready: &Ready) {
        let Some(peer) = PeerId::from_routing_id(&ready.routing_id) else {
            self.notices.push_back(Notice::BadOrigin);
            return self.end(token);
        };
        let Some(stream) = self.streams.get_mut(&token) else {
            return;
        };
        stream.peer = Some(peer);
        let who = Introduction {
            peer,
            ticket: stream.ticket,
            at: stream
                .local
                .map(|local| SocketAddr::new(local, self.listeners.port())),
            proof: ready.proof,
        };
        self.weigh(token);
        for verdict in self.connections.introduced(now, token, &who) {
            self.carry_out(verdict);
        }
    }

    pub(super) fn carry_out(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Hear(token) => self.hear(token),
            Verdict::Wait(token) => self.let_wait(token),
            Verdict::End(token) => {
                self.notices.push_back(Notice::ClosedUnheard);
                self.end(token);
            }
            Verdict::ReadOut(token) => self.read_out(token),
            Verdict::Unheard(peer, remote) => {
                self.notices.push_back(Notice::Unheard(peer, remote));
            }
            Verdict::Reopened(peer, remote) => {
                self.ends.push_back(Received::Reopened { peer, remote });
            }
        }
    }

    /// From now on the connection is read.
    fn hear(&mut self, token: Token) {
        let Some(stream) = self.streams.get_mut(&token) else {
            return;
        };
        let removed = self.arrivals.remove(&stream.socket);
        if removed
            .and_then(|()| self.traffic.add(&stream.socket, token.0))
            .is_err()
        {
            return self.end(token);
        }
        if !stream.early.is_empty() {
            self.turns.ask(token, &mut stream.turn);
        }
    }

    /// Whoever reads it gets what has come, then its end.
    fn read_out(&mut self, token: Token) {
        let Some(stream) = self.streams.get_mut(&token) else {
            return;
        };
        // What is closed at the other end ends by itself.
        let _closed = stream.socket.shutdown(Shutdown::Read);
        self.turns.ask(token, &mut stream.turn);
    }

    /// From now on the connection is not read.
    fn let_wait(&mut self, token: Token) {
        let Some(stream) = self.streams.get_mut(&token) else {
            return;
        };
        // It may be in either set; whatever was in it is gone with it.
        let _not_there = self.arrivals.remove(&stream.socket);
        let _not_there = self.traffic.remove(&stream.socket);
        self.turns.forget(token, &mut stream.turn);
        if self.arrivals.add_for_end(&stream.socket, token.0).is_err() {
            self.end(token);
        }
    }
}

/// What is read at a time during the handshake, in octets: some messages may come right behind it.
const HANDSHAKE_OCTETS: usize = 2_048;
/// Connections that are accepted before everything else gets its turn.
const ACCEPTED: usize = 64;
