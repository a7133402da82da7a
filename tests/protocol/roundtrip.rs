//! Whatever can be said is written so that every reader reads the same.

use proptest::prelude::*;
use zchat::zre::{
    Beacon, Body, Content, Frame, GroupName, Headers, Hello, Limits, Message, Name, PeerId,
};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_message_is_read_as_it_was_written(message in message()) {
        let header = encode(&message);
        let content = message.body.content().cloned();
        prop_assert_eq!(Message::decode(&header, content, &Limits::default()), Ok(message));
    }

    /// Goal: Zyre and Pyre can read all that is sent. Method: a reader of the test's own, as strict as
    /// the strictest of them in each point: text must be UTF-8 without NUL, and nothing may be left.
    #[test]
    fn trap_7_a_strict_reader_finds_valid_text_and_nothing_left_over(message in message()) {
        let header = encode(&message);
        let mut reader = Strict(&header);
        prop_assert_eq!(reader.octets(2), [0xaa, 0xa1]);
        let id = reader.number(1);
        prop_assert_eq!(reader.number(1), 2);
        prop_assert_eq!(reader.number(2), u32::from(message.sequence));
        match &message.body {
            Body::Hello(hello) => {
                prop_assert_eq!(id, 1);
                prop_assert_eq!(reader.string(), hello.endpoint.as_str());
                prop_assert_eq!(reader.number(4), u32::try_from(hello.groups.len()).unwrap());
                for group in &hello.groups {
                    prop_assert_eq!(reader.longstr(), group.as_str());
                }
                prop_assert_eq!(reader.number(1), u32::from(hello.status));
                prop_assert_eq!(reader.string(), hello.name.as_str());
                prop_assert_eq!(reader.number(4), u32::try_from(hello.headers.len()).unwrap());
                for (name, value) in hello.headers.iter() {
                    prop_assert_eq!((reader.string(), reader.longstr()), (name, value));
                }
            }
            Body::Whisper { .. } => prop_assert_eq!(id, 2),
            Body::Shout { group, .. } => {
                prop_assert_eq!((id, reader.string()), (3, group.as_str()));
            }
            Body::Join { group, status } => {
                prop_assert_eq!((id, reader.string()), (4, group.as_str()));
                prop_assert_eq!(reader.number(1), u32::from(*status));
            }
            Body::Leave { group, status } => {
                prop_assert_eq!((id, reader.string()), (5, group.as_str()));
                prop_assert_eq!(reader.number(1), u32::from(*status));
            }
            Body::Ping => prop_assert_eq!(id, 6),
            Body::PingOk => prop_assert_eq!(id, 7),
            Body::Elect { group, challenger } => {
                prop_assert_eq!((id, reader.string()), (8, group.as_str()));
                prop_assert_eq!(reader.string(), challenger.as_str());
            }
            Body::Leader { group, leader } => {
                prop_assert_eq!((id, reader.string()), (9, group.as_str()));
                prop_assert_eq!(reader.string(), leader.as_str());
            }
            Body::Goodbye => prop_assert_eq!(id, 10),
        }
        prop_assert!(reader.0.is_empty());
    }

    #[test]
    fn a_beacon_is_read_as_it_was_written(id: [u8; 16], port: u16, key: [u8; 32]) {
        let beacon = Beacon::new(PeerId::from_bytes(id), port);
        prop_assert_eq!(Beacon::decode(&beacon.encode()), Ok(beacon.clone()));
        let mut datagram = [beacon.encode().as_slice(), &key].concat();
        datagram[3] = 3;
        let with_key = Beacon::decode(&datagram).unwrap();
        let encoded = with_key.encode_with_key();
        prop_assert_eq!(encoded.as_ref().map(<[u8; 54]>::as_slice), Some(datagram.as_slice()));
        prop_assert_eq!(with_key.encode(), beacon.encode());
    }

    #[test]
    fn trap_8_any_octets_of_a_name_are_taken_and_sent_on_as_text(
        octets in prop::collection::vec(any::<u8>(), 0..=255)
    ) {
        let mut frame = vec![0xaa, 0xa1, 1, 2, 0, 1, 0, 0, 0, 0, 0, 9];
        frame.push(u8::try_from(octets.len()).unwrap());
        frame.extend(&octets);
        frame.extend([0; 4]);
        let read = Message::decode(&frame, None, &Limits::default()).unwrap();
        let Body::Hello(hello) = &read.body else {
            panic!("not a HELLO: {read:?}");
        };
        prop_assert_eq!((hello.status, hello.left_out), (9, 0));
        prop_assert!(hello.name.len() <= Name::MAX);
        let lossy = String::from_utf8_lossy(&octets);
        prop_assert!(lossy.starts_with(hello.name.as_str()));
        prop_assert_eq!(Message::decode(&encode(&read), None, &Limits::default()), Ok(read));
    }
}

#[test]
fn the_longest_name_and_group_of_the_widest_characters_are_not_cut() {
    let text = format!("{}abc", "🦀".repeat(63));
    assert_eq!(text.len(), 255);
    let message = Message {
        sequence: 9,
        body: Body::Hello(Hello {
            endpoint: String::new(),
            groups: vec![GroupName::new(&text).unwrap()],
            status: 1,
            name: Name::new(&text).unwrap(),
            headers: Headers::default(),
            left_out: 0,
        }),
    };
    let read = Message::decode(&encode(&message), None, &Limits::default());
    assert_eq!(read, Ok(message));
}

/// Text that is longer than a string can be is kept out by the types; where there is none (an
/// endpoint), or it was gone around (headers as they came), the frame is valid nevertheless.
#[test]
fn a_string_that_is_too_long_is_cut_after_a_whole_character() {
    let long = "ä".repeat(200);
    let message = Message {
        sequence: 1,
        body: Body::Hello(Hello {
            endpoint: long.clone(),
            groups: Vec::new(),
            status: 0,
            name: Name::new("alice").unwrap(),
            headers: std::iter::once((long, "value".to_owned())).collect(),
            left_out: 0,
        }),
    };
    let read = Message::decode(&encode(&message), None, &Limits::default()).unwrap();
    let Body::Hello(hello) = read.body else {
        panic!("not a HELLO: {read:?}");
    };
    let cut = "ä".repeat(127);
    assert_eq!(hello.endpoint, cut);
    assert_eq!(
        (hello.name.as_str(), hello.headers.get(&cut)),
        ("alice", Some("value"))
    );
}

#[test]
fn trap_13_own_names_and_groups_never_hold_what_ends_a_string_in_c() {
    for text in ["a\0b", "\0", "CHAT\0"] {
        assert!(GroupName::new(text).is_err());
        assert!(Name::new(text).is_err());
        assert!(Headers::default().with(text, "value").is_err());
        assert!(Headers::default().with("name", text).is_err());
    }
}

fn encode(message: &Message) -> Vec<u8> {
    let mut header = Vec::new();
    message.encode_header(&mut header);
    header
}

/// Any message that this crate can be made to send, and those that it only reads.
fn message() -> impl Strategy<Value = Message> {
    let body = prop_oneof![
        hello().prop_map(Body::Hello),
        content().prop_map(|content| Body::Whisper { content }),
        (group(), content()).prop_map(|(group, content)| Body::Shout { group, content }),
        (group(), any::<u8>()).prop_map(|(group, status)| Body::Join { group, status }),
        (group(), any::<u8>()).prop_map(|(group, status)| Body::Leave { group, status }),
        Just(Body::Ping),
        Just(Body::PingOk),
        (group(), text(0, 255)).prop_map(|(group, challenger)| Body::Elect { group, challenger }),
        (group(), text(0, 255)).prop_map(|(group, leader)| Body::Leader { group, leader }),
        Just(Body::Goodbye),
    ];
    (any::<u16>(), body).prop_map(|(sequence, body)| Message { sequence, body })
}

fn hello() -> impl Strategy<Value = Hello> {
    (
        text(0, 255),
        prop::collection::vec(group(), 0..6),
        any::<u8>(),
        text(1, Name::MAX).prop_map(|text| Name::new(&text).unwrap()),
        headers(),
    )
        .prop_map(|(endpoint, groups, status, name, headers)| Hello {
            endpoint,
            groups,
            status,
            name,
            headers,
            left_out: 0,
        })
}

fn headers() -> impl Strategy<Value = Headers> {
    let pair = (text(1, Headers::MAX_NAME), text(0, Headers::MAX_VALUE));
    prop::collection::vec(pair, 0..6).prop_map(|pairs| {
        pairs
            .iter()
            .fold(Headers::default(), |headers, (name, value)| {
                headers.with(name, value).unwrap()
            })
    })
}

fn group() -> impl Strategy<Value = GroupName> {
    text(1, GroupName::MAX).prop_map(|text| GroupName::new(&text).unwrap())
}

fn content() -> impl Strategy<Value = Content> {
    let frame = prop::collection::vec(any::<u8>(), 0..100).prop_map(Frame::from);
    prop::collection::vec(frame, 1..4).prop_map(|frames| Content::from_frames(frames).unwrap())
}

/// Text without control characters, of this many octets at least and at most.
fn text(least: usize, most: usize) -> impl Strategy<Value = String> {
    let character = prop_oneof![
        3 => prop::char::range('!', '~'),
        1 => any::<char>().prop_filter("no control character", |char| !char.is_control()),
    ];
    prop::collection::vec(character, 0..=most.min(400)).prop_map(move |characters| {
        let mut text: String = characters.into_iter().collect();
        text.truncate(text.floor_char_boundary(most));
        while text.len() < least {
            text.push('x');
        }
        text
    })
}

/// Takes fields as the protocol's documents say, and panics where they are not there.
struct Strict<'a>(&'a [u8]);

impl<'a> Strict<'a> {
    fn octets(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn number(&mut self, octets: usize) -> u32 {
        let octets = self.octets(octets);
        octets
            .iter()
            .fold(0, |number, &octet| number << 8 | u32::from(octet))
    }

    fn string(&mut self) -> &'a str {
        let length = self.number(1);
        self.text(length)
    }

    fn longstr(&mut self) -> &'a str {
        let length = self.number(4);
        self.text(length)
    }

    fn text(&mut self, length: u32) -> &'a str {
        let text = std::str::from_utf8(self.octets(usize::try_from(length).unwrap())).unwrap();
        assert!(!text.contains('\0'));
        text
    }
}
