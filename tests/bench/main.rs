//! Measures nodes over real sockets, between hosts of our own, beside ZeroMQ itself and Pyre.
//!
//! ```text
//! make bench                          everything (but mass500), five runs each
//! make bench BENCH=throughput RUNS=9  one of them: see EXPERIMENTS below
//! ```
//!
//! Hosts are network namespaces; where those cannot be made (no root), everything is on the loopback
//! interface. Programs that are compared take turns within a run, so that what else the machine does
//! meets all of them, and the ratio of a run is of two figures that were taken one after the other.
//! What is shown is the median of the runs, with the least and the greatest. The programs measured are
//! docs/examples/peer.rs and docs/examples/mesh.rs, on the public API and its defaults.
//!
//! Nothing is asserted: machines differ. docs/performance.md says what is aimed at.

#![allow(
    clippy::disallowed_methods,
    reason = "what is measured are times, and some of them have to pass"
)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "as in tests, which share files with this"
)]

mod crowd;
mod figures;
mod ground;
mod group;
mod idle;
mod mass;
mod pair;
mod process;
mod stopped;

#[path = "../common/lab.rs"]
mod lab;
#[path = "../common/program.rs"]
mod program;
#[path = "../common/skip.rs"]
mod skip;

use std::process::ExitCode;

use figures::Figures;

/// What is measured, in this order.
const EXPERIMENTS: &[(&str, Experiment)] = &[
    ("discovery", pair::discovery),
    ("throughput", pair::throughput),
    ("trip", pair::round_trip),
    ("flood", pair::trip_through_flood),
    ("fanout", group::fan_out),
    ("join", mass::join),
    ("idle", idle::footprint),
    ("mass", mass::mass_start),
    ("mass500", mass::mass_of_500),
    ("stopped", stopped::stopped_receiver),
    ("crowd", crowd::crowd),
];

/// Of these, what is measured only when it is asked for.
const BY_NAME: &[&str] = &["mass500"];

type Experiment = fn(&mut Bench);

/// How often each figure is taken, unless RUNS says otherwise.
const RUNS: usize = 5;

/// What is to be measured, and what was.
struct Bench {
    runs: usize,
    figures: Figures,
}

fn main() -> ExitCode {
    let wanted = variable("BENCH");
    let wanted: Vec<&str> = wanted
        .split([',', ' '])
        .filter(|word| !word.is_empty())
        .collect();
    let unknown = wanted
        .iter()
        .find(|word| EXPERIMENTS.iter().all(|(name, _)| name != *word));
    if let Some(word) = unknown {
        let names: Vec<&str> = EXPERIMENTS.iter().map(|(name, _)| *name).collect();
        eprintln!("bench: there is no {word}; there are {}", names.join(", "));
        return ExitCode::FAILURE;
    }
    let mut bench = Bench {
        runs: variable("RUNS").parse().unwrap_or(RUNS).max(1),
        figures: Figures::default(),
    };
    println!("{}\n", process::machine());
    for (name, run) in EXPERIMENTS {
        let is_wanted = wanted.is_empty() && !BY_NAME.contains(name) || wanted.contains(name);
        if is_wanted {
            eprintln!("bench: {name}, {} runs", bench.runs);
            run(&mut bench);
            println!("{}", bench.figures.take_table());
        }
    }
    ExitCode::SUCCESS
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}
