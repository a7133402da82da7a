//! How peers are found, and how many.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use zchat::zre::{Body, Event, ExitReason, Link, LinkId, Output, PeerId};

use crate::solo::{LOCAL, Peer, Solo, connects, events, group, hellos, ip, ms};

#[test]
fn a_beacon_of_somebody_new_is_answered_by_a_connection_and_hello() {
    let mut solo = Solo::new();
    let bob = Peer::new(2);
    let outputs = solo.beacon(&bob);
    let [Output::Connect { to, .. }, Output::Send { message, .. }] = &outputs[..] else {
        panic!("{outputs:?}");
    };
    assert_eq!(*to, Link::plain(bob.place, Some(ip(LOCAL))));
    assert_eq!(message.sequence, 1);
    let Body::Hello(hello) = &message.body else {
        panic!("{message:?}")
    };
    assert_eq!(hello.endpoint, "tcp://10.0.0.1:49152");
}

#[test]
fn a_peer_enters_by_its_hello_and_its_groups_follow() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    bob.groups = vec![group("B"), group("A"), group("B")];
    solo.beacon(&bob);
    let events = events(solo.hello(&mut bob));
    assert!(matches!(&events[0], Event::Enter { name, .. } if name.as_str() == "bob"));
    assert_eq!(
        events[1..],
        [
            Event::Join {
                peer: bob.id,
                group: group("B")
            },
            Event::Join {
                peer: bob.id,
                group: group("A")
            },
        ],
        "trap 13: a group that stands there twice is joined once"
    );
}

#[test]
fn a_hello_from_somebody_unknown_is_as_good_as_a_beacon() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    let outputs = solo.hello(&mut bob);
    assert!(matches!(&outputs[0], Output::Connect { to, .. } if to.remote == bob.place));
    assert_eq!(hellos(&outputs).len(), 1);
    assert!(matches!(&events(outputs)[0], Event::Enter { .. }));
}

#[test]
fn a_second_beacon_changes_nothing() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.beacon(&bob);
    assert_eq!(solo.beacon(&bob), []);
    solo.hello(&mut bob);
    assert_eq!(solo.beacon(&bob), []);
}

#[test]
fn ones_own_beacon_and_ones_own_id_are_no_peer() {
    let mut solo = Solo::new();
    let mut mirror = Peer::new(1);
    assert_eq!(solo.beacon(&mirror), []);
    assert_eq!(solo.hello(&mut mirror), []);
    assert_eq!(solo.engine.stats().bad_origins, 1);
}

#[test]
fn trap_11_the_address_in_hello_is_not_followed_where_nobody_can_be() {
    for endpoint in [
        "tcp://0.0.0.0:49155",
        "tcp://127.0.0.1:49155",
        "tcp://bob.local:49155",
        "tcp://224.0.0.1:49155",
    ] {
        let mut solo = Solo::new();
        let bob = Peer::new(2);
        let mut hello = bob.hello();
        hello.endpoint = endpoint.to_owned();
        let outputs = solo.say_as(&bob, 1, Body::Hello(hello));
        let Output::Connect { to, .. } = &outputs[0] else {
            panic!("{endpoint}: {outputs:?}")
        };
        assert_eq!(
            to.remote,
            SocketAddr::new(bob.place.ip(), 49155),
            "{endpoint}"
        );
    }
}

#[test]
fn trap_11_the_source_of_the_beacon_is_preferred_to_what_hello_says() {
    let mut solo = Solo::new();
    let bob = Peer::new(2);
    let outputs = solo.beacon(&bob);
    assert!(matches!(&outputs[0], Output::Connect { to, .. } if to.remote == bob.place));
    let mut hello = bob.hello();
    hello.endpoint = "tcp://10.9.9.9:50000".to_owned();
    let outputs = solo.say_as(&bob, 1, Body::Hello(hello));
    assert!(
        !outputs
            .iter()
            .any(|output| matches!(output, Output::Connect { .. })),
        "{outputs:?}"
    );
}

#[test]
fn a_message_before_hello_is_counted_and_ignored() {
    let mut solo = Solo::new();
    let bob = Peer::new(2);
    assert_eq!(solo.say_as(&bob, 1, Body::Ping), []);
    solo.beacon(&bob);
    assert_eq!(solo.say_as(&bob, 1, Body::Ping), []);
    assert_eq!(solo.engine.stats().unknown_peers, 2);
}

#[test]
fn a_mailbox_that_does_not_answer_is_given_up_and_its_next_beacon_tries_again() {
    let mut solo = Solo::new();
    let bob = Peer::new(2);
    solo.beacon(&bob);
    let outputs = solo.pass(ms(3_000));
    assert!(
        matches!(outputs[..], [Output::Disconnect { .. }]),
        "no event: {outputs:?}"
    );
    assert!(matches!(solo.beacon(&bob)[0], Output::Connect { .. }));
}

#[test]
fn somebody_who_took_our_hello_but_never_says_its_own_is_forgotten_without_an_event() {
    let mut solo = Solo::new();
    let bob = Peer::new(2);
    let outputs = solo.beacon(&bob);
    let Output::Connect { link, .. } = outputs[0] else {
        panic!("{outputs:?}")
    };
    solo.engine.handle_connected(solo.now, link);
    let outputs = solo.pass(ms(31_000));
    assert!(
        matches!(outputs[..], [Output::Disconnect { .. }]),
        "{outputs:?}"
    );
}

/// Forged beacons of one address: only as many are dialled as the limit allows, and only so many
/// are even remembered.
#[test]
fn forged_beacons_make_few_dials_and_are_counted() {
    let mut solo = Solo::new();
    let dials = (0..1_000_u32)
        .filter(|number| {
            let mut forged = Peer::new(2);
            let mut octets = [7; 16];
            octets[..4].copy_from_slice(&number.to_be_bytes());
            forged.id = PeerId::from_bytes(octets);
            forged.place.set_port(1_000 + *number as u16);
            solo.beacon(&forged)
                .iter()
                .any(|output| matches!(output, Output::Connect { .. }))
        })
        .count();
    assert_eq!(dials, 4);
    assert_eq!(solo.engine.stats().too_many_unproven, 1_000 - 64);
}

/// Goal: a host with many nodes is met at once. Method: 200 beacons from one address in one moment; each
/// of them answers two milliseconds after it was dialled.
#[test]
fn an_address_that_proves_its_peers_is_not_held_back() {
    let mut solo = Solo::with(|config| config.limits.unproven_per_address = 200);
    let mut peers: BTreeMap<u16, Peer> = (50_000..50_200).map(neighbour).collect();
    let mut dialled = Vec::new();
    for peer in peers.values() {
        dialled.extend(dials(&solo.beacon(peer)));
    }
    assert_eq!(dialled.len(), 4, "nobody is known there");
    let mut milliseconds = 0;
    while !dialled.is_empty() {
        milliseconds += 2;
        solo.pass(ms(2));
        for (link, port) in std::mem::take(&mut dialled) {
            solo.engine.handle_connected(solo.now, link);
            dialled.extend(dials(&solo.outputs()));
            dialled.extend(dials(&solo.hello(peers.get_mut(&port).unwrap())));
        }
    }
    assert_eq!(solo.engine.entered(), 200);
    assert!(milliseconds <= 20, "{milliseconds} ms");
}

/// Goal: a victim that is named again and again is hardly dialled any more. Method: beacons of new peers
/// at one address all the time, and nobody ever answers there.
#[test]
fn an_address_where_all_dials_are_in_vain_is_dialled_one_at_a_time() {
    let mut solo = Solo::new();
    let mut by_minute = [0; 5];
    for second in 0..300_u16 {
        for number in 0..10 {
            let (_, mut forged) = neighbour(10_000 + second * 10 + number);
            forged.name = "nobody";
            by_minute[usize::from(second / 60)] += connects(&solo.beacon(&forged)).len();
        }
        by_minute[usize::from(second / 60)] += connects(&solo.pass(ms(1_000))).len();
    }
    assert!(by_minute[0] <= 40, "{by_minute:?}");
    assert!(
        by_minute[1..].iter().all(|count| *count <= 25),
        "{by_minute:?}"
    );
}

/// Two connections of ours to one mailbox would be taken for one: numbers and status would be wrong.
#[test]
fn trap_16_nobody_is_dialled_where_another_is_being_dialled() {
    let mut solo = Solo::new();
    let (_, first) = neighbour(50_000);
    let mut heir = neighbour(50_000).1;
    heir.id = PeerId::from_bytes([0xEE; 16]);
    assert_eq!(connects(&solo.beacon(&first)).len(), 1);
    assert_eq!(connects(&solo.beacon(&heir)).len(), 0);
    assert_eq!(solo.engine.stats().too_many_unproven, 1);
    // Our HELLO has come to it all the same, and it answers.
    let outputs = solo.hello(&mut heir);
    let place = |output: &Output| match output {
        Output::Disconnect { .. } => Some("closed"),
        Output::Connect { .. } => Some("opened"),
        _ => None,
    };
    let order: Vec<&str> = outputs.iter().filter_map(place).collect();
    assert_eq!(order, ["closed", "opened"]);
    assert_eq!(solo.engine.entered(), 1);
}

/// A peer at 10.0.0.2, with this port.
fn neighbour(port: u16) -> (u16, Peer) {
    let mut peer = Peer::new(2);
    let mut octets = [9; 16];
    octets[..2].copy_from_slice(&port.to_be_bytes());
    peer.id = PeerId::from_bytes(octets);
    peer.place.set_port(port);
    (port, peer)
}

/// The connections that are opened, and to which port.
fn dials(outputs: &[Output]) -> Vec<(LinkId, u16)> {
    let connect = |output: &Output| match output {
        Output::Connect { link, to, .. } => Some((*link, to.remote.port())),
        _ => None,
    };
    outputs.iter().filter_map(connect).collect()
}

#[test]
fn no_more_peers_enter_than_the_limit_allows() {
    let mut solo = Solo::with(|config| config.limits.peers = 2);
    for octet in 2..=4 {
        solo.hello(&mut Peer::new(octet));
    }
    assert_eq!(solo.engine.entered(), 2);
    assert_eq!(solo.engine.stats().too_many_peers, 1);
    solo.pass(ms(31_000));
    assert_eq!(solo.engine.entered(), 0);
}

#[test]
fn a_farewell_before_hello_is_the_end_without_an_event() {
    let mut solo = Solo::new();
    let bob = Peer::new(2);
    solo.beacon(&bob);
    let outputs = solo.beacon_from(&bob, SocketAddr::new(bob.place.ip(), 0));
    assert!(
        matches!(outputs[..], [Output::Disconnect { .. }]),
        "{outputs:?}"
    );
}

#[test]
fn nobody_is_met_any_more_while_stopping() {
    let mut solo = Solo::new();
    solo.act(zchat::zre::Action::Stop { within: ms(1_000) });
    assert_eq!(solo.beacon(&Peer::new(2)), []);
    assert_eq!(solo.hello(&mut Peer::new(3)), []);
}

#[test]
fn exit_reasons_are_told_once_and_last() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    bob.groups = vec![group("CHAT")];
    solo.enter(&mut bob);
    let told = events(solo.pass(ms(60_000)));
    let exit = Event::Exit {
        peer: bob.id,
        reason: ExitReason::Expired,
    };
    assert_eq!(told.last(), Some(&exit));
    assert_eq!(told.iter().filter(|event| **event == exit).count(), 1);
    assert!(
        !told
            .iter()
            .any(|event| matches!(event, Event::Leave { .. })),
        "{told:?}"
    );
}

/// Goal: where as many are dialled as may be, whoever does not answer within a second makes room for those that
/// wait; where nobody waits, it has its three seconds. Method: a stranger at each of 64 addresses, or one less
/// and bob.
#[test]
fn whoever_does_not_answer_soon_makes_room_for_who_waits_to_be_dialled() {
    for is_crowded in [true, false] {
        let mut solo = Solo::new();
        let strangers = if is_crowded { 64 } else { 63 };
        for octet in 100..100 + strangers {
            assert_eq!(dials(&solo.beacon(&Peer::new(octet))).len(), 1);
        }
        let bob = Peer::new(2);
        let now = connects(&solo.beacon(&bob));
        assert_eq!(now.is_empty(), is_crowded);
        let soon = connects(&solo.pass(ms(1_001)));
        assert_eq!(soon.contains(&bob.place), is_crowded);
    }
}

/// Goal: where hundreds of nodes share a processor, they have the time that they need to answer, and keep nobody
/// waiting meanwhile who has not been dialled. Method: a stranger at each of 64 addresses whose systems accept the
/// connection, and bob.
#[test]
fn whoever_is_slow_to_answer_where_its_system_has_is_waited_for_and_others_are_dialled() {
    let mut solo = Solo::new();
    for octet in 100..164 {
        let (link, _) = dials(&solo.beacon(&Peer::new(octet)))[0];
        solo.engine.handle_met(solo.now, link);
    }
    let bob = Peer::new(2);
    let (link, _) = dials(&solo.beacon(&bob))[0];
    solo.engine.handle_connected(solo.now, link);
    let left = |outputs: &[Output]| {
        let is_left = |output: &&Output| matches!(output, Output::Disconnect { .. });
        outputs.iter().filter(is_left).count()
    };
    solo.hello(&mut Peer::new(2));
    assert_eq!(left(&solo.pass(ms(4_000))), 0);
    for _ in 0..5 {
        solo.beacon(&bob);
        assert_eq!(left(&solo.pass(ms(2_000))), 0);
    }
    assert_eq!(left(&solo.pass(ms(1_100))), 64);
}

/// Goal: a host that accepts connections and says nothing gets no more of them than any other. Method: beacons of
/// ten strangers there.
#[test]
fn a_host_that_accepts_connections_and_says_nothing_gets_four() {
    let mut solo = Solo::new();
    let mut dialled = 0;
    for port in 50_000..50_010 {
        let (_, stranger) = neighbour(port);
        for (link, _) in dials(&solo.beacon(&stranger)) {
            solo.engine.handle_met(solo.now, link);
            dialled += 1 + dials(&solo.outputs()).len();
        }
    }
    assert_eq!(dialled, 4);
    assert_eq!(dials(&solo.pass(ms(14_000))), []);
}

/// Goal: nobody is kept out by made-up beacons that name its mailbox. Method: strangers are said to be at carol's
/// place; what is dialled there finds that it is hers.
#[test]
fn whoever_is_found_where_a_stranger_was_said_to_be_is_met_at_once() {
    let mut solo = Solo::new();
    let carol = Peer::new(3);
    let mut forged = Peer::new(100);
    forged.place = carol.place;
    let outputs = solo.beacon(&forged);
    let Some(Output::Connect { link, peer, .. }) = outputs.first() else {
        panic!("{outputs:?}");
    };
    assert_eq!(*peer, Some(forged.id), "it is for nobody else");
    let link = *link;
    solo.engine.handle_another(solo.now, link, carol.id);
    let outputs = solo.outputs();
    let met = outputs.iter().find_map(|output| match output {
        Output::Connect { peer, to, .. } => Some((*peer, to.remote)),
        _ => None,
    });
    assert_eq!(met, Some((Some(carol.id), carol.place)));
    assert_eq!(solo.engine.stats().bad_beacons, 1);
    // As long as she is not known there, that is her place.
    forged.id = PeerId::from_bytes([101; 16]);
    assert_eq!(connects(&solo.beacon(&forged)), []);
}

/// Goal: a mailbox that says to be somebody else's each time is not dialled without end. Method: one beacon, and
/// another owner with each connection.
#[test]
fn a_mailbox_that_is_somebody_elses_each_time_is_dialled_twice_for_a_beacon() {
    let mut solo = Solo::new();
    let mut outputs = solo.beacon(&Peer::new(100));
    let mut dials = 0;
    while let Some(link) = outputs.iter().find_map(|output| match output {
        Output::Connect { link, .. } => Some(*link),
        _ => None,
    }) {
        dials += 1;
        assert!(dials < 10, "without end");
        let another = PeerId::from_bytes([50 + dials; 16]);
        solo.engine.handle_another(solo.now, link, another);
        outputs = solo.outputs();
    }
    assert_eq!(dials, 2);
}

/// Goal: of two hosts that have got each other's address both are followed, though no beacon of theirs is heard.
/// Method: carol's mailbox is found where bob was; then she is asked whether she is where she was.
#[test]
fn a_peer_whose_mailbox_is_found_at_another_ones_place_is_as_good_as_heard_there() {
    let mut solo = Solo::new();
    let (mut bob, mut carol) = (Peer::new(2), Peer::new(3));
    let to_bob = solo.enter(&mut bob);
    solo.enter(&mut carol);
    solo.pass(ms(500));
    solo.engine.handle_another(solo.now, to_bob, carol.id);
    let asked = |output: &Output| matches!(output, Output::Send { message, .. } if message.body == Body::Ping);
    assert!(
        solo.outputs().iter().any(asked),
        "whether she is still there"
    );
}

#[test]
fn a_peer_that_is_here_is_not_gone_because_another_one_is_found_at_its_place() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    let link = solo.enter(&mut bob);
    solo.engine
        .handle_another(solo.now, link, PeerId::from_bytes([3; 16]));
    assert_eq!(solo.outputs(), []);
    // Its own connection has to end as well.
    solo.engine.handle_broken(solo.now, bob.id);
    let told = events(solo.outputs());
    assert!(matches!(told[..], [Event::Exit { .. }]), "{told:?}");
}
