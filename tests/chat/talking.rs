//! Talking, groups and leaving: the main job.

use std::time::Duration;

use zchat::chat::{Exit, Signal};
use zchat::zre::{Action, ExitReason, UndeliveredReason};

use crate::harness::{BOB, CAROL, Chat, group, json, piped, typed};

#[test]
fn a_terminal_shows_who_comes_what_is_said_and_who_goes() {
    let mut chat = Chat::new(typed("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.hear(BOB, "CHAT", "hello");
    chat.line("hi bob");
    chat.whisper(BOB, "psst");
    chat.line("/msg bob what?");
    chat.exit(BOB, ExitReason::Farewell);
    chat.seconds(2);
    assert_eq!(
        chat.screen(),
        "21:04 * you are alice in CHAT; /help lists the commands\n\
         21:04 * bob is here (10.0.0.176)\n\
         21:04 [CHAT] bob: hello\n\
         21:04 [CHAT] alice: hi bob\n\
         21:04 [bob -> you] psst\n\
         21:04 [you -> bob] what?\n\
         21:04 * bob is gone"
    );
    assert_eq!(chat.sent(), ["CHAT: hi bob", "b0: what?"]);
}

#[test]
fn text_has_one_line_for_each_event() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.enter(CAROL, "carol", &["OTHER"]);
    chat.pass(Duration::from_millis(300));
    chat.line("hi");
    chat.line("/msg bob psst");
    chat.leave(BOB, "CHAT");
    chat.join(BOB, "CHAT");
    chat.exit(CAROL, ExitReason::Farewell);
    chat.exit(BOB, ExitReason::Expired);
    assert_eq!(
        chat.screen(),
        "* bob is here (10.0.0.176)\n\
         * bob joined CHAT\n\
         [you -> bob] psst\n\
         * bob left CHAT\n\
         * bob joined CHAT\n\
         * bob is gone"
    );
}

#[test]
fn records_tell_everything() {
    let mut chat = Chat::new(json("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["OTHER"]);
    chat.hear(BOB, "CHAT", "hel\u{1b}lo");
    chat.whisper(BOB, "psst");
    chat.leave(BOB, "OTHER");
    chat.exit(BOB, ExitReason::Farewell);
    let bob = "\"name\":\"bob\",\"peer\":\"b0111111111111111111111111111111\"";
    let alice = "\"name\":\"alice\",\"peer\":\"a1111111111111111111111111111111\"";
    assert_eq!(
        chat.reported(),
        [
            format!(
                "{{\"endpoint\":\"tcp://10.0.0.1:49152\",\"event\":\"start\",\
                 \"groups\":[\"CHAT\"],{alice}}}"
            ),
            format!(
                "{{\"endpoint\":\"tcp://10.0.0.176:49152\",\"event\":\"enter\",\
                 \"headers\":{{\"X-ZCHAT\":\"1\"}},{bob}}}"
            ),
            format!("{{\"event\":\"join\",\"group\":\"OTHER\",{bob}}}"),
            format!("{{\"event\":\"shout\",\"group\":\"CHAT\",{bob},\"text\":\"hel\\u001blo\"}}"),
            format!("{{\"event\":\"whisper\",{bob},\"text\":\"psst\"}}"),
            format!("{{\"event\":\"leave\",\"group\":\"OTHER\",{bob}}}"),
            format!("{{\"event\":\"exit\",{bob}}}"),
        ]
        .join("\n")
    );
}

#[test]
fn the_first_piped_line_waits_until_discovery_has_settled() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.line("hello");
    assert!(!chat.session.wants_lines());
    chat.pass(Duration::from_millis(400));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.pass(Duration::from_millis(200));
    chat.enter(CAROL, "carol", &["CHAT"]);
    chat.pass(Duration::from_millis(299));
    assert_eq!(chat.sent(), Vec::<String>::new());
    chat.pass(Duration::from_millis(1));
    assert_eq!(chat.sent(), ["CHAT: hello"]);
    chat.line("again");
    assert_eq!(chat.sent(), ["CHAT: again"]);
}

#[test]
fn a_piped_line_that_nobody_is_there_to_receive_waits_no_longer_than_allowed() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.line("hello");
    chat.pass(Duration::from_millis(4_999));
    assert_eq!(chat.sent(), Vec::<String>::new());
    chat.pass(Duration::from_millis(1));
    assert_eq!(
        chat.screen(),
        "! nobody else is in CHAT: nobody received it"
    );
    chat.end();
    chat.finish(&[]);
    assert_eq!(chat.quit, Some(Exit::Nobody));
}

#[test]
fn waiting_for_nobody_sends_at_once() {
    let mut config = piped("alice", &["CHAT"]);
    config.wait = Duration::ZERO;
    let mut chat = Chat::new(config);
    chat.line("hello");
    assert_eq!(chat.sent(), ["CHAT: hello"]);
}

#[test]
fn the_end_of_input_delivers_and_leaves() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.line("hello");
    chat.end();
    assert!(!chat.session.wants_lines());
    assert_eq!(chat.asked(), [], "the line is still held");
    chat.pass(Duration::from_millis(300));
    assert!(matches!(
        chat.actions[..],
        [Action::Shout { .. }, Action::Flush { .. }]
    ));
    chat.finish(&[]);
    assert_eq!(chat.quit, Some(Exit::Done));
}

#[test]
fn input_that_has_no_lines_leaves_at_once() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.end();
    chat.finish(&[]);
    assert_eq!(chat.quit, Some(Exit::Done));
}

#[test]
fn a_peer_that_did_not_read_everything_is_told_and_fails_the_whole() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.enter(CAROL, "carol", &["CHAT"]);
    chat.line("hello");
    chat.pass(Duration::from_millis(300));
    chat.screen();
    chat.line("$$STOP");
    chat.finish(&[CAROL]);
    assert_eq!(chat.screen(), "! not known to have reached carol");
    assert_eq!(chat.quit, Some(Exit::Failed));
}

#[test]
fn undelivered_messages_are_counted_and_told() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.pass(Duration::from_millis(300));
    chat.line("hello");
    chat.screen();
    chat.event(zchat::zre::Event::Undelivered {
        peer: BOB,
        count: 3,
        reason: UndeliveredReason::Full,
    });
    assert_eq!(
        chat.screen(),
        "! 3 messages to bob not delivered: it takes nothing"
    );
    chat.end();
    chat.finish(&[]);
    assert_eq!(chat.quit, Some(Exit::Failed));
}

#[test]
fn a_wrong_piped_line_is_told_with_its_number_and_fails_the_whole() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.pass(Duration::from_millis(300));
    chat.screen();
    chat.line("hello");
    chat.bad_line(zchat::chat::BadLine::NotUtf8);
    chat.line("/msg bob");
    assert_eq!(
        chat.screen(),
        "! line 2: not UTF-8; it was not sent\n! line 3: usage: /msg NAME TEXT"
    );
    assert_eq!(chat.sent(), ["CHAT: hello"]);
    chat.end();
    chat.finish(&[]);
    assert_eq!(chat.quit, Some(Exit::Failed));
}

#[test]
fn a_signal_leaves_cleanly_and_a_second_one_at_once() {
    let mut chat = Chat::new(typed("alice", &["CHAT"]));
    chat.signal(Signal::Interrupt);
    assert!(matches!(chat.actions[..], [Action::Stop { .. }]));
    assert_eq!(chat.quit, None);
    chat.signal(Signal::Interrupt);
    assert_eq!(chat.quit, Some(Exit::Signal(Signal::Interrupt)));
    let mut chat = Chat::new(typed("alice", &["CHAT"]));
    chat.signal(Signal::Terminate);
    chat.finish(&[]);
    assert_eq!(chat.quit.unwrap().code(), 143);
}

#[test]
fn a_text_larger_than_the_limit_is_refused_whole() {
    let mut chat = Chat::new(typed("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.screen();
    chat.line(&"x".repeat(65_537));
    assert_eq!(
        chat.said(),
        "! the text is 65537 octets long, more than 65536; nothing was sent"
    );
    assert_eq!(chat.sent(), Vec::<String>::new());
    chat.line(&"x".repeat(65_536));
    assert_eq!(chat.sent().len(), 1);
}

#[test]
fn a_line_that_begins_with_two_slashes_says_one() {
    let mut chat = Chat::new(typed("alice", &["CHAT"]));
    chat.line("//help is a command");
    chat.line("");
    assert_eq!(chat.sent(), ["CHAT: /help is a command"]);
}

#[test]
fn groups_are_joined_switched_and_left() {
    let mut chat = Chat::new(typed("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["DEV"]);
    chat.enter(CAROL, "carol", &["DEV"]);
    chat.screen();
    chat.line("/join DEV");
    chat.line("hello, dev");
    chat.line("/switch CHAT");
    chat.line("/leave DEV");
    chat.line("/switch DEV");
    chat.line("/leave");
    chat.line("hello?");
    assert_eq!(
        chat.said(),
        "* you joined DEV, with bob and carol\n\
         [DEV] alice: hello, dev\n\
         * the current group is CHAT\n\
         * you left DEV\n\
         ! you are not in DEV; usage: /join GROUP\n\
         * you left CHAT, and are in no group now\n\
         ! you are in no group; usage: /join GROUP"
    );
    let actions = chat.asked();
    assert_eq!(actions[0], Action::Join(group("DEV")));
    assert_eq!(
        actions[2..],
        [Action::Leave(group("DEV")), Action::Leave(group("CHAT"))]
    );
}

#[test]
fn a_line_for_one_peer_waits_for_that_peer() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.enter(CAROL, "carol", &["CHAT"]);
    chat.line("/join DEV");
    chat.line("/msg bob hello");
    chat.seconds(1);
    assert_eq!(chat.sent(), Vec::<String>::new());
    chat.enter_foreign(BOB, "bob", &[]);
    chat.pass(Duration::from_millis(300));
    assert_eq!(chat.sent(), ["b0: hello"]);
}

#[test]
fn a_wrong_command_does_not_wait_for_anybody() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.line("/msg bob");
    chat.line("/help /end");
    assert_eq!(
        chat.screen(),
        "! line 1: usage: /msg NAME TEXT\n\
         /end: end the private chat, or take back the request for one"
    );
}

#[test]
fn a_question_is_answered_before_the_end() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.enter_foreign(BOB, "bob", &["CHAT"]);
    chat.screen();
    chat.line("/whois bob");
    chat.end();
    chat.pass(Duration::from_millis(300));
    assert!(matches!(chat.asked()[..], [Action::Ping(BOB)]));
    chat.event(zchat::zre::Event::RoundTrip {
        peer: BOB,
        elapsed: Duration::from_millis(2),
    });
    assert!(chat.screen().ends_with(" round trip    2.0 ms"));
    chat.finish(&[]);
    assert_eq!(chat.quit, Some(Exit::Done));
}

#[test]
fn a_broken_pipe_ends_quietly() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.session.handle_broken_pipe(chat.now, chat.wall());
    chat.drain();
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.finish(&[]);
    assert_eq!(chat.screen(), "");
    assert_eq!(chat.quit, Some(Exit::Done));
}

#[test]
fn a_line_that_is_not_said_because_of_a_broken_pipe_is_a_failure() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.line("hello");
    chat.session.handle_broken_pipe(chat.now, chat.wall());
    chat.drain();
    chat.finish(&[]);
    assert_eq!(chat.screen(), "");
    assert_eq!(chat.quit, Some(Exit::Failed));
}

#[test]
fn a_node_that_stops_by_itself_is_a_failure() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.event(zchat::zre::Event::Stop);
    assert_eq!(chat.screen(), "! the node has stopped");
    assert_eq!(chat.quit, Some(Exit::Failed));
}

#[test]
fn what_nobody_said_is_no_loss() {
    let mut chat = Chat::new(typed("alice", &["CHAT"]));
    chat.line("/away");
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.screen();
    let reason = UndeliveredReason::Gone;
    chat.event(zchat::zre::Event::Undelivered {
        peer: BOB,
        count: 1,
        reason,
    });
    assert_eq!(chat.screen(), "");
    chat.line("/msg bob hi");
    chat.screen();
    chat.event(zchat::zre::Event::Undelivered {
        peer: BOB,
        count: 1,
        reason,
    });
    assert_eq!(chat.said(), "! 1 message to bob not delivered: it is gone");
}

#[test]
fn a_hundred_thousand_piped_lines_need_no_memory_between_them() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.pass(Duration::from_millis(300));
    chat.screen();
    for number in 0..100_000 {
        chat.line(&number.to_string());
        assert_eq!(chat.actions.len(), 1);
        chat.actions.clear();
        assert!(chat.lines.is_empty());
    }
}

#[test]
fn the_status_of_a_piped_chat_says_first_what_was_wrong_and_then_whether_anybody_was_there() {
    for (lines, carol_in, status) in [
        (&["hello"][..], None, Exit::Nobody),
        (&["/me waves"], None, Exit::Nobody),
        (&["/msg bob hello"], None, Exit::Nobody),
        (&["/all hello"], None, Exit::Nobody),
        (&["/quit hello"], None, Exit::Nobody),
        (&["hello"], Some("OTHER"), Exit::Nobody),
        (&["hello"], Some("CHAT"), Exit::Done),
        (&["/list"], None, Exit::Done),
        // Wrong, whoever is here.
        (&["/bogus", "hello"], None, Exit::Failed),
        (&["/msg bob", "hello"], None, Exit::Failed),
        (&["/msg alice hello"], None, Exit::Failed),
        (&["/leave", "hello"], None, Exit::Failed),
        // Somebody is here, but not who is named.
        (&["/msg bob hello"], Some("CHAT"), Exit::Failed),
        (&["/msg bob hello", "hello"], Some("CHAT"), Exit::Failed),
        (&["/whois bob"], None, Exit::Failed),
    ] {
        let mut chat = Chat::new(piped("alice", &["CHAT"]));
        if let Some(group) = carol_in {
            chat.enter(CAROL, "carol", &[group]);
        }
        for line in lines {
            chat.line(line);
            chat.seconds(6);
        }
        chat.end();
        chat.finish(&[]);
        assert_eq!(chat.quit, Some(status), "{lines:?} {carol_in:?}");
    }
}

#[test]
fn a_line_for_a_name_that_several_have_waits_no_longer_than_for_others() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.line("/msg bob hello");
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.enter(CAROL, "bob", &["CHAT"]);
    chat.screen();
    chat.pass(Duration::from_millis(300));
    assert_eq!(
        chat.screen(),
        "! line 1: bob is ambiguous: bob~b011, bob~ca11"
    );
}

#[test]
fn who_has_read_everything_and_left_before_the_end_is_reached() {
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.pass(Duration::from_millis(300));
    chat.line("hello");
    chat.exit(BOB, ExitReason::Farewell);
    chat.screen();
    chat.end();
    // The node remembers that bob has confirmed it.
    chat.finish(&[]);
    assert_eq!(chat.screen(), "");
    assert_eq!(chat.quit, Some(Exit::Done));
}
