//! Peers on links where only link-local IPv6 addresses are of use, and peers that are heard by both.

use std::net::{Ipv6Addr, SocketAddr};

use zchat::zre::{Beacon, Body, Event, Host, Message, Origin, Output, Sighting, Via};

use crate::solo::{LOCAL, Peer, Solo, connects, events, hellos, ip, ms};

const OWN: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// A host on the link of interface 3.
fn neighbour() -> Host {
    Host {
        address: ip("fe80::2"),
        scope: 3,
    }
}

/// An engine with an IPv4 network, and IPv6 on one link.
fn solo() -> Solo {
    let mut solo = Solo::new();
    solo.engine.handle_zones([(OWN, "eth0".to_owned())]);
    let addresses = [ip(LOCAL), OWN.into()];
    solo.engine.handle_addresses(solo.now, &addresses);
    solo
}

/// The peer's beacon by IPv6.
fn beacon_on_link(solo: &mut Solo, peer: &Peer) -> Vec<Output> {
    let sighting = Sighting {
        source: neighbour(),
        local: OWN.into(),
        beacon: Beacon::new(peer.id, peer.place.port()),
    };
    solo.engine.handle_beacon(solo.now, sighting);
    solo.outputs()
}

#[test]
fn a_peer_on_the_link_is_dialled_there_and_told_where_we_are_there() {
    let mut solo = solo();
    let outputs = beacon_on_link(&mut solo, &Peer::new(2));
    assert_eq!(connects(&outputs), [neighbour().at(49_152)]);
    assert_eq!(
        hellos(&outputs)[0].1.endpoint,
        "tcp://[fe80::1%eth0]:49152",
        "as Zyre writes it"
    );
    let link = outputs.iter().find_map(|output| match output {
        Output::Connect { to, .. } => Some(to.to_string()),
        _ => None,
    });
    assert_eq!(link.unwrap(), "tcp://[fe80::2%3]:49152");
}

#[test]
fn a_peer_that_is_heard_by_both_is_one_and_stays_where_it_was_heard_first() {
    let mut solo = solo();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    for _ in 0..20 {
        assert_eq!(beacon_on_link(&mut solo, &bob), []);
        solo.pass(ms(1_000));
        assert_eq!(connects(&solo.beacon(&bob)), []);
    }
}

/// The peer's HELLO over a connection on the link.
fn hello_on_link(solo: &mut Solo, peer: &Peer) -> Vec<Output> {
    let via = Via {
        remote: Some(neighbour()),
        local: Some(OWN.into()),
        again: false,
    };
    let message = Message {
        sequence: 1,
        body: Body::Hello(peer.hello()),
    };
    let origin = Origin::unproven(peer.id);
    solo.engine.handle_message(solo.now, origin, via, message);
    solo.outputs()
}

#[test]
fn a_peer_that_comes_over_the_link_while_ipv4_does_not_answer_is_met_there_at_once() {
    let mut solo = solo();
    let bob = Peer::new(2);
    assert_eq!(connects(&solo.beacon(&bob)), [bob.place]);
    assert_eq!(connects(&beacon_on_link(&mut solo, &bob)), []);
    solo.pass(ms(600));
    let outputs = hello_on_link(&mut solo, &bob);
    let there = neighbour().at(49_152);
    assert_eq!(connects(&outputs), [there]);
    let told = events(outputs);
    assert!(
        matches!(&told[..], [Event::Enter { .. }, Event::Moved { link, .. }] if link.remote == there),
        "{told:?}"
    );
}

#[test]
fn a_peer_that_comes_over_the_link_at_once_leaves_ipv4_the_time_to_answer() {
    let mut solo = solo();
    let bob = Peer::new(2);
    solo.beacon(&bob);
    beacon_on_link(&mut solo, &bob);
    solo.pass(ms(100));
    assert_eq!(connects(&hello_on_link(&mut solo, &bob)), []);
    assert_eq!(connects(&solo.pass(ms(899))), []);
    let outputs = solo.pass(ms(1));
    assert_eq!(connects(&outputs), [neighbour().at(49_152)]);
}

#[test]
fn a_peer_that_cannot_be_reached_by_ipv4_is_tried_on_the_link() {
    let mut solo = solo();
    let bob = Peer::new(2);
    assert_eq!(connects(&solo.beacon(&bob)), [bob.place]);
    assert_eq!(connects(&beacon_on_link(&mut solo, &bob)), []);
    let outputs = solo.pass(ms(1_100));
    assert_eq!(connects(&outputs), [neighbour().at(49_152)]);
    // And so on, as long as it is heard; where that ends, it ends.
    solo.beacon(&bob);
    assert_eq!(connects(&solo.pass(ms(1_000))), [bob.place]);
    let outputs = solo.pass(ms(60_000));
    assert!(connects(&outputs).len() <= 4, "{outputs:?}");
}

#[test]
fn a_peer_that_reaches_us_and_cannot_be_reached_by_ipv4_is_tried_on_the_link() {
    let mut solo = solo();
    let mut bob = Peer::new(2);
    solo.beacon(&bob);
    beacon_on_link(&mut solo, &bob);
    solo.hello(&mut bob);
    let outputs = solo.pass(ms(1_100));
    assert_eq!(connects(&outputs), [neighbour().at(49_152)]);
    let hangs_up = |output: &Output| matches!(output, Output::HangUp { .. });
    assert!(!outputs.iter().any(hangs_up), "what it says is heard");
}

#[test]
fn a_peer_that_leaves_the_ipv4_network_is_found_on_the_link_without_an_exit() {
    let mut solo = solo();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    beacon_on_link(&mut solo, &bob);
    let mut outputs = Vec::new();
    for _ in 0..6 {
        outputs.extend(solo.pass(ms(1_000)));
        outputs.extend(beacon_on_link(&mut solo, &bob));
    }
    assert_eq!(connects(&outputs), [neighbour().at(49_152)]);
    let told = events(outputs);
    assert!(matches!(told[..], [Event::Moved { .. }]), "{told:?}");
}

#[test]
fn a_hello_over_the_link_is_answered_there_whatever_it_states() {
    // It knows neither what we call the link, nor whether we are in its IPv4 network.
    for stated in ["tcp://[fe80::2%wlan7]:50000", "tcp://192.168.9.2:50000"] {
        let mut solo = solo();
        let bob = Peer::new(2);
        let mut hello = bob.hello();
        hello.endpoint = stated.to_owned();
        let via = Via {
            remote: Some(neighbour()),
            local: Some(OWN.into()),
            again: false,
        };
        let message = Message {
            sequence: 1,
            body: Body::Hello(hello),
        };
        let origin = Origin::unproven(bob.id);
        solo.engine.handle_message(solo.now, origin, via, message);
        let outputs = solo.outputs();
        assert_eq!(connects(&outputs), [neighbour().at(50_000)], "{stated}");
        assert!(matches!(events(outputs)[0], Event::Enter { .. }));
    }
}

#[test]
fn a_link_local_address_that_is_stated_over_ipv4_is_of_no_use() {
    let mut solo = solo();
    let mut bob = Peer::new(2);
    let mut hello = bob.hello();
    hello.endpoint = "tcp://[fe80::2]:50000".to_owned();
    let outputs = solo.say(&mut bob, Body::Hello(hello));
    assert_eq!(
        connects(&outputs),
        [SocketAddr::new(bob.place.ip(), 50_000)]
    );
}
