//! Beacons that no node understands, or that come from where no node listens.

use zchat::node::Node;
use zchat::zre::Name;

use crate::lab::{Bridge, Lab};
use crate::support::{Diagnosis, Greeting, Script, doctor, doctor_of_nobody, lab, node};

/// What is found on host 1, which has a neighbour, where host 3 sends this.
fn sent(lab: &Lab, datagram: Vec<u8>) -> Diagnosis {
    let mut script = Script::new(3);
    script.datagram = Some(datagram);
    script.greeting = Greeting::Closed;
    let _other = script.start(lab, 3);
    doctor(lab, 1, &[])
}

#[test]
fn beacons_of_other_versions_and_lengths_are_found() {
    let Some(lab) = lab(3) else { return };
    let _alice = node(&lab, 2, "alice");
    let beacon = |version: u8, octets: usize| {
        let mut datagram = vec![b'Z', b'R', b'E', version];
        datagram.resize(octets - 2, 7);
        datagram.extend([0xc0, 0]);
        datagram
    };
    let mut with_key = beacon(3, 22);
    with_key.extend([9; 32]);
    let diagnosis = sent(&lab, with_key);
    diagnosis.assert(&["encrypted_only"]);
    let diagnosis = sent(&lab, beacon(7, 22));
    diagnosis.assert(&["other_version"]);
    let what = diagnosis.what("other_version");
    assert_eq!(what, "Beacons of the unknown version 7 come from 10.77.0.3");
    sent(&lab, beacon(1, 23)).assert(&["odd_beacon"]);
    let diagnosis = sent(&lab, b"hello".to_vec());
    diagnosis.assert(&[]);
    assert_eq!(
        diagnosis.what("stranger_on_port"),
        "Something else than beacons comes from 10.77.0.3 to UDP port 5670"
    );
}

/// A host 2 with this address only, which beacons to there.
fn elsewhere(lab: &Lab, address: &str, target: &str) -> crate::support::Running {
    lab.ip(2, "addr flush dev eth0");
    lab.ip(2, &format!("addr add {address} brd + dev eth0"));
    let mut script = Script::new(2);
    script.source = address.split('/').next().unwrap().parse().unwrap();
    script.target = target.parse().unwrap();
    script.start(lab, 2)
}

#[test]
fn a_host_of_another_subnet_on_the_same_wire_is_found() {
    let Some(lab) = lab(2) else { return };
    // What it sends is for nobody here: only root sees it.
    let other = elsewhere(&lab, "10.88.0.2/24", "10.88.0.255");
    let diagnosis = doctor(&lab, 1, &[]);
    diagnosis.assert(&["other_subnet"]);
    assert_eq!(
        diagnosis.what("other_subnet"),
        "Beacons of 10.88.0.2 come to eth0 from another subnet; ours is 10.77.0.1/24"
    );
    assert_eq!(
        diagnosis.commands("other_subnet"),
        ["sudo ip address add 10.88.0.250/24 brd + dev eth0"]
    );
    drop(other);
    // What was advised helps.
    crate::support::obey(&lab, 1, &diagnosis.commands("other_subnet"));
    let _alice = node(&lab, 2, "alice");
    doctor(&lab, 1, &[]).assert(&[]);
}

#[test]
fn a_host_of_another_subnet_that_sends_to_all_is_found_without_root() {
    let Some(lab) = lab(2) else { return };
    let _other = elsewhere(&lab, "10.88.0.2/24", "255.255.255.255");
    doctor_of_nobody(&lab, 1, &[]).assert(&["other_subnet"]);
}

#[test]
fn a_host_with_another_mask_is_found() {
    let Some(lab) = lab(2) else { return };
    let _other = elsewhere(&lab, "10.77.0.2/16", "10.77.255.255");
    let diagnosis = doctor(&lab, 1, &[]);
    diagnosis.assert(&["other_mask"]);
    assert_eq!(
        diagnosis.what("other_mask"),
        "Beacons of 10.77.0.2 go to 10.77.255.255, not to 10.77.0.255"
    );
}

#[test]
fn beacons_to_another_port_are_found() {
    let Some(lab) = lab(2) else { return };
    let _other = lab.run(2, || {
        let name = Name::new("bob").unwrap();
        Node::builder(name).beacon_port(5_671).start().unwrap()
    });
    let diagnosis = doctor(&lab, 1, &[]);
    diagnosis.assert(&["alone", "other_port"]);
    let what = diagnosis.what("other_port");
    assert_eq!(
        what,
        "Beacons of 10.77.0.2 go to UDP port 5671, not to 5670"
    );
}

#[test]
fn another_host_with_our_address_is_found() {
    let Some(lab) = lab(2) else { return };
    let _other = elsewhere(&lab, "10.77.0.1/24", "10.77.0.255");
    let diagnosis = doctor(&lab, 1, &[]);
    diagnosis.assert(&["same_address"]);
    assert_eq!(
        diagnosis.what("same_address"),
        "Another host has the address of this one: 10.77.0.1"
    );
}

#[test]
fn routes_that_lead_elsewhere_are_found() {
    let Some(lab) = lab(2) else { return };
    let _alice = node(&lab, 2, "alice");
    lab.add_interface(1, "vpn0", Bridge::Second);
    lab.ip(1, "addr add 10.9.0.2/24 brd + dev vpn0");
    lab.ip(1, "link set vpn0 up");
    lab.ip(1, "route add default via 10.9.0.1 dev vpn0 table 100");
    lab.ip(1, "rule add to 10.77.0.0/24 lookup 100 prio 10");
    let diagnosis = doctor(&lab, 1, &[]);
    diagnosis.assert(&["taken_over"]);
    assert_eq!(
        diagnosis.what("taken_over"),
        "What is sent to others on eth0 (10.77.0.1) leaves by vpn0 instead"
    );
}
