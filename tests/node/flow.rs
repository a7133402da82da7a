//! Slow applications, slow peers, floods, and nodes that have nothing to do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use zchat::node::{Node, RecvError, SendError, TooLarge, TrySendError};
use zchat::zre::{Content, Event, Frame, Limits, PeerId, Ticket, UndeliveredReason};

use crate::alone::{cpu, is_alone, memory, sleeps};
use crate::figure::figure;
use crate::raw::{PING, RawPeer};
use crate::support::{PATIENCE, World, chat, content, find, mailbox, until};

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

/// Receives events for so long, and returns them.
fn during(node: &mut Node, time: Duration) -> Vec<Event> {
    let deadline = Instant::now() + time;
    let mut events = Vec::new();
    loop {
        match node.recv_deadline(deadline) {
            Ok(event) => events.push(event),
            Err(RecvError::Empty) => return events,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Goal: a slow application stops its senders and nothing else, and loses nothing. Method: it takes ten
/// messages a millisecond, for several times the patience of its peer, which sends as fast as it can.
#[test]
fn a_slow_application_makes_its_senders_wait_and_loses_nothing_and_is_never_evasive() {
    let world = World::new();
    // Longer than a thread waits for a processor anywhere.
    let evasive = Duration::from_secs(2);
    let build = |name: &str| {
        let builder = world
            .builder(name)
            .group(chat())
            .interval(Duration::from_millis(50));
        builder
            .evasive(evasive)
            .silent(2 * evasive)
            .expired(10 * evasive)
    };
    let few = limits(|limits| limits.events = 64);
    let mut slow = build("slow").limits(few).start().unwrap();
    let small = limits(|limits| limits.queued_octets = 1 << 20);
    let mut quick = build("quick").limits(small).start().unwrap();
    until(&mut slow, |slow| slow.peers_of(&chat()).count() == 1);
    until(&mut quick, |quick| quick.peers_of(&chat()).count() == 1);
    let (mut sent, mut waited, mut received) = (0, 0, 0);
    let deadline = Instant::now() + 3 * evasive;
    while Instant::now() < deadline || waited <= 100 || received <= 100 {
        assert!(
            Instant::now() < deadline + PATIENCE,
            "waited {waited} times, {received} received"
        );
        let text = format!("{sent:<1000}");
        match quick.try_whisper(slow.id(), text.as_str()) {
            Ok(()) => sent += 1,
            Err(TrySendError::Full(content)) => {
                assert_eq!(&**content.first(), text.as_bytes());
                waited += 1;
                let told = during(&mut quick, Duration::from_millis(1));
                assert_eq!(told, [], "nothing speaks against the slow one");
                for event in (0..10).map_while(|_| slow.try_recv().ok()) {
                    received += in_order(&event, received);
                }
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    while received < sent {
        let event = slow.recv_deadline(Instant::now() + PATIENCE).unwrap();
        received += in_order(&event, received);
    }
    assert_eq!(during(&mut quick, evasive), []);
    assert_eq!(slow.stats().gaps + quick.stats().gaps, 0);
}

/// How many messages an event is: one, which has to be that with this number.
fn in_order(event: &Event, number: u32) -> u32 {
    match event {
        Event::Whisper { content, .. } => {
            assert_eq!(
                String::from_utf8_lossy(content.first()).trim(),
                number.to_string()
            );
            1
        }
        _ => 0,
    }
}

/// Goal: while an application receives nothing at all, its node is not called evasive, since it gives
/// signs of life; only what is sent to it is refused, and told.
#[test]
fn an_application_that_receives_nothing_is_not_called_evasive() {
    let world = World::new();
    // Longer than a thread waits for a processor anywhere.
    let evasive = Duration::from_secs(2);
    let build = |name: &str| {
        // No beacon helps: the first few are the only ones.
        let builder = world
            .builder(name)
            .group(chat())
            .interval(Duration::from_secs(3_600));
        builder
            .evasive(evasive)
            .silent(2 * evasive)
            .expired(3 * evasive)
    };
    let few = limits(|limits| limits.events = 16);
    let mut deaf = build("deaf").limits(few).start().unwrap();
    let mut quick = build("quick").start().unwrap();
    until(&mut deaf, |deaf| deaf.peers_of(&chat()).count() == 1);
    until(&mut quick, |quick| quick.peers_of(&chat()).count() == 1);
    for number in 0..1_000 {
        quick.whisper(deaf.id(), format!("{number}")).unwrap();
    }
    assert_eq!(during(&mut quick, 4 * evasive), []);
    for number in 0..1_000 {
        assert_eq!(content(&mut deaf).1, format!("{number}").as_bytes());
    }
    deaf.whisper(quick.id(), "I was away").unwrap();
    assert_eq!(content(&mut quick).1, b"I was away");
}

/// Goal: a receiver that takes nothing costs its budget and no more, its sender is told of every single
/// message, and others are served meanwhile. Method: a peer that never reads, though it says something
/// now and then.
#[test]
fn a_receiver_that_takes_nothing_costs_its_budget_and_each_refused_message_is_told() {
    const SENT: u64 = 100_000;
    if !is_alone(
        "flow::a_receiver_that_takes_nothing_costs_its_budget_and_each_refused_message_is_told",
    ) {
        return;
    }
    let world = World::new();
    // So long that bob, who gets a processor in the end, is never taken for one that takes nothing.
    let mut alice = world
        .builder("alice")
        .group(chat())
        .evasive(Duration::from_secs(5))
        .start()
        .unwrap();
    let mut raw = RawPeer::greet(9, mailbox(&alice));
    let mut bob = world.builder("bob").group(chat()).start().unwrap();
    until(&mut alice, |alice| alice.peers_of(&chat()).count() == 2);
    until(&mut bob, |bob| bob.peers_of(&chat()).count() == 1);
    let bob_id = bob.id();
    let bob = std::thread::spawn(move || {
        for _ in 0..SENT {
            find(&mut bob, |event| {
                matches!(event, Event::Shout { .. }).then_some(())
            });
        }
        bob
    });
    let before = memory();
    let (mut most, mut refused) = (0, 0);
    for number in 0..SENT {
        alice.shout(&chat(), format!("{number:<100}")).unwrap();
        if number % 1_000 == 0 {
            raw.say(PING);
            most = most.max(memory());
        }
        while let Ok(event) = alice.try_recv() {
            refused += undelivered(&event, raw.id);
        }
    }
    let cost = most.saturating_sub(before);
    figure(&format!(
        "memory for a receiver that takes nothing: {} KiB",
        cost >> 10
    ));
    assert!(cost < 3 * Limits::default().queued_octets, "{cost} octets");
    while refused == 0 {
        let event = alice.recv_deadline(Instant::now() + PATIENCE).unwrap();
        refused += undelivered(&event, raw.id);
    }
    let who = flushed(&mut alice, |event| refused += undelivered(event, raw.id));
    assert_eq!(who, (vec![bob_id], vec![raw.id]));
    // What was not refused lies in the queues, and is counted when they are closed.
    alice.dismiss(raw.listener.local_addr().unwrap()).unwrap();
    let mut gone = 0;
    loop {
        let event = alice.recv_deadline(Instant::now() + PATIENCE).unwrap();
        gone += undelivered(&event, raw.id);
        if matches!(event, Event::Exit { .. }) {
            break;
        }
    }
    bob.join().unwrap();
    figure(&format!(
        "messages that TCP took in: {}",
        SENT - refused - gone
    ));
    assert!(
        gone > 10_000,
        "{gone} of {SENT} counted when the connection was closed"
    );
}

/// Who has read everything, and who has not; other events meanwhile go to `see`.
fn flushed(node: &mut Node, mut see: impl FnMut(&Event)) -> (Vec<PeerId>, Vec<PeerId>) {
    node.flush(Ticket(1), Duration::from_secs(5)).unwrap();
    loop {
        match node.recv_deadline(Instant::now() + PATIENCE).unwrap() {
            Event::Flushed {
                delivered, missing, ..
            } => return (delivered, missing),
            event => see(&event),
        }
    }
}

fn undelivered(event: &Event, to: PeerId) -> u64 {
    match event {
        Event::Undelivered { peer, count, .. } => {
            assert_eq!(*peer, to);
            *count
        }
        _ => 0,
    }
}

#[test]
fn others_are_served_while_one_takes_nothing() {
    let world = World::new();
    let mut alice = world
        .builder("alice")
        .group(chat())
        .evasive(Duration::from_millis(300))
        .limits(limits(|limits| limits.queued_octets = 64 << 10))
        .start()
        .unwrap();
    let raw = RawPeer::greet(9, mailbox(&alice));
    let mut bob = world.builder("bob").group(chat()).start().unwrap();
    until(&mut alice, |alice| alice.peers_of(&chat()).count() == 2);
    let large = vec![b'x'; 60_000];
    let full = |alice: &mut Node| {
        std::iter::from_fn(|| alice.try_recv().ok()).any(|event| {
            matches!(
                event,
                Event::Undelivered {
                    reason: UndeliveredReason::Full,
                    ..
                }
            )
        })
    };
    let deadline = Instant::now() + PATIENCE;
    while !full(&mut alice) {
        assert!(Instant::now() < deadline, "it takes for ever");
        alice.whisper(raw.id, large.clone()).unwrap();
    }
    // From now on nobody waits for it.
    for number in 0..1_000 {
        alice.shout(&chat(), format!("{number}")).unwrap();
        assert_eq!(content(&mut bob).1, format!("{number}").as_bytes());
    }
}

/// So many measurements have a median, however long each takes.
const ENOUGH: usize = 21;

/// Ends a flood when it is dropped: also where a test fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_ping_is_answered_at_once_while_the_application_floods() {
    let world = World::new();
    let [alice, mut bob, mut carol] = world.chat(["alice", "bob", "carol"]);
    let sender = alice.sender();
    let to = bob.id();
    let mut times = Vec::new();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let ends = Ends(&is_over);
        let flood = scope.spawn(|| {
            let mut sent = 0_u64;
            while !is_over.load(Ordering::Relaxed) {
                for _ in 0..1_000 {
                    sender.whisper(to, [b'x'; 64].as_slice()).unwrap();
                }
                sent += 1_000;
            }
            sent
        });
        let reader = scope.spawn(move || {
            let mut received = 0_u64;
            loop {
                match bob.recv_deadline(Instant::now() + PATIENCE).unwrap() {
                    Event::Whisper { content, .. } if content.size() == 64 => received += 1,
                    Event::Whisper { .. } => return received,
                    _ => {}
                }
            }
        });
        let deadline = Instant::now() + Duration::from_secs(2);
        while times.len() < ENOUGH || Instant::now() < deadline {
            carol.ping(alice.id()).unwrap();
            times.push(find(&mut carol, |event| match event {
                Event::RoundTrip { elapsed, .. } => Some(*elapsed),
                _ => None,
            }));
        }
        drop(ends);
        let sent = flood.join().unwrap();
        alice.whisper(to, "the end").unwrap();
        assert_eq!(reader.join().unwrap(), sent);
    });
    times.sort_unstable();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    figure(&format!(
        "round trip while the application floods, median: {} µs",
        median.as_micros()
    ));
    figure(&format!(
        "round trip while the application floods, worst: {} µs",
        worst.as_micros()
    ));
    // Eight threads share this machine's cores with other tests; starvation would be seconds.
    assert!(median < Duration::from_millis(500), "{median:?}");
}

#[test]
fn an_action_is_taken_at_once_while_messages_flood_in() {
    let world = World::new();
    let [mut alice, bob, _carol] = world.chat(["alice", "bob", "carol"]);
    let (sender, to) = (bob.sender(), alice.id());
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let ends = Ends(&is_over);
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                sender.whisper(to, [b'x'; 64].as_slice()).unwrap();
            }
        });
        let mut times = Vec::new();
        let mut ticket = 0;
        let deadline = Instant::now() + Duration::from_secs(1);
        while times.len() < ENOUGH || Instant::now() < deadline {
            ticket += 1;
            let since = Instant::now();
            alice.flush(Ticket(ticket), PATIENCE).unwrap();
            find(&mut alice, |event| {
                matches!(event, Event::Flushed { .. }).then_some(())
            });
            times.push(since.elapsed());
        }
        drop(ends);
        times.sort_unstable();
        let median = times[times.len() / 2];
        figure(&format!(
            "an action while messages flood in, median: {} µs",
            median.as_micros()
        ));
        assert!(median < Duration::from_millis(500), "{median:?}");
    });
}

#[test]
fn content_that_is_too_large_is_an_error_before_anything_is_sent() {
    let world = World::new();
    let small = limits(|limits| {
        limits.frame_octets = 1_000;
        limits.frames = 3;
    });
    let mut alice = world.builder("alice").limits(small).start().unwrap();
    let mut bob = world.start("bob");
    until(&mut alice, |alice| alice.peers().len() == 1);
    let to = bob.id();
    let long = TooLarge::Frame {
        octets: 1_001,
        most: 1_000,
    };
    assert_eq!(
        alice.whisper(to, vec![0; 1_001]),
        Err(SendError::TooLarge(long))
    );
    assert!(matches!(
        alice.try_whisper(to, vec![0; 1_001]),
        Err(TrySendError::TooLarge(_))
    ));
    let many = Content::from_frames(vec![Frame::from("x"); 4]).unwrap();
    let count = TooLarge::Frames { count: 4, most: 3 };
    assert_eq!(alice.shout(&chat(), many), Err(SendError::TooLarge(count)));
    assert!(count.to_string().contains('4') && long.to_string().contains("1001"));
    alice.whisper(to, vec![0; 1_000]).unwrap();
    assert_eq!(content(&mut bob).1.len(), 1_000);
}

#[test]
fn large_messages_arrive_unchanged_both_ways() {
    let world = World::new();
    let [mut alice, mut bob] = world.chat(["alice", "bob"]);
    let pattern = |number: u32| -> Vec<u8> {
        (0..1_u32 << 20)
            .flat_map(|word| (word * 31 + number).to_be_bytes())
            .collect()
    };
    for number in 0..8 {
        alice.whisper(bob.id(), pattern(number)).unwrap();
        bob.whisper(alice.id(), pattern(number + 100)).unwrap();
    }
    for number in 0..8 {
        assert!(content(&mut bob).1 == pattern(number), "message {number}");
        assert!(
            content(&mut alice).1 == pattern(number + 100),
            "message {number}"
        );
    }
}

#[test]
fn a_node_with_nothing_to_do_hardly_ever_wakes_up() {
    if !is_alone("flow::a_node_with_nothing_to_do_hardly_ever_wakes_up") {
        return;
    }
    let world = World::new();
    let mut alice = world.start("alice");
    find(&mut alice, |event| {
        matches!(event, Event::Network { .. }).then_some(())
    });
    let woken = idle_for_three_seconds(&mut alice, "an idle node");
    assert!(woken < 50, "{woken} times");
}

#[test]
fn two_nodes_with_nothing_to_say_hardly_ever_wake_up() {
    if !is_alone("flow::two_nodes_with_nothing_to_say_hardly_ever_wake_up") {
        return;
    }
    let world = World::new();
    let [mut alice, _bob] = world.chat(["alice", "bob"]);
    let woken = idle_for_three_seconds(&mut alice, "two idle nodes");
    assert!(woken < 150, "{woken} times");
}

/// How often the threads of this process wake up while nothing happens. The processor time is a figure
/// only: a slow machine would fail the best of programs.
fn idle_for_three_seconds(node: &mut Node, what: &str) -> i64 {
    let (used, woken) = (cpu(), sleeps());
    assert_eq!(during(node, Duration::from_secs(3)), []);
    let (used, woken) = (cpu().saturating_sub(used), sleeps() - woken);
    let used = used.as_micros();
    figure(&format!(
        "what {what} cost in 3 s: {used} µs of processor, {woken} times awake"
    ));
    woken
}
