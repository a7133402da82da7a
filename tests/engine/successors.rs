//! Those who say to be where somebody else is, or was.

use std::net::SocketAddr;

use zchat::zre::{Body, Event, ExitReason, Output};

use crate::solo::{Peer, Solo, connects, events, hellos, ms, pings, whispered};

#[test]
fn trap_16_whoever_is_replaced_at_its_mailbox_is_given_up_before_its_successor_is_dialled() {
    // Goal: a program that is killed and started again has the same port and another id. Our old
    // connection would come up again there, under the same id as the new one.
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    let old = solo.enter(&mut bob);
    solo.engine.handle_broken(solo.now, bob.id);
    solo.outputs();
    let mut successor = Peer::new(3);
    successor.place = bob.place;
    let outputs = solo.beacon(&successor);
    let closed = outputs
        .iter()
        .position(|output| *output == Output::Disconnect { link: old });
    let dialled = outputs
        .iter()
        .position(|output| matches!(output, Output::Connect { .. }));
    assert!(closed.unwrap() < dialled.unwrap(), "{outputs:?}");
}

#[test]
fn trap_16_whoever_is_found_replaced_later_is_given_up_then() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    let mut successor = Peer::new(3);
    successor.place = bob.place;
    solo.hello(&mut successor);
    solo.engine.handle_broken(solo.now, bob.id);
    let exit = Event::Exit {
        peer: bob.id,
        reason: ExitReason::Broken,
    };
    assert!(solo.events().contains(&exit));
}

#[test]
fn trap_16_whoever_is_heard_is_not_given_up_for_somebody_who_says_to_be_there() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    let mut other = Peer::new(3);
    other.place = bob.place;
    solo.hello(&mut other);
    solo.say(&mut bob, whispered("I am still here"));
    assert_eq!(solo.events(), []);
}

/// A beacon costs nothing to forge: a second connection of ours would take the place of the one that
/// carries our conversation.
#[test]
fn trap_16_a_beacon_in_another_name_from_where_a_peer_is_opens_no_second_connection() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.pass(ms(500));
    let mut forged = Peer::new(3);
    forged.place = bob.place;
    let outputs = solo.beacon(&forged);
    assert_eq!((connects(&outputs), pings(&outputs)), (vec![], 1));
    solo.say(&mut bob, Body::PingOk);
    assert_eq!(connects(&solo.pass(ms(2_000))), []);
    assert_eq!(connects(&solo.beacon(&forged)), []);
}

#[test]
fn a_process_that_takes_the_place_of_one_that_does_not_answer_is_met_by_its_next_beacon() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.pass(ms(500));
    let mut successor = Peer::new(3);
    successor.place = bob.place;
    assert_eq!(connects(&solo.beacon(&successor)), []);
    let exit = Event::Exit {
        peer: bob.id,
        reason: ExitReason::Broken,
    };
    let told = events(solo.pass(ms(5_000)));
    assert_eq!(told.last(), Some(&exit), "{told:?}");
    assert_eq!(connects(&solo.beacon(&successor)), [bob.place]);
}

#[test]
fn a_process_that_takes_the_place_of_one_that_has_hung_up_is_met_at_once() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.engine.handle_broken(solo.now, bob.id);
    solo.outputs();
    let mut successor = Peer::new(3);
    successor.place = bob.place;
    assert_eq!(connects(&solo.beacon(&successor)), [bob.place]);
}

#[test]
fn a_stranger_who_says_to_be_where_a_peer_is_is_dialled_where_it_comes_from() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    let stranger = Peer::new(66);
    let mut hello = stranger.hello();
    hello.endpoint = format!("tcp://{}", bob.place);
    let outputs = solo.say_as(&stranger, 1, Body::Hello(hello));
    let beside = SocketAddr::new(stranger.place.ip(), bob.place.port());
    assert_eq!(connects(&outputs), [beside]);
}

/// Somebody else said HELLO in its name, from a mailbox that answers nobody.
#[test]
fn trap_16_a_peer_that_is_dialled_in_vain_and_says_where_it_is_is_dialled_there() {
    let mut solo = Solo::new();
    let bob = Peer::new(2);
    let mut forged = bob.hello();
    forged.endpoint = "tcp://10.0.0.66:49152".into();
    let outputs = solo.say_as(&bob, 1, Body::Hello(forged));
    assert_eq!(connects(&outputs), ["10.0.0.66:49152".parse().unwrap()]);
    assert_eq!(connects(&solo.pass(ms(400))), []);
    let outputs = solo.say_as(&bob, 1, Body::Hello(bob.hello()));
    assert_eq!(connects(&outputs), [bob.place]);
    assert_eq!(hellos(&outputs).len(), 0, "the first one goes there");
    assert!(
        !events(outputs)
            .iter()
            .any(|event| matches!(event, Event::Exit { .. }))
    );
}

/// Goal: no second connection to a place by a move. Method: carol does not answer and is heard from where
/// bob is, of whom it is not known that he has gone.
#[test]
fn trap_16_a_peer_that_has_moved_to_where_another_one_was_is_dialled_when_that_one_is_known_to_be_gone()
 {
    let mut solo = Solo::new();
    let (mut bob, mut carol) = (Peer::new(2), Peer::new(3));
    solo.enter(&mut bob);
    solo.enter(&mut carol);
    solo.pass(ms(1_000));
    solo.beacon_from(&carol, bob.place);
    let outputs = solo.pass(ms(500));
    assert_eq!((connects(&outputs), pings(&outputs)), (vec![], 1));
    let told = events(solo.pass(ms(500)));
    let is_gone = |it: &Event| matches!(it, Event::Exit { peer, .. } if *peer == bob.id);
    assert!(told.iter().any(is_gone), "{told:?}");
    assert_eq!(connects(&solo.beacon_from(&carol, bob.place)), [bob.place]);
}
