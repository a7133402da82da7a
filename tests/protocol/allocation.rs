//! What reading costs in memory: nothing but for what is kept, whatever the octets claim.

use proptest::prelude::*;
use zchat::zre::{Content, Limits, Message};

use crate::counting::{Spent, spending};
use crate::vectors::{messages, octets};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_octets_make_a_reader_allocate_more_than_a_small_multiple_of_them(
        id in 0..12_u8,
        rest in prop::collection::vec(prop_oneof![3 => 0..3_u8, 1 => any::<u8>()], 0..600),
    ) {
        let header = [&[0xaa, 0xa1, id, 2, 0, 1], rest.as_slice()].concat();
        within_bounds(&header);
    }
}

#[test]
fn a_golden_message_changed_anywhere_costs_no_more_either() {
    for (_, header) in messages() {
        for place in 0..header.len() {
            for octet in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = header.clone();
                let end = changed.len().min(place + 4);
                changed[place..end].fill(octet);
                within_bounds(&changed);
            }
        }
    }
}

/// 16 octets are what an empty name costs.
#[test]
fn counts_and_lengths_of_four_billion_cost_nothing() {
    for digits in [
        "aaa1 01 02 0001 00 ffffffff",
        "aaa1 01 02 0001 00 00000000 00 00 ffffffff",
        "aaa1 01 02 0001 00 00000001 ffffffff",
        "aaa1 04 02 0002 ff 41",
    ] {
        let header = octets(digits);
        let (read, spent) = spending(|| Message::decode(&header, None, &Limits::default()));
        assert!(read.is_err());
        assert!(spent.octets <= 16, "{digits}: {spent:?}");
    }
}

/// The smallest entries give the largest multiple: the limits end it.
#[test]
fn a_large_hello_of_the_smallest_entries_is_bounded_by_the_limits() {
    let count = 200_000_u32;
    let mut groups = octets("aaa1 01 02 0001 00");
    groups.extend(count.to_be_bytes());
    (0..count).for_each(|_| groups.extend([0, 0, 0, 1, b'G']));
    groups.extend(octets("00 01 62 00000000"));

    let mut headers = octets("aaa1 01 02 0001 00 00000000 00 01 62");
    headers.extend(count.to_be_bytes());
    (0..count).for_each(|number| headers.extend([1, b'A' + (number % 26) as u8, 0, 0, 0, 0]));

    for header in [groups, headers] {
        let (read, spent) = spending(|| Message::decode(&header, None, &Limits::default()));
        assert!(read.is_ok());
        assert!(spent.octets < 128 << 10, "{spent:?}");
    }
}

#[test]
fn a_whisper_is_read_without_any_allocation_and_a_shout_with_one_for_its_group() {
    for (message, header) in messages() {
        let most = match header[2] {
            2 | 6 | 7 | 10 => 0,
            3..=5 => 1,
            8 | 9 => 2,
            _ => continue,
        };
        let content = message.body.content().cloned();
        let (read, spent) = spending(|| Message::decode(&header, content, &Limits::default()));
        assert_eq!(read.as_ref(), Ok(&message));
        assert_eq!(spent.allocations, most, "{message:?}");
    }
}

#[test]
fn writing_into_a_buffer_that_is_large_enough_allocates_nothing() {
    let mut buffer = Vec::with_capacity(1024);
    for (message, header) in messages() {
        buffer.clear();
        let ((), spent) = spending(|| message.encode_header(&mut buffer));
        assert_eq!((&buffer, spent), (&header, Spent::default()));
    }
}

/// Reads a header frame, and compares what that allocates with its length.
fn within_bounds(header: &[u8]) {
    let content = matches!(header.get(2), Some(2 | 3)).then(|| Content::new("x"));
    let (read, spent) = spending(|| Message::decode(header, content, &Limits::default()));
    assert!(
        spent.octets <= MULTIPLE * header.len(),
        "{} octets made {spent:?}: {read:?}",
        header.len()
    );
}

/// A header of six octets becomes two strings, an entry in a list that grows, and one in a map.
const MULTIPLE: usize = 48;
