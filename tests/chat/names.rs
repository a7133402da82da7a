//! One name for each peer, whatever they call themselves.

use zchat::zre::{Event, ExitReason, Name, PeerId};

use crate::harness::{BOB, CAROL, Chat, id, piped, typed, zchat_headers};

fn alice() -> Chat {
    let mut chat = Chat::new(typed("alice", &["CHAT"]));
    chat.screen();
    chat
}

/// What stands between the brackets when these peers, one after the other, whisper.
fn shown(names: &[(PeerId, &str)]) -> Vec<String> {
    let mut chat = alice();
    for (peer, name) in names {
        chat.enter(*peer, name, &[]);
    }
    let whisper = |(peer, _): &(PeerId, &str)| {
        chat.whisper(*peer, "x");
        let said = chat.said();
        said.strip_prefix('[')
            .unwrap()
            .strip_suffix(" -> you] x")
            .unwrap()
            .to_owned()
    };
    names.iter().map(whisper).collect()
}

#[test]
fn a_name_of_its_own_is_shown_as_it_is() {
    let names = ["bob", "Bob", "grüße 日本 👩‍👩‍👧", "שלום", "x".repeat(24).leak()];
    let peers: Vec<(PeerId, &str)> = (1..).map(id).zip(names).collect();
    assert_eq!(shown(&peers), names);
}

#[test]
fn peers_of_one_name_are_told_apart_by_as_many_digits_as_are_needed() {
    let long = |last| {
        let mut peer = [0x33; 16];
        peer[15] = last;
        PeerId::from_bytes(peer)
    };
    assert_eq!(
        shown(&[(BOB, "bob"), (CAROL, "bob")]),
        ["bob~b011", "bob~ca11"]
    );
    assert_eq!(
        shown(&[(long(1), "bob"), (long(0x21), "bob"), (BOB, "bob")]),
        [
            "bob~3333333333333333333333333333330",
            "bob~3333333333333333333333333333332",
            "bob~b011"
        ]
    );
}

#[test]
fn a_peer_that_has_our_own_name_is_told_apart_from_us() {
    assert_eq!(shown(&[(BOB, "alice")]), ["alice~b011"]);
    let mut chat = alice();
    chat.enter(BOB, "alice", &["CHAT"]);
    chat.line("/msg alice hi");
    assert_eq!(chat.sent(), ["b0: hi"], "nobody whispers to himself");
}

#[test]
fn whoever_has_the_name_of_somebody_here_is_told_what_others_see() {
    let mut chat = alice();
    chat.enter(BOB, "alice", &["ELSEWHERE"]);
    assert_eq!(chat.said(), "");
    chat.join(BOB, "CHAT");
    chat.enter(CAROL, "alice", &["CHAT"]);
    chat.seconds(2);
    assert_eq!(
        chat.said(),
        "* alice~b011 is here (10.0.0.176)\n\
         * others see you as alice~a111 now\n\
         * alice~ca11 is here (10.0.0.202)"
    );
    chat.line("/rename ann");
    chat.line("/rename alice");
    chat.enter(id(0xD0), "dan", &["CHAT"]);
    chat.line("/rename dan");
    assert!(
        chat.said()
            .ends_with("* another dan is here: others see you as dan~a111")
    );
}

#[test]
fn a_name_that_could_be_taken_for_something_else_has_digits_too() {
    assert_eq!(
        shown(&[
            (id(1), "bob~b011"),
            (id(2), "you"),
            (id(7), "all"),
            (id(3), ""),
            (id(4), "bob: I quit"),
            (id(5), "bob -> you"),
            (id(6), "bob~x"),
        ]),
        [
            "bob~b011~0111",
            "you~0211",
            "all~0711",
            "~0311",
            "bob: I quit~0411",
            "bob -> you~0511",
            "bob~x"
        ]
    );
}

#[test]
fn names_that_only_look_different_to_a_machine_are_made_to_look_different() {
    assert_eq!(
        shown(&[
            (id(1), "bob"),
            (id(2), "bo\u{200b}b"),
            (id(3), "bob "),
            (id(4), "\u{202e}bob")
        ]),
        ["bob", "bo<U+200B>b", "bob␠", "<U+202E>bob"]
    );
}

#[test]
fn the_name_that_is_shown_can_be_typed() {
    let mut chat = alice();
    chat.enter(id(1), "bob~b011", &[]);
    chat.enter(BOB, "bob", &[]);
    chat.enter(id(3), "", &[]);
    chat.enter(id(4), "bo\u{1b}b", &[]);
    chat.enter(id(5), "say \"hi\"", &[]);
    for (typed, first) in [
        ("bob~b011~0111", "01"),
        ("bob", "b0"),
        ("bob~b011", "b0"),
        ("~0311", "03"),
        ("bo␛b", "04"),
        ("\"say \\\"hi\\\"\"", "05"),
        ("b0111111111111111111111111111111", "b0"),
        ("bob~B01", "b0"),
    ] {
        chat.line(&format!("/msg {typed} hello"));
        assert_eq!(chat.sent(), [format!("{first}: hello")], "{typed}");
    }
}

#[test]
fn a_name_that_is_too_wide_is_cut_and_can_be_typed_as_it_is_and_as_it_is_shown() {
    let (one, other) = ("x".repeat(254) + "1", "x".repeat(254) + "2");
    let wide = "漢".repeat(85);
    let mut chat = alice();
    chat.enter(BOB, &one, &["CHAT"]);
    chat.enter(id(5), &wide, &["CHAT"]);
    let cut = "x".repeat(23) + "…";
    chat.hear(BOB, "CHAT", "hello");
    assert!(chat.said().ends_with(&format!("[CHAT] {cut}: hello")));
    // Two that look the same when they are cut are told apart like namesakes.
    chat.enter(CAROL, &other, &["CHAT"]);
    chat.seconds(2);
    assert!(chat.said().contains(&format!("* {cut}~ca11 is here")));
    for (typed, first) in [
        (one.clone(), "b0"),
        (other.clone(), "ca"),
        (format!("{cut}~b011"), "b0"),
        (format!("{cut}~ca"), "ca"),
        (wide.clone(), "05"),
        ("漢".repeat(11) + "…", "05"),
    ] {
        chat.line(&format!("/msg {typed} hello"));
        assert_eq!(chat.sent(), [format!("{first}: hello")], "{typed}");
    }
    chat.said();
    chat.line(&format!("/msg {cut} hello"));
    assert_eq!(
        chat.said(),
        format!("! {cut} is ambiguous: {cut}~b011, {cut}~ca11")
    );
    chat.line(&format!("/whois {one}"));
    chat.seconds(2);
    let said = chat.said();
    let full = said.lines().find(|line| line.starts_with(" full name "));
    assert!(full.is_some_and(|line| line.ends_with(&one)), "{said}");
}

#[test]
fn nothing_that_is_shown_is_wide_because_a_name_is() {
    let mut chat = alice();
    chat.session.handle_width(40);
    let wide = "漢".repeat(85);
    chat.enter(BOB, &wide, &["CHAT", &wide]);
    chat.line(&format!("/join {wide}"));
    chat.hear(BOB, &wide, "hello");
    chat.line("hello");
    chat.line("/list");
    chat.line(&format!("/rename {}", "字".repeat(85)));
    chat.line("/me waves");
    let said = chat.said();
    let widest = said.lines().map(|line| line.chars().count()).max();
    assert!(widest < Some(60), "{said}");
    assert_eq!(
        chat.prompt.unwrap().place,
        zchat::chat::Place::Group("漢".repeat(11) + "…")
    );
}

#[test]
fn whoever_has_a_wide_name_is_mentioned_by_it_in_full_and_as_it_is_shown() {
    let name = "Konferenzraum im zweiten Untergeschoss";
    let mut chat = Chat::new(typed(name, &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    for text in [
        "is konferenzraum im zweiten untergeschoss free?",
        "Konferenzraum im zweite…: are you free?",
    ] {
        chat.hear(BOB, "CHAT", text);
        assert!(chat.lines.last().unwrap().mention, "{text}");
    }
    chat.hear(BOB, "CHAT", "Konferenzraum im Keller");
    assert!(!chat.lines.last().unwrap().mention);
}

#[test]
fn a_program_may_name_a_peer_as_it_names_itself() {
    let mut chat = alice();
    chat.enter(BOB, "bob ", &["CHAT"]);
    chat.enter(CAROL, "ca\u{200b}rol", &["CHAT"]);
    chat.line("/msg \"bob \" hello");
    assert_eq!(chat.sent(), ["b0: hello"]);
    chat.line("/msg ca\u{200b}rol hello");
    assert_eq!(chat.sent(), ["ca: hello"]);
    chat.line("/msg carol hello");
    assert_eq!(chat.sent(), Vec::<String>::new());
}

#[test]
fn a_namesake_that_goes_gives_the_name_back() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.enter(CAROL, "bob", &["CHAT"]);
    chat.exit(CAROL, ExitReason::Farewell);
    chat.hear(BOB, "CHAT", "alone again");
    assert_eq!(
        chat.screen(),
        "* bob is here (10.0.0.176)\n\
         * bob joined CHAT\n\
         * bob~ca11 is here (10.0.0.202)\n\
         * bob~ca11 joined CHAT\n\
         * bob~ca11 is gone\n\
         [CHAT] bob: alone again"
    );
}

#[test]
fn taking_another_ones_name_is_shown_with_digits() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.enter(CAROL, "carol", &["CHAT"]);
    chat.screen();
    chat.event(Event::Update {
        peer: CAROL,
        name: Name::new("bob").unwrap(),
        was: Name::new("carol").unwrap(),
        headers: zchat_headers(),
    });
    assert_eq!(chat.screen(), "* carol is now known as bob~ca11");
}
