//! Where the attacks happen: three hosts on a bridge, and a conversation between two of them.
//!
//! Alice, who is attacked, and bob are scripted peers (docs/examples/peer.rs) in hosts of their own,
//! each a process. Both whisper and shout numbers to each other all the time: a message that is lost,
//! forged, doubled or out of order is noticed.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use zchat::zre::PeerId;

use crate::crowds;
use crate::field::Field;
use crate::figure::figure;
use crate::lab::Lab;
use crate::measure::{self, Cost, Watch};
use crate::program::{self, PATIENCE, Program};

pub(crate) const ALICE: u8 = 1;
pub(crate) const BOB: u8 = 2;
pub(crate) const MALLORY: u8 = 3;

/// The most that a node may have while it is attacked.
pub(crate) const MEMORY_MIB: u64 = 96;
pub(crate) const DESCRIPTORS: u64 = 1_000;

/// How long what was said under an attack may take: a machine that is busy with the attacks reads it as soon
/// as they are over.
const LONG: Duration = Duration::from_secs(60);

/// How often each of the two says something: 400 times a second.
const PAUSE: Duration = Duration::from_micros(2_500);

const PORT: u16 = 5_670;

/// An attack: does what it does until its time is over.
pub(crate) type Attack = fn(&Field);

/// The place, and the conversation.
#[derive(Debug)]
pub(crate) struct Ground {
    lab: Lab,
    alice: Program,
    bob: Program,
    process: u64,
    field: Field,
}

/// One attack by itself, for three seconds.
pub(crate) fn withstands(name: &str, attack: Attack) {
    let Some(mut ground) = Ground::new() else {
        return;
    };
    ground.withstand(name, &[attack], Duration::from_secs(3));
    ground.close();
}

impl Ground {
    /// Alice and bob have met. `None` where this machine cannot have it, and the test is skipped.
    pub(crate) fn new() -> Option<Self> {
        // Whoever is gone is forgotten soon, so that a test sees what stays behind; but not whoever gets no
        // processor for a while, nor one that a test stops for some seconds.
        Self::with_expired("10000")
    }

    /// The same, where they forget who is gone only after so many milliseconds.
    pub(crate) fn with_expired(expired: &str) -> Option<Self> {
        let lab = Lab::new(3)?;
        aliases(&lab);
        let start = |host: u8, name: &str| {
            let mut command = lab.command(host, program::scripted_peer());
            let port = PORT.to_string();
            command.args(["--name", name, "--group", "CHAT", "--port", &port]);
            command.args(["--evasive", "3000", "--expired", expired]);
            let mut program = Program::start(name, command.env_remove("ZCHAT_INTERFACE"));
            let start = program.event("START", name).line;
            (program, start)
        };
        let (mut alice, about_alice) = start(ALICE, "alice");
        let (mut bob, about_bob) = start(BOB, "bob");
        let bob_at = endpoint(&alice.event("ENTER", "bob").line);
        let mailbox = endpoint(&bob.event("ENTER", "alice").line);
        alice.event("JOIN", "bob");
        bob.event("JOIN", "alice");
        let (alice_is, bob_is) = (peer(&about_alice), peer(&about_bob));
        let field = field((alice_is, mailbox), (bob_is, bob_at));
        Some(Self {
            lab,
            process: about_alice["pid"].as_u64().unwrap(),
            alice,
            bob,
            field,
        })
    }

    /// Lets these attacks go on at the same time while alice and bob talk.
    ///
    /// Neither misses a message or gets one that the other has not sent, nobody enters who is
    /// nobody, bob is never anything but present, and the cost stays within the limits.
    pub(crate) fn withstand(&mut self, name: &str, attacks: &[Attack], time: Duration) {
        let marks = [self.alice.mark(), self.bob.mark()];
        let before = measure::cost(self.process);
        let used = measure::processor_seconds(self.process);
        let watch = Watch::begin(self.process);
        self.field.until = Instant::now() + time;
        let said = self.talk_under(attacks);
        self.explain_unless_complete(marks, said);
        for (program, mark, sender) in [
            (&mut self.alice, marks[0], self.field.bob),
            (&mut self.bob, marks[1], self.field.victim),
        ] {
            complete(program, mark, sender, said);
        }
        self.nothing_but_present(marks);
        let most = watch.end();
        let deeds = self
            .field
            .deeds
            .swap(0, std::sync::atomic::Ordering::Relaxed);
        let used = measure::processor_seconds(self.process) - used;
        let after = self.released(before);
        figure(&format!(
            "{name}: {deeds} times; memory {} -> {} -> {} MiB, descriptors {} -> {} -> {}, \
             threads {} -> {}, {:.0} % of a core",
            before.megabytes(),
            most.megabytes(),
            after.megabytes(),
            before.descriptors,
            most.descriptors,
            after.descriptors,
            before.threads,
            most.threads,
            used / time.as_secs_f64() * 100.0,
        ));
        assert!(most.megabytes() < MEMORY_MIB, "{name}: {most:?}");
        assert!(most.descriptors < DESCRIPTORS, "{name}: {most:?}");
        assert!(most.threads <= before.threads, "{name}: {most:?}");
    }

    /// Both go on talking until the attacks are over; how often each has said something.
    fn talk_under(&mut self, attacks: &[Attack]) -> u64 {
        let attacking = begin(&self.lab, &self.field, attacks);
        let mut said = 0;
        while !attacking.iter().all(JoinHandle::is_finished) {
            let (alice, bob) = if said % 2 == 0 {
                (
                    format!("whisper bob {said}"),
                    format!("whisper alice {said}"),
                )
            } else {
                (format!("shout CHAT {said}"), format!("shout CHAT {said}"))
            };
            self.alice.say(&alice);
            self.bob.say(&bob);
            said += 1;
            thread::sleep(PAUSE);
        }
        for attack in attacking {
            attack.join().expect("an attack does not fail by itself");
        }
        said
    }

    /// Says what is known if something is missing after a while, since nothing of it can be asked later: what
    /// each has heard, and been told of the other, what it has counted, and what the system holds of its
    /// connections.
    fn explain_unless_complete(&mut self, marks: [usize; 2], said: u64) {
        let deadline = Instant::now() + LONG / 2;
        let senders = [self.field.bob, self.field.victim].map(hexadecimal);
        let others = [Lab::address(BOB), Lab::address(ALICE)];
        let programs = [(&mut self.alice, ALICE), (&mut self.bob, BOB)];
        for (index, (program, host)) in programs.into_iter().enumerate() {
            let is_its = |line: &&Value| line["peer"] == *senders[index];
            let heard = |program: &mut Program| {
                let lines = program.seen().skip(marks[index]).filter(is_its);
                lines.filter(|line| is_content(line)).count() as u64
            };
            while heard(program) < said && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(50));
            }
            if heard(program) >= said {
                continue;
            }
            eprintln!("host {host} has heard {} of {said}", heard(program));
            let lines = program.seen().skip(marks[index]).filter(is_its);
            for line in lines.filter(|line| !is_content(line)).take(20) {
                eprintln!("{line}");
            }
            let mark = program.mark();
            program.say("stats");
            let is_stats = |line: &Value| line["event"] == "STATS";
            let stats = program.find_until(mark, Instant::now() + PATIENCE / 4, is_stats);
            let other = others[index].to_string();
            let mut system = self.lab.command(host, "ss");
            let shown = system.args(["-tinm", "dst", &other]).output();
            let shown = shown.map(|shown| String::from_utf8_lossy(&shown.stdout).into_owned());
            eprintln!("{stats:?}\n{}", shown.unwrap_or_default());
        }
    }

    /// Whatever else the two have shown: who has entered is somebody, and nothing was said of bob.
    fn nothing_but_present(&mut self, marks: [usize; 2]) {
        let real = self.field.real.lock().unwrap().clone();
        for (program, mark) in [(&mut self.alice, marks[0]), (&mut self.bob, marks[1])] {
            for line in program.seen().skip(mark) {
                let event = line["event"].as_str().unwrap_or_default();
                if matches!(event, "WHISPER" | "SHOUT") {
                    continue;
                }
                let id = peer(line);
                let honest = id == self.field.bob || id == self.field.victim;
                assert!(!honest, "something has happened to an honest peer: {line}");
                assert!(event != "ENTER" || real.contains(&id), "a ghost: {line}");
            }
        }
    }

    /// What alice has after everybody else has been forgotten.
    fn released(&self, before: Cost) -> Cost {
        let deadline = Instant::now() + LONG;
        loop {
            let now = measure::cost(self.process);
            if now.descriptors <= before.descriptors && now.threads <= before.threads {
                return now;
            }
            assert!(
                Instant::now() < deadline,
                "not released: {before:?} -> {now:?}"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// An honest third on the attacker's host, whom both have met; and its process.
    pub(crate) fn newcomer(&mut self, name: &str) -> (Program, u64) {
        let mut command = self.lab.command(MALLORY, program::scripted_peer());
        let port = PORT.to_string();
        command.args(["--name", name, "--group", "CHAT", "--port", &port]);
        let mut program = Program::start(name, command.env_remove("ZCHAT_INTERFACE"));
        let process = program.event("START", name).line["pid"].as_u64().unwrap();
        for other in [&mut self.alice, &mut self.bob] {
            other.event("JOIN", name);
        }
        program.event("JOIN", "alice");
        program.event("JOIN", "bob");
        (program, process)
    }

    /// Begins an attack that goes on for so long.
    pub(crate) fn begin(&mut self, attack: Attack, time: Duration) -> JoinHandle<()> {
        self.field.until = Instant::now() + time;
        begin(&self.lab, &self.field, &[attack]).remove(0)
    }

    pub(crate) fn both(&mut self) -> (&mut Program, &mut Program) {
        (&mut self.alice, &mut self.bob)
    }

    pub(crate) fn cost_of_alice(&self) -> Cost {
        measure::cost(self.process)
    }

    pub(crate) fn watch_alice(&self) -> Watch {
        Watch::begin(self.process)
    }

    /// Alice still leaves as cleanly as ever.
    pub(crate) fn close(mut self) {
        self.alice.say("quit");
        self.bob.event("EXIT", "alice");
        assert!(self.alice.wait_for_end().success());
    }
}

/// Gives mallory's host more addresses.
pub(crate) fn aliases(lab: &Lab) {
    let alias = |address| format!("addr add {address}/24 brd + dev eth0\n");
    lab.ip(MALLORY, &crowds::addresses().map(alias).collect::<String>());
}

/// What mallory knows of alice and bob: who they are, and where their mailboxes are.
pub(crate) fn field(alice: (PeerId, SocketAddr), bob: (PeerId, SocketAddr)) -> Field {
    Field {
        mailbox: alice.1,
        victim: alice.0,
        bob: bob.0,
        bob_at: bob.1,
        own: Lab::address(MALLORY),
        beacons: (Ipv4Addr::new(10, 77, 0, 255), PORT).into(),
        until: Instant::now(),
        real: Arc::new(Mutex::new(BTreeSet::new())),
        deeds: Arc::default(),
    }
}

/// Begins these attacks, from mallory's host.
pub(crate) fn begin(lab: &Lab, field: &Field, attacks: &[Attack]) -> Vec<JoinHandle<()>> {
    lab.run(MALLORY, || {
        let begin = |attack: &Attack| {
            let (attack, field) = (*attack, field.clone());
            thread::spawn(move || attack(&field))
        };
        attacks.iter().map(begin).collect()
    })
}

/// Waits until everything that was said has come from this sender, each once and in order.
fn complete(program: &mut Program, mark: usize, sender: PeerId, said: u64) {
    let sender = hexadecimal(sender);
    let is_content = move |line: &Value| is_content(line) && line["peer"] == *sender;
    let last = (said - 1).to_string();
    program.wait_after(mark, LONG, "the last message", |line| {
        is_content(line) && line["text"] == *last
    });
    let heard = program.seen().skip(mark).filter(|line| is_content(line));
    let mut due = 0;
    for line in heard {
        assert_eq!(
            line["text"],
            due.to_string(),
            "lost, forged, or out of order: {line}"
        );
        due += 1;
    }
    assert_eq!(due, said);
}

/// Whether somebody has said something.
fn is_content(line: &Value) -> bool {
    matches!(line["event"].as_str(), Some("WHISPER" | "SHOUT"))
}

fn hexadecimal(peer: PeerId) -> String {
    peer.as_bytes()
        .iter()
        .map(|octet| format!("{octet:02X}"))
        .collect()
}

pub(crate) fn peer(line: &Value) -> PeerId {
    let text = line["peer"].as_str().unwrap_or_default();
    assert_eq!(text.len(), 32, "{line}");
    let octet = |index| u8::from_str_radix(&text[2 * index..][..2], 16).unwrap();
    PeerId::from_bytes(std::array::from_fn(octet))
}

pub(crate) fn endpoint(enter: &Value) -> SocketAddr {
    let address = enter["addr"].as_str().unwrap_or_default();
    address
        .trim_start_matches("tcp://")
        .parse()
        .expect("an endpoint")
}
