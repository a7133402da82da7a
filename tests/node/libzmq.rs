//! A peer with sockets of libzmq: a DEALER that talks to our mailbox, and a ROUTER that we send to.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use zchat::node::Node;
use zchat::zre::{Event, PeerId};

use crate::raw::{PING, PING_OK, header, hello};
use crate::support::{PATIENCE, World, chat, find, mailbox, until};

/// More than there are numbers for messages: a peer is greeted again on the way (trap 1).
const MESSAGES: u32 = 70_000;
/// How many before the ROUTER is closed and opened anew.
const HALF: u32 = MESSAGES / 2;

const HELLO: u8 = 1;
const WHISPER: u8 = 2;

/// What message has this number: all sizes, most of them small, some larger than what TCP holds.
fn text(number: u32) -> Vec<u8> {
    let size = match number % 1_000 {
        0 => 700_000,
        1..20 => 20_000 + number % 100_000,
        20..100 => 1_800 + number % 500,
        _ => 4 + number % 300,
    };
    let octet = u8::try_from(number % 251).unwrap();
    let mut octets = vec![octet; usize::try_from(size).unwrap()];
    octets[..4].copy_from_slice(&number.to_be_bytes());
    octets
}

/// A ROUTER at a port of its own, or at that of an earlier one.
fn router(context: &zmq::Context, at: &str) -> (zmq::Socket, SocketAddr) {
    let router = context.socket(zmq::ROUTER).unwrap();
    router.set_linger(0).unwrap();
    router.set_rcvtimeo(20_000).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = router.bind(&format!("tcp://{at}")) {
        assert!(Instant::now() < deadline, "{at}: {error}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
    let endpoint = router.get_last_endpoint().unwrap().unwrap();
    let place = endpoint.strip_prefix("tcp://").unwrap().parse().unwrap();
    (router, place)
}

/// The peer that the test plays.
struct Peer {
    id: PeerId,
    context: zmq::Context,
    dealer: zmq::Socket,
    router: zmq::Socket,
    place: SocketAddr,
    sequence: u16,
    /// The number of the node's last message, after which the next one has to come; none where that message
    /// may have been lost with a ROUTER.
    heard: Option<u16>,
}

impl Peer {
    fn greet(node: &Node) -> Self {
        let id = PeerId::from_bytes([9; 16]);
        let context = zmq::Context::new();
        let (router, place) = router(&context, "127.0.0.1:*");
        let dealer = context.socket(zmq::DEALER).unwrap();
        dealer.set_linger(0).unwrap();
        dealer.set_sndhwm(1_000).unwrap();
        dealer.set_identity(&id.routing_id()).unwrap();
        dealer.connect(&format!("tcp://{}", mailbox(node))).unwrap();
        dealer.send(hello(1, place, &chat()), 0).unwrap();
        Self {
            id,
            context,
            dealer,
            router,
            place,
            sequence: 1,
            heard: Some(0),
        }
    }

    fn say(&mut self, id: u8, content: &[&[u8]]) {
        self.sequence = self.sequence.wrapping_add(1);
        let header = header(id, self.sequence);
        let frames = std::iter::once(&header[..]).chain(content.iter().copied());
        self.dealer.send_multipart(frames, 0).unwrap();
    }

    /// The next WHISPER; what else comes is answered, and has to be in sequence.
    fn content(&mut self) -> Vec<u8> {
        loop {
            let frames = self.router.recv_multipart(0).unwrap();
            let kind = frames[1][2];
            let number = u16::from_be_bytes([frames[1][4], frames[1][5]]);
            let is_bridge = number == 0 && kind == PING_OK;
            let heard = self.heard.replace(number);
            let follows = heard.is_none_or(|heard| number == heard.wrapping_add(1));
            let is_first = kind == HELLO && number == 1;
            assert!(follows || is_first || is_bridge, "{number} after {heard:?}");
            match kind {
                PING => self.say(PING_OK, &[]),
                WHISPER => return frames[2].clone(),
                _ => {}
            }
        }
    }
}

#[test]
fn seventy_thousand_messages_of_all_sizes_reach_a_router_of_libzmq_that_is_opened_anew_midway() {
    let world = World::new();
    let mut alice = world.start("alice");
    let mut peer = Peer::greet(&alice);
    until(&mut alice, |alice| alice.peers().len() == 1);
    let sender = alice.sender();
    let to = peer.id;
    let send = move |numbers: std::ops::Range<u32>| {
        let sender = sender.clone();
        std::thread::Builder::new()
            .spawn(move || numbers.for_each(|number| sender.whisper(to, text(number)).unwrap()))
            .unwrap()
    };
    let first = send(0..HALF);
    for number in 0..HALF {
        assert!(peer.content() == text(number), "message {number}");
    }
    first.join().unwrap();
    // The port stays in other hands until it is known that the node dials again.
    let at = peer.place.to_string();
    peer.router = peer.context.socket(zmq::ROUTER).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let held = loop {
        match TcpListener::bind(peer.place) {
            Ok(held) => break held,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    };
    drop(held.accept().unwrap());
    drop(held);
    let second = send(HALF..MESSAGES);
    (peer.router, _) = router(&peer.context, &at);
    // The one before may have been asked whether everything was read, and have taken the PINGs along.
    peer.heard = None;
    for number in HALF..MESSAGES {
        assert!(peer.content() == text(number), "message {number}");
    }
    second.join().unwrap();
    while let Ok(event) = alice.try_recv() {
        assert!(!matches!(event, Event::Exit { .. }), "{event:?}");
    }
    assert_eq!(alice.peers().len(), 1, "it was there all the time");
}

#[test]
fn seventy_thousand_messages_of_all_sizes_come_from_a_dealer_of_libzmq() {
    let world = World::new();
    let mut alice = world.start("alice");
    let mut peer = Peer::greet(&alice);
    until(&mut alice, |alice| alice.peers().len() == 1);
    let speaker = std::thread::Builder::new()
        .spawn(move || {
            for number in 0..MESSAGES {
                peer.say(WHISPER, &[&text(number), b"and one more frame"]);
            }
            peer
        })
        .unwrap();
    for number in 0..MESSAGES {
        let frames = find(&mut alice, |event| match event {
            Event::Whisper { content, .. } => Some(content.clone()),
            Event::Exit { .. } => panic!("{event:?}"),
            _ => None,
        });
        assert_eq!(frames.count(), 2);
        assert!(**frames.first() == text(number), "message {number}");
    }
    drop(speaker.join().unwrap());
    assert_eq!(alice.stats().gaps, 0);
}
