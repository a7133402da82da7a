//! Peers whose mailbox is where another one has its own: a host was switched off and on again, or a port
//! was given to another process, and nothing has told so.

use zchat::zre::{Body, Event, ExitReason, Output};

use crate::solo::{Peer, Solo, connects, events, group, hellos, ms, pings, whispered};

/// Bob is here, and carol says HELLO from where he is.
fn heir() -> (Solo, Peer, Peer, Vec<Output>) {
    let mut solo = Solo::new();
    let (mut bob, mut carol) = (Peer::new(2), Peer::new(3));
    solo.enter(&mut bob);
    solo.pass(ms(500));
    carol.place = bob.place;
    let outputs = solo.hello(&mut carol);
    (solo, bob, carol, outputs)
}

/// Two connections of ours to one mailbox are in each other's way.
#[test]
fn trap_16_who_is_where_another_one_is_waits_until_that_one_is_known_to_be_gone() {
    let (mut solo, bob, _, outputs) = heir();
    assert_eq!((pings(&outputs), outputs.len()), (1, 1), "bob is asked");
    let asked = solo.pass(ms(499));
    let is_probe = |output: &Output| matches!(output, Output::Probe { .. });
    assert!(asked.iter().all(is_probe), "and his host: {asked:?}");
    let outputs = solo.pass(ms(1));
    assert_eq!(connects(&outputs), [bob.place]);
    let disconnected = |it: &Output| matches!(it, Output::Disconnect { .. });
    let connected = |it: &Output| matches!(it, Output::Connect { .. });
    assert!(outputs.iter().position(disconnected) < outputs.iter().position(connected));
    let told = events(outputs);
    let exit = Event::Exit {
        peer: bob.id,
        reason: ExitReason::Broken,
    };
    assert!(told.contains(&exit), "{told:?}");
    let enters = |it: &Event| matches!(it, Event::Enter { .. });
    assert!(told.iter().any(enters), "{told:?}");
}

/// Over several connections, of which each may be the oldest, nobody knows which HELLO counts.
#[test]
fn an_heir_that_has_said_hello_twice_is_asked_for_it_again() {
    let (mut solo, bob, mut carol, _) = heir();
    solo.hello(&mut carol);
    let outputs = solo.pass(ms(500));
    assert_eq!(connects(&outputs), [bob.place]);
    assert_eq!(hellos(&outputs).len(), 2, "the second asks for an answer");
    let told = events(solo.hello(&mut carol));
    assert!(matches!(told[..], [Event::Enter { .. }]), "{told:?}");
}

#[test]
fn what_an_heir_says_while_it_waits_is_followed() {
    let (mut solo, _, mut carol, _) = heir();
    let join = Body::Join {
        group: group("CHAT"),
        status: 1,
    };
    assert_eq!(solo.say(&mut carol, join), []);
    let told = events(solo.pass(ms(500)));
    let joins = |it: &Event| matches!(it, Event::Join { .. });
    assert!(told.iter().any(joins), "{told:?}");
    let told = events(solo.say(&mut carol, whispered("hello")));
    assert!(matches!(told[..], [Event::Whisper { .. }]), "{told:?}");
}

#[test]
fn trap_16_who_is_where_another_one_is_has_no_place_there_if_that_one_answers() {
    let (mut solo, mut bob, mut carol, _) = heir();
    assert_eq!(solo.say(&mut bob, Body::PingOk), []);
    assert_eq!(solo.pass(ms(4_000)), []);
    assert_eq!(events(solo.say(&mut carol, Body::Ping)), []);
}

#[test]
fn an_heir_that_leaves_while_it_waits_is_never_here() {
    let (mut solo, bob, carol, _) = heir();
    let beacon = zchat::zre::Beacon::farewell(carol.id);
    let sighting = zchat::zre::Sighting {
        source: bob.place.into(),
        local: crate::solo::ip(crate::solo::LOCAL),
        beacon,
    };
    solo.engine.handle_beacon(solo.now, sighting);
    let outputs = solo.pass(ms(500));
    assert_eq!(connects(&outputs), []);
    let events = events(outputs);
    assert!(matches!(events[..], [Event::Exit { .. }]), "{events:?}");
}

/// A process was given the port of one on its host that has ended, and hears its last beacon.
#[test]
fn nobody_is_dialled_at_our_own_mailbox() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    bob.place = std::net::SocketAddr::new(crate::solo::ip(crate::solo::LOCAL), 49_152);
    assert_eq!(solo.beacon(&bob), []);
    assert_eq!(solo.hello(&mut bob), []);
}
