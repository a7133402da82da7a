//! What is known to be delivered, and the orderly stop.

use zchat::zre::{Action, Body, Event, ExitReason, Output, PeerId, Ticket, UndeliveredReason};

use crate::solo::{Peer, Solo, events, ms, pings};

fn flush(solo: &mut Solo) -> Vec<Output> {
    solo.act(Action::Flush {
        ticket: Ticket(1),
        within: ms(5_000),
    })
}

fn flushed(delivered: &[PeerId], missing: &[PeerId]) -> Event {
    Event::Flushed {
        ticket: Ticket(1),
        delivered: delivered.to_vec(),
        missing: missing.to_vec(),
    }
}

fn has_stopped(outputs: &[Output]) -> bool {
    outputs.contains(&Output::Stop)
}

#[test]
fn a_flush_without_anything_sent_is_answered_at_once() {
    let mut solo = Solo::new();
    solo.enter(&mut Peer::new(2));
    assert_eq!(events(flush(&mut solo)), [flushed(&[], &[])]);
}

#[test]
fn delivered_means_that_the_pings_behind_the_message_are_answered() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.whisper(&bob, "x");
    assert_eq!(pings(&flush(&mut solo)), 2);
    assert_eq!(events(solo.say(&mut bob, Body::PingOk)), []);
    assert_eq!(
        events(solo.say(&mut bob, Body::PingOk)),
        [flushed(&[bob.id], &[])]
    );
    assert_eq!(
        events(flush(&mut solo)),
        [flushed(&[], &[])],
        "nothing was sent since"
    );
}

/// A node whose application does not read sends PING-OKs as signs of life, at half its patience: one
/// of them alone says nothing about what was read.
#[test]
fn signs_of_life_that_nobody_asked_for_are_not_taken_for_delivery() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.whisper(&bob, "x");
    solo.act(Action::Flush {
        ticket: Ticket(1),
        within: ms(20_000),
    });
    for _ in 0..7 {
        assert_eq!(events(solo.say(&mut bob, Body::PingOk)), []);
        assert_eq!(events(solo.pass(ms(2_500))), []);
    }
    solo.say(&mut bob, Body::PingOk);
    assert_eq!(
        events(solo.say(&mut bob, Body::PingOk)),
        [flushed(&[bob.id], &[])]
    );
}

/// What was asked before something was said is answered before it is read, however soon the answers come.
#[test]
fn answers_to_what_was_asked_before_are_not_taken_for_delivery() {
    for asked in [1, 3] {
        let mut solo = Solo::new();
        let mut bob = Peer::new(2);
        solo.enter(&mut bob);
        for _ in 0..asked {
            solo.act(Action::Ping(bob.id));
        }
        solo.whisper(&bob, "x");
        flush(&mut solo);
        let is_flushed = |events: &[Event]| {
            let mut events = events.iter();
            events.any(|event| matches!(event, Event::Flushed { .. }))
        };
        for _ in 0..=asked {
            let events = events(solo.say(&mut bob, Body::PingOk));
            assert!(!is_flushed(&events), "the first of the two says nothing");
        }
        let events = events(solo.say(&mut bob, Body::PingOk));
        assert!(is_flushed(&events), "everything before it is read");
    }
}

#[test]
fn a_flush_gives_up_after_its_time_without_progress() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.whisper(&bob, "x");
    flush(&mut solo);
    solo.pass(ms(4_900));
    solo.beacon(&bob);
    assert_eq!(events(solo.pass(ms(100))), [flushed(&[], &[bob.id])]);
}

#[test]
fn progress_of_one_gives_time_to_all() {
    let mut solo = Solo::new();
    let (mut bob, mut eve) = (Peer::new(2), Peer::new(3));
    solo.enter(&mut bob);
    solo.enter(&mut eve);
    solo.whisper(&bob, "x");
    solo.whisper(&eve, "x");
    flush(&mut solo);
    solo.pass(ms(3_000));
    solo.say(&mut bob, Body::PingOk);
    solo.say(&mut bob, Body::PingOk);
    solo.beacon(&eve);
    assert_eq!(
        events(solo.pass(ms(4_000))),
        [],
        "seven seconds after the flush"
    );
    // She was asked once more whether she lives, and twice again behind that.
    for _ in 0..2 {
        assert_eq!(events(solo.say(&mut eve, Body::PingOk)), []);
    }
    let told = events(solo.say(&mut eve, Body::PingOk));
    assert_eq!(told, [flushed(&[bob.id, eve.id], &[])]);
}

#[test]
fn who_was_gone_when_spoken_to_is_missing() {
    let mut solo = Solo::new();
    let bob = Peer::new(2);
    solo.whisper(&bob, "x");
    let told = events(flush(&mut solo));
    assert_eq!(told.last(), Some(&flushed(&[], &[bob.id])));
    assert_eq!(
        events(flush(&mut solo)),
        [flushed(&[], &[])],
        "and only once"
    );
}

#[test]
fn who_goes_before_it_has_confirmed_is_missing() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.whisper(&bob, "x");
    flush(&mut solo);
    solo.engine.handle_broken(solo.now, bob.id);
    let told = events(solo.pass(ms(250)));
    assert!(told.contains(&flushed(&[], &[bob.id])), "{told:?}");
    assert!(told.contains(&Event::Exit {
        peer: bob.id,
        reason: ExitReason::Broken
    }));
}

#[test]
fn a_peer_that_went_before_the_flush_without_confirming_is_missing() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.whisper(&bob, "x");
    solo.engine.handle_broken(solo.now, bob.id);
    solo.pass(ms(250));
    assert_eq!(events(flush(&mut solo)), [flushed(&[], &[bob.id])]);
}

#[test]
fn a_second_flush_covers_what_was_sent_behind_the_first() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.whisper(&bob, "one");
    flush(&mut solo);
    solo.whisper(&bob, "two");
    solo.act(Action::Flush {
        ticket: Ticket(2),
        within: ms(5_000),
    });
    solo.say(&mut bob, Body::PingOk);
    let outputs = solo.say(&mut bob, Body::PingOk);
    assert_eq!(
        pings(&outputs),
        2,
        "\"two\" was sent behind the first PINGs"
    );
    assert_eq!(
        events(outputs),
        [],
        "the first flush waits too: bob has not read everything"
    );
    solo.say(&mut bob, Body::PingOk);
    assert_eq!(events(solo.say(&mut bob, Body::PingOk)).len(), 2);
}

#[test]
fn trap_15_stop_waits_for_what_was_sent_to_be_read() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.whisper(&bob, "x");
    let outputs = solo.act(Action::Stop { within: ms(5_000) });
    assert_eq!(pings(&outputs), 2);
    assert!(!has_stopped(&outputs));
    assert!(!solo.engine.wants_actions());
    solo.say(&mut bob, Body::PingOk);
    assert!(has_stopped(&solo.say(&mut bob, Body::PingOk)));
}

#[test]
fn stop_without_anything_sent_is_immediate() {
    let mut solo = Solo::new();
    solo.enter(&mut Peer::new(2));
    assert_eq!(solo.act(Action::Stop { within: ms(5_000) }), [Output::Stop]);
}

#[test]
fn stop_gives_up_after_its_time_and_tells_what_was_not_read() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.whisper(&bob, "x");
    solo.whisper(&bob, "y");
    solo.act(Action::Stop { within: ms(1_000) });
    let outputs = solo.pass(ms(1_000));
    assert!(has_stopped(&outputs));
    let reason = UndeliveredReason::Stopped;
    assert_eq!(
        events(outputs),
        [Event::Undelivered {
            peer: bob.id,
            count: 2,
            reason
        }]
    );
}

#[test]
fn a_round_trip_is_measured() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    assert_eq!(pings(&solo.act(Action::Ping(bob.id))), 1);
    solo.pass(ms(7));
    let told = events(solo.say(&mut bob, Body::PingOk));
    assert_eq!(
        told,
        [Event::RoundTrip {
            peer: bob.id,
            elapsed: ms(7)
        }]
    );
}

/// What was sent is asked after soon, whether anybody waits for the answer or not.
#[test]
fn what_was_confirmed_before_the_flush_is_delivered_and_told_once() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.whisper(&bob, "x");
    assert_eq!(pings(&solo.pass(ms(100))), 2);
    solo.say(&mut bob, Body::PingOk);
    solo.say(&mut bob, Body::PingOk);
    solo.pass(ms(1_000));
    assert_eq!(events(flush(&mut solo)), [flushed(&[bob.id], &[])]);
    assert_eq!(events(flush(&mut solo)), [flushed(&[], &[])]);
}

#[test]
fn who_has_read_everything_and_then_left_is_not_missing() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.whisper(&bob, "x");
    solo.pass(ms(100));
    solo.say(&mut bob, Body::PingOk);
    solo.say(&mut bob, Body::PingOk);
    solo.engine.handle_broken(solo.now, bob.id);
    solo.pass(ms(250));
    assert_eq!(events(flush(&mut solo)), [flushed(&[bob.id], &[])]);
}

/// A conversation without end is asked after once a second, not ten times.
#[test]
fn while_more_is_sent_it_is_asked_once_a_second() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    let mut asked = 0;
    for _ in 0..50 {
        solo.whisper(&bob, "x");
        let outputs = solo.pass(ms(100));
        for _ in 0..pings(&outputs) {
            asked += 1;
            solo.say(&mut bob, Body::PingOk);
        }
        solo.whisper(&bob, "y");
    }
    assert!((8..=12).contains(&asked), "{asked}");
}
