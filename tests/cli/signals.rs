//! Signals end it, after a clean leave, with the status that they always have.

use std::io::Write;

use crate::process::{Zchat, free_port};

#[test]
fn signals_end_it_after_a_clean_leave_with_their_status() {
    for (signal, code) in [("-TERM", 143), ("-INT", 130), ("-HUP", 129)] {
        let port = free_port();
        let mut bob = Zchat::start_json(port, "--name bob");
        let alice = Zchat::start_json(port, "--name alice");
        bob.wait_for("\"event\":\"enter\"");
        alice.signal(signal);
        let alice = alice.finish();
        assert_eq!(alice.code(), code);
        assert_eq!(alice.with("\"event\":\"stop\"").len(), 1);
        // A farewell, not an expiry: that would take half a minute.
        bob.wait_for("\"event\":\"exit\"");
        assert_eq!(bob.end().code(), 0);
    }
}

#[test]
fn what_was_said_before_the_signal_is_delivered() {
    let port = free_port();
    let mut bob = Zchat::start_json(port, "--name bob");
    let mut alice = Zchat::start_json(port, "--name alice");
    alice.wait_for("\"event\":\"join\"");
    alice.say("the last word");
    bob.wait_for("the last word");
    alice.signal("-TERM");
    assert_eq!(alice.finish().code(), 143);
    bob.wait_for("\"event\":\"exit\"");
}

#[test]
fn it_ends_by_a_signal_also_if_nobody_reads_what_it_writes() {
    // Goal: a program that blocks in writing can still be ended. Method: a third one fills its
    // stdout, which is read no further than the first line.
    let port = free_port();
    let mut command = crate::process::command(port, "--json --name deaf");
    let (reader, writer) = std::io::pipe().unwrap();
    let mut deaf = command
        .stdin(std::process::Stdio::piped())
        .stdout(writer)
        .spawn()
        .unwrap();
    let mut talker = Zchat::start_json(port, "--name talker");
    talker.wait_for("\"event\":\"join\"");
    let mut stdin = talker.take_stdin();
    let line = format!("{}\n", "x".repeat(1_000));
    for _ in 0..200 {
        stdin.write_all(line.as_bytes()).unwrap();
    }
    // Pipes hold 64 KiB: the talker's lines are delivered, and the deaf one sits in its write.
    drop(stdin);
    talker.finish();
    let id = deaf.id().to_string();
    std::process::Command::new("kill")
        .args(["-TERM", &id])
        .status()
        .unwrap();
    let deadline = std::time::Instant::now() + crate::process::DEADLINE;
    let status = loop {
        if let Some(status) = deaf.try_wait().unwrap() {
            break status;
        }
        assert!(std::time::Instant::now() < deadline, "it does not end");
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    };
    assert_eq!(status.code(), Some(143));
    drop(reader);
}
