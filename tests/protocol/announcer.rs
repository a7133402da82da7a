//! When beacons are broadcast, in virtual time.

use std::time::{Duration, Instant};

use zchat::zre::{Announcer, Beacon, PeerId};

use crate::clock::{epoch, milliseconds};

/// A moment that is the beginning, and the announcer of a node that starts then.
fn start(interval: Duration) -> (Instant, Announcer) {
    let start = epoch();
    (
        start,
        Announcer::new(start, PeerId::from_bytes([7; 16]), 49152, interval),
    )
}

/// What is broadcast up to and with `until`, in milliseconds, by a shell that is never late.
fn broadcast(announcer: &mut Announcer, start: Instant, until: u64) -> Vec<(u64, Beacon)> {
    let mut sent = Vec::new();
    let mut now = start;
    loop {
        while let Some(beacon) = announcer.poll_output() {
            let elapsed = u64::try_from((now - start).as_millis()).unwrap();
            sent.push((elapsed, beacon));
        }
        match announcer.poll_timeout() {
            Some(due) if due <= start + milliseconds(until) => now = now.max(due),
            _ => return sent,
        }
        announcer.handle_timeout(now);
    }
}

fn times(sent: &[(u64, Beacon)]) -> Vec<u64> {
    sent.iter().map(|&(time, _)| time).collect()
}

#[test]
fn the_first_beacon_goes_out_at_once_some_more_soon_and_then_one_an_interval() {
    let (start, mut announcer) = start(milliseconds(1000));
    let sent = broadcast(&mut announcer, start, 5000);
    assert_eq!(times(&sent), [0, 50, 150, 350, 750, 1550, 2550, 3550, 4550]);
    let beacon = Beacon::new(PeerId::from_bytes([7; 16]), 49152);
    assert!(sent.iter().all(|(_, sent)| *sent == beacon));
    assert!(!announcer.is_finished());
}

#[test]
fn an_interval_that_is_short_is_kept_from_the_start() {
    let (start, mut announcer) = start(milliseconds(20));
    assert_eq!(
        times(&broadcast(&mut announcer, start, 100)),
        [0, 20, 40, 60, 80, 100]
    );
}

#[test]
fn an_interval_of_nothing_or_of_ages_does_no_harm() {
    let (start, mut announcer) = start(Duration::ZERO);
    assert_eq!(
        times(&broadcast(&mut announcer, start, 30)),
        [0, 10, 20, 30]
    );

    let mut announcer = Announcer::new(start, PeerId::from_bytes([7; 16]), 1, Duration::MAX);
    let mut now = start;
    for _ in 0..200 {
        announcer.handle_timeout(now);
        announcer.poll_output();
        match announcer.poll_timeout() {
            Some(due) => now = due,
            None => return,
        }
    }
}

#[test]
fn a_shell_that_is_a_little_late_each_time_does_not_make_the_beacons_drift() {
    let (start, mut announcer) = start(milliseconds(1000));
    let mut late = milliseconds(3);
    let mut count = u32::from(announcer.poll_output().is_some());
    while let Some(due) = announcer.poll_timeout()
        && due < start + milliseconds(60_000)
    {
        late = milliseconds(7 - u64::try_from(late.as_millis()).unwrap());
        announcer.handle_timeout(due + late);
        count += u32::from(announcer.poll_output().is_some());
    }
    assert_eq!(announcer.poll_timeout(), Some(start + milliseconds(60_550)));
    assert_eq!(count, 64);
}

#[test]
fn after_a_pause_one_beacon_is_sent_and_not_all_that_were_missed() {
    let (start, mut announcer) = start(milliseconds(1000));
    broadcast(&mut announcer, start, 5000);
    let now = start + milliseconds(3_600_123);
    announcer.handle_timeout(now);
    assert!(announcer.poll_output().is_some());
    assert_eq!(announcer.poll_output(), None);
    assert_eq!(announcer.poll_timeout(), Some(now + milliseconds(1000)));
}

#[test]
fn a_timeout_before_its_time_sends_nothing() {
    let (start, mut announcer) = start(milliseconds(1000));
    broadcast(&mut announcer, start, 5000);
    announcer.handle_timeout(start + milliseconds(5549));
    assert_eq!(announcer.poll_output(), None);
    assert_eq!(announcer.poll_timeout(), Some(start + milliseconds(5550)));
}

#[test]
fn a_new_network_hears_a_beacon_at_once_and_some_more_soon() {
    let (start, mut announcer) = start(milliseconds(1000));
    broadcast(&mut announcer, start, 5000);
    let changed = start + milliseconds(5200);
    announcer.handle_networks_changed(changed);
    let sent = broadcast(&mut announcer, changed, 1600);
    assert_eq!(times(&sent), [0, 50, 150, 350, 750, 1550]);
}

#[test]
fn changes_that_come_thick_and_fast_bring_one_beacon_in_10_ms() {
    let (start, mut announcer) = start(milliseconds(1000));
    let mut count = 0;
    for elapsed in 0..1000 {
        let now = start + milliseconds(elapsed);
        announcer.handle_networks_changed(now);
        announcer.handle_timeout(now);
        count += u32::from(announcer.poll_output().is_some());
    }
    assert_eq!(count, 100);
}

#[test]
fn trap_15_the_farewell_goes_out_at_once_and_three_times_in_all() {
    let (start, mut announcer) = start(milliseconds(1000));
    broadcast(&mut announcer, start, 5000);
    let stopped = start + milliseconds(5200);
    announcer.stop(stopped);
    assert!(!announcer.is_finished());
    let sent = broadcast(&mut announcer, stopped, 60_000);
    assert_eq!(times(&sent), [0, 10, 20]);
    let farewell = Beacon::farewell(PeerId::from_bytes([7; 16]));
    assert!(sent.iter().all(|(_, sent)| *sent == farewell));
    assert!(announcer.is_finished());
    assert_eq!(announcer.poll_timeout(), None);
}

#[test]
fn it_is_finished_only_when_the_last_farewell_was_taken() {
    let (start, mut announcer) = start(milliseconds(1000));
    announcer.stop(start);
    for _ in 0..2 {
        let due = announcer.poll_timeout().unwrap();
        announcer.poll_output();
        announcer.handle_timeout(due);
    }
    assert_eq!(announcer.poll_timeout(), None);
    assert!(!announcer.is_finished());
    assert!(announcer.poll_output().unwrap().is_farewell());
    assert!(announcer.is_finished());
}

#[test]
fn after_stop_nothing_but_farewells_is_sent_whatever_happens() {
    let (start, mut announcer) = start(milliseconds(1000));
    announcer.stop(start);
    announcer.stop(start + milliseconds(5));
    announcer.handle_networks_changed(start + milliseconds(6));
    let sent = broadcast(&mut announcer, start, 60_000);
    assert_eq!(
        times(&sent),
        [0, 10, 20],
        "the beacon that nobody had taken yet is dropped"
    );
    assert!(sent.iter().all(|(_, beacon)| beacon.is_farewell()));
}

/// Goal: hosts that start together find each other soon, also where broadcasts are lost. Method: each
/// of 60 hosts starts within 20 ms and broadcasts as its announcer says; every receiver that has
/// started hears each beacon unless it is lost; a pair is together as soon as one has heard the other.
fn apart(seed: u64, lost_of_100: u64, until: u64) -> usize {
    const HOSTS: usize = 60;
    let mut random = Random(seed);
    let starts: Vec<u64> = (0..HOSTS).map(|_| random.below(20)).collect();
    let (epoch, announcer) = start(milliseconds(1000));
    let schedule = times(&broadcast(&mut announcer.clone(), epoch, until));
    let mut together = vec![[false; HOSTS]; HOSTS];
    for (from, began) in starts.iter().enumerate() {
        let sent = schedule.iter().map(|time| time + began);
        for time in sent.filter(|&time| time <= until) {
            for to in (0..HOSTS).filter(|&to| to != from && starts[to] <= time) {
                let heard = random.below(100) >= lost_of_100;
                together[from.min(to)][from.max(to)] |= heard;
            }
        }
    }
    let found = together.iter().flatten().filter(|&&found| found).count();
    HOSTS * (HOSTS - 1) / 2 - found
}

/// Numbers that look random (xorshift), the same on each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

#[test]
fn sixty_hosts_that_start_together_are_whole_at_once_if_nothing_is_lost() {
    for seed in 1..=20 {
        assert_eq!(apart(seed, 0, 20), 0, "seed {seed}");
    }
}

#[test]
fn sixty_hosts_that_start_together_are_whole_in_a_second_if_one_of_ten_beacons_is_lost() {
    for seed in 1..=100 {
        assert_eq!(apart(seed, 10, 1000), 0, "seed {seed}");
    }
}

#[test]
fn sixty_hosts_that_start_together_are_whole_in_three_seconds_if_three_of_ten_are_lost() {
    for seed in 1..=100 {
        assert_eq!(apart(seed, 30, 3000), 0, "seed {seed}");
    }
}

/// The beacon of the node with this number.
fn of(peer: u8) -> Beacon {
    Beacon::new(PeerId::from_bytes([100 + peer; 16]), 49152)
}

/// When it broadcasts, from this moment on for two seconds, if it hears this then.
fn answered(
    announcer: &mut Announcer,
    start: Instant,
    heard_at: u64,
    heard: &[Beacon],
) -> Vec<u64> {
    broadcast(announcer, start, heard_at);
    for beacon in heard {
        announcer.handle_beacon(start + milliseconds(heard_at), beacon);
    }
    let from = start + milliseconds(heard_at);
    announcer.handle_timeout(from);
    let sent = times(&broadcast(announcer, from, 2_000));
    sent.into_iter().map(|after| heard_at + after).collect()
}

#[test]
fn somebody_new_is_answered_at_once_and_then_beacons_go_on_at_their_pace() {
    let (start, mut announcer) = start(milliseconds(1000));
    let sent = answered(&mut announcer, start, 5_000, &[of(1)]);
    assert_eq!(sent, [5_000, 6_000, 7_000]);
    let sent = answered(&mut announcer, start, 7_300, &[of(1)]);
    assert_eq!(sent, [8_000, 9_000], "who is known is not answered");
}

#[test]
fn several_that_are_new_are_answered_together() {
    let (start, mut announcer) = start(milliseconds(1000));
    let sent = answered(&mut announcer, start, 5_000, &[of(1), of(2)]);
    assert_eq!(sent, [5_000, 6_000, 7_000]);
    broadcast(&mut announcer, start, 8_010);
    let sent = answered(&mut announcer, start, 8_010, &[of(3)]);
    assert_eq!(sent, [8_050, 9_050], "50 ms after the one before");
}

#[test]
fn while_a_node_starts_its_own_beacons_are_answer_enough() {
    let (start, mut announcer) = start(milliseconds(1000));
    let sent = answered(&mut announcer, start, 2, &[of(1)]);
    assert_eq!(sent[..4], [50, 150, 350, 750]);
}

#[test]
fn who_was_away_for_three_intervals_is_new_again_and_who_said_farewell_is_not() {
    let (start, mut announcer) = start(milliseconds(1000));
    answered(&mut announcer, start, 2_000, &[of(1)]);
    let sent = answered(&mut announcer, start, 5_300, &[of(1)]);
    assert_eq!(sent[0], 5_300);
    let farewell = Beacon::farewell(of(1).peer);
    let sent = answered(&mut announcer, start, 7_400, &[farewell, of(1)]);
    assert_eq!(
        sent[0], 8_300,
        "anybody can say it in its name, again and again"
    );
}

#[test]
fn among_many_nobody_is_answered_until_they_are_gone() {
    let (start, mut announcer) = start(milliseconds(1000));
    let many: Vec<Beacon> = (0..16).map(of).collect();
    answered(&mut announcer, start, 5_000, &many);
    let sent = answered(&mut announcer, start, 7_300, &[of(20)]);
    assert_eq!(sent[0], 8_000, "its next beacon is due then");
    broadcast(&mut announcer, start, 11_300);
    let sent = answered(&mut announcer, start, 11_300, &[of(21)]);
    assert_eq!(sent[0], 11_300);
}

#[test]
fn whoever_leaves_answers_nobody() {
    let (start, mut announcer) = start(milliseconds(1000));
    broadcast(&mut announcer, start, 5_000);
    announcer.stop(start + milliseconds(5_000));
    let sent = answered(&mut announcer, start, 5_000, &[of(1)]);
    assert_eq!(sent, [5_010, 5_020], "farewells");
    assert!(announcer.is_finished());
}
