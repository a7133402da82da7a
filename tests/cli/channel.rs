//! The four steps that the library offers to programs: node, group, channel, lines.

use std::sync::mpsc::{Receiver, channel};

use zchat::channel::{Channel, Closed};
use zchat::chat::{Config, Exit, Form, HEADERS, Input, Line, Signal};
use zchat::node::Node;
use zchat::zre::{GroupName, Name};

use crate::process::{DEADLINE, free_port};

/// A chat in this process, and the lines that it shows.
fn chat(name: &str, port: u16) -> (Channel, Receiver<String>) {
    let name = Name::new(name).unwrap();
    let group = GroupName::new("CHAT").unwrap();
    let mut builder = Node::builder(name.clone())
        .interface("lo")
        .beacon_port(port)
        .group(group.clone());
    for (header, value) in HEADERS {
        builder = builder.header(header, value).unwrap();
    }
    let mut config = Config::new(name, vec![group]);
    config.form = Form::Text;
    config.input = Input::Piped;
    let (sender, lines) = channel();
    let show = move |line: &Line| _ = sender.send(line.text.clone());
    let channel = Channel::open(builder.start().unwrap(), config, show).unwrap();
    (channel, lines)
}

fn wait_for(lines: &Receiver<String>, expected: &str) {
    let seen = std::iter::from_fn(|| lines.recv_timeout(DEADLINE).ok());
    assert!({ seen }.any(|line| line == expected), "no {expected:?}");
}

#[test]
fn lines_sent_into_a_channel_are_said_and_stop_ends_it() {
    let port = free_port();
    let (alice, alice_sees) = chat("alice", port);
    let (bob, bob_sees) = chat("bob", port);
    alice.send("hello").unwrap();
    wait_for(&bob_sees, "[CHAT] alice: hello");
    bob.send("/msg alice psst").unwrap();
    wait_for(&alice_sees, "[bob -> you] psst");
    alice.send("$$STOP").unwrap();
    assert_eq!(alice.wait(), Exit::Done);
    wait_for(&bob_sees, "* alice is gone");
    bob.control().signal(Signal::Terminate);
    assert_eq!(bob.wait(), Exit::Signal(Signal::Terminate));
}

#[test]
fn a_channel_that_is_dropped_leaves_the_chat() {
    let port = free_port();
    let (alice, _alice_sees) = chat("alice", port);
    let (bob, bob_sees) = chat("bob", port);
    wait_for(&bob_sees, "* alice is here (127.0.0.1)");
    drop(alice);
    wait_for(&bob_sees, "* alice is gone");
    drop(bob);
}

#[test]
fn sending_into_a_chat_that_has_ended_says_so_instead_of_waiting_for_ever() {
    let (alice, _alice_sees) = chat("alice", free_port());
    let (lines, task) = alice.split();
    lines.send(b"$$STOP").unwrap();
    assert_eq!(task.wait(), Exit::Done);
    let sent = std::iter::repeat_with(|| lines.send(b"more"))
        .take(10_000)
        .find(Result::is_err);
    assert_eq!(sent, Some(Err(Closed)));
}
