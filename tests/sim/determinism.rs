//! The same seed gives the same world.

use std::time::{Duration, Instant};

use zchat::sim::{Options, World};

/// Goal: whatever a seed shows can be seen again. Method: the same worlds, with all their faults, are
/// run twice, at different real times, and everything that happened is compared by its hash.
#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 1..=6 {
        let hash = |epoch: Instant| {
            let mut options = Options::swarm(seed, 6);
            options.checked = false;
            let mut world = World::new(options, epoch);
            world.run_for(Duration::from_secs(60)).unwrap();
            world.report()
        };
        let first = hash(Instant::now());
        let second = hash(Instant::now() + Duration::from_secs(86_400));
        assert_eq!(first, second, "seed {seed}");
        assert!(first.happened > 1_000, "seed {seed}: {first:?}");
    }
}

#[test]
fn another_seed_gives_another_trace() {
    let hash = |seed| {
        let mut world = World::new(Options::quiet(seed, 3), Instant::now());
        world.run_for(Duration::from_secs(5)).unwrap();
        world.report().hash
    };
    assert_ne!(hash(1), hash(2));
}
