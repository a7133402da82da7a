//! Who is here and what is known of whom, as `/list`, `/whois` and their like tell it: tables on a
//! screen, records in JSON.

use std::time::Duration;

use zchat::zre::{Action, Event, ExitReason, Link};

use crate::commands::{alice, answer};
use crate::harness::{ALICE, BOB, CAROL, Chat, json, typed, zchat_headers};

#[test]
fn the_list_is_a_table() {
    assert_eq!(
        answer("/who"),
        "name       id        address           groups    since\n\
         Carol Ann  ca111111  10.0.0.202:49152  CHAT DEV  21:04:05\n\
         bob        b0111111  10.0.0.176:49152  CHAT      21:04:05\n\
         alice      a1111111  10.0.0.1:49152    CHAT      21:04:05  (you)"
    );
    let mut alone = Chat::new(typed("alice", &["CHAT"]));
    alone.screen();
    alone.line("/list");
    assert_eq!(
        alone.said(),
        "name   id        address         groups  since\n\
         alice  a1111111  10.0.0.1:49152  CHAT    21:04:05  (you)\n\
         * nobody else is here"
    );
}

#[test]
fn whois_of_oneself_tells_what_others_need_to_reach_one() {
    let mut config = typed("alice", &["CHAT", "DEV"]);
    config.headers = zchat_headers();
    let mut chat = Chat::new(config);
    chat.event(Event::Network {
        addresses: vec!["10.0.0.1".parse().unwrap(), "192.168.7.1".parse().unwrap()],
    });
    chat.screen();
    chat.line("/whois alice");
    assert_eq!(
        chat.said(),
        "alice        a1111111111111111111111111111111\n \
         address     10.0.0.1:49152, 192.168.7.1:49152\n \
         groups      CHAT DEV\n \
         header      X-ZCHAT = 1\n \
         here since  21:04:05\n \
         is          you"
    );
    chat.line(&format!("/whois {ALICE}"));
    assert!(chat.said().starts_with("alice "));
    assert_eq!(chat.asked(), []);
}

#[test]
fn ones_own_record_says_that_it_is_ones_own_and_is_in_no_list() {
    let mut chat = Chat::new(json("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.pass(Duration::from_millis(300));
    chat.reported();
    chat.line("/whois alice");
    let own = chat.records.pop().unwrap();
    assert_eq!(own["event"], "peer");
    assert_eq!(own["own"], true);
    assert_eq!(own["endpoint"], "tcp://10.0.0.1:49152");
    chat.line("/list");
    assert_eq!(chat.records.len(), 1);
    assert_eq!(chat.records[0]["name"], "bob");
    assert!(chat.records[0].get("own").is_none());
}

#[test]
fn search_finds_names_that_contain_a_text() {
    assert_eq!(
        answer("/search ANN"),
        "name       id        address           groups    since\n\
         Carol Ann  ca111111  10.0.0.202:49152  CHAT DEV  21:04:05"
    );
    assert_eq!(
        answer("/search zo"),
        "* nobody here has a name that contains zo"
    );
}

#[test]
fn query_answers_yes_or_no() {
    assert_eq!(
        answer("/query bob"),
        "* yes: bob (10.0.0.176:49152) is connected since 21:04:05"
    );
    assert_eq!(
        answer("/query 10.0.0.176 49152"),
        "* yes: bob (10.0.0.176:49152) is connected since 21:04:05"
    );
    assert_eq!(
        answer("/query 10.0.0.176 1"),
        "* no: nobody is connected at 10.0.0.176:1"
    );
    assert_eq!(answer("/query dave"), "* no: no peer is named dave");
}

#[test]
fn whois_tells_all_and_measures_the_round_trip() {
    let mut chat = alice();
    chat.line("/whois bob");
    assert_eq!(chat.asked(), [Action::Ping(BOB)]);
    assert_eq!(chat.said(), "");
    chat.event(Event::RoundTrip {
        peer: BOB,
        elapsed: Duration::from_micros(430),
    });
    assert_eq!(
        chat.said(),
        "bob            b0111111111111111111111111111111\n \
         address       10.0.0.176:49152\n \
         groups        CHAT\n \
         header        X-ZCHAT = 1\n \
         here since    21:04:05\n \
         last message  21:04:05\n \
         round trip    0.4 ms"
    );
    chat.line("/whois bob");
    chat.seconds(1);
    assert_eq!(chat.said(), "");
    chat.seconds(1);
    assert!(chat.said().ends_with("\n round trip    no answer"));
    chat.line("/whois bob");
    chat.exit(BOB, ExitReason::Farewell);
    assert!(chat.said().contains("! bob is gone, and did not answer"));
}

#[test]
fn groups_and_names_tell_who_is_in_them() {
    assert_eq!(
        answer("/rooms"),
        "CHAT (current): alice (you), Carol Ann, bob\nDEV: Carol Ann"
    );
    assert_eq!(
        answer("/names"),
        "CHAT (current): alice (you), Carol Ann, bob"
    );
    assert_eq!(answer("/names DEV"), "DEV: Carol Ann");
    assert_eq!(answer("/names OPS"), "! nobody is in OPS");
}

#[test]
fn lists_are_records_in_json() {
    let mut chat = Chat::new(json("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.pass(Duration::from_millis(300));
    chat.reported();
    chat.line("/list");
    let bob = "\"name\":\"bob\",\"peer\":\"b0111111111111111111111111111111\"";
    let row = format!(
        "{{\"endpoint\":\"tcp://10.0.0.176:49152\",\"event\":\"peer\",\"groups\":[\"CHAT\"],\
         \"headers\":{{\"X-ZCHAT\":\"1\"}},{bob},\"since\":\"2026-11-20T20:04:05.000Z\"}}"
    );
    assert_eq!(chat.reported(), row);
    chat.line("/query bob");
    assert_eq!(chat.reported(), row);
    chat.line("/names");
    assert_eq!(
        chat.reported(),
        format!(
            "{{\"current\":true,\"event\":\"group\",\"group\":\"CHAT\",\"members\":[{{\"name\":\"alice\",\
             \"peer\":\"a1111111111111111111111111111111\"}},{{{bob}}}]}}"
        )
    );
    chat.line("/msg bbo hi");
    assert_eq!(
        chat.reported(),
        r#"{"event":"error","text":"line 4: no peer is named bbo; did you mean bob?"}"#
    );
}

#[test]
fn records_of_peers_have_all_that_the_table_tells() {
    let mut config = json("alice", &["CHAT"]);
    config.input = zchat::chat::Input::Typed;
    let mut chat = Chat::new(config);
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.enter(CAROL, "carol", &["CHAT"]);
    chat.line("/ignore carol");
    chat.hear(CAROL, "CHAT", "hello?");
    chat.event(Event::Evasive { peer: BOB });
    chat.records.clear();
    chat.line("/list");
    let told = chat.records[0]["unanswered"].as_str().unwrap();
    assert!(told.ends_with(":04:05.000Z"), "{told}");
    assert_eq!(
        chat.records[1]["remarks"],
        serde_json::json!(["ignored, 1 not shown"])
    );
    chat.hear(BOB, "CHAT", "here I am");
    chat.records.clear();
    chat.line("/whois bob");
    chat.seconds(2);
    let whois = &chat.records[0];
    assert_eq!(whois.get("remarks"), None);
    assert_eq!(whois["heard"], "2026-11-20T20:04:05.000Z");
    chat.records.clear();
    chat.event(Event::Undelivered {
        peer: BOB,
        count: 2,
        reason: zchat::zre::UndeliveredReason::Full,
    });
    assert_eq!(chat.records[0]["reason"], "full");
}

#[test]
fn a_peer_that_did_not_answer_is_listed_with_when_that_was() {
    let mut chat = alice();
    chat.event(Event::Evasive { peer: BOB });
    chat.seconds(10);
    chat.screen();
    chat.line("/search bob");
    assert!(chat.said().ends_with("21:04:05  (no answer at 21:04:08)"));
    chat.event(Event::Heard { peer: BOB });
    assert_eq!(chat.said(), "", "that is nothing to tell a person");
    chat.line("/search bob");
    assert!(chat.said().ends_with("CHAT    21:04:05"));
}

#[test]
fn programs_are_told_that_a_peer_does_not_answer_and_that_it_is_heard_again() {
    let mut chat = Chat::new(json("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.records.clear();
    let peer = BOB;
    for event in [
        Event::Evasive { peer },
        Event::Silent { peer },
        Event::Heard { peer },
    ] {
        chat.event(event);
    }
    let told = |record: &serde_json::Value| format!("{} {}", record["event"], record["peer"]);
    let told: Vec<String> = chat.records.iter().map(told).collect();
    let of_bob = |event| format!("\"{event}\" \"{BOB}\"");
    assert_eq!(told, ["evasive", "silent", "heard"].map(of_bob));
}

#[test]
fn a_peer_that_has_moved_is_listed_where_it_is_and_only_programs_are_told() {
    let moved = || Event::Moved {
        peer: BOB,
        link: Link::plain("10.0.0.99:49152".parse().unwrap(), None),
    };
    let mut chat = alice();
    chat.screen();
    chat.event(moved());
    assert_eq!(chat.said(), "", "that is nothing to tell a person");
    chat.line("/search bob");
    let said = chat.said();
    assert!(said.contains("10.0.0.99"), "{said}");
    let mut chat = Chat::new(json("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.event(moved());
    chat.seconds(1);
    chat.line("/list");
    let told = |event: &str| {
        let record = chat.records.iter().find(|record| record["event"] == event);
        record.unwrap()["endpoint"].clone()
    };
    assert_eq!(told("moved"), "tcp://10.0.0.99:49152");
    assert_eq!(told("peer"), "tcp://10.0.0.99:49152");
}

#[test]
fn a_narrow_screen_gets_folded_tables() {
    let mut chat = alice();
    chat.session.handle_width(40);
    chat.line("/list");
    chat.line("/help");
    let said = chat.said();
    assert!(said.starts_with(
        "name\n  id  address  groups  since\n\
         Carol Ann\n  ca111111  10.0.0.202:49152  CHAT DEV\n  21:04:05\n\
         bob\n  b0111111  10.0.0.176:49152  CHAT\n  21:04:05\n\
         alice\n  a1111111  10.0.0.1:49152  CHAT\n  21:04:05  (you)\n\
         /help [COMMAND]\n  /?  this table, or more about one\n  command\n"
    ));
    assert!(said.lines().all(|line| line.len() <= 40), "{said}");
    chat.line("/whois bob");
    chat.seconds(2);
    assert_eq!(
        chat.said(),
        "bob\n  b0111111111111111111111111111111\n \
         address       10.0.0.176:49152\n \
         groups        CHAT\n \
         header        X-ZCHAT = 1\n \
         here since    21:04:05\n \
         last message  21:04:05\n \
         round trip    no answer"
    );
}

/// Behind a NAT, what others are to add is the address outside.
#[test]
fn what_is_advertised_is_what_one_tells_others_and_is_oneself() {
    let mut config = typed("alice", &["CHAT"]);
    config.endpoint = "tcp://10.0.0.1:49152".into();
    config.advertised = Some("203.0.113.5:4000".parse().unwrap());
    let mut chat = Chat::new(config);
    let addresses = ["10.0.0.1", "fe80::1"].map(|it| it.parse().unwrap());
    chat.event(Event::Network {
        addresses: addresses.into(),
    });
    chat.line("/whois alice");
    let said = chat.screen();
    assert!(
        said.contains("203.0.113.5:4000, 10.0.0.1:49152\n"),
        "{said}"
    );
    for own in ["203.0.113.5:4000", "10.0.0.1:49152", "[fe80::1%2]:49152"] {
        chat.line(&format!("/add {own}"));
        assert!(chat.said().contains("is you yourself"), "{own}");
    }
    assert_eq!(chat.asked(), []);
}
