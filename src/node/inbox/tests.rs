//! An inbox against DEALERs and raw TCP of the test's own, over loopback.

use std::net::TcpStream;
use std::time::Duration;

use super::*;
use crate::node::watch::Notice;
use crate::zre::{GroupName, Headers, Hello, Name};

/// An inbox, served as the mesh thread does it, and a context for the peers of a test.
struct Desk {
    inbox: Inbox,
    outside: Context,
    received: Vec<Received>,
    notices: Vec<Notice>,
}

impl Desk {
    fn new(limits: &Limits) -> Self {
        let context = Context::new(100).unwrap();
        let addresses = [Ipv4Addr::LOCALHOST];
        Self {
            inbox: Inbox::bind(&context, &addresses, None, limits, 1_000, 42).unwrap(),
            outside: Context::new(1_000).unwrap(),
            received: Vec::new(),
            notices: Vec::new(),
        }
    }

    fn peer(&self, octet: u8) -> Peer {
        self.named(&id(octet).routing_id())
    }

    fn named(&self, routing_id: &[u8]) -> Peer {
        let socket = self.outside.socket(zmq_sys::ZMQ_DEALER).unwrap();
        socket.set_linger(0).unwrap();
        if !routing_id.is_empty() {
            socket.set_identity(routing_id).unwrap();
        }
        socket
            .connect(&format!("tcp://{}", self.address()))
            .unwrap();
        Peer(socket)
    }

    fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.inbox.port()))
    }

    /// Serves the sockets for a moment.
    fn serve(&mut self) {
        let now = Instant::now();
        self.inbox.ready = true;
        self.inbox.watch.monitor_ready = true;
        self.inbox.watch.zap_ready = true;
        self.inbox.watch.attend(now);
        while let Some(received) = self.inbox.receive(now) {
            self.received.push(received);
        }
        self.inbox.watch.handle_empty();
        self.inbox.watch.handle_timeout(now);
        self.notices.extend(self.inbox.watch.take_notices());
        std::thread::park_timeout(Duration::from_micros(200));
    }

    fn serve_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !done(self) {
            assert!(
                Instant::now() < deadline,
                "{what}: {} {:?}",
                self.received.len(),
                self.notices
            );
            self.serve();
        }
    }

    /// The peers that were heard, in order.
    fn heard(&self) -> Vec<PeerId> {
        self.received
            .iter()
            .filter_map(|received| match received {
                Received::Message { from, .. } => Some(*from),
                _ => None,
            })
            .collect()
    }
}

struct Peer(Socket);

impl Peer {
    fn send(&self, body: Body) {
        let mut header = Vec::new();
        let message = Message { sequence: 1, body };
        message.encode_header(&mut header);
        self.0.send(header, 0).unwrap();
    }

    fn greet(&self) {
        self.send(Body::Hello(Hello {
            endpoint: "tcp://127.0.0.1:9".to_owned(),
            groups: vec![GroupName::new("CHAT").unwrap()],
            status: 1,
            name: Name::new("peer").unwrap(),
            headers: Headers::default(),
            left_out: 0,
        }));
    }

    fn multipart(&self, frames: &[&[u8]]) {
        self.0.send_multipart(frames, 0).unwrap();
    }
}

fn id(octet: u8) -> PeerId {
    PeerId::from_bytes([octet; 16])
}

const WHISPER: &[u8] = &[0xaa, 0xa1, 2, 2, 0, 2];

#[test]
fn a_hello_is_told_with_both_ends_of_its_connection() {
    let mut desk = Desk::new(&Limits::default());
    let peer = desk.peer(1);
    peer.greet();
    desk.serve_until("a HELLO", |desk| !desk.received.is_empty());
    let Received::Message { from, via, message } = &desk.received[0] else {
        panic!("{:?}", desk.received)
    };
    assert_eq!(*from, id(1));
    assert!(matches!(&message.body, Body::Hello(hello) if *hello.name == *"peer"));
    let here = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    assert_eq!((via.remote, via.local), (here, here));
}

#[test]
fn content_of_many_frames_comes_whole_and_unchanged() {
    let mut desk = Desk::new(&Limits::default());
    let peer = desk.peer(1);
    let large = vec![7; 1 << 20];
    peer.multipart(&[WHISPER, b"one", &large, b""]);
    desk.serve_until("a WHISPER", |desk| !desk.received.is_empty());
    let Received::Message { message, .. } = &desk.received[0] else {
        panic!("{:?}", desk.received)
    };
    let frames: Vec<&[u8]> = message
        .body
        .content()
        .unwrap()
        .frames()
        .map(|f| &**f)
        .collect();
    assert_eq!(frames, [b"one", &large[..], b""]);
}

#[test]
fn a_message_with_too_many_frames_is_dropped_whole_and_the_next_one_understood() {
    let limits = Limits {
        frames: 3,
        ..Limits::default()
    };
    let mut desk = Desk::new(&limits);
    let peer = desk.peer(1);
    peer.multipart(&[WHISPER, b"1", b"2", b"3", b"4", b"5"]);
    peer.multipart(&[WHISPER, b"1", b"2", b"3"]);
    desk.serve_until("both", |desk| desk.received.len() == 2);
    assert!(matches!(desk.received[0], Received::Malformed { from } if from == id(1)));
    assert!(matches!(desk.received[1], Received::Message { .. }));
}

#[test]
fn what_is_hidden_behind_a_message_without_content_is_not_read_as_the_next_message() {
    let mut desk = Desk::new(&Limits::default());
    let peer = desk.peer(1);
    peer.multipart(&[
        &[0xaa, 0xa1, 6, 2, 0, 2],
        &id(2).routing_id(),
        WHISPER,
        b"forged",
    ]);
    peer.multipart(&[&[0xaa, 0xa1, 6, 2, 0, 3]]);
    desk.serve_until("both", |desk| desk.received.len() == 2);
    assert!(matches!(desk.received[0], Received::Malformed { from } if from == id(1)));
    assert!(matches!(desk.received[1], Received::Message { from, .. } if from == id(1)));
}

#[test]
fn routing_ids_of_any_other_form_are_bad_origins() {
    let mut desk = Desk::new(&Limits::default());
    let others: [&[u8]; 4] = [b"", b"bob", &[1; 16], &[2; 17]];
    let peers: Vec<Peer> = others.iter().map(|name| desk.named(name)).collect();
    for peer in &peers {
        peer.send(Body::Ping);
    }
    desk.serve_until("all four", |desk| desk.received.len() == 4);
    assert!(
        desk.received
            .iter()
            .all(|received| matches!(received, Received::BadOrigin))
    );
}

#[test]
fn the_end_of_a_connection_is_told_after_everything_that_came_over_it() {
    let mut desk = Desk::new(&Limits::default());
    let peer = desk.peer(1);
    peer.greet();
    for _ in 0..500 {
        peer.multipart(&[WHISPER, b"hello"]);
    }
    peer.0.set_linger(5_000).unwrap();
    drop(peer);
    desk.serve_until("the end", |desk| {
        desk.notices.contains(&Notice::Broken(id(1)))
    });
    assert_eq!(desk.received.len(), 501);
    assert_eq!(desk.notices, [Notice::Broken(id(1))]);
}

#[test]
fn a_peer_that_has_opened_its_connection_again_is_not_told_to_be_broken_again() {
    let mut desk = Desk::new(&Limits::default());
    let peer = desk.peer(1);
    peer.greet();
    desk.serve_until("HELLO", |desk| desk.received.len() == 1);
    drop(peer);
    desk.serve_until("the end", |desk| {
        desk.notices.contains(&Notice::Broken(id(1)))
    });
    let again = desk.peer(1);
    again.send(Body::Ping);
    desk.serve_until("PING", |desk| desk.received.len() == 2);
    assert!(!desk.inbox.watch.is_lost(id(1)));
    drop(again);
    desk.serve_until("the second end", |desk| desk.notices.len() == 2);
    assert_eq!(desk.notices, [Notice::Broken(id(1)); 2]);
}

#[test]
fn trap_16_a_second_connection_under_one_id_does_not_take_the_place_of_the_first() {
    let mut desk = Desk::new(&Limits::default());
    let honest = desk.peer(1);
    honest.greet();
    desk.serve_until("HELLO", |desk| desk.received.len() == 1);
    let forger = desk.peer(1);
    forger.greet();
    desk.serve_until("the question", |desk| !desk.notices.is_empty());
    assert_eq!(desk.notices, [Notice::Unheard(Ipv4Addr::LOCALHOST.into())]);
    for _ in 0..500 {
        honest.multipart(&[WHISPER, b"honest"]);
        forger.multipart(&[WHISPER, b"forged"]);
    }
    desk.serve_until("500 messages", |desk| desk.received.len() >= 501);
    for _ in 0..50 {
        desk.serve();
    }
    assert_eq!(desk.received.len(), 501);
    assert!(!format!("{:?}", desk.received).contains("forged"));
}

#[test]
fn trap_16_with_handover_a_connection_that_is_opened_again_is_heard() {
    let mut desk = Desk::new(&Limits::default());
    let first = desk.peer(1);
    first.greet();
    desk.serve_until("HELLO", |desk| desk.received.len() == 1);
    desk.inbox.set_handover(true);
    let again = desk.peer(1);
    again.greet();
    desk.serve_until("the second HELLO", |desk| desk.received.len() == 2);
    desk.inbox.set_handover(false);
    drop(first);
    again.send(Body::Ping);
    desk.serve_until("PING", |desk| desk.received.len() == 3);
    assert_eq!(desk.notices, [], "the peer is there all the time");
    drop(again);
    desk.serve_until("the end", |desk| desk.notices == [Notice::Broken(id(1))]);
}

#[test]
fn trap_16_an_honest_connection_that_was_put_aside_is_heard_within_half_a_second_of_the_others_end()
{
    let mut desk = Desk::new(&Limits::default());
    let forger = desk.peer(1);
    forger.greet();
    desk.serve_until("the forged HELLO", |desk| desk.received.len() == 1);
    let honest = desk.peer(1);
    honest.greet();
    desk.serve_until("the question", |desk| !desk.notices.is_empty());
    drop(forger);
    let since = Instant::now();
    desk.serve_until("its end", |desk| {
        desk.notices.contains(&Notice::Broken(id(1)))
    });
    honest.send(Body::Ping);
    desk.serve_until("the honest one", |desk| desk.received.len() == 2);
    let took = since.elapsed();
    assert!(took < Duration::from_millis(500), "{took:?}");
    assert!(desk.notices.contains(&Notice::ClosedUnheard));
}

#[test]
fn connections_that_say_nothing_are_asked_about_and_then_shut() {
    let mut desk = Desk::new(&Limits::default());
    let mut no_handshake = TcpStream::connect(desk.address()).unwrap();
    let silent = desk.peer(1);
    let peer = desk.peer(2);
    peer.greet();
    let here = Ipv4Addr::LOCALHOST.into();
    desk.serve_until("two questions", |desk| {
        desk.notices == [Notice::Unheard(here); 2]
    });
    desk.serve_until("shut", |desk| desk.notices.contains(&Notice::ClosedUnheard));
    no_handshake.set_nonblocking(true).unwrap();
    desk.serve_until("the end of the other", |_| {
        let mut greeting = [0; 64];
        io::Read::read(&mut (&no_handshake), &mut greeting).is_ok_and(|octets| octets == 0)
    });
    no_handshake.set_nonblocking(false).unwrap();
    assert!(io::Write::write(&mut no_handshake, b"x").is_ok());
    // Whoever was shut is heard as soon as it has something to say.
    silent.greet();
    desk.serve_until("both peers", |desk| desk.received.len() == 2);
}

#[test]
fn trap_18_an_address_has_so_many_connections_and_no_more_until_one_of_them_ends() {
    let limits = Limits {
        connections_per_address: 3,
        ..Limits::default()
    };
    let mut desk = Desk::new(&limits);
    let mut peers: Vec<(PeerId, Peer)> =
        (1..=5).map(|octet| (id(octet), desk.peer(octet))).collect();
    for (_, peer) in &peers {
        peer.greet();
    }
    let refused = |desk: &Desk| {
        desk.notices
            .iter()
            .filter(|notice| **notice == Notice::Refused)
            .count()
    };
    desk.serve_until("three heard, two refused again and again", |desk| {
        desk.received.len() >= 3 && refused(desk) >= 6
    });
    let heard = desk.heard();
    assert_eq!(heard.len(), 3);
    peers.retain(|(id, _)| *id != heard[0]);
    desk.serve_until("one more", |desk| desk.received.len() > 3);
    let before = refused(&desk);
    desk.serve_until("the last refused", |desk| refused(desk) > before + 1);
    assert_eq!(desk.received.len(), 4);
}
