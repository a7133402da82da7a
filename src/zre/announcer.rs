//! When which beacon is broadcast (RFC 36, "Discovery"): the machine [`Announcer`].
//!
//! Where a beacon is sent to (each network's broadcast address) is the shell's business, and who becomes a
//! peer is the engine's.

use std::time::{Duration, Instant};

use super::{Beacon, PeerId};

/// Says which beacon to broadcast, and when: at once, then a few times at growing distances, then
/// every interval; at the end a farewell.
///
/// The first distances are 50, 100, 200, 400 … ms until the interval is reached. One beacon would do
/// if none were lost, since one direction is enough: whoever of two starts later is heard by the
/// other. But broadcasts are lost: where 30 of 100 are, and 60 hosts start at once, two beacons from
/// each side leave 14 of the 1,770 pairs apart. Five in the first second and seven in the first three
/// leave none, and cost four datagrams more, once. A broadcast is also lost surely while a switch or
/// an access point does not forward yet, and often for some 100 ms together: hence distances that
/// grow.
///
/// After a pause (a suspended host) there is one beacon, not all that were missed.
#[derive(Debug, Clone)]
pub struct Announcer {
    peer: PeerId,
    port: u16,
    interval: Duration,
    phase: Phase,
    /// When the beacon before was due.
    last: Instant,
    /// When the next is due; `None` if never.
    due: Option<Instant>,
    /// What is to be sent now.
    pending: Option<Beacon>,
    neighbours: Neighbours,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// The node is here; the distance to the next beacon.
    Present { gap: Duration },
    /// The node leaves; how many farewells are to come.
    Leaving { farewells: u32 },
}

impl Announcer {
    /// Announces that `peer` has its mailbox at this TCP port; the first beacon is wanted at once. An
    /// interval below 10 ms counts as 10 ms.
    #[must_use]
    pub fn new(now: Instant, peer: PeerId, port: u16, interval: Duration) -> Self {
        let mut announcer = Self {
            peer,
            port,
            interval: interval.max(LEAST_GAP),
            phase: Phase::Present { gap: FIRST_GAP },
            last: now,
            due: Some(now),
            pending: None,
            neighbours: Neighbours::default(),
        };
        announcer.handle_timeout(now);
        announcer
    }

    /// The node leaves: farewells are broadcast from now on, and nothing else. The first is wanted at
    /// once, two more follow at distances of 10 ms.
    ///
    /// Nothing repeats a farewell that is lost (three of them are, once in 37 times, where 30 of 100
    /// broadcasts are lost), and what is lost together, in a full buffer, is lost within a few
    /// milliseconds. Whoever misses all three finds a broken connection. 20 ms are not felt at the end
    /// of a program.
    pub fn stop(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Present { .. }) {
            self.phase = Phase::Leaving {
                farewells: FAREWELLS,
            };
            self.due = Some(now);
            self.handle_timeout(now);
        }
    }

    /// The networks have changed: as after the start, a beacon is wanted at once (or 10 ms after the
    /// one before, if this is told again and again), and some more soon.
    pub fn handle_networks_changed(&mut self, now: Instant) {
        if let Phase::Present { gap } = &mut self.phase {
            *gap = FIRST_GAP;
            let soon = self.last + LEAST_GAP;
            self.due = Some(soon.max(now));
            self.handle_timeout(now);
        }
    }

    /// The beacon of another node is heard. Among few, somebody new is answered by a beacon at once (but
    /// 50 ms after the one before), so that it need not wait to be greeted before it can greet: two nodes that
    /// meet connect to each other at the same time, not one after the other. Among many it would be a storm,
    /// and hears enough of them at once.
    pub fn handle_beacon(&mut self, now: Instant, beacon: &Beacon) {
        // Whoever has said farewell is remembered all the same: anybody can say it for others, again and again.
        if beacon.is_farewell() || beacon.peer == self.peer {
            return;
        }
        let remembered = self.interval.max(REMEMBERED).saturating_mul(3);
        if self.neighbours.are_joined_by(beacon.peer, now, remembered)
            && matches!(self.phase, Phase::Present { .. })
            && let Some(due) = &mut self.due
        {
            *due = (*due).min(now.max(self.last + FIRST_GAP));
        }
    }

    /// The time that [`Announcer::poll_timeout`] named has come (or any other).
    pub fn handle_timeout(&mut self, now: Instant) {
        let Some(due) = self.due.filter(|&due| due <= now) else {
            return;
        };
        let (beacon, gap) = match &mut self.phase {
            Phase::Present { gap } => {
                let until_next = (*gap).min(self.interval);
                *gap = until_next.saturating_mul(2);
                (Beacon::new(self.peer, self.port), Some(until_next))
            }
            Phase::Leaving { farewells } => {
                *farewells = farewells.saturating_sub(1);
                let gap = (*farewells > 0).then_some(LEAST_GAP);
                (Beacon::farewell(self.peer), gap)
            }
        };
        self.pending = Some(beacon);
        self.last = now;
        // From when it was due, not from now, or else the beacons of a busy host would drift apart;
        // but from now if that has passed as well.
        self.due = gap.and_then(|gap| {
            let steady = due.checked_add(gap).filter(|&next| next > now);
            steady.or_else(|| now.checked_add(gap))
        });
    }

    /// The beacon to broadcast now; to be asked until there is none.
    pub fn poll_output(&mut self) -> Option<Beacon> {
        self.pending.take()
    }

    /// When [`Announcer::handle_timeout`] is wanted; `None` when nothing is to come.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Whether the last farewell was taken: there is nothing more to broadcast, ever.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Leaving { farewells: 0 }) && self.pending.is_none()
    }
}

/// Who is heard, as long as they are few.
#[derive(Debug, Clone, Default)]
struct Neighbours(Vec<(PeerId, Instant)>);

impl Neighbours {
    /// Notes that this one is heard; whether it was not, for so long, and few others are.
    fn are_joined_by(&mut self, peer: PeerId, now: Instant, remembered: Duration) -> bool {
        let is_heard = |at: Instant| now.saturating_duration_since(at) < remembered;
        if let Some((_, at)) = self.0.iter_mut().find(|(known, _)| *known == peer) {
            return !is_heard(std::mem::replace(at, now));
        }
        if self.0.len() >= FEW {
            self.0.retain(|(_, at)| is_heard(*at));
        }
        let are_few = self.0.len() < FEW;
        if are_few {
            self.0.push((peer, now));
        }
        are_few
    }
}

/// The distance between the first two beacons: enough to be lost apart from each other.
const FIRST_GAP: Duration = Duration::from_millis(50);

/// The least distance between two beacons.
const LEAST_GAP: Duration = Duration::from_millis(10);

/// How many farewells there are.
const FAREWELLS: u32 = 3;

/// How many others are few: so many beacons are sent, at most, for as many made-up ones.
const FEW: usize = 16;

/// The least interval of which three may pass until somebody is new again.
const REMEMBERED: Duration = Duration::from_secs(1);
