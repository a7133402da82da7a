//! An inbox against DEALERs and raw TCP of the test's own, over loopback.

use std::time::Duration;

use super::*;

use crate::zre::ticket::Proof;
use crate::zre::{Body, GroupName, Headers, Hello, Name};
use std::net::Ipv4Addr;

/// An inbox, served as the mesh thread does it, and a context for the peers of a test.
struct Desk {
    inbox: Inbox,
    outside: zmq::Context,
    received: Vec<Received>,
    notices: Vec<Notice>,
}

impl Desk {
    fn new(limits: &Limits) -> Self {
        let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST).into()];
        let mut inbox = Inbox::bind(OWN, &addresses, None, limits, 1_000).unwrap();
        inbox.tickets = || Ticket::from(TICKET);
        Self {
            inbox,
            outside: zmq::Context::new(),
            received: Vec::new(),
            notices: Vec::new(),
        }
    }

    fn peer(&self, octet: u8) -> Peer {
        self.named(&id(octet).routing_id())
    }

    fn named(&self, routing_id: &[u8]) -> Peer {
        let socket = self.outside.socket(zmq::DEALER).unwrap();
        socket.set_linger(0).unwrap();
        if !routing_id.is_empty() {
            socket.set_identity(routing_id).unwrap();
        }
        socket
            .connect(&format!("tcp://{}", self.address()))
            .unwrap();
        Peer(socket)
    }

    /// Plain TCP.
    fn stranger(&self) -> TcpStream {
        let stranger = TcpStream::connect(self.address()).unwrap();
        stranger.set_nonblocking(true).unwrap();
        stranger
    }

    fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.inbox.port()))
    }

    /// Serves the sockets for a moment.
    fn serve(&mut self) {
        let now = Instant::now();
        self.inbox.signalled = true;
        self.inbox.arrived = true;
        self.inbox.attend(now);
        for _ in 0..ROUNDS {
            self.inbox.begin_round();
            while let Some(received) = self.inbox.receive() {
                if let Received::Message { from, message, .. } = &received
                    && matches!(message.body, Body::Hello(_))
                {
                    self.inbox.entered(now, *from);
                }
                self.received.push(received);
            }
        }
        self.inbox.handle_timeout(now);
        self.notices
            .extend(std::iter::from_fn(|| self.inbox.take_notice()));
        std::thread::park_timeout(Duration::from_micros(200));
    }

    fn serve_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
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
        let from = |received: &Received| match received {
            Received::Message { from, .. } => Some(*from),
            _ => None,
        };
        self.received.iter().filter_map(from).collect()
    }

    /// Whether something of this peer waits to be read.
    fn has_unread(&self, peer: PeerId) -> bool {
        let mut streams = self.inbox.streams.values();
        let stream = streams.find(|stream| stream.peer == Some(peer)).unwrap();
        stream.socket.peek(&mut [0]).is_ok_and(|octets| octets > 0)
    }

    /// How often it was asked whether a peer may be behind another connection.
    fn questions(&self) -> usize {
        let is_unheard = |notice: &&Notice| matches!(notice, Notice::Unheard(..));
        self.notices.iter().filter(is_unheard).count()
    }

    /// The peers whose connections have ended, in order.
    fn broken(&self) -> Vec<PeerId> {
        let peer = |received: &Received| match received {
            Received::Broken { peer } => Some(*peer),
            _ => None,
        };
        self.received.iter().filter_map(peer).collect()
    }
}

/// Rounds of reading before the other things of a desk have their turn.
const ROUNDS: usize = 8;

struct Peer(zmq::Socket);

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

/// What a peer says first.
fn greeting() -> Vec<u8> {
    let mut octets = words();
    octets.truncate(64);
    octets
}

/// All that a ROUTER says in a handshake: the greeting, and READY.
fn words() -> Vec<u8> {
    let words = Words::of_a_router(&OWN.routing_id());
    let ready = words.to_with_ticket(zmtp::Version::Three, &Ticket::from(TICKET));
    [words.hail(), &ready].concat()
}

fn id(octet: u8) -> PeerId {
    PeerId::from_bytes([octet; 16])
}

/// Whose inbox it is, and the ticket that it gives to all.
const OWN: PeerId = PeerId::from_bytes([0xff; 16]);
const TICKET: [u8; 16] = *b"one of a mailbox";

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
    assert_eq!(
        (via.remote.map(|host| host.address), via.local),
        (here, here)
    );
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
fn a_message_with_too_many_frames_ends_its_connection_and_on_the_next_all_is_well() {
    let limits = Limits {
        frames: 3,
        ..Limits::default()
    };
    let mut desk = Desk::new(&limits);
    let peer = desk.peer(1);
    peer.multipart(&[WHISPER, b"1", b"2", b"3", b"4", b"5"]);
    desk.serve_until("the first", |desk| desk.received.len() == 1);
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
    desk.serve_until("the first", |desk| desk.received.len() == 1);
    peer.multipart(&[&[0xaa, 0xa1, 6, 2, 0, 3]]);
    desk.serve_until("both", |desk| desk.received.len() == 2);
    assert!(matches!(desk.received[0], Received::Malformed { from } if from == id(1)));
    assert!(matches!(desk.received[1], Received::Message { from, .. } if from == id(1)));
}

#[test]
fn whoever_has_a_routing_id_of_any_other_form_is_not_let_in() {
    let mut desk = Desk::new(&Limits::default());
    let others: [&[u8]; 4] = [b"", b"bob", &[1; 16], &[2; 17]];
    let peers: Vec<Peer> = others.iter().map(|name| desk.named(name)).collect();
    for peer in &peers {
        peer.send(Body::Ping);
    }
    desk.serve_until("all four", |desk| desk.notices.len() >= 4);
    assert!(
        desk.notices
            .iter()
            .all(|notice| *notice == Notice::BadOrigin)
    );
    assert!(desk.received.is_empty());
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
    desk.serve_until("the end", |desk| !desk.broken().is_empty());
    assert_eq!(desk.received.len(), 502);
    assert!(matches!(
        desk.received.last(),
        Some(Received::Broken { .. })
    ));
}

#[test]
fn each_end_of_a_connection_is_told_once() {
    let mut desk = Desk::new(&Limits::default());
    for times in 1..=3 {
        let peer = desk.peer(1);
        peer.greet();
        desk.serve_until("HELLO", |desk| desk.heard().len() == times);
        drop(peer);
        desk.serve_until("the end", |desk| desk.broken().len() == times);
    }
    for _ in 0..20 {
        desk.serve();
    }
    assert_eq!(desk.broken(), [id(1); 3]);
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
    assert_eq!(
        desk.notices,
        [Notice::Unheard(
            id(1),
            IpAddr::from(Ipv4Addr::LOCALHOST).into()
        )]
    );
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
fn trap_16_a_connection_that_is_opened_again_at_once_is_heard_as_soon_as_the_old_one_ends() {
    // Zyre does that after our second HELLO: nothing of it is lost, however the two overlap.
    let mut desk = Desk::new(&Limits::default());
    for _ in 0..100 {
        desk.received.clear();
        let first = desk.peer(1);
        first.greet();
        desk.serve_until("HELLO", |desk| desk.heard().len() == 1);
        let again = desk.peer(1);
        again.greet();
        again.send(Body::Ping);
        drop(first);
        desk.serve_until("the second HELLO", |desk| desk.heard().len() == 3);
        drop(again);
        desk.serve_until("both ends", |desk| desk.broken().len() == 2);
        desk.inbox.left(id(1));
    }
}

#[test]
fn before_anybody_has_entered_all_who_claim_to_be_somebody_are_heard() {
    // Whoever says nothing, or nothing of use, keeps nobody out.
    let mut desk = Desk::new(&Limits::default());
    let silent = desk.peer(1);
    let useless = desk.peer(1);
    useless.multipart(&[b"nonsense"]);
    desk.serve_until("nonsense", |desk| desk.received.len() == 1);
    let honest = desk.peer(1);
    honest.greet();
    desk.serve_until("HELLO", |desk| desk.heard().len() == 1);
    silent.greet();
    useless.greet();
    desk.serve_until("two questions", |desk| desk.questions() == 2);
    assert_eq!(desk.heard().len(), 1);
}

#[test]
fn after_a_peer_has_left_whoever_waits_under_its_id_is_heard() {
    let mut desk = Desk::new(&Limits::default());
    let first = desk.peer(1);
    first.greet();
    desk.serve_until("HELLO", |desk| desk.received.len() == 1);
    let other = desk.peer(1);
    other.greet();
    desk.serve_until("the question", |desk| !desk.notices.is_empty());
    desk.inbox.left(id(1));
    desk.serve_until("the other HELLO", |desk| desk.heard().len() == 2);
}

#[test]
fn a_peer_that_is_hung_up_is_not_told_as_broken_and_its_other_connection_is_heard() {
    let mut desk = Desk::new(&Limits::default());
    let first = desk.peer(1);
    first.greet();
    desk.serve_until("HELLO", |desk| desk.received.len() == 1);
    let again = desk.peer(1);
    again.greet();
    desk.serve_until("the question", |desk| !desk.notices.is_empty());
    desk.inbox.hang_up(
        Instant::now(),
        id(1),
        IpAddr::from(Ipv4Addr::LOCALHOST).into(),
    );
    desk.serve_until("the second HELLO", |desk| desk.heard().len() == 2);
    assert_eq!(desk.broken(), []);
}

#[test]
fn connections_that_say_nothing_are_ended() {
    // With half as many as there may be of an address, after five seconds.
    let mut desk = Desk::new(&Limits {
        connections_per_address: 4,
        ..Limits::default()
    });
    let no_handshake = desk.stranger();
    let silent = desk.peer(1);
    let peer = desk.peer(2);
    peer.greet();
    desk.serve_until("both ended", |desk| {
        desk.notices == [Notice::ClosedUnheard; 2]
    });
    let mut greeting = [0; 100];
    assert_eq!(
        (&no_handshake).read(&mut greeting).unwrap(),
        11,
        "our signature"
    );
    assert_eq!(
        (&no_handshake).read(&mut greeting).unwrap(),
        0,
        "and the end"
    );
    // Whoever was ended is heard as soon as it has something to say.
    silent.greet();
    desk.serve_until("both peers", |desk| desk.received.len() == 2);
}

#[test]
fn whatever_is_not_zmtp_is_ended() {
    let mut desk = Desk::new(&Limits::default());
    let wrong: [&[u8]; 4] = [
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xff; 4_096],
        b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0CURVE\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\x01\0",
    ];
    for (number, octets) in wrong.into_iter().enumerate() {
        let stranger = desk.stranger();
        (&stranger).write_all(octets).unwrap();
        if octets.len() > 16 && octets.len() < 64 {
            (&stranger).write_all(&[0; 64]).unwrap();
        }
        desk.serve_until("its end", |desk| desk.notices.len() == number + 1);
    }
    assert!(
        desk.notices
            .iter()
            .all(|notice| *notice == Notice::Violation)
    );
}

#[test]
fn trap_17_a_message_without_end_holds_no_more_than_its_share_and_is_ended() {
    let limits = Limits {
        unfinished_octets: 1 << 20,
        message_octets: 4 << 20,
        ..Limits::default()
    };
    let mut desk = Desk::new(&limits);
    let honest = desk.peer(1);
    honest.greet();
    let endless = desk.stranger();
    endless.set_nonblocking(false).unwrap();
    let mut handshake = greeting();
    let mut ready = b"\x05READY\x08Identity\0\0\0\x11".to_vec();
    ready.extend(id(2).routing_id());
    handshake.extend([4, u8::try_from(ready.len()).unwrap()]);
    handshake.extend(ready);
    (&endless).write_all(&handshake).unwrap();
    let mut frame = vec![3, 0, 0, 0, 0, 0, 0, 0x20, 0];
    frame.resize(9 + 0x2000, 7);
    let writer = std::thread::spawn(move || {
        let mut written = 0;
        while (&endless).write_all(&frame).is_ok() && written < 64 << 20 {
            written += frame.len();
        }
        written
    });
    desk.serve_until("its end", |desk| {
        desk.notices.contains(&Notice::TooMuchHeld)
    });
    assert!(desk.inbox.held <= limits.unfinished_octets);
    while !writer.is_finished() {
        desk.serve();
    }
    assert!(writer.join().unwrap() < 64 << 20);
    honest.send(Body::Ping);
    desk.serve_until("the honest one", |desk| desk.heard() == [id(1); 2]);
    assert!(desk.inbox.held < 1_000, "only what serves for the next");
}

#[test]
fn a_flood_does_not_delay_for_long_whoever_says_something_now_and_then() {
    let mut desk = Desk::new(&Limits::default());
    let honest = desk.peer(1);
    honest.greet();
    let flooding: Vec<Peer> = (2..=30).map(|octet| desk.peer(octet)).collect();
    for peer in &flooding {
        peer.0.set_sndhwm(0).unwrap();
    }
    for peer in &flooding {
        peer.greet();
        for _ in 0..20_000 {
            peer.multipart(&[WHISPER, b"flood"]);
        }
    }
    desk.serve_until("the flood", |desk| {
        desk.received.len() > 50_000 && desk.heard().contains(&id(1))
    });
    honest.send(Body::Ping);
    // The library's thread sends it, when it gets a processor.
    let deadline = Instant::now() + Duration::from_secs(20);
    while !desk.has_unread(id(1)) {
        assert!(Instant::now() < deadline, "the PING does not come");
        std::thread::park_timeout(Duration::from_millis(1));
    }
    let before = desk.received.len();
    let mut messages = 0;
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        desk.inbox.signalled = true;
        desk.inbox.begin_round();
        while let Some(received) = desk.inbox.receive() {
            messages += 1;
            if matches!(received, Received::Message { from, .. } if from == id(1)) {
                assert!(messages < 20_000, "{messages} before it, after {before}");
                return;
            }
        }
    }
    panic!("it is not heard at all");
}

#[test]
fn an_address_has_so_many_connections_and_no_more_until_one_of_them_ends() {
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
        let refusals = desk
            .notices
            .iter()
            .filter(|notice| **notice == Notice::Refused);
        refusals.count()
    };
    desk.serve_until("three heard, two refused again and again", |desk| {
        desk.received.len() >= 3 && refused(desk) >= 6
    });
    let heard = desk.heard();
    assert_eq!(heard.len(), 3);
    peers.retain(|(id, _)| *id != heard[0]);
    desk.serve_until("one more", |desk| desk.heard().len() > 3);
    let before = refused(&desk);
    desk.serve_until("the last refused", |desk| refused(desk) > before + 1);
    assert_eq!(desk.heard().len(), 4);
}

/// A connection from this address of the loopback network.
fn dial_from(local: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((local, 0)).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.into()
}

/// What somebody says as this peer: the handshake, with this proof, and a message.
fn speech(of: PeerId, proof: Option<&Proof>, header: &[u8]) -> Vec<u8> {
    let words = Words::of_a_dealer(&of.routing_id());
    let handshake = match proof {
        Some(proof) => words.to_with_proof(zmtp::Version::Three, proof),
        None => words.to(zmtp::Version::Three).to_vec(),
    };
    let mut all = [words.hail(), &handshake].concat();
    zmtp::frame_head(&mut all, 0, header.len());
    all.extend(header);
    all
}

fn header_of(sequence: u16, body: Body) -> Vec<u8> {
    let mut header = Vec::new();
    Message { sequence, body }.encode_header(&mut header);
    header
}

/// Goal: a second connection under a peer's id that proves to be of the same process is heard at once, from
/// another address and behind what the first one brought; one that proves nothing is not, nor is one with
/// the proof of another. Method: all from addresses of their own; the first connection stays open.
#[test]
fn a_second_connection_is_heard_in_the_place_of_the_first_if_it_is_of_the_same_process() {
    let mut desk = Desk::new(&Limits::default());
    let hello = header_of(
        1,
        Body::Hello(Hello {
            endpoint: "tcp://127.0.0.1:9".to_owned(),
            groups: Vec::new(),
            status: 0,
            name: Name::new("peer").unwrap(),
            headers: Headers::default(),
            left_out: 0,
        }),
    );
    let place = desk.address();
    let mut first = dial_from(Ipv4Addr::new(127, 0, 0, 2), place);
    first.write_all(&speech(id(1), None, &hello)).unwrap();
    desk.serve_until("HELLO", |desk| desk.heard() == [id(1)]);
    // All connections are given the same ticket here: what is shown is made for that.
    let given = Ticket::from(TICKET);
    let elsewhere = SocketAddr::new(place.ip(), place.port() ^ 1);
    let ping = header_of(3, Body::Ping);
    let wrong = [None, Some(given.prove(&given, elsewhere))];
    let strangers = wrong.map(|proof| {
        let mut stranger = dial_from(Ipv4Addr::new(127, 0, 0, 3), place);
        let said = speech(id(1), proof.as_ref(), &ping);
        stranger.write_all(&said).unwrap();
        stranger
    });
    desk.serve_until("both wait", |desk| desk.questions() == 2);
    assert_eq!(desk.heard().len(), 1);
    let whisper = header_of(2, Body::PingOk);
    let mut late = Vec::new();
    zmtp::frame_head(&mut late, 0, whisper.len());
    late.extend(whisper);
    first.write_all(&late).unwrap();
    let mut second = dial_from(Ipv4Addr::new(127, 0, 0, 4), place);
    let proof = given.prove(&given, place);
    second
        .write_all(&speech(id(1), Some(&proof), &ping))
        .unwrap();
    desk.serve_until("both are read", |desk| desk.heard().len() == 3);
    let told: Vec<&Received> = desk.received.iter().skip(1).collect();
    let [
        Received::Message {
            message: before, ..
        },
        Received::Reopened { peer, remote },
        Received::Message { message: after, .. },
    ] = told[..]
    else {
        panic!("{told:?}");
    };
    assert_eq!((before.sequence, after.sequence), (2, 3));
    assert_eq!(*peer, id(1));
    assert_eq!(remote.address, IpAddr::from([127, 0, 0, 4]));
    first.set_nonblocking(false).unwrap();
    first
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut rest = Vec::new();
    // It may be reset, too.
    let _ended = first.read_to_end(&mut rest);
    drop(strangers);
    assert_eq!(desk.broken(), [], "nor is that an end");
}

#[test]
fn a_ping_is_answered() {
    let mut desk = Desk::new(&Limits::default());
    let stranger = desk.stranger();
    let mut question = greeting();
    question.extend(b"\x04\x24\x05READY\x08Identity\0\0\0\x11");
    question.extend(id(1).routing_id());
    question.extend(b"\x04\x0b\x04PING\0\x0acont\x04\x04\x03NEW");
    (&stranger).write_all(&question).unwrap();
    let expected = [words(), zmtp::pong(b"cont")].concat();
    let mut answers = vec![0; 300];
    let enough = expected.len();
    desk.serve_until("PONG", |_| {
        stranger.peek(&mut [0; 300]).is_ok_and(|has| has >= enough)
    });
    let length = (&stranger).read(&mut answers).unwrap();
    assert_eq!(answers[..length], expected);
}
