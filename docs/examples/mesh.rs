//! Many nodes in one process, to see how a mesh grows: how long until all know all, and what it costs.
//!
//! ```text
//! mesh --nodes 50 --total 100 [--probe NAME] [--interface IF] [--port N]
//! ```
//!
//! starts 50 nodes at once and waits until each has met 99 others, whose nodes may be in other
//! processes. It prints one JSON object a line; `t` is `CLOCK_MONOTONIC` in nanoseconds. STARTED: all
//! nodes run. FULL: all have met all, `secs` after the first was started. PROBE: all have met the peer
//! called NAME. STATS, once a second: memory, descriptors, threads and processor time of the process,
//! and the events so far. It ends with its input.

#[path = "peer/tally.rs"]
#[allow(dead_code, reason = "only the clock is wanted here")]
mod tally;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::process::ExitCode;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use serde_json::json;
use tally::{now, seconds};
use zchat::node::Node;
use zchat::zre::{Event, Name};

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mesh: {error}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Debug, Default)]
struct Options {
    nodes: usize,
    total: usize,
    probe: Option<String>,
    interface: Option<String>,
    port: Option<u16>,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut options = Self::default();
        while let Some(option) = words.next() {
            let value = words.next().ok_or("an option without a value")?;
            match option.as_str() {
                "--nodes" => options.nodes = value.parse()?,
                "--total" => options.total = value.parse()?,
                "--probe" => options.probe = Some(value),
                "--interface" => options.interface = Some(value),
                "--port" => options.port = Some(value.parse()?),
                _ => return Err(format!("unknown: {option}").into()),
            }
        }
        Ok(options)
    }
}

/// A node, and whom it has met.
struct Member {
    node: Node,
    /// Peers that are here, the probe left out.
    met: usize,
    has_probe: bool,
}

/// What has happened so far, in all nodes.
#[derive(Debug, Default)]
struct Counts {
    enters: u64,
    exits: u64,
    /// Of the EXITs.
    reasons: BTreeMap<String, u64>,
    evasives: u64,
    silents: u64,
    undelivered: u64,
}

/// Nanoseconds between two STATS.
const SECOND: u64 = 1_000_000_000;

/// Events of one node that are taken before the others get their turn.
const BATCH: usize = 256;

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let start = now();
    let process = std::process::id();
    let mut members = Vec::with_capacity(options.nodes);
    for number in 0..options.nodes {
        let mut builder = Node::builder(Name::new(&format!("{process}-{number}"))?);
        if let Some(interface) = &options.interface {
            builder = builder.interface(interface);
        }
        if let Some(port) = options.port {
            builder = builder.beacon_port(port);
        }
        members.push(Member {
            node: builder.start()?,
            met: 0,
            has_probe: false,
        });
    }
    println!("{}", json!({"event": "STARTED", "t": now()}));
    let mut counts = Counts::default();
    let (mut is_full, mut has_probe) = (false, false);
    let mut stats = Stats::new();
    loop {
        for member in &mut members {
            member.take_events(options, &mut counts);
        }
        let time = now();
        if !is_full && members.iter().all(|member| member.met + 1 >= options.total) {
            is_full = true;
            let secs = seconds(time - start);
            println!("{}", json!({"event": "FULL", "secs": secs, "t": time}));
        }
        let all_have_probe = members.iter().all(|member| member.has_probe);
        if all_have_probe && !has_probe {
            println!("{}", json!({"event": "PROBE", "t": time}));
        }
        has_probe = all_have_probe;
        stats.tell_if_due(&members, &counts);
        if has_input_ended(&members, stats.due.saturating_sub(now()))? {
            return Ok(());
        }
    }
}

impl Member {
    fn take_events(&mut self, options: &Options, counts: &mut Counts) {
        let is_probe = |name: &Name| options.probe.as_deref() == Some(name.as_str());
        for _ in 0..BATCH {
            let Ok(event) = self.node.try_recv() else {
                return;
            };
            match event {
                Event::Enter { name, .. } => {
                    counts.enters += 1;
                    if is_probe(&name) {
                        self.has_probe = true;
                    } else {
                        self.met += 1;
                    }
                }
                Event::Exit { reason, .. } => {
                    counts.exits += 1;
                    *counts.reasons.entry(format!("{reason:?}")).or_default() += 1;
                    // The node has forgotten who that was; the roster knows who is left.
                    let probes = self
                        .node
                        .peers()
                        .filter(|peer| is_probe(&peer.name))
                        .count();
                    self.has_probe = probes > 0;
                    self.met = self.node.peers().len() - probes;
                }
                Event::Evasive { .. } => counts.evasives += 1,
                Event::Silent { .. } => counts.silents += 1,
                Event::Undelivered { count, .. } => counts.undelivered += count,
                _ => {}
            }
        }
    }
}

/// Sleeps until a node has an event, the time is over, or the input has ended: whether it has.
fn has_input_ended(members: &[Member], nanoseconds: u64) -> Result<bool, Box<dyn Error>> {
    let stdin = io::stdin();
    let mut polled = vec![PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
    for member in members {
        polled.push(PollFd::new(member.node.as_fd(), PollFlags::POLLIN));
    }
    let timeout = PollTimeout::try_from(nanoseconds / 1_000_000 + 1)?;
    match poll(&mut polled, timeout) {
        Ok(_) | Err(nix::errno::Errno::EINTR) => {}
        Err(error) => return Err(error.into()),
    }
    let is_readable = polled.first().and_then(PollFd::any) == Some(true);
    Ok(is_readable && io::stdin().read(&mut [0; 4_096])? == 0)
}

/// What the process uses.
struct Stats {
    due: u64,
    since: u64,
    processor: i64,
}

impl Stats {
    fn new() -> Self {
        Self {
            due: now() + SECOND,
            since: now(),
            processor: processor(),
        }
    }

    fn tell_if_due(&mut self, members: &[Member], counts: &Counts) {
        let time = now();
        if time < self.due {
            return;
        }
        let used = processor();
        let share =
            seconds((used - self.processor).unsigned_abs() * 1_000) / seconds(time - self.since);
        println!(
            "{}",
            json!({
                "event": "STATS",
                "links": members.iter().map(|member| member.met).sum::<usize>(),
                "rss_kb": status("VmRSS:"),
                "threads": status("Threads:"),
                "fds": descriptors(),
                "cpu_pct": share * 100.0,
                "enters": counts.enters,
                "exits": counts.exits,
                "reasons": counts.reasons,
                "evasives": counts.evasives,
                "silents": counts.silents,
                "undelivered": counts.undelivered,
                "t": time,
            })
        );
        (self.since, self.processor, self.due) = (time, used, time + SECOND);
    }
}

/// Processor time of the process so far, in microseconds.
fn processor() -> i64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| {
        (usage.user_time() + usage.system_time()).num_microseconds()
    })
}

/// Descriptors that are open. Linux tells the number as the size of the folder from 6.2 on: to list ten
/// thousand of them each second would take more time than the nodes do.
fn descriptors() -> u64 {
    let folder = "/proc/self/fd";
    let told = fs::metadata(folder).map_or(0, |folder| folder.len());
    if told > 0 {
        return told;
    }
    fs::read_dir(folder).map_or(0, |all| all.count().try_into().unwrap_or(0))
}

/// A number out of what the system tells of this process; 0 where it does not.
fn status(field: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(field));
    value
        .and_then(|value| value.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
