//! The program under attack: two chats that talk through pipes, as people would type.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use zchat::zre::PeerId;

use crate::figure::figure;
use crate::ground::{ALICE, Attack, BOB, DESCRIPTORS, MEMORY_MIB, aliases, begin, field, peer};
use crate::lab::Lab;
use crate::measure::Watch;
use crate::program::{self, Program};
use crate::{notes, peers};

#[test]
fn chats_that_are_asked_for_private_chats_without_end() {
    withstands("requests without end", &[notes::private_chats]);
}

#[test]
fn chats_to_which_somebody_is_away_and_back_without_end() {
    withstands("away and back without end", &[notes::away]);
}

#[test]
fn chats_that_are_told_what_is_no_note() {
    withstands("notes that are none", &[notes::mangled]);
}

#[test]
fn chats_among_peers_that_rename_themselves_and_join_and_leave_without_end() {
    withstands(
        "renames, JOIN and LEAVE without end",
        &[peers::rename_at_once, peers::flap],
    );
}

#[test]
fn chats_under_everything_at_once_that_is_made_for_them() {
    withstands(
        "all that is made for chats",
        &[
            notes::private_chats,
            notes::away,
            notes::mangled,
            peers::rename_at_once,
            peers::rename_without_end,
            peers::flap,
            peers::whisper_without_end,
            peers::hundreds_deaf,
        ],
    );
}

/// How long the attacks go on.
const TIME: Duration = Duration::from_secs(4);

/// How long what was said under an attack may take, on a machine that is busy with it.
const LONG: Duration = Duration::from_secs(60);

/// How often each of the two says something.
const PAUSE: Duration = Duration::from_millis(5);

/// The most lines in the log of each.
const LINES: usize = 20;

/// Neither misses a line that the other has said, or gets one twice; the program stays within its limits,
/// logs next to nothing, and leaves as cleanly as ever.
fn withstands(name: &str, attacks: &[Attack]) {
    let Some(lab) = Lab::new(3) else { return };
    aliases(&lab);
    let (mut alice, alice_is, alice_log) = start(&lab, ALICE, "alice");
    let (mut bob, bob_is, bob_log) = start(&lab, BOB, "bob");
    let bob_at = met(&mut alice, "bob");
    let alice_at = met(&mut bob, "alice");
    let mut field = field((alice_is, alice_at), (bob_is, bob_at));
    field.until = Instant::now() + TIME;
    let watch = Watch::begin(alice.id().into());
    let marks = [alice.mark(), bob.mark()];
    let attacking = begin(&lab, &field, attacks);
    let mut said = 0;
    while !attacking.iter().all(JoinHandle::is_finished) {
        alice.say(&format!("line {said}"));
        bob.say(&format!("line {said}"));
        said += 1;
        thread::sleep(PAUSE);
    }
    for attack in attacking {
        attack.join().expect("an attack does not fail by itself");
    }
    let real = field.real.lock().unwrap().clone();
    heard(&mut alice, marks[0], bob_is, said, &real);
    heard(&mut bob, marks[1], alice_is, said, &real);
    let most = watch.end();
    let deeds = field.deeds.load(std::sync::atomic::Ordering::Relaxed);
    figure(&format!(
        "the program under {name}: {deeds} times, {said} lines each way; {} MiB, {} descriptors",
        most.megabytes(),
        most.descriptors
    ));
    assert!(most.megabytes() < MEMORY_MIB, "{most:?}");
    assert!(most.descriptors < DESCRIPTORS, "{most:?}");
    for mut program in [alice, bob] {
        program.end_input();
        // Hostile members of the group may not say that they have read what was said: that is told.
        let end = program.wait_for_end();
        assert!(matches!(end.code(), Some(0 | 1)), "{end}");
    }
    for path in [alice_log, bob_log] {
        let log = fs::read_to_string(&path).expect("all that is logged is text");
        fs::remove_file(&path).unwrap();
        assert!(log.lines().count() <= LINES, "{log}");
    }
}

fn start(lab: &Lab, host: u8, name: &str) -> (Program, PeerId, std::path::PathBuf) {
    let file = format!(
        "zchat-hostile-{}-{name}-{}.log",
        std::process::id(),
        crate::field::fresh().short(8)
    );
    let path = std::env::temp_dir().join(file);
    let mut command = lab.command(host, program::zchat());
    command.args(["--name", name, "--json", "--wait", "2"]);
    command.env_remove("ZCHAT_INTERFACE").env_remove("RUST_LOG");
    command.stderr(File::create(&path).unwrap());
    let mut program = Program::start(name, &mut command);
    let id = peer(&program.event("start", name).line);
    (program, id, path)
}

fn met(program: &mut Program, name: &str) -> std::net::SocketAddr {
    let enter = program.event("enter", name).line;
    program.event("join", name);
    let at = enter["endpoint"].as_str().unwrap_or_default();
    at.trim_start_matches("tcp://")
        .parse()
        .expect("an endpoint")
}

/// Waits until all lines have come from this peer, each once and in order; nothing else was told of it,
/// and nobody has come who is nobody.
fn heard(program: &mut Program, mark: usize, from: PeerId, said: u64, real: &BTreeSet<PeerId>) {
    let is_from = |line: &Value| line["peer"].is_string() && peer(line) == from;
    let last = format!("line {}", said - 1);
    program.wait_after(mark, LONG, "the last line", |line| {
        is_from(line) && line["text"] == *last
    });
    let mut due = 0;
    for line in program.seen().skip(mark) {
        if is_from(line) {
            assert_eq!(
                line["event"], "shout",
                "something has happened to it: {line}"
            );
            assert_eq!(line["text"], format!("line {due}"), "lost or out of order");
            due += 1;
        } else if line["event"] == "enter" {
            assert!(real.contains(&peer(line)), "a ghost: {line}");
        }
    }
    assert_eq!(due, said);
}
