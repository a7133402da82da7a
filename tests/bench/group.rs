//! One sender, many receivers: what a shout costs.

use serde_json::Value;

use crate::Bench;
use crate::figures::Of;
use crate::ground::{Ground, PATIENCE};
use crate::pair::float;
use crate::program::Program;

const RECEIVERS: &[u8] = &[8, 32];
/// Deliveries in all, whatever the number of receivers.
const DELIVERIES: u64 = 960_000;
const OCTETS: usize = 64;
/// Hosts of receivers: beyond some thirty that all talk, the ARP table overflows.
const HOSTS: u8 = 16;

/// Shouts to a group, as fast as they are taken.
pub(crate) fn fan_out(bench: &mut Bench) {
    let ground = Ground::new(HOSTS + 1);
    for run in 0..bench.runs {
        for &receivers in RECEIVERS {
            let count = DELIVERIES / u64::from(receivers);
            let mut both = [Of::Raw, Of::Zchat];
            if run % 2 == 1 {
                both.reverse();
            }
            for of in both {
                let counted = match of {
                    Of::Raw => raw_fan_out(&ground, run, receivers, count),
                    _ => node_fan_out(&ground, receivers, count),
                };
                let what = format!("shout to {receivers}, {OCTETS} B, deliveries/s");
                bench.figures.add(of, &what, rate(&counted));
            }
        }
    }
}

/// All deliveries, from the first anywhere to the last anywhere.
fn rate(counted: &[Value]) -> f64 {
    let messages: f64 = counted.iter().map(|line| float(&line["msgs"])).sum();
    let first = counted
        .iter()
        .map(|line| float(&line["first_t"]))
        .fold(f64::INFINITY, f64::min);
    let last = counted
        .iter()
        .map(|line| float(&line["last_t"]))
        .fold(0.0, f64::max);
    messages / (last - first) * 1e9
}

const fn host(receiver: u8) -> u8 {
    2 + receiver % HOSTS
}

fn node_fan_out(ground: &Ground, receivers: u8, count: u64) -> Vec<Value> {
    let expected = count.to_string();
    let options = ["--group", "G", "--count", "--expect", &expected];
    let mut to: Vec<Program> = (0..receivers)
        .map(|index| ground.node(host(index), "peer", &format!("R{index}"), &options))
        .collect();
    let mut sender = ground.node(1, "peer", "S", &[]);
    for index in 0..receivers {
        sender.event("JOIN", &format!("R{index}"));
        to[usize::from(index)].event("ENTER", "S");
    }
    sender.say(&format!("bench-shout G {count} {OCTETS}"));
    let counted: Vec<Value> = to.iter_mut().map(counted).collect();
    for line in &counted {
        assert_eq!(line["gaps"], 0, "messages are missing: {line}");
    }
    counted
}

fn raw_fan_out(ground: &Ground, run: usize, receivers: u8, count: u64) -> Vec<Value> {
    let (messages, size) = (count.to_string(), OCTETS.to_string());
    let endpoint = |index: u8| {
        let port = 25_000 + run % 100 * 100 + usize::from(index);
        format!("tcp://{}:{port}", ground.address(host(index)))
    };
    let endpoints: Vec<String> = (0..receivers).map(endpoint).collect();
    let mut to: Vec<Program> = (0..receivers)
        .map(|index| {
            let endpoint = &endpoints[usize::from(index)];
            ground.raw(host(index), &["recv", endpoint, &messages, &size])
        })
        .collect();
    let mut words = vec!["fan", &messages, &size];
    words.extend(endpoints.iter().map(String::as_str));
    let _sender = ground.raw(1, &words);
    to.iter_mut().map(counted).collect()
}

fn counted(receiver: &mut Program) -> Value {
    receiver
        .wait_after(0, PATIENCE, "COUNTED", |line| line["event"] == "COUNTED")
        .line
}
