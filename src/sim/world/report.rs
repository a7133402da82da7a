//! What came of a world: a [`Report`], or a [`Failure`].

use std::fmt;
use std::time::Duration;

use super::World;
use crate::sim::check::{Counts, Verdict, Violation};
use crate::sim::options::Options;

/// What happened in a world in which all was well.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The virtual time at the end.
    pub time: Duration,
    /// The hash of everything that happened.
    pub hash: u64,
    /// How much happened.
    pub happened: u64,
    /// What of it was checked.
    pub counts: Counts,
    /// Connections at the end.
    pub connections: usize,
}

/// What was wrong in a world.
#[non_exhaustive]
pub struct Failure {
    /// What.
    pub violation: Violation,
    /// The virtual time when that was found.
    pub time: Duration,
    /// The world.
    pub options: Options,
    /// The last of what happened, where [`Options::trace_lines`] were asked for.
    pub trace: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.trace {
            writeln!(f, "{line}")?;
        }
        writeln!(
            f,
            "after {:.6} s: {}",
            self.time.as_secs_f64(),
            self.violation
        )?;
        match self.options.command() {
            Some(command) => write!(f, "to see it again: {command}"),
            None => write!(
                f,
                "to see it again: whatever has made this world, as it was (of a test, make test TESTS=its name): seed {} of {} peers, with other options than make sim has",
                self.options.seed, self.options.peers
            ),
        }
    }
}

/// The same: it is what a test shows that expects none.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failure {}

impl World {
    /// Ends the world if something is wrong.
    pub(super) fn judge(&self, verdict: Verdict) -> Result<(), Box<Failure>> {
        verdict.map_err(|violation| {
            Box::new(Failure {
                violation,
                time: self.now.elapsed(),
                options: self.options.clone(),
                trace: self.trace.lines().map(str::to_owned).collect(),
            })
        })
    }

    /// Packets that were to open a connection to the first host, by virtual second; counted only where
    /// somebody forges its beacons ([`Options::forged`]).
    #[must_use]
    pub fn knocks(&self) -> &[u64] {
        &self.knocks
    }

    /// What has happened so far.
    #[must_use]
    pub fn report(&self) -> Report {
        Report {
            time: self.now.elapsed(),
            hash: self.trace.hash(),
            happened: self.trace.noted(),
            counts: self.check.counts,
            connections: self.connections.len(),
        }
    }
}
