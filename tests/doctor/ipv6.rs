//! Hosts that have IPv6, alone or beside IPv4.

use std::net::{Ipv6Addr, SocketAddrV6};

use socket2::{Domain, Socket, Type};

use crate::lab::Lab;
use crate::support::{PORT, doctor, doctor_of_nobody, firewall, lab, node, obey};

/// Two hosts that have both.
fn both() -> Option<Lab> {
    let lab = lab(2)?;
    for host in [1, 2] {
        lab.set_ipv6(host, true);
    }
    for host in [1, 2] {
        lab.wait_for_ipv6(host, "eth0");
    }
    Some(lab)
}

/// Two hosts that have no IPv4 address.
fn only_ipv6() -> Option<Lab> {
    let lab = both()?;
    for host in [1, 2] {
        lab.ip(host, "addr flush dev eth0 scope global");
    }
    Some(lab)
}

/// A mailbox on host 2, as host 1 reaches it.
fn place(lab: &Lab, port: u16) -> String {
    let address = lab.wait_for_ipv6(2, "eth0");
    SocketAddrV6::new(address, port, 0, lab.scope(1, "eth0")).to_string()
}

const NO_BEACONS: &str = "table ip6 filter { chain input { type filter hook input priority 0;
                          udp dport 5670 drop;\n}\n}";

#[test]
fn a_host_without_ipv4_that_meets_somebody_is_healthy() {
    let Some(lab) = only_ipv6() else { return };
    let alice = node(&lab, 2, "alice");
    for diagnosis in [doctor(&lab, 1, &[]), doctor_of_nobody(&lab, 1, &[])] {
        diagnosis.assert(&[]);
        assert_eq!(diagnosis.find("only_ipv6")["severity"], "note");
        let there = place(&lab, alice.port());
        let short = &alice.id().to_string()[..8];
        let expected = format!("{there} (alice, {short}) beacons, and answers");
        assert_eq!(diagnosis.what("node"), expected);
    }
}

#[test]
fn a_host_without_ipv4_where_nobody_else_beacons_is_alone() {
    let Some(lab) = only_ipv6() else { return };
    let diagnosis = doctor(&lab, 1, &[]);
    diagnosis.assert(&["alone"]);
    assert!(diagnosis.what("alone").contains("eth0 (fe80::"));
}

#[test]
fn a_peer_that_is_named_by_ipv6_is_tried() {
    let Some(lab) = only_ipv6() else { return };
    let alice = node(&lab, 2, "alice");
    let (there, nobody) = (place(&lab, alice.port()), place(&lab, 4_000));
    let diagnosis = doctor(&lab, 1, &["--peer", &there]);
    diagnosis.assert(&[]);
    assert!(diagnosis.what("node").starts_with(&there));
    let diagnosis = doctor(&lab, 1, &["--peer", &nobody]);
    diagnosis.assert(&["refused"]);
    assert!(diagnosis.what("refused").contains(&nobody));
}

#[test]
fn a_rule_that_drops_beacons_by_ipv6_is_found_where_there_is_nothing_else() {
    let Some(lab) = only_ipv6() else { return };
    firewall(&lab, 1, NO_BEACONS);
    let diagnosis = doctor(&lab, 1, &[]);
    diagnosis.assert(&["firewall"]);
    let what = "This host drops beacons of others on eth0, by IPv6";
    assert_eq!(diagnosis.what("firewall"), what);
    doctor_of_nobody(&lab, 1, &[]).assert(&["ipv6_unheard"]);
    obey(&lab, 1, &diagnosis.commands("firewall"));
    doctor(&lab, 1, &[]).assert(&["alone"]);
}

/// Those that have IPv4 only would be missing.
#[test]
fn a_rule_against_connections_by_ipv4_is_found_though_somebody_is_met_by_ipv6() {
    let Some(lab) = both() else { return };
    let _alice = node(&lab, 2, "alice");
    let rules = "table ip f { chain in { type filter hook input priority 0;
                 ct state new tcp dport 1024-65535 drop;\n}\n}";
    firewall(&lab, 1, rules);
    let diagnosis = doctor(&lab, 1, &[]);
    diagnosis.assert(&["firewall"]);
    assert_eq!(
        diagnosis.what("firewall"),
        "This host drops connections to its mailbox (TCP 49152) on eth0"
    );
}

#[test]
fn what_is_wrong_with_ipv6_is_a_note_where_ipv4_is_in_order() {
    let Some(lab) = both() else { return };
    let _alice = node(&lab, 2, "alice");
    firewall(&lab, 1, NO_BEACONS);
    let diagnosis = doctor(&lab, 1, &[]);
    diagnosis.assert(&[]);
    assert_eq!(diagnosis.find("firewall")["severity"], "note");
    assert_eq!(diagnosis.find("ipv6_unheard")["severity"], "note");
}

#[test]
fn a_port_that_is_taken_for_ipv6_is_found() {
    let Some(lab) = only_ipv6() else { return };
    let _owner = lab.run(1, || {
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, None).unwrap();
        socket.set_only_v6(true).unwrap();
        let all = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, PORT, 0, 0);
        socket.bind(&all.into()).unwrap();
        socket
    });
    let diagnosis = doctor(&lab, 1, &[]);
    diagnosis.assert(&["ipv6_port_taken"]);
    let own = format!("(process {}, user root)", std::process::id());
    assert!(diagnosis.what("ipv6_port_taken").contains(&own));
}

#[test]
fn an_ipv6_address_that_another_host_has_is_found() {
    let Some(lab) = lab(2) else { return };
    for host in [1, 2] {
        lab.ip(host, "link set eth0 addrgenmode none");
        lab.set_ipv6(host, true);
        lab.ip(host, "addr flush dev eth0 scope global");
    }
    lab.ip(2, "addr add fe80::7/64 dev eth0");
    lab.wait_for_ipv6(2, "eth0");
    lab.ip(1, "addr add fe80::7/64 dev eth0");
    lab.wait_for_ipv6(1, "eth0");
    doctor(&lab, 1, &[]).find("ipv6_duplicate");
}
