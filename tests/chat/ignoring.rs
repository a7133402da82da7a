//! Who is ignored, and how one is ignored no more.

use zchat::zre::ExitReason;

use crate::commands::alice;
use crate::harness::{BOB, CAROL, Chat, id, typed};

#[test]
fn who_is_ignored_is_listed_and_offered_to_be_ignored_no_more() {
    let mut chat = alice();
    let offered = |chat: &Chat| chat.session.complete("/unignore ", 10).candidates;
    chat.line("/ignore");
    assert_eq!(offered(&chat), Vec::<String>::new());
    chat.line("/ignore bob");
    chat.line("/ignore \"Carol Ann\"");
    chat.hear(BOB, "CHAT", "hello?");
    chat.line("/ignore");
    assert_eq!(
        chat.said(),
        "* you ignore nobody\n\
         * you ignore bob\n\
         * you ignore Carol Ann\n\
         * you ignore Carol Ann (0 not shown), bob (1 not shown)"
    );
    assert_eq!(offered(&chat), ["\"Carol Ann\" ", "bob "]);
    chat.line("/unignore bob");
    chat.exit(CAROL, ExitReason::Farewell);
    assert_eq!(offered(&chat), ["\"Carol Ann\" "]);
    assert_eq!(chat.session.complete("/ignore ", 8).candidates, ["bob "]);
}

#[test]
fn ignoring_is_local_and_counts_what_is_not_shown() {
    let mut chat = alice();
    chat.line("/ignore bob");
    chat.hear(BOB, "CHAT", "hello?");
    chat.whisper(BOB, "hello?");
    chat.line("/ignore bob");
    chat.line("/list");
    chat.line("/unignore bob");
    chat.hear(BOB, "CHAT", "hello!");
    chat.line("/unignore bob");
    assert_eq!(
        chat.said(),
        "* you ignore bob\n\
         * you ignore bob already\n\
         name       id        address           groups    since\n\
         Carol Ann  ca111111  10.0.0.202:49152  CHAT DEV  21:04:05\n\
         bob        b0111111  10.0.0.176:49152  CHAT      21:04:05  (ignored, 2 not shown)\n\
         alice      a1111111  10.0.0.1:49152    CHAT      21:04:05  (you)\n\
         * you ignore bob no more; 2 messages not shown\n\
         [CHAT] bob: hello!\n\
         ! you do not ignore bob"
    );
    assert_eq!(chat.asked(), []);
}

#[test]
fn an_ignored_peer_that_comes_back_under_its_name_stays_ignored() {
    let mut chat = alice();
    chat.line("/ignore bob");
    chat.exit(BOB, ExitReason::Broken);
    chat.enter(id(0xB9), "bob", &["CHAT"]);
    chat.screen();
    chat.hear(id(0xB9), "CHAT", "hello?");
    assert_eq!(chat.said(), "");
}

#[test]
fn whoever_is_ignored_and_gone_is_taken_off_by_the_name_that_is_offered() {
    let mut chat = Chat::new(typed("alice", &["CHAT"]));
    chat.enter(BOB, "b\u{202e}ob", &["CHAT"]);
    chat.line(&format!("/ignore {}", BOB));
    chat.exit(BOB, ExitReason::Farewell);
    let offered = chat.session.complete("/unignore ", 10).candidates;
    chat.said();
    chat.line(&format!("/unignore {}", offered[0]));
    let told = "* you ignore b<U+202E>ob no more; 0 messages not shown";
    assert!(chat.said().ends_with(told));
}

/// Somebody else of that name is here, and is not the one that is ignored.
#[test]
fn whoever_is_ignored_and_gone_can_be_taken_off_though_a_namesake_is_here() {
    let mut chat = Chat::new(typed("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.enter(CAROL, "bob", &["CHAT"]);
    chat.line(&format!("/ignore {}", BOB));
    chat.exit(BOB, ExitReason::Farewell);
    chat.said();
    chat.line("/unignore bob");
    assert!(chat.said().contains("no more"));
    chat.line("/ignore");
    assert_eq!(chat.said(), "* you ignore nobody");
}
