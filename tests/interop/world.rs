//! The place where these tests happen: hosts on a bridge, and the programs in them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::lab::Lab;
use crate::program::{self, Program};
use crate::skip::skip;

/// Hosts, and what is installed to run in them.
#[derive(Debug)]
pub(crate) struct World {
    lab: Lab,
    peers: PathBuf,
}

impl World {
    /// A world of so many hosts; `None` where this machine cannot have one, and the test is skipped.
    pub(crate) fn new(hosts: u8) -> Option<Self> {
        let Some(peers) = installed_peers() else {
            skip("tests/peers/install has not been run");
            return None;
        };
        Lab::new(hosts).map(|lab| Self { lab, peers })
    }

    /// Starts our scripted peer on a host, and waits until its node runs.
    pub(crate) fn ours(&self, host: u8, name: &str, options: &[&str]) -> Program {
        let mut command = self.lab.command(host, program::scripted_peer());
        self.start(name, command.args(["--name", name]).args(options))
    }

    /// Starts a foreign peer on a host, and waits until its node runs.
    pub(crate) fn foreign(
        &self,
        foreign: Foreign,
        host: u8,
        name: &str,
        options: &[&str],
    ) -> Program {
        let line = foreign.command_line(&self.peers);
        let mut command = self.lab.command(host, &line[0]);
        command.args(&line[1..]).stderr(Stdio::null());
        self.start(name, command.args(["--name", name]).args(options))
    }

    /// The laboratory itself, to run something else in it.
    pub(crate) const fn lab(&self) -> &Lab {
        &self.lab
    }

    /// Starts zchat on a host, with JSON lines, and waits until its node runs.
    pub(crate) fn zchat(&self, host: u8, name: &str, options: &[&str]) -> Program {
        let mut command = self.lab.command(host, program::zchat());
        command.args(["--json", "--name", name]).args(options);
        let mut program = Program::start(name, command.env_remove("ZCHAT_INTERFACE"));
        program.event("start", name);
        program
    }

    fn start(&self, name: &str, command: &mut Command) -> Program {
        // Our side chooses its interface by itself, as theirs does.
        let mut program = Program::start(name, command.env_remove("ZCHAT_INTERFACE"));
        program.event("START", name);
        program
    }
}

/// The folder of the foreign peers' libraries, if `tests/peers/install` has made it.
pub(crate) fn installed_peers() -> Option<PathBuf> {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join(".peers");
    let complete = ["python", "node"]
        .iter()
        .all(|folder| peers.join(folder).join("made-from").exists());
    complete.then_some(peers)
}

/// A foreign library, and how its scripted peer is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// Python.
    Pyre,
    /// JavaScript.
    ZyreJs,
    /// Our own, which does what Zyre does and ends where Zyre would abort: tests/peers/strict.
    Strict,
}

impl Foreign {
    /// The scripted peer on this library, as words of a command line behind `env`.
    pub(crate) fn command_line(self, peers: &Path) -> Vec<OsString> {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
        match self {
            Self::Pyre => vec![
                peers.join("python/bin/python").into(),
                ours.join("pyre_peer.py").into(),
            ],
            Self::Strict => vec![
                peers.join("python/bin/python").into(),
                ours.join("strict_peer.py").into(),
            ],
            Self::ZyreJs => {
                let mut packages = OsString::from("NODE_PATH=");
                packages.push(peers.join("node/node_modules"));
                vec![
                    "env".into(),
                    packages,
                    "node".into(),
                    ours.join("zyrejs_peer.js").into(),
                ]
            }
        }
    }
}
