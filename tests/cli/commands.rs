//! The subcommands: peers, send, tracker.

use std::time::{Duration, Instant};

use zchat::node::Node;
use zchat::zre::{Event, Name};

use crate::process::{DEADLINE, Zchat, field, free_port};

#[test]
fn peers_prints_a_table_and_ends() {
    // One peer at a time: the table is shown a moment after the last has come, and another one may be
    // slow to.
    for (name, group) in [("bob", "CHAT"), ("eve", "OTHER")] {
        let port = free_port();
        let other = Zchat::start_json(port, &format!("--name {name} --group {group}"));
        let peers = Zchat::start(port, "peers").end();
        assert_eq!(peers.code(), 0, "{peers:?}");
        assert_eq!(peers.lines.len(), 2, "{peers:?}");
        assert!(peers.lines[0].starts_with("name "), "{peers:?}");
        assert!(peers.lines[1].starts_with(&format!("{name} ")), "{peers:?}");
        assert!(peers.lines[1].contains(&format!(" {group} ")), "{peers:?}");
        let peers = Zchat::start(port, "peers --json").end();
        assert_eq!(peers.code(), 0, "{peers:?}");
        assert_eq!(peers.lines.len(), 1, "{peers:?}");
        assert_eq!(field(&peers.lines[0], "event"), "peer");
        assert_eq!(field(&peers.lines[0], "name"), name);
        assert_eq!(field(&peers.lines[0], "groups"), serde_json::json!([group]));
        other.end();
    }
}

#[test]
fn tracker_tells_who_is_away() {
    let port = free_port();
    let mut bob = Zchat::start_json(port, "--name bob");
    bob.say("/away lunch");
    bob.wait_for("you are away");
    let mut tracker = Zchat::start(port, "tracker --every 0.1 --json");
    tracker.wait_for("\"away\":\"lunch\"");
    tracker.signal("-TERM");
    tracker.finish();
    let mut tracker = Zchat::start(port, "tracker --every 0.1");
    tracker.wait_for("(away: lunch)");
    bob.say("/back");
    tracker.wait_until("bob is back", |line| {
        line.starts_with("* ") && line.contains("bob") && line.ends_with("(changed: away)")
    });
    tracker.signal("-TERM");
    tracker.finish();
    bob.end();
}

/// Goal: who has read something and leaves while more might come is known to have it. Method: bob, a node
/// in this process, leaves as soon as the sender knows that he has read the first line; the input of the
/// sender goes on for a while.
#[test]
fn send_knows_that_a_peer_has_read_what_was_sent_before_it_left() {
    let port = free_port();
    let mut bob = Node::builder(Name::new("bob").unwrap())
        .interface("lo")
        .beacon_port(port)
        .start()
        .unwrap();
    let mut send = Zchat::start(port, "--json send --to bob");
    send.say("hello");
    let deadline = Instant::now() + DEADLINE;
    let sender = loop {
        if let Event::Whisper { origin, content } = bob.recv_deadline(deadline).unwrap() {
            assert_eq!(&content.first()[..], b"hello");
            break origin.peer;
        }
    };
    // A HELLO, what was said, and two PINGs that ask whether it was read.
    while bob.stats().received < 4 {
        assert!(Instant::now() < deadline, "{:?}", bob.stats());
        std::thread::park_timeout(Duration::from_millis(2));
    }
    // What answers this came behind the answers to those.
    bob.ping(sender).unwrap();
    while !matches!(
        bob.recv_deadline(deadline).unwrap(),
        Event::RoundTrip { peer, .. } if peer == sender
    ) {}
    let mut eve = Zchat::start_json(port, "--name eve");
    eve.wait_until("bob", |line| {
        line.contains("\"event\":\"enter\"") && line.contains("\"name\":\"bob\"")
    });
    bob.close(DEADLINE);
    eve.wait_for("\"event\":\"exit\"");
    let send = send.end();
    assert_eq!(send.code(), 0, "{send:?}");
    assert_eq!(field(&send.lines[0], "to")[0]["name"], "bob", "{send:?}");
    eve.end();
}

#[test]
fn peers_of_an_empty_network_is_status_3_after_no_longer_than_wait() {
    let peers = Zchat::start(free_port(), "peers --wait 0.2").end();
    assert_eq!(peers.code(), 3);
    assert_eq!(
        peers.lines,
        ["* nobody is here; \"zchat doctor\" finds out why"]
    );
}

#[test]
fn send_delivers_to_groups_and_peers_and_tells_to_whom() {
    let port = free_port();
    let mut bob = Zchat::start_json(port, "--name bob");
    let mut eve = Zchat::start_json(port, "--name eve --group OTHER");
    let sent = Zchat::start(port, "send --group CHAT --to eve see you").end();
    assert_eq!(sent.code(), 0, "{sent:?}");
    assert_eq!(sent.lines.len(), 1, "{sent:?}");
    let delivered = ["* delivered to bob, eve", "* delivered to eve, bob"];
    assert!(delivered.contains(&sent.lines[0].as_str()), "{sent:?}");
    assert_eq!(
        field(&bob.wait_for("\"event\":\"shout\""), "text"),
        "see you"
    );
    assert_eq!(
        field(&eve.wait_for("\"event\":\"whisper\""), "text"),
        "see you"
    );
    bob.end();
    eve.end();
}

#[test]
fn send_takes_lines_from_stdin_and_no_command_in_them() {
    let port = free_port();
    let mut bob = Zchat::start_json(port, "--name bob");
    let mut send = Zchat::start(port, "send --to bob");
    send.write(b"one\n/quit\n$$STOP\nfour\n");
    assert_eq!(send.end().code(), 0);
    for text in ["one", "/quit", "$$STOP", "four"] {
        assert_eq!(field(&bob.wait_for("\"event\":\"whisper\""), "text"), text);
    }
    bob.end();
}

#[test]
fn send_says_who_of_the_named_is_not_there() {
    let port = free_port();
    let mut bob = Zchat::start_json(port, "--name bob");
    // Both wait for nobody at the same time. So long a while is also what they have to find bob.
    let sent = Zchat::start(port, "send --wait 10 --to bob --to nobody hello");
    let reported = Zchat::start(port, "send --json --wait 10 --to bob --to nobody hello");
    let sent = sent.end();
    assert_eq!(sent.code(), 1, "{sent:?}");
    assert!(
        sent.lines.contains(&"* delivered to bob".to_owned()),
        "{sent:?}"
    );
    assert!(
        sent.lines.contains(&"! not here: nobody".to_owned()),
        "{sent:?}"
    );
    bob.wait_for("\"event\":\"whisper\"");
    let reported = reported.end();
    let record = reported.with("\"event\":\"sent\"")[0];
    assert_eq!(field(record, "to")[0]["name"], "bob");
    assert_eq!(field(record, "missing")[0]["name"], "nobody");
    bob.end();
    let sent = Zchat::start(port, "send --wait 0.2 --group CHAT hello").end();
    assert_eq!(sent.code(), 3, "{sent:?}");
}

#[test]
fn send_ends_at_once_where_several_have_the_name_or_there_is_nothing_to_send() {
    let port = free_port();
    let bobs = ["--name bob", "--name bob --group OTHER"];
    let bobs = bobs.map(|options| Zchat::start_json(port, options));
    let started = Instant::now();
    // One bob alone would do for the name: by their groups, both are waited for.
    let sent = "send --wait 60 --group CHAT --group OTHER --to bob hello";
    let sent = Zchat::start(port, sent).end();
    assert_eq!(sent.code(), 1, "{sent:?}");
    assert_eq!(sent.lines.len(), 2, "{sent:?}");
    assert!(
        sent.lines[0].starts_with("! bob is ambiguous: bob~"),
        "{sent:?}"
    );
    // What was said to the groups.
    assert!(sent.lines[1].starts_with("* delivered to bob~"), "{sent:?}");
    let sent = Zchat::start(port, "send --wait 60 --group CHAT").end();
    assert_eq!(sent.code(), 1, "{sent:?}");
    assert_eq!(
        sent.lines,
        ["! there was nothing to send: the input has no text"]
    );
    assert!(started.elapsed() < Duration::from_secs(30), "it waited");
    for bob in bobs {
        let bob = bob.end();
        assert!(bob.with("\"event\":\"whisper\"").is_empty(), "{bob:?}");
    }
}

#[test]
fn tracker_prints_tables_in_which_changes_are_marked_and_says_nothing() {
    let port = free_port();
    let mut bob = Zchat::start_json(port, "--name bob");
    let mut tracker = Zchat::start(port, "--name watcher tracker --every 0.3");
    tracker.wait_until("bob, who was there", |line| line.starts_with("   bob "));
    let join = bob.wait_for("\"event\":\"enter\"");
    assert_eq!(field(&join, "name"), "watcher");
    bob.say("/join OTHER");
    tracker.wait_until("bob as changed", |line| {
        line.starts_with("*  bob ") && line.contains("OTHER")
    });
    let eve = Zchat::start_json(port, "--name eve");
    tracker.wait_until("eve as new", |line| line.starts_with("+  eve "));
    bob.wait_until("eve in a group", |line| {
        line.contains("\"event\":\"join\"") && line.contains("\"name\":\"eve\"")
    });
    bob.close();
    let joins = bob.finish();
    assert_eq!(
        joins.with("\"event\":\"join\"").len(),
        1,
        "the watcher joined: {joins:?}"
    );
    tracker.wait_until("bob as gone", |line| line.starts_with("-  bob "));
    tracker.signal("-INT");
    assert_eq!(tracker.finish().code(), 130);
    eve.end();
}

#[test]
fn tracker_writes_a_row_for_each_peer_and_group_as_json() {
    let port = free_port();
    let bob = Zchat::start_json(port, "--name bob");
    let mut tracker = Zchat::start(port, "--json tracker --every 0.2");
    let row = tracker.wait_for("\"event\":\"peer\"");
    assert_eq!(field(&row, "name"), "bob");
    let group = tracker.wait_for("\"event\":\"group\"");
    assert_eq!(field(&group, "group"), "CHAT");
    assert_eq!(field(&group, "members")[0]["name"], "bob");
    tracker.signal("-TERM");
    assert_eq!(tracker.finish().code(), 143);
    bob.end();
}
