//! What it costs to be many: full worlds, and one engine in a crowd.
//!
//! ```text
//! make scale                      crowds of 10,000 and 100,000; worlds of 200, 500 and 1,000
//! make scale WORLDS=2000          worlds of other sizes, parted by commas; `none` for none
//! make scale CROWDS=50000
//! ```
//!
//! Memory is what the process occupies, so that it counts what the simulator needs besides (for each
//! pair two mailboxes and two connections), and is read before and after. CPU is that of an idle minute.

#![allow(
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "virtual time has to begin at some time, and figures are shown rounded"
)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use zchat::sim::{Crowd, Options, World};

const MINUTE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let sizes = |name: &str, default: &str| -> Vec<usize> {
        let list = std::env::var(name).ok().filter(|list| !list.is_empty());
        let list = list.unwrap_or_else(|| default.to_owned());
        list.split(',')
            .filter_map(|size| size.parse().ok())
            .collect()
    };
    println!(
        "| | peers | all met after | messages a peer and second | memory a peer known | CPU |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for size in sizes("CROWDS", "10000,100000") {
        crowd(size);
    }
    for size in sizes("WORLDS", "200,500,1000") {
        if let Err(failure) = world(size) {
            println!("{failure}");
            println!("or: make scale WORLDS={size} CROWDS=none");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// All of them start in one second, and are idle for a minute.
fn world(size: usize) -> Result<(), Box<zchat::sim::Failure>> {
    let mut options = Options::quiet(1, size);
    options.checked = false;
    let before = Usage::now();
    let mut world = World::new(options, Instant::now());
    let met = world.run_until_full(MINUTE)?;
    world.run_for(Duration::from_secs(5))?;
    let full = Usage::now();
    let said = world.report().counts.messages;
    world.run_for(MINUTE)?;
    let idle = Usage::now().since(&full);
    let said = world.report().counts.messages - said;
    let pairs = (size * (size - 1)) as f64;
    println!(
        "| full world | {size} | {:.2} s | {:.4} | {:.1} KB | {:.2} \u{b5}s a peer known and second |",
        met.as_secs_f64(),
        said as f64 / pairs / 60.0,
        full.since(&before).memory / pairs / 1024.0,
        idle.cpu * 1e6 / pairs / 60.0,
    );
    Ok(())
}

/// One engine among scripted peers that all start in ten seconds.
fn crowd(size: usize) {
    let before = Usage::now();
    let mut crowd = Crowd::new(1, size, Duration::from_secs(10), Instant::now());
    let met = crowd.run_until_entered(size, MINUTE * 10);
    crowd.run_for(Duration::from_secs(5));
    let full = Usage::now();
    let counted = crowd.counts();
    crowd.run_for(MINUTE);
    let idle = Usage::now().since(&full);
    let said = crowd.counts().sent - counted.sent;
    let met = met.map_or_else(
        || format!("only {}", counted.entered),
        |met| format!("{:.2} s", met.as_secs_f64()),
    );
    let peers = size as f64;
    if counted.entered < size {
        println!("to see it again: make scale WORLDS=none CROWDS={size}");
    }
    println!(
        "| one engine in a crowd | {size} | {met} | {:.4} | {:.1} KB | {:.2} \u{b5}s a peer known and second |",
        said as f64 / peers / 60.0,
        full.since(&before).memory / peers / 1024.0,
        idle.cpu * 1e6 / peers / 60.0,
    );
}

/// What this process has used: octets of memory, seconds of CPU.
struct Usage {
    memory: f64,
    cpu: f64,
}

impl Usage {
    fn now() -> Self {
        let word = |file: &str, place: usize| -> f64 {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let word = text.split_whitespace().nth(place);
            word.and_then(|word| word.parse().ok()).unwrap_or(0.0)
        };
        Self {
            memory: word("/proc/self/statm", 1) * 4_096.0,
            cpu: word("/proc/self/schedstat", 0) / 1e9,
        }
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            memory: (self.memory - before.memory).max(0.0),
            cpu: self.cpu - before.cpu,
        }
    }
}
