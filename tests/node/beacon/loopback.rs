//! On the loopback interface: sharing the port, refusing what is no beacon, and keeping up.

use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use zchat::node::beacon::{Heard, StartError};
use zchat::node::interface::FALLBACK_GROUP;
use zchat::zre::{Beacon, PeerId};

use super::{Node, bound_to, config, id, next_beacon, other_program};
use crate::figure::figure;
use crate::skip::skip;
use crate::support::World;

const BROADCAST: Ipv4Addr = Ipv4Addr::new(127, 255, 255, 255);

#[test]
fn many_nodes_on_one_host_share_the_port_and_all_hear_all() {
    let world = World::new();
    let port = world.port();
    let other = other_program(port);
    let nodes: Vec<Node> = (1..=5)
        .map(|number| Node::start(config(number, port, &["lo"])).unwrap())
        .collect();
    for node in &nodes {
        for of in &nodes {
            if node.id != of.id {
                let mailbox = 50_000 + u16::from(of.id.as_bytes()[0]);
                let (source, local) = node.wait_for_beacon(of.id, mailbox);
                assert_eq!(
                    (source, local),
                    (Ipv4Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into())
                );
            }
        }
    }
    let mut missing: Vec<PeerId> = nodes.iter().map(|node| node.id).collect();
    while !missing.is_empty() {
        let (beacon, _) = next_beacon(&other);
        missing.retain(|id| *id != beacon.peer);
    }
}

#[test]
fn networks_are_told_first_and_then_that_our_own_beacon_came_back() {
    let world = World::new();
    let node = Node::start(config(1, world.port(), &["lo"])).unwrap();
    let mut told = Vec::new();
    node.wait_for(|heard| {
        told.push(heard.clone());
        matches!(heard, Heard::Echo(_)).then_some(())
    });
    let [Heard::Networks { networks, .. }, Heard::Echo(echo)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(networks.as_slice(), std::slice::from_ref(echo));
    assert_eq!(echo.address, Ipv4Addr::LOCALHOST);
    node.wait_for_counts(|counts| counts.echoes >= 1);
}

#[test]
fn stopping_says_farewell_and_so_does_dropping() {
    let world = World::new();
    let port = world.port();
    let one = Node::start(config(1, port, &["lo"])).unwrap();
    let two = Node::start(config(2, port, &["lo"])).unwrap();
    let three = Node::start(config(3, port, &["lo"])).unwrap();
    one.wait_for_beacon(two.id, 50_002);
    one.wait_for_beacon(three.id, 50_003);
    let start = Instant::now();
    assert!(two.handle.stop().join());
    figure(&format!(
        "beacon thread: stopped after {:?}",
        start.elapsed()
    ));
    one.wait_for_beacon(id(2), 0);
    drop(three);
    one.wait_for_beacon(id(3), 0);
    // Nothing of them comes after that.
    one.forget();
    let four = Node::start(config(4, port, &["lo"])).unwrap();
    let heard = one.beacons_until(four.id);
    assert!(heard.iter().all(|(peer, _)| *peer == four.id), "{heard:?}");
}

#[test]
fn a_port_that_another_program_keeps_for_itself_is_told_with_its_place() {
    let exclusive = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = exclusive.local_addr().unwrap().port();
    let Err(error) = Node::start(config(1, port, &["lo"])) else {
        panic!("started on a port that is taken");
    };
    assert!(matches!(error, StartError::PortTaken { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        format!(
            "UDP port {port} is taken by another program that does not share it, on lo \
             (127.0.0.1); end that program, or let all nodes use another beacon port"
        )
    );
    drop(exclusive);
    drop(Node::start(config(1, port, &["lo"])).unwrap());
}

#[test]
fn an_interface_that_does_not_exist_is_told_with_those_that_do() {
    let world = World::new();
    let Err(error) = Node::start(config(1, world.port(), &["no-such"])) else {
        panic!("started on an interface that does not exist");
    };
    let text = error.to_string();
    assert!(
        text.starts_with("there is no interface \"no-such\"; there are: "),
        "{text}"
    );
    assert!(text.contains("lo (127.0.0.1)"), "{text}");
}

#[test]
fn what_is_no_beacon_for_us_is_counted_by_reason_and_goes_no_further() {
    let world = World::new();
    let port = world.port();
    let node = Node::start(config(1, port, &["lo"])).unwrap();
    let other = other_program(port);
    let good = Beacon::new(id(9), 7_777).encode();
    let mut later_version = good;
    later_version[3] = 2;
    let mut with_key = good.to_vec();
    with_key[3] = 3;
    with_key.extend([7; 32]);
    let datagrams: [&[u8]; 8] = [
        b"",
        b"hello",
        &[0xff; 2_000],
        &later_version,
        &with_key,
        &good[..21],
        &[&good[..], b"x"].concat(),
        &good,
    ];
    for datagram in datagrams {
        other.send_to(datagram, (BROADCAST, port)).unwrap();
    }
    let heard = node.beacons_until(id(9));
    assert_eq!(heard.len(), 1, "only the good one: {heard:?}");
    node.wait_for_counts(|counts| counts.heard == 1);
    let counts = node.handle.counts();
    assert_eq!(
        (
            counts.foreign,
            counts.unknown_version,
            counts.encrypted,
            counts.malformed
        ),
        (3, 1, 1, 2)
    );
    assert_eq!((counts.heard, counts.dropped, counts.elsewhere), (1, 0, 0));
}

#[test]
fn a_thousand_beacons_at_once_are_all_heard() {
    const BEACONS: u16 = 1_000;
    let most: u32 = fs::read_to_string("/proc/sys/net/core/rmem_max")
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    if most < 1 << 20 {
        return skip(&format!(
            "net.core.rmem_max is {most}: the system gives too small a buffer"
        ));
    }
    let world = World::new();
    let port = world.port();
    let node = Node::start(config(1, port, &["lo"])).unwrap();
    let other = other_program(port);
    let start = Instant::now();
    for number in 0..BEACONS {
        other.send_to(&numbered(number), (BROADCAST, port)).unwrap();
    }
    let sent = start.elapsed();
    let mut missing = BEACONS;
    node.wait_for(|heard| {
        if let Heard::Sighting(sighting) = heard {
            assert_eq!(sighting.beacon.port, 50_000);
            missing -= 1;
        }
        (missing == 0).then_some(())
    });
    let heard = start.elapsed();
    figure(&format!(
        "1,000 beacons: sent in {sent:?}, heard after {heard:?}"
    ));
}

/// One of many beacons with different ids.
fn numbered(number: u16) -> [u8; Beacon::OCTETS] {
    let mut id = [0xee; 16];
    id[..2].copy_from_slice(&number.to_be_bytes());
    Beacon::new(PeerId::from_bytes(id), 50_000).encode()
}

#[test]
fn beacons_that_the_mesh_does_not_take_are_counted_and_networks_are_still_told() {
    let world = World::new();
    let port = world.port();
    let node = Node::with_queue(config(1, port, &["lo"]), 10).unwrap();
    let other = other_program(port);
    for number in 0..500 {
        other.send_to(&numbered(number), (BROADCAST, port)).unwrap();
        // No more at a time than the smallest buffer takes while the thread gets no processor.
        if number % 100 == 99 {
            let sent = u64::from(number) + 1;
            node.wait_for_counts(|counts| counts.heard + counts.dropped == sent);
        }
    }
    assert!(node.handle.counts().dropped >= 489);
    node.wait_for_networks(|networks| networks.len() == 1);
}

/// Goal: a flood keeps neither beacons nor the end from being sent.
/// Method: another program sends as fast as it can, until ten beacons of ours were heard by a third.
#[test]
fn a_flood_does_not_keep_beacons_from_being_sent() {
    let world = World::new();
    let port = world.port();
    let listener = other_program(port);
    let node = Node::with_queue(config(1, port, &["lo"]), 10).unwrap();
    let flood = Flood::start(port);
    let start = Instant::now();
    let mut beacons = 0;
    while beacons < 10 {
        assert!(start.elapsed() < super::IN_TIME, "only {beacons} beacons");
        if next_beacon(&listener).0.peer == node.id {
            beacons += 1;
        }
    }
    let counts = node.handle.counts();
    assert!(node.handle.stop().join());
    let elapsed = start.elapsed();
    let sent = flood.stop();
    figure(&format!(
        "flood of {sent} beacons in {elapsed:?}: {} taken in, {} of our own sent",
        counts.heard + counts.dropped,
        counts.sent
    ));
}

/// A thread that sends beacons of many ids as fast as it can, until this is dropped.
struct Flood {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<u64>>,
}

impl Flood {
    fn start(port: u16) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            let other = other_program(port);
            let (mut number, mut sent) = (0_u16, 0);
            while !told.load(Ordering::Relaxed) {
                number = number.wrapping_add(1);
                sent += u64::from(other.send_to(&numbered(number), (BROADCAST, port)).is_ok());
            }
            sent
        });
        Self {
            ends,
            thread: Some(thread),
        }
    }

    fn stop(mut self) -> u64 {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
    }
}

#[test]
fn trap_12_pyre_without_a_network_is_heard_and_reached_by_its_group() {
    let world = World::new();
    let port = world.port();
    // Bound to the group, it hears nothing but that.
    let pyre = bound_to(FALLBACK_GROUP, port);
    let options = socket2::SockRef::from(&pyre);
    let loopback = socket2::InterfaceIndexOrAddress::Address(Ipv4Addr::LOCALHOST);
    options
        .join_multicast_v4_n(&FALLBACK_GROUP, &loopback)
        .unwrap();
    options.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();

    let node = Node::start(config(1, port, &["lo"])).unwrap();
    assert_eq!(next_beacon(&pyre).0.peer, node.id);
    pyre.send_to(&Beacon::new(id(9), 7_777).encode(), (FALLBACK_GROUP, port))
        .unwrap();
    node.wait_for_beacon(id(9), 7_777);
}

#[test]
fn a_node_ends_when_nobody_listens_to_it_any_more() {
    let world = World::new();
    let port = world.port();
    let listener = other_program(port);
    let Node { handle, heard, .. } = Node::start(config(1, port, &["lo"])).unwrap();
    drop(heard);
    // Some beacon of another node tells the thread, or the handle that is dropped.
    drop(handle);
    while next_beacon(&listener).0.port != 0 {}
}
