//! What is meant for one peer alone never goes to all, whoever ends the private chat, and when.

use zchat::chat::{Exit, Form};
use zchat::zre::ExitReason;

use crate::harness::{BOB, json, piped, typed};
use crate::pair::Pair;

/// Alice, whose lines are piped in, and bob, who are in a private chat.
fn piping() -> Pair {
    let mut pair = Pair::of(piped("alice", &["CHAT"]), typed("bob", &["CHAT"]));
    pair.alice("/chat bob");
    pair.bob("/ok");
    pair.alice("for bob alone");
    let (_, bob) = pair.said();
    assert!(bob.ends_with("[alice -> you] for bob alone"), "{bob}");
    pair
}

#[test]
fn what_is_piped_after_the_other_side_has_ended_the_private_chat_goes_to_nobody() {
    let mut pair = piping();
    pair.bob("/end");
    pair.said();
    for line in ["a secret", "/me has a secret"] {
        pair.alice(line);
    }
    assert_eq!(
        pair.said(),
        (
            "! line 3: not sent: there is no private chat with bob; /end lets text go to all again\n\
             ! line 4: not sent: there is no private chat with bob; /end lets text go to all again"
                .to_owned(),
            String::new()
        )
    );
    pair.alice("/msg bob by name");
    assert_eq!(pair.said().1, "[alice -> you] by name");
    pair.alice.end();
    pair.alice.finish(&[]);
    assert_eq!(pair.alice.quit, Some(Exit::Failed));
}

#[test]
fn a_partner_that_is_gone_leaves_what_is_piped_unsaid_too() {
    let mut pair = piping();
    pair.alice.exit(BOB, ExitReason::Farewell);
    pair.alice.asked();
    pair.alice("a secret");
    assert!(pair.alice.sent().is_empty());
    assert!(
        pair.said().0.ends_with(
            "not sent: there is no private chat with bob; /end lets text go to all again"
        )
    );
}

#[test]
fn text_goes_to_the_group_again_once_the_script_says_so() {
    for line in ["/end", "/switch CHAT", "/join CHAT", "/join DEV"] {
        let mut pair = piping();
        pair.bob("/end");
        pair.alice(line);
        pair.said();
        pair.alice.asked();
        pair.alice.line("to all");
        let group = if line == "/join DEV" { "DEV" } else { "CHAT" };
        assert_eq!(pair.alice.sent(), [format!("{group}: to all")], "{line}");
    }
    let mut pair = piping();
    pair.bob("/end");
    pair.alice("/chat bob");
    pair.bob("/ok");
    pair.said();
    pair.alice("for bob again");
    assert_eq!(pair.said().1, "[alice -> you] for bob again");
}

#[test]
fn whoever_ends_the_private_chat_himself_talks_to_the_group_at_once() {
    let mut pair = piping();
    pair.alice("/end");
    pair.said();
    pair.alice("to all");
    assert_eq!(pair.said().1, "[CHAT] alice: to all");
}

#[test]
fn a_piped_text_waits_for_the_answer_to_a_request_and_goes_to_that_peer_or_to_nobody() {
    let mut pair = Pair::of(piped("alice", &["CHAT"]), typed("bob", &["CHAT"]));
    pair.alice("/chat bob");
    pair.alice("a secret");
    assert!(!pair.alice.session.wants_lines());
    pair.said();
    pair.bob("/ok");
    assert!(pair.said().1.ends_with("[alice -> you] a secret"));

    let mut pair = Pair::of(piped("alice", &["CHAT"]), typed("bob", &["CHAT"]));
    pair.alice("/chat bob");
    pair.alice("a secret");
    pair.bob("/reject");
    pair.alice("another one");
    let (alice, bob) = pair.said();
    assert_eq!(alice.matches("not sent").count(), 2, "{alice}");
    assert!(!bob.contains("secret") && !bob.contains("another"), "{bob}");
}

#[test]
fn a_script_that_has_read_the_answer_talks_to_the_group() {
    let mut pair = Pair::of(piped("alice", &["CHAT"]), typed("bob", &["CHAT"]));
    pair.alice("/chat bob");
    pair.bob("/reject");
    pair.said();
    pair.alice("to all");
    assert_eq!(pair.said().1, "[CHAT] alice: to all");
}

#[test]
fn a_last_word_that_was_meant_for_one_is_not_said_to_all() {
    let mut pair = piping();
    pair.bob("/end");
    pair.said();
    pair.alice.line("/quit goodbye, and a secret");
    assert!(pair.alice.screen().contains("not sent"));
    pair.alice.finish(&[]);
    assert!(pair.alice.sent().is_empty());
    assert_eq!(pair.alice.quit, Some(Exit::Failed));
}

#[test]
fn a_line_that_was_typed_before_the_end_was_seen_is_said_to_nobody() {
    let mut pair = Pair::new();
    pair.alice("/chat bob");
    pair.bob("/ok");
    pair.bob("/end");
    pair.said();
    pair.alice.asked();
    pair.alice.private_line("a secret");
    assert!(pair.alice.sent().is_empty());
    assert_eq!(
        pair.said().0,
        "! not sent: the private chat has just ended; Up brings the line back"
    );
    pair.alice.private_line("/away");
    assert_eq!(pair.said().0, "you are away".replacen("you", "* you", 1));
    pair.alice("to all");
    assert_eq!(pair.said().1.lines().last(), Some("[CHAT] alice: to all"));
}

#[test]
fn without_a_prompt_a_person_is_asked_to_say_it_again() {
    let mut config = typed("alice", &["CHAT"]);
    config.form = Form::Text;
    let mut pair = Pair::of(config, typed("bob", &["CHAT"]));
    pair.alice("/chat bob");
    pair.bob("/ok");
    pair.bob("/end");
    pair.said();
    pair.alice("a secret");
    let (alice, bob) = pair.said();
    assert_eq!(
        (alice.as_str(), bob.as_str()),
        (
            "! not sent: there is no private chat with bob; again says it to all",
            ""
        )
    );
    pair.alice("to all, then");
    assert_eq!(pair.said().1, "[CHAT] alice: to all, then");
}

#[test]
fn what_is_not_said_is_an_error_in_records() {
    let mut pair = Pair::of(json("alice", &["CHAT"]), typed("bob", &["CHAT"]));
    pair.alice("/chat bob");
    pair.bob("/ok");
    pair.bob("/end");
    pair.alice.reported();
    pair.alice("a secret");
    assert_eq!(
        pair.alice.reported(),
        r#"{"event":"error","text":"line 2: not sent: there is no private chat with bob; /end lets text go to all again"}"#
    );
}
