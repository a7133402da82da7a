//! What a terminal gets beside the words: prompts, styles, merged moves, days, silence about flaps.

use std::time::Duration;

use zchat::chat::{Form, Input, LineKind, Place, Prompt, Style};
use zchat::zre::{Event, ExitReason, Name};

use crate::harness::{BOB, CAROL, Chat, id, json, piped, typed, zchat_headers};

fn alone() -> Chat {
    let mut chat = Chat::new(typed("alice", &["CHAT"]));
    chat.screen();
    chat
}

#[test]
fn the_first_to_come_is_shown_at_once_and_those_who_follow_together() {
    let mut chat = alone();
    for (number, name) in (0xD0..).zip(["bob", "carol", "dave", "erin"]) {
        chat.enter(id(number), name, &["CHAT"]);
    }
    assert_eq!(chat.said(), "* bob is here (10.0.0.208)");
    chat.pass(Duration::from_millis(999));
    assert_eq!(chat.said(), "");
    chat.pass(Duration::from_millis(1));
    assert_eq!(chat.said(), "* carol, dave and erin are here");
}

#[test]
fn moves_that_are_held_are_shown_before_anything_else() {
    let mut chat = alone();
    chat.line("/join DEV");
    chat.enter(BOB, "bob", &["CHAT", "DEV"]);
    chat.enter(CAROL, "carol", &["CHAT"]);
    chat.leave(BOB, "CHAT");
    chat.hear(BOB, "DEV", "hello");
    assert_eq!(
        chat.said(),
        "* you joined DEV; nobody else is in it\n\
         * bob is here (10.0.0.176)\n\
         * carol is here in CHAT; bob left CHAT\n\
         [DEV] bob: hello"
    );
}

#[test]
fn who_comes_into_the_current_group_is_named_once() {
    for groups in [&["CHAT", "DEV"], &["DEV", "CHAT"]] {
        let mut chat = Chat::new(typed("alice", groups));
        chat.screen();
        for (number, name) in (0xD0..).zip(["bob", "carol", "dave"]) {
            chat.enter(id(number), name, &["CHAT"]);
        }
        chat.seconds(1);
        let others = if groups[0] == "CHAT" {
            "here"
        } else {
            "here in CHAT"
        };
        assert_eq!(
            chat.said(),
            format!("* bob is here (10.0.0.208)\n* carol and dave are {others}")
        );
        chat.seconds(1);
        chat.join(id(0xD0), "DEV");
        assert_eq!(chat.said(), "* bob joined DEV");
    }
}

#[test]
fn whoever_comes_and_goes_while_moves_are_held_is_not_mentioned() {
    let mut chat = alone();
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.enter(CAROL, "carol", &["CHAT"]);
    chat.exit(CAROL, ExitReason::Farewell);
    chat.seconds(5);
    assert_eq!(chat.said(), "* bob is here (10.0.0.176)");
}

/// Whoever reads it knows at the end of the line who is here.
#[test]
fn whoever_goes_and_comes_back_while_moves_are_held_is_here_at_the_end_of_the_line() {
    let mut chat = alone();
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.seconds(2);
    chat.enter(id(0xD0), "dave", &["CHAT"]);
    chat.said();
    chat.enter(CAROL, "carol", &["CHAT"]);
    chat.exit(BOB, ExitReason::Broken);
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.seconds(1);
    assert_eq!(chat.said(), "* bob is gone; carol and bob are here");
}

#[test]
fn whoever_goes_and_comes_and_goes_while_moves_are_held_is_gone() {
    let mut chat = alone();
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.seconds(2);
    chat.enter(id(0xD0), "dave", &["CHAT"]);
    chat.said();
    chat.exit(BOB, ExitReason::Broken);
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.exit(BOB, ExitReason::Broken);
    chat.seconds(1);
    assert_eq!(chat.said(), "* bob is gone");
}

#[test]
fn hundreds_who_come_are_one_line() {
    let mut chat = alone();
    for number in 0..200 {
        chat.enter(id(number), &format!("peer{number}"), &["CHAT"]);
    }
    chat.seconds(1);
    let said = chat.said();
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(said.ends_with("peer12 and 187 more are here"), "{said}");
}

#[test]
fn a_peer_that_is_lost_and_back_at_once_is_not_mentioned() {
    for mut chat in [alone(), Chat::new(piped("alice", &["CHAT"]))] {
        chat.enter(BOB, "bob", &["CHAT"]);
        chat.seconds(2);
        chat.screen();
        chat.exit(BOB, ExitReason::Gap);
        chat.pass(Duration::from_millis(1_900));
        chat.enter(BOB, "bob", &["CHAT"]);
        chat.seconds(10);
        assert_eq!(chat.screen(), "");
    }
}

#[test]
fn a_peer_that_is_lost_and_not_back_is_gone() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.screen();
    chat.exit(BOB, ExitReason::Gap);
    chat.pass(Duration::from_millis(1_999));
    assert_eq!(chat.screen(), "");
    chat.pass(Duration::from_millis(1));
    assert_eq!(chat.screen(), "* bob is gone");
}

#[test]
fn what_changed_while_a_peer_was_lost_is_told() {
    let mut chat = Chat::new(piped("alice", &["CHAT", "DEV"]));
    chat.enter(BOB, "bob", &["CHAT", "DEV"]);
    chat.screen();
    chat.exit(BOB, ExitReason::Gap);
    chat.enter(BOB, "robert", &["CHAT"]);
    chat.seconds(3);
    assert_eq!(
        chat.screen(),
        "* bob is now known as robert\n* robert left DEV"
    );
}

#[test]
fn records_hide_no_flap() {
    let mut chat = Chat::new(json("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.exit(BOB, ExitReason::Gap);
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.seconds(3);
    let events: Vec<&str> = chat
        .records
        .iter()
        .map(|record| record["event"].as_str().unwrap())
        .collect();
    assert_eq!(events, ["start", "enter", "join", "exit", "enter", "join"]);
}

#[test]
fn peers_that_share_no_group_are_not_announced() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["DEV"]);
    chat.event(Event::Update {
        peer: BOB,
        name: Name::new("robert").unwrap(),
        was: Name::new("bob").unwrap(),
        headers: zchat_headers(),
    });
    chat.leave(BOB, "DEV");
    chat.join(BOB, "OPS");
    chat.whisper(BOB, "hello");
    chat.exit(BOB, ExitReason::Farewell);
    assert_eq!(chat.screen(), "[robert -> you] hello");
}

#[test]
fn a_peer_that_joins_a_group_of_ours_later_is_announced_then() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["DEV"]);
    chat.join(BOB, "CHAT");
    chat.leave(BOB, "CHAT");
    chat.exit(BOB, ExitReason::Farewell);
    assert_eq!(
        chat.screen(),
        "* bob is here (10.0.0.176)\n* bob joined CHAT\n* bob left CHAT"
    );
}

#[test]
fn leaving_ourselves_does_not_announce_that_all_are_gone() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.screen();
    chat.end();
    chat.exit(BOB, ExitReason::Dismissed);
    chat.finish(&[]);
    assert_eq!(chat.screen(), "");
}

#[test]
fn the_prompt_tells_where_text_goes_and_how_many_are_there() {
    let mut chat = alone();
    let prompt = |place: Place, here, connected, away| Prompt::new(place, here, connected, away);
    let chat_group = || Place::Group("CHAT".to_owned());
    assert_eq!(chat.prompt.take(), Some(prompt(chat_group(), 0, 0, false)));
    chat.enter(BOB, "bob", &["CHAT"]);
    assert_eq!(chat.prompt.take(), Some(prompt(chat_group(), 1, 1, false)));
    chat.enter(CAROL, "carol", &["DEV"]);
    assert_eq!(chat.prompt.take(), Some(prompt(chat_group(), 1, 2, false)));
    chat.hear(BOB, "CHAT", "nothing new");
    assert_eq!(chat.prompt.take(), None);
    chat.line("/away");
    assert_eq!(chat.prompt.take(), Some(prompt(chat_group(), 1, 2, true)));
    chat.line("/leave");
    assert_eq!(chat.prompt.take(), Some(prompt(Place::Nowhere, 0, 2, true)));
}

#[test]
fn whoever_is_alone_is_told_once_how_to_find_out_why() {
    let mut chat = alone();
    chat.seconds(9);
    assert_eq!(chat.said(), "");
    chat.seconds(60);
    assert_eq!(
        chat.said(),
        "* nobody else is here so far; \"zchat doctor\" finds out why"
    );
    let mut chat = alone();
    chat.enter(BOB, "bob", &[]);
    chat.seconds(60);
    assert_eq!(chat.said(), "");
}

#[test]
fn a_day_that_begins_is_shown_before_its_first_line() {
    let mut chat = alone();
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.screen();
    chat.seconds(3 * 3_600);
    chat.hear(BOB, "CHAT", "still up?");
    chat.hear(BOB, "CHAT", "no");
    assert_eq!(
        chat.screen(),
        "--- Saturday, 21 November 2026 ---\n00:04 [CHAT] bob: still up?\n00:04 [CHAT] bob: no"
    );
}

#[test]
fn being_mentioned_is_marked_and_names_have_their_colour() {
    let mut chat = alone();
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.screen();
    chat.hear(BOB, "CHAT", "Alice: malice? alice!");
    let line = chat.lines.pop().unwrap();
    assert_eq!((line.kind, line.mention), (LineKind::Shout, true));
    assert_eq!(line.text, "21:04 [CHAT] bob: Alice: malice? alice!");
    let parts: Vec<(&str, bool)> = line
        .spans
        .iter()
        .map(|span| (&line.text[span.range.clone()], span.style == Style::Mention))
        .collect();
    assert_eq!(
        parts,
        [
            ("21:04", false),
            ("CHAT", false),
            ("bob", false),
            ("Alice", true),
            ("alice", true)
        ]
    );
    chat.hear(BOB, "CHAT", "hello");
    assert!(!chat.lines.pop().unwrap().mention);
}

#[test]
fn one_name_has_one_colour_in_every_run() {
    let colour = |id| {
        let mut chat = alone();
        chat.enter(id, "bob", &["CHAT"]);
        let line = chat.lines.pop().unwrap();
        line.spans.iter().find_map(|span| match span.style {
            Style::Name(colour) => Some(colour),
            _ => None,
        })
    };
    assert!(colour(BOB).is_some());
    assert_eq!(colour(BOB), colour(id(0xB7)));
}

#[test]
fn a_network_that_goes_and_comes_is_told() {
    let mut chat = alone();
    let address = "10.0.0.1".parse().unwrap();
    chat.event(Event::Network {
        addresses: vec![address],
    });
    assert_eq!(chat.said(), "");
    chat.event(Event::Network { addresses: vec![] });
    chat.event(Event::Network { addresses: vec![] });
    chat.event(Event::Network {
        addresses: vec![address],
    });
    assert_eq!(
        chat.said(),
        "* there is no network: nobody can be reached\n* the network is there"
    );
}

#[test]
fn typing_to_nobody_is_told_once_until_somebody_is_there() {
    let mut chat = alone();
    chat.line("hello");
    chat.line("hello?");
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.line("hello bob");
    chat.exit(BOB, ExitReason::Farewell);
    chat.line("gone?");
    assert_eq!(
        chat.said(),
        "[CHAT] alice: hello\n\
         ! nobody else is in CHAT: nobody received it\n\
         [CHAT] alice: hello?\n\
         * bob is here (10.0.0.176)\n\
         [CHAT] alice: hello bob\n\
         * bob is gone\n\
         [CHAT] alice: gone?\n\
         ! nobody else is in CHAT: nobody received it"
    );
}

#[test]
fn a_terminal_that_knows_no_cursor_gets_plain_lines() {
    let mut config = typed("alice", &["CHAT"]);
    config.form = Form::Text;
    assert_eq!(config.input, Input::Typed);
    let mut chat = Chat::new(config);
    chat.line("/whois bob");
    chat.line("hello");
    assert_eq!(
        chat.screen(),
        "! no peer is named bob\n! nobody else is in CHAT: nobody received it"
    );
    assert_eq!(chat.prompt, None);
}

/// The rows of what was shown last, as a screen may break it: where the marked signs are.
fn rows(line: &zchat::chat::Line) -> Vec<&str> {
    let mut rows = Vec::new();
    let mut done = 0;
    for span in line.spans.iter().filter(|span| span.style == Style::End) {
        rows.push(&line.text[done..span.range.start]);
        done = span.range.end;
    }
    rows.push(&line.text[done..]);
    rows
}

#[test]
fn the_lines_of_a_message_are_marked_and_stay_one_line_for_a_pipe() {
    let mut chat = alone();
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.screen();
    chat.hear(BOB, "CHAT", "fn main() {\r\n    run();\n\n}\u{1b}\n");
    let line = chat.lines.pop().unwrap();
    assert_eq!(line.text, "21:04 [CHAT] bob: fn main() {␍␊    run();␊␊}␛␊");
    assert_eq!(
        rows(&line),
        ["21:04 [CHAT] bob: fn main() {", "    run();", "", "}␛␊"]
    );
    assert_eq!(&line.text[..line.body], "21:04 [CHAT] bob: ");
    chat.hear(BOB, "CHAT", "a picture of a line end: ␊ is none");
    assert_eq!(rows(&chat.lines.pop().unwrap()).len(), 1);
}

#[test]
fn a_message_of_thousands_of_lines_does_not_take_the_whole_scrollback() {
    let mut chat = alone();
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.hear(BOB, "CHAT", &"\n".repeat(10_000));
    chat.hear(BOB, "CHAT", &"x\n".repeat(10_000));
    let line = chat.lines.pop().unwrap();
    assert_eq!(rows(&line).len(), 101);
    assert_eq!(line.text.matches('␊').count(), 10_000);
    assert_eq!(rows(&chat.lines.pop().unwrap()).len(), 1);
}

#[test]
fn what_a_line_tells_begins_behind_the_time_and_who_says_it() {
    let mut chat = alone();
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.whisper(BOB, "psst");
    chat.line("/msg bob yes");
    chat.line("/away");
    chat.line("/nothing");
    let bodies: Vec<&str> = chat
        .lines
        .iter()
        .map(|line| &line.text[line.body..])
        .filter(|body| !body.starts_with("you are alice"))
        .collect();
    assert_eq!(
        bodies,
        [
            "bob is here (10.0.0.176)",
            "psst",
            "yes",
            "you are away",
            "there is no /nothing; usage: /help [COMMAND]"
        ]
    );
}
