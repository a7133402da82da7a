//! One host with many addresses, so that what an address is allowed does not hold it back.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::thread;
use std::time::{Duration, Instant};

use zchat::zre::Beacon;

use crate::beacons;
use crate::field::{Field, fresh};
use crate::figure::figure;
use crate::ground::{Attack, Ground, withstands};
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
    withstands("beacons of nobody from many addresses", of_nobody);
}

#[test]
fn hellos_from_many_addresses_whose_mailboxes_take_no_connection() {
    withstands("HELLOs in one direction from many addresses", one_way);
}

/// Goal: while hosts of many addresses say HELLO in one direction, and as many beacons are forged as there
/// are places for strangers, an honest newcomer gets in, long before that is over. Method: carol comes before that
/// goes on, and dave while it does: each of the two hears more strangers than it has places for, so that it takes
/// some seconds until one is dialled by the other.
#[test]
fn an_honest_newcomer_gets_in_while_strangers_take_all_places() {
    let Some(mut ground) = Ground::new() else {
        return;
    };
    let meet = |ground: &mut Ground, name: &str| {
        let start = Instant::now();
        let (mut carol, _) = ground.newcomer(name);
        let took = start.elapsed();
        carol.say("quit");
        assert!(carol.wait_for_end().success());
        took
    };
    let before = meet(&mut ground, "carol");
    let attack: Attack = |field| {
        thread::scope(|scope| {
            scope.spawn(|| beacons::spoofed(field));
            scope.spawn(|| one_way(field));
        });
    };
    let attacking = ground.begin(attack, WHILE);
    thread::sleep(Duration::from_secs(1));
    let while_attacked = meet(&mut ground, "dave");
    attacking.join().unwrap();
    figure(&format!(
        "a newcomer is met within {before:?}, and {while_attacked:?} while strangers take all places"
    ));
    assert!(while_attacked < WHILE - Duration::from_secs(2));
    ground.close();
}

/// How long strangers try to keep an honest newcomer out.
const WHILE: Duration = Duration::from_secs(45);

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

/// Peers of all addresses that have no mailbox where they say: nobody listens there, or there is no such
/// host, so that each dial takes as long as it may.
pub(crate) fn one_way(field: &Field) {
    let mut held = Vec::new();
    let mut from = addresses().cycle();
    for number in (0_u16..=u16::MAX).cycle() {
        if !field.goes_on() {
            return;
        }
        if held.len() >= 2_000 {
            held.drain(..500);
        }
        let Some(address) = from.next() else { return };
        let nobody = Ipv4Addr::new(10, 77, 0, 161 + u8::try_from(number % 90).unwrap());
        let at = if number % 4 == 0 { address } else { nobody };
        let id = fresh();
        field.real.lock().unwrap().insert(id);
        let endpoint = format!("tcp://{at}:{}", 1_024 + number % 50_000);
        let opened = Raw::dial_from(Some(address.into()), field.mailbox).and_then(|mut raw| {
            raw.greet()?;
            raw.ready("DEALER", &id.routing_id())?;
            raw.message(&[&words::hello(1, &endpoint, &["CHAT"], 1, "mallory")])?;
            Ok(raw)
        });
        if let Ok(raw) = opened {
            field.count();
            held.push(raw);
        }
    }
}

/// All lead to ports where nobody listens, or to one who takes connections and says nothing.
pub(crate) fn of_nobody(field: &Field) {
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
