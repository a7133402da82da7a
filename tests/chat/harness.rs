//! A session in virtual time: what is typed and what the node tells goes in, the screen comes out.

use std::time::{Duration, Instant};

use zchat::chat::{
    BadLine, Config, Exit, Form, HEADER, Input, LineKind, Output, Prompt, Purpose, Session, Signal,
    Stamp,
};
use zchat::zre::{
    Action, Content, Event, ExitReason, Frame, GroupName, Headers, Link, Name, Origin, PeerId,
};

/// Friday, 20 November 2026, 21:04:05 in a place one hour ahead of UTC.
pub const START: i64 = 1_795_205_045_000;

/// A session, its time, and what it said.
pub struct Chat {
    pub session: Session,
    pub now: Instant,
    epoch: Instant,
    pub lines: Vec<zchat::chat::Line>,
    pub records: Vec<serde_json::Value>,
    pub actions: Vec<Action>,
    pub prompt: Option<Prompt>,
    pub quit: Option<Exit>,
}

/// The settings of a chat in a terminal.
pub fn typed(name: &str, groups: &[&str]) -> Config {
    let groups = groups.iter().map(|name| group(name)).collect();
    let mut config = Config::new(Name::new(name).unwrap(), groups);
    config.endpoint = "tcp://10.0.0.1:49152".to_owned();
    config
}

/// The settings of a chat whose lines are piped in, and that shows text.
pub fn piped(name: &str, groups: &[&str]) -> Config {
    let mut config = typed(name, groups);
    config.input = Input::Piped;
    config.form = Form::Text;
    config
}

/// The same, but with records.
pub fn json(name: &str, groups: &[&str]) -> Config {
    let mut config = piped(name, groups);
    config.form = Form::Json;
    config
}

/// The settings of a one-shot.
pub fn sending(groups: &[&str], to: &[&str]) -> Config {
    let mut config = piped("alice", &[]);
    config.purpose = Purpose::Send {
        groups: groups.iter().map(|name| group(name)).collect(),
        to: to.iter().map(|name| (*name).to_owned()).collect(),
    };
    config
}

pub fn group(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

/// The id that begins with this octet, and is otherwise always the same.
pub const fn id(first: u8) -> PeerId {
    let mut id = [0x11; 16];
    id[0] = first;
    PeerId::from_bytes(id)
}

pub const ALICE: PeerId = id(0xA1);
pub const BOB: PeerId = id(0xB0);
pub const CAROL: PeerId = id(0xCA);

impl Chat {
    pub fn new(config: Config) -> Self {
        Self::of(config, ALICE)
    }

    pub fn of(config: Config, own: PeerId) -> Self {
        // Only the distance to it counts: it is never compared with anything real.
        let epoch = Instant::now();
        let wall = Stamp::new(START, 3_600);
        let mut chat = Self {
            session: Session::new(config, own, epoch, wall),
            now: epoch,
            epoch,
            lines: Vec::new(),
            records: Vec::new(),
            actions: Vec::new(),
            prompt: None,
            quit: None,
        };
        chat.drain();
        chat
    }

    pub fn wall(&self) -> Stamp {
        let passed = self.now.duration_since(self.epoch).as_millis();
        Stamp::new(START + i64::try_from(passed).unwrap(), 3_600)
    }

    /// What the session wants done is remembered.
    pub fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            assert_eq!(self.quit, None, "nothing follows the end");
            match output {
                Output::Show(line) => self.lines.push(line),
                Output::Report(record) => {
                    self.records.push(serde_json::to_value(&*record).unwrap());
                }
                Output::Act(action) => self.actions.push(action),
                Output::Clear => self.lines.clear(),
                Output::Prompt(prompt) => self.prompt = Some(prompt),
                Output::Quit(exit) => self.quit = Some(exit),
                _ => unreachable!("all outputs are known"),
            }
        }
    }

    pub fn line(&mut self, line: &str) {
        assert!(
            self.session.wants_lines(),
            "a line while none is wanted: {line}"
        );
        self.session.handle_line(self.now, self.wall(), line);
        self.drain();
    }

    /// A line that was typed while the prompt showed a private chat.
    pub fn private_line(&mut self, line: &str) {
        let (now, wall) = (self.now, self.wall());
        self.session.handle_private_line(now, wall, line);
        self.drain();
    }

    pub fn bad_line(&mut self, why: BadLine) {
        self.session.handle_bad_line(self.now, self.wall(), why);
        self.drain();
    }

    pub fn event(&mut self, event: Event) {
        self.session.handle_event(self.now, self.wall(), event);
        self.drain();
    }

    pub fn end(&mut self) {
        self.session.handle_end_of_input(self.now, self.wall());
        self.drain();
    }

    pub fn signal(&mut self, signal: Signal) {
        self.session.handle_signal(self.now, self.wall(), signal);
        self.drain();
    }

    /// Lets time pass, from one wake-up to the next.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let next = self.session.poll_timeout().filter(|next| *next <= end);
            self.now = next.unwrap_or(end).max(self.now);
            self.session.handle_timeout(self.now, self.wall());
            self.drain();
            let later = self
                .session
                .poll_timeout()
                .is_none_or(|next| next > self.now);
            if next.is_none() && self.now == end {
                return;
            }
            assert!(later, "a wake-up that is over is wanted again");
        }
    }

    pub fn seconds(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    /// A zchat peer comes, in these groups.
    pub fn enter(&mut self, peer: PeerId, name: &str, groups: &[&str]) {
        self.enter_with(peer, name, zchat_headers(), groups);
    }

    /// A peer of another kind comes, in these groups.
    pub fn enter_foreign(&mut self, peer: PeerId, name: &str, groups: &[&str]) {
        self.enter_with(peer, name, Headers::default(), groups);
    }

    pub fn enter_with(&mut self, peer: PeerId, name: &str, headers: Headers, groups: &[&str]) {
        let name = Name::lossy(name.as_bytes());
        self.event(Event::Enter {
            peer,
            name,
            headers,
            link: link(peer),
        });
        for name in groups {
            self.join(peer, name);
        }
    }

    pub fn join(&mut self, peer: PeerId, name: &str) {
        self.event(Event::Join {
            peer,
            group: GroupName::lossy(name.as_bytes()).unwrap(),
        });
    }

    pub fn leave(&mut self, peer: PeerId, name: &str) {
        self.event(Event::Leave {
            peer,
            group: group(name),
        });
    }

    pub fn exit(&mut self, peer: PeerId, reason: ExitReason) {
        self.event(Event::Exit { peer, reason });
    }

    pub fn hear(&mut self, peer: PeerId, name: &str, text: &str) {
        self.event(Event::Shout {
            origin: Origin::unproven(peer),
            group: GroupName::lossy(name.as_bytes()).unwrap(),
            content: Content::new(text),
        });
    }

    pub fn whisper(&mut self, peer: PeerId, text: &str) {
        self.whisper_frames(peer, vec![text.into()]);
    }

    pub fn whisper_frames(&mut self, peer: PeerId, frames: Vec<Frame>) {
        self.event(Event::Whisper {
            origin: Origin::unproven(peer),
            content: Content::from_frames(frames).unwrap(),
        });
    }

    /// The node answers what it is asked at the end: these peers have not read everything.
    pub fn finish(&mut self, not_reached: &[PeerId]) {
        let mut sent: Vec<PeerId> = Vec::new();
        let mut done = 0;
        while let Some(action) = self.actions.get(done).cloned() {
            done += 1;
            match action {
                Action::Whisper { peer, .. } => sent.push(peer),
                Action::Shout { .. } => sent.extend([BOB, CAROL]),
                Action::Flush { ticket, .. } => {
                    sent.sort_unstable();
                    sent.dedup();
                    let (missing, delivered) =
                        sent.drain(..).partition(|peer| not_reached.contains(peer));
                    self.event(Event::Flushed {
                        ticket,
                        delivered,
                        missing,
                    });
                }
                Action::Stop { .. } => self.event(Event::Stop),
                _ => {}
            }
        }
    }

    /// What was shown since the last call.
    pub fn screen(&mut self) -> String {
        let lines = self.lines.drain(..);
        lines.map(|line| line.text).collect::<Vec<_>>().join("\n")
    }

    /// The same, without the time of day that each line begins with.
    pub fn said(&mut self) -> String {
        let lines = self.lines.drain(..);
        let text = |line: zchat::chat::Line| match line.kind {
            LineKind::Row | LineKind::Day => line.text,
            _ => line
                .text
                .strip_prefix("21:04 ")
                .map_or_else(|| line.text.clone(), str::to_owned),
        };
        lines.map(text).collect::<Vec<_>>().join("\n")
    }

    /// What was reported since the last call, one object a line, without its time.
    pub fn reported(&mut self) -> String {
        let without_time = |mut record: serde_json::Value| {
            record.as_object_mut().unwrap().remove("time");
            record.to_string()
        };
        self.records
            .drain(..)
            .map(without_time)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// What the node was asked since the last call, without what is sent.
    pub fn asked(&mut self) -> Vec<Action> {
        self.actions.drain(..).collect()
    }

    /// The texts that were sent since the last call, and where to.
    pub fn sent(&mut self) -> Vec<String> {
        let text = |content: &Content| String::from_utf8(content.first().to_vec()).unwrap();
        let sent = self.actions.drain(..).filter_map(|action| match action {
            Action::Whisper { peer, content } => {
                Some(format!("{}: {}", peer.short(2), text(&content)))
            }
            Action::Shout { group, content } => Some(format!("{group}: {}", text(&content))),
            _ => None,
        });
        sent.collect()
    }
}

pub fn zchat_headers() -> Headers {
    Headers::default().with(HEADER, "1").unwrap()
}

pub fn link(peer: PeerId) -> Link {
    let host = peer.as_bytes()[0];
    Link::plain(format!("10.0.0.{host}:49152").parse().unwrap(), None)
}
