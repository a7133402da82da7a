//! Hosts that have IPv6, alone or beside IPv4: by link-local addresses, which every interface has.

use std::net::UdpSocket;
use std::time::Duration;

use crate::lab::{Bridge, Lab};
use crate::pair::{HASTY, Talk, zchat};
use crate::program::{PATIENCE, Program};

/// Hosts that have both.
fn both(hosts: u8) -> Option<Lab> {
    let lab = Lab::new(hosts)?;
    for host in 1..=hosts {
        lab.set_ipv6(host, true);
    }
    for host in 1..=hosts {
        lab.wait_for_ipv6(host, "eth0");
    }
    Some(lab)
}

/// Hosts that have no IPv4 address.
fn only_ipv6(hosts: u8) -> Option<Lab> {
    let lab = both(hosts)?;
    for host in 1..=hosts {
        lab.ip(host, "addr flush dev eth0 scope global");
    }
    Some(lab)
}

fn endpoint(program: &mut Program, event: &str, name: &str) -> String {
    let seen = program.event(event, name);
    seen.line["endpoint"].as_str().unwrap().to_owned()
}

fn enters(program: &mut Program) -> usize {
    let lines = program.seen();
    lines.filter(|line| line["event"] == "enter").count()
}

#[test]
fn hosts_without_ipv4_addresses_meet() {
    let Some(lab) = only_ipv6(3) else { return };
    let mut talk = Talk::start(&lab, &["alice", "bob", "carol"], &[]);
    talk.is_soon_whole("a start with IPv6 only");
    let of_bob = endpoint(talk.alice(), "enter", "bob");
    assert!(of_bob.starts_with("tcp://[fe80::"), "{of_bob}");
    let own = endpoint(talk.alice(), "start", "alice");
    assert!(own.starts_with("tcp://[fe80::"), "{own}");
}

#[test]
fn hosts_without_ipv4_addresses_meet_on_an_interface_that_is_named() {
    let Some(lab) = only_ipv6(2) else { return };
    let options = ["--interface", "eth0"];
    Talk::start(&lab, &["alice", "bob"], &options).is_soon_whole("a start with IPv6 only");
}

#[test]
fn an_ipv6_address_that_comes_after_the_start_is_used() {
    // The system asks for a second or two whether another host has it, before it can be used.
    let Some(lab) = Lab::new(2) else { return };
    for host in [1, 2] {
        lab.ip(host, "addr flush dev eth0");
    }
    let mut pair = Talk::start(&lab, &["alice", "bob"], &[]);
    for host in [1, 2] {
        lab.set_ipv6(host, true);
    }
    for host in [1, 2] {
        lab.wait_for_ipv6(host, "eth0");
    }
    pair.is_soon_whole("IPv6 came");
}

#[test]
fn hosts_that_have_both_meet_once_and_by_ipv4() {
    let Some(lab) = both(2) else { return };
    // Whoever starts between a beacon by IPv4 and the same by IPv6, 5 ms later, is met by IPv6. So bob starts when
    // both are over, and the next ones a second away.
    let heard = lab.run(2, || UdpSocket::bind("[::]:5670").unwrap());
    heard.set_read_timeout(Some(PATIENCE)).unwrap();
    let alice = zchat(&lab, 1, "alice", &[]);
    let mut by_ipv6 = 0;
    while by_ipv6 < 6 {
        let (_, source) = heard.recv_from(&mut [0; 64]).unwrap();
        by_ipv6 += u32::from(source.ip().to_canonical().is_ipv6());
    }
    drop(heard);
    let bob = zchat(&lab, 2, "bob", &[]);
    let mut pair = Talk::of(vec![alice, bob], vec!["alice", "bob"]);
    pair.whole_within(PATIENCE);
    // A few beacons more by both.
    crate::pair::pass(Duration::from_secs(4));
    pair.is_soon_whole("a while with both");
    for (index, (other, place)) in [("bob", "tcp://10.77.0.2:"), ("alice", "tcp://10.77.0.1:")]
        .into_iter()
        .enumerate()
    {
        let program = &mut pair.programs[index];
        let endpoint = endpoint(program, "enter", other);
        assert!(endpoint.starts_with(place), "{endpoint}");
        assert_eq!(enters(program), 1);
    }
    assert_eq!(pair.exits(), 0);
}

#[test]
fn a_host_that_loses_its_ipv4_address_stays_by_ipv6_and_gets_it_back() {
    let Some(lab) = both(2) else { return };
    let mut pair = Talk::pair(&lab, &[]);
    lab.ip(2, "addr flush dev eth0 scope global");
    pair.is_soon_whole("an IPv4 address went, with IPv6 beside");
    lab.ip(2, "addr add 10.77.0.2/24 brd + dev eth0");
    pair.is_soon_whole("the IPv4 address came back");
    assert_eq!(pair.exits(), 0);
}

#[test]
fn a_host_that_loses_ipv6_stays_by_ipv4() {
    let Some(lab) = both(2) else { return };
    let mut pair = Talk::pair(&lab, &[]);
    lab.set_ipv6(2, false);
    pair.is_soon_whole("IPv6 went, with IPv4 beside");
    assert_eq!(pair.exits(), 0);
}

#[test]
fn where_ipv4_is_dropped_peers_meet_and_stay_by_ipv6() {
    let Some(lab) = both(2) else { return };
    let drop = "table ip zchat_test {\nchain in {\ntype filter hook input priority 0; drop;\n}\n}";
    lab.rules(2, drop);
    let mut pair = Talk::start(&lab, &["alice", "bob"], &[]);
    pair.is_soon_whole("a start where IPv4 is dropped");
    lab.rules(2, "delete table ip zchat_test");
    lab.rules(1, drop);
    pair.is_soon_whole("IPv4 passes, and is dropped elsewhere");
    assert_eq!(pair.exits(), 0);
}

#[test]
fn hosts_of_different_ipv4_subnets_on_one_wire_meet_by_ipv6() {
    let Some(lab) = both(2) else { return };
    lab.ip(2, "addr flush dev eth0 scope global");
    lab.ip(2, "addr add 192.168.9.2/24 brd + dev eth0");
    Talk::start(&lab, &["alice", "bob"], &[]).is_soon_whole("a start in different subnets");
}

#[test]
fn a_cable_that_was_out_is_noticed_by_ipv6_too() {
    let Some(lab) = only_ipv6(2) else { return };
    let mut pair = Talk::pair(&lab, HASTY);
    lab.cut(2);
    pair.are_parted();
    lab.plug(2, Bridge::First);
    pair.is_soon_whole("a cable that was out, by IPv6");
}

#[test]
fn two_programs_on_one_host_without_ipv4_meet_and_part() {
    let Some(lab) = only_ipv6(2) else { return };
    let programs = vec![
        zchat(&lab, 1, "alice", &[]),
        zchat(&lab, 1, "bob", &[]),
        zchat(&lab, 2, "carol", &[]),
    ];
    let mut talk = Talk::of(programs, vec!["alice", "bob", "carol"]);
    talk.whole_within(PATIENCE);
    // A kill and a clean end.
    talk.programs.remove(1);
    for index in [0, 1] {
        talk.programs[index].event("exit", "bob");
    }
    talk.programs[1].end_input();
    talk.programs[0].event("exit", "carol");
}

#[test]
fn who_is_deleted_and_added_again_goes_once_and_comes_once_by_whatever_address() {
    // Goal: neither IPv6 nor what was said meanwhile makes anybody flap, nothing is lost after the
    // meeting, and the third one notices nothing. Method: hosts with both; each address of bob's once.
    let Some(lab) = both(3) else { return };
    let mut talk = Talk::start(&lab, &["alice", "bob", "carol"], &[]);
    talk.is_soon_whole("a start with both");
    // His beacons come by both.
    crate::pair::pass(Duration::from_secs(2));
    let by_ipv4 = "10.77.0.2:49152".to_owned();
    let address = lab.wait_for_ipv6(2, "eth0");
    let by_ipv6 = format!("[{address}%{}]:49152", lab.scope(1, "eth0"));
    let mut parted = 0;
    for (place, apart) in [
        (&by_ipv4, 50),
        (&by_ipv6, 50),
        (&by_ipv6, 2_500),
        (&by_ipv4, 2_500),
    ] {
        let marks = [talk.alice().mark(), talk.bob().mark()];
        talk.alice().say(&format!("/delete {place}"));
        parted += 1;
        talk.alice().event_after(marks[0], "exit", "bob");
        talk.bob().event_after(marks[1], "exit", "alice");
        crate::pair::pass(Duration::from_millis(apart));
        assert_eq!(talk.exits(), 2 * parted, "{place} after {apart} ms");
        talk.alice().say(&format!("/add {place}"));
        talk.is_soon_whole("a peer was added again");
        // What goes wrong shows when the next beacons come.
        crate::pair::pass(Duration::from_secs(3));
        talk.is_soon_whole("a peer was added again a while ago");
        assert_eq!(talk.exits(), 2 * parted, "{place} after {apart} ms");
    }
}
