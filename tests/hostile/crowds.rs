//! One host with many addresses, so that what an address is allowed does not hold it back.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::thread;
use std::time::Duration;

use zchat::zre::Beacon;

use crate::field::{Field, fresh};
use crate::ground::withstands;
use crate::words::{self, JOIN};
use crate::zmtp::{Mailbox, Raw};

#[test]
fn connections_from_many_addresses_that_say_no_hello() {
    withstands("connections from many addresses", connections);
}

#[test]
fn hellos_of_the_largest_size_from_many_addresses() {
    withstands("large HELLOs from many addresses", large_hellos);
}

#[test]
fn beacons_of_nobody_from_many_addresses() {
    withstands("beacons of nobody from many addresses", beacons);
}

/// What the attacker's host is called besides.
pub(crate) fn addresses() -> impl Iterator<Item = Ipv4Addr> + Clone {
    (100..160).map(|last| Ipv4Addr::new(10, 77, 0, last))
}

/// Holds 2,000: some that say nothing, some that shake hands, and some that say something that makes no
/// sense before a HELLO.
pub(crate) fn connections(field: &Field) {
    let mut held = Vec::new();
    let mut from = addresses().cycle();
    while field.goes_on() {
        if held.len() >= 2_000 {
            held.drain(..500);
        }
        let address = from.next().map(IpAddr::from);
        let opened = match held.len() % 3 {
            0 => Raw::dial_from(address, field.mailbox),
            1 => dealer(field, address),
            _ => dealer(field, address).and_then(|mut raw| {
                raw.message(&[&words::head(words::PING, 2)])?;
                Ok(raw)
            }),
        };
        if let Ok(raw) = opened {
            field.count();
            held.push(raw);
        }
    }
}

fn dealer(field: &Field, from: Option<IpAddr>) -> io::Result<Raw> {
    let mut raw = Raw::dial_from(from, field.mailbox)?;
    raw.greet()?;
    raw.ready("DEALER", &fresh().routing_id())?;
    Ok(raw)
}

/// 400 peers at a time: each has as many headers as are kept, and as many groups with the longest
/// names, the same as all others have.
pub(crate) fn large_hellos(field: &Field) {
    let mailbox = Mailbox::open(field.own).unwrap();
    let groups: Vec<String> = (0..1_024).map(|number| format!("{number:0255}")).collect();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let endpoint = format!("tcp://{}", mailbox.address);
    let mut hello = words::hello(1, &endpoint, &groups, 1, &"m".repeat(255));
    hello.truncate(hello.len() - 4);
    words::number(&mut hello, 256);
    for header in 0..256 {
        words::string(&mut hello, &format!("X-{header:03}"));
        words::number(&mut hello, 250);
        hello.extend([b'h'; 250]);
    }
    let mut held = Vec::new();
    let mut from = addresses().cycle();
    while field.goes_on() {
        if held.len() >= 400 {
            held.drain(..200);
        }
        let id = fresh();
        field.real.lock().unwrap().insert(id);
        let opened = Raw::dial_from(from.next().map(IpAddr::from), field.mailbox);
        let opened = opened.and_then(|mut raw| {
            raw.greet()?;
            raw.ready("DEALER", &id.routing_id())?;
            raw.message(&[&hello])?;
            raw.message(&[&words::change(JOIN, 2, "one more", 2)])?;
            Ok(raw)
        });
        if let Ok(raw) = opened {
            field.count();
            held.push(raw);
        }
    }
}

/// All lead to ports where nobody listens, or to one who takes connections and says nothing.
pub(crate) fn beacons(field: &Field) {
    let mailbox = Mailbox::open(Ipv4Addr::UNSPECIFIED).unwrap();
    let sockets: Vec<_> = addresses().map(|from| field.udp_from(from)).collect();
    while field.goes_on() {
        for socket in &sockets {
            for port in [9, mailbox.address.port()] {
                field.broadcast(socket, &Beacon::new(fresh(), port));
                field.count();
            }
        }
        thread::sleep(Duration::from_millis(2));
    }
}
