//! A receiver that has stopped in the middle of everything (SIGSTOP), and is flooded.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::Bench;
use crate::figures::Of;
use crate::ground::{Ground, PATIENCE};
use crate::pair::float;
use crate::process::Usage;
use crate::program::Program;

const MESSAGES: u64 = 4_000_000;
const OCTETS: usize = 64;

/// How often the memory of the sender is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What the sender's memory grows to, and whether it is told of all that was not delivered.
pub(crate) fn stopped_receiver(bench: &mut Bench) {
    let ground = Ground::new(2);
    for _ in 0..bench.runs {
        let mut receiver = ground.node(1, "peer", "A", &["--count"]);
        let mut sender = ground.node(2, "peer", "B", &[]);
        receiver.event("ENTER", "B");
        sender.event("ENTER", "A");
        let before = Usage::of(sender.id()).megabytes;
        signal(&receiver, Signal::SIGSTOP);
        let start = Instant::now();
        sender.say(&format!("bench-whisper A {MESSAGES} {OCTETS}"));
        let mut most = before;
        let mut has_sent = false;
        while !has_sent {
            std::thread::sleep(LOOK);
            most = most.max(Usage::of(sender.id()).megabytes);
            has_sent = sender.seen().any(|line| line["event"] == "SENT");
            assert!(start.elapsed() < PATIENCE, "the sender is stuck");
        }
        let seconds = start.elapsed().as_secs_f64();
        // The last of what was refused is told within a moment.
        std::thread::sleep(Duration::from_secs(1));
        most = most.max(Usage::of(sender.id()).megabytes);
        let told = undelivered(&mut sender);
        signal(&receiver, Signal::SIGCONT);
        let received = received(&mut receiver);
        let figures = &mut bench.figures;
        let mut add = |what: &str, figure| {
            let what = format!("4,000,000 × 64 B to a stopped receiver: {what}");
            figures.add(Of::Zchat, &what, figure);
        };
        add("memory of the sender before, MB", before);
        add("most memory of the sender, MB", most);
        add("all handed over or refused after, s", seconds);
        add("told as not delivered", told);
        add("received when it went on", received);
        add(
            "neither received nor told",
            float(&MESSAGES.into()) - told - received,
        );
    }
}

fn undelivered(sender: &mut Program) -> f64 {
    sender
        .seen()
        .filter(|line| line["event"] == "UNDELIVERED")
        .map(|line| float(&line["count"]))
        .sum()
}

/// Waits until nothing more comes.
fn received(receiver: &mut Program) -> f64 {
    let mut all = 0.0;
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let mark = receiver.mark();
        receiver.say("summary");
        let counted = |line: &Value| line["event"] == "COUNTED";
        let some = receiver.wait_after(mark, PATIENCE, "COUNTED", counted).line;
        let some = float(&some["msgs"]);
        if some == 0.0 {
            return all;
        }
        all += some;
    }
}

fn signal(program: &Program, signal: Signal) {
    let process = i32::try_from(program.id()).expect("an id that fits");
    kill(Pid::from_raw(process), signal).expect("it runs");
}
