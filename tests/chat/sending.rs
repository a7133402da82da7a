//! One shot: to groups and named peers, once they are there, with the truth about who has it.

use std::time::Duration;

use zchat::chat::{BadLine, Exit, Form};
use zchat::zre::{Action, ExitReason};

use crate::harness::{BOB, CAROL, Chat, id, sending};

#[test]
fn a_text_goes_to_the_groups_and_peers_that_were_named_once_all_are_there() {
    let mut chat = Chat::new(sending(&["CHAT"], &["carol"]));
    chat.line("build is red");
    chat.end();
    chat.enter_foreign(BOB, "bob", &["CHAT"]);
    chat.seconds(1);
    assert_eq!(chat.sent(), Vec::<String>::new(), "carol is not there yet");
    chat.enter(CAROL, "carol", &[]);
    chat.pass(Duration::from_millis(300));
    chat.finish(&[]);
    assert_eq!(chat.sent(), ["CHAT: build is red", "ca: build is red"]);
    assert_eq!(chat.screen(), "* delivered to bob, carol");
    assert_eq!(chat.quit, Some(Exit::Done));
}

#[test]
fn to_whom_it_went_is_told_in_the_order_of_their_names() {
    let mut chat = Chat::new(sending(&["CHAT"], &[]));
    chat.enter(BOB, "zoe", &["CHAT"]);
    chat.enter(CAROL, "adam", &["CHAT"]);
    chat.line("hello");
    chat.end();
    chat.seconds(1);
    chat.finish(&[]);
    assert_eq!(chat.screen(), "* delivered to adam, zoe");
    let mut chat = Chat::new(sending(&["CHAT"], &[]));
    chat.enter(BOB, "zoe", &["CHAT"]);
    chat.enter(CAROL, "adam", &["CHAT"]);
    chat.line("hello");
    chat.end();
    chat.seconds(1);
    chat.finish(&[BOB, CAROL]);
    assert_eq!(
        chat.screen(),
        "! not known to have reached adam\n! not known to have reached zoe"
    );
}

#[test]
fn a_name_that_several_have_is_an_error_as_soon_as_discovery_has_settled() {
    for form in [Form::Text, Form::Json] {
        let mut config = sending(&[], &["bob", "carol"]);
        config.form = form;
        let mut chat = Chat::new(config);
        chat.line("hello");
        chat.end();
        chat.enter(BOB, "bob", &["CHAT"]);
        chat.enter(id(0xB7), "bob", &["CHAT"]);
        chat.enter(CAROL, "carol", &["CHAT"]);
        chat.pass(Duration::from_millis(300));
        chat.finish(&[]);
        assert_eq!(chat.quit, Some(Exit::Failed));
        if form == Form::Text {
            assert_eq!(
                chat.screen(),
                "! bob is ambiguous: bob~b011, bob~b711\n* delivered to carol"
            );
        } else {
            assert_eq!(
                chat.reported(),
                "{\"event\":\"error\",\"text\":\"bob is ambiguous: bob~b011, bob~b711\"}\n\
                 {\"event\":\"sent\",\"missing\":[{\"name\":\"bob\",\"near\":[\"bob~b011\",\"bob~b711\"]}],\
                 \"to\":[{\"name\":\"carol\",\"peer\":\"ca111111111111111111111111111111\"}]}"
            );
        }
    }
}

#[test]
fn a_name_that_nobody_has_is_told_with_the_nearest() {
    let mut chat = Chat::new(sending(&[], &["bbo"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.line("hello");
    assert!(
        !chat.session.wants_lines(),
        "somebody of that name may still come"
    );
    chat.end();
    chat.seconds(5);
    chat.finish(&[]);
    assert_eq!(chat.screen(), "! not here: bbo; did you mean bob?");
    assert_eq!(chat.quit, Some(Exit::Failed));
}

#[test]
fn input_without_any_text_is_a_failure_that_is_told() {
    for blank in [&[][..], &["", "\r", " \t \r"]] {
        let mut chat = Chat::new(sending(&["CHAT"], &["bob"]));
        chat.enter(BOB, "bob", &["CHAT"]);
        for line in blank {
            chat.line(line);
        }
        chat.end();
        chat.finish(&[]);
        assert_eq!(
            chat.screen(),
            "! there was nothing to send: the input has no text"
        );
        assert_eq!(chat.quit, Some(Exit::Failed));
    }
}

#[test]
fn a_line_that_cannot_be_sent_is_told_with_its_number_and_nothing_of_it_is_sent() {
    let mut chat = Chat::new(sending(&["CHAT"], &[]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.line("good");
    chat.seconds(1);
    chat.bad_line(BadLine::NotUtf8);
    chat.line("third");
    chat.bad_line(BadLine::TooLong);
    chat.end();
    chat.finish(&[]);
    assert_eq!(chat.sent(), ["CHAT: good", "CHAT: third"]);
    assert_eq!(
        chat.screen(),
        "! line 2: not UTF-8; it was not sent\n\
         ! line 4: longer than 65536 octets; it was not sent\n\
         * delivered to bob"
    );
    assert_eq!(chat.quit, Some(Exit::Failed));
}

#[test]
fn who_of_the_named_was_not_there_is_told_and_fails_the_whole() {
    let mut chat = Chat::new(sending(&[], &["bob", "carol"]));
    chat.enter(BOB, "bob", &[]);
    chat.line("hello");
    chat.end();
    chat.seconds(5);
    chat.finish(&[]);
    assert_eq!(chat.screen(), "* delivered to bob\n! not here: carol");
    assert_eq!(chat.quit, Some(Exit::Failed));
}

#[test]
fn nobody_at_all_is_a_status_of_its_own() {
    let mut config = sending(&[], &["bob"]);
    config.form = Form::Json;
    let mut chat = Chat::new(config);
    chat.line("hello");
    chat.end();
    chat.seconds(5);
    chat.finish(&[]);
    assert_eq!(
        chat.reported(),
        r#"{"event":"sent","missing":[{"name":"bob"}],"to":[]}"#
    );
    assert_eq!(chat.quit, Some(Exit::Nobody));
}

#[test]
fn who_left_before_it_was_asked_is_not_known_to_have_read_it() {
    let mut chat = Chat::new(sending(&[], &["bob"]));
    chat.enter(BOB, "bob", &[]);
    chat.line("hello");
    chat.pass(Duration::from_millis(300));
    chat.exit(BOB, ExitReason::Farewell);
    chat.end();
    chat.actions
        .retain(|action| !matches!(action, Action::Whisper { .. }));
    chat.finish(&[]);
    assert_eq!(chat.screen(), "! not known to have reached bob");
    assert_eq!(chat.quit, Some(Exit::Failed));
}
