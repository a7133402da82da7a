//! What Tab offers.

use zchat::zre::ExitReason;

use crate::harness::{BOB, CAROL, Chat, id, typed};

/// Alice with bob, "Carol Ann" and two daves; what is offered for this line, where | is the cursor, as
/// the line would then be.
fn offered(line: &str) -> Vec<String> {
    let mut chat = Chat::new(typed("alice", &["CHAT", "two words"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.enter(CAROL, "Carol Ann", &["CHESS"]);
    chat.enter(id(0xD1), "dave", &[]);
    chat.enter(id(0xD2), "dave", &[]);
    let cursor = line.find('|').unwrap();
    let line = line.replace('|', "");
    let completion = chat.session.complete(&line, cursor);
    let replaced = |candidate: &String| {
        format!(
            "{}{candidate}{}",
            &line[..completion.start],
            &line[cursor..]
        )
    };
    completion.candidates.iter().map(replaced).collect()
}

#[test]
fn commands_are_completed_by_their_first_names() {
    assert_eq!(offered("/he|"), ["/help "]);
    assert_eq!(offered("/re|"), ["/rename ", "/reject "]);
    assert_eq!(offered("/whis|"), ["/whisper "]);
    assert_eq!(offered("/help /cr|"), ["/help /create "]);
    assert_eq!(offered("/help cr|"), ["/help /create "]);
    assert_eq!(offered("/xyzzy|"), Vec::<String>::new());
}

#[test]
fn names_are_completed_with_quotes_where_they_need_them() {
    assert_eq!(offered("/msg b|"), ["/msg bob "]);
    assert_eq!(offered("/msg ca|"), ["/msg \"Carol Ann\" "]);
    assert_eq!(offered("/msg \"Carol A|"), ["/msg \"Carol Ann\" "]);
    assert_eq!(offered("/msg da|"), ["/msg dave~d111 ", "/msg dave~d211 "]);
    assert_eq!(
        offered("/w |"),
        [
            "/w \"Carol Ann\" ",
            "/w bob ",
            "/w dave~d111 ",
            "/w dave~d211 "
        ]
    );
    assert_eq!(offered("/msg b| later"), ["/msg bob  later"]);
}

#[test]
fn with_whom_one_has_whispered_last_is_offered_first() {
    let mut chat = Chat::new(typed("alice", &["CHAT"]));
    for (peer, name) in [
        (BOB, "bob"),
        (CAROL, "carol"),
        (id(0xD1), "dave"),
        (id(0xE1), "erin"),
    ] {
        chat.enter(peer, name, &["CHAT"]);
    }
    chat.whisper(CAROL, "psst");
    chat.line("/msg erin psst");
    chat.exit(id(0xD1), ExitReason::Farewell);
    let offered = chat.session.complete("/msg ", 5).candidates;
    assert_eq!(offered, ["erin ", "carol ", "bob "]);
}

#[test]
fn in_a_text_whoever_has_spoken_last_is_offered_first() {
    let mut chat = Chat::new(typed("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.enter(CAROL, "bobby", &["CHAT"]);
    chat.enter(id(0xD1), "bodo", &["CHAT"]);
    chat.seconds(1);
    chat.hear(CAROL, "CHAT", "hello");
    let offered = chat.session.complete("bo", 2).candidates;
    assert_eq!(offered, ["bobby: ", "bob: ", "bodo: "]);
}

#[test]
fn groups_are_completed_as_the_command_wants_them() {
    assert_eq!(offered("/join CH|"), ["/join CHAT ", "/join CHESS "]);
    assert_eq!(
        offered("/switch |"),
        ["/switch CHAT ", "/switch \"two words\" "]
    );
    assert_eq!(offered("/leave tw|"), ["/leave \"two words\" "]);
}

#[test]
fn names_in_a_text_are_completed_with_a_colon_where_they_stand_first() {
    assert_eq!(offered("bo|"), ["bob: "]);
    assert_eq!(offered("hello, bo|"), ["hello, bob "]);
    assert_eq!(offered("/me hugs bo|"), ["/me hugs bob "]);
    assert_eq!(offered("|"), Vec::<String>::new());
    assert_eq!(offered("/msg bob hello bo|"), Vec::<String>::new());
}

#[test]
fn an_empty_line_is_offered_an_answer_to_the_last_whisper() {
    let mut chat = Chat::new(typed("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.enter(CAROL, "Carol Ann", &["CHAT"]);
    let offered = |chat: &Chat| chat.session.complete("", 0).candidates;
    chat.hear(BOB, "CHAT", "not to you alone");
    assert_eq!(offered(&chat), Vec::<String>::new());
    chat.whisper(BOB, "psst");
    chat.whisper(CAROL, "psst");
    assert_eq!(offered(&chat), ["/msg \"Carol Ann\" "]);
    assert_eq!(
        chat.session.complete("x", 0).candidates,
        Vec::<String>::new()
    );
    chat.exit(CAROL, ExitReason::Farewell);
    assert_eq!(offered(&chat), Vec::<String>::new());
}

#[test]
fn a_cursor_that_is_nowhere_is_offered_nothing() {
    let chat = Chat::new(typed("alice", &["CHAT"]));
    for (line, cursor) in [("ä", 1), ("x", 2), ("", 9)] {
        assert!(chat.session.complete(line, cursor).candidates.is_empty());
    }
}
