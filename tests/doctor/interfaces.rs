//! Interfaces that are off, unplugged, bare, or without broadcast.

use std::process::Stdio;

use crate::lab::{Bridge, Lab};
use crate::support::{
    PATIENCE, PORT, Script, command, doctor, lab, node, shared, wait_for_carrier,
};

#[test]
fn two_hosts_that_meet_are_healthy() {
    let Some(lab) = lab(2) else { return };
    let _alice = node(&lab, 2, "alice");
    let diagnosis = doctor(&lab, 1, &[]);
    diagnosis.assert(&[]);
    let interface = diagnosis.what("interface");
    assert_eq!(
        interface,
        "eth0 (10.77.0.1/24) is used: beacons go to 10.77.0.255, and own ones are heard"
    );
    let other = diagnosis.what("node");
    assert!(other.starts_with("10.77.0.2:49152 (alice, "), "{other}");
}

#[test]
fn two_doctors_find_each_other() {
    let Some(lab) = lab(2) else { return };
    let mut other = command(&lab, 2, &["--wait", "20"]);
    let ear = lab.run(1, || shared(PORT));
    ear.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut other = other.stdout(Stdio::null()).spawn().unwrap();
    while ear.recv_from(&mut [0; 64]).unwrap().1.ip() != Lab::address(2) {}
    let diagnosis = doctor(&lab, 1, &[]);
    other.kill().unwrap();
    other.wait().unwrap();
    diagnosis.assert(&[]);
    assert!(
        diagnosis.what("node").contains("(zchat-doctor, "),
        "{diagnosis:#?}"
    );
}

#[test]
fn a_host_alone_is_told_of_isolation() {
    let Some(lab) = lab(1) else { return };
    let diagnosis = doctor(&lab, 1, &[]);
    diagnosis.assert(&["alone"]);
    let why = diagnosis.find("alone")["why"].as_str().unwrap();
    assert!(
        why.starts_with("Own beacons are heard") && why.contains("client isolation"),
        "{why}"
    );
}

#[test]
fn why_there_is_no_network_is_told() {
    let Some(lab) = lab(1) else { return };
    lab.carrier_down(1, "eth0");
    let diagnosis = doctor(&lab, 1, &[]);
    diagnosis.assert(&["only_loopback"]);
    let why = |diagnosis: &crate::support::Diagnosis, code| {
        diagnosis.find(code)["why"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        why(&diagnosis, "only_loopback"),
        "eth0: it has no carrier: no cable, or no Wi-Fi joined."
    );
    lab.ip(1, "link set eth0 down");
    let diagnosis = doctor(&lab, 1, &[]);
    assert_eq!(
        why(&diagnosis, "only_loopback"),
        "eth0: it is switched off."
    );
    assert_eq!(
        diagnosis.commands("only_loopback"),
        ["sudo ip link set eth0 up"]
    );
    lab.ip(1, "link set lo down");
    let diagnosis = doctor(&lab, 1, &[]);
    diagnosis.assert(&["no_network"]);
    lab.carrier_up(1, "eth0");
    lab.ip(1, "link set lo up");
    lab.ip(1, "link set eth0 up");
    wait_for_carrier(&lab, 1);
    lab.ip(1, "addr flush dev eth0");
    let diagnosis = doctor(&lab, 1, &[]);
    assert_eq!(
        why(&diagnosis, "only_loopback"),
        "eth0: it has no IPv4 address."
    );
}

#[test]
fn a_network_without_broadcast_is_found() {
    let Some(lab) = lab(2) else { return };
    for (host, address) in [(1, "10.77.0.0/31"), (2, "10.77.0.1/31")] {
        lab.ip(host, "addr flush dev eth0");
        lab.ip(host, &format!("addr add {address} dev eth0"));
    }
    let diagnosis = doctor(&lab, 1, &[]);
    diagnosis.assert(&["no_broadcast"]);
    // Peers can be named there.
    let _alice = node(&lab, 2, "alice");
    let diagnosis = doctor(&lab, 1, &["--peer", "10.77.0.1:49152"]);
    diagnosis.assert(&["no_broadcast"]);
    let other = diagnosis.what("node");
    assert!(other.starts_with("10.77.0.1:49152"), "{other}");
}

#[test]
fn an_interface_that_is_named_is_looked_at_alone() {
    let Some(lab) = lab(1) else { return };
    let diagnosis = doctor(&lab, 1, &["--interface", "eth7"]);
    diagnosis.assert(&["unknown_interface"]);
    assert_eq!(
        diagnosis.what("unknown_interface"),
        "There is no interface \"eth7\"; there are: lo (127.0.0.1), eth0 (10.77.0.1)"
    );
    lab.add_interface(1, "eth1", Bridge::Second);
    let diagnosis = doctor(&lab, 1, &["--interface", "eth0", "--interface", "eth1"]);
    diagnosis.assert(&["alone", "interface_unusable"]);
    assert_eq!(
        diagnosis.what("interface_unusable"),
        "eth1 is not used: it is switched off"
    );
}

#[test]
fn peers_on_an_interface_that_is_left_out_are_found() {
    let Some(lab) = lab(2) else { return };
    lab.add_interface(1, "eth1", Bridge::Second);
    lab.ip(1, "addr add 10.88.0.1/24 brd + dev eth1");
    lab.ip(1, "link set eth1 up");
    lab.plug(2, Bridge::Second);
    lab.ip(2, "addr add 10.88.0.2/24 brd + dev eth0");
    let mut script = Script::new(2);
    script.source = "10.88.0.2".parse().unwrap();
    script.target = "10.88.0.255".parse().unwrap();
    let _other = script.start(&lab, 2);
    let diagnosis = doctor(&lab, 1, &["--interface", "eth0"]);
    assert_eq!(
        diagnosis.what("not_named"),
        "Beacons of 10.88.0.2 come to eth1, which --interface leaves out"
    );
}
