//! What the log of the program says while it is attacked: it stays readable.

use std::fs::{self, File};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::field::fresh;
use crate::figure::figure;
use crate::ground::{ALICE, BOB, aliases, begin, endpoint, field};
use crate::lab::Lab;
use crate::program::{self, Program};
use crate::together::ATTACKS;

/// How long the attacks go on.
const TIME: Duration = Duration::from_secs(6);

/// The most lines in that time: a few for each thing that there is to warn of.
const LINES: usize = 20;

/// The longest line, in characters.
const COLUMNS: usize = 300;

#[test]
fn under_all_attacks_together_the_log_is_a_few_lines_that_no_terminal_obeys() {
    let Some(lab) = Lab::new(3) else { return };
    aliases(&lab);
    let path = std::env::temp_dir().join(format!("zchat-hostile-{}.log", std::process::id()));
    let mut command = lab.command(ALICE, program::zchat());
    command.args(["--name", "alice", "--json", "-v"]);
    command.env_remove("ZCHAT_INTERFACE").env_remove("RUST_LOG");
    command.stderr(File::create(&path).unwrap());
    let mut alice = Program::start("alice", &mut command);
    let bob = lab.command(BOB, program::scripted_peer());
    let mut bob = Program::start(
        "bob",
        { bob }
            .args(["--name", "bob", "--group", "CHAT"])
            .env_remove("ZCHAT_INTERFACE"),
    );
    let mailbox = endpoint(&bob.event("ENTER", "alice").line);
    let bob_at = alice.event("enter", "bob").line;
    let bob_at = bob_at["endpoint"].as_str().unwrap();
    let bob_at = bob_at.trim_start_matches("tcp://").parse().unwrap();
    let mut field = field((fresh(), mailbox), (fresh(), bob_at));
    field.until = Instant::now() + TIME;
    let attacks = begin(&lab, &field, &ATTACKS.map(|(_, attack)| attack));
    attacks
        .into_iter()
        .for_each(|attack: JoinHandle<()>| attack.join().unwrap());
    alice.end_input();
    assert!(alice.wait_for_end().success());
    let log = fs::read_to_string(&path).expect("all that is logged is text");
    fs::remove_file(&path).unwrap();
    let longest = log.lines().map(|line| line.chars().count()).max();
    figure(&format!(
        "all attacks together, for {} s: {} lines in the log, the longest of {}",
        TIME.as_secs(),
        log.lines().count(),
        longest.unwrap_or(0)
    ));
    assert!(log.lines().count() <= LINES, "{log}");
    assert!(longest.unwrap_or(0) <= COLUMNS, "{log}");
    let is_safe = |octet: u8| octet == b'\n' || !octet.is_ascii_control();
    assert!(log.bytes().all(is_safe), "{log:?}");
    assert!(log.lines().all(|line| line.starts_with("zchat: ")), "{log}");
}
