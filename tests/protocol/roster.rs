//! Who is here, folded from events.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use proptest::prelude::*;
use zchat::zre::{
    Content, Event, ExitReason, GroupName, Headers, KnownPeer, Link, Name, Origin, PeerId,
    Presence, Roster,
};

use crate::clock::{epoch, milliseconds};
use crate::vectors::group;

const fn id(number: u8) -> PeerId {
    PeerId::from_bytes([number; 16])
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn enter(number: u8) -> Event {
    let address = Ipv4Addr::new(10, 0, 0, number);
    Event::Enter {
        peer: id(number),
        name: name(&format!("peer {number}")),
        headers: Headers::default(),
        link: Link::plain(SocketAddr::from((address, 49152)), None),
    }
}

const fn exit(number: u8) -> Event {
    Event::Exit {
        peer: id(number),
        reason: ExitReason::Farewell,
    }
}

fn join(number: u8, name: &str) -> Event {
    Event::Join {
        peer: id(number),
        group: group(name),
    }
}

fn leave(number: u8, name: &str) -> Event {
    Event::Leave {
        peer: id(number),
        group: group(name),
    }
}

fn whisper(number: u8) -> Event {
    Event::Whisper {
        origin: Origin::unproven(id(number)),
        content: Content::new("psst"),
    }
}

/// A roster that was told these events, one each millisecond from the epoch on.
fn told(events: &[Event]) -> (Instant, Roster) {
    let epoch = epoch();
    let mut roster = Roster::new();
    for (event, elapsed) in events.iter().zip(0..) {
        roster.handle_event(event, epoch + milliseconds(elapsed));
    }
    (epoch, roster)
}

fn ids<'a>(peers: impl Iterator<Item = &'a KnownPeer>) -> Vec<PeerId> {
    peers.map(|peer| peer.id).collect()
}

fn names(roster: &Roster) -> Vec<&str> {
    roster.groups().map(|group| group.name().as_str()).collect()
}

#[test]
fn peers_are_known_from_enter_to_exit() {
    let (epoch, roster) = told(&[enter(2), enter(1), enter(3), exit(2)]);
    assert_eq!(ids(roster.peers()), [id(1), id(3)]);
    assert!(roster.peer(id(2)).is_none());
    let first = roster.peer(id(1)).unwrap();
    assert_eq!(first.name.as_str(), "peer 1");
    assert_eq!(first.link.to_string(), "tcp://10.0.0.1:49152");
    assert_eq!(first.since, epoch + milliseconds(1));
    assert_eq!(first.last_event, first.since);
    assert_eq!(first.presence, Presence::Heard);
}

#[test]
fn a_peer_that_has_moved_is_known_at_its_new_place() {
    let link = Link::plain("10.0.0.99:49152".parse().unwrap(), None);
    let moved = |peer| Event::Moved {
        peer: id(peer),
        link: link.clone(),
    };
    let (_, roster) = told(&[enter(1), moved(1), moved(2)]);
    let link = roster.peer(id(1)).unwrap().link.to_string();
    assert_eq!(link, "tcp://10.0.0.99:49152");
    assert_eq!(ids(roster.peers()), [id(1)]);
}

#[test]
fn a_group_is_known_as_long_as_somebody_is_in_it() {
    let (epoch, mut roster) = told(&[enter(1), enter(2), join(1, "B"), join(2, "B"), join(2, "A")]);
    assert_eq!(names(&roster), ["A", "B"]);
    assert_eq!(ids(roster.peers_of(&group("B"))), [id(1), id(2)]);
    assert_eq!(ids(roster.peers_of(&group("C"))), []);
    assert_eq!(roster.peer(id(2)).unwrap().groups, [group("A"), group("B")]);

    roster.handle_event(&leave(1, "B"), epoch);
    assert_eq!(ids(roster.peers_of(&group("B"))), [id(2)]);
    roster.handle_event(&exit(2), epoch);
    assert_eq!(names(&roster), Vec::<&str>::new());
}

#[test]
fn own_groups_are_known_without_any_peer() {
    let (epoch, mut roster) = told(&[enter(1), join(1, "BOTH"), join(1, "THEIRS")]);
    assert!(roster.join(&group("OURS")));
    assert!(roster.join(&group("BOTH")));
    assert!(!roster.join(&group("BOTH")), "it was joined already");
    assert_eq!(names(&roster), ["BOTH", "OURS", "THEIRS"]);
    let own: Vec<&GroupName> = roster.own_groups().collect();
    assert_eq!(own, [&group("BOTH"), &group("OURS")]);
    assert!(roster.shares_group(id(1)));

    let both = roster.group(&group("BOTH")).unwrap();
    assert!(both.is_own());
    assert_eq!((both.count(), ids(both.peers())), (1, vec![id(1)]));
    assert!(!roster.group(&group("THEIRS")).unwrap().is_own());

    assert!(roster.leave(&group("BOTH")));
    assert!(roster.leave(&group("OURS")));
    assert!(!roster.leave(&group("OURS")));
    assert!(!roster.leave(&group("THEIRS")));
    assert!(!roster.shares_group(id(1)));
    assert_eq!(names(&roster), ["BOTH", "THEIRS"]);
    roster.handle_event(&exit(1), epoch);
    assert!(roster.group(&group("BOTH")).is_none());
}

#[test]
fn a_new_name_and_new_headers_replace_the_old_ones_and_nothing_else() {
    let headers = Headers::default().with("X-ROLE", "bot").unwrap();
    let update = Event::Update {
        peer: id(1),
        name: name("robert"),
        was: name("peer 1"),
        headers: headers.clone(),
    };
    let (epoch, roster) = told(&[enter(1), join(1, "CHAT"), update]);
    let peer = roster.peer(id(1)).unwrap();
    assert_eq!((peer.name.as_str(), &peer.headers), ("robert", &headers));
    assert_eq!((peer.since, &peer.groups), (epoch, &vec![group("CHAT")]));
    assert_eq!(peer.last_event, epoch + milliseconds(2));
}

#[test]
fn a_peer_is_evasive_or_silent_until_it_is_heard() {
    let evasive = Event::Evasive { peer: id(1) };
    let silent = Event::Silent { peer: id(1) };
    let presence = |events: &[Event]| told(events).1.peer(id(1)).unwrap().presence;
    assert_eq!(presence(&[enter(1), evasive.clone()]), Presence::Evasive);
    assert_eq!(
        presence(&[enter(1), evasive.clone(), silent.clone()]),
        Presence::Silent
    );
    let answer = Event::RoundTrip {
        peer: id(1),
        elapsed: milliseconds(3),
    };
    let shout = Event::Shout {
        origin: Origin::unproven(id(1)),
        group: group("CHAT"),
        content: Content::new("hello"),
    };
    let heard = Event::Heard { peer: id(1) };
    for sign in [
        heard,
        whisper(1),
        shout,
        join(1, "A"),
        leave(1, "A"),
        answer,
    ] {
        let (epoch, roster) = told(&[enter(1), evasive.clone(), silent.clone(), sign.clone()]);
        let peer = roster.peer(id(1)).unwrap();
        assert_eq!(peer.presence, Presence::Heard, "{sign:?}");
        assert_eq!(peer.last_event, epoch + milliseconds(3), "{sign:?}");
    }
    assert_eq!(
        presence(&[enter(1), evasive, enter(2), whisper(2)]),
        Presence::Evasive
    );
}

#[test]
fn the_round_trip_that_was_measured_last_is_known() {
    let round_trip = |elapsed| Event::RoundTrip {
        peer: id(1),
        elapsed: milliseconds(elapsed),
    };
    let (_, roster) = told(&[enter(1), round_trip(5), round_trip(3)]);
    assert_eq!(
        roster.peer(id(1)).unwrap().round_trip,
        Some(milliseconds(3))
    );
}

#[test]
fn events_of_peers_that_are_not_here_change_nothing() {
    let (_, roster) = told(&[join(1, "A"), whisper(1), leave(1, "A"), exit(1)]);
    assert_eq!(roster.peers().len(), 0);
    assert_eq!(roster.groups().len(), 0);
}

#[test]
fn after_stop_nobody_is_known() {
    let (epoch, mut roster) = told(&[enter(1), join(1, "A")]);
    roster.join(&group("B"));
    roster.handle_event(&Event::Stop, epoch);
    assert_eq!((roster.peers().len(), roster.groups().len()), (0, 0));
}

#[test]
fn a_peer_costs_little_and_all_members_of_a_group_share_its_name() {
    assert!(size_of::<KnownPeer>() <= 208, "{}", size_of::<KnownPeer>());
    let (_, roster) = told(&[enter(1), enter(2), join(1, "CHAT"), join(2, "CHAT")]);
    let mut names = roster.peers().map(|peer| peer.groups[0].as_ptr());
    let known = roster.group(&group("CHAT")).unwrap().name().as_ptr();
    assert!(names.all(|name| name == known));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Goal: what is said about peers and what is said about groups never differ. Method: any events in
    /// any order, against a list of who is in what.
    #[test]
    fn peers_and_groups_agree_after_any_events(
        steps in prop::collection::vec((0..6_u8, 0..4_u8, 0..3_usize), 0..200)
    ) {
        let epoch = epoch();
        let mut roster = Roster::new();
        let mut model: BTreeMap<PeerId, BTreeSet<GroupName>> = BTreeMap::new();
        let mut own: BTreeSet<GroupName> = BTreeSet::new();
        for (what, number, which) in steps {
            let called = ["A", "B", "C"][which];
            match what {
                0 => {
                    model.insert(id(number), BTreeSet::new());
                    roster.handle_event(&enter(number), epoch);
                }
                1 => {
                    model.remove(&id(number));
                    roster.handle_event(&exit(number), epoch);
                }
                2 => {
                    model.entry(id(number)).and_modify(|groups| {
                        groups.insert(group(called));
                    });
                    roster.handle_event(&join(number, called), epoch);
                }
                3 => {
                    model.entry(id(number)).and_modify(|groups| {
                        groups.remove(&group(called));
                    });
                    roster.handle_event(&leave(number, called), epoch);
                }
                4 => prop_assert_eq!(roster.join(&group(called)), own.insert(group(called))),
                _ => prop_assert_eq!(roster.leave(&group(called)), own.remove(&group(called))),
            }
            prop_assert_eq!(ids(roster.peers()), model.keys().copied().collect::<Vec<_>>());
            for peer in roster.peers() {
                prop_assert!(peer.groups.iter().eq(&model[&peer.id]));
                let shares = !model[&peer.id].is_disjoint(&own);
                prop_assert_eq!(roster.shares_group(peer.id), shares);
            }
            let groups: BTreeSet<GroupName> = model.values().flatten().chain(&own).cloned().collect();
            prop_assert!(roster.groups().map(|group| group.name()).eq(&groups));
            for group in roster.groups() {
                let members: Vec<PeerId> = model
                    .iter()
                    .filter(|(_, groups)| groups.contains(group.name()))
                    .map(|(&peer, _)| peer)
                    .collect();
                prop_assert_eq!(group.count(), members.len());
                prop_assert_eq!(ids(group.peers()), members.clone());
                prop_assert_eq!(ids(roster.peers_of(group.name())), members);
                prop_assert_eq!(group.is_own(), own.contains(group.name()));
            }
        }
    }
}
