//! Signs of life, and their absence.

use zchat::zre::{Action, Body, Event, ExitReason, Output};

use crate::solo::{Peer, Solo, events, group, hellos, ms, pings, sent, whispered};

pub(crate) fn told(solo: &mut Solo, milliseconds: u64) -> Vec<Event> {
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
