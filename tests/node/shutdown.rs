//! The end of a node: what was accepted is delivered, others are told, and nothing is left.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use zchat::node::{Node, RecvError, SendError, TrySendError};
use zchat::zre::{Beacon, Event, ExitReason, PeerId, UndeliveredReason};

use crate::alone::{Process, is_alone};
use crate::beacon::{next_beacon, other_program};
use crate::figure::figure;
use crate::raw::RawPeer;
use crate::support::{PATIENCE, World, chat, content, find, mailbox, until};

fn exit(event: &Event) -> Option<ExitReason> {
    match event {
        Event::Exit { reason, .. } => Some(*reason),
        _ => None,
    }
}

/// Waits until this node says farewell on the beacon port, and `peer` is told that it is gone. (Whoever hears of
/// it late finds first that nobody is there any more.)
fn farewell(heard: &UdpSocket, of: PeerId, peer: &mut Node) {
    let deadline = Instant::now() + PATIENCE;
    while next_beacon(heard).0 != Beacon::farewell(of) {
        assert!(Instant::now() < deadline, "it says none");
    }
    let reason = find(peer, exit);
    assert!(
        matches!(reason, ExitReason::Farewell | ExitReason::Broken),
        "{reason:?}"
    );
}

/// Goal: a farewell is an exit. Method: nothing else tells of that so soon, since the connections stay open.
#[test]
fn a_farewell_of_a_peer_that_says_nothing_more_is_its_exit() {
    let world = World::new();
    let mut alice = world.start("alice");
    let raw = RawPeer::greet(7, mailbox(&alice));
    until(&mut alice, |alice| alice.peers().len() == 1);
    let farewell = Beacon::farewell(raw.id).encode();
    other_program(world.port())
        .send_to(&farewell, ("127.255.255.255", world.port()))
        .unwrap();
    assert_eq!(find(&mut alice, exit), ExitReason::Farewell);
}

#[test]
fn trap_15_everything_that_was_shouted_arrives_before_the_farewell() {
    let world = World::new();
    let heard = other_program(world.port());
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
        farewell(&heard, alice.id(), node);
    }
}

#[test]
fn a_leave_is_seen_long_before_anything_expires() {
    let world = World::new();
    let heard = other_program(world.port());
    let [alice, mut bob] = world.chat(["alice", "bob"]);
    let since = Instant::now();
    alice.stop(PATIENCE);
    farewell(&heard, alice.id(), &mut bob);
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
    let heard = other_program(world.port());
    let mut bob = world.builder("bob").group(chat()).start().unwrap();
    find(&mut bob, |event| {
        matches!(event, Event::Network { .. }).then_some(())
    });
    let before = Process::now();
    for _ in 0..10 {
        let mut alice = world.builder("alice").group(chat()).start().unwrap();
        until(&mut alice, |alice| alice.peers_of(&chat()).count() == 1);
        // Bob has heard something over her connection: what she sends from now on does not wait for one.
        until(&mut bob, |bob| bob.peer(alice.id()).is_some());
        alice.shout(&chat(), "dropped").unwrap();
        let id = alice.id();
        drop(alice);
        assert_eq!(content(&mut bob).1, b"dropped");
        farewell(&heard, id, &mut bob);
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
