//! What is found of ports, and of our own beacons.

use super::*;

#[test]
fn what_is_wrong_with_ports_is_found() {
    check(&[
        (
            "beacon port taken",
            |facts| {
                *facts = alone();
                facts.beacon_port = Port::Taken(Vec::new());
            },
            &["Problem port_taken"],
        ),
        (
            "beacon port forbidden",
            |facts| {
                *facts = alone();
                facts.port = 99;
                facts.beacon_port = Port::Refused(Errno::EACCES);
            },
            &["Problem port_refused"],
        ),
        (
            "mailbox port taken",
            |facts| {
                facts.bind_port = Some(49_152);
                facts.mailbox_port = Some(Port::Taken(Vec::new()));
            },
            &["Problem bind_port_taken"],
        ),
        (
            "the mailbox port of a node that runs here",
            |facts| {
                facts.bind_port = Some(49_152);
                facts.mailbox_port = Some(Port::Taken(Vec::new()));
                hear(facts, 9, OWN, 49_152, VisitEnd::Greeted);
            },
            &[],
        ),
    ]);
}

#[test]
fn what_is_wrong_with_own_beacons_is_found() {
    check(&[
        (
            "sending forbidden",
            |facts| probe(facts, |probe| probe.sent = Err(Errno::EPERM)),
            &["Problem send_failed"],
        ),
        (
            "own beacons unheard, and nobody else",
            |facts| {
                *facts = alone();
                probe(facts, |probe| probe.heard = false);
            },
            &["Problem own_unheard"],
        ),
        (
            "own beacons unheard, and others heard",
            |facts| probe(facts, |probe| probe.heard = false),
            &[],
        ),
        (
            "a VPN takes all",
            |facts| {
                let listed = [loopback(), ethernet(), tunnel()];
                *facts = with(&listed, Selection::All);
                hear(facts, 2, OTHER, 49_152, VisitEnd::Greeted);
                probe(facts, |probe| {
                    probe.leaves_from = Some(Ipv4Addr::new(10, 9, 0, 2));
                });
            },
            &["Warning taken_over"],
        ),
        (
            "a route that leads elsewhere, and to nobody",
            |facts| {
                *facts = with(&[ethernet(), tunnel()], Selection::All);
                hear(facts, 2, OTHER, 49_152, VisitEnd::NoAnswer);
                facts.visits[0].from = Some(Ipv4Addr::new(10, 9, 0, 2));
                facts.sightings[0].heard = false;
            },
            &["Problem taken_over"],
        ),
        (
            "two interfaces on one network",
            |facts| {
                let listed = [ethernet(), another("wlan0", "10.77.0.3", 24)];
                *facts = with(&listed, Selection::All);
                hear(facts, 2, OTHER, 49_152, VisitEnd::Greeted);
                probe(facts, |probe| {
                    probe.leaves_from = Some(Ipv4Addr::new(10, 77, 0, 3));
                });
            },
            &[],
        ),
    ]);
}

#[test]
fn who_has_the_port_is_told_as_far_as_it_is_known() {
    let mut facts = alone();
    let named = Owner {
        process: Some(Process {
            id: 812,
            name: "dnsmasq".into(),
        }),
        user: "nobody".into(),
    };
    facts.beacon_port = Port::Taken(vec![named]);
    let finding = find(&facts, "port_taken");
    assert_eq!(
        finding.what,
        "UDP port 5670 is taken by dnsmasq (process 812, user nobody), which does not share it"
    );
    assert_eq!(commands(&finding)[0], "kill 812");
    let unnamed = Owner {
        process: None,
        user: "alice".into(),
    };
    facts.beacon_port = Port::Taken(vec![unnamed]);
    let finding = find(&facts, "port_taken");
    assert!(
        finding.what.contains("a program of user alice"),
        "{}",
        finding.what
    );
    assert_eq!(commands(&finding)[0], "sudo ss -lunp 'sport = :5670'");
}

#[test]
fn nobody_else_is_explained_by_isolation_where_own_beacons_are_heard() {
    let mut facts = alone();
    let finding = find(&facts, "alone");
    assert_eq!(
        finding.what,
        "Nobody else beacons on eth0 (10.77.0.1), in 3 s of listening"
    );
    assert!(finding.why.contains("client isolation"), "{}", finding.why);
    facts.interfaces[1].is_wireless = true;
    facts.interfaces[1].neighbours = 1;
    let why = find(&facts, "alone").why;
    assert!(
        why.contains("No other host but the router has answered"),
        "{why}"
    );
    facts.visits.push(Visit {
        is_named: true,
        ..visit(OTHER, 49_152, VisitEnd::Greeted)
    });
    assert_eq!(codes(&facts), [""; 0], "somebody who was named answers");
}
