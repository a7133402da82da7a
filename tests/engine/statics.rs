//! Peers without beacons, and peers to stay away from.

use std::net::{SocketAddr, SocketAddrV6};

use zchat::zre::{Action, Body, Event, ExitReason, Output};

use crate::solo::{LOCAL, Peer, Solo, connects, events, group, hellos, ip, ms, pings, whispered};

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
fn a_greeted_peer_that_goes_and_is_heard_before_it_is_greeted_again_gets_one_connection() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    let outputs = greet(&mut solo, &bob);
    let Output::Connect { link, .. } = outputs[0] else {
        panic!("{outputs:?}")
    };
    solo.engine.handle_connected(solo.now, link);
    solo.hello(&mut bob);
    solo.engine.handle_broken(solo.now, bob.id);
    let outputs = solo.pass(ms(300));
    assert_eq!(connects(&outputs), []);
    assert!(matches!(events(outputs)[..], [Event::Exit { .. }]));
    assert_eq!(connects(&solo.beacon(&bob)), [bob.place]);
    assert_eq!(connects(&solo.pass(ms(1_000))), []);
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

/// How often HELLO and PING go out.
fn hellos_and_pings(outputs: &[Output]) -> (usize, usize) {
    (hellos(outputs).len(), pings(outputs))
}

#[test]
fn what_a_dismissed_peer_says_until_it_is_greeted_is_followed_and_nothing_behind_that_is_lost() {
    // Goal: bob hears our beacons still and greets us; he takes our first HELLO for the answer, speaks
    // from then on, and never says his own again.
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.act(Action::Dismiss(bob.place));
    assert_eq!(solo.hello(&mut bob), []);
    let status = 1;
    let group = group("CHAT");
    let join = Body::Join { group, status };
    assert_eq!(solo.say(&mut bob, join), []);
    let outputs = greet(&mut solo, &bob);
    assert_eq!(connects(&outputs), [bob.place]);
    assert_eq!(hellos_and_pings(&outputs), (1, 1));
    let outputs = solo.say(&mut bob, whispered("here I am"));
    assert_eq!(connects(&outputs), [], "it is greeted already");
    assert_eq!(hellos_and_pings(&outputs), (0, 0));
    let told = events(outputs);
    assert!(matches!(
        &told[..],
        [Event::Enter { link, .. }, Event::Join { .. }, Event::Whisper { .. }]
            if link.remote == bob.place
    ));
    assert_eq!(told_by(solo.say(&mut bob, Body::PingOk)), 0);
}

#[test]
fn a_peer_that_was_dismissed_and_greeted_before_it_noticed_goes_on_where_it_was() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.say(&mut bob, whispered("one"));
    solo.act(Action::Dismiss(bob.place));
    assert_eq!(solo.say(&mut bob, whispered("two")), []);
    assert_eq!(hellos_and_pings(&greet(&mut solo, &bob)), (1, 1));
    let told = events(solo.say(&mut bob, Body::PingOk));
    assert!(matches!(told[..], [Event::Enter { .. }]));
}

#[test]
fn a_peer_that_is_dismissed_twice_is_greeted_at_once_where_it_is_added_and_comes_at_once() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.beacon_from(&bob, link_local(3));
    assert_eq!(told_by(solo.act(Action::Dismiss(bob.place))), 1);
    solo.hello(&mut bob);
    solo.pass(ms(2_500));
    for place in [bob.place, link_local(3)] {
        assert_eq!(solo.act(Action::Dismiss(place)), [], "it is away");
    }
    assert_eq!(solo.beacon_from(&bob, link_local(3)), []);
    let outputs = greet(&mut solo, &bob);
    assert_eq!(connects(&outputs), [bob.place]);
    assert_eq!(hellos_and_pings(&outputs), (1, 1));
    assert_eq!(connects(&solo.beacon_from(&bob, link_local(3))), []);
    let told = events(solo.say(&mut bob, Body::PingOk));
    assert!(matches!(&told[..], [Event::Enter { link, .. }] if link.remote == bob.place));
}

#[test]
fn dismissals_and_greetings_in_one_burst_are_one_exit_and_one_entrance_or_none() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.beacon_from(&bob, link_local(3));
    let mut exits = 0;
    for greets in [false, false, true, false, false, true] {
        if greets {
            assert_eq!(connects(&greet(&mut solo, &bob)), [bob.place]);
        } else {
            exits += told_by(solo.act(Action::Dismiss(bob.place)));
        }
    }
    assert_eq!(exits, 1);
    let told = events(solo.say(&mut bob, Body::PingOk));
    assert!(matches!(&told[..], [Event::Enter { link, .. }] if link.remote == bob.place));
    // The last word counts, also if it is said before the peer has come.
    solo.act(Action::Dismiss(bob.place));
    greet(&mut solo, &bob);
    solo.act(Action::Dismiss(bob.place));
    assert_eq!(solo.say(&mut bob, whispered("unwanted")), []);
    assert_eq!(solo.beacon_from(&bob, link_local(3)), []);
}

#[test]
fn of_whom_something_was_lost_while_it_was_dismissed_another_hello_is_asked_for() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.act(Action::Dismiss(bob.place));
    solo.hello(&mut bob);
    bob.next += 1;
    solo.say(&mut bob, Body::Ping);
    assert_eq!(hellos_and_pings(&greet(&mut solo, &bob)), (2, 0));
    assert_eq!(solo.say(&mut bob, whispered("too early")), []);
    assert_eq!(told_by(solo.hello(&mut bob)), 1);
    // The same, if it is lost after that.
    solo.act(Action::Dismiss(bob.place));
    assert_eq!(hellos_and_pings(&greet(&mut solo, &bob)), (1, 1));
    bob.next += 1;
    let outputs = solo.say(&mut bob, Body::PingOk);
    assert_eq!(hellos_and_pings(&outputs), (1, 0));
    assert_eq!(told_by(solo.hello(&mut bob)), 1);
    // What cannot be read is lost as well.
    solo.act(Action::Dismiss(bob.place));
    solo.hello(&mut bob);
    solo.engine.handle_malformed(solo.now, bob.id);
    assert_eq!(hellos_and_pings(&greet(&mut solo, &bob)), (2, 0));
}

fn told_by(outputs: Vec<Output>) -> usize {
    events(outputs).len()
}

/// Where bob is heard by IPv6.
fn link_local(scope: u32) -> SocketAddr {
    SocketAddrV6::new("fe80::2".parse().unwrap(), 49_152, 0, scope).into()
}

#[test]
fn a_dismissed_peer_is_stayed_away_from_whatever_way_it_comes() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.beacon_from(&bob, link_local(3));
    let outputs = solo.act(Action::Dismiss(link_local(3)));
    for place in [bob.place, link_local(3)] {
        let farewell = Output::Farewell { to: place.into() };
        assert!(outputs.contains(&farewell), "it knows us by one of them");
    }
    assert_eq!(told_by(outputs), 1);
    let mut successor = Peer::new(99);
    for place in [bob.place, link_local(3)] {
        assert_eq!(solo.beacon_from(&bob, place), []);
        assert_eq!(solo.beacon_from(&successor, place), []);
        successor.place = place;
        assert_eq!(solo.hello(&mut successor), []);
    }
    // By whichever it is added again, it is free by all.
    let (again, elsewhere) = (bob.place, link_local(3));
    assert_eq!(connects(&greet(&mut solo, &bob)), [again]);
    assert_eq!(
        connects(&solo.beacon_from(&bob, elsewhere)),
        [],
        "it is greeted once"
    );
    assert_eq!(told_by(solo.hello(&mut bob)), 1);
    solo.pass(ms(4_000));
    assert_eq!(
        connects(&solo.beacon_from(&successor, elsewhere)),
        [elsewhere]
    );
}

#[test]
fn somebody_who_comes_where_it_is_greeted_is_free_whatever_address_it_was_dismissed_by() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.act(Action::Dismiss(bob.place));
    bob.place = "10.0.7.2:49152".parse().unwrap();
    assert_eq!(solo.hello(&mut bob), []);
    assert_eq!(connects(&greet(&mut solo, &bob)), [bob.place]);
    assert_eq!(told_by(solo.hello(&mut bob)), 1);
}

#[test]
fn an_answer_from_where_it_was_greeted_needs_no_connection_elsewhere() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    let outputs = greet(&mut solo, &bob);
    let Output::Connect { link, .. } = outputs[0] else {
        panic!("{outputs:?}")
    };
    solo.engine.handle_connected(solo.now, link);
    solo.hello(&mut bob);
    solo.beacon(&bob);
    solo.beacon_from(&bob, link_local(3));
    assert_eq!(connects(&solo.pass(ms(3_000))), []);
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

/// Somebody was met there at an earlier time, and the place has become ours.
#[test]
fn our_own_mailbox_is_never_greeted() {
    let mut solo = Solo::new();
    let own = SocketAddr::new(ip(LOCAL), 49_152);
    assert_eq!(connects(&solo.act(Action::Greet(own))), []);
    let neighbour = SocketAddr::new(ip(LOCAL), 49_153);
    assert_eq!(connects(&solo.act(Action::Greet(neighbour))), [neighbour]);
}
