//! Signs of life, and their absence.

use std::net::SocketAddr;

use zchat::zre::{Action, Body, Event, ExitReason, LinkId, Output, Timing};

use crate::solo::{Peer, Solo, events, group, hellos, ip, ms, pings, sent, whispered};

fn told(solo: &mut Solo, milliseconds: u64) -> Vec<Event> {
    events(solo.pass(ms(milliseconds)))
}

#[test]
fn trap_9_an_idle_peer_whose_beacons_are_heard_is_never_evasive_and_costs_no_message() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    for _ in 0..600 {
        assert_eq!(solo.pass(ms(1_000)), []);
        assert_eq!(solo.beacon(&bob), []);
    }
}

/// Goal: an idle node of many peers sleeps. Method: a hundred whose beacons come one after another, once
/// a second; how often the engine wants to be woken in a minute is counted. One that falls silent then is
/// asked as soon as ever.
#[test]
fn a_node_of_a_hundred_peers_that_are_well_is_woken_for_them_a_few_times_a_second() {
    let mut solo = Solo::new();
    let mut peers: Vec<Peer> = (2..102).map(Peer::new).collect();
    for peer in &mut peers {
        solo.pass(ms(10));
        solo.enter(peer);
    }
    let mut woken = 0;
    for second in 0..80 {
        for peer in &peers {
            let end = solo.now + ms(10);
            while let Some(at) = solo.engine.poll_timeout().filter(|at| *at <= end) {
                solo.now = at;
                solo.engine.handle_timeout(at);
                // What was to be seen to at the start is over by then.
                woken += u32::from(second >= 20);
            }
            solo.now = end;
            assert_eq!(solo.beacon(peer), []);
        }
    }
    assert!(woken <= 3 * 60, "woken {woken} times");
    let quiet = peers.pop().unwrap();
    let heard = solo.now;
    let mut asked = Vec::new();
    while asked.is_empty() && solo.now < heard + ms(10_000) {
        for peer in &peers {
            asked.extend(
                solo.pass(ms(10))
                    .into_iter()
                    .map(|output| (solo.now, output)),
            );
            solo.beacon(peer);
        }
    }
    let (at, _) = asked[0];
    let after = at.duration_since(heard);
    assert!(
        (ms(5_000)..=ms(5_010)).contains(&after),
        "{} {after:?}",
        quiet.id
    );
}

#[test]
fn trap_9_a_peer_that_only_talks_and_sends_no_beacons_is_never_evasive() {
    let mut solo = Solo::new();
    let mut zyre = Peer::new(2);
    solo.enter(&mut zyre);
    for _ in 0..60 {
        let outputs = solo.pass(ms(4_900));
        assert_eq!(pings(&outputs), 0);
        solo.say(&mut zyre, Body::Ping);
    }
}

#[test]
fn trap_9_a_peer_that_takes_no_beacons_for_life_has_to_ask_only_once() {
    // Goal: Zyre's application is not told all the time that we are evasive. Method: a peer that
    // sends beacons, and asks, as Zyre does, at the first full second after five without a message.
    let mut solo = Solo::new();
    let mut zyre = Peer::new(2);
    solo.enter(&mut zyre);
    let (mut questions, mut quiet) = (0, 0);
    for _ in 0..600 {
        solo.beacon(&zyre);
        let outputs = solo.pass(ms(1_000));
        quiet += 1;
        if pings(&outputs) > 0 {
            quiet = 0;
            solo.say(&mut zyre, Body::PingOk);
        }
        if quiet >= 5 {
            questions += 1;
            quiet = 0;
            solo.say(&mut zyre, Body::Ping);
        }
    }
    assert_eq!(questions, 1);
}

/// So many seconds in which a peer sends beacons, answers, and says nothing else; how often it was asked.
fn idle(solo: &mut Solo, peer: &mut Peer, seconds: usize) -> usize {
    let mut asked = 0;
    for _ in 0..seconds {
        solo.beacon(peer);
        for _ in 0..pings(&solo.pass(ms(1_000))) {
            asked += 1;
            solo.say(peer, Body::PingOk);
        }
    }
    asked
}

/// Goal: a network in which beacons were lost for some seconds one day is silent again the next. Method: a
/// peer bears a silence that no Zyre bears, and asks after five seconds later on: once, which is answered
/// and no more; then again and again, for which it is reassured, but not for good; and then again, which
/// shows that it is not content.
#[test]
fn trap_9_a_peer_that_is_content_with_beacons_is_not_reassured_for_good_because_it_has_asked() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    assert_eq!(idle(&mut solo, &mut bob, 12), 0);
    solo.act(Action::Ping(bob.id));
    solo.say(&mut bob, Body::PingOk);
    assert_eq!(idle(&mut solo, &mut bob, 5), 0);
    assert_eq!(sent(&solo.say(&mut bob, Body::Ping)).len(), 1);
    assert_eq!(idle(&mut solo, &mut bob, 60), 0);
    let insist = |solo: &mut Solo, bob: &mut Peer| {
        for _ in 0..3 {
            assert_eq!(idle(solo, bob, 5), 0);
            solo.say(bob, Body::Ping);
        }
    };
    solo.say(&mut bob, Body::Ping);
    insist(&mut solo, &mut bob);
    assert!(idle(&mut solo, &mut bob, 580) >= 150);
    idle(&mut solo, &mut bob, 30);
    assert_eq!(idle(&mut solo, &mut bob, 600), 0);
    solo.say(&mut bob, Body::Ping);
    insist(&mut solo, &mut bob);
    assert!(idle(&mut solo, &mut bob, 3_600) >= 900);
}

/// That a peer asks nothing while it sleeps does not show that it is content.
#[test]
fn trap_9_a_silence_in_which_nothing_was_heard_of_a_peer_says_nothing_about_its_patience() {
    let mut solo = Solo::new();
    let mut zyre = Peer::new(2);
    solo.enter(&mut zyre);
    assert_eq!(idle(&mut solo, &mut zyre, 2), 0);
    solo.pass(ms(20_000));
    solo.beacon(&zyre);
    solo.say(&mut zyre, Body::Ping);
    assert_eq!(idle(&mut solo, &mut zyre, 5), 0);
    solo.say(&mut zyre, Body::Ping);
    assert!(idle(&mut solo, &mut zyre, 60) >= 15);
}

#[test]
fn somebody_who_asks_every_second_although_it_is_answered_is_greeted_once_more() {
    // Goal: a Zyre that has never heard our HELLO ignores all else, and asks until it gives us up.
    let mut solo = Solo::new();
    let mut zyre = Peer::new(2);
    solo.enter(&mut zyre);
    solo.pass(ms(6_000));
    for _ in 0..3 {
        let outputs = solo.say(&mut zyre, Body::Ping);
        assert_eq!(hellos(&outputs).len(), 0);
        solo.pass(ms(1_000));
    }
    let outputs = solo.say(&mut zyre, Body::Ping);
    assert_eq!(hellos(&outputs).len(), 1, "{outputs:?}");
}

#[test]
fn somebody_who_asks_often_and_says_something_else_between_is_not_greeted_again() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    for _ in 0..20 {
        let outputs = solo.say(&mut bob, Body::Ping);
        assert_eq!(hellos(&outputs).len(), 0);
        solo.say(&mut bob, whispered("hello"));
        solo.pass(ms(1_000));
    }
}

#[test]
fn trap_9_two_that_ask_each_other_do_not_ask_more_and_more_often() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    let mut asked = 0;
    for second in 0..600 {
        solo.beacon(&bob);
        asked += pings(&solo.pass(ms(1_000)));
        if second % 4 == 3 {
            solo.say(&mut bob, Body::PingOk);
            solo.say(&mut bob, Body::Ping);
        }
    }
    assert!(asked <= 200, "asked {asked} times in 600 s");
}

#[test]
fn somebody_who_asks_whether_it_was_read_is_not_taken_for_impatient() {
    // Goal: two that have talked cost nothing once they are quiet. Method: a peer that says something
    // now and then, and asks a second later, as we do, whether it was read.
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    let mut asked = 0;
    for second in 0..600 {
        solo.beacon(&bob);
        asked += pings(&solo.pass(ms(1_000)));
        match second % 20 {
            10 => drop(solo.say(&mut bob, whispered("well?"))),
            11 => drop(solo.say(&mut bob, Body::Ping)),
            _ => {}
        }
    }
    assert_eq!(asked, 0);
}

#[test]
fn a_peer_that_had_forgotten_us_is_not_blamed_for_what_it_was_asked_before_our_hello() {
    // Goal: whoever wakes up and greets is there, and stays. Method: a peer greets again, and hears
    // nothing of us before our HELLO, so that the PING that went out before it is never answered.
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    let outputs = solo.hello(&mut bob);
    assert_eq!(pings(&outputs), 1, "it may know us");
    solo.pass(ms(100));
    let asked = solo.act(Action::Ping(bob.id));
    assert_eq!(pings(&asked), 1);
    assert_eq!(hellos(&solo.pass(ms(1_000))).len(), 1, "it does not");
    for _ in 0..120 {
        solo.beacon(&bob);
        let outputs = solo.pass(ms(1_000));
        for _ in 0..pings(&outputs) {
            solo.say(&mut bob, Body::PingOk);
        }
        assert_eq!(events(outputs), []);
    }
}

#[test]
fn while_one_of_two_greetings_is_not_answered_a_broken_connection_is_expected() {
    // Goal: a Zyre that is greeted twice in a row does not flap. Method: it opens its connection anew
    // for each greeting, so that the connection over which it answered the first ends for the second.
    let mut solo = Solo::new();
    let mut zyre = Peer::new(2);
    solo.enter(&mut zyre);
    for name in ["allie", "ali"] {
        let name = zchat::zre::Name::new(name).unwrap();
        let outputs = solo.act(Action::Rename(name));
        assert_eq!(hellos(&outputs).len(), 1);
    }
    solo.hello(&mut zyre);
    solo.engine.handle_broken(solo.now, zyre.id);
    assert_eq!(told(&mut solo, 500), []);
    let outputs = solo.hello(&mut zyre);
    for _ in 0..pings(&outputs) {
        solo.say(&mut zyre, Body::PingOk);
    }
    assert_eq!(told(&mut solo, 1_000), []);
    solo.engine.handle_broken(solo.now, zyre.id);
    let exit = Event::Exit {
        peer: zyre.id,
        reason: ExitReason::Broken,
    };
    assert_eq!(told(&mut solo, 250), [exit], "both are answered");
}

#[test]
fn a_quiet_peer_is_asked_then_evasive_then_silent_then_gone_each_told_once() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    assert_eq!(pings(&solo.pass(ms(4_999))), 0);
    assert_eq!(pings(&solo.pass(ms(1))), 1, "asked after five seconds");
    assert_eq!(told(&mut solo, 999), []);
    assert_eq!(
        told(&mut solo, 1),
        [Event::Evasive { peer: bob.id }],
        "a second later"
    );
    assert_eq!(told(&mut solo, 3_999), []);
    assert_eq!(
        told(&mut solo, 1),
        [Event::Silent { peer: bob.id }],
        "after ten seconds"
    );
    assert_eq!(told(&mut solo, 19_999), []);
    let exit = Event::Exit {
        peer: bob.id,
        reason: ExitReason::Expired,
    };
    assert_eq!(told(&mut solo, 1), [exit], "after thirty");
    assert_eq!(
        solo.engine.poll_timeout(),
        None,
        "nothing is left to wait for"
    );
}

#[test]
fn a_peer_that_answers_its_ping_is_not_evasive() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    for _ in 0..20 {
        let outputs = solo.pass(ms(5_000));
        assert_eq!(pings(&outputs), 1);
        assert_eq!(events(outputs), []);
        solo.say(&mut bob, Body::PingOk);
    }
}

#[test]
fn an_evasive_peer_that_is_heard_again_is_simply_there() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    assert_eq!(told(&mut solo, 7_000), [Event::Evasive { peer: bob.id }]);
    let heard = Event::Heard { peer: bob.id };
    assert_eq!(events(solo.beacon(&bob)), std::slice::from_ref(&heard));
    assert_eq!(events(solo.beacon(&bob)), [], "that is told once");
    assert_eq!(told(&mut solo, 5_999), [], "it has its time again");
    assert_eq!(
        told(&mut solo, 1),
        [Event::Evasive { peer: bob.id }],
        "and is told once more"
    );
    assert_eq!(told(&mut solo, 4_000), [Event::Silent { peer: bob.id }]);
    assert_eq!(events(solo.say(&mut bob, Body::PingOk)), [heard]);
}

#[test]
fn what_a_silent_peer_says_comes_after_the_word_that_it_is_heard() {
    let heard = |peer: &Peer| Event::Heard { peer: peer.id };
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    told(&mut solo, 11_000);
    let outputs = events(solo.say(&mut bob, whispered("hello")));
    assert_eq!(outputs[0], heard(&bob));
    assert!(matches!(outputs[1], Event::Whisper { .. }), "{outputs:?}");
    // The same by another HELLO, of one that has another name since.
    told(&mut solo, 11_000);
    bob.name = "robert";
    let outputs = events(solo.hello(&mut bob));
    assert_eq!(outputs[0], heard(&bob));
    assert!(matches!(outputs[1], Event::Update { .. }), "{outputs:?}");
}

#[test]
fn a_peer_that_is_asked_and_answers_in_time_causes_no_event() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    assert_eq!(told(&mut solo, 5_500), []);
    assert_eq!(events(solo.say(&mut bob, Body::PingOk)), []);
    assert_eq!(told(&mut solo, 5_500), []);
    assert_eq!(events(solo.beacon(&bob)), []);
}

#[test]
fn a_peer_whose_beacons_are_heard_but_that_answers_nothing_is_connected_anew() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.act(Action::Ping(bob.id));
    let mut exits = Vec::new();
    for _ in 0..40 {
        exits.extend(events(solo.pass(ms(1_000))));
        solo.beacon(&bob);
    }
    assert_eq!(
        exits,
        [Event::Exit {
            peer: bob.id,
            reason: ExitReason::Expired
        }]
    );
}

#[test]
fn timings_can_be_changed() {
    let mut solo = Solo::with(|config| {
        config.timing.evasive = ms(100);
        config.timing.silent = ms(300);
        config.timing.expired = ms(400);
        config.timing.answer = ms(50);
    });
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    assert_eq!(
        told(&mut solo, 400),
        [
            Event::Evasive { peer: bob.id },
            Event::Silent { peer: bob.id },
            Event::Exit {
                peer: bob.id,
                reason: ExitReason::Expired
            },
        ]
    );
}

#[test]
fn a_peer_that_expires_before_it_could_be_called_silent_just_goes() {
    let mut solo = Solo::with(|config| config.timing.expired = ms(5_500));
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    assert_eq!(
        told(&mut solo, 5_500),
        [Event::Exit {
            peer: bob.id,
            reason: ExitReason::Expired
        }]
    );
}

// Farewells.

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

// Broken connections.

#[test]
fn a_peer_whose_connection_breaks_and_that_is_not_heard_again_is_gone_after_five_seconds() {
    let mut solo = Solo::with(|config| config.timing = Timing::default());
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.engine.handle_broken(solo.now, bob.id);
    let outputs = solo.pass(ms(4_999));
    assert_eq!(pings(&outputs), 1);
    assert_eq!(events(outputs), []);
    let outputs = solo.pass(ms(1));
    assert_eq!(
        events(outputs),
        [Event::Exit {
            peer: bob.id,
            reason: ExitReason::Broken
        }]
    );
}

/// What is told of a peer whose process has ended without a word.
fn gone(peer: &Peer) -> Event {
    Event::Exit {
        peer: peer.id,
        reason: ExitReason::Broken,
    }
}

#[test]
fn a_peer_whose_connection_breaks_and_at_whose_mailbox_nobody_listens_is_gone_at_once() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    let link = solo.enter(&mut bob);
    solo.engine.handle_broken(solo.now, bob.id);
    assert_eq!(told(&mut solo, 10), []);
    solo.engine.handle_refused(solo.now, link);
    assert_eq!(solo.events(), [gone(&bob)]);
}

#[test]
fn it_does_not_matter_which_of_the_two_is_noticed_first_nor_what_is_read_between_them() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    let link = solo.enter(&mut bob);
    solo.engine.handle_refused(solo.now, link);
    assert_eq!(told(&mut solo, 50), []);
    assert_eq!(events(solo.say(&mut bob, whispered("last words"))).len(), 1);
    solo.engine.handle_broken(solo.now, bob.id);
    assert_eq!(solo.events(), [gone(&bob)]);
}

#[test]
fn a_peer_at_whose_mailbox_nobody_listens_is_not_gone_while_its_own_connection_is_there() {
    // A firewall that refuses, or a host that has got the peer's address: neither ends what it said.
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    let link = solo.enter(&mut bob);
    for _ in 0..20 {
        solo.engine.handle_refused(solo.now, link);
        assert_eq!(told(&mut solo, 2_000), []);
        solo.say(&mut bob, Body::PingOk);
    }
    // That was long ago when its connection breaks.
    assert_eq!(told(&mut solo, 1_000), []);
    solo.engine.handle_broken(solo.now, bob.id);
    assert_eq!(solo.events(), []);
    solo.say(&mut bob, Body::PingOk);
    assert_eq!(told(&mut solo, 1_000), []);
}

#[test]
fn that_nobody_listens_where_a_peer_was_before_says_nothing_about_it() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    let mut carol = Peer::new(3);
    let link = solo.enter(&mut bob);
    solo.enter(&mut carol);
    solo.engine.handle_broken(solo.now, bob.id);
    solo.engine.handle_refused(solo.now, LinkId(u64::MAX));
    solo.engine.handle_broken(solo.now, carol.id);
    assert_eq!(solo.events(), []);
    solo.engine.handle_refused(solo.now, link);
    assert_eq!(solo.events(), [gone(&bob)]);
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

#[test]
fn a_peer_that_opens_its_connection_again_is_not_gone() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.engine.handle_broken(solo.now, bob.id);
    assert_eq!(pings(&solo.pass(ms(150))), 1);
    solo.say(&mut bob, Body::PingOk);
    assert_eq!(told(&mut solo, 4_000), []);
}

#[test]
fn a_peer_that_is_greeted_while_it_is_asked_for_a_broken_connection_may_open_another_one() {
    // Goal: a new name does not make a Zyre or Pyre flap whose connection broke just before. Method:
    // for the greeting it forgets us, so that it answers nothing that it was asked before.
    let mut solo = Solo::new();
    let mut pyre = Peer::new(2);
    solo.enter(&mut pyre);
    solo.engine.handle_broken(solo.now, pyre.id);
    assert_eq!(told(&mut solo, 100), []);
    let name = zchat::zre::Name::new("allie").unwrap();
    solo.act(Action::Rename(name));
    assert_eq!(told(&mut solo, 300), []);
    solo.hello(&mut pyre);
    assert_eq!(told(&mut solo, 4_000), []);
}

#[test]
fn a_peer_may_open_its_connection_anew_for_greetings_that_have_waited_for_ours_to_open() {
    // Goal: a Pyre whose mailbox is reached late does not flap for names that changed meanwhile.
    let mut solo = Solo::new();
    let mut pyre = Peer::new(2);
    let outputs = solo.beacon(&pyre);
    let link = outputs.iter().find_map(|output| match output {
        Output::Connect { link, .. } => Some(*link),
        _ => None,
    });
    solo.hello(&mut pyre);
    let name = zchat::zre::Name::new("allie").unwrap();
    solo.act(Action::Rename(name));
    assert_eq!(told(&mut solo, 3_000), []);
    solo.engine
        .handle_connected(solo.now, link.expect("it is dialled"));
    assert_eq!(told(&mut solo, 100), []);
    solo.engine.handle_broken(solo.now, pyre.id);
    assert_eq!(told(&mut solo, 400), []);
    solo.hello(&mut pyre);
    assert_eq!(told(&mut solo, 1_000), []);
}

// A slow application.

#[test]
fn while_the_inbox_is_stopped_nobody_is_blamed_and_everybody_gets_signs_of_life() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.engine.handle_inbox(solo.now, false);
    let outputs = solo.pass(ms(60_000));
    let signs = sent(&outputs)
        .iter()
        .filter(|(_, body)| *body == Body::PingOk)
        .count();
    assert_eq!(signs, 24, "every 2.5 seconds, half of a peer's patience");
    assert_eq!(events(outputs), []);
    solo.engine.handle_inbox(solo.now, true);
    assert_eq!(told(&mut solo, 5_999), [], "it has its time from here on");
    assert_eq!(told(&mut solo, 1), [Event::Evasive { peer: bob.id }]);
}

#[test]
fn while_the_inbox_is_stopped_a_hello_that_cannot_be_read_is_waited_for() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    let outputs = solo.beacon(&bob);
    let Output::Connect { link, .. } = outputs[0] else {
        panic!("{outputs:?}")
    };
    solo.engine.handle_connected(solo.now, link);
    solo.engine.handle_inbox(solo.now, false);
    let ends = |output: &Output| matches!(output, Output::Disconnect { .. });
    let outputs = solo.pass(ms(60_000));
    assert!(!outputs.iter().any(ends), "it is not given up: {outputs:?}");
    solo.engine.handle_inbox(solo.now, true);
    assert_eq!(solo.pass(ms(1_000)), []);
    assert_eq!(events(solo.hello(&mut bob)).len(), 1);
}

#[test]
fn while_the_inbox_is_stopped_a_newcomer_whose_hello_lies_in_it_gets_signs_of_life_as_well() {
    let mut solo = Solo::new();
    solo.engine.handle_inbox(solo.now, false);
    let outputs = solo.beacon(&Peer::new(2));
    let Output::Connect { link, .. } = outputs[0] else {
        panic!("{outputs:?}")
    };
    let is_sign = |output: &Output| match output {
        Output::Send { message, .. } => message.body == Body::PingOk,
        _ => false,
    };
    let signs = |outputs: Vec<Output>| outputs.iter().filter(|one| is_sign(one)).count();
    assert_eq!(signs(solo.pass(ms(2_000))), 0, "it is not reached");
    solo.engine.handle_connected(solo.now, link);
    assert!(signs(solo.pass(ms(10_000))) >= 3);
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
fn ten_thousand_beacons_leave_one_deadline_behind() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    for _ in 0..10_000 {
        solo.pass(ms(1));
        solo.beacon(&bob);
    }
    let mut wakes = 0;
    while let Some(at) = solo
        .engine
        .poll_timeout()
        .filter(|at| *at < solo.now + ms(4_000))
    {
        solo.now = at;
        solo.engine.handle_timeout(at);
        wakes += 1;
    }
    assert!(wakes <= 1, "{wakes}");
}

/// A connection that breaks takes messages with it: the next one, over the new connection, shows a gap.
#[test]
fn a_peer_that_enters_again_after_a_break_with_a_gap_is_here_though_it_says_nothing_more() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.engine.handle_broken(solo.now, bob.id);
    solo.outputs();
    let gap = solo.say_as(&bob, bob.next + 3, whispered("you have missed something"));
    let exit = Event::Exit {
        peer: bob.id,
        reason: ExitReason::Gap,
    };
    assert_eq!(events(gap), [exit]);
    assert_eq!(events(solo.hello(&mut bob)).len(), 1);
    solo.beacon(&bob);
    assert_eq!(events(solo.pass(ms(900))), []);
}

/// A Pyre takes our beacons for life and never asks: if it has lost our HELLO with a connection, all that
/// shows it is that it speaks and answers nothing.
#[test]
fn trap_9_a_peer_that_speaks_and_leaves_a_question_unanswered_for_long_is_greeted_once_more() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.whisper(&bob, "are you there?");
    assert_eq!(pings(&solo.pass(ms(100))), 2);
    let mut status = 0;
    let mut joins = |solo: &mut Solo, bob: &mut Peer| {
        status += 1;
        let group = group(&format!("{status}"));
        solo.say(bob, Body::Join { group, status })
    };
    solo.pass(ms(4_900));
    assert_eq!(hellos(&joins(&mut solo, &mut bob)).len(), 0, "it is early");
    solo.pass(ms(100));
    assert_eq!(hellos(&joins(&mut solo, &mut bob)).len(), 1);
    assert_eq!(hellos(&joins(&mut solo, &mut bob)).len(), 0, "once");
}

/// Goal: two that have forgotten each other do not greet each other for ever. Method: more questions are
/// unanswered than are kept, when a peer greets us twice.
#[test]
fn a_peer_that_greets_twice_is_asked_and_not_greeted_however_many_questions_are_open() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    for _ in 0..10 {
        solo.act(Action::Ping(bob.id));
    }
    let outputs = solo.hello(&mut bob);
    assert_eq!((hellos(&outputs).len(), pings(&outputs)), (0, 1));
    assert_eq!(hellos(&solo.pass(ms(500))).len(), 1, "it has forgotten us");
}
