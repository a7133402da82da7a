//! Nodes that beacon, and cannot be met.

use crate::lab::{Bridge, Lab};
use crate::support::{Diagnosis, Greeting, Script, doctor, doctor_of_nobody, firewall, lab, node};

/// What is found on host 1 where host 2 greets like this.
fn greeted_by(lab: &Lab, greeting: Greeting, mailbox: u16) -> Diagnosis {
    let mut script = Script::new(2);
    script.greeting = greeting;
    script.mailbox = mailbox;
    let _other = script.start(lab, 2);
    doctor(lab, 1, &[])
}

#[test]
fn a_mailbox_that_does_not_answer_as_it_should_is_found() {
    let Some(lab) = lab(2) else { return };
    let cases = [
        (Greeting::Closed, "refused", "connections are refused"),
        (Greeting::None, "no_greeting", "connections get no greeting"),
        (
            Greeting::Other,
            "not_zeromq",
            "something else than ZeroMQ answers",
        ),
    ];
    for ((greeting, code, does), mailbox) in cases.into_iter().zip(49_152..) {
        let diagnosis = greeted_by(&lab, greeting, mailbox);
        diagnosis.assert(&[code]);
        assert_eq!(
            diagnosis.what(code),
            format!("Beacons come from 10.77.0.2:{mailbox}, but {does}")
        );
    }
}

#[test]
fn a_firewall_of_the_other_host_is_found() {
    let Some(lab) = lab(2) else { return };
    let _alice = node(&lab, 2, "alice");
    let cases = [
        ("drop", "filtered"),
        ("reject with tcp reset", "refused"),
        // As firewalld does.
        ("reject with icmpx admin-prohibited", "unreachable"),
    ];
    for (verdict, code) in cases {
        firewall(
            &lab,
            2,
            &format!(
                "table inet t {{ chain in {{ type filter hook input priority 0;
                 ct state established accept; tcp dport 49152-65535 {verdict};\n}}\n}}"
            ),
        );
        let diagnosis = doctor(&lab, 1, &[]);
        diagnosis.assert(&[code]);
        let commands = diagnosis.commands(code);
        assert_eq!(commands[0], "sudo ufw allow 49152:65535/tcp");
    }
}

#[test]
fn a_peer_that_is_named_is_tried() {
    let Some(lab) = lab(2) else { return };
    let diagnosis = doctor(&lab, 1, &["--peer", "10.77.0.2:49152"]);
    diagnosis.assert(&["alone", "refused"]);
    let diagnosis = doctor(&lab, 1, &["--peer", "10.77.0.9:49152"]);
    diagnosis.assert(&["alone", "unreachable"]);
    let diagnosis = doctor(&lab, 1, &["--peer", "10.99.0.9:49152"]);
    diagnosis.assert(&["alone", "no_route"]);
    assert_eq!(
        diagnosis.what("no_route"),
        "At 10.99.0.9:49152, named by --peer, nothing can be reached: there is no route"
    );
}

#[test]
fn who_is_reached_and_never_connects_back_is_found() {
    let Some(lab) = lab(2) else { return };
    let _mute = Script::new(2).start(&lab, 2);
    let diagnosis = doctor(&lab, 1, &[]);
    diagnosis.assert(&["not_connected_back"]);
    assert_eq!(
        diagnosis.what("not_connected_back"),
        "No connection comes back from 10.77.0.2:49152"
    );
}

#[test]
fn who_connects_back_and_never_greets_is_found() {
    let Some(lab) = lab(2) else { return };
    let mut script = Script::new(2);
    script.connects = true;
    let _mute = script.start(&lab, 2);
    doctor(&lab, 1, &[]).assert(&["not_met"]);
}

#[test]
fn two_nodes_with_one_id_are_found() {
    let Some(lab) = lab(3) else { return };
    let start = |host, mailbox| {
        let mut script = Script::new(2);
        script.source = Lab::address(host);
        script.mailbox = mailbox;
        script.connects = true;
        script.start(&lab, host)
    };
    let _one = start(2, 49_152);
    {
        let _other = start(3, 49_153);
        let diagnosis = doctor(&lab, 1, &[]);
        assert!(diagnosis.codes().contains(&"same_id"), "{diagnosis:#?}");
    }
    // A copied machine has the same port, too; only that both connect tells them from one machine
    // with two networks.
    let _other = start(3, 49_152);
    let diagnosis = doctor(&lab, 1, &[]);
    let what = diagnosis.what("same_id");
    assert!(
        what.starts_with("10.77.0.2:49152 and 10.77.0.3:49152 have one id"),
        "{what}"
    );
}

#[test]
fn two_nodes_with_one_id_are_found_though_one_of_them_refuses_connections() {
    let Some(lab) = lab(3) else { return };
    let start = |host, mailbox, greeting| {
        let mut script = Script::new(2);
        script.source = Lab::address(host);
        script.mailbox = mailbox;
        script.connects = true;
        script.greeting = greeting;
        script.start(&lab, host)
    };
    let _one = start(2, 49_152, Greeting::Zmtp);
    for port in [49_153, 49_152] {
        let _other = start(3, port, Greeting::Closed);
        let diagnosis = doctor(&lab, 1, &[]);
        let what = format!("10.77.0.2:49152 and 10.77.0.3:{port} have one id");
        let found = diagnosis.what("same_id");
        assert!(found.starts_with(&what), "{found}");
    }
}

#[test]
fn one_node_with_two_networks_is_in_order() {
    let Some(lab) = lab(2) else { return };
    lab.ip(2, "addr add 10.77.0.22/24 brd + dev eth0");
    let _alice = node(&lab, 2, "alice");
    doctor(&lab, 1, &[]).assert(&[]);
}

#[test]
fn two_nodes_with_one_name_are_noted() {
    let Some(lab) = lab(3) else { return };
    let _alices = [node(&lab, 2, "alice"), node(&lab, 3, "alice")];
    let diagnosis = doctor(&lab, 1, &[]);
    diagnosis.assert(&[]);
    let what = diagnosis.what("same_name");
    assert_eq!(
        what,
        "10.77.0.2:49152 and 10.77.0.3:49152 have one name: alice"
    );
}

#[test]
fn a_node_of_this_host_that_hears_nobody_is_found() {
    let Some(lab) = lab(2) else { return };
    lab.add_interface(1, "eth1", Bridge::Second);
    lab.ip(1, "addr add 10.88.0.1/24 brd + dev eth1");
    lab.ip(1, "link set eth1 up");
    let _alice = node(&lab, 2, "alice");
    let start = |interface: &'static str| {
        lab.run(1, || {
            let name = zchat::zre::Name::new("bob").unwrap();
            let builder = zchat::node::Node::builder(name).interface(interface);
            builder.start().unwrap()
        })
    };
    {
        let _bob = start("eth1");
        let diagnosis = doctor(&lab, 1, &[]);
        diagnosis.assert(&["hears_nobody"]);
        assert_eq!(
            diagnosis.what("hears_nobody"),
            "The node of this host at port 49152 has not met 10.77.0.2:49152, whose beacons are \
             heard here"
        );
    }
    let _bob = start("eth0");
    doctor(&lab, 1, &[]).assert(&[]);
}

#[test]
fn the_loopback_interface_is_looked_at_where_it_is_named() {
    let Some(lab) = lab(1) else { return };
    let diagnosis = doctor(&lab, 1, &["--interface", "lo"]);
    diagnosis.assert(&["alone"]);
    let _bob = lab.run(1, || {
        let name = zchat::zre::Name::new("bob").unwrap();
        zchat::node::Node::builder(name)
            .interface("lo")
            .start()
            .unwrap()
    });
    let diagnosis = doctor_of_nobody(&lab, 1, &["--interface", "lo"]);
    diagnosis.assert(&[]);
    let what = diagnosis.what("node");
    assert!(
        what.starts_with("A node of this host answers at 127.0.0.1:49152 (bob"),
        "{what}"
    );
}
