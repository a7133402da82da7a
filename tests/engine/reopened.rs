//! Peers that open their connection again, and connections of ours that nobody hears.

use std::net::SocketAddr;

use zchat::zre::{Action, Body, Host, LinkId, Message, Origin, Output, Via};

use crate::flow::fill;
use crate::solo::*;

fn host(of: SocketAddr) -> Host {
    of.into()
}

fn elsewhere() -> SocketAddr {
    SocketAddr::new(ip("10.0.0.66"), 49_152)
}

/// Bob has entered, and is reached.
fn met() -> (Solo, Peer, LinkId) {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    let link = solo.enter(&mut bob);
    solo.engine.handle_connected(solo.now, link);
    solo.pass(ms(500));
    (solo, bob, link)
}

fn reopen(solo: &mut Solo, bob: &Peer, from: SocketAddr) -> Vec<Output> {
    solo.engine.handle_reopened(solo.now, bob.id, host(from));
    solo.outputs()
}

/// Bob asks whether we live, from this place, at this address of ours.
fn ask_from(solo: &mut Solo, bob: &mut Peer, from: SocketAddr, at: &str) -> Vec<Output> {
    let via = Via {
        remote: Some(host(from)),
        local: Some(ip(at)),
        again: true,
    };
    let message = Message {
        sequence: bob.next,
        body: Body::Ping,
    };
    bob.next += 1;
    let origin = Origin::unproven(bob.id);
    solo.engine.handle_message(solo.now, origin, via, message);
    solo.outputs()
}

fn hangs_up(outputs: &[Output]) -> bool {
    let hangs_up = |output: &Output| matches!(output, Output::HangUp { .. });
    outputs.iter().any(hangs_up)
}

fn leads(outputs: &[Output]) -> Vec<SocketAddr> {
    let led = outputs.iter().filter_map(|output| match output {
        Output::Lead { to, .. } => Some(to.remote),
        _ => None,
    });
    led.collect()
}

#[test]
fn a_peer_that_opens_its_connection_again_is_not_gone_and_is_asked_whether_it_hears_us() {
    let (mut solo, mut bob, _) = met();
    solo.engine.handle_broken(solo.now, bob.id);
    assert_eq!(pings(&solo.pass(ms(100))), 1);
    let place = bob.place;
    assert_eq!(pings(&reopen(&mut solo, &bob, place)), 1);
    let outputs = solo.pass(ms(1_000));
    assert_eq!(events(outputs), [], "it has not answered, and is there");
    solo.say(&mut bob, Body::PingOk);
    assert_eq!(events(solo.pass(ms(4_000))), []);
}

#[test]
fn what_it_says_once_more_over_the_new_connection_is_told_once() {
    let (mut solo, mut bob, _) = met();
    assert_eq!(events(solo.say(&mut bob, whispered("one"))).len(), 1);
    bob.again = true;
    let place = bob.place;
    reopen(&mut solo, &bob, place);
    assert_eq!(
        events(solo.say_as(&bob, bob.next - 1, whispered("one"))),
        []
    );
    assert_eq!(solo.engine.stats().repeated, 1);
    assert_eq!(events(solo.say(&mut bob, whispered("two"))).len(), 1);
}

/// Of two hosts with two networks, each may reach the other over another one.
#[test]
fn a_peer_that_opens_it_from_elsewhere_has_not_moved_as_long_as_its_beacons_come() {
    let (mut solo, bob, _) = met();
    for _ in 0..5 {
        solo.beacon(&bob);
        let mut outputs = reopen(&mut solo, &bob, elsewhere());
        outputs.extend(solo.pass(ms(1_000)));
        assert_eq!(leads(&outputs), []);
        assert!(!hangs_up(&outputs));
    }
}

#[test]
fn a_peer_that_opens_it_from_elsewhere_and_has_no_beacons_any_more_is_asked_and_found_there() {
    for answers in [true, false] {
        let (mut solo, mut bob, _) = met();
        solo.pass(ms(3_500));
        assert!(pings(&reopen(&mut solo, &bob, elsewhere())) >= 1);
        if answers {
            solo.say(&mut bob, Body::PingOk);
        }
        let outputs = solo.pass(ms(500));
        let expected: &[SocketAddr] = if answers { &[] } else { &[elsewhere()] };
        assert_eq!(leads(&outputs), expected);
        assert!(!hangs_up(&outputs), "it is behind the one it has opened");
    }
}

#[test]
fn one_that_goes_on_speaking_from_elsewhere_is_asked_when_its_beacons_have_ended() {
    let (mut solo, mut bob, _) = met();
    solo.beacon(&bob);
    reopen(&mut solo, &bob, elsewhere());
    solo.pass(ms(3_500));
    ask_from(&mut solo, &mut bob, elsewhere(), LOCAL);
    assert_eq!(leads(&solo.pass(ms(500))), [elsewhere()]);
}

/// Goal: whoever has taken a peer's place, and acknowledges what is sent there without a word, does not keep it for
/// long while the peer speaks from elsewhere. Method: bob speaks each half second, and the system at his
/// place acknowledges each time.
#[test]
fn what_a_peer_says_from_elsewhere_is_no_word_of_whoever_acknowledges_at_its_place() {
    let (mut solo, mut bob, link) = met();
    reopen(&mut solo, &bob, elsewhere());
    solo.pass(ms(3_500));
    let mut outputs = Vec::new();
    for _ in 0..24 {
        outputs.extend(ask_from(&mut solo, &mut bob, elsewhere(), LOCAL));
        solo.engine.handle_acknowledged(link, solo.now);
        outputs.extend(solo.pass(ms(500)));
    }
    assert_eq!(leads(&outputs), [elsewhere()]);
}

#[test]
fn who_is_known_to_have_another_connection_there_is_hung_up_when_it_is_followed() {
    let (mut solo, bob, _) = met();
    reopen(&mut solo, &bob, elsewhere());
    solo.pass(ms(3_500));
    // A second one from there waits: the first one may be dead.
    solo.engine
        .handle_unheard(solo.now, bob.id, host(elsewhere()));
    let outputs = solo.pass(ms(1_000));
    assert_eq!(leads(&outputs), [elsewhere()]);
    assert!(hangs_up(&outputs));
}

/// Goal: whoever greets us again without having heard our answer gets another connection; not who says something
/// between, nor who has something new to say.
#[test]
fn whoever_greets_twice_and_says_nothing_between_has_not_heard_us() {
    for (between, named, led) in [
        (None, "bob", 1),
        (Some(Body::Ping), "bob", 0),
        (None, "rob", 0),
    ] {
        let (mut solo, mut bob, _) = met();
        solo.say(&mut bob, Body::PingOk);
        let mut outputs = Vec::new();
        for name in ["bob", named] {
            solo.pass(ms(3_000));
            bob.name = name;
            outputs = solo.hello(&mut bob);
            assert_eq!(hellos(&outputs).len(), 1, "it is answered");
            if let Some(body) = &between {
                solo.say(&mut bob, body.clone());
            }
        }
        assert_eq!(leads(&outputs).len(), led, "{between:?} {named}");
    }
}

#[test]
fn a_peer_that_is_heard_and_acknowledges_nothing_gets_one_more_connection() {
    // Before how long its system has acknowledged something, if that is known; and the same where much waits.
    let known = [(None, 0), (Some(ms(0)), 0), (Some(ms(20_000)), 1)];
    let full = known
        .into_iter()
        .flat_map(|(known, led)| [(known, led, false), (known, led, true)]);
    for (known, led, is_full) in full {
        let (mut solo, bob, link) = met();
        solo.pass(ms(1_000));
        solo.act(Action::Ping(bob.id));
        if is_full {
            let outputs = solo.whisper(&bob, "more than there is room for");
            fill(&mut solo, link, outputs);
        }
        let mut all = Vec::new();
        for _ in 0..24 {
            solo.beacon(&bob);
            let end = solo.now + ms(1_000);
            while solo.now < end {
                let outputs = solo.pass(ms(10));
                let probed = outputs.contains(&Output::Probe { link });
                if let Some(ago) = known.filter(|_| probed) {
                    let at = solo.now.checked_sub(ago).unwrap();
                    solo.engine.handle_acknowledged(link, at);
                }
                all.extend(leads(&outputs));
            }
        }
        assert_eq!(all.len(), led, "{known:?}, {is_full}");
        assert!(all.iter().all(|to| *to == bob.place));
    }
}

#[test]
fn when_our_own_address_is_gone_whoever_reaches_us_at_another_is_answered_that_way() {
    let (mut solo, mut bob, _) = met();
    let new = "10.0.0.9";
    solo.engine.handle_addresses(solo.now, &[ip(new)]);
    solo.outputs();
    let mut led = Vec::new();
    for _ in 0..2 {
        let place = bob.place;
        led.extend(leads(&ask_from(&mut solo, &mut bob, place, new)));
    }
    assert_eq!(led, [bob.place], "once");
    assert_eq!(leads(&solo.pass(ms(600))), []);
}

/// Goal: two hosts that have got each other's addresses are both found. Method: nobody listens for bob at his
/// place, and he speaks from carol's; then she is heard at his.
#[test]
fn two_peers_that_have_got_each_others_addresses_are_led_there() {
    for speaks in [true, false] {
        let (mut solo, mut bob, link) = met();
        let mut carol = Peer::new(3);
        let to_carol = solo.enter(&mut carol);
        solo.engine.handle_connected(solo.now, to_carol);
        solo.pass(ms(500));
        // The connection to him has ended, and is dialled again.
        let away = elsewhere();
        solo.beacon_from(&bob, away);
        assert_eq!(leads(&solo.pass(ms(600))), [away]);
        let from = if speaks { carol.place } else { away };
        ask_from(&mut solo, &mut bob, from, LOCAL);
        solo.engine.handle_refused(solo.now, link);
        solo.beacon_from(&carol, away);
        let outputs = solo.pass(ms(600));
        let expected: &[SocketAddr] = if speaks { &[carol.place, away] } else { &[] };
        assert_eq!(leads(&outputs), expected);
    }
}

#[test]
fn a_question_about_a_place_ends_however_often_it_is_asked() {
    let (mut solo, bob, _) = met();
    solo.pass(ms(3_500));
    let mut led = Vec::new();
    for _ in 0..20 {
        solo.engine
            .handle_unheard(solo.now, bob.id, host(elsewhere()));
        led.extend(leads(&solo.pass(ms(90))));
        if !led.is_empty() {
            break;
        }
    }
    assert_eq!(led, [elsewhere()]);
}
