//! Everybody finds everybody.

use std::time::{Duration, Instant};

use zchat::sim::{Options, World};

/// Two hosts know each other before a person could notice that they did not.
#[test]
fn two_hosts_find_each_other_within_20_milliseconds() {
    for seed in 1..=50 {
        let mut options = Options::quiet(seed, 2);
        options.start = Duration::from_millis(1);
        let mut world = World::new(options, Instant::now());
        let full = world.run_until_full(Duration::from_secs(5)).unwrap();
        assert!(full <= Duration::from_millis(30), "seed {seed}: {full:?}");
    }
}

/// Goal: a room full of laptops that are switched on in the same second. Method: 200 hosts start within
/// a second on a network that loses nothing; the virtual time is taken when the last of the 39,800
/// pairs has entered.
#[test]
fn two_hundred_hosts_that_start_in_one_second_know_each_other_soon_after() {
    let mut world = World::new(Options::quiet(7, 200), Instant::now());
    let full = world.run_until_full(Duration::from_secs(10)).unwrap();
    assert!(full <= Duration::from_millis(1_200), "{full:?}");
}

/// The same where 30 of 100 beacons are lost.
#[test]
fn two_hundred_hosts_know_each_other_although_beacons_are_lost() {
    let mut options = Options::quiet(8, 200);
    options.beacon_loss = 300_000;
    let mut world = World::new(options, Instant::now());
    let full = world.run_until_full(Duration::from_secs(10)).unwrap();
    assert!(full <= Duration::from_secs(4), "{full:?}");
}
