//! Peers that doubt that we live, though our beacons say so.
//!
//! Zyre takes nothing but messages for signs of life (trap 9): after 5 s without one it asks, and tells
//! its application that we are evasive. Who has asked once is asked by us from then on, before its
//! patience ends: that costs no more messages, and nobody is called evasive who is not.

use std::time::{Duration, Instant};

use super::peer::Purpose;
use super::{Engine, Timer};
use crate::zre::{Body, PeerId};

/// A question sooner after our last message than this does not come of impatience.
const LEAST: Duration = Duration::from_millis(500);

/// Beacon intervals for which a peer may go unheard and still be taken for one that sends beacons: who
/// sends none may have to ask for that reason alone, as we do.
const MISSED: u32 = 3;

impl Engine {
    pub(super) fn receive_ping(&mut self, now: Instant, id: PeerId) {
        let recent = self.config.timing.interval * MISSED;
        if let Some(peer) = self.peers.get_mut(&id) {
            let sends_beacons = peer
                .beacon
                .is_some_and(|at| now.duration_since(at) <= recent);
            let quiet = now.duration_since(peer.said);
            if sends_beacons && quiet >= LEAST && peer.patience.is_none_or(|known| quiet < known) {
                if peer.patience.is_none() {
                    let timer = Timer::Reassure(id, peer.serial);
                    self.deadlines.set(now + in_time(quiet), timer);
                }
                peer.patience = Some(quiet);
            }
        }
        self.send(now, id, Body::PingOk);
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
