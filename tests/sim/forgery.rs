//! What somebody can do with beacons in the name of another.

use std::time::{Duration, Instant};

use zchat::sim::{Options, World};

/// Goal: a forged beacon does not turn a network into a flood. Method: 200 hosts, of which one is named
/// by a hundred forged beacons a second, each of another peer; what comes to its door is counted.
#[test]
fn forged_beacons_turn_two_hundred_nodes_into_no_flood_and_keep_nobody_from_meeting() {
    let mut options = Options::quiet(11, 200);
    options.forged = 100;
    let mut world = World::new(options, Instant::now());
    let full = world.run_until_full(Duration::from_secs(10)).unwrap();
    assert!(full <= Duration::from_millis(1_500), "{full:?}");
    world.run_for(Duration::from_secs(60) - full).unwrap();
    let knocks = world.knocks();
    let most = *knocks.iter().max().unwrap();
    let later = knocks[20..].iter().max().copied().unwrap();
    // Five nodes at a time behind each door at first, each tried some times in its three seconds.
    assert!(most <= 200 * 20, "{knocks:?}");
    // Then one at a time, and now and then another.
    assert!(later <= 200 * 4, "{knocks:?}");
}
