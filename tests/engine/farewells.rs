//! Farewells: whose they are, and what is read before the end.

use std::net::SocketAddr;

use zchat::zre::{Action, Body, Event, ExitReason, Output};

use crate::life::told;
use crate::solo::{Peer, Solo, events, ip, ms, pings, whispered};

fn farewell(solo: &mut Solo, peer: &Peer) -> Vec<Output> {
    solo.beacon_from(peer, SocketAddr::new(peer.place.ip(), 0))
}

#[test]
fn a_farewell_is_an_exit_within_100_ms() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    let outputs = farewell(&mut solo, &bob);
    assert_eq!(pings(&outputs), 1, "it is asked whether it is there");
    assert_eq!(events(outputs), []);
    let exit = Event::Exit {
        peer: bob.id,
        reason: ExitReason::Farewell,
    };
    assert_eq!(told(&mut solo, 95), [exit]);
}

#[test]
fn a_farewell_that_the_peer_refutes_counts_for_nothing_though_it_comes_from_its_address() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    for round in 1..=20 {
        assert_eq!(pings(&farewell(&mut solo, &bob)), 1);
        assert_eq!(told(&mut solo, 30), []);
        assert_eq!(events(solo.say(&mut bob, Body::PingOk)), []);
        assert_eq!(told(&mut solo, 1_000), []);
        assert_eq!(solo.engine.stats().refuted_farewells, round);
    }
}

#[test]
fn an_answer_to_something_earlier_does_not_refute_a_farewell() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.act(Action::Ping(bob.id));
    solo.pass(ms(1));
    farewell(&mut solo, &bob);
    solo.say(&mut bob, Body::PingOk);
    let exit = Event::Exit {
        peer: bob.id,
        reason: ExitReason::Farewell,
    };
    assert!(
        !told(&mut solo, 95).contains(&exit),
        "there is more to be answered"
    );
    assert!(told(&mut solo, 410).contains(&exit));
    assert_eq!(solo.engine.stats().refuted_farewells, 0);
}

#[test]
fn farewells_without_end_make_us_ask_no_more_often_than_fifty_times_a_second() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    let mut asked = 0;
    for _ in 0..1_000 {
        let mut outputs = farewell(&mut solo, &bob);
        outputs.extend(solo.pass(ms(1)));
        let now = pings(&outputs);
        for _ in 0..now {
            outputs.extend(solo.say(&mut bob, Body::PingOk));
        }
        asked += now;
        assert_eq!(events(outputs), []);
    }
    assert!(
        (40..=51).contains(&asked),
        "asked {asked} times in a second"
    );
}

/// Goal: where somebody says farewell in the name of a peer again and again, it has longer to answer on a
/// machine that is busy, as has everybody; and when its connection ends just then, that is no proof.
#[test]
fn whoever_was_slandered_lately_has_half_a_second_to_answer() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    farewell(&mut solo, &bob);
    solo.say(&mut bob, Body::PingOk);
    solo.pass(ms(100));
    farewell(&mut solo, &bob);
    assert_eq!(told(&mut solo, 450), []);
    assert_eq!(events(solo.say(&mut bob, Body::PingOk)), []);
    assert_eq!(solo.engine.stats().refuted_farewells, 2);
    let mut carol = Peer::new(3);
    solo.enter(&mut carol);
    for peer in [&mut bob, &mut carol] {
        farewell(&mut solo, peer);
        solo.engine.handle_broken(solo.now, peer.id);
        assert_eq!(told(&mut solo, 190), []);
        solo.hello(peer);
        assert_eq!(told(&mut solo, 450), []);
    }
    farewell(&mut solo, &bob);
    let exit = Event::Exit {
        peer: bob.id,
        reason: ExitReason::Farewell,
    };
    assert_eq!(told(&mut solo, 550), [exit]);
}

/// Goal: where farewells are made up, a peer that gets no processor does not go by them. Method: its system
/// answers for it; and then it hangs up, and nobody listens any more where it was.
#[test]
fn where_farewells_are_made_up_the_system_of_a_peer_answers_for_it() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    let link = solo.enter(&mut bob);
    solo.engine.handle_connected(solo.now, link);
    farewell(&mut solo, &bob);
    solo.say(&mut bob, Body::PingOk);
    solo.pass(ms(100));
    for round in 2..5 {
        farewell(&mut solo, &bob);
        let mut outputs = Vec::new();
        for _ in 0..60 {
            let now = solo.pass(ms(10));
            let is_asked = now.contains(&Output::Probe { link });
            outputs.extend(now);
            if is_asked {
                solo.engine.handle_acknowledged(link, solo.now);
            }
        }
        assert_eq!(events(outputs), []);
        assert_eq!(solo.engine.stats().refuted_farewells, round);
    }
    farewell(&mut solo, &bob);
    solo.engine.handle_broken(solo.now, bob.id);
    solo.engine.handle_refused(solo.now, link);
    let exit = Event::Exit {
        peer: bob.id,
        reason: ExitReason::Broken,
    };
    assert_eq!(solo.events(), [exit]);
}

#[test]
fn trap_15_what_is_under_way_when_the_farewell_comes_is_read_before_the_exit() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    farewell(&mut solo, &bob);
    for _ in 0..7 {
        assert_eq!(told(&mut solo, 10), []);
        assert_eq!(events(solo.say(&mut bob, whispered("late"))).len(), 1);
    }
    let exit = Event::Exit {
        peer: bob.id,
        reason: ExitReason::Farewell,
    };
    assert_eq!(told(&mut solo, 25), [exit], "though at most 100 ms later");
}

#[test]
fn trap_15_a_connection_that_closes_after_the_farewell_ends_the_wait() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    farewell(&mut solo, &bob);
    solo.engine.handle_broken(solo.now, bob.id);
    assert_eq!(
        solo.events(),
        [Event::Exit {
            peer: bob.id,
            reason: ExitReason::Farewell
        }]
    );
}

#[test]
fn a_farewell_for_somebody_else_counts_for_nothing() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    assert_eq!(
        solo.beacon_from(&bob, SocketAddr::new(ip("10.0.0.66"), 0)),
        []
    );
    assert_eq!(told(&mut solo, 1_000), []);
    assert_eq!(solo.engine.stats().forged_farewells, 1);
    assert_eq!(
        solo.beacon_from(&Peer::new(9), SocketAddr::new(ip("10.0.0.9"), 0)),
        []
    );
}

#[test]
fn a_farewell_from_where_somebody_has_only_beaconed_in_the_peers_name_counts_for_nothing() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.beacon_from(&bob, SocketAddr::new(ip("10.0.0.66"), 40_000));
    solo.say(&mut bob, Body::PingOk);
    assert_eq!(
        solo.beacon_from(&bob, SocketAddr::new(ip("10.0.0.66"), 0)),
        []
    );
    assert_eq!(told(&mut solo, 400), []);
    assert_eq!(solo.engine.stats().forged_farewells, 1);
}

#[test]
fn a_farewell_that_is_heard_while_the_inbox_is_stopped_waits_for_what_lies_in_it() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.engine.handle_inbox(solo.now, false);
    farewell(&mut solo, &bob);
    assert_eq!(told(&mut solo, 10_000), []);
    solo.engine.handle_inbox(solo.now, true);
    assert_eq!(events(solo.say(&mut bob, whispered("late"))).len(), 1);
    let exit = Event::Exit {
        peer: bob.id,
        reason: ExitReason::Farewell,
    };
    assert_eq!(told(&mut solo, 100), [exit]);
}

#[test]
fn whoever_says_farewell_and_is_refused_is_gone_by_its_farewell() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    let link = solo.enter(&mut bob);
    farewell(&mut solo, &bob);
    solo.engine.handle_refused(solo.now, link);
    assert_eq!(solo.events(), []);
    solo.engine.handle_broken(solo.now, bob.id);
    let exit = Event::Exit {
        peer: bob.id,
        reason: ExitReason::Farewell,
    };
    assert_eq!(solo.events(), [exit]);
}
