//! Messages and beacons with their octets, as they are on the wire of Zyre, Pyre and zyre.js.

use zchat::zre::{Beacon, Body, Content, GroupName, Headers, Hello, Message, Name, PeerId};

/// The octets that hexadecimal digits say; everything else is ignored, so that fields can be spaced.
pub(crate) fn octets(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .map(|digit| u8::try_from(digit).unwrap())
        .collect();
    assert_eq!(digits.len() % 2, 0, "half an octet");
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

pub(crate) fn group(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

/// One message of each kind, with its first frame.
pub(crate) fn messages() -> Vec<(Message, Vec<u8>)> {
    let content = || Content::new("hello");
    let candidate = || "0123456789ABCDEF0123456789ABCDEF".to_owned();
    [
        (1, Body::Hello(alice()), HELLO),
        (2, Body::Whisper { content: content() }, WHISPER),
        (
            2,
            Body::Shout {
                group: group("CHAT"),
                content: content(),
            },
            SHOUT,
        ),
        (
            3,
            Body::Join {
                group: group("G2"),
                status: 2,
            },
            JOIN,
        ),
        (
            65534,
            Body::Leave {
                group: group("G2"),
                status: 255,
            },
            LEAVE,
        ),
        (4, Body::Ping, PING),
        (4, Body::PingOk, PING_OK),
        (
            5,
            Body::Elect {
                group: group("CHAT"),
                challenger: candidate(),
            },
            ELECT,
        ),
        (
            6,
            Body::Leader {
                group: group("CHAT"),
                leader: candidate(),
            },
            LEADER,
        ),
        (7, Body::Goodbye, GOODBYE),
    ]
    .into_iter()
    .map(|(sequence, body, digits)| (Message { sequence, body }, octets(digits)))
    .collect()
}

/// What HELLO says.
pub(crate) fn alice() -> Hello {
    Hello {
        endpoint: "tcp://10.99.0.1:49152".to_owned(),
        groups: vec![group("CHAT")],
        status: 1,
        name: Name::new("alice").unwrap(),
        headers: Headers::default().with("X-CLIENT", "test").unwrap(),
        left_out: 0,
    }
}

/// A plain beacon, with its datagram.
pub(crate) fn beacon() -> (Beacon, Vec<u8>) {
    let id = octets("87df414e 6e77 476a 9297 f48e37982394");
    let peer = PeerId::from_bytes(id.try_into().unwrap());
    (
        Beacon::new(peer, 0xc000),
        octets("5a5245 01 87df414e6e77476a9297f48e37982394 c000"),
    )
}

const HELLO: &str = "
    aaa1 01 02 0001
    15 7463703a2f2f31302e39392e302e313a3439313532
    00000001 00000004 43484154
    01
    05 616c696365
    00000001 08 582d434c49454e54 00000004 74657374";

const WHISPER: &str = "aaa1 02 02 0002";

const SHOUT: &str = "aaa1 03 02 0002 04 43484154";

const JOIN: &str = "aaa1 04 02 0003 02 4732 02";

const LEAVE: &str = "aaa1 05 02 fffe 02 4732 ff";

const PING: &str = "aaa1 06 02 0004";

const PING_OK: &str = "aaa1 07 02 0004";

const ELECT: &str = "
    aaa1 08 02 0005 04 43484154
    20 3031323334353637383941424344454630313233343536373839414243444546";

const LEADER: &str = "
    aaa1 09 02 0006 04 43484154
    20 3031323334353637383941424344454630313233343536373839414243444546";

const GOODBYE: &str = "aaa1 0a 02 0007";
