//! Datagrams: forged beacons, forged farewells, and what is no beacon at all.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use zchat::zre::Beacon;

use crate::field::{Field, fresh};
use crate::ground::withstands;
use crate::zmtp::Mailbox;

#[test]
fn thousands_of_beacons_of_nobody() {
    withstands("beacons of nobody, with dead ports", nobody);
}

#[test]
fn beacons_that_point_at_somebody_who_answers() {
    withstands("beacons that point at the attacker's mailbox", at_a_mailbox);
}

#[test]
fn beacons_that_point_at_the_node_itself_and_at_its_peer() {
    withstands("beacons of ids that are taken", taken_ids);
}

#[test]
fn farewells_in_the_name_of_others() {
    withstands("forged farewells", farewells);
}

#[test]
fn datagrams_that_are_no_beacons() {
    withstands("datagrams that are no beacons", garbage);
}

#[test]
fn beacons_of_nobody_as_fast_as_they_can_be_sent_from_any_address() {
    withstands("beacons with any source", spoofed);
}

pub(crate) fn nobody(field: &Field) {
    let udp = field.udp();
    while field.goes_on() {
        for port in [1, 9, 80, 49_999, 65_535] {
            field.broadcast(&udp, &Beacon::new(fresh(), port));
            field.count();
        }
        thread::sleep(Duration::from_micros(500));
    }
}

/// Each beacon has another id, all lead to one listener, which takes connections and never says HELLO.
pub(crate) fn at_a_mailbox(field: &Field) {
    let mailbox = Mailbox::open(field.own).unwrap();
    let udp = field.udp();
    while field.goes_on() {
        field.broadcast(&udp, &Beacon::new(fresh(), mailbox.address.port()));
        field.count();
        thread::sleep(Duration::from_millis(1));
    }
}

/// Bob's and alice's own ids from the attacker's address, and fresh ids at their mailboxes' ports.
pub(crate) fn taken_ids(field: &Field) {
    let mailbox = Mailbox::open(field.own).unwrap();
    let udp = field.udp();
    while field.goes_on() {
        for port in [
            9,
            mailbox.address.port(),
            field.mailbox.port(),
            field.bob_at.port(),
        ] {
            for id in [field.bob, field.victim, fresh()] {
                field.broadcast(&udp, &Beacon::new(id, port));
                field.count();
            }
        }
        thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn farewells(field: &Field) {
    let udp = field.udp();
    while field.goes_on() {
        for id in [field.bob, field.victim, fresh()] {
            field.broadcast(&udp, &Beacon::farewell(id));
            field.count();
        }
        thread::sleep(Duration::from_micros(500));
    }
}

/// Every length, with and without the right beginning; also to the port of the node alone.
pub(crate) fn garbage(field: &Field) {
    let udp = field.udp();
    let alone = SocketAddr::new(field.mailbox.ip(), field.beacons.port());
    let mut number = 0_u8;
    while field.goes_on() {
        for length in (0..=64).chain([255, 1_400, 1_472]) {
            number = number.wrapping_add(1);
            let mut datagram = vec![number; length];
            for beginning in [&b""[..], b"ZRE", b"ZRE\x01", b"ZRE\x02", b"ZRE\x03"] {
                let end = beginning.len().min(length);
                datagram[..end].copy_from_slice(&beginning[..end]);
                // One that is right by chance is a beacon of nobody.
                if datagram.len() != Beacon::OCTETS || !datagram.starts_with(b"ZRE\x01") {
                    let _lost = udp.send_to(&datagram, field.beacons);
                    let _lost = udp.send_to(&datagram, alone);
                    field.count();
                }
            }
        }
    }
}

/// How often the node connects to an address that thousands of beacons point at.
#[test]
fn forged_beacons_do_not_make_a_node_a_flood_against_a_victim() {
    withstands("beacons with the address of a third host", |field| {
        let third = TcpListener::bind((field.own, 0)).unwrap();
        let port = third.local_addr().unwrap().port();
        let dialled = AtomicU64::new(0);
        let udp = field.udp();
        third.set_nonblocking(true).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                while field.goes_on() {
                    match third.accept() {
                        // It is no node: it ends the connection at once.
                        Ok(_) => drop(dialled.fetch_add(1, Ordering::Relaxed)),
                        Err(_) => thread::sleep(Duration::from_millis(1)),
                    }
                }
            });
            while field.goes_on() {
                field.broadcast(&udp, &Beacon::new(fresh(), port));
                field.count();
                thread::sleep(Duration::from_millis(1));
            }
        });
        let dialled = dialled.into_inner();
        crate::figure::figure(&format!(
            "dials to a host that is no node, in 3 s: {dialled}"
        ));
        // Eight at a time, each dialled again for 3 s, at growing intervals.
        assert!(dialled < 300, "{dialled} dials");
    });
}

#[test]
fn farewells_from_the_addresses_of_those_who_stay() {
    withstands("farewells with a source that is made up", false_farewells);
}

#[test]
fn beacons_of_those_who_are_here_from_any_address() {
    withstands(
        "beacons of taken ids with any source",
        taken_ids_from_anywhere,
    );
}

/// A socket that says where its datagrams come from.
fn forger() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(255))).unwrap();
    socket.set_broadcast(true).unwrap();
    socket.set_header_included_v4(true).unwrap();
    socket
}

fn octets_of(address: SocketAddr) -> [u8; 4] {
    match address.ip() {
        IpAddr::V4(address) => address.octets(),
        IpAddr::V6(_) => unreachable!("all hosts have addresses of IPv4"),
    }
}

/// Alice is told that bob leaves, by datagrams from his address, and bob that she does.
pub(crate) fn false_farewells(field: &Field) {
    let socket = forger();
    let (alice, bob) = (octets_of(field.mailbox), octets_of(field.bob_at));
    while field.goes_on() {
        for (from, to, id) in [(bob, alice, field.bob), (alice, bob, field.victim)] {
            let farewell = Beacon::farewell(id).encode();
            let datagram = datagram(from, to, field.beacons.port(), &farewell);
            let _lost = socket.send_to(&datagram, &SocketAddr::from((to, 0)).into());
            field.count();
        }
        thread::sleep(Duration::from_millis(3));
    }
}

/// Alice's and bob's own ids, from each address of the network, their own ones included, with the ports of
/// their mailboxes, and others.
pub(crate) fn taken_ids_from_anywhere(field: &Field) {
    let socket = forger();
    let mailbox = Mailbox::open(field.own).unwrap();
    let ports = [
        9,
        field.mailbox.port(),
        field.bob_at.port(),
        mailbox.address.port(),
    ];
    let mut number = 0;
    while field.goes_on() {
        for last in (1..=254).chain([1, 2, 3].repeat(20)) {
            number += 1;
            for id in [field.bob, field.victim] {
                let beacon = Beacon::new(id, ports[number % ports.len()]).encode();
                let to = [10, 77, 0, 255];
                let datagram = datagram([10, 77, 0, last], to, field.beacons.port(), &beacon);
                let _lost = socket.send_to(&datagram, &SocketAddr::from((to, 0)).into());
                field.count();
            }
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Datagrams whose source is made up: any host of the network, bob, alice herself, and what is no host.
/// Ids are new in each, so that all of it is news.
pub(crate) fn spoofed(field: &Field) {
    let socket = forger();
    let ours = (1..=254).map(|last| [10, 77, 0, last]);
    let others = [
        [127, 0, 0, 1],
        [0, 0, 0, 0],
        [255; 4],
        [224, 0, 0, 1],
        [10, 77, 0, 255],
    ];
    let sources: Vec<[u8; 4]> = ours.chain(others).collect();
    let ports = [
        1,
        9,
        field.mailbox.port(),
        field.bob_at.port(),
        49_152,
        65_535,
    ];
    let alice = octets_of(field.mailbox);
    let mut number = 0;
    while field.goes_on() {
        for source in &sources {
            number += 1;
            let beacon = Beacon::new(fresh(), ports[number % ports.len()]);
            for to in [alice, [10, 77, 0, 255]] {
                let datagram = datagram(*source, to, field.beacons.port(), &beacon.encode());
                let to = SocketAddr::from((to, 0));
                let _lost = socket.send_to(&datagram, &to.into());
                field.count();
            }
        }
        // Some 50,000 a second.
        thread::sleep(Duration::from_millis(8));
    }
}

/// UDP in IPv4, without checksums of its own.
fn datagram(from: [u8; 4], to: [u8; 4], port: u16, content: &[u8]) -> Vec<u8> {
    let length = |octets: usize| u16::try_from(octets).unwrap().to_be_bytes();
    let mut octets = vec![0x45, 0];
    octets.extend(length(28 + content.len()));
    octets.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    octets.extend(from);
    octets.extend(to);
    octets.extend(port.to_be_bytes());
    octets.extend(port.to_be_bytes());
    octets.extend(length(8 + content.len()));
    octets.extend([0, 0]);
    octets.extend(content);
    octets
}
