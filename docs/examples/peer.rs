//! A scripted peer: a node that a test or a measurement drives, on the public API alone.
//!
//! It has the options of `peer/options.rs`, takes one command a line on stdin, and prints one JSON
//! object a line; `t` is `CLOCK_MONOTONIC` in nanoseconds, the same for all processes of a machine. A
//! bulk message of 16 octets or more starts with the time of its sending (nanoseconds) and its number,
//! both 64 bits, little-endian, so that a receiver (`--count`) finds latency and gaps.
//!
//! ```text
//! cargo run --release --example peer -- --name A --interface lo --count --expect 100000
//! cargo run --release --example peer -- --name B --interface lo --whisper-to A 100000 64
//! ```
//!
//! Two threads: this one reads events and stdin, the other sends in bulk, because a sender waits while
//! its peer is slow, and two peers that flood each other must both go on reading.

#[path = "peer/bulk.rs"]
mod bulk;
#[path = "peer/input.rs"]
mod input;
#[path = "peer/jobs.rs"]
mod jobs;
#[path = "peer/options.rs"]
mod options;
#[path = "peer/output.rs"]
mod output;
#[path = "peer/tally.rs"]
mod tally;

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::thread::JoinHandle;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::Value;
use zchat::node::{Node, SendError};
use zchat::zre::{Content, Event, Frame, GroupName, Name, PeerId};

use input::Input;
use jobs::RoundTrips;
use options::{Command, Options};
use output::{Fields, Output};
use tally::{Tally, now};

fn main() -> ExitCode {
    let started = Options::parse(std::env::args().skip(1))
        .map_err(Into::into)
        .and_then(Peer::start);
    match started {
        Ok(mut peer) => {
            peer.run();
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("peer: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Events that are taken between two looks at stdin.
const BATCH: usize = 1_000;

/// How long the delivery of what was sent may go without progress when the node stops.
const STOP: Duration = Duration::from_secs(5);

/// The node, and what it is used for at the moment.
struct Peer {
    node: Node,
    options: Options,
    output: Output,
    input: Input,
    known: BTreeMap<PeerId, Known>,
    tally: Tally,
    /// Content messages in all.
    received: u64,
    /// A bulk send under way.
    bulk: Option<JoinHandle<()>>,
    round_trips: Option<RoundTrips>,
    /// When to quit, in nanoseconds of the clock.
    end: Option<u64>,
    quits: bool,
    /// The node has stopped, by command.
    stopped: bool,
}

/// What is known of a peer. A node forgets one with its EXIT, whose line still names it.
struct Known {
    name: Name,
    /// The number that its next bulk message must have.
    due: u64,
}

impl Peer {
    fn start(options: Options) -> Result<Self, Box<dyn std::error::Error>> {
        let start = now();
        let name = options.name.clone().unwrap_or_else(|| Name::lossy(b"peer"));
        let mut builder = Node::builder(name.clone());
        for (name, value) in &options.headers {
            builder = builder.header(name, value)?;
        }
        for group in &options.groups {
            builder = builder.group(group.clone());
        }
        if let Some(interface) = &options.interface {
            builder = builder.interface(interface);
        }
        if let Some(interval) = options.interval {
            builder = builder.interval(interval);
        }
        if let Some(port) = options.port {
            builder = builder.beacon_port(port);
        }
        if let Some(evasive) = options.evasive {
            builder = builder.evasive(evasive);
        }
        if let Some(expired) = options.expired {
            builder = builder.expired(expired);
        }
        let node = builder.start()?;
        let mut output = Output::new();
        let implementation = concat!("zchat ", env!("CARGO_PKG_VERSION"));
        output.tell_at(
            start,
            "START",
            &[
                ("peer", output::id(node.id())),
                ("name", name.as_str().into()),
                ("pid", std::process::id().into()),
                ("impl", implementation.into()),
            ],
        );
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Ok(Self {
            end: options
                .duration
                .map(|time| start.saturating_add(nanoseconds(time))),
            node,
            options,
            output,
            input: Input::default(),
            known: BTreeMap::new(),
            tally: Tally::default(),
            received: 0,
            bulk: None,
            round_trips: None,
            quits: false,
            stopped: false,
        })
    }

    fn run(&mut self) {
        loop {
            let drained = self.take_events();
            while let Some(line) = self.input.take() {
                self.obey(&line);
            }
            self.give_up_round_trips();
            self.quits |= self.input.has_ended() || self.end.is_some_and(|end| end <= now());
            if self.quits && self.bulk.as_ref().is_none_or(JoinHandle::is_finished) {
                break;
            }
            self.output.flush();
            self.wait(drained);
        }
        if self.options.count && self.tally.messages > 0 {
            self.summarize();
        }
        self.stop();
        self.output.tell("QUIT", &[]);
        self.output.flush();
    }

    /// Sleeps until there is an event or a line, or something is due.
    fn wait(&mut self, drained: bool) {
        let timeout = if !drained {
            PollTimeout::ZERO
        } else if self.quits {
            // For the end of a bulk send, which is no event.
            PollTimeout::from(5_u8)
        } else if self.end.is_some() || self.round_trips.is_some() {
            PollTimeout::from(50_u8)
        } else {
            PollTimeout::NONE
        };
        let stdin = io::stdin();
        let mut fds = Vec::with_capacity(2);
        // Both are always readable once they have ended.
        if !self.input.has_ended() {
            fds.push(PollFd::new(stdin.as_fd(), PollFlags::POLLIN));
        }
        if !self.stopped {
            fds.push(PollFd::new(self.node.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => {
                eprintln!("peer: cannot wait: {error}");
                self.quits = true;
            }
        }
        let is_readable = fds.first().is_some_and(|first| first.any() == Some(true));
        if !self.input.has_ended() && is_readable {
            self.input.read();
        }
    }

    /// Takes the events that wait, but not endlessly; whether there are no more.
    fn take_events(&mut self) -> bool {
        for _ in 0..BATCH {
            match self.node.try_recv() {
                Ok(event) => self.handle(event),
                Err(_) => return true,
            }
        }
        false
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Whisper { origin, content } => self.take_content(origin.peer, None, &content),
            Event::Shout {
                origin,
                group,
                content,
            } => self.take_content(origin.peer, Some(&group), &content),
            Event::Enter {
                peer,
                name,
                headers,
                link,
            } => {
                let headers: serde_json::Map<String, Value> = headers
                    .iter()
                    .map(|(name, value)| (name.to_owned(), value.into()))
                    .collect();
                self.known.insert(peer, Known { name, due: 0 });
                let more = [
                    ("headers", headers.into()),
                    ("addr", link.to_string().into()),
                ];
                self.tell_of("ENTER", peer, &more);
                self.begin_if_ready();
            }
            Event::Exit { peer, .. } => {
                self.tell_of("EXIT", peer, &[]);
                self.known.remove(&peer);
            }
            Event::Evasive { peer } => self.tell_of("EVASIVE", peer, &[]),
            Event::Silent { peer } => self.tell_of("SILENT", peer, &[]),
            Event::Heard { peer } => self.tell_of("HEARD", peer, &[]),
            Event::Moved { peer, link } => {
                self.tell_of("MOVED", peer, &[("addr", link.to_string().into())]);
            }
            Event::Join { peer, group } => {
                self.tell_of("JOIN", peer, &[("group", group.as_str().into())]);
                self.begin_if_ready();
            }
            Event::Leave { peer, group } => {
                self.tell_of("LEAVE", peer, &[("group", group.as_str().into())]);
            }
            Event::Update {
                peer, name, was, ..
            } => {
                if let Some(known) = self.known.get_mut(&peer) {
                    known.name = name;
                }
                self.tell_of("UPDATE", peer, &[("was", was.as_str().into())]);
            }
            Event::Undelivered { peer, count, .. } => {
                self.tell_of("UNDELIVERED", peer, &[("count", count.into())]);
            }
            _ => {}
        }
    }

    fn tell_of(&mut self, event: &str, peer: PeerId, more: Fields<'_>) {
        let name = self
            .known
            .get(&peer)
            .map_or("", |known| known.name.as_str());
        let mut fields = vec![("peer", output::id(peer)), ("name", name.into())];
        fields.extend_from_slice(more);
        self.output.tell(event, &fields);
    }

    fn take_content(&mut self, peer: PeerId, group: Option<&GroupName>, content: &Content) {
        if group.is_none() && self.awaits(peer) {
            self.round_trip();
            return;
        }
        self.received += 1;
        if self.options.count {
            self.count(peer, content);
        } else {
            self.show(peer, group, content);
        }
        if self.options.echo && group.is_none() {
            let echoed = self.node.whisper(peer, content.clone());
            self.report(echoed);
        }
        self.quits |= self.options.quit_after == Some(self.received);
    }

    fn count(&mut self, peer: PeerId, content: &Content) {
        let known = self.known.get_mut(&peer);
        let due = known.as_ref().map_or(0, |known| known.due);
        let next = self.tally.add(content.first(), content.size(), due);
        if let Some(known) = known {
            known.due = next;
        }
        if self.options.expect == Some(self.tally.messages) {
            self.summarize();
        }
    }

    fn show(&mut self, peer: PeerId, group: Option<&GroupName>, content: &Content) {
        let mut fields = Vec::with_capacity(4);
        if let Some(group) = group {
            fields.push(("group", group.as_str().into()));
        }
        fields.push(("frames", content.count().into()));
        fields.push(("len", content.size().into()));
        // What a terminal or a line of JSON would suffer from is told by its length only.
        let is_short = content.count() == 1 && content.size() <= 1_000;
        let text = std::str::from_utf8(content.first()).ok();
        if let Some(text) = text.filter(|text| is_short && !text.contains(char::is_control)) {
            fields.push(("text", text.into()));
        }
        let event = if group.is_some() { "SHOUT" } else { "WHISPER" };
        self.tell_of(event, peer, &fields);
    }

    fn summarize(&mut self) {
        let tally = std::mem::take(&mut self.tally);
        self.output.counted(tally);
    }

    fn obey(&mut self, line: &str) {
        let command = match line.parse() {
            Ok(command) => command,
            Err(error) => return self.output.error(&format!("{error}: {line}")),
        };
        let done = match command {
            Command::Shout(group, text) => self.node.shout(&group, text),
            Command::Whisper(name, text) => self.whisper(&name, Content::new(text)),
            Command::Frames(name, texts) => {
                let frames = texts.into_iter().map(Frame::from);
                let content = Content::from_frames(frames).unwrap_or_else(|| Content::new(""));
                self.whisper(&name, content)
            }
            Command::Rename(name) => self.node.rename(name),
            Command::Join(group) => self.node.join(&group),
            Command::Leave(group) => self.node.leave(&group),
            Command::Start(job) => {
                self.begin(job);
                Ok(())
            }
            Command::Peers => {
                self.list();
                Ok(())
            }
            Command::Summary => {
                self.summarize();
                Ok(())
            }
            Command::Stats => {
                let stats = format!("{:?}", self.node.stats());
                self.output.tell("STATS", &[("text", stats.into())]);
                Ok(())
            }
            Command::Pause(time) => {
                self.output.flush();
                #[expect(clippy::disallowed_methods, reason = "a slow application is wanted")]
                std::thread::sleep(time);
                Ok(())
            }
            Command::Stop => {
                self.stop();
                Ok(())
            }
            Command::Quit => {
                self.quits = true;
                Ok(())
            }
            Command::Die => std::process::exit(0),
        };
        self.report(done);
    }

    fn whisper(&mut self, name: &str, content: Content) -> Result<(), SendError> {
        match self.find(name) {
            Some(peer) => self.node.whisper(peer, content),
            None => {
                self.output.error(&format!("no such peer: {name}"));
                Ok(())
            }
        }
    }

    fn report(&mut self, done: Result<(), SendError>) {
        if let Err(error) = done {
            self.output.error(&error.to_string());
        }
    }

    /// The peer with this name, or these 32 hexadecimal digits.
    fn find(&self, name: &str) -> Option<PeerId> {
        let is_meant = |peer: &PeerId, known: &Known| {
            known.name.as_str() == name || peer.to_string().eq_ignore_ascii_case(name)
        };
        let mut found = self
            .known
            .iter()
            .filter(|(peer, known)| is_meant(peer, known));
        found.next().map(|(peer, _)| *peer)
    }

    fn list(&mut self) {
        let peers: Vec<PeerId> = self.known.keys().copied().collect();
        for peer in &peers {
            self.tell_of("PEER", *peer, &[]);
        }
        self.output.tell("PEERS", &[("n", peers.len().into())]);
    }

    // The end.

    /// Stops the node, and shows what it still has to tell.
    fn stop(&mut self) {
        self.node.stop(STOP);
        while let Ok(event) = self.node.recv() {
            self.handle(event);
        }
        self.stopped = true;
    }
}
