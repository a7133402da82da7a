//! The records of `--json`: one object a line, in the forms that the manual tells.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::process::{Finished, Zchat, field, free_port};

/// Bob does, in turn, whatever shows at alice, who writes records.
fn a_day() -> Finished {
    let port = free_port();
    let mut alice = Zchat::start_json(port, "--name alice");
    let mut bob = Zchat::start_json(port, "--name bob");
    bob.wait_for("\"event\":\"join\"");
    for line in [
        "a bell \u{7}, an escape \u{1b}[31m, \"quotes\" and \\ and \u{202e}",
        "/msg alice psst",
        "/me waves",
        "/all everybody",
        "/join OTHER",
        "/leave OTHER",
        "/away lunch",
        "/back",
        "/rename robert",
        "/chat alice",
    ] {
        bob.say(line);
    }
    alice.wait_for("\"state\":\"asked\"");
    alice.say("/ok");
    bob.wait_for("\"state\":\"ok\"");
    bob.say("in private");
    alice.wait_for("in private");
    bob.say("/end");
    alice.wait_for("\"state\":\"ended\"");
    for line in ["/list", "/groups", "/whois robert", "/select robert"] {
        alice.say(line);
    }
    alice.wait_for("\"from\":");
    for line in ["/help", "/nothing"] {
        alice.say(line);
    }
    alice.wait_for("there is no /nothing");
    bob.say("/quit");
    alice.wait_for("\"event\":\"exit\"");
    bob.finish();
    alice.end()
}

#[test]
fn every_line_is_an_object_with_its_event_and_its_time_first() {
    let alice = a_day();
    let mut events = BTreeSet::new();
    for line in &alice.lines {
        let value: Value = serde_json::from_str(line).unwrap();
        let (event, time) = (
            value["event"].as_str().unwrap(),
            value["time"].as_str().unwrap(),
        );
        let begins = format!("{{\"event\":\"{event}\",\"time\":\"{time}\"");
        assert!(line.starts_with(&begins), "{line}");
        let is_stamp = time.len() == 24 && time.ends_with('Z') && time.as_bytes()[10] == b'T';
        assert!(is_stamp, "{line}");
        let about_nobody = ["notice", "error", "group", "sent", "stop"];
        if !about_nobody.contains(&event) {
            let peer = value["peer"].as_str().unwrap();
            let is_hex = |digit: char| matches!(digit, '0'..='9' | 'a'..='f');
            assert!(peer.len() == 32 && peer.chars().all(is_hex), "{line}");
            assert!(value["name"].is_string(), "{line}");
        }
        events.insert(event.to_owned());
    }
    for event in [
        "start", "enter", "join", "shout", "whisper", "action", "leave", "away", "rename",
        "request", "peer", "group", "notice", "error", "exit", "stop",
    ] {
        assert!(events.contains(event), "no {event} in {:#?}", alice.lines);
    }
    assert!(alice.lines.last().unwrap().contains("\"event\":\"stop\""));
}

#[test]
fn what_was_said_is_raw_in_the_records_and_none_of_ours_is_there() {
    let alice = a_day();
    let shout = alice.with("\"event\":\"shout\"");
    assert_eq!(shout.len(), 1, "{shout:?}");
    assert_eq!(
        field(shout[0], "text"),
        "a bell \u{7}, an escape \u{1b}[31m, \"quotes\" and \\ and \u{202e}"
    );
    let states: Vec<Value> = alice
        .with("\"event\":\"request\"")
        .iter()
        .map(|line| field(line, "state"))
        .collect();
    assert_eq!(states, ["asked", "ok", "ended"]);
    assert_eq!(field(alice.with("\"event\":\"rename\"")[0], "was"), "bob");
    let away: Vec<Value> = alice
        .with("\"event\":\"away\"")
        .iter()
        .map(|line| field(line, "text"))
        .collect();
    assert_eq!(away, [Value::from("lunch"), Value::Null]);
}
