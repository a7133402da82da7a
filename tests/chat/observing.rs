//! Looking on: `peers` once, `tracker` at intervals.

use std::time::Duration;

use zchat::chat::{Config, Exit, Form, Purpose, Signal};
use zchat::zre::ExitReason;

use crate::harness::{ALICE, BOB, CAROL, Chat, piped, typed};
use crate::pair::carry;

/// The settings of somebody who looks on, every so many seconds or once.
fn watching(every: Option<u64>, form: Form) -> Config {
    let mut config = piped("watch", &[]);
    config.form = form;
    config.purpose = Purpose::Watch {
        every: every.map(Duration::from_secs),
    };
    config
}

/// The records since the last call, only with what these tests look at.
fn reported(chat: &mut Chat) -> String {
    let only = |mut record: serde_json::Value| {
        let fields = ["event", "name", "change", "group"];
        record
            .as_object_mut()
            .unwrap()
            .retain(|field, _| fields.contains(&field.as_str()));
        record.to_string()
    };
    chat.records
        .drain(..)
        .map(only)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn peers_are_shown_once_discovery_has_settled() {
    let mut watch = Chat::new(watching(None, Form::Text));
    watch.pass(Duration::from_millis(100));
    watch.enter_foreign(BOB, "bob", &["CHAT"]);
    watch.pass(Duration::from_millis(299));
    assert_eq!(watch.screen(), "");
    watch.pass(Duration::from_millis(1));
    assert_eq!(
        watch.screen(),
        "name  id        address           groups  since\n\
         bob   b0111111  10.0.0.176:49152  CHAT    21:04:05"
    );
    watch.finish(&[]);
    assert_eq!(watch.quit, Some(Exit::Done));
}

#[test]
fn peers_are_shown_in_the_order_of_their_names_once_the_last_has_come() {
    let others = |watch: &mut Chat| {
        watch.enter_foreign(BOB, "zoe", &["CHAT"]);
        watch.pass(Duration::from_millis(299));
        watch.enter_foreign(CAROL, "adam", &["OTHER"]);
        watch.pass(Duration::from_millis(300));
        watch.finish(&[]);
        assert_eq!(watch.quit, Some(Exit::Done));
    };
    let mut watch = Chat::new(watching(None, Form::Text));
    others(&mut watch);
    assert_eq!(
        watch.screen(),
        "name  id        address           groups  since\n\
         adam  ca111111  10.0.0.202:49152  OTHER   21:04:05\n\
         zoe   b0111111  10.0.0.176:49152  CHAT    21:04:05"
    );
    let mut watch = Chat::new(watching(None, Form::Json));
    others(&mut watch);
    assert_eq!(
        reported(&mut watch),
        "{\"event\":\"peer\",\"name\":\"adam\"}\n\
         {\"event\":\"peer\",\"name\":\"zoe\"}"
    );
}

#[test]
fn nobody_is_a_status_of_its_own() {
    let mut watch = Chat::new(watching(None, Form::Text));
    watch.pass(Duration::from_millis(5_000));
    assert_eq!(
        watch.screen(),
        "* nobody is here; \"zchat doctor\" finds out why"
    );
    watch.finish(&[]);
    assert_eq!(watch.quit, Some(Exit::Nobody));
}

#[test]
fn a_tracker_marks_what_has_changed_since_its_last_table() {
    let mut watch = Chat::new(watching(Some(10), Form::Text));
    watch.enter_foreign(BOB, "bob", &["CHAT"]);
    watch.pass(Duration::from_millis(300));
    watch.enter_foreign(CAROL, "carol", &["CHAT"]);
    watch.join(BOB, "DEV");
    watch.pass(Duration::from_millis(10_000));
    watch.exit(BOB, ExitReason::Farewell);
    watch.pass(Duration::from_millis(10_000));
    assert_eq!(
        watch.screen(),
        "--- 21:04:05: 1 peer ---\n   \
         name  id        address           groups  since\n   \
         bob   b0111111  10.0.0.176:49152  CHAT    21:04:05\n\
         \x20  CHAT: bob\n\
         --- 21:04:15: 2 peers ---\n   \
         name   id        address           groups    since\n\
         *  bob    b0111111  10.0.0.176:49152  CHAT DEV  21:04:05  (changed: groups)\n\
         +  carol  ca111111  10.0.0.202:49152  CHAT      21:04:05\n\
         *  CHAT: bob, carol\n\
         +  DEV: bob\n\
         --- 21:04:25: 1 peer ---\n   \
         name   id        address           groups    since\n   \
         carol  ca111111  10.0.0.202:49152  CHAT      21:04:05\n\
         -  bob    b0111111  10.0.0.176:49152  CHAT DEV  21:04:05\n\
         *  CHAT: carol\n\
         -  DEV: bob"
    );
    assert_eq!(watch.quit, None);
    watch.signal(Signal::Interrupt);
    watch.finish(&[]);
    assert_eq!(watch.quit, Some(Exit::Signal(Signal::Interrupt)));
}

#[test]
fn a_tracker_that_sees_nobody_says_so_at_once_and_what_to_do() {
    let mut watch = Chat::new(watching(Some(10), Form::Text));
    watch.seconds(1);
    assert_eq!(
        watch.screen(),
        "* nobody is here so far; \"zchat doctor\" finds out why"
    );
    watch.seconds(4);
    assert_eq!(watch.screen(), "--- 21:04:10: 0 peers ---");
    let mut watch = Chat::new(watching(Some(10), Form::Json));
    watch.seconds(6);
    assert_eq!(reported(&mut watch), "");
}

#[test]
fn members_of_a_tracked_group_are_in_the_order_of_their_names() {
    let mut watch = Chat::new(watching(Some(10), Form::Text));
    watch.enter_foreign(BOB, "zoe", &["CHAT"]);
    watch.enter_foreign(CAROL, "adam", &["CHAT"]);
    watch.seconds(1);
    assert!(watch.screen().ends_with("CHAT: adam, zoe"));
}

#[test]
fn a_tracker_reports_records_with_what_has_changed() {
    let mut watch = Chat::new(watching(Some(1), Form::Json));
    watch.enter_foreign(BOB, "bob", &["CHAT"]);
    watch.pass(Duration::from_millis(300));
    watch.exit(BOB, ExitReason::Farewell);
    watch.pass(Duration::from_millis(1_000));
    assert_eq!(
        reported(&mut watch),
        "{\"event\":\"peer\",\"name\":\"bob\"}\n\
         {\"event\":\"group\",\"group\":\"CHAT\"}\n\
         {\"change\":\"gone\",\"event\":\"peer\",\"name\":\"bob\"}"
    );
}

#[test]
fn whoever_looks_on_takes_no_lines_and_answers_nothing() {
    let mut watch = Chat::new(watching(Some(1), Form::Text));
    assert!(!watch.session.wants_lines());
    watch.end();
    watch.enter(BOB, "bob", &["CHAT"]);
    watch.hear(BOB, "CHAT", "hello");
    watch.whisper(BOB, "who are you?");
    watch.pass(Duration::from_millis(299));
    assert_eq!((watch.screen(), watch.asked()), (String::new(), vec![]));
}

#[test]
fn whoever_looks_on_sees_who_is_away() {
    let mut alice = Chat::of(typed("alice", &["CHAT"]), BOB);
    alice.line("/away lunch");
    alice.asked();
    for (every, form) in [
        (None, Form::Text),
        (Some(5), Form::Text),
        (None, Form::Json),
        (Some(5), Form::Json),
    ] {
        let mut watch = Chat::new(watching(every, form));
        watch.enter(BOB, "alice", &["CHAT"]);
        alice.enter(ALICE, "watch", &[]);
        for event in carry(&mut alice, BOB, ALICE) {
            watch.event(event);
        }
        watch.seconds(1);
        if form == Form::Json {
            assert_eq!(watch.records[0]["away"], "lunch");
        } else {
            let screen = watch.screen();
            assert!(screen.contains("  (away: lunch)"), "{screen}");
        }
    }
}
