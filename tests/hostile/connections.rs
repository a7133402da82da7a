//! Attacks below ZRE: connections that stop at any step, speak something else, or are too many.

use std::time::Duration;

use crate::field::{Field, fresh};
use crate::ground::withstands;
use crate::zmtp::{COMMAND, LONG, MORE, Raw, head};

#[test]
fn connections_that_stop_at_any_step_of_the_handshake() {
    withstands("connections that stop in the handshake", stop_anywhere);
}

#[test]
fn connections_that_speak_something_else() {
    withstands("connections that speak something else", speak_otherwise);
}

#[test]
fn more_connections_than_anybody_may_have() {
    withstands("2,000 connections at a time", too_many);
}

#[test]
fn connections_that_come_and_go_at_once() {
    withstands("connections that come and go", come_and_go);
}

#[test]
fn commands_that_nobody_asked_for() {
    withstands("ZMTP commands without end", commands);
}

#[test]
fn frames_larger_than_any_message() {
    withstands("frames of a gigabyte", giants);
}

#[test]
fn connections_of_every_other_kind_of_socket() {
    withstands("connections of other kinds of sockets", other_kinds);
}

/// What PUB, SUB, REQ and others say, under ids of their own, bob's, and two at once; and half closed.
pub(crate) fn other_kinds(field: &Field) {
    let kinds = [
        "ROUTER", "REQ", "REP", "PUB", "SUB", "XPUB", "XSUB", "PUSH", "PULL", "PAIR", "STREAM", "",
    ];
    let mut held = Vec::new();
    while field.goes_on() {
        for kind in kinds {
            if held.len() >= 150 {
                held.clear();
            }
            for id in [field.bob.routing_id(), fresh().routing_id()] {
                let Ok(mut raw) = Raw::dial(field.mailbox) else {
                    continue;
                };
                let other = field.victim.routing_id();
                let mut twice = b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER".to_vec();
                for id in [&other[..], &id[..]] {
                    twice.extend(b"\x08Identity\0\0\0\x11");
                    twice.extend(id);
                }
                let _refused = raw
                    .greet()
                    .and_then(|()| raw.ready(kind, &id))
                    .and_then(|()| raw.frame(COMMAND, b"\x09SUBSCRIBE"))
                    .and_then(|()| raw.message(&[b"\x01"]))
                    .and_then(|()| raw.message(&[b"", b"I am bob"]))
                    .and_then(|()| raw.frame(COMMAND, &twice))
                    .and_then(|()| raw.stream.shutdown(std::net::Shutdown::Write));
                field.count();
                held.push(raw);
                if let Ok(mut raw) = Raw::dial(field.mailbox) {
                    let _refused = raw
                        .greet()
                        .and_then(|()| raw.frame(COMMAND, &twice))
                        .and_then(|()| raw.message(&[b"I am alice"]));
                    held.push(raw);
                }
            }
        }
    }
}

/// Every step of what a DEALER says, cut at every eighth octet, and held open.
pub(crate) fn stop_anywhere(field: &Field) {
    let mut words = Vec::new();
    words.extend([
        0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0, b'N', b'U', b'L', b'L',
    ]);
    words.resize(64, 0);
    let mut ready = b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\x11".to_vec();
    ready.extend(fresh().routing_id());
    words.extend(head(COMMAND, ready.len() as u64));
    words.extend(ready);
    while field.goes_on() {
        let mut held = Vec::new();
        for cut in (0..words.len()).step_by(8) {
            let Ok(mut raw) = Raw::dial(field.mailbox) else {
                continue;
            };
            let _refused = raw.octets(&words[..cut]);
            field.count();
            held.push(raw);
        }
        for raw in &mut held {
            if !field.goes_on() {
                return;
            }
            raw.ends_within(Duration::from_millis(20));
        }
    }
}

pub(crate) fn speak_otherwise(field: &Field) {
    let zeros = [0; 4_096];
    let ones = [0xff; 4_096];
    let mechanism = |name: &[u8]| {
        let mut greeting = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0];
        greeting.extend(name);
        greeting.resize(64, 0);
        greeting
    };
    let (plain, curve, unknown) = (
        mechanism(b"PLAIN"),
        mechanism(b"CURVE"),
        mechanism(&[0xff; 20]),
    );
    let mut old = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 18, 0x7f, 1, 5, 0, 17];
    old.extend(fresh().routing_id());
    let unversioned = b"\x12\0aaaaaaaaaaaaaaaaa\x07\0whisper";
    let words: [&[u8]; 10] = [
        b"GET / HTTP/1.1\r\nHost: alice\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        &zeros,
        &ones,
        &plain,
        &curve,
        &unknown,
        &old,
        unversioned,
    ];
    while field.goes_on() {
        for words in words {
            let Ok(mut raw) = Raw::dial(field.mailbox) else {
                continue;
            };
            let _refused = raw.octets(words).and_then(|()| raw.octets(&ones));
            field.count();
        }
    }
}

/// As many connections as the attacker's host allows, half of them with a routing id of their own.
pub(crate) fn too_many(field: &Field) {
    let mut held = Vec::new();
    while field.goes_on() {
        if held.len() >= 2_000 {
            held.drain(..1_000);
        }
        let opened = if held.len() % 2 == 0 {
            Raw::dial(field.mailbox)
        } else {
            field.dealer(&fresh().routing_id())
        };
        if let Ok(raw) = opened {
            field.count();
            held.push(raw);
        }
    }
}

pub(crate) fn come_and_go(field: &Field) {
    while field.goes_on() {
        if field.dealer(&fresh().routing_id()).is_ok() {
            field.count();
        }
        let _ended_at_once = Raw::dial(field.mailbox);
    }
}

/// Heartbeats, subscriptions and unknown commands, as fast as they are taken, whose answers are not
/// read; and handshakes of megabytes.
pub(crate) fn commands(field: &Field) {
    let mut burst = Vec::new();
    for _ in 0..1_000 {
        for command in [
            &b"\x04PING\0\x0acontext"[..],
            b"\x04PONGcontext",
            b"\x09SUBSCRIBEx",
            b"\x07UNKNOWN",
            b"",
        ] {
            burst.extend(head(COMMAND, command.len() as u64));
            burst.extend(command);
        }
    }
    while field.goes_on() {
        let Ok(mut raw) = field.dealer(&fresh().routing_id()) else {
            continue;
        };
        for _ in 0..20 {
            if !field.goes_on() || raw.octets(&burst).is_err() {
                break;
            }
            field.count();
        }
        let _refused = endless_handshake(field);
    }
}

fn endless_handshake(field: &Field) -> std::io::Result<()> {
    let mut raw = Raw::dial(field.mailbox)?;
    raw.greet()?;
    let length = 15 << 20;
    raw.octets(&head(COMMAND | LONG, length))?;
    raw.octets(b"\x05READY")?;
    let property = b"\xffXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX\0\0\x10\0";
    for _ in 0..1_000 {
        raw.octets(property)?;
        raw.octets(&[b'x'; 4_096])?;
    }
    Ok(())
}

/// Frames that say they are larger than is allowed, and frames that nearly are, begun and never ended.
pub(crate) fn giants(field: &Field) {
    let lengths = [1 << 30, u64::MAX, u64::MAX >> 1, (16 << 20) + 1];
    let some = vec![b'g'; 64 << 10];
    let mut begun = Vec::new();
    while field.goes_on() {
        for length in lengths {
            for flags in [0, MORE, COMMAND] {
                let Ok(mut raw) = field.dealer(&fresh().routing_id()) else {
                    continue;
                };
                let _refused = raw
                    .octets(&head(flags | LONG, length))
                    .and_then(|()| raw.octets(&some));
                field.count();
            }
        }
        // A frame that is allowed, of which all but the end comes.
        if begun.len() < 64
            && let Ok(mut raw) = field.dealer(&fresh().routing_id())
        {
            let mut written = raw.octets(&head(MORE | LONG, 16 << 20));
            for _ in 0..255 {
                written = written.and_then(|()| raw.octets(&some));
            }
            field.count();
            begun.push(raw);
        }
    }
}
