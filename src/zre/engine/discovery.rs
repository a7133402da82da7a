//! Who is there, and where: beacons, and peers that turn up elsewhere.
//!
//! A beacon is followed by one dial (`dial`), as far as `admission` allows it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::admission::Standing;
use super::dial::ELSEWHERE;
use super::peer::{Peer, Phase, Place, Presence};
use super::{Engine, Timer};
use crate::zre::{Link, PeerId, Sighting};

/// Places of one peer that are remembered besides the one where it is connected.
const PLACES: usize = 4;

/// How far apart a host's beacons on two networks arrive at most.
const TOGETHER: Duration = Duration::from_millis(100);

/// Beacon intervals after which a place is not alive any more.
pub(super) const MISSED: u32 = 3;

impl Peer {
    /// Whether a beacon from there says nothing but that all is as it was: nearly all of them do, so
    /// that they cost one look-up and two stores.
    fn is_expected(&self, link: &Link) -> bool {
        self.phase == Phase::Ready
            && self.presence == Presence::Present
            && self.place.remote == link.remote
            && self.place.local == link.local
            && self.farewell.is_none()
            && self.challenge.is_none()
            && !self.displaced
    }

    pub(super) fn standing(&self) -> Standing {
        match (self.phase, &self.channel) {
            (Phase::Ready, Some(channel)) if channel.connected => Standing::Proven,
            (Phase::Ready, _) if self.was_reached => Standing::Known,
            (Phase::Ready, _) => Standing::Here,
            (_, None) => Standing::Heard,
            (_, Some(channel)) if channel.connected => Standing::Answered,
            (_, Some(channel)) if channel.met.is_some() => Standing::Met,
            (_, Some(_)) => Standing::Dialled,
        }
    }
}

impl Engine {
    /// A beacon was heard.
    pub fn handle_beacon(&mut self, now: Instant, sighting: Sighting) {
        let Sighting {
            source,
            local,
            beacon,
        } = sighting;
        let id = beacon.peer;
        if id == self.config.peer {
            return;
        }
        if beacon.key.is_some() {
            // It speaks over encrypted links only, which we do not have.
            self.stats.bad_beacons += 1;
            return;
        }
        self.stats.beacons += 1;
        let place = source.at(beacon.port);
        if self.dismissed.holds(id, place) {
            self.stats.dismissed += 1;
            return;
        }
        if beacon.is_farewell() {
            self.hear_farewell(now, id, source);
            return;
        }
        let link = Link::plain(place, Some(local));
        match self.peers.get_mut(&id) {
            None => self.meet(now, id, link),
            Some(peer) if peer.is_expected(&link) => {
                peer.heard = now;
                peer.beacon = Some(now);
            }
            Some(peer) if peer.place.remote == place => self.hear_again(now, id, link),
            Some(_) => self.hear_elsewhere(now, id, link),
        }
    }

    /// A beacon of somebody new.
    pub(super) fn meet(&mut self, now: Instant, id: PeerId, link: Link) {
        if self.is_own_mailbox(link.remote) {
            // A process that has ended, and whose port we were given, is heard late.
            self.stats.bad_beacons += 1;
            return;
        }
        if self.is_stopping() || self.is_returning(now, id) {
            return;
        }
        if !self
            .admission
            .admits_unproven(&self.config.limits, now, link.remote.ip())
        {
            self.stats.too_many_unproven += 1;
            return;
        }
        if !self.is_free(now, link.remote) {
            self.stats.too_many_unproven += 1;
            return;
        }
        let mut peer = Peer::new(now, self.number(), link);
        peer.beacon = Some(now);
        self.get_to_know(now, id, peer);
        self.dial_if_admitted(now, id);
    }

    /// Whether nobody else is known at a place, and dialled there. Two connections of ours there would be
    /// taken for one (trap 16), and whoever is behind it has one HELLO of ours under way already. A peer
    /// that has entered from there is asked whether it is still there; if it is known to have hung up,
    /// the place is free at once, and else when it has not answered, for the next beacon from there.
    fn is_free(&mut self, now: Instant, place: SocketAddr) -> bool {
        let Some(&other) = self.places.get(&place) else {
            return true;
        };
        if self.peers.get(&other).is_some_and(Peer::is_ready) {
            self.suspect_by_beacon(now, other);
        }
        !self.places.contains_key(&place)
    }

    /// Remembers a peer that is new.
    pub(super) fn get_to_know(&mut self, now: Instant, id: PeerId, peer: Peer) {
        let due = now + self.config.timing.expired;
        self.deadlines.set(due, Timer::Life(id, peer.serial));
        self.change_standing(now, id, |engine| {
            engine.peers.insert(id, peer);
        });
    }

    /// Lets what changes a peer's standing be counted.
    pub(super) fn change_standing(
        &mut self,
        now: Instant,
        id: PeerId,
        change: impl FnOnce(&mut Self),
    ) {
        let before = self.standing_of(id);
        change(self);
        let after = self.standing_of(id);
        if before != after {
            if let Some((place, standing)) = before {
                self.admission.leave(id, place.ip(), standing);
                if self.places.get(&place) == Some(&id) {
                    self.places.remove(&place);
                }
            }
            if let Some((place, standing)) = after {
                let is_reached = matches!(standing, Standing::Answered | Standing::Proven);
                if let Some(peer) = self.peers.get_mut(&id).filter(|_| is_reached) {
                    peer.was_reached = true;
                }
                self.admission.enter(now, id, place.ip(), standing);
                self.places.insert(place, id);
            }
        }
    }

    fn standing_of(&self, id: PeerId) -> Option<(SocketAddr, Standing)> {
        let peer = self.peers.get(&id)?;
        Some((peer.place.remote, peer.standing()))
    }

    /// A beacon from where the peer is connected.
    fn hear_again(&mut self, now: Instant, id: PeerId, link: Link) {
        // A connection from an address that we do not have any more is dead, whatever comes the other
        // way.
        let local_changed = self
            .peers
            .get(&id)
            .is_some_and(|peer| !self.is_own(peer.place.local) && peer.place.local != link.local);
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        if peer.farewell.is_some() {
            return;
        }
        peer.beacon = Some(now);
        let is_back = peer.show_itself(now);
        let is_elsewhere = |to: &Link| to.remote != link.remote;
        peer.challenge.take_if(|challenge| {
            !challenge.by_connection && challenge.to.as_ref().is_some_and(is_elsewhere)
        });
        let (phase, is_displaced) = (peer.phase, peer.displaced);
        let has_opened = peer.traffic > self.readdressed;
        if is_back {
            self.welcome_back(now, id);
        }
        match phase {
            Phase::Heard => self.dial_if_admitted(now, id),
            // It is heard over a connection that it has opened since: that one is well.
            Phase::Ready if local_changed && has_opened => {
                self.reconnect(now, id, link);
            }
            Phase::Ready if is_displaced || local_changed => self.relocate(now, id, link),
            Phase::Greeted | Phase::Ready => {}
        }
    }

    /// A beacon of a known peer from a place where it is not connected.
    pub(super) fn hear_elsewhere(&mut self, now: Instant, id: PeerId, link: Link) {
        let stale = self.config.timing.interval * MISSED;
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        if peer.farewell.is_some() {
            return;
        }
        if peer.phase == Phase::Heard {
            if !self.is_free(now, link.remote) {
                return;
            }
            self.change_standing(now, id, |engine| {
                if let Some(peer) = engine.peers.get_mut(&id) {
                    peer.place = link;
                    peer.heard = now;
                }
            });
            self.dial_if_admitted(now, id);
            return;
        }
        if peer.displaced {
            self.relocate(now, id, link);
            return;
        }
        // A host on two networks is heard on both at once; one that has moved is not.
        let is_here_too = peer
            .beacon
            .is_some_and(|at| now.duration_since(at) <= TOGETHER);
        let known = peer
            .others
            .iter_mut()
            .find(|other| other.link.remote == link.remote);
        let is_new = known.is_none();
        match known {
            Some(other) => other.heard = now,
            None => {
                peer.others
                    .retain(|other| now.duration_since(other.heard) <= stale);
                if peer.others.len() < PLACES {
                    peer.others.push(Place {
                        link: link.clone(),
                        heard: now,
                    });
                }
            }
        }
        if !peer.is_ready() {
            let channel = peer.channel.as_ref();
            let was_given_time = channel.is_some_and(|it| it.has_time_until().is_some())
                && now >= peer.greeted + ELSEWHERE;
            if is_new && was_given_time && peer.is_heard_with_another_mailbox(now, stale) {
                let serial = peer.serial;
                self.check_dial(now, id, serial);
            }
            return;
        }
        if is_here_too {
            return;
        }
        if is_new && !peer.is_hard_to_hear(now) {
            self.challenge(now, id, Some(link));
        } else {
            self.deadlines.set(now + TOGETHER, Timer::Twin(id));
        }
    }

    /// A peer was heard elsewhere. If it is heard no more at its place, where its beacon of the same
    /// round should have come, it is asked whether it is still there.
    pub(super) fn check_twin(&mut self, now: Instant, id: PeerId) {
        let round = self.config.timing.interval / 2;
        let Some(peer) = self.peers.get(&id).filter(|peer| peer.is_ready()) else {
            return;
        };
        let is_recent = |at: Instant| now.duration_since(at) < TOGETHER + round;
        // Where packets are lost, one that has not come says little.
        let is_here = |at: Instant| {
            let lost = self.config.timing.interval * MISSED;
            is_recent(at) || peer.is_hard_to_hear(now) && now.duration_since(at) <= lost
        };
        let mut others = peer.others.iter();
        if !peer.beacon.is_some_and(is_here)
            && let Some(other) = others.find(|other| is_recent(other.heard))
        {
            let link = other.link.clone();
            self.challenge(now, id, Some(link));
        }
    }
}
