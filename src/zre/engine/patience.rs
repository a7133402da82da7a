//! Peers that doubt that we live, though our beacons say so.
//!
//! Zyre takes nothing but messages for signs of life (trap 9): after 5 s without one it asks, and tells
//! its application that we are evasive. Who has asked once is asked by us from then on, before its
//! patience ends: that costs no more messages, and nobody is called evasive who is not.
//!
//! One of ours asks, too, if our beacons do not get through for a while, but not because it always would:
//! a peer that has once borne a longer silence of ours without a question is content with beacons. What it
//! asks later is answered, and no more, unless it asks again and again; and then it is reassured for some
//! minutes only. A Zyre bears no such silence, and is reassured for good.
//!
//! And who asks every second, although each question is answered, does not hear the answers: Zyre does
//! so if our HELLO was lost with a connection. It is greeted once more. So is who speaks and answers
//! none of our questions, which shows the same of a Pyre, to whom our beacons are signs of life.

use std::time::{Duration, Instant};

use super::discovery::MISSED;
use super::peer::{Peer, Presence, Purpose};
use super::{Engine, Timer};
use crate::zre::{Body, PeerId};

/// A question sooner after our last message than this is not taken for impatience: a Zyre waits for
/// five seconds. (One that is told to wait for less goes on asking.) What we ask to reassure comes
/// sooner, so that two of ours cannot teach each other to ask more and more often.
const LEAST: Duration = Duration::from_millis(4_500);

/// Nor is one that comes this soon after another message: it asks whether that was read.
const CONFIRMING: Duration = Duration::from_secs(2);

/// A silence of ours that no Zyre bears without a question: twice the time after which it asks.
const BORNE: Duration = Duration::from_secs(10);

/// How often one that has borne it asks, without bearing it again in between, until it is reassured.
const INSISTENT: u8 = 3;

/// How often it is then, before it is seen whether it is content again: every few seconds, for ten minutes
/// or so.
const REASSURED: u16 = 160;

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
        let awake = self.blameless;
        if let Some(peer) = self.peers.get_mut(&id) {
            let sends_beacons = peer
                .beacon
                .is_some_and(|at| now.duration_since(at) <= recent);
            let quiet = now.duration_since(peer.said);
            let is_alone = now.duration_since(peer.traffic_before) >= CONFIRMING;
            peer.end_silence(now, awake);
            // One in a row of questions comes sooner than its patience ends.
            let is_first = peer.doubts == 1;
            if sends_beacons
                && is_first
                && is_alone
                && quiet >= LEAST
                && peer.patience.is_none_or(|known| quiet < known)
                && peer.insists(quiet)
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
            if self
                .peers
                .get_mut(&id)
                .is_some_and(Peer::is_reassured_enough)
            {
                return;
            }
            self.ping(now, id, Purpose::Life);
            due = now + in_time(patience);
        }
        self.deadlines.set(due, Timer::Reassure(id, serial));
    }
}

impl Peer {
    /// Something is said to it. If our beacons were all that it had of us for long, and it has not asked
    /// although it was well all the time, it is content with them.
    pub(super) fn end_silence(&mut self, now: Instant, awake: Instant) {
        let silence = now.duration_since(self.said);
        let was_doubted = std::mem::replace(&mut self.is_doubted, false);
        if silence >= BORNE
            && !was_doubted
            && self.said >= awake
            && self.presence == Presence::Present
            && self
                .beacon
                .is_some_and(|at| now.duration_since(at) <= LEAST)
        {
            self.is_content = true;
            self.insisted = 0;
        }
        self.said = now;
    }

    /// It asks whether we live, after such a silence. Whether that shows its patience.
    fn insists(&mut self, quiet: Duration) -> bool {
        if self.is_content && quiet >= BORNE {
            return false;
        }
        if self.is_content {
            self.insisted += 1;
            if self.insisted < INSISTENT {
                return false;
            }
            self.is_content = false;
            self.reassured = 0;
        }
        true
    }

    /// One that was content once is reassured for a while only; but if it insists once more after that,
    /// it was not content, whatever it has borne.
    fn is_reassured_enough(&mut self) -> bool {
        if self.insisted < INSISTENT || self.was_misjudged {
            return false;
        }
        self.reassured += 1;
        if self.reassured < REASSURED {
            return false;
        }
        self.patience = None;
        self.is_content = true;
        self.insisted = 0;
        self.was_misjudged = true;
        true
    }
}

impl Engine {
    /// A peer was asked whether it lives, since nothing comes from it: that it asks nothing meanwhile says
    /// nothing about it.
    pub(super) fn begin_doubt(&mut self, id: PeerId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.is_doubted = true;
        }
    }
}

/// A part of somebody's patience that leaves time for the way, and for a timer that is late.
fn in_time(patience: Duration) -> Duration {
    patience / 4 * 3
}
