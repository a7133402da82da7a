//! Everything that goes wrong on a network, each kind by itself and all together.
//!
//! Goal: whatever happens, nobody is told anything that is not true; between hosts that nothing happens
//! to, nothing is lost and nobody is called gone; and once all is well again, everybody lists everybody
//! within the expiry and two beacons. Method: worlds from many seeds, checked after everything that
//! happens in them.

use zchat::sim::{Fault, Options};

use super::run;

/// Worlds in which only one kind of thing goes wrong, often.
fn all_is_well_after(fault: Fault) {
    for seed in 1..=30 {
        let peers = 2 + usize::try_from(seed % 6).unwrap();
        run(Options::only(fault, seed, peers));
    }
}

#[test]
fn after_partitions() {
    all_is_well_after(Fault::Partition);
}

#[test]
fn after_partitions_in_one_direction() {
    all_is_well_after(Fault::OneWay);
}

#[test]
fn after_cables_were_out() {
    all_is_well_after(Fault::Flap);
}

#[test]
fn after_connections_broke() {
    all_is_well_after(Fault::Break);
}

#[test]
fn after_connections_broke_of_which_one_end_did_not_know() {
    all_is_well_after(Fault::HalfOpen);
}

#[test]
fn after_connections_stood_still() {
    all_is_well_after(Fault::Stall);
}

#[test]
fn after_hosts_got_other_addresses() {
    all_is_well_after(Fault::Roam);
}

#[test]
fn after_processes_were_killed() {
    all_is_well_after(Fault::Crash);
}

#[test]
fn after_hosts_lost_power() {
    all_is_well_after(Fault::PowerLoss);
}

#[test]
fn after_laptops_were_closed() {
    all_is_well_after(Fault::Suspend);
}

#[test]
fn after_processes_were_stopped() {
    all_is_well_after(Fault::Freeze);
}

#[test]
fn after_applications_did_not_read() {
    all_is_well_after(Fault::SlowReader);
}

#[test]
fn after_hosts_went_elsewhere() {
    all_is_well_after(Fault::Travel);
}

#[test]
fn after_broadcasts_were_dropped() {
    all_is_well_after(Fault::Mute);
}

/// What `make sim` runs by the thousand.
#[test]
fn after_everything_together() {
    for seed in 1..=200 {
        let peers = 2 + usize::try_from(seed % 9).unwrap();
        run(Options::swarm(seed, peers));
    }
}

/// Programs of others among ours, strict ones: what ends a Zyre or a Pyre is a mistake of ours.
#[test]
fn after_everything_together_among_zyre_and_pyre() {
    for seed in 1..=150 {
        let peers = 3 + usize::try_from(seed % 8).unwrap();
        run(Options::mixed(seed, peers));
    }
}
