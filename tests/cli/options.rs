//! Wrong usage is told clearly, with the right exit status, and sends nothing.

use std::net::{TcpListener, UdpSocket};

use crate::process::{Zchat, command, field, free_port};

/// Runs it with no input; its exit status and stderr.
fn run(arguments: &str) -> (i32, String) {
    let finished = Zchat::start(free_port(), arguments).end();
    assert_eq!(finished.lines, Vec::<String>::new(), "{arguments}");
    (finished.code(), finished.errors)
}

#[test]
fn wrong_usage_is_status_2_with_a_message_that_says_what_is_wrong() {
    let long = "x".repeat(256);
    for (arguments, expected) in [
        ("--bogus", "unexpected argument '--bogus'"),
        ("--bind-port 70000", "a port is a number from 1 to 65535"),
        (&format!("--name {long}"), "the name is 256 octets long"),
        ("--group=", "a group name needs at least one character"),
        (
            &format!("--group {long}"),
            "the group name is 256 octets long",
        ),
        ("send hello", "nobody to send to"),
        ("bogus", "unrecognized subcommand"),
    ] {
        let (code, errors) = run(arguments);
        assert_eq!(code, 2, "{arguments}: {errors}");
        assert!(errors.contains(expected), "{arguments}: {errors}");
    }
}

#[test]
fn an_interface_that_does_not_exist_is_named() {
    let mut command = command(free_port(), "--interface nosuch0");
    let finished = Zchat::spawn(&mut command).end();
    assert_eq!(finished.code(), 1);
    assert!(finished.errors.contains("nosuch0"), "{}", finished.errors);
}

#[test]
fn a_mailbox_port_that_is_taken_is_named() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let (code, errors) = run(&format!("--bind-port {port}"));
    assert_eq!(code, 1);
    assert!(errors.contains(&port.to_string()), "{errors}");
}

#[test]
fn a_beacon_port_that_is_taken_by_one_that_does_not_share_it_is_named() {
    let taken = UdpSocket::bind(("0.0.0.0", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let finished = Zchat::start(port, "").end();
    assert_eq!(finished.code(), 1);
    assert!(
        finished.errors.contains(&port.to_string()),
        "{}",
        finished.errors
    );
}

#[test]
fn help_and_version_go_to_stdout() {
    for (arguments, expected) in [("--help", "anyone on the network"), ("--version", "zchat ")] {
        let finished = Zchat::start(free_port(), arguments).end();
        assert_eq!(finished.code(), 0);
        assert_eq!(finished.errors, "");
        assert!(finished.lines.join("\n").contains(expected));
    }
}

#[test]
fn a_text_that_is_too_large_is_refused_whole_and_the_next_is_sent() {
    let port = free_port();
    let mut bob = Zchat::start_json(port, "--name bob");
    let mut alice = Zchat::start(port, "--name alice");
    alice.say(&"x".repeat(65_537));
    alice.say(&"y".repeat(65_536));
    let alice = alice.end();
    let heard = bob.wait_for("\"event\":\"shout\"");
    assert!(field(&heard, "text").as_str().unwrap().starts_with("yyyy"));
    assert_eq!(alice.code(), 1);
    assert_eq!(
        alice
            .with("! line 1: longer than 65536 octets; it was not sent")
            .len(),
        1
    );
    bob.end();
}
