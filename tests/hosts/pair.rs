//! Programs on hosts whose network is taken away and given back, and whether they are whole again:
//! everybody hears everybody, in the group, in both directions.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::figure::figure;
use crate::lab::Lab;
use crate::program::{self, PATIENCE, Program};

/// How long it may take until everything is well again once the network is. Two seconds are promised, and
/// proven in virtual time (`tests/sim/presence.rs`). Up to 1.7 of them are spent in waiting: for the next
/// beacon, for the answer to a question, for the next dial. So what a slow machine needs besides is not
/// much, and still more than what is left: here it is a figure, and four times as long is too long.
pub(crate) const LIMIT: Duration = Duration::from_secs(8);

/// How often it is tried whether they hear each other.
const TRY: Duration = Duration::from_millis(50);

/// Options by which peers that are gone are given up soon.
pub(crate) const HASTY: &[&str] = &["--evasive", "800", "--expired", "2500"];

/// Some programs, one on each host, which are in one group.
pub(crate) struct Talk {
    /// The first is alice on host 1, the second bob on host 2, and so on.
    pub(crate) programs: Vec<Program>,
    /// What they are called, in the same order.
    pub(crate) named: Vec<&'static str>,
    tries: u32,
}

impl Talk {
    /// Programs on the first hosts, which need not hear each other yet.
    pub(crate) fn start(lab: &Lab, names: &[&'static str], options: &[&str]) -> Self {
        let programs = names.iter().zip(1..);
        let programs = programs.map(|(name, host)| zchat(lab, host, name, options));
        Self::of(programs.collect(), names.to_vec())
    }

    /// These programs, which are called so.
    pub(crate) fn of(programs: Vec<Program>, named: Vec<&'static str>) -> Self {
        Self {
            programs,
            named,
            tries: 0,
        }
    }

    /// alice on host 1 and bob on host 2, who have met.
    pub(crate) fn pair(lab: &Lab, options: &[&str]) -> Self {
        let mut pair = Self::start(lab, &["alice", "bob"], options);
        pair.whole_within(PATIENCE);
        pair
    }

    pub(crate) fn alice(&mut self) -> &mut Program {
        &mut self.programs[0]
    }

    pub(crate) fn bob(&mut self) -> &mut Program {
        &mut self.programs[1]
    }

    /// Waits until each hears each other in the group; how long that took. What is heard was said
    /// after the call.
    pub(crate) fn whole_within(&mut self, limit: Duration) -> Duration {
        let begun = Instant::now();
        let first = self.tries + 1;
        let marks: Vec<usize> = self.programs.iter_mut().map(Program::mark).collect();
        let mut missing: Vec<(usize, usize)> = pairs(self.programs.len()).collect();
        while !missing.is_empty() {
            let passed = begun.elapsed();
            if passed > limit {
                for program in &self.programs {
                    eprintln!("{}", program.shown());
                }
                panic!("not whole after {passed:?}; who does not hear whom: {missing:?}");
            }
            self.tries += 1;
            for program in &mut self.programs {
                program.say(&format!("try {}", self.tries));
            }
            let until = Instant::now() + TRY;
            missing.retain(|(hears, says)| {
                let said_now = |text: &str| {
                    let number = text.strip_prefix("try ")?.parse::<u32>().ok()?;
                    (number >= first).then_some(())
                };
                let program = &mut self.programs[*hears];
                let found = program.find_until(marks[*hears], until, |line| {
                    let text = line["text"].as_str().unwrap_or_default();
                    line["event"] == "shout"
                        && line["name"] == self.named[*says]
                        && said_now(text).is_some()
                });
                found.is_none()
            });
        }
        begun.elapsed()
    }

    /// The same, told as a figure; in time.
    pub(crate) fn is_soon_whole(&mut self, after: &str) {
        let span = self.whole_within(LIMIT);
        let milliseconds = span.as_secs_f64() * 1e3;
        figure(&format!("whole again after {after}: {milliseconds:.0} ms"));
    }

    /// Waits until each has given up each that it knew when this was called.
    pub(crate) fn are_parted(&mut self) {
        for (here, gone) in pairs(self.programs.len()).collect::<Vec<_>>() {
            let name = self.named[gone];
            let program = &mut self.programs[here];
            let of = |line: &Value, event: &str| line["event"] == event && line["name"] == name;
            let entered = program.seen().filter(|line| of(line, "enter")).count();
            let mut mark = 0;
            for _ in 0..entered {
                let what = format!("another exit of {name}");
                program.wait_after(mark, PATIENCE, &what, |line| of(line, "exit"));
                let exit = program.seen().skip(mark).position(|line| of(line, "exit"));
                mark += exit.expect("it was seen") + 1;
            }
        }
    }

    /// How often anybody was said to be gone so far.
    pub(crate) fn exits(&mut self) -> usize {
        let exits = |program: &mut Program| {
            let lines = program.seen();
            lines.filter(|line| line["event"] == "exit").count()
        };
        self.programs.iter_mut().map(exits).sum()
    }
}

fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    let all = (0..count).flat_map(move |one| (0..count).map(move |other| (one, other)));
    all.filter(|(one, other)| one != other)
}

/// Starts zchat on a host, and waits until its node runs.
pub(crate) fn zchat(lab: &Lab, host: u8, name: &str, options: &[&str]) -> Program {
    let mut command = lab.command(host, program::zchat());
    // It chooses its interface by itself.
    command.env_remove("ZCHAT_INTERFACE");
    command.args(["--json", "--name", name]).args(options);
    let mut program = Program::start(name, &mut command);
    program.event("start", name);
    program
}

/// Lets time pass in which nothing is to happen: as long as a network is away, for example.
pub(crate) fn pass(time: Duration) {
    let (_nobody, nothing) = std::sync::mpsc::channel::<()>();
    let _timeout = nothing.recv_timeout(time);
}
