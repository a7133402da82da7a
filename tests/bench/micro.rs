//! What the parts of a message's way cost by themselves: codec, engine, fan-out, mailbox.
//!
//! ```text
//! cargo bench --bench micro [-- WORDS]
//! ```
//!
//! No sockets and no hosts: to see what a change has done, not what a node can do (`make bench`).

#![allow(
    clippy::disallowed_methods,
    reason = "an engine has to begin at some time"
)]

use std::time::Instant;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use zchat::node::mailbox::{self, Capacity, Waker};
use zchat::zre::{
    Action, Body, Content, Engine, EngineConfig, Event, GroupName, Headers, Hello, Limits, Message,
    Name, Origin, Output, PeerId, Via,
};

fn main() {
    divan::main();
}

/// Octets of content: short enough to be held in place, and not.
const SIZES: [usize; 2] = [64, 1_024];

fn content(size: usize) -> Content {
    Content::new(vec![b'x'; size])
}

fn group() -> GroupName {
    GroupName::new("CHAT").expect("a name")
}

fn hello(port: u16) -> Hello {
    Hello {
        endpoint: format!("tcp://10.0.0.1:{port}"),
        groups: vec![group()],
        status: 1,
        name: Name::new("somebody").expect("a name"),
        headers: Headers::default(),
        left_out: 0,
    }
}

#[divan::bench]
fn encode_shout(bencher: Bencher<'_, '_>) {
    let content = content(64);
    let body = Body::Shout {
        group: group(),
        content,
    };
    let message = Message { sequence: 7, body };
    let mut header = Vec::new();
    bencher.bench_local(|| {
        header.clear();
        black_box(&message).encode_header(&mut header);
    });
}

#[divan::bench(args = SIZES)]
fn decode_whisper(bencher: Bencher<'_, '_>, size: usize) {
    let header = [0xaa, 0xa1, 2, 2, 0, 7];
    let limits = Limits::default();
    bencher
        .with_inputs(|| content(size))
        .bench_local_values(|content| Message::decode(black_box(&header), Some(content), &limits));
}

#[divan::bench]
fn decode_hello(bencher: Bencher<'_, '_>) {
    let body = Body::Hello(hello(49_152));
    let mut header = Vec::new();
    Message { sequence: 1, body }.encode_header(&mut header);
    let limits = Limits::default();
    bencher.bench_local(|| Message::decode(black_box(&header), None, &limits));
}

/// An engine that so many peers have entered, all in the group, with nothing left to do.
fn engine(now: Instant, peers: u16) -> Engine {
    let me = PeerId::from_bytes([9; 16]);
    let name = Name::new("me").expect("a name");
    let mut engine = Engine::new(now, EngineConfig::new(me, name, 49_152));
    for number in 0..peers {
        let body = Body::Hello(hello(50_000 + number));
        let message = Message { sequence: 1, body };
        engine.handle_message(now, Origin::unproven(id(number)), Via::default(), message);
    }
    let entered = std::iter::from_fn(|| engine.poll_output())
        .filter(|output| matches!(output, Output::Event(Event::Enter { .. })));
    assert_eq!(entered.count(), usize::from(peers), "all have entered");
    engine
}

fn id(number: u16) -> PeerId {
    let mut octets = [7; 16];
    octets[..2].copy_from_slice(&number.to_be_bytes());
    PeerId::from_bytes(octets)
}

/// From the action to the message that goes out, to one of so many peers.
#[divan::bench(args = [1, 100, 1_000])]
fn engine_whispers(bencher: Bencher<'_, '_>, peers: u16) {
    let now = Instant::now();
    let mut engine = engine(now, peers);
    let peer = id(peers / 2);
    let content = content(64);
    bencher.bench_local(|| {
        let content = content.clone();
        engine.handle_action(now, Action::Whisper { peer, content });
        while let Some(output) = engine.poll_output() {
            black_box(output);
        }
    });
}

/// The same to all of them.
#[divan::bench(args = [1, 100, 1_000])]
fn engine_shouts(bencher: Bencher<'_, '_>, peers: u16) {
    let now = Instant::now();
    let mut engine = engine(now, peers);
    let (group, content) = (group(), content(64));
    bencher.counter(ItemsCount::new(peers)).bench_local(|| {
        let (group, content) = (group.clone(), content.clone());
        engine.handle_action(now, Action::Shout { group, content });
        while let Some(output) = engine.poll_output() {
            black_box(output);
        }
    });
}

/// From the message that came in to the event.
#[divan::bench(args = [1, 100, 1_000])]
fn engine_receives(bencher: Bencher<'_, '_>, peers: u16) {
    let now = Instant::now();
    let mut engine = engine(now, peers);
    let origin = Origin::unproven(id(peers / 2));
    let content = content(64);
    let mut sequence = 1_u16;
    bencher.bench_local(|| {
        sequence = sequence.wrapping_add(1);
        let content = content.clone();
        let body = Body::Whisper { content };
        let message = Message { sequence, body };
        engine.handle_message(now, origin.clone(), Via::default(), message);
        while let Some(output) = engine.poll_output() {
            black_box(output);
        }
    });
}

/// A HELLO by which somebody is met, and the whole of what follows: what a meeting costs the engine.
#[divan::bench(args = [0, 100, 1_000])]
fn engine_meets(bencher: Bencher<'_, '_>, peers: u16) {
    let now = Instant::now();
    bencher
        .with_inputs(|| engine(now, peers))
        .bench_local_values(|mut engine| {
            let body = Body::Hello(hello(40_000));
            let message = Message { sequence: 1, body };
            let stranger = Origin::unproven(id(u16::MAX));
            engine.handle_message(now, stranger, Via::default(), message);
            while let Some(output) = engine.poll_output() {
                black_box(output);
            }
            engine
        });
}

/// A value through a queue between two threads, as one thread sees it that plays both.
#[divan::bench(args = SIZES)]
fn mailbox_carries(bencher: Bencher<'_, '_>, size: usize) {
    let waker = Waker::new().expect("a descriptor is left");
    let capacity = Capacity {
        values: 1_024,
        octets: 8 << 20,
    };
    let (sender, mailbox) = mailbox::mailbox::<Action>(capacity, &waker).expect("another one");
    let peer = id(0);
    let content = content(size);
    bencher.counter(ItemsCount::new(VALUES)).bench_local(|| {
        for _ in 0..VALUES {
            let content = content.clone();
            let _sent = sender.try_send(Action::Whisper { peer, content });
        }
        while let Ok(action) = mailbox.try_recv() {
            black_box(action);
        }
    });
}

/// Values that wait at a time.
const VALUES: usize = 256;
