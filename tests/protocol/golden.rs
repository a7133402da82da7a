//! The octets of the protocol's documents are what is sent, and are understood.

use zchat::zre::{
    Beacon, BeaconError, Body, Content, DecodeError, Field, Hello, Limits, Message, PeerId,
};

use crate::vectors::{alice, beacon, group, messages, octets};

#[test]
fn every_message_is_written_as_the_protocol_says() {
    for (message, header) in messages() {
        let mut out = Vec::new();
        message.encode_header(&mut out);
        assert_eq!(out, header, "{message:?}");
    }
}

#[test]
fn every_message_is_read_as_the_protocol_says() {
    for (message, header) in messages() {
        let read = Message::decode(&header, content_of(&message), &Limits::default());
        assert_eq!(read, Ok(message));
    }
}

#[test]
fn a_header_is_appended_to_what_is_there() {
    let mut out = vec![7];
    let (ping, header) = messages().swap_remove(5);
    ping.encode_header(&mut out);
    assert_eq!(out.strip_prefix(&[7]), Some(header.as_slice()));
}

#[test]
fn a_beacon_is_written_and_read_as_the_protocol_says() {
    let (beacon, datagram) = beacon();
    assert_eq!(beacon.encode().as_slice(), datagram);
    assert_eq!(beacon.encode_with_key(), None);
    assert_eq!(Beacon::decode(&datagram), Ok(beacon));
}

#[test]
fn a_beacon_with_port_0_is_a_farewell() {
    let (beacon, _) = beacon();
    let farewell = Beacon::farewell(beacon.peer);
    assert!(farewell.is_farewell());
    assert!(!beacon.is_farewell());
    let datagram = octets("5a5245 01 87df414e6e77476a9297f48e37982394 0000");
    assert_eq!(farewell.encode().as_slice(), datagram);
    assert_eq!(Beacon::decode(&datagram), Ok(farewell));
}

#[test]
fn a_beacon_of_version_3_carries_a_key() {
    let (plain, _) = beacon();
    let key = "ab".repeat(32);
    let datagram = octets(&format!(
        "5a5245 03 87df414e6e77476a9297f48e37982394 c000 {key}"
    ));
    let beacon = Beacon::decode(&datagram).unwrap();
    assert_eq!((beacon.peer, beacon.port), (plain.peer, plain.port));
    assert_eq!(beacon.key.as_ref().unwrap().0, [0xab; 32]);
    assert_eq!(beacon.encode_with_key().unwrap().as_slice(), datagram);
}

#[test]
fn trap_3_without_asking_for_its_key_a_beacon_is_written_in_22_octets() {
    let datagram = octets(&format!(
        "5a5245 03 {} c000 {}",
        "11".repeat(16),
        "ab".repeat(32)
    ));
    let beacon = Beacon::decode(&datagram).unwrap();
    assert!(beacon.key.is_some());
    let plain = Beacon::new(PeerId::from_bytes([0x11; 16]), 0xc000);
    assert_eq!(beacon.encode(), plain.encode());
}

#[test]
fn a_datagram_that_is_no_beacon_says_why() {
    let (_, datagram) = beacon();
    for length in 0..3 {
        assert_eq!(
            Beacon::decode(&datagram[..length]),
            Err(BeaconError::Signature)
        );
    }
    for length in 3..22 {
        let error = BeaconError::Length { octets: length };
        assert_eq!(Beacon::decode(&datagram[..length]), Err(error));
    }
    let longer = [datagram.as_slice(), &[0]].concat();
    assert_eq!(
        Beacon::decode(&longer),
        Err(BeaconError::Length { octets: 23 })
    );
    assert_eq!(
        Beacon::decode(b"ZYRE, not a beacon"),
        Err(BeaconError::Signature)
    );

    let mut other = datagram;
    for version in [0, 2, 4, 255] {
        other[3] = version;
        assert_eq!(
            Beacon::decode(&other),
            Err(BeaconError::Version { found: version })
        );
    }
    other[3] = 3;
    assert_eq!(
        Beacon::decode(&other),
        Err(BeaconError::Length { octets: 22 })
    );
    other.resize(53, 0);
    assert_eq!(
        Beacon::decode(&other),
        Err(BeaconError::Length { octets: 53 })
    );
    other.resize(54, 0);
    assert!(Beacon::decode(&other).is_ok());
    other[3] = 1;
    assert_eq!(
        Beacon::decode(&other),
        Err(BeaconError::Length { octets: 54 })
    );
}

#[test]
fn octets_behind_the_last_field_are_ignored_as_by_all_other_programs() {
    for (message, mut header) in messages() {
        header.extend([0xff; 9]);
        let read = Message::decode(&header, content_of(&message), &Limits::default());
        assert_eq!(read, Ok(message));
    }
}

#[test]
fn a_message_that_ends_early_says_in_which_field() {
    let fields = [
        (0, Field::Signature, 2),
        (3, Field::Version, 1),
        (5, Field::Sequence, 1),
        (6, Field::Endpoint, 1),
        (27, Field::Endpoint, 1),
        (31, Field::Groups, 1),
        (40, Field::Status, 1),
        (46, Field::Name, 1),
        (50, Field::Headers, 1),
    ];
    let (_, hello) = messages().swap_remove(0);
    for (length, field, missing) in fields {
        assert_eq!(
            decode(&hello[..length]),
            Err(DecodeError::Truncated { field, missing }),
            "{length} octets"
        );
    }
}

#[test]
fn a_count_that_the_frame_cannot_hold_is_refused() {
    let billions = "aaa1 01 02 0001 00 ffffffff";
    assert_eq!(
        decode(&octets(billions)),
        Err(DecodeError::Count {
            field: Field::Groups,
            count: u32::MAX
        })
    );
    let billions = "aaa1 01 02 0001 00 00000000 00 00 ffffffff 00";
    assert_eq!(
        decode(&octets(billions)),
        Err(DecodeError::Count {
            field: Field::Headers,
            count: u32::MAX
        })
    );
}

#[test]
fn another_protocol_another_version_and_an_unknown_id_are_told_apart() {
    assert_eq!(
        decode(&octets("aaa0 06 02 0004")),
        Err(DecodeError::Signature { found: 0xaaa0 })
    );
    assert_eq!(
        decode(&octets("aaa1 06 03 0004")),
        Err(DecodeError::Version { found: 3 })
    );
    for id in [0, 11, 255] {
        let frame = [0xaa, 0xa1, id, 2, 0, 4];
        assert_eq!(decode(&frame), Err(DecodeError::UnknownMessage { id }));
    }
}

#[test]
fn trap_6_whisper_and_shout_without_a_content_frame_are_refused() {
    for digits in ["aaa1 02 02 0002", "aaa1 03 02 0002 04 43484154"] {
        assert_eq!(decode(&octets(digits)), Err(DecodeError::NoContent));
    }
}

#[test]
fn frames_hidden_behind_a_message_without_content_are_refused() {
    let hidden = Content::from_frames([b"\x01".as_slice().into(), "x".into()]).unwrap();
    for (message, header) in messages() {
        if message.body.content().is_none() {
            let read = Message::decode(&header, Some(hidden.clone()), &Limits::default());
            assert_eq!(
                read,
                Err(DecodeError::HiddenFrames { frames: 2 }),
                "{message:?}"
            );
        }
    }
}

#[test]
fn a_group_without_a_name_is_refused() {
    for digits in [
        "aaa1 03 02 0002 00",
        "aaa1 04 02 0003 00 02",
        "aaa1 05 02 0003 00 02",
    ] {
        let content = digits.starts_with("aaa1 03").then(|| Content::new("x"));
        let read = Message::decode(&octets(digits), content, &Limits::default());
        assert_eq!(read, Err(DecodeError::EmptyGroup));
    }
}

#[test]
fn more_or_longer_frames_than_the_limits_allow_are_refused() {
    let mut limits = Limits::default();
    limits.frames = 2;
    limits.frame_octets = 8;
    let decode = |frames: &[&str]| {
        let content = Content::from_frames(frames.iter().map(|&frame| frame.into()));
        Message::decode(&octets("aaa1 02 02 0002"), content, &limits)
    };
    assert!(decode(&["12345678", "12345678"]).is_ok());
    assert_eq!(
        decode(&["1", "2", "3"]),
        Err(DecodeError::TooManyFrames { frames: 3 })
    );
    assert_eq!(
        decode(&["1", "123456789"]),
        Err(DecodeError::FrameTooLong { octets: 9 })
    );
    assert_eq!(
        Message::decode(&[0; 10], None, &limits),
        Err(DecodeError::FrameTooLong { octets: 10 })
    );
}

#[test]
fn trap_13_a_group_may_be_listed_twice_in_a_hello() {
    let mut hello = alice();
    hello.groups = vec![group("CHAT"), group("G2"), group("CHAT")];
    assert_eq!(transferred(&hello, &Limits::default()), hello);
}

#[test]
fn groups_and_headers_beyond_the_limits_are_left_out_and_counted() {
    let mut hello = alice();
    hello.groups = vec![group("A"), group("B"), group("C")];
    hello.headers = [("1", "one"), ("2", "two"), ("3", "three"), ("4", "four")]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();

    let mut limits = Limits::default();
    limits.groups_per_peer = 2;
    limits.headers = 3;
    limits.header_octets = 4;
    let read = transferred(&hello, &limits);
    assert_eq!(read.groups, [group("A"), group("B")]);
    let names: Vec<&str> = read.headers.iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["1", "2", "4"],
        "the third is too long, and so makes room for the fourth"
    );
    assert_eq!(read.left_out, 2);

    limits.headers_octets = 9;
    let read = transferred(&hello, &limits);
    assert_eq!(read.headers.len(), 2, "4 octets each, 1 is left");
    assert_eq!(read.left_out, 3);
}

#[test]
fn groups_in_a_hello_that_cannot_exist_are_left_out_and_counted() {
    let long = "47".repeat(256);
    let frame = octets(&format!(
        "aaa1 01 02 0001 00 00000003 00000000 00000100 {long} 00000001 41 00 01 62 00000000"
    ));
    let Body::Hello(hello) = decode(&frame).unwrap().body else {
        panic!("not a HELLO");
    };
    assert_eq!(hello.groups, [group("A")]);
    assert_eq!(hello.left_out, 2);
}

/// What Pyre writes for a text of `n` characters: a length of n, and the first n octets of its UTF-8,
/// so that the fields behind it stay where they belong.
fn as_pyre(text: &str) -> Vec<u8> {
    let length = text.chars().count();
    let octets = text.as_bytes().iter().take(length);
    std::iter::once(u8::try_from(length).unwrap())
        .chain(octets.copied())
        .collect()
}

#[test]
fn trap_8_a_name_that_pyre_has_cut_within_a_character_is_read_and_all_that_follows_it() {
    let names = [
        ("päl", "pä"),
        ("Zoë", "Zo\u{fffd}"),
        ("ü", "\u{fffd}"),
        ("日本", "\u{fffd}"),
        ("日本語", "日"),
    ];
    for (name, shown) in names {
        let frame = [
            octets("aaa1 01 02 0001 00 00000001 00000002 4732 07"),
            as_pyre(name),
            octets("00000001 01 6b 00000001 76"),
        ]
        .concat();
        let Body::Hello(hello) = decode(&frame).unwrap().body else {
            panic!("not a HELLO");
        };
        assert_eq!(hello.name.as_str(), shown);
        assert_eq!(hello.groups, [group("G2")]);
        assert_eq!((hello.status, hello.headers.get("k")), (7, Some("v")));
    }
}

#[test]
fn trap_8_a_group_that_pyre_has_cut_within_a_character_is_read() {
    let frame = [octets("aaa1 04 02 0003"), as_pyre("Zoë"), vec![9]].concat();
    let join = Body::Join {
        group: group("Zo\u{fffd}"),
        status: 9,
    };
    assert_eq!(decode(&frame).unwrap().body, join);
}

#[test]
fn trap_7_text_that_is_not_utf_8_is_never_sent_on() {
    let mut frame = octets("aaa1 04 02 0003 ff");
    frame.extend([0xff; 255]);
    frame.push(3);
    let join = decode(&frame).unwrap();
    let Body::Join { group, status: 3 } = &join.body else {
        panic!("not this JOIN: {join:?}");
    };
    assert_eq!(
        group.as_str(),
        "\u{fffd}".repeat(85),
        "255 octets, and no half character"
    );
    let mut out = Vec::new();
    join.encode_header(&mut out);
    assert_eq!(decode(&out), Ok(join));
}

/// The content that goes with the header of this message.
fn content_of(message: &Message) -> Option<Content> {
    message.body.content().cloned()
}

fn decode(header: &[u8]) -> Result<Message, DecodeError> {
    Message::decode(header, None, &Limits::default())
}

/// What a receiver with these limits reads.
fn transferred(hello: &Hello, limits: &Limits) -> Hello {
    let message = Message {
        sequence: 1,
        body: Body::Hello(hello.clone()),
    };
    let mut out = Vec::new();
    message.encode_header(&mut out);
    match Message::decode(&out, None, limits).unwrap().body {
        Body::Hello(hello) => hello,
        other => panic!("not a HELLO: {other:?}"),
    }
}
