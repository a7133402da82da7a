//! On hosts of their own: several networks, and networks that come and go.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use zchat::node::beacon::{Config, Heard, PORT};
use zchat::node::interface::NoBroadcast;
use zchat::zre::Beacon;

use super::{Node, bound_to, config, id, next_beacon, other_program};
use crate::figure::figure;
use crate::lab::{Bridge, Lab};

/// A node on a host, on all its networks. Beacons are a minute apart, so that what comes soon after a
/// change comes because of it.
fn on(lab: &Lab, host: u8) -> Node {
    let mut config = config(host, PORT, &[]);
    config.interval = Duration::from_secs(60);
    start(lab, host, config)
}

fn start(lab: &Lab, host: u8, config: Config) -> Node {
    lab.run(host, || Node::start(config).unwrap())
}

fn ip(address: &str) -> IpAddr {
    address.parse().unwrap()
}

fn addresses(node: &Node, wanted: &[&str]) {
    let mut wanted: Vec<Ipv4Addr> = wanted.iter().map(|one| one.parse().unwrap()).collect();
    wanted.sort();
    node.wait_for_networks(|networks| {
        let mut found: Vec<_> = networks.iter().map(|network| network.address).collect();
        found.sort();
        found == wanted
    });
}

#[test]
fn hosts_hear_each_other_and_a_farewell_goes_to_one_alone() {
    let Some(lab) = Lab::new(3) else { return };
    let nodes: Vec<Node> = (1..=3).map(|host| on(&lab, host)).collect();
    let (source, local) = nodes[0].wait_for_beacon(id(2), 50_002);
    assert_eq!((source, local), (ip("10.77.0.2"), ip("10.77.0.1")));
    nodes[0].wait_for_beacon(id(3), 50_003);
    nodes[1].wait_for_beacon(id(3), 50_003);
    nodes[2].wait_for_beacon(id(1), 50_001);
    for node in &nodes {
        node.forget();
    }
    nodes[0].handle.farewell(ip("10.77.0.2").into());
    for _ in 0..3 {
        let (source, local) = nodes[1].wait_for_beacon(id(1), 0);
        assert_eq!((source, local), (ip("10.77.0.1"), ip("10.77.0.2")));
    }
    // The third host hears of it only by a broadcast, which comes later.
    nodes[1].handle.farewell(ip("10.77.0.3").into());
    let heard = nodes[2].wait_for(|heard| match heard {
        Heard::Sighting(sighting) if sighting.beacon.is_farewell() => Some(sighting.beacon.peer),
        _ => None,
    });
    assert_eq!(heard, id(2));
}

/// As Pyre is on Linux: what goes to 255.255.255.255 does not reach it.
#[test]
fn trap_4_whoever_is_bound_to_the_directed_broadcast_address_hears_our_beacons() {
    let Some(lab) = Lab::new(2) else { return };
    let directed = Ipv4Addr::new(10, 77, 0, 255);
    let pyre = lab.run(2, || bound_to(directed, PORT));
    let _node = on(&lab, 1);
    let (beacon, source) = next_beacon(&pyre);
    assert_eq!((beacon.peer, source), (id(1), ip("10.77.0.1")));
}

/// Goal: whoever is new is answered by a beacon.
/// Method: the next one of the node that is there is six seconds away.
#[test]
fn somebody_new_hears_at_once_who_is_there() {
    let Some(lab) = Lab::new(2) else { return };
    let heard = lab.run(1, || other_program(PORT));
    let began = Instant::now();
    let two = on(&lab, 2);
    for _ in 0..8 {
        assert_eq!(next_beacon(&heard).0.peer, id(2), "the first in 6.35 s");
    }
    let one = on(&lab, 1);
    one.wait_for_beacon(id(2), 50_002);
    let next_one_due = Duration::from_millis(12_750);
    assert!(began.elapsed() < next_one_due);
    two.wait_for_beacon(id(1), 50_001);
}

/// Goal: a beacon goes out by IPv4, and the same by IPv6 before the next one.
/// Method: it answers somebody new, where the next one is three seconds away: however late a thread gets a
/// processor, nothing comes between the two.
#[test]
fn a_beacon_goes_out_by_ipv4_and_right_behind_that_by_ipv6() {
    let Some(lab) = Lab::new(2) else { return };
    let [_, address] = [2, 1].map(|host| {
        lab.set_ipv6(host, true);
        lab.wait_for_ipv6(host, "eth0")
    });
    let heard = lab.run(2, || bound_to(Ipv6Addr::UNSPECIFIED, PORT));
    let _one = on(&lab, 1);
    for _ in 0..7 {
        let (beacon, source) = next_beacon(&heard);
        assert_eq!((beacon.peer, source), (id(1), address.into()));
    }
    let began = Instant::now();
    let two = on(&lab, 2);
    let told = two.wait_for_two_beacons(id(1));
    assert_eq!(told, [ip("10.77.0.1"), address.into()]);
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_node_without_a_network_starts_and_works_as_soon_as_one_appears() {
    let Some(lab) = Lab::new(2) else { return };
    lab.ip(1, "link set eth0 down");
    lab.ip(1, "link set lo down");
    let one = on(&lab, 1);
    let two = on(&lab, 2);
    addresses(&one, &[]);
    addresses(&two, &["10.77.0.2"]);
    assert_eq!(one.handle.counts().sent, 0);
    let start = Instant::now();
    lab.ip(1, "link set eth0 up");
    let command = start.elapsed();
    addresses(&one, &["10.77.0.1"]);
    let told = start.elapsed();
    two.wait_for_beacon(id(1), 50_001);
    let heard = start.elapsed();
    figure(&format!(
        "link up ({command:?}): networks told after {told:?}, heard after {heard:?}"
    ));
    assert!(
        heard < Duration::from_secs(30),
        "only by the next regular beacon"
    );
}

type Change = fn(&Lab);

#[test]
fn networks_that_go_and_come_back_are_told_and_announced_on() {
    let Some(lab) = Lab::new(2) else { return };
    lab.ip(1, "link set lo down");
    let (one, two) = (on(&lab, 1), on(&lab, 2));
    two.wait_for_beacon(id(1), 50_001);
    addresses(&one, &["10.77.0.1"]);
    let changes: [(&str, Change, Change); 3] = [
        (
            "link",
            |lab| lab.ip(1, "link set eth0 down"),
            |lab| lab.ip(1, "link set eth0 up"),
        ),
        (
            "address",
            |lab| lab.ip(1, "addr flush dev eth0"),
            |lab| lab.ip(1, "addr add 10.77.0.1/24 dev eth0"),
        ),
        (
            "carrier",
            |lab| lab.carrier_down(1, "eth0"),
            |lab| lab.carrier_up(1, "eth0"),
        ),
    ];
    for (what, down, up) in changes {
        let start = Instant::now();
        down(&lab);
        addresses(&one, &[]);
        let gone = start.elapsed();
        two.forget();
        let start = Instant::now();
        up(&lab);
        addresses(&one, &["10.77.0.1"]);
        let back = start.elapsed();
        two.wait_for_beacon(id(1), 50_001);
        let heard = start.elapsed();
        figure(&format!(
            "{what}: gone after {gone:?}, back after {back:?}, heard after {heard:?}"
        ));
    }
}

#[test]
fn a_new_address_is_announced_and_an_old_one_forgotten() {
    let Some(lab) = Lab::new(2) else { return };
    lab.ip(2, "addr add 192.168.9.2/24 dev eth0");
    let (one, two) = (on(&lab, 1), on(&lab, 2));
    two.wait_for_beacon(id(1), 50_001);
    lab.ip(1, "addr add 192.168.9.1/24 dev eth0");
    addresses(&one, &["10.77.0.1", "192.168.9.1"]);
    two.wait_for(|heard| match heard {
        Heard::Sighting(sighting) => (sighting.source.address == ip("192.168.9.1")
            && sighting.local == ip("192.168.9.2"))
        .then_some(()),
        _ => None,
    });
    lab.ip(1, "addr del 10.77.0.1/24 dev eth0");
    addresses(&one, &["192.168.9.1"]);
}

#[test]
fn a_host_between_two_networks_is_on_both() {
    let Some(lab) = Lab::new(3) else { return };
    lab.add_interface(1, "eth1", Bridge::Second);
    lab.ip(1, "addr add 10.88.0.1/24 dev eth1");
    lab.ip(1, "link set eth1 up");
    lab.plug(3, Bridge::Second);
    lab.ip(3, "addr flush dev eth0");
    lab.ip(3, "addr add 10.88.0.3/24 dev eth0");
    let (two, three) = (on(&lab, 2), on(&lab, 3));
    let between = on(&lab, 1);
    let (source, local) = between.wait_for_beacon(id(2), 50_002);
    assert_eq!((source, local), (ip("10.77.0.2"), ip("10.77.0.1")));
    let (source, local) = between.wait_for_beacon(id(3), 50_003);
    assert_eq!((source, local), (ip("10.88.0.3"), ip("10.88.0.1")));
    assert_eq!(two.wait_for_beacon(id(1), 50_001).0, ip("10.77.0.1"));
    assert_eq!(three.wait_for_beacon(id(1), 50_001).0, ip("10.88.0.1"));
}

/// Goal: with two interfaces in one subnet, each beacon leaves by its own, and what comes by one is
/// known to.
/// Method: the two lead to different cables, so that a wrong one shows.
#[test]
fn two_interfaces_in_one_subnet_both_work() {
    let Some(lab) = Lab::new(3) else { return };
    lab.add_interface(1, "eth1", Bridge::Second);
    lab.ip(1, "addr add 10.77.0.101/24 dev eth1");
    lab.ip(1, "link set eth1 up");
    lab.plug(3, Bridge::Second);
    let (two, three) = (on(&lab, 2), on(&lab, 3));
    let one = on(&lab, 1);
    assert_eq!(two.wait_for_beacon(id(1), 50_001).0, ip("10.77.0.1"));
    assert_eq!(three.wait_for_beacon(id(1), 50_001).0, ip("10.77.0.101"));
    assert_eq!(one.wait_for_beacon(id(2), 50_002).1, ip("10.77.0.1"));
    assert_eq!(one.wait_for_beacon(id(3), 50_003).1, ip("10.77.0.101"));
}

#[test]
fn of_several_addresses_in_one_network_the_first_is_announced() {
    let Some(lab) = Lab::new(2) else { return };
    lab.ip(1, "addr add 10.77.0.201/24 dev eth0");
    let two = on(&lab, 2);
    let one = on(&lab, 1);
    addresses(&one, &["10.77.0.1", "10.77.0.201"]);
    for _ in 0..3 {
        assert_eq!(two.wait_for_beacon(id(1), 50_001).0, ip("10.77.0.1"));
    }
    drop(one);
    two.wait_for_beacon(id(1), 0);
    let mut second = config(1, PORT, &["10.77.0.201"]);
    second.interval = Duration::from_secs(60);
    let one = start(&lab, 1, second);
    addresses(&one, &["10.77.0.201"]);
    assert_eq!(two.wait_for_beacon(id(1), 50_001).0, ip("10.77.0.201"));
}

#[test]
fn what_is_heard_on_a_network_that_was_not_named_is_ignored() {
    let Some(lab) = Lab::new(3) else { return };
    lab.add_interface(1, "eth1", Bridge::Second);
    lab.ip(1, "addr add 10.88.0.1/24 dev eth1");
    lab.ip(1, "link set eth1 up");
    lab.plug(3, Bridge::Second);
    lab.ip(3, "addr flush dev eth0");
    lab.ip(3, "addr add 10.88.0.3/24 dev eth0");
    let one = start(&lab, 1, config(1, PORT, &["eth0"]));
    let _three = start(&lab, 3, config(3, PORT, &[]));
    one.wait_for_counts(|counts| counts.elsewhere >= 3);
    let _two = start(&lab, 2, config(2, PORT, &[]));
    let heard = one.beacons_until(id(2));
    assert_eq!(heard, [(id(2), ip("10.77.0.2"))]);
    let listener = lab.run(3, || other_program(PORT));
    let from: Vec<_> = (0..5).map(|_| next_beacon(&listener).0.peer).collect();
    assert_eq!(
        from,
        [id(3); 5],
        "nothing is sent on the other network either"
    );
}

#[test]
fn a_network_without_broadcast_is_used_for_what_is_sent_to_us_alone() {
    let Some(lab) = Lab::new(2) else { return };
    lab.ip(1, "addr flush dev eth0");
    lab.ip(1, "addr add 10.77.0.1/32 dev eth0");
    lab.ip(1, "route add 10.77.0.2 dev eth0");
    lab.ip(1, "link set lo down");
    let one = on(&lab, 1);
    let networks = one.wait_for_networks(|networks| networks.len() == 1);
    assert_eq!(networks[0].broadcast, Err(NoBroadcast::NoRoom));
    let two = lab.run(2, || other_program(PORT));
    two.send_to(&Beacon::new(id(9), 7_777).encode(), ("10.77.0.1", PORT))
        .unwrap();
    let (source, local) = one.wait_for_beacon(id(9), 7_777);
    assert_eq!((source, local), (ip("10.77.0.2"), ip("10.77.0.1")));
    let counts = one.handle.counts();
    assert_eq!((counts.sent, counts.unsent), (0, 0));
    one.handle.farewell(ip("10.77.0.2").into());
    let (beacon, source) = next_beacon(&two);
    assert_eq!((beacon, source), (Beacon::farewell(id(1)), ip("10.77.0.1")));
}

#[test]
fn a_firewall_that_forbids_beacons_stops_nothing_else() {
    let Some(lab) = Lab::new(2) else { return };
    let forbid =
        "table inet t { chain out { type filter hook output priority 0; udp dport 5670 drop; }; }";
    let nft = |rules: &str| {
        let output = lab.command(1, "nft").arg(rules).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    nft(forbid);
    let mut often = config(1, PORT, &[]);
    often.interval = Duration::from_millis(50);
    let one = start(&lab, 1, often);
    let two = on(&lab, 2);
    one.wait_for_beacon(id(2), 50_002);
    one.wait_for_counts(|counts| counts.unsent >= 3);
    assert_eq!(one.handle.counts().sent, 0);
    nft("delete table inet t");
    two.wait_for_beacon(id(1), 50_001);
}
