//! Who is still there: silence, and what we ourselves were not here to hear.
//!
//! A beacon is weak evidence of life, a message strong evidence. An idle peer whose beacons are heard
//! is never evasive, and costs nothing. What becomes of broken connections is in `broken`, of peers
//! that may have moved in `moves`, of those that are gone in `ending`.

use std::time::{Duration, Instant};

use super::peer::{Peer, Presence, Purpose};
use super::{Engine, Event, ExitReason, Timer};
use crate::zre::{Body, PeerId};

/// How long before its time a peer may be looked at.
const AHEAD: Duration = Duration::from_millis(500);

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
        self.doubt_connection(now, id);
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
                self.begin_doubt(id);
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
                self.begin_doubt(id);
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

    /// We ourselves did not run for a while (stopped, or starved): what others said meanwhile lies
    /// unread, and nobody can be blamed for silence.
    pub(super) fn notice_own_absence(&mut self, now: Instant) {
        let asleep = |due: Instant| now.saturating_duration_since(due) > self.config.timing.answer;
        if self.deadlines.next().is_some_and(asleep) {
            self.blameless = now;
        }
    }

    /// The inbox is read (again), or not, because the application is slow. While it is not, peers are
    /// not blamed for their silence, and are sent signs of life.
    pub fn handle_inbox(&mut self, now: Instant, open: bool) {
        if open {
            if self.inbox_stopped.take().is_some() {
                self.blameless = now;
                for id in std::mem::take(&mut self.leaving_unread) {
                    self.check_farewell(now, id);
                }
            }
        } else if self.inbox_stopped.is_none() {
            self.inbox_stopped = Some(now);
            let due = self.life_sign_due(now);
            self.deadlines.set(due, Timer::LifeSign);
        }
    }

    /// When the first sign of life is due. Soon: somebody who has heard nothing of us for long, because our
    /// beacons do not get through, may ask just now, and has not the patience for more than an answer.
    /// But no sooner after another one than any.
    fn life_sign_due(&self, stopped: Instant) -> Instant {
        let timing = &self.config.timing;
        let soon = stopped + timing.answer / 2;
        let again = self.life_sign.map(|at| at + timing.evasive / 2);
        again.map_or(soon, |again| again.max(soon))
    }

    /// Sends everybody a PING-OK that nobody asked for: PINGs lie unread in the inbox. So does the HELLO of
    /// a newcomer, for whom we have entered by our own.
    pub(super) fn give_life_signs(&mut self, now: Instant) {
        let Some(stopped) = self.inbox_stopped else {
            return;
        };
        let half = self.config.timing.evasive / 2;
        let due = self.life_sign_due(stopped);
        if now < due {
            self.deadlines.set(due, Timer::LifeSign);
            return;
        }
        self.life_sign = Some(now);
        let hears_us = |peer: &Peer| {
            let channel = peer.channel.as_ref();
            peer.is_ready() || channel.is_some_and(|channel| channel.connected)
        };
        let hearers: Vec<PeerId> = self
            .peers
            .iter()
            .filter(|(_, peer)| hears_us(peer))
            .map(|(id, _)| *id)
            .collect();
        for id in hearers {
            self.send(now, id, Body::PingOk);
        }
        self.deadlines.set(now + half, Timer::LifeSign);
    }
}
