//! What is found of our own nodes and whom they have met.

use super::*;

/// A node of our own, at port 49300, that has met these.
fn meet(facts: &mut Facts, met: &[(u8, &str, &str, u16)]) {
    let met = met.iter().map(|(id, name, address, port)| Met {
        peer: PeerId::from_bytes([*id; 16]),
        name: (*name).to_owned(),
        address: at(address, *port).into(),
    });
    facts.meeting = Some(Ok(Meeting {
        peer: PeerId::from_bytes([0xff; 16]),
        port: 49_300,
        met: met.collect(),
    }));
}

fn ours(connection: Connection) -> Connection {
    Connection {
        is_ours: true,
        ..connection
    }
}

#[test]
fn who_is_not_met_by_our_own_node_is_found() {
    let out = || ours(established((OWN, 40_001), (OTHER, 49_152)));
    let back = || ours(established((OWN, 49_300), (OTHER, 40_001)));
    let rows: [(Vec<Connection>, &str); 3] = [
        (vec![out()], "Problem not_connected_back"),
        (vec![out(), back()], "Problem not_met"),
        (vec![], "Problem not_met"),
    ];
    for (connections, expected) in rows {
        let mut facts = healthy();
        meet(&mut facts, &[]);
        facts.connections = Some(connections);
        assert_eq!(codes(&facts), [expected]);
        meet(&mut facts, &[(2, "alice", OTHER, 49_152)]);
        assert_eq!(codes(&facts), [""; 0]);
        let node = find(&facts, "node").what;
        assert_eq!(
            node,
            "10.77.0.2:49152 (alice, 02020202) beacons, and answers"
        );
    }
}

#[test]
fn a_node_that_stays_behind_our_own_is_found() {
    let mut facts = healthy();
    hear(&mut facts, 9, OWN, 49_200, VisitEnd::Greeted);
    meet(&mut facts, &[(2, "alice", OTHER, 49_152)]);
    facts.connections = Some(vec![
        ours(established((OWN, 40_001), (OTHER, 49_152))),
        ours(established((OWN, 49_300), (OTHER, 40_001))),
    ]);
    assert_eq!(codes(&facts), ["Problem hears_nobody"]);
    let what = find(&facts, "hears_nobody").what;
    assert!(
        what.contains("at port 49200 has not met 10.77.0.2:49152"),
        "{what}"
    );
}

#[test]
fn beacons_that_pass_in_one_direction_only_are_found() {
    let mut facts = alone();
    meet(&mut facts, &[(2, "alice", OTHER, 49_152)]);
    assert_eq!(codes(&facts), ["Warning beacons_lost"]);
    meet(&mut facts, &[(2, "alice", "10.99.0.2", 49_152)]);
    assert_eq!(codes(&facts), [""; 0], "no beacons are expected from there");
}

#[test]
fn one_name_of_two_nodes_is_noted() {
    let mut facts = healthy();
    hear(&mut facts, 3, "10.77.0.3", 49_152, VisitEnd::Greeted);
    let met = [
        (2, "alice", OTHER, 49_152),
        (3, "alice", "10.77.0.3", 49_152),
    ];
    meet(&mut facts, &met);
    assert_eq!(codes(&facts), [""; 0]);
    let finding = find(&facts, "same_name");
    assert_eq!(
        finding.steps,
        [Step::Say(
            "In the chat they are told apart as alice~0202 and alice~0303.".into()
        )]
    );
}
