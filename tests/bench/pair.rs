//! Two hosts, a node on each: how soon they meet, how fast they send, how long an answer takes.

use serde_json::Value;

use crate::Bench;
use crate::figures::Of;
use crate::ground::{Ground, PATIENCE};
use crate::process::Usage;
use crate::program::Program;

/// How many messages of a size are sent: so many that the rate is steady, for a second or so.
const THROUGHPUT: &[(usize, u64)] = &[(64, 1_000_000), (1_024, 400_000), (65_536, 20_000)];

/// Pyre takes seconds for these; more at a time, and it loses them (its high-water mark is 3,000).
const PYRE: &[(usize, u64)] = &[(64, 20_000), (65_536, 2_000)];

const TRIPS: u64 = 5_000;
const TRIP_OCTETS: usize = 16;
/// Round trips during a flood, and what is sent meanwhile: more than there is time for.
const FLOODED_TRIPS: u64 = 500;
const FLOOD: u64 = 20_000_000;

/// One node runs, another one starts: from its start until both have entered.
pub(crate) fn discovery(bench: &mut Bench) {
    let ground = Ground::new(2);
    for run in 0..bench.runs * 3 {
        // Somewhere between two beacons of the first one.
        let pause = std::time::Duration::from_millis(1_200 + 137 * run as u64 % 1_000);
        let mut first = ground.node(1, "peer", "A", &[]);
        first.wait("START", |line| line["event"] == "START");
        std::thread::sleep(pause);
        let mut second = ground.node(2, "peer", "B", &[]);
        let began = second.wait("START", |line| line["event"] == "START").line;
        let met = [first.event("ENTER", "B"), second.event("ENTER", "A")];
        let both = met.iter().map(|seen| time(&seen.line)).fold(0.0, f64::max);
        let figure = (both - time(&began)) / 1e6;
        let figures = &mut bench.figures;
        figures.add(Of::Zchat, "start to mutual ENTER, ms", figure);
    }
}

/// Whispers one way, as fast as they are taken.
pub(crate) fn throughput(bench: &mut Bench) {
    let ground = Ground::new(2);
    for run in 0..bench.runs {
        for &(size, count) in THROUGHPUT {
            let mut both = [Of::Raw, Of::Zchat];
            if run % 2 == 1 {
                both.reverse();
            }
            for of in both {
                match of {
                    Of::Raw => raw_throughput(bench, &ground, run, size, count),
                    _ => node_throughput(bench, &ground, of, size, count),
                }
            }
        }
        for &(size, count) in PYRE {
            node_throughput(bench, &ground, Of::Pyre, size, count);
        }
    }
}

fn node_throughput(bench: &mut Bench, ground: &Ground, of: Of, size: usize, count: u64) {
    let expected = count.to_string();
    let options = ["--count", "--expect", &expected];
    let pair = match of {
        Of::Pyre => ground.pyre(1, "A", &options).zip(ground.pyre(2, "B", &[])),
        _ => Some((
            ground.node(1, "peer", "A", &options),
            ground.node(2, "peer", "B", &[]),
        )),
    };
    let Some((mut receiver, mut sender)) = pair else {
        return;
    };
    receiver.event("ENTER", "B");
    sender.event("ENTER", "A");
    let before = [Usage::of(receiver.id()), Usage::of(sender.id())];
    sender.say(&format!("bench-whisper A {count} {size}"));
    let counted = receiver
        .wait_after(0, PATIENCE, "COUNTED", |line| line["event"] == "COUNTED")
        .line;
    let after = [Usage::of(receiver.id()), Usage::of(sender.id())];
    assert_eq!(counted["gaps"], 0, "messages are missing: {counted}");
    let processor =
        |index: usize| (after[index].processor - before[index].processor) / float(&counted["msgs"]);
    tell_throughput(bench, of, size, &counted, processor(0), processor(1));
}

fn raw_throughput(bench: &mut Bench, ground: &Ground, run: usize, size: usize, count: u64) {
    // Another port each time: the one before may not be free yet.
    let endpoint = format!("tcp://{}:{}", ground.address(1), 21_000 + run % 1_000);
    let (count, octets) = (count.to_string(), size.to_string());
    let mut receiver = ground.raw(1, &["recv", &endpoint, &count, &octets]);
    let mut sender = ground.raw(2, &["send", &endpoint, &count, &octets]);
    let counted = receiver
        .wait_after(0, PATIENCE, "COUNTED", |line| line["event"] == "COUNTED")
        .line;
    let processor = |program: &mut Program| {
        let done = program.wait("DONE", |line| line["event"] == "DONE").line;
        float(&done["cpu_us"]) / float(&counted["msgs"])
    };
    let (received, sent) = (processor(&mut receiver), processor(&mut sender));
    tell_throughput(bench, Of::Raw, size, &counted, received, sent);
}

fn tell_throughput(bench: &mut Bench, of: Of, size: usize, counted: &Value, to: f64, from: f64) {
    let size = octets(size);
    let rate = (float(&counted["msgs"]) - 1.0)
        / (float(&counted["last_t"]) - float(&counted["first_t"]))
        * 1e9;
    let figures = &mut bench.figures;
    figures.add(of, &format!("whisper {size}, messages/s"), rate);
    figures.add(
        of,
        &format!("– processor a message, receiver, {size}, µs"),
        to,
    );
    figures.add(of, &format!("– the same, sender, {size}, µs"), from);
}

/// Whispers that are sent back, one at a time.
pub(crate) fn round_trip(bench: &mut Bench) {
    let ground = Ground::new(2);
    for run in 0..bench.runs {
        let mut both = [Of::Raw, Of::Zchat];
        if run % 2 == 1 {
            both.reverse();
        }
        for of in both {
            let trips = match of {
                Of::Raw => raw_trips(&ground, run),
                _ => node_trips(&ground),
            };
            let what = octets(TRIP_OCTETS);
            for share in ["p50", "p99"] {
                let figure = float(&trips[format!("{share}_us")]);
                let what = format!("round trip {what}, {share}, µs");
                bench.figures.add(of, &what, figure);
            }
        }
    }
}

fn node_trips(ground: &Ground) -> Value {
    let mut far = ground.node(1, "peer", "A", &["--echo", "--count"]);
    let mut near = ground.node(2, "peer", "B", &[]);
    far.event("ENTER", "B");
    near.event("ENTER", "A");
    near.say(&format!("rtt A {} {TRIP_OCTETS}", TRIPS / 10));
    near.wait("RTT", |line| line["event"] == "RTT");
    let mark = near.mark();
    near.say(&format!("rtt A {TRIPS} {TRIP_OCTETS}"));
    near.wait_after(mark, PATIENCE, "RTT", |line| line["event"] == "RTT")
        .line
}

/// The same through a node whose application floods another one: nothing may starve meanwhile.
pub(crate) fn trip_through_flood(bench: &mut Bench) {
    for _ in 0..bench.runs {
        let ground = Ground::new(3);
        let mut flooding = ground.node(1, "peer", "A", &["--echo", "--count"]);
        let _flooded = ground.node(2, "peer", "B", &["--count"]);
        let mut near = ground.node(3, "peer", "C", &[]);
        flooding.event("ENTER", "B");
        flooding.event("ENTER", "C");
        near.event("ENTER", "A");
        flooding.say(&format!("bench-whisper B {FLOOD} 64"));
        near.say(&format!("rtt A {FLOODED_TRIPS} {TRIP_OCTETS}"));
        let trips = near
            .wait_after(0, PATIENCE, "RTT", |line| line["event"] == "RTT")
            .line;
        assert!(
            !flooding.seen().any(|line| line["event"] == "SENT"),
            "the flood has ended too early"
        );
        for share in ["p50", "p99", "max"] {
            let figure = float(&trips[format!("{share}_us")]) / 1e3;
            let what = format!("round trip through a node that floods another, {share}, ms");
            bench.figures.add(Of::Zchat, &what, figure);
        }
    }
}

fn raw_trips(ground: &Ground, run: usize) -> Value {
    let endpoint = |host| {
        format!(
            "tcp://{}:{}",
            ground.address(host),
            22_000 + run % 1_000 + usize::from(host) * 1_000
        )
    };
    let (count, size) = (TRIPS.to_string(), TRIP_OCTETS.to_string());
    let (far, near) = (endpoint(1), endpoint(2));
    let _echo = ground.raw(1, &["echo", &far, &count, &size, &near]);
    let mut trips = ground.raw(2, &["rtt", &near, &count, &size, &far]);
    trips
        .wait_after(0, PATIENCE, "RTT", |line| line["event"] == "RTT")
        .line
}

/// When a line was told, in nanoseconds.
pub(crate) fn time(line: &Value) -> f64 {
    float(&line["t"])
}

pub(crate) fn float(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

/// A size as people write it.
pub(crate) fn octets(size: usize) -> String {
    if size >= 1_024 {
        format!("{} KiB", size / 1_024)
    } else {
        format!("{size} B")
    }
}
