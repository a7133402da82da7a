//! Messages that are wrong in every way there is, from strangers and from peers that have entered.

use std::io;

use zchat::zre::PeerId;

use crate::field::{Field, Intruder, fresh};
use crate::ground::withstands;
use crate::words::{self, HELLO, JOIN, LEAVE, PING, WHISPER};
use crate::zmtp::Raw;

#[test]
fn messages_cut_short_lengthened_and_with_any_octet_changed() {
    withstands("mangled messages", mangled);
}

#[test]
fn counts_of_four_billion() {
    withstands("counts of four billion", billions);
}

#[test]
fn statuses_that_are_wrong() {
    withstands("wrong statuses", wrong_status);
}

#[test]
fn routing_ids_of_any_form() {
    withstands("routing ids of any form", any_routing_id);
}

#[test]
fn messages_hidden_behind_other_messages() {
    withstands("hidden messages", hidden);
}

#[test]
fn text_that_is_none() {
    withstands("names and texts of control characters", unreadable);
}

/// One of each kind of message that is right, as a first message and as a later one.
fn golden(sequence: u16) -> Vec<Vec<u8>> {
    let mut candidate = words::head(8, sequence);
    words::string(&mut candidate, "CHAT");
    words::string(&mut candidate, &"0".repeat(32));
    let mut leader = candidate.clone();
    leader[2] = 9;
    vec![
        words::hello(
            sequence,
            "tcp://10.77.0.3:9",
            &["CHAT", "CHAT", "x"],
            3,
            "mallory",
        ),
        words::head(WHISPER, sequence),
        words::shout(sequence, "CHAT"),
        words::change(JOIN, sequence, "CHAT", 1),
        words::change(LEAVE, sequence, "CHAT", 2),
        words::head(PING, sequence),
        words::head(7, sequence),
        candidate,
        leader,
        words::head(10, sequence),
    ]
}

pub(crate) fn mangled(field: &Field) {
    while field.goes_on() {
        let _ended = mangle_all(field, field.somebody(), 1);
        let peer = field.intruder(9).map(|intruder| intruder.raw);
        let _ended = mangle_all(field, peer, 2);
    }
}

fn mangle_all(field: &Field, raw: io::Result<Raw>, sequence: u16) -> io::Result<()> {
    let mut raw = raw?;
    for message in golden(sequence) {
        for length in 0..message.len() {
            raw.message(&[&message[..length]])?;
            field.count();
        }
        for index in 0..message.len() {
            for flipped in [1, 0x80, 0xff] {
                let mut changed = message.clone();
                changed[index] ^= flipped;
                raw.message(&[&changed])?;
                raw.message(&[&changed, b"", b"content"])?;
                field.count();
            }
        }
        let longer = [&message[..], &[0xff; 64]].concat();
        raw.message(&[&longer])?;
    }
    Ok(())
}

/// HELLOs whose groups or headers say that they are 4,294,967,295, and strings of that length.
pub(crate) fn billions(field: &Field) {
    let most = [0xff; 4];
    let mut groups = words::head(HELLO, 1);
    words::string(&mut groups, "tcp://10.77.0.3:9");
    let mut text = groups.clone();
    groups.extend(most);
    groups.extend([0; 4_096]);
    words::number(&mut text, 1);
    text.extend(most);
    text.extend(b"CHAT");
    let mut headers = words::hello(1, "tcp://10.77.0.3:9", &[], 0, "mallory");
    headers.truncate(headers.len() - 4);
    headers.extend(most);
    headers.extend([0; 4_096]);
    while field.goes_on() {
        let Ok(mut raw) = field.dealer(&fresh().routing_id()) else {
            continue;
        };
        for message in [&groups, &text, &headers] {
            let _refused = raw.message(&[message]);
            field.count();
        }
    }
}

pub(crate) fn wrong_status(field: &Field) {
    while field.goes_on() {
        let Ok(mut intruder) = field.intruder(9) else {
            continue;
        };
        for status in [0, 1, 1, 255, 7, 7] {
            let join = words::change(JOIN, intruder.next(), "CHAT", status);
            let leave = words::change(LEAVE, intruder.next(), "CHAT", status);
            let _refused = intruder
                .raw
                .message(&[&join])
                .and_then(|()| intruder.raw.message(&[&leave]));
            field.count();
        }
    }
}

pub(crate) fn any_routing_id(field: &Field) {
    let whisper = words::head(WHISPER, 2);
    let hello = words::hello(1, "tcp://10.77.0.3:9", &["CHAT"], 0, "mallory");
    let mut ids: Vec<Vec<u8>> = (1..=255).map(|length| vec![1; length]).collect();
    // Right in length, but no ZRE id, or that of the victim itself, or of nobody.
    for first in [0x00, 0x02, 0xff] {
        ids.push([&[first], &field.bob.as_bytes()[..]].concat());
    }
    ids.push(field.victim.routing_id().to_vec());
    ids.push(PeerId::from_bytes([0; 16]).routing_id().to_vec());
    ids.push(vec![]);
    // (17 octets of which the first is 1 are an id like any other.)
    for octet in [0, 1] {
        let id = PeerId::from_bytes([octet; 16]);
        field.real.lock().unwrap().insert(id);
    }
    while field.goes_on() {
        for id in &ids {
            if !field.goes_on() {
                return;
            }
            let Ok(mut raw) = field.dealer(id) else {
                continue;
            };
            let _refused = raw
                .message(&[&hello])
                .and_then(|()| raw.message(&[&whisper, b"content"]));
            field.count();
        }
    }
}

/// What follows a PING in the same multipart is a message from bob for who reads on (as Zyre does).
pub(crate) fn hidden(field: &Field) {
    let bob = field.bob.routing_id();
    while field.goes_on() {
        let Ok(mut intruder) = field.intruder(9) else {
            continue;
        };
        for _ in 0..50 {
            let _refused = hide(&mut intruder, &bob);
            field.count();
        }
    }
}

fn hide(intruder: &mut Intruder, bob: &[u8]) -> io::Result<()> {
    let hello = words::hello(1, "tcp://10.77.0.3:9", &["CHAT"], 0, "bob");
    let forged = words::head(WHISPER, 2);
    let gone = words::change(LEAVE, 2, "CHAT", 2);
    let ping = words::head(PING, intruder.next());
    intruder.raw.message(&[&ping, bob, &forged, b"I am bob"])?;
    let join = words::change(JOIN, intruder.next(), "x", 2);
    intruder.raw.message(&[&join, bob, &hello, bob, &gone])
}

pub(crate) fn unreadable(field: &Field) {
    let name = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}\u{0}\r\n";
    let group = "\u{1b}[31mCHAT\n";
    while field.goes_on() {
        let Ok(mut raw) = field.somebody() else {
            continue;
        };
        let mut broken = words::hello(1, "tcp://10.77.0.3:9", &[group], 0, "0123456789");
        let at = broken
            .windows(10)
            .position(|window| window == b"0123456789")
            .unwrap();
        broken[at..at + 10].copy_from_slice(b"\xff\xfe\x80\xc3\x1b[2J\xed\xa0");
        let _refused = raw.message(&[&broken]);
        let Ok(mut raw) = field.somebody() else {
            continue;
        };
        let hello = words::hello(1, "tcp://10.77.0.3:9", &[group, ""], 0, name);
        let join = words::change(JOIN, 2, group, 1);
        let _refused = raw.message(&[&hello]).and_then(|()| raw.message(&[&join]));
        field.count();
    }
}
