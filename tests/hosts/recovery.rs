//! Networks that go and come back under running programs. Soon after the network is well, all is well:
//! everybody hears everybody, in the group, in both directions.

use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::figure::figure;
use crate::lab::{Bridge, Lab};
use crate::pair::{HASTY, Talk, pass};
use crate::skip::skip;

/// Shorter than peers are waited for.
const BRIEF: Duration = Duration::from_millis(1_500);

/// Longer than that, with [`HASTY`].
const LONG: Duration = Duration::from_secs(4);

#[test]
fn a_cable_that_was_out_for_long_makes_everybody_leave_and_meet_again() {
    let Some(lab) = Lab::new(2) else { return };
    let mut pair = Talk::pair(&lab, HASTY);
    lab.cut(2);
    pair.are_parted();
    lab.plug(2, Bridge::First);
    pair.is_soon_whole("a cable that was out for long");
}

#[test]
fn a_cable_that_was_out_briefly_is_not_noticed_and_what_was_said_meanwhile_arrives() {
    let Some(lab) = Lab::new(2) else { return };
    let mut pair = Talk::pair(&lab, &[]);
    lab.cut(2);
    pair.alice().say("are you there?");
    pass(BRIEF);
    lab.plug(2, Bridge::First);
    pair.is_soon_whole("a cable that was out briefly");
    let text = pair.bob().wait("what was said meanwhile", |line| {
        line["event"] == "shout" && line["text"] == "are you there?"
    });
    assert_eq!(text.line["name"], "alice");
    assert_eq!(pair.exits(), 0);
}

#[test]
fn a_peer_behind_a_cable_that_was_out_for_seven_seconds_answers_again_for_lists_and_scripts() {
    // Goal: who does not answer is told, and so is that it answers again, once each; lists tell the same.
    let Some(lab) = Lab::new(2) else { return };
    let mut pair = Talk::pair(&lab, &[]);
    lab.cut(2);
    pair.alice().event("evasive", "bob");
    assert_ne!(bob_unanswered(&mut pair), None);
    pair.alice().say("said meanwhile");
    lab.plug(2, Bridge::First);
    pair.alice().event("heard", "bob");
    assert_eq!(bob_unanswered(&mut pair), None);
    pair.bob().wait("what was said meanwhile", |line| {
        line["event"] == "shout" && line["text"] == "said meanwhile"
    });
    pair.is_soon_whole("a cable that was out for seven seconds");
    for event in ["evasive", "heard"] {
        let lines = pair.alice().seen();
        assert_eq!(lines.filter(|line| line["event"] == event).count(), 1);
    }
    assert_eq!(pair.exits(), 0);
}

#[test]
fn talk_goes_on_soon_after_a_cable_was_out_for_nine_seconds_in_the_middle_of_it() {
    // Goal: what is under way when a cable is pulled arrives as soon as it is plugged in, and not when
    // TCP tries next, which waits twice as long each time: then it would be 3.6 s after that.
    let Some(lab) = lab_that_tries_often() else {
        return;
    };
    let mut pair = Talk::pair(&lab, &[]);
    lab.cut(2);
    for program in &mut pair.programs {
        program.say("under way");
    }
    pass(Duration::from_secs(9));
    lab.plug(2, Bridge::First);
    let plugged = Instant::now();
    for program in &mut pair.programs {
        program.wait("what was under way", |line| line["text"] == "under way");
        let passed = plugged.elapsed();
        figure(&format!(
            "what was under way arrives after: {} ms",
            passed.as_millis()
        ));
        assert!(passed < Duration::from_secs(3), "after {passed:?}");
    }
    pair.is_soon_whole("a cable was out in the middle of talk");
    assert_eq!(pair.exits(), 0);
}

#[test]
fn a_cable_that_is_out_twice_shorter_than_peers_are_waited_for_parts_nobody() {
    // Goal: what was asked before the first time and is not answered is not held against a peer that has
    // come back in between. The two together are longer than peers are waited for.
    let Some(lab) = lab_that_tries_often() else {
        return;
    };
    // After each time, the next beacon may be a second away, and a slow machine later still.
    let mut pair = Talk::pair(&lab, &["--evasive", "800", "--expired", "7500"]);
    for _ in 0..2 {
        lab.cut(2);
        for program in &mut pair.programs {
            program.say("under way");
        }
        pass(Duration::from_millis(3_500));
        lab.plug(2, Bridge::First);
        pass(BRIEF);
    }
    pair.is_soon_whole("a cable was out twice");
    assert_eq!(pair.exits(), 0);
}

/// Two hosts of a system that can be told how soon TCP has to try again.
fn lab_that_tries_often() -> Option<Lab> {
    if !Path::new("/proc/sys/net/ipv4/tcp_rto_max_ms").exists() {
        skip("TCP waits as long as it likes before Linux 6.15");
        return None;
    }
    Lab::new(2)
}

/// Since when bob does not answer, as alice's list tells it now.
fn bob_unanswered(pair: &mut Talk) -> Option<Value> {
    bob_row(pair).get("unanswered").cloned()
}

/// Bob in alice's list.
fn bob_row(pair: &mut Talk) -> Value {
    let mark = pair.alice().mark();
    pair.alice().say("/list");
    pair.alice().event_after(mark, "peer", "bob").line
}

#[test]
fn a_cable_pulled_at_the_host_and_put_back_is_followed() {
    let Some(lab) = Lab::new(2) else { return };
    let mut pair = Talk::pair(&lab, HASTY);
    lab.carrier_down(2, "eth0");
    pair.are_parted();
    lab.carrier_up(2, "eth0");
    pair.is_soon_whole("a cable pulled at the host");
}

#[test]
fn a_host_that_roams_to_another_network_and_address_meets_who_is_there() {
    // Goal: leaving one Wi-Fi for another, where nobody of the first is. Method: carol alone on the
    // second bridge; bob moves there, gets another address, and comes back.
    let Some(lab) = Lab::new(3) else { return };
    lab.plug(3, Bridge::Second);
    lab.ip(3, "addr flush dev eth0");
    lab.ip(3, "addr add 10.99.0.3/24 brd + dev eth0");
    let mut talk = Talk::start(&lab, &["alice", "bob", "carol"], HASTY);
    talk.alice().event("enter", "bob");
    lab.plug(2, Bridge::Second);
    lab.ip(2, "addr flush dev eth0");
    lab.ip(2, "addr add 10.99.0.2/24 brd + dev eth0");
    let carol = talk.programs.remove(2);
    let alice = talk.programs.remove(0);
    let mut there = vec![talk.programs.remove(0), carol];
    std::mem::swap(&mut talk.programs, &mut there);
    talk.named = vec!["bob", "carol"];
    talk.is_soon_whole("roaming to another network");
    let carol = talk.programs.remove(1);
    let bob = talk.programs.remove(0);
    lab.plug(2, Bridge::First);
    lab.ip(2, "addr flush dev eth0");
    lab.ip(2, "addr add 10.77.0.2/24 brd + dev eth0");
    talk.programs = vec![alice, bob];
    talk.named = vec!["alice", "bob"];
    talk.is_soon_whole("roaming back");
    drop(carol);
}

#[test]
fn another_address_by_dhcp_is_followed_without_an_exit() {
    let Some(lab) = Lab::new(2) else { return };
    let mut pair = Talk::pair(&lab, &[]);
    lab.ip(2, "addr del 10.77.0.2/24 dev eth0");
    lab.ip(2, "addr add 10.77.0.102/24 brd + dev eth0");
    pair.is_soon_whole("another address by DHCP");
    assert_eq!(pair.exits(), 0);
    let moved = pair.alice().event("moved", "bob");
    assert_eq!(moved.line["endpoint"], "tcp://10.77.0.102:49152");
    assert_eq!(bob_row(&mut pair)["endpoint"], moved.line["endpoint"]);
}

#[test]
fn a_program_that_was_suspended_for_long_is_met_again() {
    let Some(lab) = Lab::new(2) else { return };
    let mut pair = Talk::pair(&lab, HASTY);
    let bob = Pid::from_raw(pair.bob().id().try_into().unwrap());
    kill(bob, Signal::SIGSTOP).unwrap();
    pair.alice().event("exit", "bob");
    pass(LONG);
    kill(bob, Signal::SIGCONT).unwrap();
    pair.is_soon_whole("a suspended program");
}

#[test]
fn a_host_that_was_suspended_comes_back_to_who_was_there() {
    // A host takes its network along when it sleeps, and others do not notice that it does.
    let Some(lab) = Lab::new(2) else { return };
    let mut pair = Talk::pair(&lab, HASTY);
    let bob = Pid::from_raw(pair.bob().id().try_into().unwrap());
    kill(bob, Signal::SIGSTOP).unwrap();
    lab.carrier_down(2, "eth0");
    pair.alice().event("exit", "bob");
    lab.carrier_up(2, "eth0");
    kill(bob, Signal::SIGCONT).unwrap();
    pair.is_soon_whole("a suspended host");
}

#[test]
fn a_switch_that_drops_broadcasts_for_a_while_parts_nobody() {
    let Some(lab) = Lab::new(2) else { return };
    // Long enough for a machine on which a program gets no processor for a while.
    let mut pair = Talk::pair(&lab, &["--evasive", "1500", "--expired", "6000"]);
    for host in [1, 2] {
        lab.lose(host, "udp", 1_000);
    }
    pass(2 * LONG);
    assert_eq!(pair.exits(), 0);
    pair.is_soon_whole("broadcasts were dropped (and still are)");
    for host in [1, 2] {
        lab.lose(host, "udp", 0);
    }
    pair.is_soon_whole("broadcasts are back");
    assert_eq!(pair.exits(), 0);
}

#[test]
fn a_network_that_comes_up_long_after_the_start_is_used() {
    let Some(lab) = Lab::new(2) else { return };
    for host in [1, 2] {
        lab.ip(host, "link set eth0 down");
    }
    let mut pair = Talk::start(&lab, &["alice", "bob"], &[]);
    pass(BRIEF);
    for host in [1, 2] {
        lab.ip(host, "link set eth0 up");
    }
    pair.is_soon_whole("the network came up");
}

#[test]
fn an_address_that_comes_long_after_the_start_is_used() {
    let Some(lab) = Lab::new(2) else { return };
    lab.ip(2, "addr flush dev eth0");
    let mut pair = Talk::start(&lab, &["alice", "bob"], &[]);
    pass(BRIEF);
    lab.ip(2, "addr add 10.77.0.2/24 brd + dev eth0");
    pair.is_soon_whole("the address came");
}
