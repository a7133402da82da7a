//! Situations, one a row, and what is found in them.

mod firewall;
mod interfaces;
mod links;
mod meeting;
mod peers;
mod ports;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use nix::errno::Errno;
use zchat::node::interface::{LinkLocal, Listed, Selection, UnusedLink, decide};
use zchat::zre::PeerId;

use super::super::facts::{
    Connection, ConnectionState, Datagram, Facts, Firewall, FirewallName, Interface, Link,
    LinkProbe, LinkSighting, Meeting, Met, Owner, Port, Probe, Process, Reading, Sighting, Trouble,
    Visit, VisitEnd,
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
        links: Vec::new(),
        link_port: None,
        link_sightings: Vec::new(),
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
        last: Duration::ZERO,
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
        to: at(address, port).into(),
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

fn probe(facts: &mut Facts, change: impl Fn(&mut Probe)) {
    let probes = facts.interfaces.iter_mut();
    probes.filter_map(|one| one.probe.as_mut()).for_each(change);
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
        include_str!("detours.rs"),
        include_str!("firewall.rs"),
        include_str!("firewall/exception.rs"),
        include_str!("host.rs"),
        include_str!("interfaces.rs"),
        include_str!("links.rs"),
        include_str!("peers.rs"),
        include_str!("peers/meeting.rs"),
        include_str!("peers/reach.rs"),
        include_str!("places.rs"),
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
