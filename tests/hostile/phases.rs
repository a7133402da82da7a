//! What ends or strains a connection, done in each of its phases.

use std::io;
use std::thread;
use std::time::Duration;

use socket2::SockRef;
use zchat::zre::{Beacon, PeerId};

use crate::field::{Field, fresh};
use crate::ground::withstands;
use crate::words::{self, WHISPER};
use crate::zmtp::{COMMAND, LONG, MORE, Raw, head};

#[test]
fn everything_that_ends_or_strains_a_connection_in_each_of_its_phases() {
    withstands("every deed in every phase of a connection", every);
}

/// How far a connection has come.
const PHASES: [fn(&Field, PeerId) -> io::Result<Raw>; 6] = [
    |field, _| Raw::dial(field.mailbox),
    |field, _| {
        let mut raw = Raw::dial(field.mailbox)?;
        raw.greet()?;
        Ok(raw)
    },
    |field, id| field.dealer(&id.routing_id()),
    hello,
    |field, id| {
        let mut raw = hello(field, id)?;
        raw.frame(MORE, &words::head(WHISPER, 2))?;
        raw.frame(MORE, b"to be continued")?;
        Ok(raw)
    },
    |field, id| {
        let raw = hello(field, id)?;
        field.broadcast(&field.udp(), &Beacon::farewell(id));
        Ok(raw)
    },
];

fn hello(field: &Field, id: PeerId) -> io::Result<Raw> {
    let mut raw = field.dealer(&id.routing_id())?;
    let endpoint = format!("tcp://{}:9", field.own);
    raw.message(&[&words::hello(1, &endpoint, &["CHAT"], 1, "mallory")])?;
    Ok(raw)
}

/// What is done then. Afterwards the connection is closed.
const DEEDS: [fn(&mut Raw) -> io::Result<()>; 9] = [
    |_| Ok(()),
    // A reset in place of an end.
    |raw| SockRef::from(&raw.stream).set_linger(Some(Duration::ZERO)),
    |raw| raw.octets(&[0; 1_000]),
    |raw| raw.octets(&[0xff; 1_000]),
    // PINGs whose answers are not read, and then a reset.
    |raw| {
        raw.octets(&b"\x04\x07\x04PING\0\x0a".repeat(1_000))?;
        SockRef::from(&raw.stream).set_linger(Some(Duration::ZERO))
    },
    |raw| raw.octets(&[head(MORE, 3), b"abc".to_vec()].concat().repeat(5_000)),
    |raw| raw.octets(&head(LONG, 1 << 40)),
    |raw| raw.octets(&head(COMMAND | LONG, 1 << 40)),
    |raw| {
        let whispers = (2..200).map(|sequence| {
            let header = words::head(WHISPER, sequence);
            [head(MORE, 6), header, head(0, 1), b"w".to_vec()].concat()
        });
        raw.octets(&whispers.collect::<Vec<_>>().concat())
    },
];

pub(crate) fn every(field: &Field) {
    while field.goes_on() {
        for phase in PHASES {
            for deed in DEEDS {
                let id = fresh();
                field.real.lock().unwrap().insert(id);
                if let Ok(mut raw) = phase(field, id) {
                    let _refused = deed(&mut raw);
                    field.count();
                }
                if !field.goes_on() {
                    return;
                }
                // As fast as an address may open connections.
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
}
