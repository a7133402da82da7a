//! Runs worlds in virtual time, one for each seed, until one of them shows a mistake.
//!
//! ```text
//! make sim                        300 seeds of small worlds
//! make sim SEED=17 PEERS=8        one world, its trace in case it fails
//! make sim SEEDS=5000             many
//! make sim FAULT=Roam             only one kind of fault; `none` for none
//! make sim FAULT=mixed            all of them, among peers that behave like Zyre and Pyre
//! make sim FAULT=day PEERS=200    twenty-four hours in an office; `mixed-day` among Zyre and Pyre
//! ```

#![allow(
    clippy::disallowed_methods,
    reason = "virtual time has to begin at some time"
)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use zchat::sim::{Failure, Fault, Options, Report, World};

fn main() -> ExitCode {
    let setting = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let number = |name: &str| setting(name).and_then(|value| value.parse::<u64>().ok());
    let peers = number("PEERS").and_then(|peers| usize::try_from(peers).ok());
    let first = number("SEED");
    let seeds = number("SEEDS").unwrap_or_else(|| if first.is_some() { 1 } else { 300 });
    let first = first.unwrap_or(1);
    let began = Instant::now();
    let mut virtual_seconds = 0.0;
    for seed in first..first + seeds {
        match run(seed, peers, None) {
            Ok(report) => {
                virtual_seconds += report.time.as_secs_f64();
                if seeds == 1 {
                    println!("{report:#?}");
                }
            }
            Err(failure) => {
                println!("{failure}");
                println!("what led to it:");
                let lines = number("LINES").and_then(|lines| usize::try_from(lines).ok());
                let text = (lines.unwrap_or(60), failure.time.saturating_sub(BEFORE));
                if let Err(failure) = run(seed, peers, Some(text)) {
                    println!("{failure}");
                }
                return ExitCode::FAILURE;
            }
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{seeds} worlds, {virtual_seconds:.0} virtual seconds in {seconds:.1} s: all well");
    ExitCode::SUCCESS
}

/// Lines of text are kept from so long before a failure on.
const BEFORE: Duration = Duration::from_secs(300);

/// Runs a world, with so many lines of text from some time on.
fn run(
    seed: u64,
    peers: Option<usize>,
    text: Option<(usize, Duration)>,
) -> Result<Report, Box<Failure>> {
    let peers = peers.unwrap_or_else(|| 2 + usize::try_from(seed % 9).unwrap_or(0));
    let named = |name: &str| {
        Fault::ALL
            .into_iter()
            .find(|fault| format!("{fault:?}") == name)
    };
    let mut options = match std::env::var("FAULT").as_deref() {
        Err(_) | Ok("") => Options::swarm(seed, peers),
        Ok("day") => Options::day(seed, peers),
        Ok("mixed-day") => Options::mixed_day(seed, peers),
        Ok("mixed") => Options::mixed(seed, peers),
        Ok("none") => Options::quiet(seed, peers),
        Ok(name) => Options::only(named(name).expect("the name of a fault"), seed, peers),
    };
    (options.trace_lines, options.trace_from) = text.unwrap_or_default();
    World::new(options, Instant::now()).run()
}
