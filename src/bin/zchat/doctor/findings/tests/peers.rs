//! What is found of others: their mailboxes, networks, beacons and ids.

use super::*;

#[test]
fn mailboxes_that_cannot_be_reached_are_found() {
    let rows = [
        (VisitEnd::Refused, "refused"),
        (VisitEnd::NoAnswer, "filtered"),
        (VisitEnd::HostUnreachable, "unreachable"),
        (VisitEnd::Silent, "no_greeting"),
        (VisitEnd::Stranger, "not_zeromq"),
        (VisitEnd::NoRoute, "no_route"),
        (VisitEnd::Forbidden, "not_reached"),
        (VisitEnd::Failed(Errno::EMFILE), "not_reached"),
    ];
    for (end, code) in rows {
        let mut facts = alone();
        hear(&mut facts, 2, OTHER, 49_152, end);
        hear(&mut facts, 3, "10.77.0.3", 49_153, end);
        assert_eq!(codes(&facts), [format!("Problem {code}")]);
        let finding = find(&facts, code);
        assert!(
            finding
                .what
                .starts_with("Beacons come from 10.77.0.2:49152 and 10.77.0.3:49153, but "),
            "{}",
            finding.what
        );
        facts.visits[0].end = VisitEnd::Greeted;
        assert_eq!(codes(&facts), [format!("Problem {code}")], "one of two");
        facts.visits[1].end = VisitEnd::Greeted;
        assert_eq!(codes(&facts), [""; 0]);
    }
}

#[test]
fn a_peer_that_is_named_and_not_reached_is_found() {
    let mut facts = healthy();
    facts.visits.push(Visit {
        is_named: true,
        ..visit("10.99.0.9", 6_000, VisitEnd::NoAnswer)
    });
    let finding = find(&facts, "filtered");
    assert_eq!(
        finding.what,
        "At 10.99.0.9:6000, named by --peer, connections are not answered"
    );
    assert_eq!(commands(&finding)[0], "sudo ufw allow 6000/tcp");
}

#[test]
fn other_networks_and_masks_are_found() {
    check(&[
        (
            "another subnet on the same wire",
            |facts| hear(facts, 3, "10.88.0.2", 49_152, VisitEnd::NoRoute),
            &["Problem other_subnet"],
        ),
        (
            "another subnet that is routed",
            |facts| hear(facts, 3, "10.88.0.2", 49_152, VisitEnd::Greeted),
            &[],
        ),
        (
            "an interface that is left out",
            |facts| {
                let listed = [ethernet(), another("eth1", "10.88.0.1", 24)];
                *facts = with(&listed, Selection::parse(["eth0"]));
                hear(facts, 2, OTHER, 49_152, VisitEnd::Greeted);
                hear(facts, 3, "10.88.0.2", 49_152, VisitEnd::NoAnswer);
                facts.sightings[1].interface = 3;
            },
            &["Problem not_named"],
        ),
        (
            "another mask",
            |facts| {
                hear(facts, 3, "10.77.0.9", 49_152, VisitEnd::Greeted);
                facts.sightings[1].heard = false;
                facts.sightings[1].target = Ipv4Addr::new(10, 77, 255, 255);
            },
            &["Problem other_mask"],
        ),
        (
            "another host with our address",
            |facts| {
                hear(facts, 3, OWN, 49_152, VisitEnd::Refused);
                facts.sightings[1].heard = false;
                facts.sightings[1].seen = true;
            },
            &["Problem same_address"],
        ),
        (
            "dropped on arrival",
            |facts| {
                hear(facts, 3, "10.77.0.9", 49_152, VisitEnd::Greeted);
                facts.sightings[1].heard = false;
            },
            &["Problem beacons_dropped"],
        ),
    ]);
}

#[test]
fn other_kinds_of_beacons_are_found() {
    check(&[
        (
            "encrypted links only",
            |facts| {
                let with_key = Datagram::Beacon {
                    peer: PeerId::from_bytes([3; 16]),
                    port: 49_152,
                    has_key: true,
                };
                facts.sightings.push(sighting("10.77.0.3", with_key));
            },
            &["Warning encrypted_only"],
        ),
        (
            "an unknown version",
            |facts| {
                let what = Datagram::OtherVersion(7);
                facts.sightings.push(sighting("10.77.0.3", what));
            },
            &["Warning other_version"],
        ),
        (
            "another port",
            |facts| {
                let what = Datagram::OtherPort(5_671);
                facts.sightings.push(sighting("10.77.0.3", what));
            },
            &["Warning other_port"],
        ),
        (
            "a wrong length",
            |facts| {
                let what = Datagram::OtherLength(23);
                facts.sightings.push(sighting("10.77.0.3", what));
            },
            &["Warning odd_beacon"],
        ),
        (
            "something else",
            |facts| facts.sightings.push(sighting("10.77.0.3", Datagram::Other)),
            &[],
        ),
        ("too many senders", |facts| facts.left_out = 9, &[]),
    ]);
}

#[test]
fn one_id_of_two_nodes_is_found_and_two_networks_of_one_node_are_not() {
    check(&[
        (
            "two ports",
            |facts| hear(facts, 2, "10.77.0.3", 49_153, VisitEnd::Greeted),
            &["Problem same_id"],
        ),
        (
            "two addresses of one mailbox",
            |facts| hear(facts, 2, "10.77.0.3", 49_152, VisitEnd::Greeted),
            &[],
        ),
        (
            "it has moved",
            |facts| hear(facts, 2, "10.77.0.3", 49_153, VisitEnd::NoAnswer),
            &[],
        ),
        (
            "both beacon all the time, and one refuses",
            |facts| {
                hear(facts, 2, "10.77.0.3", 49_153, VisitEnd::Refused);
                facts.sightings[0].last = Duration::from_millis(2_000);
                facts.sightings[1].after = Duration::from_millis(500);
                facts.sightings[1].last = Duration::from_millis(2_500);
            },
            &["Problem same_id"],
        ),
        (
            "both beacon all the time with one port, and one refuses",
            |facts| {
                hear(facts, 2, "10.77.0.3", 49_152, VisitEnd::Refused);
                facts.sightings[0].last = Duration::from_millis(2_000);
                facts.sightings[1].after = Duration::from_millis(500);
                facts.sightings[1].last = Duration::from_millis(2_500);
            },
            &["Warning same_id"],
        ),
        (
            "it refuses at its old place",
            |facts| {
                hear(facts, 2, "10.77.0.3", 49_153, VisitEnd::Refused);
                facts.sightings[1].last = Duration::from_millis(1_000);
                facts.sightings[0].after = Duration::from_millis(1_500);
                facts.sightings[0].last = Duration::from_millis(2_500);
            },
            &[],
        ),
        (
            "here and there",
            |facts| hear(facts, 2, OWN, 49_152, VisitEnd::Greeted),
            &["Problem same_id"],
        ),
        (
            "both are connected to our node",
            |facts| {
                hear(facts, 2, "10.77.0.3", 49_152, VisitEnd::Greeted);
                hear(facts, 9, OWN, 49_200, VisitEnd::Greeted);
                facts.connections = Some(vec![
                    established((OWN, 49_200), (OTHER, 40_000)),
                    established((OWN, 49_200), ("10.77.0.3", 40_000)),
                    established((OWN, 40_000), (OTHER, 49_152)),
                ]);
            },
            &["Problem same_id"],
        ),
    ]);
}

#[test]
fn a_node_of_this_host_that_has_not_met_others_is_found() {
    let out = || established((OWN, 40_000), (OTHER, 49_152));
    let back = || established((OWN, 49_200), (OTHER, 40_000));
    let rows: [(Vec<Connection>, &[&str]); 4] = [
        (vec![out(), back()], &[]),
        (vec![out()], &["Problem not_connected_back"]),
        (vec![back()], &["Problem hears_nobody"]),
        (vec![], &["Problem hears_nobody"]),
    ];
    for (connections, expected) in rows {
        let mut facts = healthy();
        hear(&mut facts, 9, OWN, 49_200, VisitEnd::Greeted);
        facts.connections = Some(connections.clone());
        assert_eq!(codes(&facts), expected, "{connections:?}");
        facts.sightings[0].after = Duration::from_millis(2_000);
        assert_eq!(codes(&facts), [""; 0], "it has only just come");
    }
    let mut facts = healthy();
    hear(&mut facts, 9, OWN, 49_200, VisitEnd::Silent);
    assert_eq!(codes(&facts), ["Problem no_greeting"], "it hangs");
}
