//! The other direction: the node dials a hostile mailbox, which does whatever it likes.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use zchat::zre::Beacon;

use crate::field::{Field, fresh};
use crate::ground::withstands;
use crate::zmtp::{LONG, MORE, Raw, head};

#[test]
fn mailboxes_that_never_speak() {
    withstands("mailboxes that never speak", silent);
}

#[test]
fn mailboxes_that_end_each_connection_at_once() {
    withstands("mailboxes that end each connection", ending);
}

#[test]
fn mailboxes_that_send_without_end() {
    withstands("mailboxes that send without end", sending);
}

#[test]
fn mailboxes_that_speak_something_else() {
    withstands("mailboxes that speak something else", garbage);
}

#[test]
fn mailboxes_that_never_read_after_the_handshake() {
    withstands("mailboxes that never read", deaf);
}

#[test]
fn mailboxes_that_say_one_octet_at_a_time() {
    withstands("mailboxes that say one octet at a time", slow);
}

#[test]
fn mailboxes_that_say_ready_and_ping_without_end() {
    withstands("mailboxes that say READY and PING without end", chattering);
}

/// Attracts dials by beacons, and lets each connection be treated by a thread of its own.
fn listen(field: &Field, treat: fn(TcpStream)) {
    let listener = TcpListener::bind((field.own, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let udp = field.udp();
    listener.set_nonblocking(true).unwrap();
    while field.goes_on() {
        field.broadcast(&udp, &Beacon::new(fresh(), port));
        while let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(false).unwrap();
            field.count();
            thread::spawn(move || treat(stream));
        }
        thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn silent(field: &Field) {
    listen(field, keep_silent);
}

pub(crate) fn ending(field: &Field) {
    listen(field, drop);
}

pub(crate) fn sending(field: &Field) {
    listen(field, flooding);
}

pub(crate) fn garbage(field: &Field) {
    listen(field, speak_otherwise);
}

pub(crate) fn deaf(field: &Field) {
    listen(field, take_nothing);
}

pub(crate) fn slow(field: &Field) {
    listen(field, dawdle);
}

pub(crate) fn chattering(field: &Field) {
    listen(field, chatter);
}

/// Begins a handshake that would take longer than anybody waits.
fn dawdle(mut stream: TcpStream) {
    for octet in [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1].repeat(10) {
        if stream.write_all(&[octet]).is_err() {
            return;
        }
        thread::sleep(HELD / 20);
    }
}

/// Is as well as any mailbox, and then has more to say than one can have, in commands of every kind.
fn chatter(stream: TcpStream) {
    let _time = stream.set_write_timeout(Some(HELD));
    let mut raw = Raw { stream };
    let mut said = raw.greet();
    while said.is_ok() {
        said = raw
            .ready("ROUTER", &[])
            .and_then(|()| raw.octets(b"\x04\x07\x04PING\0\x0a"))
            .and_then(|()| raw.octets(b"\x04\x05\x04PONG"));
    }
}

fn keep_silent(mut stream: TcpStream) {
    let _time = stream.set_read_timeout(Some(HELD));
    while stream.read(&mut [0; 4_096]).is_ok_and(|octets| octets > 0) {}
}

fn flooding(stream: TcpStream) {
    let _time = stream.set_write_timeout(Some(HELD));
    let mut raw = Raw { stream };
    let _refused = raw.greet().and_then(|()| raw.ready("ROUTER", &[]));
    let frame = [head(MORE, 200), vec![b'x'; 200]].concat().repeat(1_000);
    while raw.octets(&frame).is_ok() {}
    let _refused = raw.octets(&head(LONG, 1 << 40));
}

fn speak_otherwise(mut stream: TcpStream) {
    let _time = stream.set_write_timeout(Some(HELD));
    let _refused = stream
        .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        .and_then(|()| stream.write_all(&[0xff; 65_536]));
}

/// Says all that a ROUTER says, and takes nothing.
fn take_nothing(stream: TcpStream) {
    let mut raw = Raw { stream };
    let _refused = raw.greet().and_then(|()| raw.ready("ROUTER", &[]));
    thread::sleep(HELD);
}

/// How long a connection is held by those who hold them.
const HELD: Duration = Duration::from_secs(3);

/// The mailbox fills the connection, asks for PONGs, and breaks it with a reset: libzmq's DEALER aborts, if
/// it has heartbeats and so answers then.
#[test]
fn mailboxes_that_fill_a_connection_and_break_it() {
    withstands("mailboxes that fill and break connections", fill_and_break);
}

pub(crate) fn fill_and_break(field: &Field) {
    let listener = TcpListener::bind((field.own, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    let mut intruders = Vec::new();
    while field.goes_on() {
        if intruders.len() < 20 {
            intruders.extend(field.intruder(port));
        }
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).unwrap();
                let mut raw = Raw { stream };
                let _refused = raw
                    .greet()
                    .and_then(|()| raw.ready("ROUTER", &[]))
                    .and_then(|()| raw.read_frame())
                    .and_then(|_| {
                        for _ in 0..100 {
                            raw.message(&[b"x"])?;
                            raw.octets(b"\x04\x07\x04PING\0\x0a")?;
                        }
                        Ok(())
                    });
                thread::sleep(Duration::from_millis(20));
                // What was not read makes this a reset.
                field.count();
                drop(raw);
            }
            Err(_) => thread::sleep(Duration::from_millis(5)),
        }
    }
}
