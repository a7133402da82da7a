//! Enter, join, leave, exit, and content of every form.

use std::time::{Duration, Instant};

use crate::figure::figure;
use crate::program::{PATIENCE, Program, Seen};
use crate::world::{Foreign, World};

#[test]
fn pyre_and_ours_are_full_members_of_each_others_groups() {
    full_members(Foreign::Pyre);
}

#[test]
fn zyre_js_and_ours_are_full_members_of_each_others_groups() {
    full_members(Foreign::ZyreJs);
}

/// Goal: each sees the other enter with name and headers, join and leave groups, shout and whisper.
/// Method: both are driven by their commands; after each one the other side must show it.
pub(crate) fn full_members(foreign: Foreign) {
    let Some(world) = World::new(2) else { return };
    let their_options = ["--group", "CHAT", "--header", "X-THEIRS=their = value"];
    let mut theirs = world.foreign(foreign, 1, "theirs", &their_options);
    let our_options = ["--group", "CHAT", "--header", "X-OURS=ünser Wert"];
    let mut ours = world.ours(2, "Zoë", &our_options);

    let enter = ours.event("ENTER", "theirs");
    assert_eq!(enter.line["headers"]["X-THEIRS"], "their = value");
    let enter = theirs.event("ENTER", "Zoë");
    assert_eq!(enter.line["headers"]["X-OURS"], "ünser Wert");
    in_group(&mut ours, 0, "JOIN", "theirs", "CHAT");
    in_group(&mut theirs, 0, "JOIN", "Zoë", "CHAT");

    ours.say("shout CHAT grüß euch 🌍 und eine zweite Zeile");
    content(
        &mut theirs,
        "SHOUT",
        "Zoë",
        "grüß euch 🌍 und eine zweite Zeile",
    );
    theirs.say("shout CHAT 你好, ours");
    content(&mut ours, "SHOUT", "theirs", "你好, ours");
    ours.say("whisper theirs nur für dich");
    content(&mut theirs, "WHISPER", "Zoë", "nur für dich");
    theirs.say("whisper Zoë только тебе");
    content(&mut ours, "WHISPER", "theirs", "только тебе");

    theirs.say("join second");
    in_group(&mut ours, 0, "JOIN", "theirs", "second");
    // We have not joined it: a shout to it is legal all the same (trap 13).
    ours.say("shout second from outside");
    let shout = content(&mut theirs, "SHOUT", "Zoë", "from outside");
    assert_eq!(shout.line["group"], "second");
    ours.say("join Grüße");
    in_group(&mut theirs, 0, "JOIN", "Zoë", "Grüße");
    ours.say("leave Grüße");
    in_group(&mut theirs, 0, "LEAVE", "Zoë", "Grüße");
    theirs.say("leave CHAT");
    in_group(&mut ours, 0, "LEAVE", "theirs", "CHAT");
    ours.say("shout CHAT nobody but us is here");
    ours.say("whisper theirs the last word");
    content(&mut theirs, "WHISPER", "Zoë", "the last word");
    assert!(
        !theirs
            .seen()
            .any(|line| line["text"] == "nobody but us is here"),
        "who has left a group gets no shout to it"
    );
}

#[test]
fn three_hundred_joins_and_leaves_keep_pyre_and_zyre_js() {
    // Goal: the status byte wraps at 256 and stays exact: a wrong one kills a Pyre node (trap 2).
    // Method: join and leave 150 groups, then shout to the one that is left.
    let Some(world) = World::new(3) else { return };
    let mut pyre = world.foreign(Foreign::Pyre, 1, "pyre", &["--group", "CHAT"]);
    let mut zyre_js = world.foreign(Foreign::ZyreJs, 2, "zyrejs", &["--group", "CHAT"]);
    let mut ours = world.ours(3, "ours", &[]);
    for name in ["pyre", "zyrejs"] {
        in_group(&mut ours, 0, "JOIN", name, "CHAT");
    }
    for number in 0..150 {
        ours.say(&format!("join group-{number}"));
        ours.say(&format!("leave group-{number}"));
    }
    ours.say("shout CHAT still here");
    for theirs in [&mut pyre, &mut zyre_js] {
        content(theirs, "SHOUT", "ours", "still here");
        let leaves = theirs
            .seen()
            .filter(|line| line["event"] == "LEAVE")
            .count();
        assert_eq!(leaves, 150);
        assert!(theirs.seen().all(|line| line["event"] != "EXIT"));
    }
}

#[test]
fn content_of_many_frames_goes_to_pyre_and_comes_from_it_whole() {
    let Some(world) = World::new(2) else { return };
    let mut pyre = world.foreign(Foreign::Pyre, 1, "pyre", &[]);
    let mut ours = world.ours(2, "ours", &[]);
    ours.event("ENTER", "pyre");
    pyre.event("ENTER", "ours");
    let frames = vec!["frame"; 200].join(" ");
    ours.say(&format!("frames pyre {frames}"));
    many_frames(&mut pyre, "ours");
    pyre.say(&format!("frames ours {frames}"));
    many_frames(&mut ours, "pyre");
}

pub(crate) fn many_frames(program: &mut Program, sender: &str) {
    let whisper = program.event("WHISPER", sender);
    assert_eq!(whisper.line["frames"], 200);
    assert_eq!(whisper.line["len"], 200 * "frame".len());
}

#[test]
fn a_pyre_name_that_is_cut_within_a_character_enters_all_the_same() {
    // Pyre counts characters where octets are meant: "aä" goes out as 61 c3 (trap 8).
    let Some(world) = World::new(2) else { return };
    let mut pyre = world.foreign(Foreign::Pyre, 1, "aä", &["--group", "CHAT"]);
    let mut ours = world.ours(2, "ours", &["--group", "CHAT"]);
    in_group(&mut ours, 0, "JOIN", "a\u{fffd}", "CHAT");
    pyre.event("ENTER", "ours");
    pyre.say("shout CHAT ä");
    content(&mut ours, "SHOUT", "a\u{fffd}", "ä");
    ours.say("whisper a\u{fffd} ö");
    content(&mut pyre, "WHISPER", "ours", "ö");
}

#[test]
fn a_clean_leave_is_seen_at_once_by_pyre_and_of_pyre() {
    leaves(Foreign::Pyre);
}

#[test]
fn a_clean_leave_is_seen_at_once_by_zyre_js_and_of_zyre_js() {
    leaves(Foreign::ZyreJs);
}

/// Goal: an orderly stop is seen long before anything expires.
/// Method: each side stops in turn; the time from the command to the other's EXIT is measured.
pub(crate) fn leaves(foreign: Foreign) {
    let Some(world) = World::new(2) else { return };
    let mut ours = world.ours(1, "ours", &[]);
    let mut theirs = world.foreign(foreign, 2, "theirs", &[]);
    ours.event("ENTER", "theirs");
    let said = Instant::now();
    theirs.say("quit");
    let exit = ours.event("EXIT", "theirs");
    seen_leaving(&format!("{foreign:?} leaves, seen by ours"), said, &exit);

    let mut theirs = world.foreign(foreign, 2, "again", &[]);
    theirs.event("ENTER", "ours");
    ours.event("ENTER", "again");
    let said = Instant::now();
    ours.say("quit");
    let exit = theirs.event("EXIT", "ours");
    seen_leaving(&format!("ours leaves, seen by {foreign:?}"), said, &exit);
    assert!(ours.wait_for_end().success());
}

fn seen_leaving(what: &str, said: Instant, exit: &Seen) {
    let after = exit.at.duration_since(said);
    figure(&format!("{what}: {:.1} ms", after.as_secs_f64() * 1e3));
    // Nothing is even asked before five seconds, and nothing expires before thirty.
    assert!(after < Duration::from_secs(5), "{what} after {after:?}");
}

/// Waits until a program shows that a peer has joined or left a group.
pub(crate) fn in_group(program: &mut Program, mark: usize, event: &str, name: &str, group: &str) {
    let what = format!("{event} of {name} in {group}");
    program.wait_after(mark, PATIENCE, &what, |line| {
        line["event"] == event && line["name"] == name && line["group"] == group
    });
}

/// Waits until a program shows this text from this peer, in one frame.
pub(crate) fn content(program: &mut Program, event: &str, name: &str, text: &str) -> Seen {
    let what = format!("{event} of {name}: {text}");
    let seen = program.wait(&what, |line| {
        line["event"] == event && line["name"] == name && line["text"] == text
    });
    if let Some(frames) = seen.line.get("frames") {
        assert_eq!(frames, 1, "text is one frame for whoever is not zchat");
    }
    seen
}
