//! Peers without beacons, and peers to stay away from.

use std::net::SocketAddr;

use zchat::zre::{Action, Event, ExitReason, Output};

use crate::solo::{LOCAL, Peer, Solo, events, hellos, ip, ms};

fn connects(outputs: &[Output]) -> Vec<SocketAddr> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Connect { to, .. } => Some(to.remote),
            _ => None,
        })
        .collect()
}

fn greet(solo: &mut Solo, peer: &Peer) -> Vec<Output> {
    solo.engine.handle_route(peer.place.into(), Some(ip(LOCAL)));
    solo.act(Action::Greet(peer.place))
}

#[test]
fn an_address_is_greeted_without_a_beacon_and_its_answer_uses_that_connection() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    let outputs = greet(&mut solo, &bob);
    assert_eq!(connects(&outputs), [bob.place]);
    assert_eq!(hellos(&outputs)[0].1.endpoint, "tcp://10.0.0.1:49152");
    let outputs = solo.hello(&mut bob);
    assert_eq!(
        (connects(&outputs).len(), hellos(&outputs).len()),
        (0, 0),
        "one connection is enough"
    );
    assert!(
        matches!(&events(outputs)[..], [Event::Enter { link, .. }] if link.remote == bob.place)
    );
}

#[test]
fn a_beacon_of_a_peer_that_is_being_greeted_makes_no_second_connection() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    greet(&mut solo, &bob);
    assert_eq!(connects(&solo.beacon(&bob)), []);
    let outputs = solo.hello(&mut bob);
    assert_eq!(connects(&outputs), []);
    assert_eq!(events(outputs).len(), 1);
}

#[test]
fn a_greeted_peer_that_goes_is_greeted_again_until_it_comes_back() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    greet(&mut solo, &bob);
    solo.hello(&mut bob);
    solo.engine.handle_broken(solo.now, bob.id);
    let outputs = solo.pass(ms(1_000));
    assert_eq!(connects(&outputs), [bob.place]);
    let mut again = Peer::new(2);
    again.id = zchat::zre::PeerId::from_bytes([99; 16]);
    assert!(matches!(
        events(solo.hello(&mut again))[..],
        [Event::Enter { .. }]
    ));
}

#[test]
fn somebody_who_took_our_hello_and_does_not_answer_is_dialled_anew() {
    let mut solo = Solo::new();
    let bob = Peer::new(2);
    let outputs = greet(&mut solo, &bob);
    let Output::Connect { link, .. } = outputs[0] else {
        panic!("{outputs:?}")
    };
    assert_eq!(
        connects(&solo.pass(ms(60_000))),
        [],
        "ZeroMQ tries by itself until somebody is there"
    );
    solo.engine.handle_connected(solo.now, link);
    let outputs = solo.pass(ms(6_000));
    assert_eq!(connects(&outputs), [bob.place]);
}

#[test]
fn a_dismissed_peer_is_told_and_ignored_until_it_is_greeted_again() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    let outputs = solo.act(Action::Dismiss(bob.place));
    assert!(outputs.contains(&Output::Farewell {
        to: bob.place.into()
    }));
    assert_eq!(
        events(outputs),
        [Event::Exit {
            peer: bob.id,
            reason: ExitReason::Dismissed
        }]
    );
    assert_eq!(solo.beacon(&bob), []);
    assert_eq!(solo.hello(&mut bob), []);
    bob.place.set_port(50_000);
    assert_eq!(solo.beacon(&bob), [], "its id is remembered too");
    assert_eq!(solo.engine.stats().dismissed, 3);
    bob.place.set_port(49_152);
    assert_eq!(connects(&greet(&mut solo, &bob)), [bob.place]);
    assert_eq!(events(solo.hello(&mut bob)).len(), 1);
}

#[test]
fn of_several_peers_on_one_host_none_is_told_farewell_for_another() {
    // They share the beacon port: who of them would hear it is chance.
    let mut solo = Solo::new();
    let (mut bob, mut carol) = (Peer::new(2), Peer::new(3));
    carol.place = SocketAddr::new(bob.place.ip(), 49_153);
    solo.enter(&mut bob);
    solo.enter(&mut carol);
    let outputs = solo.act(Action::Dismiss(bob.place));
    let is_farewell = |output: &Output| matches!(output, Output::Farewell { .. });
    assert!(!outputs.iter().any(is_farewell), "{outputs:?}");
    let outputs = solo.act(Action::Dismiss(carol.place));
    assert!(outputs.iter().any(is_farewell), "she is alone there now");
}

#[test]
fn whose_hello_was_ignored_is_asked_for_another_when_it_is_greeted_again() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.act(Action::Dismiss(bob.place));
    // It hears our beacons still, and greets us.
    assert_eq!(solo.hello(&mut bob), []);
    let outputs = greet(&mut solo, &bob);
    let said: Vec<_> = hellos(&outputs).iter().map(|(link, _)| *link).collect();
    assert_eq!((connects(&outputs).len(), said.len()), (1, 2));
    assert_eq!(said[0], said[1], "over one connection");
    // Once is enough.
    solo.hello(&mut bob);
    solo.act(Action::Dismiss(bob.place));
    assert_eq!(hellos(&greet(&mut solo, &bob)).len(), 1);
}

#[test]
fn greeting_the_same_address_twice_makes_one_connection() {
    let mut solo = Solo::new();
    let bob = Peer::new(2);
    greet(&mut solo, &bob);
    assert_eq!(connects(&greet(&mut solo, &bob)), []);
}

#[test]
fn a_connected_peer_that_is_greeted_as_well_is_greeted_again_when_it_goes() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    assert_eq!(connects(&greet(&mut solo, &bob)), []);
    solo.engine.handle_broken(solo.now, bob.id);
    assert_eq!(connects(&solo.pass(ms(1_000))), [bob.place]);
}
