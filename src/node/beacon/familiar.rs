//! Beacons that say what was heard just before: the mesh thread need not be woken for each of them.
//! Pure: time is given.
//!
//! Of a hundred peers, each of which is heard by IPv4 and IPv6, two hundred beacons a second come in,
//! and hardly one is news. They are handed on all the same, and taken when the mesh thread wakes for
//! something else: soon, but not one by one.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::zre::{Host, PeerId, Sighting};

/// What was heard of late, and for how much of it the mesh thread was not woken.
#[derive(Debug, Default)]
pub(super) struct Familiar {
    /// One look-up for each beacon: most peers are heard at one or two places.
    heard: BTreeMap<PeerId, Vec<Said>>,
    /// When it was last woken.
    woken: Option<Instant>,
    /// Beacons that it was not woken for since then.
    left: usize,
    /// When those that are not heard any more were last looked for.
    sifted: Option<Instant>,
    /// Something that is news was heard, and [`Familiar::take_news`] has not told it yet.
    has_news: bool,
}

/// What a beacon says, where it was heard, and when.
#[derive(Debug, Clone, Copy)]
struct Said {
    source: Host,
    port: u16,
    local: IpAddr,
    at: Instant,
}

impl Familiar {
    /// Whether the mesh thread is to be woken for this one.
    pub(super) fn wakes(&mut self, now: Instant, sighting: &Sighting) -> bool {
        let said = Said {
            source: sighting.source,
            port: sighting.beacon.port,
            local: sighting.local,
            at: now,
        };
        let is_news = self.is_news(now, sighting.beacon.peer, said);
        self.has_news |= is_news;
        self.sift(now);
        let are_few = !self.has_many();
        if self.heard.len() >= MOST {
            self.heard.clear();
        }
        let is_time = self
            .woken
            .is_none_or(|at| now.duration_since(at) >= PATIENCE);
        if is_news || are_few || is_time || self.left >= LEFT {
            self.woken = Some(now);
            self.left = 0;
            return true;
        }
        self.left += 1;
        false
    }

    /// Whether so many peers are heard that it pays to let beacons gather.
    pub(super) fn has_many(&self) -> bool {
        self.heard.len() >= FEW
    }

    /// Forgets those that are gone, now and then.
    fn sift(&mut self, now: Instant) {
        let is_due = |at: Instant| now.duration_since(at) >= SIFT;
        if self.sifted.is_none_or(is_due) {
            self.sifted = Some(now);
            let is_heard = |said: &Said| now.duration_since(said.at) < FORGOTTEN;
            self.heard.retain(|_, places| places.iter().any(is_heard));
        }
    }

    /// Whether there was news since the last time.
    pub(super) const fn take_news(&mut self) -> bool {
        std::mem::replace(&mut self.has_news, false)
    }

    /// Notes what a peer says; whether it did not say so before.
    fn is_news(&mut self, now: Instant, peer: PeerId, said: Said) -> bool {
        let places = self
            .heard
            .entry(peer)
            .or_insert_with(|| Vec::with_capacity(2));
        if let Some(before) = places.iter_mut().find(|it| it.source == said.source) {
            let is_news = before.port != said.port
                || before.local != said.local
                || now.duration_since(before.at) >= FORGOTTEN;
            *before = said;
            return is_news;
        }
        // Whether it says the same that it said at another place just now, by its other network or the
        // other kind of IP: whoever hears of that is awake.
        let is_twin = places
            .iter()
            .any(|it| it.port == said.port && now.duration_since(it.at) <= TOGETHER);
        if places.len() < PLACES {
            places.push(said);
        } else if let Some(oldest) = places.iter_mut().min_by_key(|it| it.at) {
            *oldest = said;
        }
        !is_twin
    }
}

/// How many places of a peer are remembered, more than a host has networks in common with another. At one
/// more, what it says is news each time.
const PLACES: usize = 4;

/// How far apart a host's beacons on two networks, or by both kinds of IP, are heard at most.
pub(super) const TOGETHER: Duration = Duration::from_millis(50);

/// How long beacons may wait. A quarter of their interval: short beside any time that a peer may be
/// silent for.
const PATIENCE: Duration = Duration::from_millis(250);

/// How many may wait: well below what the queue holds.
const LEFT: usize = 128;

/// After this time without beacons, one is news: whoever sends it was given up meanwhile, perhaps.
const FORGOTTEN: Duration = Duration::from_secs(3);

/// How often those that are gone are looked for.
const SIFT: Duration = Duration::from_secs(10);

/// With fewer than so many peers each beacon is handed on at once: it costs next to nothing.
const FEW: usize = 16;

/// The most peers that are remembered, some 200 octets each, more than a node has. Beyond it everything
/// is forgotten, and each beacon is news once more.
const MOST: usize = 10_000;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::zre::Beacon;

    const INTERVAL: Duration = Duration::from_secs(1);

    fn of(peer: u16, mailbox: u16) -> Sighting {
        let mut octets = [7; 16];
        octets[..2].copy_from_slice(&peer.to_be_bytes());
        Sighting {
            source: Host::from(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            local: Ipv4Addr::LOCALHOST.into(),
            beacon: Beacon::new(PeerId::from_bytes(octets), mailbox),
        }
    }

    /// So many peers that were heard just now, and when that was.
    fn after(peers: u16) -> (Familiar, Instant) {
        let mut familiar = Familiar::default();
        let now = Instant::now();
        for peer in 0..peers {
            assert!(familiar.wakes(now, &of(peer, 1)), "who is new is news");
        }
        (familiar, now)
    }

    /// How often the mesh thread is woken in ten seconds by beacons that come at a steady pace.
    fn wakes_in_ten_seconds(peers: u16) -> usize {
        let (mut familiar, began) = after(peers);
        let turns = (1..=10).flat_map(|second| (0..peers).map(move |peer| (second, peer)));
        turns
            .filter(|&(second, peer)| {
                let at = began + INTERVAL * second + INTERVAL * u32::from(peer) / u32::from(peers);
                familiar.wakes(at, &of(peer, 1))
            })
            .count()
    }

    #[test]
    fn a_hundred_peers_wake_it_four_times_a_second_and_a_few_each_time() {
        assert_eq!(wakes_in_ten_seconds(10), 100);
        let wakes = wakes_in_ten_seconds(100);
        assert!((30..=40).contains(&wakes), "{wakes} times");
    }

    #[test]
    fn those_that_are_gone_do_not_count() {
        let (mut familiar, now) = after(100);
        assert!(familiar.has_many());
        let later = now + SIFT;
        familiar.wakes(later, &of(1, 1));
        assert!(!familiar.has_many());
        assert!(familiar.wakes(later + INTERVAL, &of(1, 1)), "one of a few");
    }

    #[test]
    fn no_more_wait_than_the_queue_holds() {
        let wakes = wakes_in_ten_seconds(5_000);
        assert!(wakes >= 10 * 5_000 / (LEFT + 1), "{wakes} times");
    }

    #[test]
    fn what_is_said_by_the_other_kind_of_ip_as_well_is_no_news() {
        let (mut familiar, now) = after(100);
        let soon = now + PATIENCE / 2;
        assert!(familiar.take_news());
        assert!(familiar.wakes(soon, &of(100, 1)), "somebody new");
        assert!(familiar.take_news());
        let mut twin = of(100, 1);
        twin.source = Host::from(IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, 1]));
        assert!(!familiar.wakes(soon + TOGETHER, &twin), "the same by IPv6");
        assert!(!familiar.take_news());
        twin.source = Host::from(IpAddr::from([10, 0, 0, 1]));
        assert!(
            familiar.wakes(soon + TOGETHER * 3, &twin),
            "later, elsewhere"
        );
    }

    #[test]
    fn of_a_peer_with_many_places_few_are_remembered() {
        let (mut familiar, now) = after(100);
        for place in 0..100 {
            let mut sighting = of(3, 1);
            sighting.source = Host::from(IpAddr::from([10, 0, 0, place]));
            familiar.wakes(now, &sighting);
        }
        assert!(familiar.heard.values().all(|places| places.len() <= PLACES));
    }

    #[test]
    fn whatever_is_new_wakes_it_at_once() {
        let (mut familiar, now) = after(100);
        let soon = now + PATIENCE / 2;
        assert!(!familiar.wakes(soon, &of(3, 1)), "known");
        assert!(familiar.wakes(soon, &of(3, 0)), "a farewell");
        assert!(!familiar.wakes(soon, &of(3, 0)), "once more");
        assert!(familiar.wakes(soon, &of(3, 1)), "and back");
        let mut elsewhere = of(4, 1);
        elsewhere.source = Host::from(IpAddr::from([10, 0, 0, 1]));
        assert!(familiar.wakes(soon, &elsewhere), "at another place");
        elsewhere.local = IpAddr::from([10, 0, 0, 2]);
        assert!(familiar.wakes(soon, &elsewhere), "on another network");
        assert!(familiar.wakes(soon, &of(100, 1)), "somebody else");
        assert!(!familiar.wakes(soon, &of(5, 1)), "known");
        assert!(familiar.wakes(soon + FORGOTTEN, &of(6, 1)), "after a while");
    }
}
