//! Who is still there: silence, farewells, broken connections, and peers that may have moved.
//!
//! A beacon is weak evidence of life, a message strong evidence. An idle peer whose beacons are heard
//! is never evasive, and costs nothing. Whatever speaks against a peer that is connected (somebody
//! else under its id, a beacon from elsewhere, a broken connection) is a question to it, never a
//! verdict: it is asked, and believed if it answers.

use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use super::discovery::MISSED;
use super::peer::{Challenge, Presence, Purpose};
use super::{Engine, Event, ExitReason, Owner, Timer, UndeliveredReason};
use crate::zre::{Body, Host, Link, LinkId, Output, PeerId};

/// How long a peer that was greeted again has to open its connection to us again. Zyre does it at once;
/// a busy network takes a while.
pub(super) const RECONNECTION: Duration = Duration::from_secs(2);

/// How long a peer that was greeted at a new place has to answer before it is greeted once more.
const ANSWER_AGAIN: Duration = Duration::from_millis(400);

/// How long before its time a peer may be looked at.
const AHEAD: Duration = Duration::from_millis(500);

/// The part of the time of a challenge in which we must have been here to hear an answer.
const LAST_CHANCE: u32 = 4;

/// How long ago nobody may have listened at a peer's mailbox for the end of its own connection to say
/// that its process has ended.
const LATELY: Duration = Duration::from_millis(250);

/// How often it is greeted once more.
const GREETINGS: u8 = 3;

/// A peer that was greeted again, and may open its connection to us again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reconnection {
    /// Until when that is expected.
    until: Instant,
    /// How many greetings it has not answered. A Zyre opens its connection anew for each of them, so
    /// that the answer to one may come over a connection that ends because of the next.
    greetings: u32,
}

impl Engine {
    /// A peer may have been quiet for too long.
    pub(super) fn check_life(&mut self, now: Instant, id: PeerId, serial: u64) {
        let Some(peer) = self.peers.get(&id).filter(|peer| peer.serial == serial) else {
            return;
        };
        let timing = self.config.timing.clone();
        if self.inbox_stopped.is_some() {
            // Whatever it said lies unread: it cannot be blamed.
            self.deadlines
                .set(now + timing.evasive, Timer::Life(id, serial));
            return;
        }
        let heard = peer.heard.max(self.blameless);
        if !peer.is_ready() {
            let due = heard + timing.expired;
            if peer.channel.is_some() {
                // Its dial has a time of its own, and when it enters its life has another one.
            } else if now < heard + timing.evasive {
                self.deadlines.set(due, Timer::Life(id, serial));
            } else {
                self.remove(now, id, ExitReason::Expired);
            }
            return;
        }
        let due = heard + timing.evasive.min(timing.expired);
        if peer.is_at_ease() && now < due {
            self.look_again(now, due, id, serial);
            return;
        }
        self.ask_anew(now, id);
        if self.is_deaf(now, id) {
            self.remove(now, id, ExitReason::Expired);
            return;
        }
        let deaf = self.deaf_from(id);
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let next = match peer.presence {
            _ if now >= heard + timing.expired => {
                self.remove(now, id, ExitReason::Expired);
                return;
            }
            Presence::Present if now < heard + timing.evasive => heard + timing.evasive,
            Presence::Present => {
                peer.presence = Presence::Asked;
                self.ping(now, id, Purpose::Life);
                now + timing.answer
            }
            Presence::Asked => {
                peer.presence = Presence::Evasive;
                self.event(Event::Evasive { peer: id });
                heard + timing.silent
            }
            Presence::Evasive if now < heard + timing.silent => heard + timing.silent,
            Presence::Evasive => {
                peer.presence = Presence::Silent;
                self.ping(now, id, Purpose::Life);
                self.event(Event::Silent { peer: id });
                now + timing.evasive
            }
            // It may be heard again long before it would have expired, and fall silent once more.
            Presence::Silent => now + timing.evasive,
        };
        let next = next.min(heard + timing.expired).min(deaf.unwrap_or(next));
        self.look_again(now, next, id, serial);
    }

    /// Looks at peers shortly before it is time, as long as they turn out to be well. So that is done for
    /// many at once, and a node of a hundred peers is woken for it two or three times a second, not for each.
    pub(super) fn look_ahead(&mut self, now: Instant) {
        let patience = self.config.timing.evasive.min(self.config.timing.expired);
        let soon = now + AHEAD;
        while let Some((at, Timer::Life(id, serial))) = self.deadlines.first()
            && at <= soon
            && let Some(peer) = self.peers.get(&id)
        {
            let due = peer.heard.max(self.blameless) + patience;
            let is_well = peer.serial == serial && peer.is_ready() && peer.is_at_ease();
            if !is_well || due <= soon || self.inbox_stopped.is_some() {
                return;
            }
            self.deadlines.put_off(due);
        }
    }

    fn look_again(&mut self, now: Instant, at: Instant, id: PeerId, serial: u64) {
        let at = at.max(now + Duration::from_millis(1));
        self.deadlines.set(at, Timer::Life(id, serial));
    }

    /// Whether a peer's beacons are heard, but PINGs over its connection were in vain for the
    /// `expired` time: then it does not hear us, and has to be connected anew.
    fn is_deaf(&self, now: Instant, id: PeerId) -> bool {
        self.deaf_from(id).is_some_and(|due| now >= due)
    }

    /// When that will be so, if a peer stays as it is.
    fn deaf_from(&self, id: PeerId) -> Option<Instant> {
        let peer = self.peers.get(&id)?;
        let sent = peer.asked_since_traffic()?;
        // One that takes octets slowly has not come to the PING yet.
        let full = peer.channel.as_ref().and_then(|channel| channel.full);
        let taken = full.map_or(sent, |full| full.progress);
        Some(sent.max(taken).max(self.blameless) + self.config.timing.expired)
    }

    /// A PING that was lost with a connection is never answered, and says nothing about a peer that has
    /// spoken since: it is asked anew. Nor is one that came before our HELLO to somebody who had
    /// forgotten us.
    fn ask_anew(&mut self, now: Instant, id: PeerId) {
        let patience = self.config.timing.evasive;
        let lost = self.peers.get_mut(&id).filter(|peer| {
            let oldest = peer.pings.front().map(|(sent, _)| *sent);
            oldest.is_some_and(|sent| now.duration_since(sent.max(peer.traffic)) >= patience)
                && peer
                    .asked_since_traffic()
                    .is_none_or(|sent| sent <= peer.greeted)
        });
        if let Some(peer) = lost {
            peer.pings.clear();
            self.ping(now, id, Purpose::Life);
        }
    }

    /// What was under way from a peer that says farewell may have been read.
    pub(super) fn check_farewell(&mut self, now: Instant, id: PeerId) {
        let timing = &self.config.timing;
        let Some(peer) = self.peers.get(&id) else {
            return;
        };
        let Some(since) = peer.farewell else { return };
        if self.inbox_stopped.is_some() {
            self.deadlines
                .set(now + timing.farewell_quiet, Timer::Farewell(id));
            return;
        }
        let quiet = since.max(peer.traffic).max(self.blameless) + timing.farewell_quiet;
        let due = quiet.min(since.max(self.blameless) + timing.farewell);
        if now < due {
            self.deadlines.set(due, Timer::Farewell(id));
        } else {
            self.remove(now, id, ExitReason::Farewell);
        }
    }

    /// The inbound connection of this peer is gone, and everything that came over it has been told.
    pub fn handle_broken(&mut self, now: Instant, peer: PeerId) {
        let Some(known) = self.peers.get_mut(&peer).filter(|known| known.is_ready()) else {
            return;
        };
        known.hung_up = true;
        // If it connects again, it says once more what it does not know to have arrived.
        known.may_repeat = true;
        let place = known.place.remote;
        let at_its_mailbox = self.places.get(&place);
        let has_heir = self.heirs.values().any(|heir| heir.is_at(place));
        let is_taken = at_its_mailbox.is_some_and(|other| *other != peer) || has_heir;
        let just_now = |at: Instant| now.duration_since(at) <= LATELY;
        if known.farewell.is_some() {
            self.remove(now, peer, ExitReason::Farewell);
        } else if is_taken || known.refused.is_some_and(just_now) {
            self.remove(now, peer, ExitReason::Broken);
        } else {
            self.ask_if_broken(now, peer, self.config.timing.broken);
        }
    }

    /// A try to open a connection was refused: nobody listens there (any more). (That nobody answers at all is not to be told: networks come and go.)
    ///
    /// A peer whose connection to us is gone as well is gone: its process has ended, without a word.
    /// As long as the one is there, the other proves nothing: it may be a firewall that refuses, or
    /// somebody else who has got the peer's address.
    pub fn handle_refused(&mut self, now: Instant, link: LinkId) {
        let Some(Owner::Peer(id)) = self.links.get(&link).copied() else {
            return;
        };
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.is_ready()) else {
            return;
        };
        peer.refused = Some(now);
        if peer.hung_up {
            self.remove(now, id, ExitReason::Broken);
        }
    }

    /// Somebody else says that its mailbox is where this peer has its own: perhaps its process has
    /// ended and another one was given its port. What is sent to it would go there.
    ///
    /// If its connection to us is gone as well, that is certain. Then ours to it has to go before the
    /// other one is dialled: two connections under our id would be in each other's way (trap 16).
    pub(super) fn suspect(&mut self, now: Instant, peer: PeerId) {
        if self.peers.get(&peer).is_some_and(|peer| peer.hung_up) {
            self.remove(now, peer, ExitReason::Broken);
        } else {
            self.ask_if_broken(now, peer, self.config.timing.challenge);
        }
    }

    fn ask_if_broken(&mut self, now: Instant, id: PeerId, patience: Duration) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.is_ready()) else {
            return;
        };
        if peer.broken.is_none() {
            let due = now + patience;
            peer.broken = Some(due);
            self.ping(now, id, Purpose::Life);
            self.deadlines.set(due, Timer::Broken(id));
        }
    }

    pub(super) fn check_broken(&mut self, now: Instant, id: PeerId) {
        let patience = self.config.timing.broken;
        let Some(due) = self.peers.get(&id).and_then(|peer| peer.broken) else {
            self.turn_heirs_away(id);
            return;
        };
        let mut due = due.max(self.blameless + patience);
        if let Some(expected) = self.reconnecting.get(&id) {
            // One that was greeted again opens its connection anew, if it is a Zyre.
            due = due.max(expected.until);
        }
        if self.inbox_stopped.is_some() {
            self.deadlines.set(now + patience, Timer::Broken(id));
        } else if now < due {
            self.deadlines.set(due, Timer::Broken(id));
        } else {
            self.remove(now, id, ExitReason::Broken);
        }
    }

    // Peers that may have moved.

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
        peer.challenge = Some(Box::new(Challenge {
            since: now,
            to,
            by_connection: false,
            last_chance: None,
        }));
        self.ping(now, id, Purpose::Life);
        let chance = self.config.timing.challenge / LAST_CHANCE;
        let at = now + self.config.timing.challenge - chance;
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
        let due = challenge.since.max(self.blameless) + self.config.timing.challenge;
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
        if !challenge.last_chance.is_some_and(is_over) {
            challenge.last_chance = Some(now);
            self.deadlines.set(now + chance, Timer::Challenge(id));
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
        peer.may_repeat = true;
        peer.others.retain(|other| other.link.remote != to.remote);
        peer.beacon = Some(now);
        self.hang_up(id, Host::from(to.remote));
        self.reconnect(now, id, to);
    }

    /// The way to a peer is another one now, and what it says is heard: it is greeted there. To one that
    /// has entered goes first what has not arrived where it was. One that has not been reached yet has
    /// its greeting before it.
    pub(super) fn reconnect(&mut self, now: Instant, id: PeerId, to: Link) {
        let Some(peer) = self.peers.get(&id) else {
            return;
        };
        let before = peer.place.remote;
        let was_reached = peer.channel.as_ref().is_some_and(|it| it.connected);
        if peer.is_ready() {
            self.change_standing(id, |engine| engine.lead(now, id, to));
            if was_reached {
                self.greet_anew(now, id);
            }
        } else {
            self.change_standing(id, |engine| {
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
            channel.connected = false;
            let link = channel.link;
            self.outputs.push_back(Output::Lead { link, to });
        }
    }

    /// A peer was not heard for too long. Its connection to us may be dead without our noticing, and in
    /// the way of a new one (trap 16).
    fn hang_up(&mut self, peer: PeerId, at: Host) {
        self.outputs.push_back(Output::HangUp { peer, at });
    }

    /// A second inbound connection under this peer's id, from this address, waits to be heard: perhaps
    /// the peer has opened another one, and we have not noticed the end of the first.
    pub fn handle_unheard(&mut self, now: Instant, id: PeerId, remote: Host) {
        let Some(peer) = self.peers.get(&id).filter(|peer| peer.is_ready()) else {
            return;
        };
        // Of two hosts that have two networks in common, each could follow the other for ever: only one
        // of them does, and whoever is left behind with no connection of the other.
        let follows = self.config.peer < id || peer.hung_up;
        let elsewhere = peer.others.iter().filter(|_| follows);
        let mut places = std::iter::once(&peer.place).chain(elsewhere.map(|other| &other.link));
        let Some(to) = places.find(|to| Host::from(to.remote) == remote).cloned() else {
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
        }
    }

    /// What our interfaces are called that have link-local IPv6 addresses: HELLO names them, for such
    /// an address means something on its link only.
    pub fn handle_zones(&mut self, zones: impl IntoIterator<Item = (Ipv6Addr, String)>) {
        self.zones = zones.into_iter().collect();
    }

    /// Our own addresses have changed: peers reached from one that is gone are reached at another place
    /// where they are heard, or asked whether they still hear us.
    pub fn handle_addresses(&mut self, now: Instant, addresses: &[IpAddr]) {
        if self.addresses.iter().any(|old| !addresses.contains(old)) {
            self.readdressed = now;
        }
        self.addresses = addresses.to_vec();
        let displaced: Vec<PeerId> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.is_ready() && !self.is_own(peer.place.local))
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

    /// A peer that was greeted again may open its connection to us again, once for each greeting, of
    /// which so many are not answered if none was expected before.
    pub(super) fn expect_reconnection(&mut self, now: Instant, id: PeerId, greetings: u32) {
        let until = now + RECONNECTION;
        if let Some(expected) = self.reconnecting.get_mut(&id) {
            expected.until = until;
            expected.greetings = expected.greetings.saturating_add(1);
        } else {
            self.reconnecting
                .insert(id, Reconnection { until, greetings });
            self.deadlines.set(until, Timer::Reconnection(id));
        }
    }

    /// Our connection to it has opened: it can hear what it was greeted with.
    pub(super) fn renew_reconnection(&mut self, now: Instant, id: PeerId) {
        if let Some(expected) = self.reconnecting.get_mut(&id) {
            expected.until = now + RECONNECTION;
        }
    }

    /// It has answered one of the greetings.
    pub(super) fn answer_reconnection(&mut self, id: PeerId) {
        let Some(expected) = self.reconnecting.get_mut(&id) else {
            return;
        };
        expected.greetings = expected.greetings.saturating_sub(1);
        if expected.greetings == 0 {
            self.end_reconnection(id);
        }
    }

    /// It is not expected to do so any more.
    pub(super) fn end_reconnection(&mut self, id: PeerId) {
        self.reconnecting.remove(&id);
    }

    pub(super) fn check_reconnection(&mut self, now: Instant, id: PeerId) {
        let channel = self.peers.get(&id).and_then(|peer| peer.channel.as_ref());
        let is_deaf = channel.is_some_and(|channel| !channel.connected);
        let Some(expected) = self.reconnecting.get_mut(&id) else {
            return;
        };
        if is_deaf {
            // It has not been able to hear the greetings yet.
            expected.until = expected.until.max(now + RECONNECTION);
        }
        if expected.until <= now {
            self.end_reconnection(id);
        } else {
            self.deadlines.set(expected.until, Timer::Reconnection(id));
        }
    }

    // The end of an acquaintance.

    /// Ends the acquaintance with a peer; if it had entered, the application is told, last of all.
    pub(super) fn remove(&mut self, now: Instant, id: PeerId, reason: ExitReason) {
        let Some(peer) = self.peers.get(&id) else {
            return;
        };
        let told = peer.is_ready().then_some(reason);
        let place = peer.place.remote;
        if told == Some(ExitReason::Expired) {
            self.hang_up(id, Host::from(place));
        }
        self.leave_groups(id);
        self.end_reconnection(id);
        self.doubt(id);
        self.change_standing(id, |engine| {
            if engine
                .peers
                .get(&id)
                .is_some_and(|peer| peer.channel.is_some())
            {
                engine.close_channel(now, id, told);
            } else if let Some(reason) = told {
                engine.tell_exit(id, reason);
            }
            engine.peers.remove(&id);
        });
        self.admission.waiting.remove(id);
        self.flushes.gone(id);
        self.release_static(now, id);
        self.let_heir_in(now, place);
        self.dial_waiting(now);
        self.check_flushes(now);
    }

    /// Closes a peer's connection. What was queued is told once that is known.
    fn close_channel(&mut self, now: Instant, id: PeerId, reason: Option<ExitReason>) {
        let Some(channel) = self.peers.get_mut(&id).and_then(|peer| peer.channel.take()) else {
            return;
        };
        self.forget_full(&channel);
        self.refuse_many(now, id, UndeliveredReason::Gone, channel.waiting_content());
        self.links.insert(channel.link, Owner::Closing(id, reason));
        self.outputs
            .push_back(Output::Disconnect { link: channel.link });
    }

    /// A connection was closed as asked; `unsent` WHISPERs and SHOUTs were still queued in it.
    pub fn handle_closed(&mut self, now: Instant, link: LinkId, unsent: u64) {
        match self.links.remove(&link) {
            Some(Owner::Closing(id, reason)) => {
                self.refuse_many(now, id, UndeliveredReason::Gone, unsent);
                if let Some(reason) = reason {
                    self.tell_exit(id, reason);
                }
            }
            Some(Owner::Forgotten) | None => {}
            Some(owner) => {
                self.links.insert(link, owner);
            }
        }
    }

    fn tell_exit(&mut self, id: PeerId, reason: ExitReason) {
        self.tell_refused_to(id);
        self.event(Event::Exit { peer: id, reason });
    }

    /// We ourselves did not run for a while (stopped, or starved): what others said meanwhile lies
    /// unread, and nobody can be blamed for silence.
    pub(super) fn notice_own_absence(&mut self, now: Instant) {
        let asleep = |due: Instant| now.saturating_duration_since(due) > self.config.timing.answer;
        if self.deadlines.next().is_some_and(asleep) {
            self.blameless = now;
        }
    }

    // A slow application.

    /// The inbox is read (again), or not, because the application is slow. While it is not, peers are
    /// not blamed for their silence, and are sent signs of life.
    pub fn handle_inbox(&mut self, now: Instant, open: bool) {
        if open {
            if self.inbox_stopped.take().is_some() {
                self.blameless = now;
            }
        } else if self.inbox_stopped.is_none() {
            self.inbox_stopped = Some(now);
            self.deadlines
                .set(now + self.config.timing.evasive / 2, Timer::LifeSign);
        }
    }

    /// Sends everybody a PING-OK that nobody asked for: PINGs lie unread in the inbox.
    pub(super) fn give_life_signs(&mut self, now: Instant) {
        let Some(stopped) = self.inbox_stopped else {
            return;
        };
        let half = self.config.timing.evasive / 2;
        if now < stopped + half {
            self.deadlines.set(stopped + half, Timer::LifeSign);
            return;
        }
        let ready: Vec<PeerId> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.is_ready())
            .map(|(id, _)| *id)
            .collect();
        for id in ready {
            self.send(now, id, Body::PingOk);
        }
        self.deadlines.set(now + half, Timer::LifeSign);
    }
}
