//! Peers that doubt that we live, though our beacons say so.
//!
//! Zyre takes nothing but messages for signs of life (trap 9): after 5 s without one it asks, and tells
//! its application that we are evasive. Who has asked once is asked by us from then on, before its
//! patience ends: that costs no more messages, and nobody is called evasive who is not.
//!
//! And who asks every second, although each question is answered, does not hear the answers: Zyre does
//! so if our HELLO was lost with a connection. It is greeted once more. So is who speaks and answers
//! none of our questions, which shows the same of a Pyre, to whom our beacons are signs of life.

use std::time::{Duration, Instant};

use super::discovery::MISSED;
use super::peer::Purpose;
use super::{Engine, Timer};
use crate::zre::{Body, PeerId};

/// A question sooner after our last message than this is not taken for impatience: a Zyre waits for
/// five seconds. (One that is told to wait for less goes on asking.) What we ask to reassure comes
/// sooner, so that two of ours cannot teach each other to ask more and more often.
const LEAST: Duration = Duration::from_millis(4_500);

/// Nor is one that comes this soon after another message: it asks whether that was read.
const CONFIRMING: Duration = Duration::from_secs(2);

/// Questions in a row, each a second or so after the last answer, that show that none was heard.
const UNHEARD: u8 = 4;

/// The time between two of them, at least and at most.
const SOONEST: Duration = Duration::from_millis(500);
const AGAIN: Duration = Duration::from_secs(2);

impl Engine {
    pub(super) fn receive_ping(&mut self, now: Instant, id: PeerId) {
        if self.is_unheard(now, id) {
            self.greet_anew(now, id);
        }
        let recent = self.config.timing.interval * MISSED;
        if let Some(peer) = self.peers.get_mut(&id) {
            let sends_beacons = peer
                .beacon
                .is_some_and(|at| now.duration_since(at) <= recent);
            let quiet = now.duration_since(peer.said);
            let is_alone = now.duration_since(peer.traffic_before) >= CONFIRMING;
            // One in a row of questions comes sooner than its patience ends.
            let is_first = peer.doubts == 1;
            if sends_beacons
                && is_first
                && is_alone
                && quiet >= LEAST
                && peer.patience.is_none_or(|known| quiet < known)
            {
                if peer.patience.is_none() {
                    let timer = Timer::Reassure(id, peer.serial);
                    self.deadlines.set(now + in_time(quiet), timer);
                }
                peer.patience = Some(quiet);
            }
        }
        self.send(now, id, Body::PingOk);
    }

    /// Whether the peer asks again and again, as one does who has never heard our HELLO.
    fn is_unheard(&mut self, now: Instant, id: PeerId) -> bool {
        let Some(peer) = self.peers.get_mut(&id) else {
            return false;
        };
        let again = now.duration_since(peer.said);
        if (SOONEST..=AGAIN).contains(&again) && peer.doubts > 0 {
            peer.doubts += 1;
        } else {
            peer.doubts = 1;
        }
        let unheard = peer.doubts >= UNHEARD;
        if unheard {
            peer.doubts = 0;
        }
        unheard
    }

    /// A message has come of a peer that has left a question of ours unanswered for long, though it is at
    /// work: it has never heard our HELLO, and is greeted once more.
    pub(super) fn greet_who_answers_nothing(&mut self, now: Instant, id: PeerId) {
        let patience = self.config.timing.evasive;
        let is_old = |at: Instant| now.duration_since(at) >= patience;
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        // One that takes octets slowly has not come to the question yet.
        let hears = peer
            .channel
            .as_ref()
            .is_some_and(|channel| channel.connected && channel.full.is_none());
        let is_asked = peer.pings.front().is_some_and(|(sent, _)| is_old(*sent));
        if hears && is_asked && is_old(peer.greeted) && self.inbox_stopped.is_none() {
            peer.pings.clear();
            self.greet_anew(now, id);
        }
    }

    pub(super) fn check_patience(&mut self, now: Instant, id: PeerId, serial: u64) {
        let Some(peer) = self.peers.get(&id).filter(|peer| peer.serial == serial) else {
            return;
        };
        let Some(patience) = peer.patience else {
            return;
        };
        let mut due = peer.said + in_time(patience);
        if now >= due {
            self.ping(now, id, Purpose::Life);
            due = now + in_time(patience);
        }
        self.deadlines.set(due, Timer::Reassure(id, serial));
    }
}

/// A part of somebody's patience that leaves time for the way, and for a timer that is late.
fn in_time(patience: Duration) -> Duration {
    patience / 4 * 3
}
