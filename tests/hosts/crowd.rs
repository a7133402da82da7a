//! Sixty hosts that start at once.

use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

use crate::figure::figure;
use crate::lab::Lab;
use crate::pair;
use crate::program::{self, PATIENCE, Program};

/// How many hosts.
const HOSTS: u8 = 60;

/// How long they may take, the last one started: a fraction of a second where they have a processor, but
/// sixty processes need many seconds of one, of which a slow machine has two, and they may be busy with
/// other tests.
const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn sixty_hosts_that_start_at_once_are_soon_whole_and_stay_so() {
    // Goal: everybody is in everybody's list, and nobody goes again. Method: a zchat on each, started as
    // fast as processes can be; the time counts from when the last one has said that it runs, for what
    // comes before that is the work of starting sixty processes.
    let Some(lab) = Lab::new(HOSTS) else { return };
    let before = used();
    let begun = Instant::now();
    let mut programs: Vec<Program> = (1..=HOSTS).map(|host| start(&lab, host)).collect();
    let others = usize::from(HOSTS) - 1;
    let mut started = begun;
    let mut whole = begun;
    for program in &mut programs {
        let start = program.wait("start", |line| line["event"] == "start");
        started = started.max(start.at);
        whole = whole.max(all_entered(program, others));
    }
    let all = whole.duration_since(begun).as_secs_f64() * 1e3;
    let after = whole.saturating_duration_since(started);
    // As long as beacons have come around twice.
    pair::pass(Duration::from_secs(2));
    for program in &mut programs {
        let bad = |event: &str| ["exit", "evasive", "silent"].contains(&event);
        assert!(
            program
                .seen()
                .all(|line| !line["event"].as_str().is_some_and(bad))
        );
    }
    drop(programs);
    let cpu = (used() - before).as_secs_f64();
    figure(&format!(
        "{HOSTS} hosts at once: whole {:.0} ms after the last had started, {all:.0} ms after the first \
         process was; {cpu:.1} s of processor time in all",
        after.as_secs_f64() * 1e3
    ));
    assert!(after < LIMIT, "{after:?}");
}

fn start(lab: &Lab, host: u8) -> Program {
    let mut command = lab.command(host, program::zchat());
    command.env_remove("ZCHAT_INTERFACE");
    let name = format!("host{host}");
    command.args(["--json", "--name", &name]);
    Program::start(&name, &mut command)
}

/// When the last of so many others came.
fn all_entered(program: &mut Program, others: usize) -> Instant {
    let mut mark = 0;
    let mut last = program.started();
    for _ in 0..others {
        let is_enter = |line: &serde_json::Value| line["event"] == "enter";
        let enter = program.wait_after(mark, PATIENCE, "enter of everybody", is_enter);
        last = enter.at;
        let seen = program.seen().skip(mark).position(is_enter);
        mark += seen.expect("it was seen") + 1;
    }
    last
}

/// The processor time of all processes that this one has started, and waited for.
fn used() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let microseconds =
        usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(microseconds.try_into().unwrap())
}
