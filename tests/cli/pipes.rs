//! Programs that talk through pipes: everything arrives, once, in order, and the status is true.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::thread;

use crate::process::{Zchat, command, field, free_port};

#[test]
fn two_see_each_other_talk_and_leave() {
    let port = free_port();
    let mut bob = Zchat::start(port, "--name bob");
    let mut alice = Zchat::start(port, "--name alice");
    alice.wait_for("* bob is here (127.0.0.1)");
    bob.wait_for("* alice is here (127.0.0.1)");
    alice.say("hello");
    bob.wait_for("[CHAT] alice: hello");
    bob.say("/msg alice psst");
    alice.wait_for("[bob -> you] psst");
    bob.say("/rename robert");
    alice.wait_for("* bob is now known as robert");
    let alice = alice.end();
    assert_eq!(alice.code(), 0, "{alice:?}");
    bob.wait_for("* alice is gone");
    bob.say("$$STOP");
    // Whether alice has read the whisper, bob never asked.
    bob.finish();
}

#[test]
fn a_single_piped_line_reaches_who_is_there_without_any_waiting_by_the_script() {
    let port = free_port();
    let mut bob = Zchat::start_json(port, "--name bob");
    let mut bot = Zchat::start(port, "--name bot");
    bot.say("hello");
    assert_eq!(bot.end().code(), 0);
    let heard = bob.wait_for("\"event\":\"shout\"");
    assert_eq!(field(&heard, "text"), "hello");
    assert_eq!(field(&heard, "name"), "bot");
    bob.end();
}

#[test]
fn a_line_to_nobody_is_status_3_after_no_longer_than_wait() {
    let mut alone = Zchat::start(free_port(), "--name alone --wait 0.2");
    alone.say("hello?");
    assert_eq!(alone.end().code(), 3);
}

#[test]
fn ten_thousand_lines_are_at_every_listener_in_order_before_the_sender_ends() {
    let port = free_port();
    let mut listeners: Vec<_> = ["bob", "eve", "kim"]
        .iter()
        .map(|name| Zchat::start_json(port, &format!("--name {name}")))
        .collect();
    let mut sender = Zchat::start_json(port, "--name alice");
    // It would begin when nobody has come for a while, and one of them may be slow to.
    for _ in &listeners {
        sender.wait_for("\"event\":\"join\"");
    }
    let text: String = (1..=10_000)
        .map(|number| format!("line {number}\n"))
        .collect();
    let mut stdin = sender.take_stdin();
    let writer = thread::spawn(move || {
        stdin.write_all(text.as_bytes()).unwrap();
    });
    writer.join().unwrap();
    let sender = sender.finish();
    assert_eq!(sender.code(), 0, "{sender:?}");
    // All of it has been read by their nodes; nothing is sent from here on.
    for listener in &mut listeners {
        listener.wait_for("\"text\":\"line 10000\"");
        let shouts: Vec<_> = listener
            .seen
            .iter()
            .filter(|line| line.contains("\"event\":\"shout\""))
            .map(|line| field(line, "text"))
            .collect();
        let expected: Vec<_> = (1..=10_000)
            .map(|number| format!("line {number}"))
            .collect();
        assert_eq!(shouts, expected);
    }
    for listener in listeners {
        assert_eq!(listener.end().code(), 0);
    }
}

#[test]
fn three_that_all_talk_at_once_hear_everything_of_the_others() {
    let port = free_port();
    let names = ["ann", "ben", "cem"];
    let mut all: Vec<_> = names
        .iter()
        .map(|name| Zchat::start_json(port, &format!("--name {name}")))
        .collect();
    for zchat in &mut all {
        let mut others = 0;
        while others < 2 {
            zchat.wait_for("\"event\":\"join\"");
            others += 1;
        }
    }
    let mut writers = Vec::new();
    for (zchat, name) in all.iter_mut().zip(names) {
        let text: String = (0..500)
            .map(|number| format!("{name} {number}\n"))
            .collect();
        let mut stdin = zchat.take_stdin();
        writers.push(thread::spawn(move || {
            stdin.write_all(text.as_bytes()).unwrap();
            stdin
        }));
    }
    let _inputs: Vec<_> = writers
        .into_iter()
        .map(|writer| writer.join().unwrap())
        .collect();
    for zchat in &mut all {
        let mut heard: BTreeMap<String, usize> = BTreeMap::new();
        while heard.values().sum::<usize>() < 1_000 {
            let line = zchat.wait_for("\"event\":\"shout\"");
            let name = field(&line, "name").as_str().unwrap().to_owned();
            let count = heard.entry(name.clone()).or_default();
            assert_eq!(field(&line, "text"), format!("{name} {count}"));
            *count += 1;
        }
    }
}

#[test]
fn json_tells_everything_also_of_groups_that_are_not_ours() {
    let port = free_port();
    let mut bob = Zchat::start_json(port, "--name bob --group B");
    let started = bob.seen[0].clone();
    assert!(started.starts_with("{\"event\":\"start\""), "{started}");
    assert_eq!(field(&started, "name"), "bob");
    assert_eq!(field(&started, "groups"), serde_json::json!(["B"]));
    assert!(field(&started, "time").as_str().unwrap().ends_with('Z'));
    let mut alice = Zchat::start(port, "--name alice --group A --header role=tester");
    let enter = bob.wait_for("\"event\":\"enter\"");
    assert_eq!(field(&enter, "peer").as_str().unwrap().len(), 32);
    assert_eq!(field(&enter, "headers")["role"], "tester");
    let join = bob.wait_for("\"event\":\"join\"");
    assert_eq!(field(&join, "group"), "A");
    alice.say("/join B");
    alice.say("tab\there \"quoted\" \u{202e}\u{1b}[31m");
    let shout = bob.wait_for("\"event\":\"shout\"");
    assert_eq!(
        field(&shout, "text"),
        "tab\there \"quoted\" \u{202e}\u{1b}[31m"
    );
    alice.close();
    bob.wait_for("\"event\":\"exit\"");
    bob.close();
    bob.wait_for("\"event\":\"stop\"");
    assert_eq!(bob.finish().code(), 0);
}

#[test]
fn text_never_holds_what_could_move_a_cursor() {
    let port = free_port();
    let mut bob = Zchat::start(port, "--name bob");
    let mut alice = Zchat::start(port, "--name alice");
    alice.say("bell\u{7} escape\u{1b}[2J override\u{202e}");
    let line = bob.wait_for("[CHAT] alice: bell");
    assert!(!line.contains(['\u{7}', '\u{1b}', '\u{202e}']), "{line:?}");
}

#[test]
fn lines_that_are_not_utf_8_are_refused_by_their_number_and_the_others_sent() {
    let port = free_port();
    let mut bob = Zchat::start_json(port, "--name bob");
    let mut alice = Zchat::start(port, "--name alice");
    alice.write(b"one\n\xff\xfe\ncut \xe4\xbc\nfour\n");
    let alice = alice.end();
    assert_eq!(alice.code(), 1);
    assert_eq!(alice.with("! line 2: not UTF-8; it was not sent").len(), 1);
    assert_eq!(alice.with("! line 3: not UTF-8; it was not sent").len(), 1);
    assert_eq!(field(&bob.wait_for("\"event\":\"shout\""), "text"), "one");
    assert_eq!(field(&bob.wait_for("\"event\":\"shout\""), "text"), "four");
}

#[test]
fn a_wrong_command_sends_nothing_and_is_status_1() {
    let port = free_port();
    let mut bob = Zchat::start_json(port, "--name bob");
    let mut alice = Zchat::start(port, "--name alice");
    alice.say("/bogus");
    alice.say("//slash");
    assert_eq!(alice.end().code(), 1);
    assert_eq!(
        field(&bob.wait_for("\"event\":\"shout\""), "text"),
        "/slash"
    );
}

#[test]
fn the_conversation_goes_to_stdout_and_the_log_to_stderr() {
    let port = free_port();
    let mut bob = Zchat::start(port, "--name bob -vv");
    let mut alice = Zchat::start(port, "--name alice -vv");
    alice.say("hello");
    bob.wait_for("[CHAT] alice: hello");
    let alice = alice.end();
    assert!(
        alice.lines.iter().all(|line| !line.starts_with("zchat: ")),
        "{alice:?}"
    );
    assert!(
        alice.errors.lines().all(|line| line.starts_with("zchat: ")),
        "{alice:?}"
    );
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    let port = free_port();
    let mut bob = Zchat::start_json(port, "--name bob");
    let (reader, writer) = std::io::pipe().unwrap();
    let mut head = command(port, "--name alice")
        .stdin(Stdio::piped())
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdin = head.stdin.take();
    let mut first = String::new();
    BufReader::new(reader).read_line(&mut first).unwrap();
    assert_eq!(first, "* bob is here (127.0.0.1)\n");
    // The reader is closed now, and alice learns it when she has something to tell.
    bob.say("more");
    bob.wait_for("\"event\":\"exit\"");
    let ended = head.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    drop(stdin);
}

#[test]
fn a_disk_that_is_full_is_a_failure_and_told() {
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = command(free_port(), "--json")
        .stdin(Stdio::null())
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("cannot show what happens"), "{errors}");
}

#[test]
fn a_million_lines_take_no_more_memory_than_a_few() {
    // Goal: what is piped in faster than a peer takes it stays in the pipe. Method: the only
    // listener is stopped, so that nothing can be delivered; then as much is written as fits.
    let port = free_port();
    let bob = Zchat::start_json(port, "--name bob");
    let mut alice = Zchat::start(port, "--name alice");
    alice.wait_for("* bob is here");
    bob.signal("-STOP");
    let mut stdin = alice.take_stdin();
    let (sent, progress) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let line = format!("{}\n", "x".repeat(999));
        for number in 0..1_000_000 {
            if stdin.write_all(line.as_bytes()).is_err() || sent.send(number).is_err() {
                return;
            }
        }
    });
    // The writer is stuck when nothing moves for a second: the evasive time is five.
    while progress
        .recv_timeout(std::time::Duration::from_secs(1))
        .is_ok()
    {}
    let memory = alice.pid_memory_kib();
    assert!(memory < 80 << 10, "{memory} KiB");
    alice.signal("-KILL");
    bob.signal("-CONT");
}

#[test]
fn what_a_script_says_to_one_alone_does_not_reach_all_when_the_other_side_ends_it() {
    let port = free_port();
    let mut bob = Zchat::start_json(port, "--name bob");
    let mut eve = Zchat::start_json(port, "--name eve");
    let mut alice = Zchat::start(port, "--name alice");
    bob.wait_until("alice", |line| {
        line.contains("\"event\":\"join\"") && line.contains("alice")
    });
    // She knows whom her last line is to reach.
    alice.wait_for("* eve is here");
    // Written ahead, as scripts do: the text waits for bob's answer.
    alice.say("/chat bob");
    alice.say("the first secret");
    bob.wait_for("\"state\":\"asked\"");
    bob.say("/ok");
    let heard = bob.wait_for("the first secret");
    assert_eq!(field(&heard, "event"), "whisper");
    bob.say("/end");
    alice.wait_for("the private chat with bob has ended");
    alice.say("the second secret");
    alice.wait_for("! line 3: not sent: there is no private chat with bob");
    alice.say("/end");
    alice.wait_for("* text goes to CHAT again");
    alice.say("to all");
    let heard = eve.wait_for("\"event\":\"shout\"");
    assert_eq!(field(&heard, "text"), "to all");
    assert_eq!(alice.end().code(), 1);
    let eve = eve.end();
    assert_eq!(eve.with("secret"), Vec::<&str>::new());
    bob.end();
}
