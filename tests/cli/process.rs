//! A zchat as a process, with its pipes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::UdpSocket;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before a test fails: far more than it ever should.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A beacon port that no other test uses, also none of another run on this machine.
pub fn free_port() -> u16 {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    socket.local_addr().unwrap().port()
}

/// The program with these arguments (words between spaces), on loopback, and nothing of our
/// environment that could change what it does.
pub fn command(port: u16, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zchat"));
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("ZCHAT_") {
            command.env_remove(variable);
        }
    }
    command
        .env_remove("RUST_LOG")
        .env_remove("NO_COLOR")
        .args(["--interface", "lo", "--port", &port.to_string()])
        .args(arguments.split_whitespace());
    command
}

/// A process that does not outlive its test.
struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running program.
pub struct Zchat {
    child: Guarded,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    errors: thread::JoinHandle<String>,
    /// What it has printed so far, as far as it was waited for.
    pub seen: Vec<String>,
}

impl Zchat {
    pub fn start(port: u16, arguments: &str) -> Self {
        Self::spawn(&mut command(port, arguments))
    }

    /// One that others can see: it waits until the node is up, which is told by JSON alone.
    pub fn start_json(port: u16, arguments: &str) -> Self {
        let mut zchat = Self::start(port, &format!("--json {arguments}"));
        zchat.wait_for("\"event\":\"start\"");
        zchat
    }

    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in stdout.lines() {
                if sender.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        let mut stderr = child.stderr.take().unwrap();
        let errors = thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        Self {
            stdin: child.stdin.take(),
            child: Guarded(child),
            lines,
            errors,
            seen: Vec::new(),
        }
    }

    pub fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Writes a line to its stdin.
    pub fn say(&mut self, line: &str) {
        self.write(format!("{line}\n").as_bytes());
    }

    pub fn write(&mut self, octets: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(octets).unwrap();
        stdin.flush().unwrap();
    }

    /// Its stdin, to be written by another thread.
    pub fn take_stdin(&mut self) -> ChildStdin {
        self.stdin.take().unwrap()
    }

    /// Ends its input.
    pub fn close(&mut self) {
        self.stdin = None;
    }

    /// Waits for a line that contains this text, and returns it. Lines before it are looked at once.
    pub fn wait_for(&mut self, text: &str) -> String {
        self.wait_until(text, |line| line.contains(text))
    }

    pub fn wait_until(&mut self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if is_it(&line) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("no {what:?} in time; seen: {:#?}", self.seen)
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("it ended without {what:?}; seen: {:#?}", self.seen)
                }
            }
        }
    }

    /// Waits for its end: status, all lines, and what is on stderr.
    pub fn finish(mut self) -> Finished {
        let status = self.wait();
        self.seen.extend(self.lines.iter());
        Finished {
            status,
            lines: self.seen,
            errors: self.errors.join().unwrap(),
        }
    }

    /// Ends its input, and waits for its end.
    pub fn end(mut self) -> Finished {
        self.close();
        self.finish()
    }

    fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.0.try_wait().unwrap() {
                return status;
            }
            thread::park_timeout(Duration::from_millis(2));
        }
        panic!("it does not end; seen: {:#?}", self.seen);
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: &str) {
        let id = self.child.0.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Drops what it prints from now on: the reading end of its stdout is closed with this.
    pub fn pid_memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

/// What is left of a program that has ended.
#[derive(Debug)]
pub struct Finished {
    pub status: ExitStatus,
    pub lines: Vec<String>,
    pub errors: String,
}

impl Finished {
    pub fn code(&self) -> i32 {
        self.status.code().expect("it was not killed")
    }

    /// The lines that contain this text.
    pub fn with(&self, text: &str) -> Vec<&str> {
        let lines = self.lines.iter().map(String::as_str);
        lines.filter(|line| line.contains(text)).collect()
    }
}

/// The value of a field of a line of JSON.
pub fn field(line: &str, name: &str) -> serde_json::Value {
    let value: serde_json::Value = serde_json::from_str(line).unwrap();
    value[name].clone()
}
