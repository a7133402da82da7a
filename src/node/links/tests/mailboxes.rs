//! Mailboxes that are anything but well: what they do costs little, and is noticed.

use std::io::{Read as _, Write as _};

use super::*;
use crate::node::zmtp::{Version, ping, pong};
use crate::zre::ticket::Ticket;

/// Accepts the next connection, and shakes hands as a ROUTER.
pub(super) fn admit(ours: &mut Ours, at: &TcpListener) -> TcpStream {
    let mut stream = accept(ours, at);
    let words = Words::of_a_router(b"");
    stream.write_all(words.hail()).unwrap();
    stream.write_all(words.to(Version::Three)).unwrap();
    // Greeting and READY, which shows 17 octets of a routing id.
    let length = 64 + words.to(Version::Three).len() - 53 + 17;
    read_exactly(ours, &mut stream, length);
    stream
}

/// The same in the place of an earlier connection: it is asked whether it reads, and answers.
fn admit_again(ours: &mut Ours, at: &TcpListener) -> TcpStream {
    let mut stream = admit(ours, at);
    asked(ours, &mut stream);
    stream.write_all(&pong(b"")).unwrap();
    stream
}

fn asked(ours: &mut Ours, stream: &mut TcpStream) {
    let ping = ping();
    assert_eq!(read_exactly(ours, stream, ping.len()), ping);
}

pub(super) fn accept(ours: &mut Ours, at: &TcpListener) -> TcpStream {
    at.set_nonblocking(true).unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        match at.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(true).unwrap();
                return stream;
            }
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
        assert!(Instant::now() < deadline, "nobody comes");
        ours.serve(Duration::from_millis(1));
    }
}

pub(super) fn read_exactly(ours: &mut Ours, from: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut octets = vec![0; length];
    let mut come = 0;
    let deadline = Instant::now() + PATIENCE;
    while come < length {
        match from.read(&mut octets[come..]) {
            Ok(0) => panic!("ended after {come} of {length} octets"),
            Ok(more) => come += more,
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
        assert!(Instant::now() < deadline, "{come} of {length} octets");
        ours.serve(Duration::ZERO);
    }
    octets
}

pub(super) fn read_to_end(from: &mut TcpStream) -> usize {
    from.set_nonblocking(false).unwrap();
    from.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut all = Vec::new();
    from.read_to_end(&mut all).unwrap()
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let place = listener.local_addr().unwrap();
    (listener, place)
}

/// Ours, connected to a mailbox that does not read by itself.
fn met(budget: usize) -> (Ours, TcpListener, TcpStream) {
    let (listener, place) = listener();
    let mut ours = Ours::new(budget);
    ours.connect(place);
    let far = admit(&mut ours, &listener);
    (ours, listener, far)
}

#[test]
fn our_version_is_said_at_once_the_greeting_when_theirs_is_known_and_ready_after_theirs() {
    let (listener, place) = listener();
    let mut ours = Ours::new(1 << 20);
    ours.connect(place);
    assert!(matches!(
        ours.send(message(1, Body::Ping), false),
        Sent::Queued
    ));
    let mut far = accept(&mut ours, &listener);
    let routing_id = PeerId::from_bytes([0xab; 16]).routing_id();
    let words = Words::of_a_dealer(&routing_id);
    assert_eq!(read_exactly(&mut ours, &mut far, 11), words.hail());
    ours.serve_for(Duration::from_millis(10));
    assert!(far.read(&mut [0; 1]).is_err(), "it waits for our version");
    let theirs = Words::of_a_router(b"");
    far.write_all(theirs.hail()).unwrap();
    let greeting = Words::greeting_rest();
    assert_eq!(read_exactly(&mut ours, &mut far, greeting.len()), greeting);
    ours.serve_for(Duration::from_millis(10));
    assert!(far.read(&mut [0; 1]).is_err(), "it waits for our READY");
    far.write_all(theirs.to(Version::Three)).unwrap();
    let ping = [0, 6, 0xaa, 0xa1, 6, 2, 0, 1];
    let rest = [words.ready(), &ping].concat();
    assert_eq!(read_exactly(&mut ours, &mut far, rest.len()), rest);
}

#[test]
fn zmtp_2_is_spoken_to_those_that_speak_it() {
    let (listener, place) = listener();
    let mut ours = Ours::new(1 << 20);
    ours.connect(place);
    assert!(matches!(
        ours.send(message(1, Body::Ping), false),
        Sent::Queued
    ));
    let mut far = accept(&mut ours, &listener);
    // Signature, version, ROUTER, and no routing id.
    far.write_all(b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x06\0\0")
        .unwrap();
    let routing_id = PeerId::from_bytes([0xab; 16]).routing_id();
    let ping = [0, 6, 0xaa, 0xa1, 6, 2, 0, 1];
    let words = Words::of_a_dealer(&routing_id);
    let all = [words.hail(), &[5, 0, 17], &routing_id, &ping].concat();
    assert_eq!(read_exactly(&mut ours, &mut far, all.len()), all);
}

#[test]
fn what_was_cut_off_begins_anew_on_the_next_connection_and_nothing_else_twice() {
    let (mut ours, listener, mut far) = met(64 << 20);
    for number in 0..40 {
        let content = Content::new(vec![b'x'; 1_000_000]);
        assert!(matches!(ours.whisper(number, content), Sent::Queued));
    }
    let message = 8 + 9 + 1_000_000;
    read_exactly(&mut ours, &mut far, 2 * message + 500_000);
    ours.serve_for(Duration::from_millis(50));
    let unsent = ours.links.links[&LINK].queue.contents();
    drop(far);
    let mut far = admit_again(&mut ours, &listener);
    // The first message of which the other side has not all is the first one here.
    let unwritten = 40 - u16::try_from(unsent).unwrap();
    let octets = read_exactly(&mut ours, &mut far, message);
    let first = u16::from_be_bytes([octets[6], octets[7]]);
    for number in first + 1..40 {
        let octets = read_exactly(&mut ours, &mut far, message);
        assert_eq!(octets[..6], [1, 6, 0xaa, 0xa1, 2, 2]);
        assert_eq!(octets[6..8], number.to_be_bytes());
    }
    assert!(first <= unwritten, "{first} of {unwritten}");
    assert!((2..39).contains(&first), "{first}");
}

/// Goal: what goes to a mailbox that does not read is not lost when that ends the connection. Method: the
/// second connection is accepted and never read, as one is that waits for the end of the first, though the
/// system takes all that comes; the third one is read.
#[test]
fn nothing_is_sent_on_a_later_connection_before_it_is_known_to_be_read() {
    let (mut ours, listener, far) = met(1 << 20);
    drop(far);
    let mut unread = admit(&mut ours, &listener);
    assert!(matches!(
        ours.send(message(1, Body::Ping), false),
        Sent::Queued
    ));
    asked(&mut ours, &mut unread);
    ours.serve_for(Duration::from_millis(10));
    assert!(unread.read(&mut [0; 1]).is_err(), "it has not answered");
    drop(unread);
    let mut far = admit_again(&mut ours, &listener);
    let said = [0, 6, 0xaa, 0xa1, 6, 2, 0, 1];
    assert_eq!(read_exactly(&mut ours, &mut far, said.len()), said);
}

/// What one of our mailboxes says when it is dialled.
fn mailbox(of: PeerId, ticket: &Ticket) -> Vec<u8> {
    let words = Words::of_a_router(&of.routing_id());
    let ready = words.to_with_ticket(Version::Three, ticket);
    [words.hail(), &ready].concat()
}

/// Goal: a later connection shows the ticket of the last one that was read, sealed for itself, and none before
/// it knows its own; one that was not read leaves no ticket. Method: the second connection is never read.
#[test]
fn a_later_connection_proves_that_it_is_of_the_same_process() {
    let (listener, place) = listener();
    let mut ours = Ours::new(1 << 20);
    let owner = PeerId::from_bytes([0xcd; 16]);
    let tickets = [1, 2, 3].map(|octet| Ticket::from([octet; 16]));
    let to = zre::Link::plain(place, None);
    ours.links.connect(Instant::now(), LINK, Some(owner), &to);
    let own = PeerId::from_bytes([0xab; 16]).routing_id();
    let dealer = Words::of_a_dealer(&own);
    let mut first = accept(&mut ours, &listener);
    first.write_all(&mailbox(owner, &tickets[0])).unwrap();
    let said = [dealer.hail(), dealer.to(Version::Three)].concat();
    assert_eq!(read_exactly(&mut ours, &mut first, said.len()), said);
    drop(first);
    for next in &tickets[1..] {
        let mut far = accept(&mut ours, &listener);
        // The greeting alone is not enough: the ticket is in READY.
        let theirs = mailbox(owner, next);
        let (greeting, ready) = theirs.split_at(64);
        far.write_all(greeting).unwrap();
        ours.serve_for(Duration::from_millis(10));
        let all = [dealer.hail(), Words::greeting_rest()].concat();
        assert_eq!(read_exactly(&mut ours, &mut far, all.len()), all);
        assert!(far.read(&mut [0; 1]).is_err(), "it waits for its ticket");
        far.write_all(ready).unwrap();
        let proof = tickets[0].prove(next, place);
        let said = [dealer.to_with_proof(Version::Three, &proof), ping()].concat();
        let said = &said[Words::greeting_rest().len()..];
        assert_eq!(read_exactly(&mut ours, &mut far, said.len()), said);
    }
}

#[test]
fn nothing_is_sent_to_whoever_else_has_got_a_peers_place() {
    let (listener, place) = listener();
    let mut ours = Ours::new(1 << 20);
    let (owner, other) = ([1; 16], [2; 16]);
    let (owner, other) = (PeerId::from_bytes(owner), PeerId::from_bytes(other));
    let to = zre::Link::plain(place, None);
    ours.links.connect(Instant::now(), LINK, Some(owner), &to);
    assert!(matches!(
        ours.send(message(1, Body::Ping), false),
        Sent::Queued
    ));
    let ticket = Ticket::from([1; 16]);
    let mut far = accept(&mut ours, &listener);
    far.write_all(&mailbox(other, &ticket)).unwrap();
    ours.serve_until("found out", |ours| {
        ours.has_seen(News::Another(LINK, other))
    });
    // Not even our READY.
    assert!(read_to_end(&mut far) <= 64);
    let words = Words::of_a_dealer(&PeerId::from_bytes([0xab; 16]).routing_id());
    let all = words.hail().len() + words.to(Version::Three).len();
    // The peer itself, back at its place, gets what waits.
    let mut far = accept(&mut ours, &listener);
    far.write_all(&mailbox(owner, &ticket)).unwrap();
    let said = [0, 6, 0xaa, 0xa1, 6, 2, 0, 1];
    let all = read_exactly(&mut ours, &mut far, all + said.len());
    assert!(all.ends_with(&said));
    assert!(ours.has_seen(News::Connected(LINK)));
}

/// Who speaks ZMTP 3.0 knows no PING, and is sent everything at once.
#[test]
fn who_knows_no_ping_is_not_asked() {
    let (mut ours, listener, far) = met(1 << 20);
    drop(far);
    let mut far = accept(&mut ours, &listener);
    let words = Words::of_a_router(b"");
    let mut theirs = [words.hail(), words.to(Version::Three)].concat();
    theirs[11] = 0;
    far.write_all(&theirs).unwrap();
    assert!(matches!(
        ours.send(message(1, Body::Ping), false),
        Sent::Queued
    ));
    let routing_id = PeerId::from_bytes([0xab; 16]).routing_id();
    let words = Words::of_a_dealer(&routing_id);
    let said = [0, 6, 0xaa, 0xa1, 6, 2, 0, 1];
    let all = [words.hail(), words.to(Version::Three), &said].concat();
    assert_eq!(read_exactly(&mut ours, &mut far, all.len()), all);
}

#[test]
fn the_end_of_a_process_is_told_at_once_and_the_end_of_a_connection_is_not() {
    let (mut ours, listener, far) = met(1 << 20);
    drop(far);
    // Somebody is still there, and takes what it is asked first.
    let far = admit_again(&mut ours, &listener);
    ours.serve_for(Duration::from_millis(50));
    let met = News::Met(LINK);
    assert_eq!(ours.seen, [met, met, News::Connected(LINK)]);
    // A moment later, it may be dialled again at once.
    ours.serve_for(Duration::from_millis(2_100));
    drop((listener, far));
    // A round takes a millisecond where nothing happens: a dial that waits for its turn, a tenth of a second
    // at least, would take a hundred. (Time itself says nothing where this thread gets no processor.)
    let mut rounds = 0;
    while !ours.has_seen(News::Refused(LINK)) {
        rounds += 1;
        assert!(rounds < 50, "too late: {:?}", ours.seen);
        ours.serve(Duration::from_millis(1));
    }
}

#[test]
fn a_process_that_closes_its_connection_before_its_listener_is_told_as_well() {
    let (mut ours, listener, far) = met(1 << 20);
    drop(far);
    drop(accept(&mut ours, &listener));
    drop(listener);
    ours.serve_until("refused", |ours| ours.has_seen(News::Refused(LINK)));
}

#[test]
fn that_nobody_listens_is_told_of_whoever_was_never_there_too() {
    let (listener, place) = listener();
    drop(listener);
    let mut ours = Ours::new(1 << 20);
    ours.connect(place);
    ours.serve_until("refused", |ours| ours.has_seen(News::Refused(LINK)));
}

#[test]
fn who_accepts_a_connection_and_does_not_shake_hands_is_waited_for_and_then_dialled_again() {
    let (listener, place) = listener();
    let mut ours = Ours::new(1 << 20);
    ours.connect(place);
    let mut far = accept(&mut ours, &listener);
    ours.serve_until("it is met", |ours| ours.has_seen(News::Met(LINK)));
    let hail = Words::of_a_dealer(&[]).hail().len();
    read_exactly(&mut ours, &mut far, hail);
    ours.links.attend(Instant::now() + Duration::from_secs(10));
    assert!(far.read(&mut [0; 1]).is_err(), "it may still be answered");
    ours.links.attend(Instant::now() + Duration::from_secs(21));
    assert_eq!(read_to_end(&mut far), 0);
    ours.links.attend(Instant::now() + Duration::from_secs(60));
    accept(&mut ours, &listener);
}

#[test]
fn pings_are_answered_while_little_waits() {
    let (mut ours, _listener, mut far) = met(1 << 20);
    far.write_all(b"\x04\x0a\x04PING\0\x0aabc").unwrap();
    assert_eq!(
        read_exactly(&mut ours, &mut far, 10),
        b"\x04\x08\x04PONGabc"
    );
}

/// Whether the connection is ended, and the link takes no content any more.
fn is_given_up(mut ours: Ours, mut far: TcpStream) {
    ours.serve_until("given up", |ours| ours.has_seen(News::Violation));
    assert!(matches!(
        ours.whisper(1, Content::new("lost")),
        Sent::Full(_)
    ));
    assert!(matches!(
        ours.send(message(1, Body::Ping), false),
        Sent::Queued
    ));
    ours.serve_for(Duration::from_millis(300));
    assert_eq!(ours.links.poll_timeout(), None, "it is not dialled again");
    far.set_nonblocking(false).unwrap();
    far.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut octets = [0; 4_096];
    while far.read(&mut octets).is_ok_and(|octets| octets > 0) {}
}

#[test]
fn a_mailbox_that_sends_a_message_is_given_up() {
    for message in [&b"\0\0"[..], b"\x01\x05", b"\x02\0\0\0\0\0\0\0\x01"] {
        let (ours, _listener, mut far) = met(1 << 20);
        far.write_all(message).unwrap();
        is_given_up(ours, far);
    }
}

#[test]
fn a_mailbox_that_says_ready_without_end_is_given_up() {
    let (ours, _listener, mut far) = met(1 << 20);
    far.set_nonblocking(false).unwrap();
    let ready = &Words::of_a_router(b"").to(Version::Three)[53..].to_vec();
    far.write_all(&ready.repeat(300)).unwrap();
    is_given_up(ours, far);
}

#[test]
fn what_is_no_mailbox_is_given_up() {
    for wrong in [
        &b"HTTP/1.1 400 Bad Request\r\n"[..],
        b"\xff\0\0\0\0\0\0\0\x01\x7f\0",
    ] {
        let (listener, place) = listener();
        let mut ours = Ours::new(1 << 20);
        ours.connect(place);
        let mut far = accept(&mut ours, &listener);
        far.write_all(wrong).unwrap();
        is_given_up(ours, far);
    }
}

#[test]
fn a_mailbox_that_ends_each_connection_at_once_is_not_dialled_more_often_for_that() {
    let (listener, place) = listener();
    let mut ours = Ours::new(1 << 20);
    ours.connect(place);
    listener.set_nonblocking(true).unwrap();
    let begun = Instant::now();
    let (mut dials, deadline) = (0, begun + Duration::from_secs(2));
    // The third dial may be late where this thread gets no processor for a while.
    let is_late = |dials: u32| dials < 3 && Instant::now() < begun + PATIENCE;
    while Instant::now() < deadline || is_late(dials) {
        while let Ok((mut stream, _)) = listener.accept() {
            dials += 1;
            let words = Words::of_a_router(b"");
            let _gone = stream
                .write_all(words.hail())
                .and_then(|()| stream.write_all(words.to(Version::Three)));
            ours.serve(Duration::from_millis(1));
        }
        ours.serve(Duration::from_millis(1));
    }
    assert!((3..=12).contains(&dials), "{dials} dials in two seconds");
}

#[test]
fn an_idle_link_holds_no_buffer() {
    let (mut ours, _listener, mut far) = met(8 << 20);
    for number in 0..1_000 {
        let content = Content::new(vec![b'x'; 1_000]);
        assert!(matches!(ours.whisper(number, content), Sent::Queued));
    }
    read_exactly(&mut ours, &mut far, 1_000 * (8 + 9 + 994 + 6));
    ours.serve_until("all is written, and has arrived", |ours| {
        ours.links.links[&LINK].queue.held() < 4_096
    });
    assert_eq!(ours.links.links[&LINK].queue.cost(), 0);
}

/// Goal: many that take nothing cost no more than is allowed to all together, and who takes something
/// has its part. Method: forty mailboxes that read nothing, one that does, and whispers to all.
#[test]
fn what_is_queued_to_all_together_is_bounded_and_who_reads_gets_what_it_is_sent() {
    let limits = Limits {
        queued_octets: 400 << 10,
        queued_octets_in_all: 1 << 20,
        ..Limits::default()
    };
    let mut ours = Ours {
        links: Links::new(PeerId::from_bytes([0xab; 16]), &limits, 1).unwrap(),
        seen: Vec::new(),
    };
    let (listener, at) = listener();
    let deaf: Vec<(LinkId, TcpStream)> = (100..140)
        .map(|number| {
            let id = LinkId(number);
            let to = zre::Link::plain(at, None);
            ours.links.connect(Instant::now(), id, None, &to);
            (id, admit(&mut ours, &listener))
        })
        .collect();
    ours.connect(at);
    let mut reader = admit(&mut ours, &listener);
    let content = |size| Content::new(vec![b'x'; size]);
    for number in 0..1_000 {
        for (id, _) in &deaf {
            let whisper = message(
                number,
                Body::Whisper {
                    content: content(1_000),
                },
            );
            let _full = ours.links.send(Instant::now(), *id, whisper, true);
        }
        ours.serve(Duration::ZERO);
    }
    let queued: u64 = ours
        .links
        .links
        .values()
        .map(|link| link.queue.cost())
        .sum();
    assert_eq!(queued, ours.links.tools.queued, "it is counted");
    assert!(queued >= 1 << 20, "there is no room any more: {queued}");
    assert!(queued <= 2 << 20, "{queued} octets wait");
    let mut length = 0;
    for number in 0..100 {
        while let Sent::Full(_) = ours.whisper(number, content(10_000)) {
            length += reader.read(&mut vec![0; 100_000]).unwrap_or(0);
            ours.serve(Duration::from_millis(1));
        }
    }
    let deadline = Instant::now() + PATIENCE;
    while length < 100 * 10_000 {
        length += reader.read(&mut vec![0; 100_000]).unwrap_or(0);
        assert!(Instant::now() < deadline, "{length} octets");
        ours.serve(Duration::from_millis(1));
    }
    for (id, _) in &deaf {
        ours.links.disconnect(*id);
    }
    ours.links.disconnect(LINK);
    assert_eq!(ours.links.tools.queued, 0);
}
