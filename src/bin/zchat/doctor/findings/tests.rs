//! Situations, one a row, and what is found in them.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use nix::errno::Errno;
use zchat::node::interface::{Listed, Selection, decide};
use zchat::zre::PeerId;

use super::super::facts::{
    Connection, ConnectionState, Datagram, Facts, Firewall, FirewallName, Interface, Meeting, Met,
    Owner, Port, Probe, Process, Reading, Sighting, Trouble, Visit, VisitEnd,
};
use super::super::firewall::{Tool, parse_iptables};
use super::{Finding, Severity, Step, diagnose, enumerate, is_healthy};

const OWN: &str = "10.77.0.1";
const OTHER: &str = "10.77.0.2";

/// A host on one network, whose beacons come back, and one other node that answers.
fn healthy() -> Facts {
    let mut facts = alone();
    hear(&mut facts, 2, OTHER, 49_152, VisitEnd::Greeted);
    facts
}

/// The same, with nobody else.
fn alone() -> Facts {
    with(&[loopback(), ethernet()], Selection::All)
}

fn with(listed: &[Listed], selection: Selection) -> Facts {
    let interface = |decision: zchat::node::interface::Decision| {
        let network = decision.verdict.as_ref().ok();
        let can_send = network.is_some_and(|network| network.broadcast.is_ok());
        Interface {
            probe: can_send.then_some(Probe {
                sent: Ok(()),
                heard: true,
                leaves_from: None,
            }),
            decision,
            is_wireless: false,
            neighbours: 0,
        }
    };
    Facts {
        port: 5_670,
        bind_port: None,
        listened: Duration::from_secs(3),
        watched: Duration::from_secs(3),
        is_root: false,
        clock: 1_790_000_000_000,
        unknown_interface: selection.check(listed).err(),
        interfaces: decide(listed, &selection)
            .into_iter()
            .map(interface)
            .collect(),
        selection,
        is_changing: false,
        beacon_port: Port::Usable,
        mailbox_port: None,
        sightings: Vec::new(),
        left_out: 0,
        saw_the_wire: false,
        visits: Vec::new(),
        meeting: None,
        connections: None,
        firewalls: Vec::new(),
        descriptors: Some(1_024),
    }
}

fn ethernet() -> Listed {
    Listed {
        label: "eth0".into(),
        index: 2,
        is_up: true,
        is_running: true,
        is_loopback: false,
        is_point_to_point: false,
        can_broadcast: true,
        address: network(OWN, 24),
    }
}

fn loopback() -> Listed {
    Listed {
        label: "lo".into(),
        index: 1,
        is_loopback: true,
        can_broadcast: false,
        address: network("127.0.0.1", 8),
        ..ethernet()
    }
}

/// Another interface, with the number 3.
fn another(label: &str, address: &str, bits: u32) -> Listed {
    Listed {
        label: label.into(),
        index: 3,
        address: network(address, bits),
        ..ethernet()
    }
}

fn tunnel() -> Listed {
    Listed {
        is_point_to_point: true,
        can_broadcast: false,
        ..another("wg0", "10.9.0.2", 32)
    }
}

fn network(address: &str, bits: u32) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    Some((address.parse().unwrap(), mask.into()))
}

fn sighting(source: &str, what: Datagram) -> Sighting {
    Sighting {
        source: source.parse().unwrap(),
        target: Ipv4Addr::new(10, 77, 0, 255),
        interface: 2,
        heard: true,
        seen: false,
        what,
        after: Duration::ZERO,
    }
}

fn beacon(id: u8, port: u16) -> Datagram {
    Datagram::Beacon {
        peer: PeerId::from_bytes([id; 16]),
        port,
        has_key: false,
    }
}

/// Somebody beacons, and was visited.
fn hear(facts: &mut Facts, id: u8, address: &str, port: u16, end: VisitEnd) {
    facts.sightings.push(sighting(address, beacon(id, port)));
    facts.visits.push(visit(address, port, end));
}

fn visit(address: &str, port: u16, end: VisitEnd) -> Visit {
    Visit {
        to: at(address, port),
        is_named: false,
        from: None,
        end,
    }
}

fn at(address: &str, port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(address.parse().unwrap(), port)
}

fn established(local: (&str, u16), remote: (&str, u16)) -> Connection {
    Connection {
        local: at(local.0, local.1),
        remote: at(remote.0, remote.1),
        state: ConnectionState::Established,
        is_ours: false,
    }
}

/// Rules of iptables, a line for each.
fn iptables(rules: &str) -> Firewall {
    let text = format!("*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{rules}\nCOMMIT\n");
    Firewall {
        name: FirewallName::Iptables,
        reading: Reading::Rules(parse_iptables(&text, Tool::Iptables)),
    }
}

/// All findings but notes, as `severity code`.
fn codes(facts: &Facts) -> Vec<String> {
    let findings = diagnose(facts);
    let bad = findings.iter().filter(|one| one.severity != Severity::Note);
    bad.map(|one| format!("{:?} {}", one.severity, one.code))
        .collect()
}

fn find(facts: &Facts, code: &str) -> Finding {
    let findings = diagnose(facts);
    let found = findings.iter().find(|finding| finding.code == code);
    found
        .unwrap_or_else(|| panic!("no {code} in {findings:#?}"))
        .clone()
}

fn commands(finding: &Finding) -> Vec<&str> {
    let command = |step: &'_ Step| match step {
        Step::Run(_) => true,
        Step::Say(_) => false,
    };
    let all = finding.steps.iter().filter(|step| command(step));
    all.map(|step| match step {
        Step::Run(text) | Step::Say(text) => text.as_str(),
    })
    .collect()
}

/// What is changed about the healthy host, and what is found then.
type Row = (&'static str, fn(&mut Facts), &'static [&'static str]);

fn check(rows: &[Row]) {
    for (situation, change, expected) in rows {
        let mut facts = healthy();
        change(&mut facts);
        assert_eq!(codes(&facts), *expected, "{situation}");
        for finding in diagnose(&facts) {
            let is_told = finding.severity == Severity::Note || !finding.steps.is_empty();
            assert!(is_told, "{situation}: nothing to do about {finding:#?}");
        }
    }
}

#[test]
fn a_host_with_a_neighbour_that_answers_is_healthy() {
    let findings = diagnose(&healthy());
    assert!(is_healthy(&findings), "{findings:#?}");
    let told: Vec<&str> = findings.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(
        told,
        [
            "eth0 (10.77.0.1/24) is used: beacons go to 10.77.0.255, and own ones are heard",
            "10.77.0.2:49152 (02020202) beacons, and answers",
        ]
    );
}

#[test]
fn what_is_wrong_with_interfaces_is_found() {
    /// The situation, the interfaces, those that are named, and what is found.
    type Row<'a> = (&'a str, &'a [Listed], &'a [&'a str], &'a [&'a str]);
    let rows: &[Row<'_>] = &[
        ("nothing at all", &[], &[], &["Problem no_network"]),
        (
            "loopback only",
            &[loopback()],
            &[],
            &["Problem only_loopback"],
        ),
        (
            "loopback named",
            &[loopback(), ethernet()],
            &["lo"],
            &["Warning alone"],
        ),
        (
            "no broadcast",
            &[loopback(), tunnel()],
            &[],
            &["Problem no_broadcast"],
        ),
        (
            "a tunnel beside",
            &[ethernet(), tunnel()],
            &[],
            &["Warning alone"],
        ),
        (
            "no room for broadcasts",
            &[another("eth1", "10.4.0.4", 31)],
            &[],
            &["Problem no_broadcast"],
        ),
        (
            "unknown",
            &[ethernet()],
            &["eth7"],
            &["Problem unknown_interface"],
        ),
        (
            "self-made address",
            &[another("eth1", "169.254.3.4", 16)],
            &[],
            &["Warning link_local", "Warning alone"],
        ),
        (
            "self-made address beside another",
            &[ethernet(), another("eth1", "169.254.3.4", 16)],
            &[],
            &["Warning alone"],
        ),
    ];
    for (situation, listed, names, expected) in rows {
        let facts = with(listed, Selection::parse(*names));
        assert_eq!(codes(&facts), *expected, "{situation}");
    }
}

#[test]
fn why_an_interface_is_not_used_is_told_with_the_remedy() {
    let down = Listed {
        is_up: false,
        ..another("eth1", "10.1.0.5", 24)
    };
    let unplugged = Listed {
        is_running: false,
        ..another("eth1", "10.1.0.5", 24)
    };
    let bare = Listed {
        address: None,
        ..another("eth1", "10.1.0.5", 24)
    };
    let rows = [
        (down, "it is switched off", "sudo ip link set eth1 up"),
        (
            unplugged,
            "it has no carrier: no cable, or no Wi-Fi joined",
            "",
        ),
        (bare, "it has no IPv4 address", "nmcli device connect eth1"),
    ];
    for (listed, reason, remedy) in rows {
        let facts = with(&[loopback(), listed.clone()], Selection::All);
        let finding = find(&facts, "only_loopback");
        assert_eq!(finding.why, format!("eth1: {reason}."));
        assert_eq!(commands(&finding).first().copied().unwrap_or(""), remedy);

        let facts = with(&[ethernet(), listed.clone()], Selection::All);
        let finding = find(&facts, "interface_unused");
        assert_eq!(finding.what, format!("eth1 is not used: {reason}"));

        let both = Selection::parse(["eth0", "eth1"]);
        let facts = with(&[ethernet(), listed], both);
        assert_eq!(
            find(&facts, "interface_unusable").severity,
            Severity::Problem
        );
    }
}

#[test]
fn a_bridge_for_containers_is_a_note() {
    let facts = with(
        &[ethernet(), another("docker0", "172.17.0.1", 16)],
        Selection::All,
    );
    assert_eq!(find(&facts, "container_bridge").severity, Severity::Note);
}

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

fn probe(facts: &mut Facts, change: impl Fn(&mut Probe)) {
    let probes = facts.interfaces.iter_mut();
    probes.filter_map(|one| one.probe.as_mut()).for_each(change);
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

#[test]
fn a_node_that_does_not_start_and_networks_that_come_and_go_are_found() {
    check(&[
        (
            "no node",
            |facts| facts.meeting = Some(Err("there is nothing left".into())),
            &["Problem no_node"],
        ),
        (
            "changes",
            |facts| facts.is_changing = true,
            &["Warning changing"],
        ),
    ]);
}

#[test]
fn rules_that_are_in_the_way_are_found_once() {
    let rows: [(&str, &str, &[&str]); 6] = [
        (
            "-A INPUT -p udp -m udp --dport 5670 -j DROP",
            "This host drops beacons of others on eth0",
            &["sudo iptables -I INPUT -p udp --dport 5670 -j ACCEPT"],
        ),
        (
            "-A OUTPUT -p udp -m udp --dport 5670 -j DROP",
            "This host drops its own beacons on eth0",
            &["sudo iptables -I OUTPUT -p udp --dport 5670 -j ACCEPT"],
        ),
        (
            "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A INPUT -p tcp -j REJECT",
            "This host drops connections to its mailbox (TCP 49152) on eth0",
            &["sudo iptables -I INPUT -p tcp --dport 49152:65535 -j ACCEPT"],
        ),
        (
            "-A INPUT -j DROP",
            "This host drops beacons of others, connections to its mailbox (TCP 49152) and \
             answers to its own connections on eth0",
            &[
                "sudo iptables -I INPUT -p udp --dport 5670 -j ACCEPT",
                "sudo iptables -I INPUT -p tcp --dport 49152:65535 -j ACCEPT",
                "sudo iptables -I INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
            ],
        ),
        (
            "-A OUTPUT -p tcp -m tcp --dport 1024:65535 -j DROP",
            "This host drops its own connections to mailboxes on eth0",
            &["sudo iptables -I OUTPUT -p tcp --dport 49152:65535 -j ACCEPT"],
        ),
        (
            ":ufw-user-input - [0:0]\n-A INPUT -p udp -j DROP",
            "This host drops beacons of others on eth0",
            &["sudo ufw allow 5670/udp"],
        ),
    ];
    for (rules, what, advice) in rows {
        let mut facts = alone();
        probe(&mut facts, |probe| probe.heard = false);
        if !rules.contains("udp") && !rules.contains("-A INPUT -j") {
            facts = alone();
            hear(&mut facts, 2, OTHER, 49_152, VisitEnd::NoAnswer);
            if rules.contains("INPUT") {
                facts.visits[0].end = VisitEnd::Greeted;
            }
        }
        facts.firewalls = vec![iptables(rules)];
        assert_eq!(codes(&facts), ["Problem firewall"], "{rules}");
        let finding = find(&facts, "firewall");
        assert_eq!(finding.what, what);
        assert_eq!(commands(&finding), advice);
    }
}

#[test]
fn a_rule_that_lets_pass_what_was_heard_is_only_noted() {
    let mut facts = healthy();
    facts.firewalls = vec![iptables("-A INPUT -p udp -j DROP")];
    assert_eq!(codes(&facts), [""; 0]);
    assert_eq!(find(&facts, "firewall").severity, Severity::Note);
}

#[test]
fn a_rule_that_may_be_in_the_way_counts_where_something_is_amiss() {
    let uncertain = "-A INPUT -p udp -m set --match-set x src -j DROP";
    let mut facts = healthy();
    facts.firewalls = vec![iptables(uncertain)];
    assert_eq!(codes(&facts), [""; 0]);
    let mut facts = alone();
    facts.firewalls = vec![iptables(uncertain)];
    assert_eq!(codes(&facts), ["Warning firewall", "Warning alone"]);
    hear(&mut facts, 2, OTHER, 49_152, VisitEnd::Greeted);
    facts.sightings[0].heard = false;
    facts.sightings[0].seen = true;
    assert_eq!(
        codes(&facts),
        ["Problem firewall"],
        "it was seen to be dropped"
    );
}

#[test]
fn a_firewall_that_cannot_be_read_is_noted_with_the_command_for_it() {
    let mut facts = healthy();
    let of = |name, reading| Firewall { name, reading };
    facts.firewalls = vec![
        of(FirewallName::Nftables, Reading::NotPermitted),
        of(FirewallName::Iptables, Reading::NotPermitted),
        of(FirewallName::Ufw, Reading::SwitchedOn),
    ];
    assert_eq!(codes(&facts), [""; 0]);
    let finding = find(&facts, "firewall_unread");
    assert_eq!(
        finding.what,
        "Only root may read the rules of nftables and iptables"
    );
    assert_eq!(commands(&finding), ["sudo zchat doctor"]);
    let finding = find(&facts, "firewall_on");
    assert_eq!(finding.what, "The firewall ufw is switched on");
    assert_eq!(commands(&finding), ["sudo ufw status verbose"]);

    let said = Reading::Failed(Trouble::Said("no such device".into()));
    facts.firewalls = vec![of(FirewallName::Nftables, said)];
    assert_eq!(
        find(&facts, "firewall_unread").why,
        "It said: no such device"
    );
}

#[test]
fn limits_and_clocks_that_are_wrong_are_found() {
    check(&[
        (
            "few descriptors",
            |facts| facts.descriptors = Some(100),
            &["Warning few_descriptors"],
        ),
        (
            "the clock",
            |facts| facts.clock = 0,
            &["Warning wrong_clock"],
        ),
        ("no limit known", |facts| facts.descriptors = None, &[]),
    ]);
}

#[test]
fn many_are_counted_and_few_are_named() {
    assert_eq!(enumerate([""; 0]), "");
    assert_eq!(enumerate(["a"]), "a");
    assert_eq!(enumerate(["a", "b"]), "a and b");
    assert_eq!(enumerate(["a", "b", "c", "d", "e"]), "a, b, c, d and e");
    assert_eq!(
        enumerate(["a", "b", "c", "d", "e", "f"]),
        "a, b, c, d and 2 more"
    );
}

#[test]
fn the_manual_knows_every_code() {
    const MANUAL: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/manual.md"));
    let sources = [
        include_str!("alone.rs"),
        include_str!("firewall.rs"),
        include_str!("host.rs"),
        include_str!("interfaces.rs"),
        include_str!("peers.rs"),
        include_str!("peers/meeting.rs"),
        include_str!("peers/reach.rs"),
        include_str!("ports.rs"),
    ];
    // Of several words, so that they cannot be anything else.
    let is_code = |text: &&str| {
        text.contains('_')
            && text
                .bytes()
                .all(|one| one == b'_' || one.is_ascii_lowercase())
    };
    let literals = sources
        .iter()
        .flat_map(|source| source.split('"').skip(1).step_by(2));
    let codes: Vec<&str> = literals.filter(is_code).collect();
    assert!(codes.len() > 30, "{codes:?}");
    for code in codes {
        assert!(
            MANUAL.contains(&format!("`{code}`")),
            "{code} is not in the manual"
        );
    }
}
