//! No octets do any harm: what is not understood is an error, and nothing else happens.
//!
//! The same checks are given to the fuzzer, in tests/fuzz.

use proptest::prelude::*;
use zchat::zre::{Body, Content, DecodeError, Frame, Limits, Message};

use crate::checks;
use crate::replay::replay;
use crate::vectors::{beacon, messages, octets};

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1024,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_octets_are_a_beacon_or_an_error(datagram in prop::collection::vec(any::<u8>(), 0..80)) {
        checks::beacon(&datagram);
    }

    #[test]
    fn any_octets_that_begin_like_a_beacon_are_one_or_an_error(
        version in 0..5_u8,
        rest in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        checks::beacon(&[b"ZRE", [version].as_slice(), &rest].concat());
    }

    #[test]
    fn any_octets_are_a_message_or_an_error(input in prop::collection::vec(any::<u8>(), 0..200)) {
        checks::message(&input);
    }

    #[test]
    fn any_octets_that_begin_like_a_message_are_one_or_an_error(
        frames in 0..4_u8,
        id in 0..12_u8,
        rest in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        checks::message(&[&[frames, 0xaa, 0xa1, id, 2], rest.as_slice()].concat());
    }

    /// Small octets make fields that fit, so that what is behind them is reached.
    #[test]
    fn a_hello_of_small_numbers_is_one_or_an_error(
        rest in prop::collection::vec(prop_oneof![4 => 0..3_u8, 1 => any::<u8>()], 0..300),
    ) {
        checks::message(&[&[0, 0xaa, 0xa1, 1, 2, 0, 1], rest.as_slice()].concat());
    }

    #[test]
    fn a_golden_message_with_some_octets_replaced_is_one_or_an_error(
        which in 0..10_usize,
        frames in 0..4_u8,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let (_, mut header) = messages().swap_remove(which);
        for (place, octet) in changes {
            let place = place.index(header.len());
            header[place] = octet;
        }
        checks::message(&[&[frames], header.as_slice()].concat());
    }
}

#[test]
fn a_golden_message_cut_off_anywhere_is_an_error() {
    for (message, header) in messages() {
        for length in 0..header.len() {
            let content = message.body.content().cloned();
            let read = Message::decode(&header[..length], content, &Limits::default());
            let error = read.expect_err("a part is no message");
            assert!(matches!(
                error,
                DecodeError::Truncated { .. } | DecodeError::Count { .. }
            ));
            checks::message(&[&[1], &header[..length]].concat());
        }
    }
}

#[test]
fn a_golden_message_with_any_octet_replaced_by_any_other_does_no_harm() {
    for (_, header) in messages() {
        for place in 0..header.len() {
            for octet in 0..=u8::MAX {
                let mut changed = header.clone();
                changed[place] = octet;
                checks::message(&[&[octet], changed.as_slice()].concat());
            }
        }
    }
}

#[test]
fn a_golden_message_with_any_two_bits_flipped_does_no_harm() {
    for (_, header) in messages() {
        let bits = header.len() * 8;
        for first in 0..bits {
            for second in (first + 1)..bits {
                let mut changed = [&[1], header.as_slice()].concat();
                changed[1 + first / 8] ^= 1 << (first % 8);
                changed[1 + second / 8] ^= 1 << (second % 8);
                checks::message(&changed);
            }
        }
    }
}

#[test]
fn a_golden_message_with_four_billion_anywhere_does_no_harm() {
    for (_, header) in messages() {
        for place in 0..header.len() {
            let end = header.len().min(place + 4);
            let mut changed = [&[0], header.as_slice()].concat();
            changed[1 + place..=end].fill(0xff);
            checks::message(&changed);
        }
    }
}

#[test]
fn a_golden_message_with_anything_behind_it_is_the_same_message() {
    for (message, header) in messages() {
        for octet in 0..=u8::MAX {
            let longer = [header.as_slice(), &[octet; 300]].concat();
            let content = message.body.content().cloned();
            let read = Message::decode(&longer, content, &Limits::default());
            assert_eq!(read.as_ref(), Ok(&message));
        }
    }
}

#[test]
fn a_beacon_cut_lengthened_or_changed_in_any_bit_does_no_harm() {
    let (_, plain) = beacon();
    let mut with_key = [plain.as_slice(), &[0xab; 32]].concat();
    with_key[3] = 3;
    for datagram in [plain, with_key] {
        for length in 0..=datagram.len() {
            checks::beacon(&datagram[..length]);
        }
        checks::beacon(&[datagram.as_slice(), &[0]].concat());
        for bit in 0..datagram.len() * 8 {
            let mut changed = datagram.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            checks::beacon(&changed);
        }
    }
}

#[test]
fn trap_5_what_would_make_pyre_drop_us_is_understood_when_others_send_it() {
    let understood = |digits: &str| Message::decode(&octets(digits), None, &Limits::default());
    let elect = understood("aaa1 08 02 0005 04 43484154 01 41")
        .unwrap()
        .body;
    assert!(
        matches!(elect, Body::Elect { group, challenger } if &*group == "CHAT" && challenger == "A")
    );
    let leader = understood("aaa1 09 02 0006 04 43484154 00").unwrap().body;
    assert!(
        matches!(leader, Body::Leader { group, leader } if &*group == "CHAT" && leader.is_empty())
    );
    assert_eq!(understood("aaa1 0a 02 0007").unwrap().body, Body::Goodbye);
}

#[test]
fn a_hello_of_the_largest_frame_is_taken_within_the_limits() {
    let limits = Limits::default();
    let groups = u32::try_from((limits.frame_octets - 100) / 5).unwrap();
    let mut header = octets("aaa1 01 02 0001 00");
    header.extend(groups.to_be_bytes());
    for _ in 0..groups {
        header.extend([0, 0, 0, 1, b'G']);
    }
    header.extend(octets("00 01 62 00000000"));
    let read = Message::decode(&header, None, &limits).unwrap();
    let Body::Hello(hello) = read.body else {
        panic!("not a HELLO");
    };
    assert_eq!(hello.groups.len(), limits.groups_per_peer);
    assert_eq!(
        hello.left_out,
        usize::try_from(groups).unwrap() - hello.groups.len()
    );
}

#[test]
fn as_many_frames_as_the_limits_allow_are_taken_and_one_more_is_not() {
    let limits = Limits::default();
    let decode = |count: usize| {
        let content = Content::from_frames((0..count).map(|_| Frame::from("x")));
        Message::decode(&octets("aaa1 02 02 0002"), content, &limits)
    };
    assert!(decode(limits.frames).is_ok());
    let frames = limits.frames + 1;
    assert_eq!(decode(frames), Err(DecodeError::TooManyFrames { frames }));
}

/// Everything that the fuzzer found worth keeping, and seeds of each kind.
#[test]
fn what_the_fuzzer_has_kept_does_no_harm() {
    replay("beacon", checks::beacon);
    replay("message", checks::message);
}
