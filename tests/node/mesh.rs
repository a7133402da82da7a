//! Nodes that find each other and talk, in one process over loopback.

use std::time::Instant;

use zchat::node::Node;
use zchat::zre::{
    Content, Event, ExitReason, Frame, Headers, Name, Tail, Ticket, UndeliveredReason,
};

use crate::support::{PATIENCE, World, chat, content, find, group, mailbox, until};

#[test]
fn two_nodes_enter_with_name_headers_and_groups() {
    let world = World::new();
    let mut alice = world
        .builder("alice")
        .header("X-COLOUR", "green")
        .unwrap()
        .group(chat())
        .start()
        .unwrap();
    let mut bob = world.start("bob");
    let id = alice.id();
    let events = until(&mut bob, |bob| bob.peers_of(&chat()).count() == 1);
    assert!(
        matches!(&events[..], [.., Event::Enter { peer, .. }, Event::Join { .. }] if *peer == id)
    );
    let known = bob.peer(id).unwrap();
    assert_eq!(known.name.as_str(), "alice");
    assert_eq!(known.headers.get("X-COLOUR"), Some("green"));
    assert_eq!(known.link.remote, mailbox(&alice));
    until(&mut alice, |alice| alice.peers().len() == 1);
    assert_eq!(alice.peers().next().unwrap().name.as_str(), "bob");
    assert_eq!(alice.endpoints().collect::<Vec<_>>(), [mailbox(&alice)]);
}

#[test]
fn a_whisper_goes_to_one_and_a_shout_to_the_group_both_ways() {
    let world = World::new();
    let [mut alice, mut bob, mut carol] = world.chat(["alice", "bob", "carol"]);
    alice.whisper(bob.id(), "psst").unwrap();
    alice.shout(&chat(), "hello").unwrap();
    assert_eq!(content(&mut bob), (alice.id(), b"psst".to_vec()));
    assert_eq!(content(&mut bob), (alice.id(), b"hello".to_vec()));
    assert_eq!(content(&mut carol), (alice.id(), b"hello".to_vec()));
    bob.shout(&chat(), "hi").unwrap();
    assert_eq!(content(&mut alice), (bob.id(), b"hi".to_vec()));
    assert_eq!(content(&mut carol), (bob.id(), b"hi".to_vec()));
}

#[test]
fn many_frames_arrive_as_they_were_and_a_tail_only_where_its_header_is() {
    let world = World::new();
    let mut alice = world.start("alice");
    let mut bob = world
        .builder("bob")
        .group(chat())
        .header("X-TAIL", "1")
        .unwrap()
        .start()
        .unwrap();
    let mut carol = world.builder("carol").group(chat()).start().unwrap();
    until(&mut alice, |alice| alice.peers_of(&chat()).count() == 2);
    let frames: Vec<Frame> = (0..300_usize)
        .map(|number| vec![b'f'; number * 7].into())
        .collect();
    let tail = Tail {
        header: "X-TAIL".into(),
        frames: vec!["tail".into()],
    };
    let sent = Content::from_frames(frames.clone())
        .unwrap()
        .with_tail(tail);
    // A SHOUT to a group that the sender has not joined is legal (trap 13).
    alice.shout(&chat(), sent).unwrap();
    let received = |node: &mut Node| {
        find(node, |event| match event {
            Event::Shout { content, .. } => Some(content.frames().cloned().collect::<Vec<_>>()),
            _ => None,
        })
    };
    assert_eq!(received(&mut carol), frames);
    let with_tail: Vec<Frame> = frames.into_iter().chain(["tail".into()]).collect();
    assert_eq!(received(&mut bob), with_tail);
}

#[test]
fn joining_and_leaving_is_told_to_everybody() {
    let world = World::new();
    let [mut alice, mut bob] = world.chat(["alice", "bob"]);
    for _ in 0..300 {
        alice.join(&group("OTHER")).unwrap();
        alice.leave(&group("OTHER")).unwrap();
    }
    alice.join(&group("LAST")).unwrap();
    assert_eq!(
        alice
            .own_groups()
            .map(|group| group.as_str())
            .collect::<Vec<_>>(),
        ["CHAT", "LAST"]
    );
    let events = until(&mut bob, |bob| bob.peers_of(&group("LAST")).count() == 1);
    let joins = events
        .iter()
        .filter(|event| matches!(event, Event::Join { .. }))
        .count();
    let leaves = events
        .iter()
        .filter(|event| matches!(event, Event::Leave { .. }))
        .count();
    assert_eq!((joins, leaves), (301, 300));
    assert_eq!(bob.stats().wrong_status, 0);
    let names: Vec<&str> = bob.groups().map(|group| group.name().as_str()).collect();
    assert_eq!(names, ["CHAT", "LAST"]);
}

#[test]
fn a_new_name_and_new_headers_are_an_update_and_no_departure() {
    let world = World::new();
    let [mut alice, mut bob] = world.chat(["alice", "bob"]);
    alice.rename(Name::new("älice").unwrap()).unwrap();
    let update = |event: &Event| match event {
        Event::Update {
            name, was, headers, ..
        } => Some((name.to_string(), was.to_string(), headers.len())),
        Event::Exit { .. } => panic!("{event:?}"),
        _ => None,
    };
    assert_eq!(
        find(&mut bob, update),
        ("älice".to_owned(), "alice".to_owned(), 0)
    );
    alice
        .describe(Headers::default().with("X-MOOD", "good").unwrap())
        .unwrap();
    assert_eq!(
        find(&mut bob, update),
        ("älice".to_owned(), "älice".to_owned(), 1)
    );
    assert_eq!(alice.name().as_str(), "älice");
    assert_eq!(
        bob.peer(alice.id()).unwrap().headers.get("X-MOOD"),
        Some("good")
    );
    // Neither the old nor the new connection has lost anything.
    alice.whisper(bob.id(), "still here").unwrap();
    assert_eq!(content(&mut bob).1, b"still here");
    bob.whisper(alice.id(), "you too").unwrap();
    assert_eq!(content(&mut alice).1, b"you too");
}

#[test]
fn a_round_trip_is_measured_and_a_flush_says_who_has_read_everything() {
    let world = World::new();
    let [mut alice, mut bob, _carol] = world.chat(["alice", "bob", "carol"]);
    alice.ping(bob.id()).unwrap();
    let elapsed = find(&mut alice, |event| match event {
        Event::RoundTrip { peer, elapsed } => Some((*peer, *elapsed)),
        _ => None,
    });
    assert!(elapsed.0 == bob.id() && elapsed.1 < PATIENCE, "{elapsed:?}");
    assert_eq!(alice.peer(bob.id()).unwrap().round_trip, Some(elapsed.1));
    for number in 0..1_000 {
        alice.whisper(bob.id(), format!("{number}")).unwrap();
    }
    alice.flush(Ticket(7), PATIENCE).unwrap();
    let (delivered, missing) = find(&mut alice, |event| match event {
        Event::Flushed {
            ticket: Ticket(7),
            delivered,
            missing,
        } => Some((delivered.clone(), missing.clone())),
        _ => None,
    });
    assert_eq!((delivered, missing), (vec![bob.id()], vec![]));
    for number in 0..1_000 {
        assert_eq!(content(&mut bob).1, format!("{number}").as_bytes());
    }
}

#[test]
fn a_whisper_to_nobody_is_told_to_be_undelivered() {
    let world = World::new();
    let [mut alice, bob] = world.chat(["alice", "bob"]);
    let gone = bob.id();
    bob.close(PATIENCE);
    find(&mut alice, |event| {
        matches!(event, Event::Exit { .. }).then_some(())
    });
    alice.whisper(gone, "anybody?").unwrap();
    alice.whisper(gone, "hello?").unwrap();
    // Both at once, or the second later.
    let mut told = 0;
    while told < 2 {
        told += find(&mut alice, |event| match event {
            Event::Undelivered {
                peer,
                count,
                reason,
            } => {
                assert_eq!((*peer, *reason), (gone, UndeliveredReason::Gone));
                Some(*count)
            }
            _ => None,
        });
    }
    assert_eq!(told, 2);
}

#[test]
fn ten_nodes_see_all_others_and_every_shout_in_order() {
    let world = World::new();
    let names: [String; 10] = std::array::from_fn(|number| format!("node{number}"));
    let mut nodes = world.chat(names.each_ref().map(String::as_str));
    let shouts = 200;
    for node in &nodes {
        for number in 0..shouts {
            node.shout(&chat(), format!("{number}")).unwrap();
        }
    }
    let ids = nodes.each_ref().map(Node::id);
    for node in &mut nodes {
        let mut next = ids.map(|id| (id, 0));
        for _ in 0..9 * shouts {
            let (from, text) = content(node);
            let next = next.iter_mut().find(|(id, _)| *id == from).unwrap();
            assert_eq!(
                text,
                format!("{}", next.1).as_bytes(),
                "from {from} at {}",
                node.name()
            );
            next.1 += 1;
        }
    }
}

#[test]
fn a_node_is_greeted_by_its_address_alone_and_dismissed_by_it() {
    let (here, there) = (World::new(), World::new());
    let mut alice = here.start("alice");
    let mut bob = there.start("bob");
    alice.greet(mailbox(&bob)).unwrap();
    until(&mut alice, |alice| alice.peer(bob.id()).is_some());
    until(&mut bob, |bob| bob.peer(alice.id()).is_some());
    bob.whisper(alice.id(), "without a beacon").unwrap();
    assert_eq!(content(&mut alice).1, b"without a beacon");
    alice.dismiss(mailbox(&bob)).unwrap();
    let dismissed = find(&mut alice, |event| match event {
        Event::Exit { peer, reason } => Some((*peer, *reason)),
        _ => None,
    });
    assert_eq!(dismissed, (bob.id(), ExitReason::Dismissed));
    find(&mut bob, |event| {
        matches!(event, Event::Exit { .. }).then_some(())
    });
}

#[test]
fn several_threads_send_over_one_node() {
    let world = World::new();
    let [alice, mut bob] = world.chat(["alice", "bob"]);
    let threads = 4;
    let each = 5_000;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let sender = alice.sender();
            let to = bob.id();
            scope.spawn(move || {
                for number in 0..each {
                    sender.whisper(to, format!("{thread} {number}")).unwrap();
                }
            });
        }
        let mut next = vec![0; threads];
        for _ in 0..threads * each {
            let (_, text) = content(&mut bob);
            let text = String::from_utf8(text).unwrap();
            let (thread, number) = text.split_once(' ').unwrap();
            let next = &mut next[thread.parse::<usize>().unwrap()];
            assert_eq!(number, next.to_string());
            *next += 1;
        }
    });
}

#[test]
fn a_node_can_be_polled_by_its_descriptor() {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd;
    let world = World::new();
    let [alice, mut bob] = world.chat(["alice", "bob"]);
    let deadline = Instant::now() + PATIENCE;
    let mut received = 0;
    let sent = 1_000;
    for number in 0..sent {
        alice.whisper(bob.id(), format!("{number}")).unwrap();
    }
    while received < sent {
        while let Ok(event) = bob.try_recv() {
            received += usize::from(matches!(event, Event::Whisper { .. }));
        }
        if received < sent {
            let mut fds = [PollFd::new(bob.as_fd(), PollFlags::POLLIN)];
            let timeout = PollTimeout::try_from(PATIENCE).unwrap();
            assert_eq!(poll(&mut fds, timeout), Ok(1), "{received} received");
        }
        assert!(Instant::now() < deadline);
    }
}
