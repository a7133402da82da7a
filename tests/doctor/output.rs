//! What the doctor prints, for people.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use zchat::zre::{Beacon, Event};

use crate::lab::Lab;
use crate::support::{Greeting, PATIENCE, PORT, Script, lab, node, shared};

fn doctor(lab: &Lab, options: &[&str]) -> Command {
    let mut command = lab.command(1, env!("CARGO_BIN_EXE_zchat"));
    command.arg("doctor").args(options);
    for variable in ["ZCHAT_INTERFACE", "RUST_LOG", "NO_COLOR"] {
        command.env_remove(variable);
    }
    command
}

#[test]
fn text_is_readable_in_80_columns() {
    let Some(lab) = lab(2) else { return };
    let mut script = Script::new(2);
    script.greeting = Greeting::Closed;
    let _other = script.start(&lab, 2);
    let output = doctor(&lab, &["--wait", "1"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text,
        "\
problem  Beacons come from 10.77.0.2:49152, but connections are refused
         No program has that port any more, or a firewall on that host rejects
         them.
         On that host, let connections in; with ufw:
           sudo ufw allow 49152:65535/tcp
         Whether it is reached at all:
           ping -c 3 10.77.0.2
note     eth0 (10.77.0.1/24) is used: beacons go to 10.77.0.255, and own ones
         are heard

1 problem, after 1 s of listening on UDP port 5670.
"
    );
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stderr, b"");
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let Some(lab) = lab(1) else { return };
    let mut command = doctor(&lab, &["--wait", "0"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert!(output.status.code().is_some(), "{:?}", output.status);
}

#[test]
fn after_a_signal_it_leaves_cleanly() {
    let Some(lab) = lab(2) else { return };
    let mut alice = node(&lab, 2, "alice");
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut doctor = doctor(&lab, &["--wait", "60"]);
    let mut doctor = doctor.stdout(Stdio::null()).spawn().unwrap();
    while alice.peers().next().is_none() {
        alice.recv_deadline(deadline).unwrap();
    }
    let guest = alice.peers().next().unwrap();
    assert_eq!(guest.name.as_str(), "zchat-doctor");
    let guest = guest.id;
    let ear = lab.run(2, || shared(PORT));
    ear.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut kill = Command::new("kill");
    kill.arg("-INT").arg(doctor.id().to_string());
    assert!(kill.status().unwrap().success());
    // Alice may see the end of the connection before she has taken the farewell.
    let says_farewell = |datagram: &[u8]| {
        Beacon::decode(datagram).is_ok_and(|beacon| beacon.is_farewell() && beacon.peer == guest)
    };
    let mut octets = [0; 64];
    loop {
        let length = ear.recv(&mut octets).unwrap();
        if says_farewell(&octets[..length]) {
            break;
        }
    }
    while !matches!(
        alice.recv_deadline(deadline).unwrap(),
        Event::Exit { peer, .. } if peer == guest
    ) {}
    assert_eq!(doctor.wait().unwrap().code(), Some(130));
}
