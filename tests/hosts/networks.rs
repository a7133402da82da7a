//! Hosts with several networks, rules and losses on the way, and peers that no beacon reaches.

use std::time::{Duration, Instant};

use crate::figure::figure;
use crate::lab::{Bridge, Lab};
use crate::pair::{HASTY, LIMIT, Talk, pass, zchat};
use crate::program::{PATIENCE, Program};

/// Gives a host a second interface, on the second bridge.
fn second_network(lab: &Lab, host: u8) {
    lab.add_interface(host, "eth1", Bridge::Second);
    lab.ip(host, &format!("addr add 10.88.0.{host}/24 brd + dev eth1"));
    lab.ip(host, "link set eth1 up");
}

/// A host on the second bridge only.
fn move_to_second(lab: &Lab, host: u8) {
    lab.plug(host, Bridge::Second);
    lab.ip(host, "addr flush dev eth0");
    lab.ip(host, &format!("addr add 10.88.0.{host}/24 brd + dev eth0"));
}

fn place(seen: &crate::program::Seen) -> &str {
    seen.line["endpoint"].as_str().unwrap()
}

#[test]
fn a_host_on_two_networks_is_met_on_each_at_the_address_that_it_has_there() {
    let Some(lab) = Lab::new(3) else { return };
    second_network(&lab, 2);
    move_to_second(&lab, 3);
    // Long enough for a machine on which a program gets no processor for a while.
    let options = ["--evasive", "1500", "--expired", "6000"];
    let mut talk = Talk::start(&lab, &["alice", "bob", "carol"], &options);
    let of = |program: &mut Program, name: &str| {
        let entered = program.event("enter", name);
        place(&entered).rsplit_once(':').unwrap().0.to_owned()
    };
    assert_eq!(of(&mut talk.programs[0], "bob"), "tcp://10.77.0.2");
    assert_eq!(of(&mut talk.programs[2], "bob"), "tcp://10.88.0.2");
    assert_eq!(of(&mut talk.programs[1], "alice"), "tcp://10.77.0.1");
    assert_eq!(of(&mut talk.programs[1], "carol"), "tcp://10.88.0.3");
    talk.programs[1].say("to both");
    for index in [0, 2] {
        talk.programs[index].wait("a shout on each", |line| line["text"] == "to both");
    }
    // One of the networks goes: those on the other notice nothing.
    lab.cut(2);
    talk.programs[0].event("exit", "bob");
    talk.programs[1].event("exit", "alice");
    talk.programs[1].say("still here");
    talk.programs[2].wait("a shout", |line| line["text"] == "still here");
    let gone = |program: &mut Program| {
        program
            .seen()
            .filter(|line| line["event"] == "exit")
            .count()
    };
    assert_eq!(gone(&mut talk.programs[2]), 0);
    assert_eq!(gone(&mut talk.programs[1]), 1);
}

#[test]
fn an_interface_that_comes_and_goes_under_a_running_program_is_followed() {
    let Some(lab) = Lab::new(2) else { return };
    move_to_second(&lab, 2);
    let mut pair = Talk::start(&lab, &["alice", "bob"], HASTY);
    for _ in 0..2 {
        second_network(&lab, 1);
        pair.is_soon_whole("an interface came");
        lab.ip(1, "link del eth1");
        pair.are_parted();
    }
}

#[test]
fn peers_on_two_networks_stay_when_one_of_these_goes() {
    let Some(lab) = Lab::new(2) else { return };
    for host in [1, 2] {
        second_network(&lab, host);
    }
    let mut pair = Talk::pair(&lab, &[]);
    lab.cut(2);
    pair.is_soon_whole("one network of two went");
    lab.plug(2, Bridge::First);
    for host in [1, 2] {
        lab.ip(host, "link set eth1 down");
    }
    pair.is_soon_whole("the other network went, and the one came back");
    assert_eq!(pair.exits(), 0);
}

#[test]
fn where_beacons_are_dropped_peers_that_are_named_are_met_in_both_directions() {
    let Some(lab) = Lab::new(2) else { return };
    for host in [1, 2] {
        lab.lose(host, "udp", 1_000);
    }
    let alice = zchat(&lab, 1, "alice", HASTY);
    let options = ["--peer", "10.77.0.1:49152"];
    let bob = zchat(&lab, 2, "bob", &[HASTY, &options[..]].concat());
    let mut pair = Talk::of(vec![alice, bob], vec!["alice", "bob"]);
    pair.is_soon_whole("one named the other");
    // Who is named is greeted again when it comes back, under another id.
    pair.programs.remove(0);
    pair.programs[0].event("exit", "alice");
    let again = zchat(&lab, 1, "alice", HASTY);
    pair.programs.insert(0, again);
    pair.is_soon_whole("who is named has come back");
    // And so it is when only the one that is named stays.
    pair.programs.remove(1);
    pair.programs[0].event("exit", "bob");
    let again = zchat(&lab, 2, "bob", &[HASTY, &options[..]].concat());
    pair.programs.push(again);
    pair.is_soon_whole("who names has come back");
}

#[test]
fn who_names_somebody_that_starts_later_meets_it() {
    let Some(lab) = Lab::new(2) else { return };
    for host in [1, 2] {
        lab.lose(host, "udp", 1_000);
    }
    let bob = zchat(&lab, 2, "bob", &["--peer", "10.77.0.1:49152"]);
    pass(Duration::from_secs(2));
    let alice = zchat(&lab, 1, "alice", &["--peer", "10.77.0.2:49152"]);
    Talk::of(vec![alice, bob], vec!["alice", "bob"]).is_soon_whole("who is named has started");
}

#[test]
fn who_was_met_is_greeted_at_the_next_start_where_beacons_are_dropped() {
    let Some(lab) = Lab::new(2) else { return };
    let state = std::env::temp_dir().join(format!("zchat-remember-{}", std::process::id()));
    let _old = std::fs::remove_dir_all(&state);
    let start = |host, name| {
        let mut command = lab.command(host, crate::program::zchat());
        command.env_remove("ZCHAT_INTERFACE");
        command.env("XDG_STATE_HOME", state.join(name));
        Program::start(name, command.args(["--json", "--remember", "--name", name]))
    };
    let mut first = Talk::of(
        vec![start(1, "alice"), start(2, "bob")],
        vec!["alice", "bob"],
    );
    first.whole_within(PATIENCE);
    for program in &mut first.programs {
        program.end_input();
        // What it tried to say before they had met was heard by nobody, which is no matter here.
        program.wait_for_end();
    }
    for host in [1, 2] {
        lab.lose(host, "udp", 1_000);
    }
    let mut again = Talk::of(
        vec![zchat(&lab, 1, "alice", &[]), start(2, "bob")],
        vec!["alice", "bob"],
    );
    again.is_soon_whole("a start where beacons are dropped, by memory");
    std::fs::remove_dir_all(&state).unwrap();
}

#[test]
fn who_is_behind_a_translation_of_addresses_is_answered_where_it_advertises() {
    // Goal: bob is in a network of his own behind a router that hands one port on to him. Method:
    // host 2 is the router, host 3 is bob behind it; alice is outside, and can reach the router only.
    let Some(lab) = Lab::new(3) else { return };
    move_to_second(&lab, 3);
    second_network(&lab, 2);
    lab.ip(3, "route add default via 10.88.0.2");
    lab.forward(
        2,
        "table ip zchat_test {
           chain before { type nat hook prerouting priority -100;
             iifname eth0 tcp dport 4000 dnat to 10.88.0.3:49152;
           }
           chain behind { type nat hook postrouting priority 100; oifname eth0 masquerade;
           }
         }",
    );
    let alice = zchat(&lab, 1, "alice", &[]);
    let options = ["--peer", "10.77.0.1:49152", "--advertise", "10.77.0.2:4000"];
    let bob = zchat(&lab, 3, "bob", &options);
    let mut pair = Talk::of(vec![alice, bob], vec!["alice", "bob"]);
    pair.is_soon_whole("a start behind a translation of addresses");
    let bob = pair.alice().event("enter", "bob");
    assert_eq!(place(&bob), "tcp://10.77.0.2:4000");
}

#[test]
fn where_connections_are_dropped_nobody_is_met_until_they_pass() {
    let Some(lab) = Lab::new(2) else { return };
    for host in [1, 2] {
        lab.lose(host, "tcp", 1_000);
    }
    let mut pair = Talk::start(&lab, &["alice", "bob"], &[]);
    pass(Duration::from_secs(3));
    for host in [1, 2] {
        lab.lose(host, "tcp", 0);
    }
    pair.is_soon_whole("connections pass again");
}

#[test]
fn where_all_is_dropped_for_a_while_all_is_well_afterwards() {
    let Some(lab) = Lab::new(2) else { return };
    let mut pair = Talk::pair(&lab, HASTY);
    for host in [1, 2] {
        lab.lose(host, "{ tcp, udp }", 1_000);
    }
    pair.are_parted();
    for host in [1, 2] {
        lab.lose(host, "tcp", 0);
    }
    pair.is_soon_whole("nothing passed");
}

/// Two hosts that start while so many per mille of what is sent by UDP is lost; how long it took.
fn meet_with_losses(protocol: &str, per_mille: u16) -> Option<Duration> {
    let lab = Lab::new(2)?;
    for host in [1, 2] {
        lab.lose(host, protocol, per_mille);
    }
    let begun = Instant::now();
    let mut pair = Talk::start(&lab, &["alice", "bob"], &[]);
    pair.programs[0].event("enter", "bob");
    pair.programs[1].event("enter", "alice");
    let span = begun.elapsed();
    let (percent, milliseconds) = (per_mille / 10, span.as_secs_f64() * 1e3);
    figure(&format!(
        "two hosts that meet with {percent} % of {protocol} lost: {milliseconds:.0} ms"
    ));
    pair.whole_within(PATIENCE);
    assert_eq!(pair.exits(), 0);
    Some(span)
}

#[test]
fn hosts_meet_with_some_beacons_lost() {
    for (per_mille, limit) in [(100, LIMIT), (300, LIMIT), (600, PATIENCE)] {
        let Some(span) = meet_with_losses("udp", per_mille) else {
            return;
        };
        assert!(span < limit, "{per_mille} per mille: {span:?}");
    }
}

#[test]
fn hosts_meet_and_stay_with_some_of_everything_lost() {
    meet_with_losses("{ tcp, udp }", 100);
}
