//! Nobody is missing from the list, and nobody flaps.

use std::time::{Duration, Instant};

use zchat::sim::{Fault, Options, World};

use super::run;

/// How soon after the network is whole the list has to be.
const SOON: Duration = Duration::from_secs(2);

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// Goal: whatever has happened to one of six hosts, two seconds after it is over everybody lists
/// everybody, with all groups, in both directions. Method: it happens, in worlds of many seeds, on a
/// network that loses some broadcasts in some of them.
fn is_whole_soon_after(fault: Fault, time: Duration) {
    is_whole_after(fault, time, SOON);
}

fn is_whole_after(fault: Fault, time: Duration, within: Duration) {
    for seed in 1..=20 {
        let mut world = world_of_six(seed);
        world.strike(fault, 2, time);
        world.run_for(time).unwrap();
        let took = world.run_until_whole(within);
        assert!(took.is_ok(), "seed {seed}, {fault:?} of {time:?}: {took:?}");
    }
}

fn world_of_six(seed: u64) -> World {
    let mut options = Options::quiet(seed, 6);
    options.beacon_loss = if seed.is_multiple_of(2) { 10_000 } else { 0 };
    let mut world = World::new(options, Instant::now());
    world.run_until_full(SECOND * 10).unwrap();
    world.run_until_whole(SECOND).unwrap();
    world.run_for(SECOND * 5).unwrap();
    world
}

#[test]
fn all_are_listed_soon_after_a_cable_was_out_for_some_seconds_or_minutes() {
    for time in [SECOND * 3, SECOND * 20, MINUTE, MINUTE * 10] {
        is_whole_soon_after(Fault::Flap, time);
    }
}

#[test]
fn all_are_listed_soon_after_a_host_got_another_address() {
    is_whole_soon_after(Fault::Roam, Duration::ZERO);
}

#[test]
fn all_are_listed_soon_after_a_minute_and_an_hour_of_sleep() {
    for time in [SECOND * 10, MINUTE, HOUR] {
        is_whole_soon_after(Fault::Suspend, time);
    }
}

#[test]
fn all_are_listed_soon_after_a_host_went_elsewhere_asleep_or_awake() {
    for time in [SECOND * 10, MINUTE, HOUR] {
        is_whole_soon_after(Fault::Travel, time);
    }
}

#[test]
fn nobody_who_is_there_is_missed_while_broadcasts_are_dropped() {
    for seed in 1..=20 {
        let mut world = world_of_six(seed);
        world.strike(Fault::Mute, 0, MINUTE * 10);
        let before = world.report().counts;
        world.run_for(MINUTE * 10).unwrap();
        assert_eq!(world.report().counts.events, before.events, "seed {seed}");
        world.run_until_whole(Duration::ZERO).unwrap();
    }
}

#[test]
fn all_are_listed_soon_after_a_process_was_stopped_for_a_minute_and_for_an_hour() {
    for time in [SECOND * 10, MINUTE, HOUR] {
        is_whole_soon_after(Fault::Freeze, time);
    }
}

#[test]
fn all_are_listed_soon_after_a_network_was_cut_in_two() {
    for time in [SECOND * 10, MINUTE, MINUTE * 10] {
        is_whole_soon_after(Fault::Partition, time);
    }
}

/// Some hear the others, who do not hear them: old connections and new ones meet when that is over, and
/// TCP itself waits for some seconds before it tries again.
#[test]
fn all_are_listed_soon_after_a_network_was_cut_in_one_direction() {
    for time in [SECOND * 10, MINUTE, MINUTE * 10] {
        is_whole_after(Fault::OneWay, time, SECOND * 10);
    }
}

#[test]
fn all_are_listed_soon_after_connections_broke() {
    is_whole_soon_after(Fault::Break, Duration::ZERO);
}

/// Goal: a process that is killed is gone from all lists at once, long before it is missed. Method: of
/// six it is one; whatever takes its place is listed by then, too.
#[test]
fn nobody_lists_a_process_any_more_that_was_killed_a_tenth_of_a_second_ago() {
    for seed in 1..=20 {
        let mut world = world_of_six(seed);
        world.strike(Fault::Crash, 2, Duration::ZERO);
        let took = world.run_until_whole(SECOND / 10);
        assert!(took.is_ok(), "seed {seed}: {took:?}");
    }
}

/// A switch that drops broadcasts: who was there stays there, and who has come since is met soon after.
#[test]
fn all_are_listed_soon_after_broadcasts_were_dropped() {
    for seed in 1..=20 {
        let mut world = world_of_six(seed);
        world.lose_beacons(1_000_000);
        world.strike(Fault::Crash, 2, Duration::ZERO);
        world.run_for(MINUTE).unwrap();
        world.lose_beacons(0);
        let took = world.run_until_whole(SOON);
        assert!(took.is_ok(), "seed {seed}: {took:?}");
    }
}

#[test]
fn all_are_listed_soon_after_a_network_came_up_long_after_the_start() {
    for seed in 1..=20 {
        let mut options = Options::quiet(seed, 6);
        options.start = Duration::from_millis(1);
        let mut world = World::new(options, Instant::now());
        for host in 0..6 {
            world.strike(Fault::Flap, host, MINUTE * 5);
        }
        world.run_for(MINUTE * 5).unwrap();
        let took = world.run_until_whole(SOON);
        assert!(took.is_ok(), "seed {seed}: {took:?}");
    }
}

/// Sixty laptops are opened at once.
#[test]
fn sixty_hosts_that_start_at_once_know_each_other_within_a_second() {
    for seed in 1..=5 {
        let took = sixty_at_once(seed, 0);
        assert!(took <= SECOND, "seed {seed}: {took:?}");
    }
}

/// The same on a network that loses 10, 30 and 60 of 100 broadcasts.
#[test]
fn sixty_hosts_that_start_at_once_know_each_other_although_beacons_are_lost() {
    for (share, within) in [(100_000, 1), (300_000, 3), (600_000, 10)] {
        for seed in 1..=5 {
            let took = sixty_at_once(seed, share);
            assert!(took <= SECOND * within, "seed {seed}, {share}: {took:?}");
        }
    }
}

fn sixty_at_once(seed: u64, loss: u32) -> Duration {
    let mut options = Options::quiet(seed, 60);
    options.start = Duration::from_millis(20);
    options.beacon_loss = loss;
    let mut world = World::new(options, Instant::now());
    world.run_until_full(SECOND * 30).unwrap()
}

/// What `make day` runs for 200 hosts: roaming and sleep, and not one flap of a peer that was there.
#[test]
fn in_three_hours_of_an_office_nobody_flaps() {
    for seed in 1..=3 {
        let mut options = Options::day(seed, 10);
        options.disturbed = HOUR * 3;
        options.fault_pace = SECOND * 90;
        options.sleep = Some(MINUTE * 20);
        run(options);
    }
}
