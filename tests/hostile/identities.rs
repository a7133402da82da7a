//! Attacks under bob's name: who speaks for somebody else must not be heard, and must not silence him.

use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use crate::field::{Field, fresh};
use crate::ground::withstands;
use crate::words::{self, JOIN, LEAVE, WHISPER};
use crate::zmtp::{Mailbox, Raw, value_of};

#[test]
fn trap_16_connections_under_the_id_of_a_connected_peer() {
    withstands("connections under bob's id", as_bob);
}

#[test]
fn trap_16_connections_under_bobs_id_that_are_held() {
    withstands("connections under bob's id that are held", as_bob_and_stay);
}

#[test]
fn trap_18_anonymous_connections_and_ids_like_those_that_libzmq_gives_them() {
    withstands("anonymous connections and guessed ids", anonymous);
}

/// HELLO, WHISPER and LEAVE as bob would say them, from another connection and another host.
pub(crate) fn as_bob(field: &Field) {
    while field.goes_on() {
        let Ok(mut raw) = field.dealer(&field.bob.routing_id()) else {
            continue;
        };
        speak_as_bob(field, &mut raw);
    }
}

fn speak_as_bob(field: &Field, raw: &mut Raw) {
    for endpoint in [
        format!("tcp://{}:9", field.own),
        format!("tcp://{}", field.bob_at),
    ] {
        for (sequence, name) in [(1, "robert"), (2, "bob")] {
            let hello = words::hello(sequence, &endpoint, &["CHAT", "forged"], 1, name);
            let forged = words::head(WHISPER, sequence + 1);
            let shout = words::shout(sequence + 2, "CHAT");
            let leave = words::change(LEAVE, sequence + 3, "CHAT", 2);
            let join = words::change(JOIN, sequence + 4, "forged", 3);
            let said = raw
                .message(&[&hello])
                .and_then(|()| raw.message(&[&forged, b"I am bob"]))
                .and_then(|()| raw.message(&[&shout, b"I am bob"]))
                .and_then(|()| raw.message(&[&leave]))
                .and_then(|()| raw.message(&[&join]));
            if said.is_ok() {
                field.count();
            }
        }
    }
}

pub(crate) fn as_bob_and_stay(field: &Field) {
    let mut held = Vec::new();
    while field.goes_on() {
        if held.len() >= 100 {
            held.clear();
        }
        let Ok(mut raw) = field.dealer(&field.bob.routing_id()) else {
            continue;
        };
        speak_as_bob(field, &mut raw);
        held.push(raw);
    }
}

#[test]
fn connections_under_bobs_id_that_prove_nothing() {
    withstands("made-up proofs of being bob", with_proofs);
}

/// Connections that show, as a later one of bob's would, the very ticket that they were given, one that an
/// earlier one was given, anything at all, or more than fits; and then speak as bob.
pub(crate) fn with_proofs(field: &Field) {
    let mut held = Vec::new();
    let mut before = vec![0; 16];
    for turn in (0..5_u8).cycle() {
        if !field.goes_on() {
            return;
        }
        if held.len() >= 50 {
            held.clear();
        }
        let opened = Raw::dial(field.mailbox).and_then(|mut raw| {
            raw.greet()?;
            let (_, ready) = raw.read_frame()?;
            let ticket = value_of(&ready, "X-Zchat-Ticket", 16).unwrap_or(&[0; 16]);
            let chance = fresh().routing_id();
            let proof = match turn {
                0 => ticket,
                1 => before.as_slice(),
                2 => chance.get(1..).unwrap_or_default(),
                3 => &[0xff; 16],
                _ => &[0; 300],
            };
            let bob = field.bob.routing_id();
            let properties = [("X-Zchat-Proof", proof), ("X-Zchat-Ticket", ticket)];
            raw.ready_with("DEALER", &bob, &properties)?;
            before = ticket.to_vec();
            Ok(raw)
        });
        if let Ok(mut raw) = opened {
            field.count();
            speak_as_bob(field, &mut raw);
            held.push(raw);
        }
    }
}

#[test]
fn one_id_that_says_hello_from_two_addresses_in_turn() {
    withstands("one id at two addresses", two_places);
}

/// Each says that its mailbox is at another place than the one before, and holds its connection; one of
/// them goes on to speak half closed.
pub(crate) fn two_places(field: &Field) {
    let mailboxes = [(); 2].map(|()| Mailbox::open(field.own).unwrap());
    let addresses: Vec<_> = crate::crowds::addresses().take(2).collect();
    let mut held = Vec::new();
    while field.goes_on() {
        let id = fresh();
        field.real.lock().unwrap().insert(id);
        held.clear();
        for round in 0..20 {
            let (address, mailbox) = (addresses[round % 2], &mailboxes[round % 2]);
            let endpoint = format!("tcp://{}", mailbox.address);
            let opened = Raw::dial_from(Some(address.into()), field.mailbox).and_then(|mut raw| {
                raw.greet()?;
                raw.ready("DEALER", &id.routing_id())?;
                raw.message(&[&words::hello(1, &endpoint, &["CHAT"], 1, "mallory")])?;
                raw.message(&[&words::head(WHISPER, 2), b"from two places"])?;
                if round % 3 == 0 {
                    raw.stream.shutdown(Shutdown::Write)?;
                }
                Ok(raw)
            });
            held.extend(opened);
            field.count();
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// libzmq names a connection without an id by a zero and a counter that starts from `rand()`: who
/// claims the next name first makes it fail an assertion, if he can guess it.
pub(crate) fn anonymous(field: &Field) {
    // What an unseeded rand() of glibc gives first, and what some other seeds would.
    let starts = [
        1_804_289_383_u32,
        846_930_886,
        1_681_692_777,
        0,
        1,
        0x7fff_ffff,
    ];
    let mut held = Vec::new();
    while field.goes_on() {
        for start in starts {
            for step in 0..20_u32 {
                let mut id = vec![0];
                id.extend(start.wrapping_add(step).to_be_bytes());
                let named = field.dealer(&id);
                let mut id = vec![0];
                id.extend(start.wrapping_add(step).to_le_bytes());
                let otherwise = field.dealer(&id);
                let unnamed = field.dealer(&[]);
                held.extend([named, otherwise, unnamed].into_iter().flatten());
                field.count();
                if !field.goes_on() {
                    return;
                }
            }
        }
        held.clear();
        if let Ok(mut raw) = field.dealer(&[]) {
            let hello = words::hello(1, "tcp://10.77.0.3:9", &[], 0, "nobody");
            let _refused = raw.message(&[&hello]);
        }
        let _ended = field.dealer(&fresh().routing_id());
    }
}
