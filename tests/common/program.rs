//! A program that a test runs, writes lines to, and reads JSON lines from.
//!
//! Include it with `#[path = "../common/program.rs"] mod program;`. Where it runs (a host of the
//! laboratory, the loopback interface) is in the `Command` that the test gives.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "no test binary uses everything, and none is used from outside"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a test waits for anything that must happen: far longer than it ever takes, even on a
/// machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// A running program. It is killed when it is dropped.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<(Instant, String)>,
    /// Every line so far, with the time when it was read.
    seen: Vec<(Instant, Value)>,
    started: Instant,
}

impl Program {
    /// Starts a program that tests call `name`.
    pub fn start(name: &str, command: &mut Command) -> Self {
        let started = Instant::now();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let stdout = child.stdout.take().expect("it is piped");
        let (sender, lines) = channel();
        thread::Builder::new()
            .name(format!("{name} stdout"))
            .spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if sender.send((Instant::now(), line)).is_err() {
                        return;
                    }
                }
            })
            .expect("a thread can be started");
        Self {
            name: name.to_owned(),
            stdin: child.stdin.take(),
            child,
            lines,
            seen: Vec::new(),
            started,
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// When its process was started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Writes one line to it.
    pub fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("its input is still open");
        writeln!(stdin, "{line}").unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// Ends its input.
    pub fn end_input(&mut self) {
        self.stdin = None;
    }

    /// Waits for a line, also an earlier one, that is what is asked for.
    pub fn wait(&mut self, what: &str, accept: impl Fn(&Value) -> bool) -> Seen {
        self.wait_after(0, PATIENCE, what, accept)
    }

    /// The same, but only for lines after the first `mark`, and for as long as `patience` says.
    pub fn wait_after(
        &mut self,
        mark: usize,
        patience: Duration,
        what: &str,
        accept: impl Fn(&Value) -> bool,
    ) -> Seen {
        let deadline = Instant::now() + patience;
        let mut next = mark;
        loop {
            while let Some((at, line)) = self.seen.get(next) {
                if accept(line) {
                    return Seen {
                        at: *at,
                        line: line.clone(),
                    };
                }
                next += 1;
            }
            if !self.read_until(deadline) {
                panic!(
                    "{} shows no {what}; it has shown:\n{}",
                    self.name,
                    self.shown()
                );
            }
        }
    }

    /// Waits for a line with this event, about this peer.
    pub fn event(&mut self, event: &str, name: &str) -> Seen {
        self.event_after(0, event, name)
    }

    /// The same, but only for lines after the first `mark`.
    pub fn event_after(&mut self, mark: usize, event: &str, name: &str) -> Seen {
        let what = format!("{event} of {name}");
        self.wait_after(mark, PATIENCE, &what, |line| {
            line["event"] == event && line["name"] == name
        })
    }

    /// The first line after the first `mark` that is what is asked for, if there is one before
    /// `deadline`.
    pub fn find_until(
        &mut self,
        mark: usize,
        deadline: Instant,
        accept: impl Fn(&Value) -> bool,
    ) -> Option<Value> {
        let mut next = mark;
        while let Some(line) = self.next_until(next, deadline) {
            if accept(&line) {
                return Some(line);
            }
            next += 1;
        }
        None
    }

    /// How many lines it has shown so far.
    pub fn mark(&mut self) -> usize {
        while let Ok(line) = self.lines.try_recv() {
            self.keep(line);
        }
        self.seen.len()
    }

    /// Everything it has shown so far.
    pub fn seen(&mut self) -> impl Iterator<Item = &Value> {
        self.mark();
        self.seen.iter().map(|(_, line)| line)
    }

    /// The first line after the first `mark`, if there is one before `deadline`.
    pub fn next_until(&mut self, mark: usize, deadline: Instant) -> Option<Value> {
        while self.seen.len() <= mark && self.read_until(deadline) {}
        self.seen.get(mark).map(|(_, line)| line.clone())
    }

    /// Waits until it has ended by itself.
    pub fn wait_for_end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        // Its output ends with it.
        while self.read_until(deadline) {}
        if Instant::now() >= deadline {
            panic!(
                "{} does not end; it has shown:\n{}",
                self.name,
                self.shown()
            );
        }
        self.child.wait().expect("it can be waited for")
    }

    /// Reads one more line; whether there was one.
    fn read_until(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(left) {
            Ok(line) => {
                self.keep(line);
                true
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        }
    }

    fn keep(&mut self, (at, line): (Instant, String)) {
        let value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{} shows {line:?}: {error}", self.name));
        self.seen.push((at, value));
    }

    /// Everything it has shown so far, for people.
    pub fn shown(&self) -> String {
        let lines = self.seen.iter().map(|(at, line)| {
            let after = at.duration_since(self.started);
            format!("  {:9.3} {line}\n", after.as_secs_f64())
        });
        lines.collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already; that is no error here.
        let _killed = self.child.kill();
        let _status = self.child.wait();
    }
}

/// A line that was waited for.
#[derive(Debug, Clone)]
pub struct Seen {
    /// When it was read.
    pub at: Instant,
    /// What it says.
    pub line: Value,
}

/// The program itself: the one that was built for the tests, unless `ZCHAT_PROGRAM` names another, such
/// as that of a release.
pub fn zchat() -> PathBuf {
    std::env::var_os("ZCHAT_PROGRAM").map_or_else(built_for_tests, PathBuf::from)
}

fn built_for_tests() -> PathBuf {
    env!("CARGO_BIN_EXE_zchat").into()
}

/// The scripted peer, docs/examples/peer.rs.
///
/// # Panics
///
/// If it has not been built: `cargo test` builds examples only where no target is named.
pub fn scripted_peer() -> PathBuf {
    let path = built_for_tests().with_file_name("examples").join("peer");
    assert!(
        path.exists(),
        "{} is missing; `cargo test --no-run` builds it",
        path.display()
    );
    path
}
