//! Peers that may have moved, and the ways to them.
//!
//! Whatever speaks against the place of a peer that is connected (somebody else under its id, a beacon
//! from elsewhere, an address of ours that is gone) is a question to it, never a verdict: it is asked
//! there, and believed if it answers.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::dial::{DIAL, ELSEWHERE};
use super::discovery::MISSED;
use super::peer::{Challenge, Farewell, Peer, Purpose, Repeats};
use super::{Engine, Event, Owner, Timer};
use crate::zre::{Host, Link, LinkId, Output, PeerId};

/// How long a peer that was greeted at a new place has to answer before it is greeted once more.
const ANSWER_AGAIN: Duration = Duration::from_millis(400);

/// The part of the time of a challenge in which we must have been here to hear an answer.
const LAST_CHANCE: u32 = 4;

/// How many times longer than usual a peer has to answer while packets from it are lost: TCP needs that for a
/// question and an answer of which each goes three times.
pub(super) const MUCH: u32 = 4;

/// How exactly a system knows when it was answered: it counts time in steps, of 10 ms at most.
pub(super) const STEP: Duration = Duration::from_millis(10);

/// How often it is greeted once more.
const GREETINGS: u8 = 3;

impl Engine {
    /// Asks a peer at its old place whether it is still there.
    pub(super) fn challenge(&mut self, now: Instant, id: PeerId, to: Option<Link>) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.is_ready()) else {
            return;
        };
        if let Some(challenge) = &mut peer.challenge {
            if challenge.to.is_none() {
                challenge.to = to;
            }
            return;
        }
        let patience = if peer.is_hard_to_hear(now) {
            self.config.timing.challenge * MUCH
        } else {
            self.config.timing.challenge
        };
        peer.challenge = Some(Box::new(Challenge {
            asked: now,
            since: now,
            to,
            by_connection: false,
            by_word: false,
            patience,
            last_chance: None,
        }));
        self.ping(now, id, Purpose::Life);
        let chance = self.config.timing.challenge / LAST_CHANCE;
        let at = now + patience - chance;
        self.deadlines.set(at, Timer::Challenge(id));
    }

    pub(super) fn check_challenge(&mut self, now: Instant, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let Some(challenge) = &mut peer.challenge else {
            return;
        };
        let chance = self.config.timing.challenge / LAST_CHANCE;
        let due = challenge.since.max(self.blameless) + challenge.patience;
        // Whose connection has ended may well be on its way from elsewhere.
        let beacon = peer.beacon.filter(|_| !peer.hung_up);
        let contested = challenge.contested_until(&peer.place, beacon, &self.config.timing);
        let from = contested.unwrap_or(due).max(due) - chance;
        if self.inbox_stopped.is_some() || now < from {
            challenge.last_chance = None;
            let at = from.max(now + chance);
            self.deadlines.set(at, Timer::Challenge(id));
            return;
        }
        // Where the machine stood still for longer than this takes, for it and for us, its answer may be
        // on its way only now. So it has that much time in which we have been here to hear it.
        let is_over = |since: Instant| (since + chance..=since + 2 * chance).contains(&now);
        if challenge
            .last_chance
            .is_some_and(|since| now < since + chance)
        {
            // Its end is looked at in its time.
            return;
        }
        if !challenge.last_chance.is_some_and(is_over) {
            challenge.last_chance = Some(now);
            self.deadlines.set(now + chance, Timer::Challenge(id));
            self.probe(id);
            return;
        }
        match challenge.to.clone() {
            Some(to) => self.relocate(now, id, to),
            None => {
                peer.challenge = None;
                peer.displaced = true;
            }
        }
    }

    /// Asks the system whether that of the peer's host still answers for it.
    pub(super) fn probe(&mut self, id: PeerId) {
        let channel = self.peers.get(&id).and_then(|peer| peer.channel.as_ref());
        if let Some(link) = channel.map(|channel| channel.link) {
            self.outputs.push_back(Output::Probe { link });
        }
    }

    /// The answer to [`Output::Probe`]: the system at the other end of this connection has acknowledged
    /// something at this time.
    ///
    /// It does so for a process that gets no processor, for as long as that process has the connection: so
    /// the peer is still there, however late its own answer is, and whoever says otherwise is somebody else.
    /// Only where the peer's own connection to us has ended may it be on its way from elsewhere; and that
    /// it has opened another one from its old place is no claim about its place. Nor does the system vouch for
    /// long: it also acknowledges what the peer itself never reads, since it hears another connection of ours.
    pub fn handle_acknowledged(&mut self, link: LinkId, at: Instant) {
        let Some(Owner::Peer(id)) = self.links.get(&link).copied() else {
            return;
        };
        let at = at + STEP;
        let most = self.config.timing.evasive;
        // Whoever leaves mostly hangs up at once; and where farewells are made up, one that has not is
        // better taken for gone a while too late than while it is there.
        let is_slandered = self.is_slandered(at);
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        peer.unheard = peer.unheard.and_then(|it| it.after_acknowledged(at));
        if peer.hung_up {
            return;
        }
        if at > *peer.vouched.get_or_insert(at) + most {
            return;
        }
        let host = Host::from(peer.place.remote);
        let is_answer = |challenge: &mut Box<Challenge>| {
            let is_elsewhere = |to: &Link| Host::from(to.remote) != host;
            let claims_a_move =
                !challenge.by_connection || challenge.to.as_ref().is_some_and(is_elsewhere);
            claims_a_move && challenge.asked < at
        };
        if let Some(challenge) = peer.challenge.take_if(is_answer) {
            peer.is_found(at, &challenge);
            self.stats.refuted_moves += 1;
        }
        let is_answered = |it: &mut Farewell| is_slandered && it.is_refuted(at);
        if peer.farewell.take_if(is_answered).is_some() {
            self.stats.refuted_farewells += 1;
        }
        peer.broken.take_if(|suspicion| suspicion.asked < at);
    }

    /// The peer did not answer at its old place: it is connected at the new one, and greeted there.
    /// For the application it has been here all the time.
    pub(super) fn relocate(&mut self, now: Instant, id: PeerId, to: Link) {
        let is_free = self.is_free_for(now, id, to.remote);
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        if !is_free {
            // Its next beacon from there finds the place free, or somebody who has answered.
            peer.challenge = None;
            peer.displaced = true;
            return;
        }
        peer.challenge = None;
        peer.displaced = false;
        peer.greeted_again = 0;
        // What it has said over the connection that is hung up may come again over another one.
        peer.repeats = Repeats::Expected;
        peer.others.retain(|other| other.link.remote != to.remote);
        peer.beacon = Some(now);
        let host = Host::from(to.remote);
        if peer.reopened_from != Some(host) {
            peer.shut = host == Host::from(peer.place.remote);
            self.hang_up(id, host);
        }
        self.reconnect(now, id, to);
    }

    /// The way to a peer is another one now, and what it says is heard: it is greeted there. To one that
    /// has entered goes first what has not arrived where it was. One that has not been reached yet has
    /// its greeting before it.
    pub(super) fn reconnect(&mut self, now: Instant, id: PeerId, mut to: Link) {
        // By which of our own addresses, it shows if that one is gone since it was heard there.
        to.local = to.local.filter(|local| self.is_own(Some(*local)));
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        peer.unheard = None;
        let before = peer.place.remote;
        let was_reached = peer.channel.as_ref().is_some_and(|it| it.connected);
        let serial = peer.serial;
        if peer.is_ready() {
            // Where packets are lost, a second is not much; and to leave a place too early again and again is to
            // arrive nowhere.
            let patience = match peer.led {
                0 if !peer.is_hard_to_hear(now) => ELSEWHERE,
                _ => DIAL,
            };
            self.change_standing(now, id, |engine| engine.lead(now, id, to));
            // Where nobody answers there, it is looked for elsewhere once more.
            let until = now + patience;
            self.deadlines.set(until, Timer::Dial(id, serial));
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.led = peer.led.saturating_add(1);
                peer.led_until = until;
            }
            if was_reached {
                self.greet_anew(now, id);
            }
        } else {
            self.change_standing(now, id, |engine| {
                engine.close_channel(now, id, None);
                engine.connect(now, id, to);
            });
        }
        self.let_heir_in(now, before);
        self.deadlines.set(now + ANSWER_AGAIN, Timer::Answer(id));
    }

    /// Leads a peer's connection to another place.
    fn lead(&mut self, now: Instant, id: PeerId, to: Link) {
        self.tell_moved(id, &to);
        if let Some(peer) = self.peers.get_mut(&id)
            && let Some(channel) = &mut peer.channel
        {
            // What it was asked and has not answered goes there as well: it has its time from now on.
            let asked = peer.pings.iter_mut();
            for (sent, _) in asked.filter(|(_, purpose)| *purpose != Purpose::RoundTrip) {
                *sent = now;
            }
            peer.place = to.clone();
            channel.to = to.clone();
            channel.met = None;
            channel.connected = false;
            let link = channel.link;
            self.outputs.push_back(Output::Lead { link, peer: id, to });
        }
    }

    /// A peer that was greeted again has not said HELLO: what it said may have gone over a connection
    /// that is not heard. It is greeted once more, which it cannot take for an answer this time. Or it
    /// is owed an answer to a HELLO of its own.
    pub(super) fn check_answer(&mut self, now: Instant, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.is_ready()) else {
            return;
        };
        if peer.answer_owed.take_if(|due| *due <= now).is_some() {
            self.say_hello(now, id);
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.hello_awaited = false;
            }
        } else if peer.hello_awaited && peer.greeted_again < GREETINGS {
            peer.greeted_again += 1;
            self.greet_anew(now, id);
            self.deadlines.set(now + ANSWER_AGAIN, Timer::Answer(id));
        } else if peer.hello_awaited {
            // If it answers no PING either, it is deaf.
            self.ping(now, id, Purpose::Life);
        }
    }

    /// A peer was not heard for too long. Its connection to us may be dead without our noticing, and in
    /// the way of a new one (trap 16).
    pub(super) fn hang_up(&mut self, peer: PeerId, at: Host) {
        self.outputs.push_back(Output::HangUp { peer, at });
    }

    /// A second inbound connection under this peer's id, from this address, waits to be heard: perhaps
    /// the peer has opened another one, and we have not noticed the end of the first.
    pub fn handle_unheard(&mut self, now: Instant, id: PeerId, remote: Host) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.is_ready()) else {
            return;
        };
        // What it has opened there before may be dead.
        peer.reopened_from.take_if(|from| *from == remote);
        let Some(peer) = self.peers.get(&id) else {
            return;
        };
        // Of two hosts that have two networks in common, each could follow the other for ever: only one
        // of them does, and whoever is left behind with no connection of the other. The other one asks where the
        // peer is, whether it speaks over the connection from there still.
        let follows = self.config.peer < id || peer.hung_up || peer.shut;
        let is_here = Host::from(peer.place.remote) == remote;
        let there = peer.other_on(remote);
        let known = if is_here || there.is_some() && !follows {
            Some(&peer.place)
        } else {
            there
        };
        let Some(to) = known
            .cloned()
            .or_else(|| self.likely_place(now, peer, remote))
        else {
            return;
        };
        if peer.displaced {
            self.relocate(now, id, to);
            return;
        }
        self.challenge(now, id, Some(to.clone()));
        let challenge = self
            .peers
            .get_mut(&id)
            .and_then(|peer| peer.challenge.as_mut());
        if let Some(challenge) = challenge
            && challenge.to.as_ref() == Some(&to)
        {
            challenge.by_connection = true;
            challenge.patience = self.config.timing.challenge;
            let chance = challenge.patience / LAST_CHANCE;
            let at = now + challenge.patience - chance;
            self.deadlines.set(at, Timer::Challenge(id));
        }
    }

    /// Where a peer is that connects from a host where it was never heard: one whose beacons do not get
    /// through to us, wherever it is, has moved without our hearing so. Its mailbox has the port that it
    /// had. (Of two hosts that hear each other, the beacon says it.)
    pub(super) fn likely_place(&self, now: Instant, peer: &Peer, remote: Host) -> Option<Link> {
        let stale = self.config.timing.interval * MISSED;
        let is_heard = |at: Instant| now.duration_since(at) <= stale;
        let is_silent = !peer.beacon.is_some_and(is_heard)
            && !peer.others.iter().any(|other| is_heard(other.heard));
        is_silent.then(|| Link::plain(remote.at(peer.place.remote.port()), None))
    }

    /// Our own addresses have changed: peers reached from one that is gone are reached at another place
    /// where they are heard, or asked whether they still hear us.
    pub fn handle_addresses(&mut self, now: Instant, addresses: &[IpAddr]) {
        let is_one_gone = self.addresses.iter().any(|old| !addresses.contains(old));
        if is_one_gone {
            self.readdressed = now;
        }
        self.addresses = addresses.to_vec();
        let is_lost = |local: Option<IpAddr>| match local {
            Some(_) => !self.is_own(local),
            None => is_one_gone,
        };
        let displaced: Vec<PeerId> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.is_ready() && is_lost(peer.place.local))
            .map(|(id, _)| *id)
            .collect();
        for id in displaced {
            let peer = self.peers.get(&id);
            let mut others = peer.into_iter().flat_map(|peer| &peer.others);
            let stale = self.config.timing.interval * MISSED;
            let other = others.find(|other| {
                self.is_own(other.link.local) && now.duration_since(other.heard) <= stale
            });
            match other.map(|other| other.link.clone()) {
                // What was sent from an address that is gone does not come back to it.
                Some(to) => self.relocate(now, id, to),
                None => self.challenge(now, id, None),
            }
        }
    }

    /// Tells where a peer is reached that has entered and is connected elsewhere now.
    pub(super) fn tell_moved(&mut self, id: PeerId, to: &Link) {
        let has_moved = |peer: &&Peer| peer.is_ready() && peer.place.remote != to.remote;
        if self.peers.get(&id).filter(has_moved).is_some() {
            let link = to.clone();
            self.event(Event::Moved { peer: id, link });
        }
    }
}
