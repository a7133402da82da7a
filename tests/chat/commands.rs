//! Each command and each of its errors, as a person sees them; lists are in `listing`.

use std::net::SocketAddr;

use zchat::chat::COMMANDS;
use zchat::zre::{Action, ExitReason, Name};

use crate::harness::{BOB, CAROL, Chat, id, piped, typed};

/// Alice in a terminal, with bob (a zchat) and carol (something else) in CHAT, and nothing said yet.
pub(crate) fn alice() -> Chat {
    let mut chat = Chat::new(typed("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.enter_foreign(CAROL, "Carol Ann", &["CHAT", "DEV"]);
    chat.seconds(3);
    chat.screen();
    chat
}

/// What the screen shows after this line, to which nothing is sent.
pub(crate) fn answer(line: &str) -> String {
    let mut chat = alice();
    chat.line(line);
    assert_eq!(chat.asked(), [], "{line}");
    chat.said()
}

#[test]
fn a_command_without_its_argument_prints_its_usage_and_sends_nothing() {
    for (line, usage) in [
        ("/msg", "/msg NAME TEXT"),
        ("/msg bob", "/msg NAME TEXT"),
        ("/w bob ", "/msg NAME TEXT"),
        ("/all", "/all TEXT"),
        ("/me", "/me TEXT"),
        ("/join", "/join GROUP"),
        ("/create", "/create GROUP"),
        ("/switch", "/switch GROUP"),
        ("/groups x", "/groups"),
        ("/list x", "/list"),
        ("/whois", "/whois NAME"),
        ("/search", "/search TEXT"),
        ("/rename", "/rename NAME"),
        ("/add", "/add IP PORT"),
        ("/query", "/query NAME, or /query IP PORT"),
        ("/query 10.0.0.176", "/query NAME, or /query IP PORT"),
        ("/query 10.0.0.176:0", "/query NAME, or /query IP PORT"),
        ("/select 10.0.0.176 x", "/select NAME, or /select IP PORT"),
        ("/select", "/select NAME, or /select IP PORT"),
        ("/chat", "/chat NAME"),
        ("/end now", "/end"),
        ("/back now", "/back"),
        (
            "/ignore bob carol",
            "/ignore [NAME]; with spaces: /ignore \"bob carol\"",
        ),
        ("/unignore", "/unignore NAME"),
    ] {
        assert_eq!(answer(line), format!("! usage: {usage}"), "{line}");
    }
}

#[test]
fn what_is_wrong_with_an_address_is_told() {
    for (typed, wrong) in [
        ("10.0.0.9", "the port is missing"),
        ("::1", "the port is missing"),
        ("10.0.0.9 0", "0 is no port from 1 to 65535"),
        ("10.0.0.9 70000", "70000 is no port from 1 to 65535"),
        ("10.0.0.9:70000", "70000 is no port from 1 to 65535"),
        ("[::1]:x", "x is no port from 1 to 65535"),
        ("host 5670", "host is no IP address"),
        ("host:5670", "host is no IP address"),
        ("300.1.1.1 5", "300.1.1.1 is no IP address"),
        ("10.0.0.9 5670 now", "now is too much"),
    ] {
        for command in ["/add", "/delete"] {
            assert_eq!(
                answer(&format!("{command} {typed}")),
                format!("! usage: {command} IP PORT; {wrong}"),
            );
        }
    }
}

#[test]
fn ones_own_address_is_not_greeted() {
    for own in ["10.0.0.1 49152", "127.0.0.1:49152"] {
        let said = answer(&format!("/add {own}"));
        assert!(said.contains("is you yourself"), "{own}: {said}");
    }
    let mut chat = alice();
    chat.line("/add 127.0.0.1 49153");
    assert_eq!(chat.asked().len(), 1, "another node of this host");
}

#[test]
fn a_name_with_spaces_and_without_quotes_is_shown_with_them() {
    for (line, hint) in [
        (
            "/rename Alice B",
            "/rename NAME; with spaces: /rename \"Alice B\"",
        ),
        (
            "/nick Alice B",
            "/rename NAME; with spaces: /rename \"Alice B\"",
        ),
        (
            "/join two words",
            "/join GROUP; with spaces: /join \"two words\"",
        ),
        ("/leave a b", "/leave [GROUP]; with spaces: /leave \"a b\""),
        ("/names a b", "/names [GROUP]; with spaces: /names \"a b\""),
        (
            "/whois Carol Ann",
            "/whois NAME; with spaces: /whois \"Carol Ann\"",
        ),
        ("/ok a \u{1b}b", "/ok [NAME]; with spaces: /ok \"a ␛b\""),
        ("/msg \"bob hi", "/msg NAME TEXT; a double quote is missing"),
    ] {
        assert_eq!(answer(line), format!("! usage: {hint}"), "{line}");
    }
    let long = format!("/rename {} x", "x".repeat(100));
    assert_eq!(answer(&long), "! usage: /rename NAME");
    assert_eq!(
        answer("/msg Carol hello"),
        "! no peer is named Carol; did you mean \"Carol Ann\"?"
    );
}

#[test]
fn a_peer_that_is_called_like_an_address_is_named_in_quotes() {
    let mut chat = alice();
    chat.enter(id(0xD0), "10.0.0.176", &["CHAT"]);
    chat.screen();
    chat.line("/query \"10.0.0.176\"");
    assert_eq!(
        chat.said(),
        "* yes: 10.0.0.176 (10.0.0.208:49152) is connected since 21:04:08"
    );
    let completion = chat.session.complete("/query 10", 9);
    assert_eq!(completion.candidates, ["\"10.0.0.176\" "]);
}

#[test]
fn an_unknown_command_names_the_nearest_one() {
    assert_eq!(
        answer("/jion DEV"),
        "! there is no /jion; did you mean: /join GROUP"
    );
    assert_eq!(
        answer("/xyzzy"),
        "! there is no /xyzzy; usage: /help [COMMAND]"
    );
    assert_eq!(answer("/"), "! there is no /; usage: /help [COMMAND]");
    assert_eq!(
        answer("/\u{1b}[2J"),
        "! there is no /␛[2J; usage: /help [COMMAND]"
    );
}

#[test]
fn help_is_the_table_and_tells_about_one_command() {
    let help = answer("/help");
    assert!(
        help.starts_with("/help [COMMAND]  /?            this table, or more about one command\n")
    );
    for info in COMMANDS {
        let row = help.lines().find(|row| {
            row.split_whitespace().next() == Some(info.name) && row.ends_with(info.brief)
        });
        let row = row.unwrap_or_else(|| panic!("no row for {}", info.name));
        assert!(row.contains(&info.also.join(", ")), "{row}");
        assert!(row.len() <= 80, "{row}");
        assert!(answer(&format!("/help {}", info.name)).contains(info.help));
    }
    assert_eq!(
        answer("/? whisper"),
        "/msg NAME TEXT: say something to one peer alone\nalso: /whisper, /w"
    );
    assert_eq!(
        answer("/help /xyzzy"),
        "! there is no command /xyzzy; /help lists them"
    );
}

#[test]
fn a_name_that_nobody_has_names_the_nearest() {
    assert_eq!(
        answer("/msg bbo hi"),
        "! no peer is named bbo; did you mean bob?"
    );
    assert_eq!(
        answer("/whois Bob"),
        "! no peer is named Bob; did you mean bob?"
    );
    assert_eq!(answer("/msg zachary hi"), "! no peer is named zachary");
    assert_eq!(answer("/chat alice"), "! alice is your own name");
}

#[test]
fn a_name_whose_bearer_is_gone_says_since_when() {
    let mut chat = alice();
    chat.exit(BOB, ExitReason::Farewell);
    chat.seconds(3);
    chat.screen();
    chat.line("/msg bob hi");
    chat.line("/query bob");
    chat.seconds(3 * 3_600);
    chat.line("/whois bob");
    assert_eq!(
        chat.screen(),
        "21:04 ! bob is gone since 21:04:08\n\
         21:04 * no: bob is gone since 21:04:08\n\
         --- Saturday, 21 November 2026 ---\n\
         00:04 ! bob is gone since 2026-11-20 21:04:08"
    );
    assert_eq!(chat.asked(), []);
    chat.enter(id(0xB7), "bob", &["CHAT"]);
    chat.line("/msg bob hi");
    assert_eq!(chat.sent(), ["b7: hi"]);
}

#[test]
fn an_ambiguous_name_lists_the_candidates_and_digits_choose_one() {
    let mut chat = alice();
    chat.enter(id(0xB7), "bob", &["CHAT"]);
    assert_eq!(chat.said(), "* bob~b711 is here (10.0.0.183)");
    chat.line("/msg bob hi");
    assert_eq!(chat.said(), "! bob is ambiguous: bob~b011, bob~b711");
    assert_eq!(chat.asked(), []);
    chat.line("/msg bob~b7 hi");
    assert_eq!(chat.said(), "[you -> bob~b711] hi");
    assert_eq!(chat.sent(), ["b7: hi"]);
    chat.hear(BOB, "CHAT", "which bob?");
    assert_eq!(chat.said(), "[CHAT] bob~b011: which bob?");
}

#[test]
fn a_name_with_spaces_is_written_in_quotes() {
    let mut chat = alice();
    chat.line("/msg \"Carol Ann\" hello  there");
    assert_eq!(chat.said(), "[you -> Carol Ann] hello  there");
    assert_eq!(chat.sent(), ["ca: hello  there"]);
}

#[test]
fn all_reaches_every_connected_peer() {
    let mut chat = alice();
    chat.enter(id(0xD0), "dave", &["ELSEWHERE"]);
    chat.line("/all fire drill");
    assert_eq!(chat.said(), "[you -> all] fire drill");
    assert_eq!(
        chat.sent(),
        ["b0: fire drill", "ca: fire drill", "d0: fire drill"]
    );
    let mut alone = Chat::new(typed("alice", &["CHAT"]));
    alone.screen();
    alone.line("/all hello");
    assert_eq!(alone.said(), "! nobody else is here");
    assert_eq!(alone.asked(), []);
}

#[test]
fn an_action_is_told_in_words_to_programs_that_know_none() {
    let mut chat = alice();
    chat.line("/me waves");
    assert_eq!(chat.said(), "[CHAT] * alice waves");
    assert_eq!(chat.sent(), ["CHAT: * alice waves"]);
}

#[test]
fn joining_and_creating_tell_who_is_there() {
    let mut chat = alice();
    chat.line("/create DEV");
    chat.line("/create NEW");
    chat.line("/join DEV");
    chat.line("/create NEW");
    chat.line("/join \"two words\"");
    assert_eq!(
        chat.said(),
        "* DEV exists already; you joined it, with Carol Ann\n\
         * you created NEW\n\
         * DEV is current; you are in it\n\
         * NEW exists already; you are in it\n\
         * you joined two words; nobody else is in it"
    );
    chat.line(&format!("/join {}", "x".repeat(256)));
    assert_eq!(
        chat.said(),
        "! the group name is 256 octets long in UTF-8, and the wire carries at most 255"
    );
    chat.line("/join a\u{7}b");
    assert_eq!(
        chat.said(),
        "! the group name holds a control character; leave it out"
    );
}

#[test]
fn leaving_the_current_group_makes_another_one_current() {
    let mut chat = alice();
    chat.line("/join DEV");
    chat.line("/part");
    chat.line("still here?");
    assert_eq!(
        chat.said(),
        "* you joined DEV, with Carol Ann\n\
         * you left DEV; the current group is CHAT\n\
         [CHAT] alice: still here?"
    );
    assert_eq!(
        answer("/leave DEV"),
        "! you are not in DEV; usage: /leave [GROUP]"
    );
    assert_eq!(
        answer("/switch DEV"),
        "! you are not in DEV; usage: /join GROUP"
    );
}

#[test]
fn a_line_of_blanks_is_not_sent() {
    for line in ["", "   ", "\t", " \r", "\u{3000}"] {
        assert_eq!(answer(line), "", "{line:?}");
    }
}

#[test]
fn a_new_name_is_told_to_the_node_and_used_at_once() {
    let mut chat = alice();
    chat.line("/nick \"Alice B\"");
    chat.line("hi");
    assert_eq!(
        chat.said(),
        "* you are now known as Alice B\n[CHAT] Alice B: hi"
    );
    assert_eq!(
        chat.asked()[0],
        Action::Rename(Name::new("Alice B").unwrap())
    );
    chat.line("/rename \"\"");
    chat.line("/rename a\u{1b}b");
    assert_eq!(
        chat.said(),
        "! a name needs at least one character\n\
         ! the name holds a control character; leave it out"
    );
    assert_eq!(chat.asked(), []);
}

#[test]
fn add_greets_and_delete_dismisses() {
    let mut chat = alice();
    chat.line("/add 10.0.9.1 49153");
    chat.line("/add [fe80::1]:49153");
    chat.line("/add 10.0.0.176 49152");
    chat.line("/delete 10.0.9.1:49153");
    assert_eq!(
        chat.said(),
        "* greeting 10.0.9.1:49153 until somebody answers\n\
         * greeting [fe80::1]:49153 until somebody answers\n\
         * bob at 10.0.0.176:49152 is connected\n\
         * staying away from 10.0.9.1:49153 until it is added again"
    );
    let address: SocketAddr = "10.0.9.1:49153".parse().unwrap();
    let actions = chat.asked();
    assert_eq!(actions[0], Action::Greet(address));
    assert_eq!(actions[3], Action::Dismiss(address));
}

#[test]
fn what_only_a_zchat_can_answer_is_not_sent_to_another_program() {
    let cannot = "! Carol Ann is not a zchat, and cannot answer that";
    assert_eq!(answer("/chat \"Carol Ann\""), cannot);
    assert_eq!(answer("/select \"Carol Ann\""), cannot);
    assert_eq!(
        answer("/select 10.0.9.9 49152"),
        "! nobody is connected at 10.0.9.9:49152; usage: /add IP PORT"
    );
}

#[test]
fn quitting_says_a_last_word_and_leaves() {
    let mut chat = alice();
    chat.line("/quit good night");
    assert!(!chat.session.wants_lines());
    let actions = chat.asked();
    assert!(matches!(
        actions[..],
        [Action::Shout { .. }, Action::Flush { .. }]
    ));
    let mut chat = alice();
    chat.line("/exit");
    assert!(matches!(chat.asked()[..], [Action::Stop { .. }]));
}

#[test]
fn joining_a_group_with_a_namesake_tells_what_others_see() {
    let mut chat = Chat::new(typed("alice", &["CHAT"]));
    chat.enter(BOB, "alice", &["DEV"]);
    chat.seconds(3);
    chat.said();
    chat.line("/join DEV");
    let said = chat.screen();
    assert!(said.contains("others see you as"), "{said}");
}

#[test]
fn clearing_the_screen_is_for_screens() {
    let mut chat = alice();
    chat.line("/away");
    chat.line("/clear");
    chat.line("/back");
    assert_eq!(chat.said(), "* you are back");
    assert_eq!(answer("/clear all"), "! usage: /clear");
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.line("/clear");
    assert_eq!(chat.screen(), "");
}
