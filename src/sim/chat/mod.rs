//! A chat in a world: the very [`Session`] that the program runs, carried as its task carries it
//! (`src/channel/task.rs`), a reader of what it shows (`reader`), and somebody who types (`person`).

mod person;
mod reader;

pub(super) use self::person::View;

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use super::check::{End, Manner, Shown, Someone, Utterance};
use super::rng::Rng;
use crate::chat::{Config, Exit, Form, HEADER, Input, Output, Place, Session, Signal, Stamp};
use crate::zre::{Action, Event, GroupName, Headers, Name, PeerId};

/// Where the clocks of all hosts are on the first day of the world: Friday, 20 November 2026.
const FIRST_DAY: i64 = 1_795_161_600_000;

/// How far the clocks on the walls of two hosts are apart that follow each other: nobody sets them.
const APART: i64 = 7_919_123;

/// A session, and whoever sits before it.
#[derive(Debug)]
pub(super) struct Chat {
    session: Session,
    rng: Rng,
    manner: Manner,
    /// When it began, and what the clock on the wall showed then.
    began: Instant,
    wall: i64,
    /// What the prompt says, where there is one.
    place: Option<Place>,
    /// With whom a private chat was seen to begin, and who was seen to ask for one.
    talk: Option<Someone>,
    asking: Option<Someone>,
    asked_by: Vec<Someone>,
    ignored: BTreeSet<PeerId>,
    is_away: bool,
    /// A program that writes lines knows that they are handled at once by now.
    has_settled: bool,
    /// How many texts were typed.
    said: u64,
    shown: Vec<Shown>,
    /// How many of them were noticed.
    noticed: usize,
    actions: VecDeque<Action>,
    end: Option<End>,
}

/// What somebody does at a chat, for the checkers.
#[derive(Debug)]
pub(super) enum Typed {
    Text(u64, Utterance),
    Wants(Someone),
    Ignores(PeerId, bool),
}

/// Something that is typed.
#[derive(Debug)]
enum Line {
    /// Where text goes to a group, or to whoever it names.
    Open(String),
    /// While the prompt showed a private chat.
    Private(String),
    EndOfInput,
    Signal(Signal),
}

/// What a chat is told at its start.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) rng: Rng,
    pub(super) number: usize,
    pub(super) peer: PeerId,
    pub(super) name: Name,
    pub(super) groups: Vec<GroupName>,
    pub(super) headers: Headers,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) port: u16,
}

/// The headers of a chat's node, besides those that it has anyhow.
pub(super) fn with_header(headers: Headers) -> Headers {
    headers.with(HEADER, "1").expect("a short header")
}

impl Chat {
    pub(super) fn new(now: Instant, mut start: Start) -> Self {
        let (form, input) = match start.rng.below(4) {
            0 => (Form::Text, Input::Piped),
            1 => (Form::Json, Input::Piped),
            _ => (Form::Screen, Input::Typed),
        };
        let mut config = Config::new(start.name, start.groups);
        let address = start.addresses.first().copied();
        config.endpoint = address.map_or_else(String::new, |address| {
            format!("tcp://{address}:{}", start.port)
        });
        config.headers = start.headers;
        config.form = form;
        config.input = input;
        let days = i64::try_from(start.number).unwrap_or(0) * APART;
        let wall = FIRST_DAY + days;
        let mut chat = Self {
            session: Session::new(config, start.peer, now, Stamp::new(wall, 3_600)),
            rng: start.rng,
            manner: Manner {
                is_piped: input == Input::Piped,
                is_json: form == Form::Json,
            },
            began: now,
            wall,
            place: None,
            talk: None,
            asking: None,
            asked_by: Vec::new(),
            ignored: BTreeSet::new(),
            is_away: false,
            has_settled: input == Input::Typed,
            said: 0,
            shown: Vec::new(),
            noticed: 0,
            actions: VecDeque::new(),
            end: None,
        };
        chat.carry_out();
        chat
    }

    pub(super) const fn manner(&self) -> Manner {
        self.manner
    }

    pub(super) fn handle_event(&mut self, now: Instant, event: Event) {
        let wall = self.wall(now);
        self.session.handle_event(now, wall, event);
        self.carry_out();
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let wall = self.wall(now);
        self.session.handle_timeout(now, wall);
        self.carry_out();
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.session.poll_timeout()
    }

    pub(super) fn wants_lines(&self) -> bool {
        self.session.wants_lines() && self.end.is_none()
    }

    /// What it wants of its node, in order.
    pub(super) fn take_actions(&mut self) -> VecDeque<Action> {
        std::mem::take(&mut self.actions)
    }

    /// What it has shown since the last time.
    pub(super) fn take_shown(&mut self) -> Vec<Shown> {
        self.noticed = 0;
        std::mem::take(&mut self.shown)
    }

    /// How it has ended.
    pub(super) const fn end(&self) -> Option<End> {
        self.end
    }

    fn handle_line(&mut self, now: Instant, line: &Line) {
        let wall = self.wall(now);
        match line {
            Line::Open(line) => self.session.handle_line(now, wall, line),
            Line::Private(line) => self.session.handle_private_line(now, wall, line),
            Line::EndOfInput => self.session.handle_end_of_input(now, wall),
            Line::Signal(signal) => self.session.handle_signal(now, wall, *signal),
        }
        self.carry_out();
        self.has_settled |= self.session.wants_lines() && self.said > 0;
    }

    fn wall(&self, now: Instant) -> Stamp {
        let passed = now.saturating_duration_since(self.began).as_millis();
        Stamp::new(self.wall + i64::try_from(passed).unwrap_or(0), 3_600)
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Show(line) => self.shown.extend(reader::read(&line)),
                Output::Report(record) => self.shown.extend(reader::read_record(&record)),
                Output::Act(action) => self.actions.push_back(action),
                Output::Prompt(prompt) => {
                    self.shown.extend(reader::read_prompt(&prompt));
                    self.place = Some(prompt.place);
                }
                Output::Clear => {}
                Output::Quit(exit) => self.end = Some(end(exit)),
            }
        }
        for at in self.noticed..self.shown.len() {
            self.notice(at);
        }
        self.noticed = self.shown.len();
    }

    /// Whoever sits before it sees what it shows.
    fn notice(&mut self, at: usize) {
        match self.shown.get(at) {
            Some(Shown::Asks(who)) if !self.asked_by.contains(who) => {
                self.asked_by.push(who.clone());
            }
            Some(Shown::Begins(who)) => {
                self.talk = Some(who.clone());
                self.asking = None;
                self.asked_by.clear();
            }
            Some(Shown::Asking(who)) => {
                self.asking = Some(who.clone());
            }
            Some(Shown::Declined(who))
                if self.asking.as_ref().is_some_and(|it| is_same(it, who)) =>
            {
                self.asking = None;
            }
            Some(Shown::Ends(who)) => {
                self.talk.take_if(|talk| is_same(talk, who));
                self.asking.take_if(|asking| is_same(asking, who));
            }
            _ => {}
        }
    }
}

/// Whether two names are those of one peer, which may have been renamed.
fn is_same(one: &Someone, other: &Someone) -> bool {
    match (one, other) {
        (Someone::Name(one), Someone::Name(other)) => {
            let word = |name: &str| name.split([' ', '~']).next().map(str::to_owned);
            word(one) == word(other)
        }
        _ => one == other,
    }
}

const fn end(exit: Exit) -> End {
    match exit {
        Exit::Done => End::Done,
        Exit::Failed | Exit::Nobody => End::Failed,
        Exit::Signal(_) => End::Signal,
    }
}
