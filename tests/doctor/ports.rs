//! Ports that somebody has, and limits of the system.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use crate::lab::Lab;
use crate::support::{PORT, doctor, doctor_of_nobody, lab, node, shared};

#[test]
fn a_port_that_is_not_shared_is_found_and_its_owner_named() {
    let Some(lab) = lab(1) else { return };
    let _owner = lab.run(1, || {
        UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).unwrap()
    });
    let diagnosis = doctor(&lab, 1, &[]);
    diagnosis.assert(&["port_taken"]);
    let own = std::process::id();
    let what = diagnosis.what("port_taken");
    assert!(
        what.contains(&format!("(process {own}, user root)")),
        "{what}"
    );
    assert_eq!(
        diagnosis.commands("port_taken")[0],
        format!("sudo kill {own}")
    );

    let diagnosis = doctor_of_nobody(&lab, 1, &[]);
    diagnosis.assert(&["port_taken"]);
    let what = diagnosis.what("port_taken");
    assert!(what.contains("a program of user root"), "{what}");
}

#[test]
fn a_port_that_is_not_shared_on_one_address_is_found() {
    let Some(lab) = lab(1) else { return };
    let _owner = lab.run(1, || UdpSocket::bind((Lab::address(1), PORT)).unwrap());
    doctor(&lab, 1, &[]).assert(&["port_taken"]);
}

#[test]
fn a_port_that_is_shared_is_in_order() {
    let Some(lab) = lab(2) else { return };
    let _alice = node(&lab, 2, "alice");
    let _owner = lab.run(1, || shared(PORT));
    doctor(&lab, 1, &[]).assert(&[]);
}

#[test]
fn a_mailbox_port_that_is_taken_is_found() {
    let Some(lab) = lab(2) else { return };
    let _alice = node(&lab, 2, "alice");
    let _owner = lab.run(1, || {
        TcpListener::bind((Ipv4Addr::UNSPECIFIED, 6_000)).unwrap()
    });
    let diagnosis = doctor(&lab, 1, &["--bind-port", "6000"]);
    diagnosis.assert(&["bind_port_taken"]);
    let what = diagnosis.what("bind_port_taken");
    assert!(
        what.contains(&format!("process {}", std::process::id())),
        "{what}"
    );
    doctor(&lab, 1, &["--bind-port", "6001"]).assert(&[]);
}

#[test]
fn ports_for_root_are_refused_to_others() {
    let Some(lab) = lab(1) else { return };
    let output = lab
        .command(1, "sysctl")
        .args(["-qw", "net.ipv4.ip_unprivileged_port_start=1024"])
        .output();
    assert!(output.unwrap().status.success());
    doctor_of_nobody(&lab, 1, &["--port", "99"]).assert(&["port_refused"]);
}

#[test]
fn a_low_limit_of_descriptors_is_found() {
    let Some(lab) = lab(2) else { return };
    let _alice = node(&lab, 2, "alice");
    let mut limited = lab.command(1, "prlimit");
    let output = limited
        .args(["--nofile=200:200", env!("CARGO_BIN_EXE_zchat")])
        .args(["doctor", "--json", "--wait", "2"])
        .env_remove("ZCHAT_INTERFACE")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(r#""code":"few_descriptors""#), "{text}");
    assert_eq!(output.status.code(), Some(1));
}
