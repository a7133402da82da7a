//! What chats tell each other besides text, in every quantity and shape: only chats look at it.

use std::io;

use crate::field::{Field, Intruder, fresh};
use crate::words::{self, WHISPER};
use crate::zmtp::{Mailbox, encoded};

/// A peer that says it is a chat of our kind, with a mailbox at this port.
fn chat(field: &Field, mailbox: u16, name: &str) -> io::Result<Intruder> {
    let id = fresh();
    field.real.lock().unwrap().insert(id);
    let mut raw = field.dealer(&id.routing_id())?;
    let endpoint = format!("tcp://{}:{mailbox}", field.own);
    let mut hello = words::hello(1, &endpoint, &["CHAT"], 1, name);
    hello.truncate(hello.len() - 4);
    words::number(&mut hello, 1);
    words::string(&mut hello, "X-ZCHAT");
    words::number(&mut hello, 1);
    hello.extend(b"1");
    raw.message(&[&hello])?;
    Ok(Intruder::new(raw))
}

/// A map of MessagePack: the kind, and these fields.
fn note(kind: &str, fields: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let count = u8::try_from(fields.len() + 1).unwrap();
    let mut octets = vec![0x80 | count];
    octets.extend(text("kind"));
    octets.extend(text(kind));
    for (name, value) in fields {
        octets.extend(text(name));
        octets.extend(value);
    }
    octets
}

fn text(text: &str) -> Vec<u8> {
    let mut octets = vec![0xda];
    octets.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
    octets.extend(text.as_bytes());
    octets
}

fn number(number: u32) -> Vec<u8> {
    [&[0xce][..], &number.to_be_bytes()].concat()
}

/// Says these, each without a text, as often as it is taken.
fn tell(field: &Field, intruder: &mut Intruder, notes: &[Vec<u8>]) -> io::Result<()> {
    let mut burst = Vec::new();
    for note in notes {
        let header = words::head(WHISPER, intruder.next());
        burst.extend(encoded(&[&header, b"", note]));
        field.count();
    }
    intruder.raw.octets(&burst)
}

/// Asks for private chats, under ever other numbers, from many ids; accepts, refuses and ends what nobody
/// asked for.
pub(crate) fn private_chats(field: &Field) {
    let mailbox = Mailbox::open(field.own).unwrap();
    let mut held = Vec::new();
    while field.goes_on() {
        if held.len() < 100
            && let Ok(intruder) = chat(field, mailbox.address.port(), "mallory")
        {
            held.push(intruder);
        }
        held.retain_mut(|intruder| {
            let kinds = ["ask", "ok", "reject", "busy", "end", "ask", "text"];
            let notes: Vec<Vec<u8>> = (0..70_u32)
                .zip(kinds.iter().cycle())
                .map(|(request, kind)| {
                    note(
                        kind,
                        &[("request", number(request)), ("private", number(request))],
                    )
                })
                .collect();
            tell(field, intruder, &notes).is_ok()
        });
    }
}

/// Is away for another reason each time, and asks who is there.
pub(crate) fn away(field: &Field) {
    let mailbox = Mailbox::open(field.own).unwrap();
    while field.goes_on() {
        let Ok(mut intruder) = chat(field, mailbox.address.port(), "mallory") else {
            continue;
        };
        for round in 0_u32.. {
            let reason = text(&format!("{round}{}", "\u{1b}[2J".repeat(1_000)));
            let notes = [
                note("away", &[("text", reason)]),
                note("who", &[("request", number(round))]),
                note("back", &[]),
            ];
            if !field.goes_on() || tell(field, &mut intruder, &notes).is_err() {
                break;
            }
        }
    }
}

/// Answers that nobody asked for, and octets that are no note: too long, nested without end, cut short,
/// and with lengths of four billion.
pub(crate) fn mangled(field: &Field) {
    let mailbox = Mailbox::open(field.own).unwrap();
    let peer = note(
        "x",
        &[
            ("peer", text(&"ab".repeat(16))),
            ("name", text("\u{202e}nobody")),
        ],
    );
    let list = [&[0xdc, 0, 200][..], &peer.repeat(200)].concat();
    let these = note("these", &[("request", number(1)), ("peers", list)]);
    let mut notes = vec![
        these.clone(),
        these[..these.len() / 2].to_vec(),
        [&these[..], &[0; 65_536]].concat(),
        vec![0x91; 60_000],
        vec![0x81; 60_000],
        note("away", &[("text", vec![0xdb, 0xff, 0xff, 0xff, 0xff])]),
        note("these", &[("peers", vec![0xdd, 0xff, 0xff, 0xff, 0xff])]),
        vec![0xdf, 0xff, 0xff, 0xff, 0xff],
        vec![0xc7; 1_000],
        Vec::new(),
    ];
    notes.extend((0..=255).map(|octet| vec![octet; 3]));
    while field.goes_on() {
        let Ok(mut intruder) = chat(field, mailbox.address.port(), "mallory") else {
            continue;
        };
        while field.goes_on() && tell(field, &mut intruder, &notes).is_ok() {}
    }
}
