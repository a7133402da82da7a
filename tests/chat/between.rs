//! Between two zchats: private chats, away, lists, actions, new names.

use zchat::chat::{Input, Place};
use zchat::zre::{ExitReason, PeerId};

use crate::harness::{ALICE, BOB, CAROL, Chat, id, json, typed};
use crate::pair::{Pair, carry, endpoint};

fn both(alice: &str, bob: &str) -> (String, String) {
    (alice.to_owned(), bob.to_owned())
}

/// Alice and bob in a private chat.
fn talking() -> Pair {
    let mut pair = Pair::new();
    pair.alice("/chat bob");
    pair.bob("/ok");
    pair.said();
    pair
}

#[test]
fn ignoring_the_partner_of_a_private_chat_says_that_it_goes_on() {
    let mut pair = Pair::new();
    pair.alice("/chat bob");
    pair.bob("/ok");
    pair.said();
    pair.alice("/ignore bob");
    let (alice, _) = pair.said();
    assert_eq!(
        alice,
        "* you ignore bob, also in your private chat, which goes on until /end"
    );
}

#[test]
fn an_ignored_partner_can_end_the_private_chat() {
    let mut pair = talking();
    pair.alice("/ignore bob");
    pair.said();
    pair.bob("/end");
    let (alice, _) = pair.said();
    assert_eq!(alice, "* the private chat with bob has ended");
}

/// Alice's request is lost, so that bob does not know that both have asked.
#[test]
fn two_who_ask_each_other_are_in_a_private_chat_though_one_request_is_lost() {
    let mut pair = Pair::new();
    pair.alice("hi");
    pair.said();
    pair.alice.line("/chat bob");
    pair.alice.actions.clear();
    pair.bob("/chat alice");
    pair.bob("psst");
    pair.alice("/end");
    let (_, bob) = pair.said();
    assert_eq!(
        bob,
        "* you asked alice for a private chat\n\
         * private chat with alice begins: text goes there alone, until /end\n\
         [you -> alice] psst\n\
         * the private chat with alice has ended"
    );
}

/// What bob does about alice's exit, of which she knows nothing, and her return.
#[test]
fn a_private_chat_that_ended_on_one_side_alone_ends_on_the_other_when_they_meet_again() {
    let mut pair = talking();
    pair.bob.exit(ALICE, ExitReason::Broken);
    pair.bob.enter(ALICE, "alice", &["CHAT"]);
    pair.settle();
    let (alice, _) = pair.said();
    assert_eq!(alice, "* the private chat with bob has ended");
}

/// Bob's word that it is over is lost, and alice sees no more of it than that something is.
#[test]
fn a_private_chat_whose_end_was_lost_ends_when_the_loss_is_over() {
    let mut pair = talking();
    pair.bob.line("/end");
    pair.bob.actions.clear();
    pair.alice.exit(BOB, ExitReason::Gap);
    pair.alice.enter(BOB, "bob", &["CHAT"]);
    pair.settle();
    let (alice, _) = pair.said();
    assert_eq!(alice, "* the private chat with bob has ended");
}

/// The same where nothing can be seen of the loss.
#[test]
fn a_private_chat_whose_end_was_lost_ends_within_a_minute() {
    let mut pair = talking();
    pair.bob.line("/end");
    pair.bob.actions.clear();
    pair.seconds(66);
    let (alice, _) = pair.said();
    assert!(
        alice.ends_with("* the private chat with bob has ended"),
        "{alice}"
    );
    pair.alice("/chat bob");
    pair.bob("/ok");
    pair.said();
    pair.seconds(120);
    assert_eq!(pair.said(), both("", ""));
}

/// The same loss, but nobody has ended anything.
#[test]
fn a_private_chat_goes_on_when_something_else_was_lost() {
    let mut pair = talking();
    pair.alice.exit(BOB, ExitReason::Gap);
    pair.alice.enter(BOB, "bob", &["CHAT"]);
    pair.settle();
    assert_eq!(pair.said(), both("", ""));
    pair.alice("psst");
    assert_eq!(
        pair.said(),
        both("[you -> bob] psst", "[alice -> you] psst")
    );
}

#[test]
fn a_private_chat_is_asked_for_accepted_and_ended() {
    let mut pair = Pair::new();
    pair.alice("/chat bob");
    assert_eq!(
        pair.said(),
        both(
            "* you asked bob for a private chat",
            "* alice asks for a private chat: /ok or /reject"
        )
    );
    pair.alice("this is for all");
    pair.bob("/ok");
    pair.alice("psst");
    pair.bob("/me nods");
    assert_eq!(
        pair.alice.prompt.as_ref().unwrap().place,
        Place::Private("bob".to_owned())
    );
    pair.bob("/end");
    pair.alice("back to all");
    assert_eq!(
        pair.said(),
        both(
            "[CHAT] alice: this is for all\n\
             * private chat with bob begins: text goes there alone, until /end\n\
             [you -> bob] psst\n\
             [bob -> you] * bob nods\n\
             * the private chat with bob has ended\n\
             [CHAT] alice: back to all",
            "[CHAT] alice: this is for all\n\
             * private chat with alice begins: text goes there alone, until /end\n\
             [alice -> you] psst\n\
             [you -> alice] * bob nods\n\
             * the private chat with alice has ended\n\
             [CHAT] alice: back to all"
        )
    );
    assert_eq!(
        pair.alice.prompt.as_ref().unwrap().place,
        Place::Group("CHAT".to_owned())
    );
}

#[test]
fn a_request_can_be_rejected_and_taken_back() {
    let mut pair = Pair::new();
    pair.alice("/chat bob");
    pair.bob("/reject");
    pair.alice("/chat bob");
    pair.alice("/end");
    pair.bob("/ok");
    assert_eq!(
        pair.said(),
        both(
            "* you asked bob for a private chat\n\
             * bob does not want a private chat\n\
             * you asked bob for a private chat\n\
             * you took the request for a private chat with bob back",
            "* alice asks for a private chat: /ok or /reject\n\
             * you rejected the private chat with alice\n\
             * alice asks for a private chat: /ok or /reject\n\
             * alice took the request for a private chat back\n\
             ! nobody has asked for a private chat"
        )
    );
}

#[test]
fn a_request_that_is_not_answered_times_out_on_both_sides() {
    let mut pair = Pair::new();
    pair.alice("/chat bob");
    pair.said();
    pair.seconds(59);
    assert_eq!(pair.said(), both("", ""));
    pair.seconds(1);
    assert_eq!(
        pair.said(),
        (
            "21:05 * bob did not answer the request for a private chat".to_owned(),
            "21:05 * the request for a private chat from alice has timed out".to_owned()
        )
    );
    pair.bob("/ok");
    assert_eq!(
        pair.bob.said(),
        "21:05 ! nobody has asked for a private chat"
    );
}

#[test]
fn two_who_ask_each_other_at_once_are_in_a_private_chat() {
    let mut pair = Pair::new();
    // So that the numbers of their requests differ.
    pair.alice("hi");
    pair.said();
    pair.both("/chat bob", "/chat alice");
    pair.both("hello", "hello");
    assert_eq!(
        pair.said(),
        both(
            "* you asked bob for a private chat\n\
             * private chat with bob begins: text goes there alone, until /end\n\
             [you -> bob] hello\n\
             [bob -> you] hello",
            "* you asked alice for a private chat\n\
             * private chat with alice begins: text goes there alone, until /end\n\
             [you -> alice] hello\n\
             [alice -> you] hello"
        )
    );
    pair.alice("/end");
    assert_eq!(
        pair.said(),
        both(
            "* the private chat with bob has ended",
            "* the private chat with alice has ended"
        )
    );
}

#[test]
fn asking_whoever_asks_is_accepting() {
    let mut pair = Pair::new();
    pair.alice("/chat bob");
    pair.bob("/chat alice");
    assert!(pair.said().0.contains("private chat with bob begins"));
}

#[test]
fn whoever_is_in_a_private_chat_is_busy_by_itself() {
    let mut pair = talking();
    let mut carol = Chat::of(typed("carol", &["CHAT"]), CAROL);
    carol.enter(BOB, "bob", &["CHAT"]);
    carol.line("/chat bob");
    carol.screen();
    pair.bob.enter(CAROL, "carol", &["CHAT"]);
    pair.bob.seconds(3);
    pair.bob.screen();
    relay(&mut carol, &mut pair.bob, (CAROL, BOB));
    assert_eq!(pair.bob.said(), "", "bob is not disturbed");
    relay(&mut pair.bob, &mut carol, (BOB, CAROL));
    assert_eq!(carol.said(), "* bob is in another private chat");
    pair.bob.line("/chat carol");
    assert_eq!(
        pair.bob.said(),
        "! you are in a private chat with alice; usage: /end"
    );
}

#[test]
fn accepting_one_of_several_tells_the_others_that_one_is_busy() {
    let mut pair = Pair::new();
    let mut carol = Chat::of(typed("carol", &["CHAT"]), CAROL);
    carol.enter(BOB, "bob", &["CHAT"]);
    pair.bob.enter(CAROL, "carol", &["CHAT"]);
    carol.line("/chat bob");
    relay(&mut carol, &mut pair.bob, (CAROL, BOB));
    pair.alice("/chat bob");
    pair.bob.said();
    pair.bob.line("/ok");
    assert_eq!(
        pair.bob.said(),
        "! several ask for a private chat: carol, alice; usage: /ok NAME"
    );
    carol.screen();
    pair.bob.line("/ok alice");
    relay(&mut pair.bob, &mut carol, (BOB, CAROL));
    assert_eq!(carol.said(), "* bob is in another private chat");
}

#[test]
fn a_peer_that_leaves_in_the_middle_ends_the_private_chat() {
    let mut pair = talking();
    pair.bob.exit(ALICE, ExitReason::Broken);
    pair.bob.seconds(2);
    assert_eq!(
        pair.bob.said(),
        "* alice is gone\n* the private chat with alice has ended: gone"
    );
    assert_eq!(
        pair.bob.prompt.as_ref().unwrap().place,
        Place::Group("CHAT".to_owned())
    );
    let mut pair = Pair::new();
    pair.alice("/chat bob");
    pair.alice.exit(BOB, ExitReason::Farewell);
    pair.alice.seconds(2);
    assert!(
        pair.alice
            .said()
            .ends_with("* the private chat with bob has ended: gone")
    );
}

#[test]
fn a_peer_that_is_lost_for_a_moment_stays_in_the_private_chat() {
    let mut pair = talking();
    pair.bob.exit(ALICE, ExitReason::Gap);
    pair.bob.pass(std::time::Duration::from_millis(500));
    pair.bob.enter(ALICE, "alice", &["CHAT"]);
    pair.bob.seconds(5);
    assert_eq!(pair.bob.said(), "");
    pair.bob("still here");
    assert_eq!(
        pair.said(),
        both("[bob -> you] still here", "[you -> alice] still here")
    );
}

#[test]
fn whoever_has_forgotten_a_private_chat_is_told_that_it_is_one() {
    let mut pair = talking();
    // Bob believed alice to be gone; alice never noticed.
    pair.bob.exit(ALICE, ExitReason::Expired);
    pair.bob.enter(ALICE, "alice", &["CHAT"]);
    pair.bob.seconds(2);
    pair.bob.screen();
    pair.alice("do you hear me?");
    assert_eq!(
        pair.said(),
        both(
            "[you -> bob] do you hear me?\n* the private chat with bob has ended",
            "[alice -> you] do you hear me?"
        )
    );
}

#[test]
fn an_answer_that_comes_too_late_begins_nothing() {
    let mut pair = Pair::new();
    pair.alice("/chat bob");
    pair.bob.line("/ok");
    pair.alice.seconds(60);
    pair.settle();
    assert_eq!(
        pair.alice.prompt.as_ref().unwrap().place,
        Place::Group("CHAT".to_owned())
    );
    assert_eq!(
        pair.bob.prompt.as_ref().unwrap().place,
        Place::Group("CHAT".to_owned())
    );
}

#[test]
fn answers_that_nobody_waits_for_are_errors() {
    let mut pair = Pair::new();
    pair.alice("/ok");
    pair.alice("/reject bob");
    pair.alice("/end");
    assert_eq!(
        pair.alice.said(),
        "! nobody has asked for a private chat\n\
         ! bob has not asked for a private chat\n\
         ! you are in no private chat"
    );
    pair.alice("/chat bob");
    pair.alice("/chat bob");
    assert!(
        pair.alice
            .said()
            .ends_with("! you have asked bob already; usage: /end")
    );
}

#[test]
fn requests_are_records() {
    let mut config = json("bob", &["CHAT"]);
    config.input = Input::Typed;
    let mut pair = Pair::of(typed("alice", &["CHAT"]), config);
    pair.bob.reported();
    pair.alice("/chat bob");
    pair.bob("/ok");
    pair.alice("/end");
    pair.alice("/chat bob");
    pair.seconds(60);
    let states: Vec<String> = pair
        .bob
        .records
        .iter()
        .map(|record| record["state"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(states, ["asked", "ok", "ended", "asked", "timeout"]);
    for record in &pair.bob.records {
        assert_eq!(record["event"], "request");
        assert_eq!(record["name"], "alice");
        assert_eq!(record.get("own"), None, "it was alice's doing");
    }
}

#[test]
fn what_we_do_about_requests_ourselves_is_a_record_too() {
    let mut config = json("alice", &["CHAT"]);
    config.input = Input::Typed;
    let mut pair = Pair::of(config, typed("bob", &["CHAT"]));
    pair.alice.reported();
    pair.alice("/chat bob");
    pair.alice("/end");
    pair.bob("/chat alice");
    pair.alice("/reject");
    pair.bob("/chat alice");
    pair.alice("/ok");
    pair.alice("/end");
    let states: Vec<(&str, bool)> = pair
        .alice
        .records
        .iter()
        .map(|record| (record["state"].as_str().unwrap(), record["own"] == true))
        .collect();
    assert_eq!(
        states,
        [
            ("asked", true),
            ("ended", true),
            ("asked", false),
            ("rejected", true),
            ("asked", false),
            ("ok", false),
            ("ended", true),
        ]
    );
}

#[test]
fn what_is_said_to_all_is_not_taken_for_what_is_said_in_private() {
    let mut pair = talking();
    pair.alice("psst");
    pair.alice("/all fire drill, bob");
    assert_eq!(
        pair.bob.said(),
        "[alice -> you] psst\n[alice -> all] fire drill, bob"
    );
    let mut config = json("bob", &["CHAT"]);
    config.input = Input::Typed;
    let mut pair = Pair::of(typed("alice", &["CHAT"]), config);
    pair.bob.reported();
    pair.alice("/all fire drill");
    pair.alice("/msg bob psst");
    let alice = "\"name\":\"alice\",\"peer\":\"a1111111111111111111111111111111\"";
    assert_eq!(
        pair.bob.reported(),
        [
            format!("{{\"all\":true,\"event\":\"whisper\",{alice},\"text\":\"fire drill\"}}"),
            format!("{{\"event\":\"whisper\",{alice},\"text\":\"psst\"}}"),
        ]
        .join("\n")
    );
}

#[test]
fn why_a_peer_is_away_is_in_the_records_of_lists() {
    let mut config = json("bob", &["CHAT"]);
    config.input = Input::Typed;
    let mut pair = Pair::of(typed("alice", &["CHAT"]), config);
    let reason = format!("lunch\u{1b} {}", "x".repeat(100));
    pair.alice(&format!("/away {reason}"));
    pair.bob.reported();
    pair.bob("/list");
    assert_eq!(pair.bob.records[0]["away"], reason);
}

#[test]
fn away_is_shown_to_those_who_are_here_and_those_who_come() {
    let mut pair = Pair::new();
    pair.alice("/away lunch");
    pair.bob("/msg alice hi");
    pair.bob("/msg alice hi again");
    pair.bob("/list");
    pair.alice("/back");
    pair.alice("/back");
    assert_eq!(
        pair.said(),
        both(
            "* you are away: lunch\n\
             [bob -> you] hi\n\
             [bob -> you] hi again\n\
             * you are back\n\
             * you were not away",
            "* alice is away: lunch\n\
             [you -> alice] hi\n\
             * alice is away: lunch\n\
             [you -> alice] hi again\n\
             name   id        address           groups  since\n\
             alice  a1111111  10.0.0.161:49152  CHAT    21:04:05  (away: lunch)\n\
             bob    b0111111  10.0.0.1:49152    CHAT    21:04:05  (you)\n\
             * alice is back"
        )
    );
    pair.alice("/away");
    pair.alice.asked();
    pair.alice.enter(CAROL, "carol", &["CHAT"]);
    pair.alice.enter_foreign(id(0xD0), "dave", &["CHAT"]);
    assert_eq!(pair.alice.sent(), ["ca: "], "only carol is a zchat");
    assert_eq!(pair.bob.said(), "* alice is away");
    pair.alice(&format!("/away {}", "x".repeat(257)));
    assert!(
        pair.alice
            .said()
            .ends_with("! the text is 257 octets long, more than 256")
    );
}

#[test]
fn a_peer_is_asked_for_its_own_list() {
    let mut pair = Pair::new();
    pair.bob.enter(CAROL, "Carol Ann", &["DEV"]);
    pair.bob.enter(id(0xD1), "dave", &["DEV"]);
    // Alice knows two of them, one by another name.
    pair.alice.enter(CAROL, "Carol Ann", &["DEV"]);
    pair.alice.enter(id(0xC7), "Carol Ann", &["DEV"]);
    pair.alice.enter(id(0xD1), "david", &["DEV"]);
    pair.bob.enter_foreign(id(0xD0), "d\u{1b}ave", &["CHAT"]);
    pair.bob.seconds(3);
    pair.bob.said();
    pair.alice("/select bob");
    assert_eq!(
        pair.said(),
        both(
            "* bob is connected to 4 peers\n\
             name            id        address           groups  since\n\
             Carol Ann~ca11  ca111111  10.0.0.202:49152  DEV     21:04:08\n\
             alice           a1111111  10.0.0.161:49152  CHAT    21:04:05  (you)\n\
             dave            d1111111  10.0.0.209:49152  DEV     21:04:08\n\
             d␛ave           d0111111  10.0.0.208:49152  CHAT    21:04:08  (not connected here)",
            ""
        )
    );
}

#[test]
fn a_list_of_thousands_is_cut_and_counted() {
    let mut pair = Pair::new();
    for number in 0_u16..1_000 {
        let [high, low] = number.to_be_bytes();
        let mut peer = [0x22; 16];
        (peer[0], peer[1]) = (high, low);
        let peer = PeerId::from_bytes(peer);
        pair.bob.enter(peer, &format!("{number:x<255}"), &["CHAT"]);
    }
    pair.alice.said();
    pair.alice("/select bob");
    let said = pair.alice.said();
    assert!(said.starts_with("* bob is connected to 1001 peers\n"));
    let rows = said
        .lines()
        .filter(|line| line.contains("not connected here") || line.ends_with("(you)"))
        .count();
    assert!(said.ends_with(&format!("* bob knows {} more", 1_001 - rows)));
    assert!((100..=256).contains(&rows), "{rows}");
}

#[test]
fn a_list_that_does_not_come_is_given_up() {
    let mut pair = Pair::new();
    pair.alice.line("/select bob");
    pair.alice.asked();
    pair.alice.seconds(5);
    assert_eq!(pair.alice.said(), "! bob did not answer");
}

#[test]
fn records_of_another_ones_list_say_whose_it_is() {
    let mut config = json("alice", &["CHAT"]);
    config.input = Input::Typed;
    let mut pair = Pair::of(config, typed("bob", &["CHAT"]));
    pair.bob.enter(CAROL, "carol", &["DEV"]);
    pair.alice.reported();
    pair.alice("/select bob");
    assert_eq!(pair.alice.records[0]["peer"], ALICE.to_string());
    let record = &pair.alice.records[1];
    assert_eq!(record["event"], "peer");
    assert_eq!(record["from"], BOB.to_string());
    assert_eq!(record["peer"], CAROL.to_string());
    assert_eq!(record["endpoint"], endpoint(CAROL));
    assert_eq!(record["groups"][0], "DEV");
    assert_eq!(record["headers"]["X-ZCHAT"], "1");
    assert_eq!(record["since"], "2026-11-20T20:04:08.000Z");
}

#[test]
fn an_action_is_an_action_over_there() {
    let mut pair = Pair::new();
    pair.alice("/me waves at bob");
    pair.alice("/msg bob * not an action");
    assert_eq!(
        pair.bob.said(),
        "[CHAT] * alice waves at bob\n[alice -> you] * not an action"
    );
}

#[test]
fn a_new_name_is_told_and_used() {
    let mut pair = Pair::new();
    pair.alice("/rename \"al ice\"");
    pair.alice("hi");
    assert_eq!(
        pair.said(),
        both(
            "* you are now known as al ice\n[CHAT] al ice: hi",
            "* alice is now known as al ice\n[CHAT] al ice: hi"
        )
    );
}

#[test]
fn an_ignored_peer_may_take_other_names_and_nobody_is_told() {
    let mut pair = Pair::new();
    pair.bob("/ignore alice");
    pair.bob.said();
    pair.alice("/rename mallory");
    pair.alice("/rename robert");
    assert_eq!(pair.bob.said(), "");
    pair.bob("/ignore");
    assert_eq!(pair.bob.said(), "* you ignore robert (0 not shown)");
}

#[test]
fn an_ignored_peer_gets_no_answer() {
    let mut pair = Pair::new();
    pair.bob("/ignore alice");
    pair.bob.said();
    pair.alice("/chat bob");
    pair.alice("/away");
    pair.alice("/select bob");
    pair.seconds(60);
    assert_eq!(pair.bob.said(), "");
    assert!(pair.alice.said().contains("bob did not answer the request"));
}

/// What one chat told its node arrives at another.
fn relay(from: &mut Chat, to: &mut Chat, between: (PeerId, PeerId)) {
    for event in carry(from, between.0, between.1) {
        to.event(event);
    }
}
