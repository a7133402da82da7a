//! The end of a node: what was accepted is delivered, others are told, and nothing is left.

use std::time::{Duration, Instant};

use zchat::node::{RecvError, SendError, TrySendError};
use zchat::zre::{Event, ExitReason, UndeliveredReason};

use crate::alone::{Process, is_alone};
use crate::figure::figure;
use crate::raw::RawPeer;
use crate::support::{PATIENCE, World, chat, content, find, mailbox, until};

fn exit(event: &Event) -> Option<ExitReason> {
    match event {
        Event::Exit { reason, .. } => Some(*reason),
        _ => None,
    }
}

#[test]
fn trap_15_everything_that_was_shouted_arrives_before_the_farewell() {
    let world = World::new();
    let [mut alice, mut bob, mut carol] = world.chat(["alice", "bob", "carol"]);
    for number in 0..2_000 {
        alice.shout(&chat(), format!("{number}")).unwrap();
    }
    let sender = alice.sender();
    alice.stop(PATIENCE);
    assert_eq!(
        find(&mut alice, |event| matches!(event, Event::Stop)
            .then_some(())),
        ()
    );
    assert_eq!(alice.recv(), Err(RecvError::Stopped));
    assert_eq!(sender.shout(&chat(), "too late"), Err(SendError::Stopped));
    assert!(matches!(
        sender.try_shout(&chat(), "too late"),
        Err(TrySendError::Stopped(_))
    ));
    assert!(sender.is_stopped());
    for node in [&mut bob, &mut carol] {
        for number in 0..2_000 {
            let text = find(node, |event| match event {
                Event::Shout { content, .. } => Some(content.first().to_vec()),
                Event::Exit { .. } => panic!("gone after {number}"),
                _ => None,
            });
            assert_eq!(text, format!("{number}").as_bytes());
        }
        assert_eq!(find(node, exit), ExitReason::Farewell);
    }
}

#[test]
fn a_leave_is_seen_long_before_anything_expires() {
    let world = World::new();
    let [alice, mut bob] = world.chat(["alice", "bob"]);
    let since = Instant::now();
    alice.stop(PATIENCE);
    assert_eq!(find(&mut bob, exit), ExitReason::Farewell);
    let took = since.elapsed();
    // 100 ms are promised, and proven in virtual time; this machine may have other things to do.
    figure(&format!("a leave is seen after: {} ms", took.as_millis()));
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_node_that_is_dropped_says_farewell_and_leaves_nothing_running() {
    if !is_alone("shutdown::a_node_that_is_dropped_says_farewell_and_leaves_nothing_running") {
        return;
    }
    let world = World::new();
    let mut bob = world.builder("bob").group(chat()).start().unwrap();
    let mut come_and_go = || {
        let mut alice = world.builder("alice").group(chat()).start().unwrap();
        until(&mut alice, |alice| alice.peers_of(&chat()).count() == 1);
        alice.shout(&chat(), "dropped").unwrap();
        drop(alice);
        assert_eq!(content(&mut bob).1, b"dropped");
        assert_eq!(find(&mut bob, exit), ExitReason::Farewell);
    };
    // Bob's libzmq starts its threads with the first connection that he opens.
    come_and_go();
    let before = Process::settled();
    for _ in 0..10 {
        come_and_go();
        before.assert_again();
    }
}

#[test]
fn a_node_that_is_dropped_while_its_events_are_not_received_leaves_nothing_running() {
    if !is_alone(
        "shutdown::a_node_that_is_dropped_while_its_events_are_not_received_leaves_nothing_running",
    ) {
        return;
    }
    let world = World::new();
    let before = Process::now();

    let alice = world.builder("alice").limits(few_events()).start().unwrap();
    let mut bob = world.start("bob");
    until(&mut bob, |bob| bob.peers().len() == 1);
    for _ in 0..1_000 {
        bob.whisper(alice.id(), "unread").unwrap();
    }
    drop(alice);
    drop(bob);
    before.assert_again();
}

fn few_events() -> zchat::zre::Limits {
    let mut limits = zchat::zre::Limits::default();
    limits.events = 8;
    limits
}

#[test]
fn a_peer_that_does_not_answer_delays_the_stop_no_longer_than_was_said_and_is_told() {
    let world = World::new();
    let mut alice = world.start("alice");
    let raw = RawPeer::greet(7, mailbox(&alice));
    until(&mut alice, |alice| alice.peers().len() == 1);
    for _ in 0..3 {
        alice.whisper(raw.id, "never read").unwrap();
    }
    let since = Instant::now();
    alice.stop(Duration::from_millis(300));
    let told = find(&mut alice, |event| match event {
        Event::Undelivered {
            peer,
            count,
            reason,
        } => Some((*peer, *count, *reason)),
        _ => None,
    });
    assert_eq!(told, (raw.id, 3, UndeliveredReason::Stopped));
    find(&mut alice, |event| {
        matches!(event, Event::Stop).then_some(())
    });
    let took = since.elapsed();
    figure(&format!(
        "a stop that may take 300 ms, and has to: {} ms",
        took.as_millis()
    ));
    assert!(
        took >= Duration::from_millis(300) && took < PATIENCE / 2,
        "{took:?}"
    );
}

#[test]
fn two_nodes_that_stop_at_the_same_time_do_not_wait_for_each_other() {
    let world = World::new();
    let [mut alice, mut bob] = world.chat(["alice", "bob"]);
    for _ in 0..1_000 {
        alice.whisper(bob.id(), "last words").unwrap();
        bob.whisper(alice.id(), "last words").unwrap();
    }
    let since = Instant::now();
    alice.stop(PATIENCE);
    bob.stop(PATIENCE);
    for node in [&mut alice, &mut bob] {
        find(node, |event| matches!(event, Event::Stop).then_some(()));
    }
    assert!(since.elapsed() < PATIENCE / 2, "{:?}", since.elapsed());
}
