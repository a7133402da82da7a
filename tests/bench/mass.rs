//! Meshes of many nodes: how long until all know all, and until all know one who comes later.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Bench;
use crate::figures::Of;
use crate::ground::Ground;
use crate::pair::{float, time};
use crate::program::Program;

/// Nodes that start at once, and in how many processes: 20,000 descriptors a process is a common limit.
const SIZES: &[(usize, usize)] = &[(10, 1), (30, 1), (100, 2), (200, 7)];

/// The largest mesh, which is measured only when it is asked for: it takes a small machine wholly for a
/// minute. In so many processes each has 19 nodes at most, with two descriptors a peer.
const MANY: (usize, usize) = (500, 27);

/// A mesh of 200 may take its time on a small machine.
const PATIENCE: Duration = Duration::from_secs(100);

/// How long a mesh is left alone before it is measured.
const SETTLE: Duration = Duration::from_secs(3);

/// A mesh, one process a host.
pub(crate) struct Mesh {
    pub(crate) ground: Ground,
    pub(crate) processes: Vec<Program>,
    nodes: usize,
}

impl Mesh {
    /// Starts so many nodes at once; the last host is left to others.
    pub(crate) fn start(nodes: usize, processes: usize) -> Self {
        let hosts = u8::try_from(processes + 1).expect("a few processes");
        let ground = Ground::new(hosts);
        let total = nodes.to_string();
        let of_process = |index: usize| nodes / processes + usize::from(index < nodes % processes);
        let processes = (0..processes)
            .map(|index| {
                let count = of_process(index).to_string();
                let options = ["--nodes", &count, "--total", &total, "--probe", "P"];
                let host = u8::try_from(index + 1).expect("a few processes");
                ground.node(host, "mesh", &format!("mesh {index}"), &options)
            })
            .collect();
        Self {
            ground,
            processes,
            nodes,
        }
    }

    /// Waits until all know all: seconds since the first node was started, and since the last one was.
    /// `None` if that takes too long.
    pub(crate) fn wait_until_whole(&mut self) -> Option<(f64, f64)> {
        let deadline = Instant::now() + PATIENCE;
        let is_full = |line: &Value| line["event"] == "FULL";
        let full: Option<Vec<Value>> = self
            .processes
            .iter_mut()
            .map(|process| process.find_until(0, deadline, is_full))
            .collect();
        let Some(full) = full else {
            let stats = self.stats_after(Duration::ZERO);
            let links = self.nodes * (self.nodes - 1);
            eprintln!(
                "bench: not whole: {} of {links} links",
                sum(&stats, "links")
            );
            return None;
        };
        let started = self.processes.iter_mut().map(|process| {
            time(
                &process
                    .wait("STARTED", |line| line["event"] == "STARTED")
                    .line,
            )
        });
        let last_start = started.fold(0.0, f64::max);
        let first_start = full
            .iter()
            .map(|line| time(line) - float(&line["secs"]) * 1e9)
            .fold(f64::INFINITY, f64::min);
        let whole = full.iter().map(time).fold(0.0, f64::max);
        Some(((whole - first_start) / 1e9, (whole - last_start) / 1e9))
    }

    /// What all processes together say of themselves after so long.
    pub(crate) fn stats_after(&mut self, pause: Duration) -> Vec<Value> {
        std::thread::sleep(pause);
        self.processes
            .iter_mut()
            .map(|process| {
                let mark = process.mark();
                process
                    .wait_after(mark, PATIENCE, "STATS", |line| line["event"] == "STATS")
                    .line
            })
            .collect()
    }
}

/// The sum of a field.
pub(crate) fn sum(lines: &[Value], field: &str) -> f64 {
    lines.iter().map(|line| float(&line[field])).sum()
}

/// How long a mesh that is whole is left alone until it counts as idle: longer than anybody is waited for.
const IDLE: Duration = Duration::from_secs(8);

/// One more node comes to a mesh of 100.
pub(crate) fn join(bench: &mut Bench) {
    let mut mesh = Mesh::start(100, 2);
    if mesh.wait_until_whole().is_none() {
        return;
    }
    std::thread::sleep(SETTLE);
    let host = u8::try_from(mesh.processes.len() + 1).expect("a few processes");
    for _ in 0..bench.runs {
        let marks: Vec<usize> = mesh.processes.iter_mut().map(Program::mark).collect();
        let mut newcomer = mesh.ground.node(host, "peer", "P", &[]);
        let start = time(&newcomer.wait("START", |line| line["event"] == "START").line);
        let mut met = Vec::new();
        let mut next = 0;
        while met.len() < mesh.nodes {
            let entered = newcomer.wait_after(next, PATIENCE, "ENTER", |_| true).line;
            next += 1;
            if entered["event"] == "ENTER" {
                met.push(time(&entered));
            }
        }
        let known = mesh.processes.iter_mut().zip(marks).map(|(process, mark)| {
            let is_known = |line: &Value| line["event"] == "PROBE";
            time(&process.wait_after(mark, PATIENCE, "PROBE", is_known).line)
        });
        let known = known.fold(0.0, f64::max);
        let figures = &mut bench.figures;
        let after = |at: f64| (at - start) / 1e6;
        figures.add(
            Of::Zchat,
            "newcomer to 100: its first ENTER, ms",
            after(met[0]),
        );
        figures.add(Of::Zchat, "– it has all, ms", after(met[met.len() - 1]));
        figures.add(Of::Zchat, "– all have it, ms", after(known));
        newcomer.say("quit");
        newcomer.wait_for_end();
        std::thread::sleep(Duration::from_millis(1_500));
    }
}

/// Many nodes at once.
pub(crate) fn mass_start(bench: &mut Bench) {
    for &(nodes, processes) in SIZES {
        start_at_once(bench, nodes, processes, bench.runs);
    }
}

/// As many nodes as a small machine bears, once.
pub(crate) fn mass_of_500(bench: &mut Bench) {
    let (nodes, processes) = MANY;
    start_at_once(bench, nodes, processes, 1);
}

fn start_at_once(bench: &mut Bench, nodes: usize, processes: usize, runs: usize) {
    for _ in 0..runs {
        let mut mesh = Mesh::start(nodes, processes);
        let whole = mesh.wait_until_whole();
        let (since_first, since_last) = whole.unwrap_or((f64::INFINITY, f64::INFINITY));
        let stats = mesh.stats_after(IDLE);
        let mut add = |what: &str, figure| {
            let what = format!("{nodes} nodes at once, in {processes} processes: {what}");
            bench.figures.add(Of::Zchat, &what, figure);
        };
        add("whole after the first start, s", since_first);
        add("whole after the last start, s", since_last);
        add("memory of all, MB", sum(&stats, "rss_kb") / 1_024.0);
        add("descriptors of all", sum(&stats, "fds"));
        add("idle, processor of all, %", sum(&stats, "cpu_pct"));
        add(
            "EXIT, EVASIVE and SILENT",
            ["exits", "evasives", "silents"]
                .map(|field| sum(&stats, field))
                .iter()
                .sum(),
        );
    }
}
