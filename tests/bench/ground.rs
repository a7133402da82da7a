//! Where programs are measured: hosts of our own, or the loopback interface where none can be made.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use crate::lab::Lab;
use crate::program::Program;

/// How long anything is waited for that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Hosts, or one that plays all of them.
pub(crate) struct Ground {
    lab: Option<Lab>,
    /// The beacon port where all are on one interface: that of nobody else.
    port: u16,
}

impl Ground {
    /// Hosts 1 up to `hosts`.
    pub(crate) fn new(hosts: u8) -> Self {
        static PORT: AtomicU16 = AtomicU16::new(15_670);
        let lab = Lab::new(hosts);
        if lab.is_none() {
            eprintln!("bench: no hosts can be made: everything is on the loopback interface");
        }
        Self {
            lab,
            port: PORT.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Whether each host has a network stack of its own.
    pub(crate) fn has_hosts(&self) -> bool {
        self.lab.is_some()
    }

    /// Where a host is reached.
    pub(crate) fn address(&self, host: u8) -> Ipv4Addr {
        match self.lab {
            Some(_) => Lab::address(host),
            None => Ipv4Addr::LOCALHOST,
        }
    }

    /// Gives a host one more address.
    pub(crate) fn add_address(&self, host: u8, address: Ipv4Addr) {
        if let Some(lab) = &self.lab {
            lab.ip(host, &format!("addr add {address}/24 brd + dev eth0"));
        }
    }

    /// A program in a host.
    pub(crate) fn command(&self, host: u8, program: &Path) -> Command {
        let mut command = match &self.lab {
            Some(lab) => lab.command(host, program),
            None => Command::new(program),
        };
        command.stderr(Stdio::null());
        command
    }

    /// Runs a closure in a host.
    pub(crate) fn run<T: Send>(&self, host: u8, work: impl FnOnce() -> T + Send) -> T {
        match &self.lab {
            Some(lab) => lab.run(host, work),
            None => work(),
        }
    }

    /// A node: the scripted peer, or the many nodes of the mesh, with these options.
    pub(crate) fn node(&self, host: u8, example: &str, name: &str, options: &[&str]) -> Program {
        let mut command = self.command(host, &built(example));
        command.args(options);
        if example == "peer" {
            command.args(["--name", name]);
        }
        if self.lab.is_none() {
            command.args(["--interface", "lo", "--port", &self.port.to_string()]);
        }
        Program::start(name, &mut command)
    }

    /// The same on Pyre, where that is installed; it needs a host to itself.
    pub(crate) fn pyre(&self, host: u8, name: &str, options: &[&str]) -> Option<Program> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join(".peers/python/bin/python");
        if self.lab.is_none() || !python.exists() {
            return None;
        }
        let mut command = self.command(host, &python);
        command.arg(root.join("tests/peers/pyre_peer.py"));
        command.args(["--name", name]).args(options);
        Some(Program::start(name, &mut command))
    }

    /// The program that knows nothing but ZeroMQ.
    pub(crate) fn raw(&self, host: u8, words: &[&str]) -> Program {
        let mut command = self.command(host, &built("raw"));
        Program::start("raw", command.args(words))
    }
}

/// An example, built with the same optimizations as this.
fn built(example: &str) -> PathBuf {
    let program = std::env::current_exe().expect("a process knows its program");
    let path = program
        .ancestors()
        .nth(2)
        .expect("it is in a folder of target")
        .join("examples")
        .join(example);
    assert!(
        path.exists(),
        "{} is missing; `make bench` builds it",
        path.display()
    );
    path
}
