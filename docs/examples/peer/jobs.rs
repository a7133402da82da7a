//! What the scripted peer measures: bulk sends and round trips.

use std::time::Duration;

use zchat::zre::PeerId;

use crate::Peer;
use crate::bulk::{self, Receiver};
use crate::options::{Bulk, Job, Target};
use crate::tally::{Spread, now, number};

/// How long a round trip may take.
const ROUND_TRIP: Duration = Duration::from_secs(10);

/// Whispers that go out one after the other, each when the one before it has come back.
pub(crate) struct RoundTrips {
    peer: PeerId,
    left: u64,
    size: usize,
    spread: Spread,
    start: u64,
    /// When the one under way was sent.
    sent: u64,
}

impl Peer {
    /// Begins what the command line asked for, as soon as those are there that it is for.
    pub(crate) fn begin_if_ready(&mut self) {
        let is_ready = match &self.options.job {
            Some(Job::Bulk(Bulk {
                to: Target::Group(group),
                ..
            })) => self.node.peers_of(group).count() >= self.options.peers.unwrap_or(1),
            Some(
                Job::Bulk(Bulk {
                    to: Target::Peer(name),
                    ..
                })
                | Job::RoundTrips { name, .. },
            ) => self.find(name).is_some(),
            None => false,
        };
        if let Some(job) = self.options.job.take_if(|_| is_ready) {
            self.begin(job);
        }
    }

    pub(crate) fn begin(&mut self, job: Job) {
        let name = match &job {
            Job::Bulk(Bulk {
                to: Target::Group(_),
                ..
            }) => None,
            Job::Bulk(Bulk {
                to: Target::Peer(name),
                ..
            })
            | Job::RoundTrips { name, .. } => Some(name),
        };
        let peer = name.and_then(|name| self.find(name));
        match (job, peer) {
            (Job::RoundTrips { count, size, .. }, Some(peer)) => {
                let start = now();
                self.round_trips = Some(RoundTrips {
                    peer,
                    left: count,
                    size,
                    spread: Spread::default(),
                    start,
                    sent: start,
                });
                self.send_round_trip();
            }
            (Job::Bulk(bulk), Some(peer)) => self.begin_bulk(Receiver::Peer(peer), bulk),
            (Job::Bulk(bulk), None) if matches!(bulk.to, Target::Group(_)) => {
                if let Target::Group(group) = bulk.to.clone() {
                    self.begin_bulk(Receiver::Group(group), bulk);
                }
            }
            (_, None) => self.output.error("no such peer"),
        }
    }

    fn begin_bulk(&mut self, receiver: Receiver, bulk: Bulk) {
        // One at a time: the next waits for the end of the one before.
        if let Some(before) = self.bulk.take() {
            let _ended = before.join();
        }
        let linger = self.options.linger.unwrap_or_default();
        self.bulk = Some(bulk::start(self.node.sender(), receiver, bulk, linger));
    }

    /// Sends the next of the round trips, or tells what they took.
    fn send_round_trip(&mut self) {
        let Some(trips) = &mut self.round_trips else {
            return;
        };
        if trips.left == 0 {
            if let Some(trips) = self.round_trips.take() {
                self.output
                    .round_trips(trips.spread, trips.size, trips.start);
            }
            return;
        }
        let mut octets = vec![b'x'; trips.size];
        trips.sent = now();
        number(&mut octets, trips.sent, trips.spread.count() as u64);
        let sent = self.node.whisper(trips.peer, octets);
        self.report(sent);
    }

    /// Whether a whisper of this peer is the one that is waited for.
    pub(crate) fn awaits(&self, peer: PeerId) -> bool {
        self.round_trips
            .as_ref()
            .is_some_and(|trips| trips.peer == peer)
    }

    /// It has come back.
    pub(crate) fn round_trip(&mut self) {
        if let Some(trips) = &mut self.round_trips {
            trips.spread.add(now() - trips.sent);
            trips.left -= 1;
        }
        self.send_round_trip();
    }

    /// An echo that does not come ends the series.
    pub(crate) fn give_up_round_trips(&mut self) {
        if let Some(trips) = &mut self.round_trips
            && Duration::from_nanos(now() - trips.sent) > ROUND_TRIP
        {
            trips.left = 0;
            self.send_round_trip();
        }
    }
}
