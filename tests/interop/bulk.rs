//! Many messages: across the place where sequence numbers begin again, and right before a leave.

use std::time::{Duration, Instant};

use crate::figure::figure;
use crate::program::{PATIENCE, Program};
use crate::world::{Foreign, World};

/// More than the 65,535 or 65,536 messages after which the numbers begin again.
pub(crate) const MESSAGES: u64 = 70_000;

/// Pyre drops what does not fit its queue of 3,000 messages, silently (trap 14): it is asked to send so many,
/// and more when they have arrived.
const PYRE_AT_ONCE: u64 = 2_000;

/// How long all messages may take: a few seconds on a quiet machine.
const LONG: Duration = Duration::from_secs(240);

/// How often somebody is asked again for what a greeting may have swallowed.
const TRY: Duration = Duration::from_secs(1);

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
    from_foreign(Foreign::Pyre, PYRE_AT_ONCE);
}

#[test]
fn seventy_thousand_whispers_from_zyre_js_arrive_complete_and_in_order() {
    from_foreign(Foreign::ZyreJs, MESSAGES);
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
    let seconds = all_arrive(&mut theirs, 0, MESSAGES);
    tell_rate(&format!("ours to {foreign:?}"), seconds);
    hear_each_other(&mut ours, &mut theirs);
    let exits = ours.seen().filter(|line| line["event"] == "EXIT").count();
    assert_eq!(exits, 0);
}

/// It is a peer as before: it hears us, and we hear it.
///
/// Whoever is slow may just now be taking a greeting of ours, the one at the wrap or one that answers its
/// own: Pyre and Zyre then know nobody for a moment, and open their connection anew. What they are told to
/// say in that moment is lost, and that is theirs.
fn hear_each_other(ours: &mut Program, theirs: &mut Program) {
    let deadline = Instant::now() + PATIENCE;
    ours.say("whisper theirs after the wrap");
    loop {
        let mark = theirs.mark();
        theirs.say("summary");
        let is_count = |line: &serde_json::Value| line["event"] == "COUNTED";
        let counted = theirs.wait_after(mark, PATIENCE, "COUNTED", is_count);
        if counted.line["msgs"] == 1 {
            break;
        }
        assert_eq!(counted.line["msgs"], 0, "one whisper is one");
        assert!(Instant::now() < deadline, "theirs hears nothing of ours");
    }
    let mark = ours.mark();
    let is_heard =
        |line: &serde_json::Value| line["event"] == "WHISPER" && line["name"] == "theirs";
    loop {
        theirs.say("whisper ours me too");
        let soon = Instant::now() + TRY;
        if ours.find_until(mark, soon, is_heard).is_some() {
            break;
        }
        assert!(Instant::now() < deadline, "ours hears nothing of theirs");
    }
}

pub(crate) fn from_foreign(foreign: Foreign, at_once: u64) {
    let Some(world) = World::new(2) else { return };
    let expect = at_once.to_string();
    let mut ours = world.ours(1, "ours", &["--count", "--expect", &expect]);
    let mut theirs = world.foreign(foreign, 2, "theirs", &[]);
    theirs.event("ENTER", "ours");
    ours.event("ENTER", "theirs");
    let mut seconds = 0.0;
    for _ in 0..MESSAGES / at_once {
        let mark = ours.mark();
        theirs.say(&format!("bench-whisper ours {at_once} 64"));
        seconds += all_arrive(&mut ours, mark, at_once);
    }
    tell_rate(&format!("{foreign:?} to ours"), seconds);
    let events = ours.seen().map(|line| line["event"].clone());
    let others: Vec<_> = events.filter(|event| event != "COUNTED").collect();
    assert_eq!(
        others,
        ["START", "ENTER"],
        "nobody left or entered on the way"
    );
}

/// Waits until so many have arrived after the first `mark` lines; how many seconds they took.
fn all_arrive(receiver: &mut Program, mark: usize, messages: u64) -> f64 {
    let is_count = |line: &serde_json::Value| line["event"] == "COUNTED";
    let line = receiver.wait_after(mark, LONG, "COUNTED", is_count).line;
    assert_eq!(line["msgs"], messages);
    assert_eq!(line["gaps"], 0, "in order, each once");
    line["secs"].as_f64().unwrap()
}

fn tell_rate(what: &str, seconds: f64) {
    figure(&format!(
        "whisper of 64 octets, {what}: {:.0} a second",
        MESSAGES as f64 / seconds
    ));
}
