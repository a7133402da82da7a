//! Many messages: across the place where sequence numbers begin again, and right before a leave.

use std::time::Duration;

use crate::figure::figure;
use crate::program::Program;
use crate::world::{Foreign, World};

/// More than the 65,535 or 65,536 messages after which the numbers begin again.
const MESSAGES: u64 = 70_000;

/// Pyre drops what does not fit its queue of 3,000 messages, silently (trap 14), and takes about
/// 22,000 a second: it must not be asked to send faster than it can.
const PYRE_RATE: u64 = 10_000;

#[test]
fn seventy_thousand_whispers_to_pyre_arrive_complete_and_in_order() {
    to_foreign(Foreign::Pyre);
}

#[test]
fn seventy_thousand_whispers_to_zyre_js_arrive_complete_and_in_order() {
    to_foreign(Foreign::ZyreJs);
}

#[test]
fn seventy_thousand_whispers_from_pyre_arrive_complete_and_in_order() {
    from_foreign(Foreign::Pyre, Some(PYRE_RATE));
}

#[test]
fn seventy_thousand_whispers_from_zyre_js_arrive_complete_and_in_order() {
    from_foreign(Foreign::ZyreJs, None);
}

/// Goal: none is lost where the numbers wrap, though they count modulo 65,535 and Zyre modulo 65,536
/// (trap 1). Method: the receiver counts, and compares the numbers inside the messages.
pub(crate) fn to_foreign(foreign: Foreign) {
    let Some(world) = World::new(2) else { return };
    let expect = MESSAGES.to_string();
    let mut theirs = world.foreign(foreign, 1, "theirs", &["--count", "--expect", &expect]);
    let mut ours = world.ours(2, "ours", &[]);
    ours.event("ENTER", "theirs");
    theirs.event("ENTER", "ours");
    // As fast as it takes them: a node waits for a slow peer and loses nothing.
    ours.say(&format!("bench-whisper theirs {MESSAGES} 64"));
    all_arrive(&mut theirs, &format!("ours to {foreign:?}"));
    // And it is a peer as before: it hears us, and we hear it.
    ours.say("whisper theirs after the wrap");
    theirs.say("summary");
    theirs.say("whisper ours me too");
    ours.event("WHISPER", "theirs");
    let exits = ours.seen().filter(|line| line["event"] == "EXIT").count();
    assert_eq!(exits, 0);
}

pub(crate) fn from_foreign(foreign: Foreign, rate: Option<u64>) {
    let Some(world) = World::new(2) else { return };
    let expect = MESSAGES.to_string();
    let mut ours = world.ours(1, "ours", &["--count", "--expect", &expect]);
    let mut theirs = world.foreign(foreign, 2, "theirs", &[]);
    theirs.event("ENTER", "ours");
    ours.event("ENTER", "theirs");
    let rate = rate.map_or(String::new(), |rate| format!(" {rate}"));
    theirs.say(&format!("bench-whisper ours {MESSAGES} 64{rate}"));
    all_arrive(&mut ours, &format!("{foreign:?} to ours"));
    let events: Vec<_> = ours.seen().map(|line| line["event"].clone()).collect();
    assert_eq!(
        events,
        ["START", "ENTER", "COUNTED"],
        "nobody left or entered on the way"
    );
}

fn all_arrive(receiver: &mut Program, what: &str) {
    let patience = Duration::from_secs(60);
    let counted = receiver.wait_after(0, patience, "COUNTED", |line| line["event"] == "COUNTED");
    let line = counted.line;
    assert_eq!(line["msgs"], MESSAGES);
    assert_eq!(line["gaps"], 0, "in order, each once");
    let seconds = line["secs"].as_f64().unwrap();
    figure(&format!(
        "whisper of 64 octets, {what}: {:.0} a second",
        MESSAGES as f64 / seconds
    ));
}
