//! Hosts of our own: `zchat` in a few network namespaces on one bridge or two, with IPv4, IPv6 or both,
//! driven through pipes as another program would drive it, and through terminals as people do.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that is wrong about its input fails by a panic"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "real programs take real time, which the tests measure"
)]

mod crowd;
#[path = "../common/figure.rs"]
mod figure;
mod ipv6;
#[path = "../common/lab.rs"]
mod lab;
mod networks;
mod pair;
#[path = "../common/program.rs"]
mod program;
mod recovery;
#[path = "../common/skip.rs"]
mod skip;
#[path = "../cli/window.rs"]
#[allow(dead_code, unreachable_pub, reason = "tests/cli uses all of it")]
mod window;

/// What the window expects beside it.
mod process {
    pub(crate) use super::program::PATIENCE as DEADLINE;
}

use std::path::Path;
use std::time::{Duration, Instant};

use figure::figure;
use lab::Lab;
use program::{PATIENCE, Program, Seen};
use window::Window;

#[test]
fn three_hosts_talk_in_one_group_and_whisper_past_the_third() {
    let Some(lab) = Lab::new(3) else { return };
    let names = ["alice", "bob", "carol"];
    let [mut alice, mut bob, mut carol] =
        [1, 2, 3].map(|host| zchat(&lab, host, names[usize::from(host) - 1]));
    for (program, own) in [&mut alice, &mut bob, &mut carol].into_iter().zip(names) {
        for other in names.into_iter().filter(|&other| other != own) {
            program.event("enter", other);
            program.event("join", other);
        }
    }
    alice.say("hello, everybody: grüß euch 🌍");
    for program in [&mut bob, &mut carol] {
        let shout = program.event("shout", "alice");
        assert_eq!(shout.line["text"], "hello, everybody: grüß euch 🌍");
        assert_eq!(shout.line["group"], "CHAT");
    }
    alice.say("/msg bob just you");
    assert_eq!(bob.event("whisper", "alice").line["text"], "just you");
    // What alice says after it comes after it: so carol has not got the whisper.
    alice.say("and now all");
    text(&mut carol, "alice", "and now all");
    assert!(carol.seen().all(|line| line["event"] != "whisper"));
    assert!(
        alice.seen().all(|line| line["event"] != "shout"),
        "one's own words are no events"
    );
}

#[test]
fn two_hosts_find_each_other_and_see_each_other_leave() {
    // Goal: the figures that a user feels: from process start to being in the list, and from the end
    // of input to being out of it. Method: measured outside, process start included.
    let Some(lab) = Lab::new(2) else { return };
    let mut alice = zchat(&lab, 1, "alice");
    let mut bob = zchat(&lab, 2, "bob");
    let found = bob.event("enter", "alice");
    let was_found = alice.event("enter", "bob");
    let both = found.at.max(was_found.at);
    quick(
        "from process start to being in both lists",
        bob.started(),
        both,
    );
    alice.event("join", "bob");
    bob.event("join", "alice");

    let ended = Instant::now();
    bob.end_input();
    let exit = alice.event("exit", "bob");
    quick("from end of input to being out of the list", ended, exit.at);
    assert!(bob.wait_for_end().success());
}

#[test]
fn two_thousand_piped_lines_wait_for_a_listener_and_arrive_complete_and_in_order() {
    // Goal: what was piped in is delivered before the program ends, none lost, none twice. Method: the
    // sender's input is written and closed before it has found anybody. There is one listener: it would
    // not wait for another one that comes later than the first.
    let Some(lab) = Lab::new(2) else { return };
    let listener = zchat(&lab, 1, "alice");
    let sender = pair::zchat(&lab, 2, "feed", &["--wait", "30"]);
    feed(sender, &mut [listener]);
}

#[test]
fn two_thousand_piped_lines_arrive_complete_and_in_order_at_every_listener() {
    let Some(lab) = Lab::new(3) else { return };
    let mut listeners = [zchat(&lab, 1, "alice"), zchat(&lab, 2, "bob")];
    let mut sender = zchat(&lab, 3, "feed");
    for name in ["alice", "bob"] {
        sender.event("join", name);
    }
    feed(sender, &mut listeners);
}

/// Pipes two thousand lines in, which are then all with each listener when the sender has ended.
fn feed(mut sender: Program, listeners: &mut [Program]) {
    let lines: Vec<String> = (0..2_000).map(|number| format!("line {number}")).collect();
    for line in &lines {
        sender.say(line);
    }
    sender.end_input();
    let status = sender.wait_for_end();
    assert!(status.success(), "{status}");
    for listener in listeners {
        listener.event("exit", "feed");
        let shouts = listener.seen().filter(|line| line["event"] == "shout");
        let texts: Vec<String> = shouts
            .map(|line| line["text"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(texts, lines);
    }
}

#[test]
fn a_killed_zchat_is_out_of_the_list_within_250_ms_and_its_successor_in_it() {
    // Method: many are killed, one after the other, and the median counts: a machine that is busy with
    // other tests may be late now and then.
    const KILLS: usize = 11;
    let Some(lab) = Lab::new(2) else { return };
    let mut alice = zchat(&lab, 1, "alice");
    let mut spans: Vec<Duration> = Vec::new();
    for _ in 0..KILLS {
        let mark = alice.mark();
        let mut bob = zchat(&lab, 2, "bob");
        alice.event_after(mark, "join", "bob");
        bob.event("join", "alice");
        let killed = Instant::now();
        drop(bob);
        let exit = alice.event_after(mark, "exit", "bob");
        spans.push(exit.at.saturating_duration_since(killed));
    }
    spans.sort_unstable();
    let [median, worst] = [KILLS / 2, KILLS - 1].map(|place| spans[place].as_secs_f64() * 1e3);
    figure(&format!(
        "from a kill to being out of the list: {median:.1} ms, the median of {KILLS}; {worst:.1} ms at worst"
    ));
    assert!(median < 250.0, "{spans:?}");
}

#[test]
fn people_at_two_hosts_type_to_each_other_and_to_a_program_at_a_third() {
    let Some(lab) = Lab::new(3) else { return };
    let mut feed = zchat(&lab, 3, "feed");
    let mut alice = terminal(&lab, 1, "alice");
    alice.wait_for("feed is here (10.77.0.3)");
    let mut bob = terminal(&lab, 2, "bob");
    for window in [&alice, &bob] {
        window.wait_for_row("[CHAT] 2 others are here");
    }
    alice.type_in("grüß dich, bob");
    feed.say("a line while she types");
    alice.wait_for("[CHAT] feed: a line while she types");
    alice.wait_for_row("[CHAT] grüß dich, bob");
    alice.type_in("\r");
    bob.wait_for("[CHAT] alice: grüß dich, bob");
    text(&mut feed, "alice", "grüß dich, bob");
    bob.type_in("/msg al\t");
    bob.wait_for_row("[CHAT] /msg alice");
    bob.type_in("psst\r");
    alice.wait_for("[bob -> you] psst");
    alice.type_in("/quit\r");
    assert_eq!(alice.finish(), 0);
    bob.wait_for("alice is gone");
    // Ctrl-C is as clean a leave.
    bob.type_in("\u{3}");
    assert_eq!(bob.finish(), 130);
    feed.event("exit", "bob");
    assert!(feed.seen().all(|line| line["event"] != "whisper"));
}

/// Opens a terminal with zchat on a host.
fn terminal(lab: &Lab, host: u8, name: &str) -> Window {
    let mut command = lab.command(host, program::zchat());
    command.args(["--name", name]);
    let words: Vec<&str> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_str().expect("paths of tests are text"))
        .collect();
    let state = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    Window::open_with(words, &[], state)
}

fn zchat(lab: &Lab, host: u8, name: &str) -> Program {
    pair::zchat(lab, host, name, &[])
}

/// Waits until a program shows this text from this peer.
fn text(program: &mut Program, name: &str, text: &str) -> Seen {
    program.wait_after(0, PATIENCE, text, |line| {
        line["name"] == name && line["text"] == text
    })
}

/// Reports a span of time. That it is not absurd is all that is asserted: a busy machine is no
/// defect.
fn quick(what: &str, from: Instant, to: Instant) {
    let span = to.duration_since(from);
    figure(&format!("{what}: {:.1} ms", span.as_secs_f64() * 1e3));
    assert!(span < Duration::from_secs(5), "{what}: {span:?}");
}
