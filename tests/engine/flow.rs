//! Connections that are full, and peers that take nothing.

use zchat::zre::{
    Action, Body, Content, Event, ExitReason, LinkId, Message, Output, UndeliveredReason,
};

use crate::solo::{Peer, Solo, events, group, ms, sent, whispered};

/// Tells the engine that the connection had no room for the last message.
pub(crate) fn fill(solo: &mut Solo, link: LinkId, outputs: Vec<Output>) {
    for output in outputs {
        if let Output::Send {
            link: to,
            message,
            tail,
        } = output
            && to == link
        {
            solo.engine.handle_full(solo.now, link, message, tail);
        }
    }
}

#[test]
fn a_full_connection_makes_the_application_wait_and_goes_on_in_order() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    let link = solo.enter(&mut bob);
    let outputs = solo.whisper(&bob, "one");
    fill(&mut solo, link, outputs);
    assert!(!solo.engine.wants_actions());
    assert_eq!(
        solo.say(&mut bob, Body::Ping),
        [],
        "even an answer waits behind it"
    );
    solo.engine.handle_room(solo.now, link);
    assert!(solo.engine.wants_actions());
    assert_eq!(
        sent(&solo.outputs()),
        [(2, whispered("one")), (3, Body::PingOk)]
    );
}

#[test]
fn what_was_asked_for_before_a_connection_was_found_full_keeps_its_order() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    let link = solo.enter(&mut bob);
    for text in ["one", "two", "three"] {
        let content = Content::new(text);
        solo.engine.handle_action(
            solo.now,
            Action::Whisper {
                peer: bob.id,
                content,
            },
        );
    }
    let Some(Output::Send { message, tail, .. }) = solo.engine.poll_output() else {
        panic!()
    };
    solo.engine.handle_full(solo.now, link, message, tail);
    assert_eq!(solo.outputs(), [], "nothing may overtake the first");
    solo.engine.handle_room(solo.now, link);
    let numbers: Vec<u16> = sent(&solo.outputs())
        .iter()
        .map(|(number, _)| *number)
        .collect();
    assert_eq!(numbers, [2, 3, 4]);
}

#[test]
fn a_slow_peer_is_waited_for_as_long_as_it_takes_something() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    let link = solo.enter(&mut bob);
    let outputs = solo.whisper(&bob, "one");
    fill(&mut solo, link, outputs);
    for _ in 0..100 {
        solo.pass(ms(4_000));
        solo.beacon(&bob);
        solo.engine.handle_progress(solo.now, link);
        assert!(!solo.engine.wants_actions());
    }
    solo.pass(ms(5_000));
    assert!(
        solo.engine.wants_actions(),
        "five seconds without any: not waited for any more"
    );
}

#[test]
fn messages_to_a_peer_that_takes_nothing_are_refused_counted_and_told_and_nobody_else_waits() {
    let mut solo = Solo::new();
    let (mut bob, mut eve) = (Peer::new(2), Peer::new(3));
    bob.groups = vec![group("CHAT")];
    eve.groups = vec![group("CHAT")];
    let link = solo.enter(&mut bob);
    solo.enter(&mut eve);
    let outputs = solo.whisper(&bob, "one");
    fill(&mut solo, link, outputs);
    solo.pass(ms(4_900));
    solo.beacon(&bob);
    solo.beacon(&eve);
    solo.pass(ms(100));
    for _ in 0..10 {
        let action = Action::Shout {
            group: group("CHAT"),
            content: Content::new("x"),
        };
        assert_eq!(sent(&solo.act(action)).len(), 1, "eve gets hers");
    }
    let told = events(solo.pass(ms(50)));
    let reason = UndeliveredReason::Full;
    assert_eq!(
        told,
        [Event::Undelivered {
            peer: bob.id,
            count: 10,
            reason
        }]
    );
    solo.engine.handle_room(solo.now, link);
    let waiting = sent(&solo.outputs());
    assert_eq!(waiting[0], (2, whispered("one")));
    assert!(
        waiting[1..].iter().all(|(_, body)| *body == Body::Ping),
        "{waiting:?}"
    );
    let next = waiting.last().unwrap().0 + 1;
    let back = sent(&solo.whisper(&bob, "back"))[0].0;
    assert_eq!(back, next, "what was refused took no number");
}

#[test]
fn a_peer_that_wakes_up_is_waited_for_again() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    let link = solo.enter(&mut bob);
    let outputs = solo.whisper(&bob, "one");
    fill(&mut solo, link, outputs);
    solo.pass(ms(5_000));
    assert!(solo.engine.wants_actions());
    solo.engine.handle_progress(solo.now, link);
    assert!(!solo.engine.wants_actions());
}

#[test]
fn a_peer_that_takes_nothing_costs_few_ping_oks() {
    let mut solo = Solo::with(|config| config.limits.queued_control = 10);
    let mut bob = Peer::new(2);
    let link = solo.enter(&mut bob);
    let outputs = solo.whisper(&bob, "one");
    fill(&mut solo, link, outputs);
    for _ in 0..1_000 {
        solo.say(&mut bob, Body::Ping);
    }
    assert_eq!(solo.engine.stats().unanswered_pings, 1_000 - 9);
    solo.engine.handle_room(solo.now, link);
    assert_eq!(solo.outputs().len(), 10);
}

#[test]
fn a_peer_that_cannot_be_told_of_joins_any_more_is_gone() {
    let mut solo = Solo::with(|config| config.limits.queued_control = 10);
    let mut bob = Peer::new(2);
    let link = solo.enter(&mut bob);
    let outputs = solo.whisper(&bob, "one");
    fill(&mut solo, link, outputs);
    solo.pass(ms(5_000));
    let mut told = Vec::new();
    for number in 0..20_u8 {
        told.extend(events(solo.act(Action::Join(group(&format!("G{number}"))))));
    }
    let undelivered = Event::Undelivered {
        peer: bob.id,
        count: 1,
        reason: UndeliveredReason::Gone,
    };
    let exit = Event::Exit {
        peer: bob.id,
        reason: ExitReason::Overflow,
    };
    assert_eq!(told, [undelivered, exit]);
}

#[test]
fn what_was_queued_to_a_peer_that_goes_is_told_before_its_exit() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    let link = solo.enter(&mut bob);
    for text in ["one", "two", "three"] {
        solo.whisper(&bob, text);
    }
    let outputs = solo.whisper(&bob, "four");
    fill(&mut solo, link, outputs);
    solo.engine.handle_broken(solo.now, bob.id);
    solo.now += ms(250);
    solo.engine.handle_timeout(solo.now);
    let mut told = Vec::new();
    while let Some(output) = solo.engine.poll_output() {
        match output {
            Output::Disconnect { link } => solo.engine.handle_closed(solo.now, link, 3),
            Output::Event(event) => told.push(event),
            _ => {}
        }
    }
    let reason = UndeliveredReason::Gone;
    assert_eq!(
        told,
        [
            Event::Undelivered {
                peer: bob.id,
                count: 4,
                reason
            },
            Event::Exit {
                peer: bob.id,
                reason: ExitReason::Broken
            },
        ]
    );
    assert!(solo.engine.wants_actions());
}

#[test]
fn a_message_to_somebody_who_is_not_there_is_told() {
    let mut solo = Solo::new();
    let bob = Peer::new(2);
    assert_eq!(solo.whisper(&bob, "hello?"), []);
    let told = events(solo.pass(ms(50)));
    let reason = UndeliveredReason::Gone;
    assert_eq!(
        told,
        [Event::Undelivered {
            peer: bob.id,
            count: 1,
            reason
        }]
    );
}

#[test]
fn a_message_given_back_for_a_connection_that_is_closed_meanwhile_does_no_harm() {
    let mut solo = Solo::new();
    let message = Message {
        sequence: 2,
        body: Body::Ping,
    };
    solo.engine
        .handle_full(solo.now, LinkId(4_711), message, false);
    solo.engine.handle_room(solo.now, LinkId(4_711));
    solo.engine.handle_progress(solo.now, LinkId(4_711));
    solo.engine.handle_closed(solo.now, LinkId(4_711), 7);
    assert_eq!(solo.outputs(), []);
}
