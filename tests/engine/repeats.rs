//! What a peer says again over a later connection, and what only looks like it.

use zchat::zre::{Body, Content, Event, ExitReason, Origin};

use crate::solo::{Peer, Solo, events, ms, whispered};

#[test]
fn what_comes_again_over_another_connection_is_told_once() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    for text in ["one", "two", "three"] {
        solo.say(&mut bob, whispered(text));
    }
    // Its connection breaks, and what it could not know to have come comes again over the next one.
    solo.engine.handle_broken(solo.now, bob.id);
    bob.again = true;
    bob.next -= 2;
    let mut told = Vec::new();
    for text in ["two", "three", "four"] {
        told.extend(events(solo.say(&mut bob, whispered(text))));
    }
    let four = Event::Whisper {
        origin: Origin::unproven(bob.id),
        content: Content::new("four"),
    };
    assert_eq!(told, [four]);
    assert_eq!(solo.engine.stats().repeated, 2);
    assert_eq!(events(solo.pass(ms(1_000))), []);
}

/// Goal: a HELLO among what comes again does not make the rest new. Method: of two greetings and what was said
/// around them nothing was known to have arrived, twice.
#[test]
fn what_comes_again_with_a_greeting_in_it_is_told_once() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    let say_all = |solo: &mut Solo, bob: &mut Peer, last: &str| {
        let mut told = Vec::new();
        bob.next = 2;
        for text in ["one", "two", "three"] {
            told.extend(events(solo.say(bob, whispered(text))));
        }
        told.extend(events(solo.say_as(bob, 0, Body::PingOk)));
        told.extend(events(solo.hello(bob)));
        for text in ["four", last] {
            told.extend(events(solo.say(bob, whispered(text))));
        }
        told
    };
    assert_eq!(say_all(&mut solo, &mut bob, "five").len(), 5);
    for (last, new) in [("five", 0), ("six", 1), ("six", 0)] {
        solo.engine.handle_broken(solo.now, bob.id);
        bob.again = true;
        let told = say_all(&mut solo, &mut bob, last);
        assert_eq!(told.len(), new, "{told:?}");
    }
    // Later the same may be said again, under the same number.
    solo.pass(ms(500));
    for _ in 0..70 {
        solo.beacon(&bob);
        solo.pass(ms(500));
    }
    solo.hello(&mut bob);
    for text in ["four", "six"] {
        assert_eq!(events(solo.say(&mut bob, whispered(text))).len(), 1);
    }
}

/// Goal: it is noticed that a HELLO is lost, and what came behind it. Method: after the end of the connection the
/// numbers are those of messages that have come, and what they say is not.
#[test]
fn another_message_under_a_number_that_has_come_is_no_repetition() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.say(&mut bob, Body::Ping);
    solo.say(&mut bob, whispered("before"));
    solo.engine.handle_broken(solo.now, bob.id);
    bob.again = true;
    bob.next -= 1;
    let told = events(solo.say(&mut bob, Body::Ping));
    let exit = Event::Exit {
        peer: bob.id,
        reason: ExitReason::Gap,
    };
    assert_eq!(told, [exit]);
}

/// Goal: whoever does not repeat itself is not taken to do so. Method: a Zyre that was not heard for long has begun
/// anew meanwhile, and its HELLO is lost.
#[test]
fn lower_numbers_of_a_peer_that_never_repeats_itself_are_a_gap() {
    let mut solo = Solo::new();
    let mut zyre = Peer::new(2);
    solo.enter(&mut zyre);
    for _ in 0..200 {
        solo.say(&mut zyre, Body::Ping);
    }
    solo.engine.handle_broken(solo.now, zyre.id);
    let exit = Event::Exit {
        peer: zyre.id,
        reason: ExitReason::Gap,
    };
    assert_eq!(events(solo.say_as(&zyre, 23, Body::Ping)), [exit]);
}

/// Goal: nothing is taken for a repetition that is none. Method: a peer that greets everybody with the same
/// words has lost its connection, takes us for somebody new, and so does the same once more.
#[test]
fn what_a_peer_says_after_it_has_greeted_anew_is_new_though_it_is_the_same() {
    let mut solo = Solo::new();
    let mut zyre = Peer::new(2);
    solo.enter(&mut zyre);
    for _ in 0..3 {
        let told = events(solo.say(&mut zyre, whispered("hello")));
        assert_eq!(told.len(), 1, "{told:?}");
        solo.engine.handle_broken(solo.now, zyre.id);
        solo.hello(&mut zyre);
    }
}

#[test]
fn behind_what_is_new_nothing_comes_again() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    for text in ["one", "two"] {
        solo.say(&mut bob, whispered(text));
    }
    solo.engine.handle_broken(solo.now, bob.id);
    bob.again = true;
    solo.hello(&mut bob);
    let mut said = |text: &'static str| events(solo.say(&mut bob, whispered(text))).len();
    assert_eq!([said("one"), said("zwei"), said("drei")], [0, 1, 1]);
    bob.again = false;
    solo.hello(&mut bob);
    let told = events(solo.say(&mut bob, whispered("one")));
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn what_comes_twice_over_one_connection_is_a_gap() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.say(&mut bob, whispered("one"));
    bob.next -= 1;
    let told = events(solo.say(&mut bob, whispered("one")));
    assert!(matches!(told[..], [Event::Exit { .. }]), "{told:?}");
}
