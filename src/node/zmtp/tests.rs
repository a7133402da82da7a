//! Octets as they may come, in pieces of any size.

use proptest::prelude::*;

use super::checks::Way;
use super::pieces::AT_ONCE;
use super::words::command;
use super::*;

/// Everything that is complete after these pieces, and how the connection ended, if it did.
fn read(pieces: &[&[u8]], limits: &Limits) -> (Vec<Item>, Option<Violation>) {
    read_by(pieces, limits, false)
}

/// The same; `direct` puts large frames to their place as [`Reader::room`] wants it.
fn read_by(pieces: &[&[u8]], limits: &Limits, direct: bool) -> (Vec<Item>, Option<Violation>) {
    let way = if direct { Way::Direct } else { Way::Plain };
    checks::read(Side::Router, pieces.iter().copied(), limits, way)
}

/// The same for a DEALER that only sends.
fn read_as_dealer(pieces: &[&[u8]]) -> (Vec<Item>, Option<Violation>) {
    let pieces = pieces.iter().copied();
    checks::read(Side::Dealer, pieces, &Limits::default(), Way::Plain)
}

fn greeting() -> [u8; GREETING] {
    let words = Words::of_a_router(b"");
    let all = [words.hail(), words.to(Version::Three)].concat();
    *all.first_chunk().unwrap()
}

fn handshake() -> Vec<u8> {
    let mut octets = greeting().to_vec();
    octets.extend(command(
        b"READY",
        b"\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\x03bob",
    ));
    octets
}

fn frame(flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut octets = if payload.len() < 256 && flags & LONG == 0 {
        vec![flags, u8::try_from(payload.len()).unwrap()]
    } else {
        let mut head = vec![flags | LONG];
        head.extend((payload.len() as u64).to_be_bytes());
        head
    };
    octets.extend(payload);
    octets
}

fn message(frames: &[&[u8]]) -> Item {
    Item::Message(frames.iter().map(|frame| Frame::copy_of(frame)).collect())
}

/// A conversation with a bit of everything, and what it means.
fn conversation() -> (Vec<u8>, Vec<Item>) {
    let long = vec![7; 70_000];
    let octets = [
        handshake(),
        frame(0, b"alone"),
        frame(MORE, b"first"),
        frame(MORE, b""),
        frame(0, &long),
        command(b"PING", b"\0\x0acontext of more than sixteen"),
        frame(MORE | LONG, b"short, but with a long length"),
        // Commands may come between the frames of a message.
        command(b"SUBSCRIBE", b"x"),
        command(b"PONG", b""),
        frame(0, b"end"),
    ];
    let items = vec![
        Item::Version(Version::Three),
        ready_as(b"bob"),
        message(&[b"alone"]),
        message(&[b"first", b"", &long]),
        Item::Ping(b"context of more ".to_vec()),
        message(&[b"short, but with a long length", b"end"]),
    ];
    (octets.concat(), items)
}

#[test]
fn a_conversation_means_the_same_whole_and_octet_by_octet() {
    let (octets, items) = conversation();
    let limits = Limits::default();
    assert_eq!(read(&[&octets], &limits), (items, None));
    let pieces: Vec<&[u8]> = octets.chunks(1).collect();
    assert_eq!(read(&pieces, &limits), (conversation().1, None));
    assert_eq!(read_by(&pieces, &limits, true), (conversation().1, None));
}

#[test]
fn a_conversation_means_the_same_cut_in_two_at_every_octet() {
    let (octets, _) = conversation();
    let limits = Limits::default();
    for at in 0..octets.len() {
        let (before, behind) = octets.split_at(at);
        for direct in [false, true] {
            let read = read_by(&[before, behind], &limits, direct);
            assert!(read == (conversation().1, None), "{at}: {:?}", read.1);
        }
    }
}

#[test]
fn zmtp_2_is_spoken_as_well_whole_and_octet_by_octet() {
    let octets = [
        // Signature, version, DEALER, and the routing id in a frame of its own.
        b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x05".to_vec(),
        frame(0, b"bob"),
        frame(MORE, b"first"),
        frame(0, b"last"),
        frame(0, b"alone"),
    ]
    .concat();
    let items = || {
        vec![
            Item::Version(Version::Two),
            ready_as(b"bob"),
            message(&[b"first", b"last"]),
            message(&[b"alone"]),
        ]
    };
    let limits = Limits::default();
    assert_eq!(read(&[&octets], &limits), (items(), None));
    let pieces: Vec<&[u8]> = octets.chunks(1).collect();
    assert_eq!(read(&pieces, &limits), (items(), None));
    for wrong in [
        frame(MORE, b"bob"),
        frame(0, &[b'b'; 256]),
        command(b"READY", b""),
    ] {
        let octets = [&b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x05"[..], &wrong].concat();
        assert_eq!(read(&[&octets], &limits).1, Some(Violation::Command));
    }
}

proptest! {
    #[test]
    fn a_conversation_means_the_same_in_pieces_of_any_size(
        cuts in prop::collection::vec(0_usize..72_000, 0..30),
    ) {
        let (octets, items) = conversation();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(octets.len())).collect();
        cuts.extend([0, octets.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &octets[pair[0]..pair[1]]).collect();
        prop_assert_eq!(read(&pieces, &Limits::default()), (items, None));
        let (_, items) = conversation();
        prop_assert_eq!(read_by(&pieces, &Limits::default(), true), (items, None));
    }

    #[test]
    fn octets_of_any_kind_do_no_harm(
        octets in prop::collection::vec(any::<u8>(), 0..2_000),
        is_behind_a_handshake: bool,
        size in 1_usize..100,
    ) {
        let mut all = if is_behind_a_handshake { handshake() } else { Vec::new() };
        all.extend(octets);
        let pieces: Vec<&[u8]> = all.chunks(size).collect();
        read(&pieces, &Limits::default());
    }

    #[test]
    fn one_octet_that_is_wrong_does_no_harm(at in 0_usize..200, flipped in 1_u8..) {
        let (mut octets, _) = conversation();
        octets[at] ^= flipped;
        read(&[&octets], &Limits::default());
    }
}

#[test]
fn whoever_does_not_speak_zmtp_3_is_found_out_at_the_first_octet_that_shows_it() {
    let wrong: [&[u8]; 4] = [
        b"G",
        b"\x16\x03\x01",
        b"\xff\0\0\0\0\0\0\0\x01\x7e",
        b"\xff\0\0\0\0\0\0\0\x01\x7f\0",
    ];
    for octets in wrong {
        let (items, violation) = read(&[octets], &Limits::default());
        assert_eq!((items.len(), violation), (0, Some(Violation::Greeting)));
    }
    let mut plain = greeting();
    plain[12..17].copy_from_slice(b"PLAIN");
    assert_eq!(
        read(&[&plain], &Limits::default()).1,
        Some(Violation::Greeting)
    );
    // A later version greets like this one.
    let mut later = greeting();
    later[10] = 4;
    assert_eq!(
        read(&[&later], &Limits::default()),
        (vec![Item::Version(Version::Three)], None)
    );
}

#[test]
fn before_ready_there_is_nothing_but_ready() {
    for wrong in [
        frame(0, b"message"),
        command(b"PING", b"\0\0"),
        command(b"ERROR", b"\0"),
    ] {
        let octets = [&greeting()[..], &wrong].concat();
        assert_eq!(
            read(&[&octets], &Limits::default()).1,
            Some(Violation::Command)
        );
    }
}

#[test]
fn properties_that_do_not_fit_are_no_ready() {
    for wrong in [&b"\x08Identity\0\0\0\x04bob"[..], b"\xff", b"\x01x\0\0"] {
        let octets = [&greeting()[..], &command(b"READY", wrong)].concat();
        assert_eq!(
            read(&[&octets], &Limits::default()).1,
            Some(Violation::Command)
        );
    }
    let octets = [&greeting()[..], &command(b"READY", b"")].concat();
    let items = vec![Item::Version(Version::Three), ready_as(b"")];
    assert_eq!(read(&[&octets], &Limits::default()), (items, None));
}

#[test]
fn a_ping_too_short_for_what_it_must_say_ends_the_connection() {
    // libzmq reads beyond the end of such a one, and sends back what it finds there.
    for short in [&b""[..], b"\0"] {
        let octets = [handshake(), command(b"PING", short)].concat();
        assert_eq!(
            read(&[&octets], &Limits::default()).1,
            Some(Violation::Command)
        );
    }
}

#[test]
fn lengths_beyond_the_limits_end_the_connection_before_anything_is_allocated() {
    let limits = Limits::default();
    for length in [limits.frame_octets as u64 + 1, 1 << 30, 1 << 63, u64::MAX] {
        let head = [&[LONG][..], &length.to_be_bytes()].concat();
        let octets = [handshake(), head].concat();
        assert_eq!(read(&[&octets], &limits).1, Some(Violation::Frame));
    }
    let head = [&[COMMAND | LONG][..], &5_000_u64.to_be_bytes()].concat();
    assert_eq!(
        read(&[&handshake(), &head], &limits).1,
        Some(Violation::Command)
    );
    for flags in [8, 0x80, COMMAND | MORE] {
        assert_eq!(
            read(&[&handshake(), &[flags, 0]], &limits).1,
            Some(Violation::Flags)
        );
    }
}

#[test]
fn a_frame_of_the_largest_size_holds_what_has_come_of_it() {
    let limits = Limits::default();
    let mut reader = Reader::new(Side::Router);
    let head = [&[LONG][..], &(limits.frame_octets as u64).to_be_bytes()].concat();
    let begin = [handshake(), head, vec![0; 100]].concat();
    let mut input = &begin[..];
    while reader.read(&mut input, &limits).unwrap().is_some() {}
    assert!(reader.held() <= AT_ONCE, "{}", reader.held());
    let some = vec![0; 100_000];
    for come in (1..100).map(|times| times * some.len()) {
        assert_eq!(reader.read(&mut &some[..], &limits), Ok(None));
        assert!(
            reader.held() <= come * 2 + AT_ONCE,
            "{} of {come}",
            reader.held()
        );
    }
}

#[test]
fn a_message_of_too_many_frames_or_octets_is_told_at_its_end_and_holds_nothing() {
    let limits = Limits {
        frames: 3,
        message_octets: 1_000,
        ..Limits::default()
    };
    let many = vec![frame(MORE, b"x"); 1_000].concat();
    let large = [frame(MORE, &[0; 600]), frame(MORE, &[0; 600])].concat();
    for rest in [many, large] {
        let octets = [handshake(), frame(MORE, b"first"), rest].concat();
        let mut reader = Reader::new(Side::Router);
        let mut input = &octets[..];
        while reader.read(&mut input, &limits).unwrap().is_some() {}
        assert!(reader.held() <= AT_ONCE, "{}", reader.held());
        let end = [frame(0, b"last"), frame(0, b"next")].concat();
        let mut input = &end[..];
        assert_eq!(reader.read(&mut input, &limits), Ok(Some(Item::TooLarge)));
        assert_eq!(
            reader.read(&mut input, &limits),
            Ok(Some(message(&[b"next"])))
        );
    }
    // The first frame is the header: as many frames of content as are allowed may follow.
    let most = [
        handshake(),
        vec![frame(MORE, b"x"); 3].concat(),
        frame(0, b"x"),
    ]
    .concat();
    assert_eq!(
        read(&[&most], &limits).0.last(),
        Some(&message(&[b"x", b"x", b"x", b"x"]))
    );
}

fn ready_as(routing_id: &[u8]) -> Item {
    Item::Ready(Ready {
        routing_id: routing_id.to_vec(),
        ..Ready::default()
    })
}

#[test]
fn tickets_and_proofs_are_told_and_of_another_length_they_are_none() {
    let (ticket, proof) = (Ticket::from([7; 16]), Proof::from([8; 16]));
    for (words, expected) in [
        (
            Words::of_a_router(b"alice").to_with_ticket(Version::Three, &ticket),
            Ready {
                routing_id: b"alice".to_vec(),
                ticket: Some(ticket),
                proof: None,
            },
        ),
        (
            Words::of_a_dealer(b"bob").to_with_proof(Version::Three, &proof),
            Ready {
                routing_id: b"bob".to_vec(),
                ticket: None,
                proof: Some(proof),
            },
        ),
    ] {
        let octets = [Words::of_a_dealer(b"").hail(), &words].concat();
        let items = vec![Item::Version(Version::Three), Item::Ready(expected)];
        assert_eq!(read(&[&octets], &Limits::default()), (items, None));
    }
    let short = b"\x0eX-Zchat-Ticket\0\0\0\x01x\x0dX-Zchat-Proof\0\0\0\x02xy";
    let octets = [&greeting()[..], &command(b"READY", short)].concat();
    let items = vec![Item::Version(Version::Three), ready_as(b"")];
    assert_eq!(read(&[&octets], &Limits::default()), (items, None));
    // ZMTP 2 has no properties.
    let words = Words::of_a_dealer(b"bob");
    assert_eq!(
        words.to_with_proof(Version::Two, &proof),
        words.to(Version::Two)
    );
}

/// All that a ROUTER says to us, and a bit of everything that its library may add.
fn mailbox() -> (Vec<u8>, Vec<Item>) {
    let octets = [
        Words::of_a_router(b"").hail().to_vec(),
        Words::of_a_router(b"").to(Version::Three).to_vec(),
        command(b"PING", b"\0\x0acontext"),
        command(b"PONG", b""),
        command(b"SUBSCRIBE", b"x"),
        command(b"PING", b"\0\x0a"),
    ];
    let items = vec![
        Item::Version(Version::Three),
        ready_as(b""),
        Item::Ping(b"context".to_vec()),
        Item::Pong,
        Item::Ping(Vec::new()),
    ];
    (octets.concat(), items)
}

#[test]
fn what_a_mailbox_says_means_the_same_to_a_dealer_in_pieces_of_any_size() {
    let (octets, items) = mailbox();
    assert_eq!(read_as_dealer(&[&octets]), (items, None));
    for size in 1..octets.len() {
        let pieces: Vec<&[u8]> = octets.chunks(size).collect();
        assert_eq!(read_as_dealer(&pieces), (mailbox().1, None));
    }
    let second = b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x06\0\0";
    let items = vec![Item::Version(Version::Two), ready_as(b"")];
    assert_eq!(read_as_dealer(&[second]), (items, None));
}

#[test]
fn a_dealer_that_only_sends_takes_no_message_however_it_begins() {
    for wrong in [
        frame(0, b""),
        frame(0, b"message"),
        frame(MORE, b"first"),
        vec![LONG, 0, 0, 1, 0, 0, 0, 0, 0],
        vec![LONG | MORE, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ] {
        let octets = [mailbox().0, wrong].concat();
        assert_eq!(read_as_dealer(&[&octets]).1, Some(Violation::Message));
    }
    let early = [&greeting()[..], &frame(0, b"message")].concat();
    assert_eq!(read_as_dealer(&[&early]).1, Some(Violation::Command));
}

#[test]
fn a_ready_larger_than_any_ends_the_connection_to_a_mailbox_before_it_has_come() {
    let head = [&[COMMAND | LONG][..], &(COMMAND_OCTETS + 1).to_be_bytes()].concat();
    let octets = [&greeting()[..], &head].concat();
    assert_eq!(read_as_dealer(&[&octets]).1, Some(Violation::Command));
}

#[test]
fn both_sides_say_the_same_words_as_libzmq() {
    // Seen on the wire of libzmq 4.3.
    let greeting = |length| {
        let signature = [0xff, 0, 0, 0, 0, 0, 0, 0, length, 0x7f];
        [&signature[..], b"\x03\x01NULL", &[0; 48]].concat()
    };
    let router = b"\x04\x29\x05READY\x0bSocket-Type\0\0\0\x06ROUTER\x08Identity\0\0\0\0";
    let dealer = b"\x04\x2c\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\x03bob";
    for (words, length, ready) in [
        (Words::of_a_router(b""), 1, &router[..]),
        (Words::of_a_dealer(b"bob"), 4, &dealer[..]),
    ] {
        let said = [words.hail(), words.to(Version::Three)].concat();
        assert_eq!(said, [&greeting(length)[..], ready].concat());
    }
    assert_eq!(Words::of_a_router(b"").to(Version::Two), b"\x06\0\0");
    assert_eq!(
        Words::of_a_dealer(b"bob").to(Version::Two),
        b"\x05\0\x03bob"
    );
}

proptest! {
    #[test]
    fn octets_of_any_kind_from_a_mailbox_do_no_harm_and_hold_next_to_nothing(
        octets in prop::collection::vec(any::<u8>(), 0..6_000),
        is_behind_a_handshake: bool,
        size in 1_usize..100,
    ) {
        let mut all = if is_behind_a_handshake { mailbox().0 } else { Vec::new() };
        all.extend(octets);
        let mut reader = Reader::new(Side::Dealer);
        'all: for piece in all.chunks(size) {
            let mut input = piece;
            loop {
                match reader.read(&mut input, &Limits::default()) {
                    Ok(Some(item)) => prop_assert!(!matches!(item, Item::Message(_) | Item::TooLarge)),
                    Ok(None) => break,
                    Err(_) => break 'all,
                }
                prop_assert!(reader.held() <= 2 * usize::try_from(COMMAND_OCTETS).unwrap());
            }
        }
    }
}

/// A reader that has shaken hands.
fn ready() -> Reader {
    let mut reader = Reader::new(Side::Router);
    let octets = handshake();
    let mut input = &octets[..];
    while let Ok(Some(_)) = reader.read(&mut input, &Limits::default()) {}
    reader
}

#[test]
fn a_message_that_is_there_as_a_whole_is_taken_at_once_and_says_the_same() {
    let limits = Limits::default();
    for (header, content, flags) in [
        (&b"header"[..], &b"content"[..], 0),
        (b"", b"", 0),
        (b"header", b"short, but with a long length", LONG),
        (b"header", &[7; 1_000], 0),
        (&[1; 300], b"content", 0),
    ] {
        let mut octets = frame(MORE, header);
        octets.extend(frame(flags, content));
        for come in 0..octets.len() {
            let mut input = &octets[..come];
            assert_eq!(ready().read_whole(&mut input, &limits), None);
            assert_eq!(input.len(), come, "nothing is taken");
        }
        octets.extend(b"behind it");
        let mut input = &octets[..];
        let whole = ready().read_whole(&mut input, &limits);
        assert_eq!(whole, Some((header, content)));
        assert_eq!(input, b"behind it");
        let piece_by_piece = ready().read(&mut &octets[..], &limits);
        assert_eq!(piece_by_piece, Ok(Some(message(&[header, content]))));
    }
}

#[test]
fn whatever_is_not_a_message_of_two_allowed_frames_is_not_taken_at_once() {
    let limits = Limits::default();
    let two = [frame(MORE, b"header"), frame(0, b"content")].concat();
    let untouched = |reader: &Reader, octets: &[u8], limits: &Limits| {
        let mut input = octets;
        reader.read_whole(&mut input, limits).is_none() && input.len() == octets.len()
    };
    let others = [
        frame(0, b"alone"),
        [frame(MORE, b"1"), frame(MORE, b"2"), frame(0, b"3")].concat(),
        command(b"PING", b"\0\x0acontext"),
        [frame(MORE, b"header"), command(b"PONG", b"")].concat(),
        vec![0x80, 0, 0, 0],
    ];
    for octets in others {
        assert!(untouched(&ready(), &octets, &limits), "{octets:?}");
    }
    for change in [
        |limits: &mut Limits| limits.frame_octets = 6,
        |limits: &mut Limits| limits.message_octets = 12,
        |limits: &mut Limits| limits.frames = 0,
    ] {
        let mut few = Limits::default();
        change(&mut few);
        assert!(untouched(&ready(), &two, &few));
    }
    let mut midway = ready();
    assert_eq!(midway.read(&mut &two[..3], &limits), Ok(None));
    assert!(untouched(&midway, &two, &limits), "in a frame");
    let mut between = ready();
    assert_eq!(
        between.read(&mut &frame(MORE, b"first")[..], &limits),
        Ok(None)
    );
    assert!(untouched(&between, &two, &limits), "between two frames");
    assert!(
        untouched(&Reader::new(Side::Router), &two, &limits),
        "too early"
    );
    assert!(
        untouched(&Reader::new(Side::Dealer), &two, &limits),
        "to a DEALER"
    );
}
