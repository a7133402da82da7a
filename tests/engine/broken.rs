//! Connections that break, and whether their peer is gone.

use zchat::zre::{Action, Body, Event, ExitReason, LinkId, Output, Timing};

use crate::life::told;
use crate::solo::{Peer, Solo, events, ms, pings, whispered};

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
