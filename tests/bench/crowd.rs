//! One real node among thousands of peers that this program plays: what a large network costs a node.
//!
//! The peers are as light as can be: plain sockets, and of the protocol only what a node needs to see:
//! beacons, a HELLO, an answer to each PING. They share a host, but have many addresses there, since a
//! node takes only so much from one.

mod peers;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::Value;

use crate::Bench;
use crate::figures::Of;
use crate::ground::{Ground, PATIENCE};
use crate::process::{Usage, count};

use peers::Crowd;

/// How many peers: a node needs three descriptors for each, and 20,000 are what a process often may
/// have.
const PEERS: usize = 5_000;

/// How long the node is watched, and left alone before.
const WATCHED: Duration = Duration::from_secs(10);
const SETTLE: Duration = Duration::from_secs(5);

/// Enough to see a steady rate.
const SHOUTS: usize = 100;
const OCTETS: usize = 64;

/// How soon all have entered, what the node uses then, and how fast a shout is at all of them.
pub(crate) fn crowd(bench: &mut Bench) {
    raise_descriptors();
    for _ in 0..bench.runs {
        let ground = Ground::new(2);
        if !ground.has_hosts() {
            eprintln!("bench: a crowd needs a host of its own");
            return;
        }
        let mut node = ground.node(1, "peer", "N", &[]);
        node.wait("START", |line| line["event"] == "START");
        let began = Instant::now();
        let crowd = Crowd::start(&ground, 2, ground.address(1), PEERS);
        let mut next = 0;
        let mut entered = 0;
        while entered < PEERS && began.elapsed() < PATIENCE {
            if let Some(line) = node.next_until(next, began + PATIENCE) {
                next += 1;
                entered += usize::from(line["event"] == "ENTER");
            }
        }
        let seconds = began.elapsed().as_secs_f64();
        std::thread::sleep(SETTLE);
        let before = Usage::of(node.id());
        std::thread::sleep(WATCHED);
        let after = Usage::of(node.id());
        let share = (after.processor - before.processor) / WATCHED.as_secs_f64() / 1e4;
        let shouted = shout(&mut node, &crowd);
        let lost = |line: &&Value| matches!(line["event"].as_str(), Some("EXIT" | "EVASIVE"));
        let lost = node.seen().filter(lost).count();
        let figures = &mut bench.figures;
        let mut add = |what: &str, figure| {
            let what = format!("{PEERS} peers around one node: {what}");
            figures.add(Of::Zchat, &what, figure);
        };
        add("entered", count(entered));
        add("seconds until then", seconds);
        add("memory, MB", after.megabytes);
        add("descriptors", after.descriptors);
        add("processor, with a beacon a second from each, %", share);
        add("shout to all, 64 B, deliveries/s", shouted);
        add("EXIT and EVASIVE", count(lost));
    }
}

fn shout(node: &mut crate::program::Program, crowd: &Crowd) -> f64 {
    let start = Instant::now();
    node.say(&format!("bench-shout G {SHOUTS} {OCTETS}"));
    while crowd.contents.load(Ordering::Relaxed) < SHOUTS * PEERS && start.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(1));
    }
    count(crowd.contents.load(Ordering::Relaxed)) / start.elapsed().as_secs_f64()
}

/// A process that plays so many peers needs two descriptors for each.
fn raise_descriptors() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _as_far_as_it_goes = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}
