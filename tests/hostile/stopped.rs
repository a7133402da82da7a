//! A peer whose process is stopped (SIGSTOP, a laptop that sleeps): it takes nothing, and says nothing.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::figure::figure;
use crate::ground::Ground;
use crate::peers;
use crate::program::PATIENCE;

/// Goal: a peer that is stopped costs its budget of octets and no more, holds nobody up for longer than
/// it takes to be evasive, and is a peer again when it goes on; the sender knows what it did not get.
/// Method: alice sends 32 MB to carol, who is stopped, and goes on talking to bob.
#[test]
fn a_peer_that_is_stopped_costs_its_budget_and_is_a_peer_again_when_it_goes_on() {
    // However long the machine takes for that, carol is not given up before she goes on.
    let Some(mut ground) = Ground::with_expired("60000") else {
        return;
    };
    let (mut carol, process) = ground.newcomer("carol");
    let before = ground.cost_of_alice();
    signal("-STOP", process);
    let (alice, bob) = ground.both();
    let (at_alice, at_bob) = (alice.mark(), bob.mark());
    alice.say("bench-whisper carol 32000 1024");
    let is_refused = |line: &Value| line["event"] == "UNDELIVERED" && line["name"] == "carol";
    alice.wait_after(at_alice, PATIENCE, "that carol takes nothing", is_refused);
    alice.say("whisper bob still here");
    bob.wait_after(at_bob, PATIENCE, "alice", |line| {
        line["text"] == "still here"
    });
    alice.wait_after(at_alice, 3 * PATIENCE, "the end of the bulk", |line| {
        line["event"] == "SENT"
    });
    let cost = ground.cost_of_alice().megabytes() - before.megabytes();
    figure(&format!("a stopped peer costs: {cost} MiB"));
    assert!(cost < 16, "{cost} MiB for a peer that takes nothing");
    signal("-CONT", process);
    let (alice, _) = ground.both();
    let mark = carol.mark();
    carol.say("whisper alice awake");
    alice.wait_after(at_alice, PATIENCE, "carol", |line| line["text"] == "awake");
    // What waits for her goes first; until there is room behind it, alice is told what is refused.
    let is_back = |line: &Value| line["text"] == "welcome back";
    let deadline = Instant::now() + PATIENCE;
    loop {
        alice.say("whisper carol welcome back");
        let soon = Instant::now() + Duration::from_millis(200);
        if carol.find_until(mark, soon, is_back).is_some() {
            break;
        }
        assert!(Instant::now() < deadline, "carol hears nothing any more");
    }
    ground.close();
}

/// Goal: hundreds that take nothing cost no more than all may together, whatever is said to the group
/// they are in, and hold up nobody for longer than it takes to be evasive. Method: alice shouts 48 MB to
/// 190 of them, and bob, who hears the end of it.
#[test]
fn hundreds_of_peers_that_take_nothing_cost_no_more_than_a_few_when_much_is_said() {
    let Some(mut ground) = Ground::new() else {
        return;
    };
    let attack = ground.begin(peers::hundreds_deaf, Duration::from_secs(12));
    let (alice, bob) = ground.both();
    let joins = |line: &Value| line["event"] == "JOIN" && line["name"] == "mallory";
    let mut mark = 0;
    for _ in 0..150 {
        alice.wait_after(mark, PATIENCE, "one more JOIN of mallory", joins);
        mark += alice.seen().skip(mark).position(joins).unwrap() + 1;
    }
    let (at_alice, at_bob) = (alice.mark(), bob.mark());
    // Those that take nothing are given up before the end.
    let watch = ground.watch_alice();
    let (alice, _) = ground.both();
    alice.say("bench-shout CHAT 48000 1024");
    let is_sent = |line: &Value| line["event"] == "SENT";
    alice.wait_after(at_alice, 3 * PATIENCE, "the end of the bulk", is_sent);
    let cost = watch.end();
    let (alice, bob) = ground.both();
    alice.say("whisper bob still here");
    bob.wait_after(at_bob, PATIENCE, "alice", |line| {
        line["text"] == "still here"
    });
    figure(&format!(
        "190 that take nothing, and 48 MB shouted: {} MiB, {} descriptors",
        cost.megabytes(),
        cost.descriptors
    ));
    assert!(cost.megabytes() < 96, "{cost:?}");
    attack.join().unwrap();
    ground.close();
}

fn signal(what: &str, process: u64) {
    let sent = Command::new("kill")
        .args([what, &process.to_string()])
        .status();
    assert!(sent.unwrap().success());
}
