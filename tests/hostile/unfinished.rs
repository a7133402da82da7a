//! Messages that never end: libzmq keeps every frame of them until the last one has come (trap 17).

use crate::field::{Field, Intruder, fresh};
use crate::ground::withstands;
use crate::words;
use crate::zmtp::{MORE, Raw, encoded, head};

#[test]
fn trap_17_a_message_of_empty_frames_without_end() {
    withstands("empty frames without end", |field| endless(field, 0));
}

#[test]
fn trap_17_a_message_of_small_frames_without_end() {
    withstands("frames of 33 octets without end", |field| {
        endless(field, 33)
    });
}

#[test]
fn trap_17_a_message_of_large_frames_without_end() {
    withstands("frames of 1 MiB without end", large);
}

#[test]
fn trap_17_many_unfinished_messages_of_peers_that_have_entered() {
    withstands("300 unfinished messages of peers that have entered", many);
}

#[test]
fn messages_of_thousands_of_frames() {
    withstands("messages of 100,000 frames", thousands_of_frames);
}

/// One connection after the other sends frames as fast as they are taken, and never the last one;
/// first without having said HELLO, then as a peer.
fn endless(field: &Field, octets: usize) {
    let frames = vec![frame(octets); ((256 << 10) / (octets + 9)).max(1)].concat();
    let mut as_peer = false;
    while field.goes_on() {
        let opened = if as_peer {
            field.intruder(9).map(peers_whisper)
        } else {
            field.dealer(&fresh().routing_id())
        };
        as_peer = !as_peer;
        let Ok(mut raw) = opened else { continue };
        while field.goes_on() && raw.octets(&frames).is_ok() {
            field.count();
        }
    }
}

fn frame(octets: usize) -> Vec<u8> {
    let mut frame = head(MORE, octets as u64);
    frame.resize(frame.len() + octets, b'u');
    frame
}

/// Begins a WHISPER.
fn peers_whisper(mut intruder: Intruder) -> Raw {
    let head = words::head(words::WHISPER, intruder.next());
    let _refused = intruder.raw.frame(MORE, &head);
    intruder.raw
}

/// Each sends half a megabyte of a message, and then keeps still.
pub(crate) fn many(field: &Field) {
    let half = vec![frame(1_000); 512].concat();
    let mut held = Vec::new();
    while field.goes_on() {
        if held.len() >= 300 {
            held.drain(..150);
        }
        let Ok(intruder) = field.intruder(9) else {
            continue;
        };
        let mut raw = peers_whisper(intruder);
        let _refused = raw.octets(&half);
        field.count();
        held.push(raw);
    }
}

pub(crate) fn large(field: &Field) {
    endless(field, 1 << 20);
}

pub(crate) fn thousands_of_frames(field: &Field) {
    let mut frames = frame(1).repeat(100_000);
    frames.extend(encoded(&[b"last"]));
    while field.goes_on() {
        let Ok(intruder) = field.intruder(9) else {
            continue;
        };
        let mut raw = peers_whisper(intruder);
        if raw.octets(&frames).is_ok() {
            field.count();
        }
    }
}
