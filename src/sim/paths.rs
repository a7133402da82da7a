//! The ways between hosts: what each loses, delays, doubles and holds up.
//!
//! A way leads from one host to another, and the way back is another one: one may hear the other well and
//! be heard badly, as it is where radios are of different strength, or one port of a switch is worn out.
//! It is not taken apart into a host's way to the network and the network's to a host: that would be two
//! numbers for each host, and all who hear the same host would hear it equally well. On the networks
//! where people miss each other, some hear it and some do not.
//!
//! What a way is like is not kept anywhere, for there are millions in a large world: it is drawn again
//! whenever somebody asks, from the seed and the two hosts, and always comes out the same.

use std::time::Duration;

use super::network::HostId;
use super::options::Options;
use super::rng::{Ppm, Rng};

/// What the better one of the two ways between two hosts loses at most, if the world does not lose more:
/// where beacons get through in neither direction, nobody can be found.
const FAIR_LOSS: Ppm = 400_000;

/// What a worse way may lose: some, most, nearly all, and all.
const LOSSES: [Ppm; 4] = [200_000, 600_000, 950_000, 1_000_000];

/// What a worse way may double at most, and of what it carries so much comes late at most, and so much of a
/// stream at most is held up.
const DOUBLED: Ppm = 300_000;
const LATE: Ppm = 100_000;
const HELD_UP: Ppm = 50_000;

/// How many times as long as elsewhere a worse way takes at most. Together with [`LONGEST_HOLD_UP`] it is
/// less than half a second there, and as much back: a peer has a second to answer.
pub(super) const SLOWEST: u32 = 2;

/// How much later a beacon comes that is late: others overtake it, of its sender as of everybody else.
pub(super) const LATENESS: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_millis(900),
    Duration::from_millis(1_700),
    Duration::from_secs(4),
];

/// How long a stream is held up at least and at most: TCP has lost a segment, and sends it again.
const SHORTEST_HOLD_UP: Duration = Duration::from_millis(50);
const LONGEST_HOLD_UP: Duration = Duration::from_millis(250);

/// The ways of a world.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    seed: u64,
    /// The share of the ways that are worse than what is said of the world.
    uneven: Ppm,
    /// So many hosts, the first ones, run foreign programs.
    foreign: HostId,
    loss: Ppm,
    duplication: Ppm,
    delay: (Duration, Duration),
}

/// The way from one host to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Path {
    /// Datagrams that are lost, come twice, or come late, so that others overtake them.
    pub(super) loss: Ppm,
    pub(super) duplication: Ppm,
    pub(super) late: Ppm,
    /// Packets of a stream that have to be sent again, and hold up what is behind them.
    pub(super) held_up: Ppm,
    /// How many times as long as elsewhere it takes.
    pub(super) slow: u32,
    /// How easily a connection breaks or stands still here, compared with others.
    pub(super) fragility: u8,
}

impl Paths {
    pub(super) const fn new(options: &Options) -> Self {
        Self {
            seed: options.seed ^ 0x000F_A745,
            uneven: options.uneven,
            foreign: options.zyres + options.pyres,
            loss: options.beacon_loss,
            duplication: options.beacon_duplication,
            delay: options.delay,
        }
    }

    /// So many of a million beacons are lost on all ways but the worse ones.
    pub(super) const fn set_loss(&mut self, loss: Ppm) {
        self.loss = loss;
    }

    /// The way from one host to another.
    pub(super) fn between(&self, from: HostId, to: HostId) -> Path {
        let mut path = Path {
            loss: self.loss,
            duplication: self.duplication,
            late: 0,
            held_up: 0,
            slow: 1,
            fragility: 0,
        };
        if self.uneven == 0 || from == to {
            return path;
        }
        let mut rng = self.rng(from, to);
        if !rng.chance(self.uneven) {
            return path;
        }
        let most = if self.is_fair(from, to) {
            self.loss.max(FAIR_LOSS)
        } else {
            u32::MAX
        };
        let loss = LOSSES.get(rng.place(LOSSES.len())).copied().unwrap_or(0);
        path.loss = path.loss.max(loss).min(most);
        let mut up_to = |most: Ppm| u32::try_from(rng.below(u64::from(most))).unwrap_or(0);
        path.duplication = path.duplication.max(up_to(DOUBLED));
        path.late = up_to(LATE);
        path.held_up = up_to(HELD_UP);
        path.slow = 1 + up_to(SLOWEST);
        path.fragility = u8::try_from(up_to(256)).unwrap_or(0);
        path
    }

    /// Whether this is the way on which beacons get through, of the two between these hosts. From foreign
    /// ones they do: a Pyre that hears us and whose HELLO was lost takes our beacons for life and never
    /// says it again, so that we have to greet it, and can only if we hear it.
    fn is_fair(&self, from: HostId, to: HostId) -> bool {
        if (from < self.foreign) != (to < self.foreign) {
            return from < self.foreign;
        }
        let forth = self.rng(from.min(to), from.max(to)).draw() & (1 << 40) != 0;
        forth == (from < to)
    }

    fn rng(&self, from: HostId, to: HostId) -> Rng {
        let (from, to) = (from as u64, to as u64);
        Rng::new(self.seed ^ Rng::new(from << 32 | to).draw())
    }

    /// How long a packet takes.
    pub(super) fn travel_time(&self, path: Path, luck: &mut Rng) -> Duration {
        let (least, most) = self.delay;
        luck.time(least, least + (most - least) * path.slow)
    }

    /// How long what is written to a stream takes.
    pub(super) fn stream_time(&self, path: Path, luck: &mut Rng) -> Duration {
        let time = self.travel_time(path, luck);
        if luck.chance(path.held_up) {
            return time + luck.time(SHORTEST_HOLD_UP, LONGEST_HOLD_UP);
        }
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(seed: u64, uneven: Ppm) -> Paths {
        let mut options = Options::quiet(seed, 2);
        options.uneven = uneven;
        options.beacon_loss = 10_000;
        Paths::new(&options)
    }

    fn all(paths: &Paths) -> Vec<(Path, Path)> {
        let hosts = 0..60_usize;
        let pairs = hosts
            .clone()
            .flat_map(|from| hosts.clone().map(move |to| (from, to)));
        let pairs = pairs.filter(|(from, to)| from < to);
        pairs
            .map(|(from, to)| (paths.between(from, to), paths.between(to, from)))
            .collect()
    }

    #[test]
    fn a_way_is_always_the_same_and_another_one_in_another_world() {
        assert_eq!(all(&paths(1, 500_000)), all(&paths(1, 500_000)));
        assert_ne!(all(&paths(1, 500_000)), all(&paths(2, 500_000)));
    }

    #[test]
    fn one_may_hear_another_well_and_be_heard_badly_or_never_but_one_of_the_two_is_always_heard() {
        let all = all(&paths(1, 500_000));
        for (forth, back) in &all {
            assert!(forth.loss.min(back.loss) <= FAIR_LOSS, "{forth:?} {back:?}");
        }
        let one_sided = |(forth, back): &&(Path, Path)| {
            forth.loss.min(back.loss) <= 10_000 && forth.loss.max(back.loss) == 1_000_000
        };
        assert!(all.iter().filter(one_sided).count() > 50);
    }

    #[test]
    fn foreign_hosts_are_always_heard() {
        let mut options = Options::quiet(1, 40);
        options.uneven = 1_000_000;
        options.pyres = 10;
        let paths = Paths::new(&options);
        let foreign = (0..10).flat_map(|from| (10..40).map(move |to| (from, to)));
        for (from, to) in foreign {
            assert!(paths.between(from, to).loss <= FAIR_LOSS);
        }
    }

    #[test]
    fn so_many_ways_are_worse_as_the_world_says_and_the_others_are_as_it_says() {
        let base = paths(1, 0).between(0, 1);
        assert_eq!(base.loss, 10_000);
        assert!(
            all(&paths(1, 0))
                .iter()
                .all(|&(forth, back)| forth == base && back == base)
        );
        let all = all(&paths(1, 250_000));
        let worse = all.iter().filter(|(forth, _)| *forth != base).count();
        assert!((all.len() / 5..all.len() / 3).contains(&worse), "{worse}");
    }

    #[test]
    fn nothing_takes_so_long_that_whoever_answers_at_once_could_be_called_evasive() {
        let mut options = Options::quiet(1, 2);
        options.delay.1 = Duration::from_millis(100);
        options.uneven = 1_000_000;
        let paths = Paths::new(&options);
        let mut luck = Rng::new(1);
        for (forth, back) in all(&paths) {
            for _ in 0..50 {
                let both = paths.stream_time(forth, &mut luck) + paths.stream_time(back, &mut luck);
                assert!(both < options.timing.answer, "{both:?}");
            }
        }
    }
}
