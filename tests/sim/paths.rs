//! Ways that are not alike: one host hears another well, and is heard badly or not at all.

use std::time::{Duration, Instant};

use zchat::sim::{Options, World};

/// Goal: a room in which each hears some of the others badly, late, twice, or never, is a room in which all
/// meet and nobody flaps: what one hears is enough for both. Method: all ways are worse than others, each
/// in its own way, and nothing else goes wrong; all meet, and then no application is told anything for a
/// quarter of an hour.
#[test]
fn all_meet_and_nobody_flaps_where_one_hears_the_other_and_is_not_heard() {
    for seed in 1..=12 {
        let mut options = Options::quiet(seed, 12);
        options.uneven = 1_000_000;
        options.beacon_loss = if seed % 2 == 0 { 300_000 } else { 0 };
        options.delay.1 = Duration::from_millis(if seed % 3 == 0 { 100 } else { 2 });
        let mut world = World::new(options, Instant::now());
        world.run_until_full(Duration::from_secs(20)).unwrap();
        world.run_until_whole(Duration::from_secs(1)).unwrap();
        let met = world.report().counts;
        assert_eq!(met.exits, 0, "seed {seed}: {met:?}");
        world.run_for(Duration::from_secs(900)).unwrap();
        let later = world.report().counts;
        assert_eq!(later.events, met.events, "seed {seed}: {later:?}");
    }
}

/// The same in worlds in which everything goes wrong, as `make sim` runs them, but all ways are uneven.
#[test]
fn all_is_well_after_everything_together_where_no_two_ways_are_alike() {
    for seed in 1..=60 {
        let peers = 2 + usize::try_from(seed % 9).unwrap();
        let mut options = Options::swarm(seed ^ 0xA7, peers);
        options.uneven = 1_000_000;
        super::run(options);
    }
}
