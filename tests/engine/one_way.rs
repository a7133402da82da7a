//! Peers that are heard in one direction only: they say HELLO, and nobody takes our connection.

use std::net::SocketAddr;

use zchat::zre::{Beacon, Event, LinkId, Output, PeerId, Sighting};

use crate::solo::{LOCAL, Peer, Solo, connects, events, ip, ms};

/// The defaults of the issue: so many from one address, and in all.
const OF_AN_ADDRESS: usize = 64;
const IN_ALL: usize = 256;

/// A peer of that number, with its mailbox on one of so many hosts.
fn stranger(number: u16, hosts: u16) -> Peer {
    let mut peer = Peer::new(2);
    let mut id = [0xbb; 16];
    id[..2].copy_from_slice(&number.to_be_bytes());
    peer.id = PeerId::from_bytes(id);
    let host = number % hosts;
    peer.place = SocketAddr::new(
        ip(&format!("10.1.{}.{}", host / 250, host % 250 + 1)),
        10_000 + number,
    );
    peer
}

/// The connection to a peer, of all that are opened because others make room.
fn link_of(outputs: &[Output], peer: &Peer) -> Option<LinkId> {
    outputs.iter().find_map(|output| match output {
        Output::Connect { link, to, .. } if to.remote == peer.place => Some(*link),
        _ => None,
    })
}

/// How many have entered and not left.
fn present(events: &[Event]) -> usize {
    let count = |is: fn(&Event) -> bool| events.iter().filter(|event| is(event)).count();
    count(|it| matches!(it, Event::Enter { .. })) - count(|it| matches!(it, Event::Exit { .. }))
}

#[test]
fn of_one_address_64_that_take_no_connection_stay() {
    let mut solo = Solo::new();
    let mut told = Vec::new();
    for number in 0..200 {
        told.extend(events(solo.hello(&mut stranger(number, 1))));
    }
    told.extend(events(solo.pass(ms(1_500))));
    assert_eq!(present(&told), OF_AN_ADDRESS);
    let first = stranger(0, 1).id;
    let is_first = |it: &Event| matches!(it, Event::Exit { peer, .. } if *peer == first);
    assert!(!told.iter().any(is_first), "who was here first stays");
    assert_eq!(solo.engine.stats().too_many_unproven, 200 - 64);
}

#[test]
fn of_any_number_of_addresses_256_that_take_no_connection_stay() {
    let mut solo = Solo::new();
    let mut told = Vec::new();
    for number in 0..5_000 {
        told.extend(events(solo.hello(&mut stranger(number, 250))));
        told.extend(events(solo.pass(ms(1))));
        assert!(present(&told) <= IN_ALL + 128, "{number}");
        assert_eq!(solo.engine.entered(), present(&told));
    }
    told.extend(events(solo.pass(ms(2_000))));
    for number in 5_000..5_200 {
        told.extend(events(solo.hello(&mut stranger(number, 250))));
        assert!(present(&told) <= IN_ALL + 128, "{number}");
    }
}

/// Goal: an honest newcomer gets in, and stays, while hosts of 250 addresses say HELLO in one direction, and
/// as many beacons are forged as there are places. Method: its connection takes 20 ms.
#[test]
fn a_newcomer_gets_in_while_all_places_are_taken_by_those_who_take_no_connection() {
    let mut solo = Solo::new();
    for number in 0..600 {
        let forged = stranger(20_000 + number, 250);
        let sighting = Sighting {
            source: forged.place.into(),
            local: ip(LOCAL),
            beacon: Beacon::new(forged.id, forged.place.port()),
        };
        solo.engine.handle_beacon(solo.now, sighting);
    }
    solo.outputs();
    let mut number = 0;
    for round in 0..25 {
        let mut bob = stranger(30_000 + round, u16::MAX);
        bob.place = SocketAddr::new(ip("10.0.0.77"), 40_000 + round);
        let outputs = solo.hello(&mut bob);
        let link = link_of(&outputs, &bob).expect("it is dialled at once");
        let mut told = events(outputs);
        let enters = |it: &Event| matches!(it, Event::Enter { peer, .. } if *peer == bob.id);
        assert!(told.iter().any(enters));
        for _ in 0..20 {
            for _ in 0..5 {
                number += 1;
                told.extend(events(solo.hello(&mut stranger(number, 250))));
            }
            told.extend(events(solo.pass(ms(1))));
        }
        solo.engine.handle_connected(solo.now, link);
        assert_eq!(solo.engine.proven_by(link), Some(bob.id));
        for _ in 0..500 {
            number += 1;
            told.extend(events(solo.hello(&mut stranger(number, 250))));
        }
        let is_its = |it: &Event| matches!(it, Event::Exit { peer, .. } if *peer == bob.id);
        assert!(!told.iter().any(is_its), "the time {round}");
    }
}

/// Goal: who is behind a firewall that lets nothing in, and was here before, stays.
#[test]
fn those_that_were_here_first_stay_when_others_come_by_thousands() {
    let mut solo = Solo::new();
    let mut honest: Vec<Peer> = (0..20)
        .map(|number| stranger(40_000 + number, 250))
        .collect();
    for peer in &mut honest {
        assert_eq!(present(&events(solo.hello(peer))), 1);
    }
    solo.pass(ms(3_000));
    for number in 0..5_000 {
        let told = events(solo.hello(&mut stranger(number, 250)));
        let left = |it: &Event| {
            let is_honest = |id: &PeerId| honest.iter().any(|peer| peer.id == *id);
            matches!(it, Event::Exit { peer, .. } if is_honest(peer))
        };
        assert!(!told.iter().any(left), "{number}: {told:?}");
        for peer in &mut honest {
            solo.beacon(peer);
        }
        solo.pass(ms(1));
    }
}

/// So many peers on so many hosts say HELLO, one each so many milliseconds, and take our connections 50 ms after the
/// last; all get in, and none leaves.
fn all_get_in(peers: u16, hosts: u16, apart: u64) -> Solo {
    let mut solo = Solo::new();
    let mut links = Vec::new();
    let mut told = Vec::new();
    for number in 0..peers {
        let mut peer = stranger(number, hosts);
        let outputs = solo.hello(&mut peer);
        links.extend(link_of(&outputs, &peer));
        told.extend(events(outputs));
        told.extend(events(solo.pass(ms(apart))));
    }
    told.extend(events(solo.pass(ms(50))));
    for link in links {
        solo.engine.handle_connected(solo.now, link);
    }
    told.extend(events(solo.pass(ms(4_000))));
    assert_eq!(present(&told), usize::from(peers));
    assert!(!told.iter().any(|it| matches!(it, Event::Exit { .. })));
    solo
}

/// A whole network that starts at once is not turned away.
#[test]
fn three_hundred_that_say_hello_at_once_all_get_in() {
    let solo = all_get_in(300, 250, 0);
    assert_eq!(solo.engine.stats().too_many_unproven, 0);
}

/// Nor is whoever comes to a network of thousands.
#[test]
fn two_thousand_hosts_that_say_hello_at_once_all_get_in() {
    all_get_in(2_000, 2_000, 0);
}

/// Nor where it takes the first of them two seconds to take a connection.
#[test]
fn hosts_that_are_slow_to_take_a_connection_do_not_make_room_for_each_other() {
    all_get_in(500, 500, 4);
}

/// Goal: a few hosts that say HELLO in thousands of names get no more places at once than are left to those of
/// one name each. Method: all of them, of sixty addresses, in one moment.
#[test]
fn of_few_hosts_384_are_here_at_once() {
    let mut solo = Solo::new();
    let mut told = Vec::new();
    for number in 0..3_000 {
        told.extend(events(solo.hello(&mut stranger(number, 60))));
    }
    assert_eq!(present(&told), 256 + 128);
}

/// Goal: a peer that has proven itself, and is dialled elsewhere since, is not one of those that make room.
#[test]
fn who_has_proven_itself_and_moves_stays_while_it_is_dialled() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.pass(ms(500));
    bob.place = SocketAddr::new(ip("10.0.0.66"), 40_000);
    solo.beacon_from(&bob, bob.place);
    solo.pass(ms(500));
    let mut told = Vec::new();
    for number in 0..2_000 {
        told.extend(events(solo.hello(&mut stranger(number, 250))));
    }
    let is_its = |it: &Event| matches!(it, Event::Exit { peer, .. } if *peer == bob.id);
    assert!(!told.iter().any(is_its));
}

/// Goal: whoever is thought to have left, and has not, is met again though strangers have taken all places. Method:
/// bob is proven, somebody says farewell in his name, and hundreds are heard before him.
#[test]
fn a_peer_that_was_proven_gets_in_again_though_all_places_are_taken() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.beacon_from(&bob, SocketAddr::new(bob.place.ip(), 0));
    assert_eq!(events(solo.pass(ms(100))).len(), 1, "he is gone");
    for number in 0..400 {
        solo.beacon(&stranger(number, 200));
    }
    assert!(solo.engine.stats().too_many_unproven > 0);
    assert_eq!(
        connects(&solo.beacon(&bob)).len(),
        1,
        "he is dialled at once"
    );
}
