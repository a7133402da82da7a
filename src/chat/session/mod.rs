//! The chat as one state machine: [`Session`].
//!
//! Here is what it knows and how it is driven; what it does is in the files beside this one: `lines`
//! (what is typed), `talk`, `groups`, `lookup`, `own`, `manners` (commands), `private`, `events` (what
//! the node tells), `show` and `finish`.

mod events;
mod finish;
mod groups;
mod lines;
mod lookup;
mod manners;
mod own;
mod private;
mod show;
mod talk;
mod watch;

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use self::finish::{Phase, Tally};
use self::lookup::Question;
use self::manners::Ignored;
use self::own::Own;
use self::private::Astray;
use self::watch::Watch;
use super::complete;
use super::item::Item;
use super::merge::{Flaps, Merge};
use super::naming::Who;
use super::people::People;
use super::request::Private;
use super::settle::Settle;
use super::{Completion, Config, Form, Input, Output, Prompt, Purpose, Signal, Stamp, TEXT_OCTETS};
use crate::zre::{Event, GroupName, Name, PeerId, Ticket};

/// How long one may be alone before the hint comes that this can be looked into: ten beacons.
const ALONE: Duration = Duration::from_secs(10);

/// The same for whoever only looks on, and has nothing else to do: one beacon.
const UNSEEN: Duration = Duration::from_secs(1);

/// A chat. What happens is told to it by a `handle_…` method together with the time (`now`, which
/// never runs backwards, and the wall clock, for people); what it wants done comes out of
/// [`Session::poll_output`], to be carried out in order before anything else is told;
/// [`Session::poll_timeout`] says when it wants to be woken.
///
/// What is drained after each call is bounded by what is known (a list has a row for each peer), so
/// lines without end need no memory.
#[derive(Debug)]
pub struct Session {
    purpose: Purpose,
    input: Input,
    form: Form,
    wait: Duration,
    name: Name,
    own: Own,
    groups: Vec<GroupName>,
    current: Option<GroupName>,
    away: Option<String>,
    people: People,
    ignored: Vec<Ignored>,
    settle: Settle,
    /// A piped line that waits until discovery has settled.
    held: Option<String>,
    private: Private,
    astray: Astray,
    questions: Vec<Question>,
    merge: Merge,
    flaps: Flaps,
    watch: Watch,
    phase: Phase,
    tally: Tally,
    /// Until when being alone is no matter; `None` once it was told, or somebody was here.
    alone_until: Option<Instant>,
    next_number: u64,
    lines: u64,
    now: Instant,
    wall: Stamp,
    shown_at: Stamp,
    width: usize,
    prompt: Option<Prompt>,
    /// What we were told that others call us, since somebody has our name.
    namesake_told: Option<String>,
    /// Who said something to us alone last.
    whispered: Option<PeerId>,
    /// With whom we have whispered, either way, the last first.
    recent: Vec<PeerId>,
    outputs: VecDeque<Output>,
}

/// Why a line could not be read as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadLine {
    /// It is not UTF-8.
    NotUtf8,
    /// It is longer than [`TEXT_OCTETS`]; the shell need not keep the rest of it.
    TooLong,
}

impl Session {
    /// The session of the node with this id, which was started with the name and the groups of the
    /// configuration, and with [`HEADERS`](super::HEADERS).
    #[must_use]
    pub fn new(config: Config, own: PeerId, now: Instant, wall: Stamp) -> Self {
        let screen = config.form == Form::Screen;
        let tracks = matches!(config.purpose, Purpose::Watch { every: Some(_) });
        let alone = if tracks {
            (config.form != Form::Json).then_some(UNSEEN)
        } else {
            (screen && config.purpose == Purpose::Chat).then_some(ALONE)
        };
        // What is to be sent once is waited for, whoever types it.
        let is_chat = config.purpose == Purpose::Chat;
        let input = if is_chat { config.input } else { Input::Piped };
        let wait = if input == Input::Piped {
            config.wait
        } else {
            Duration::ZERO
        };
        let mut groups = config.groups;
        let mut known = BTreeSet::new();
        groups.retain(|group| known.insert(group.clone()));
        let mut session = Self {
            people: People::new(own, &config.name),
            current: groups.first().cloned(),
            groups,
            name: config.name,
            own: Own {
                endpoint: config.endpoint.clone(),
                advertised: config.advertised,
                headers: config.headers,
                addresses: None,
                since: wall,
            },
            purpose: config.purpose,
            input,
            form: config.form,
            wait: config.wait,
            away: None,
            ignored: Vec::new(),
            settle: Settle::new(now, wait),
            held: None,
            private: Private::default(),
            astray: Astray::default(),
            questions: Vec::new(),
            merge: Merge::default(),
            flaps: Flaps::default(),
            watch: Watch::default(),
            phase: Phase::Open,
            tally: Tally::default(),
            alone_until: alone.map(|alone| now + alone),
            next_number: 1,
            lines: 0,
            now,
            wall,
            shown_at: wall,
            width: usize::MAX,
            prompt: None,
            namesake_told: None,
            whispered: None,
            recent: Vec::new(),
            outputs: VecDeque::new(),
        };
        for group in &session.groups {
            session.people.join(group);
        }
        session.greet(config.endpoint);
        session.settle_up();
        session
    }

    /// A line was typed or piped in; without its line end. Only to be called while
    /// [`Session::wants_lines`].
    pub fn handle_line(&mut self, now: Instant, wall: Stamp, line: &str) {
        if !self.at(now, wall) {
            return;
        }
        self.lines += 1;
        self.take_line(line);
        self.settle_up();
    }

    /// The same for a line that was typed while [`Prompt`] showed a private chat: if that has ended
    /// meanwhile, what it says goes to nobody.
    pub fn handle_private_line(&mut self, now: Instant, wall: Stamp, line: &str) {
        if !self.at(now, wall) {
            return;
        }
        self.lines += 1;
        self.take_private_line(line);
        self.settle_up();
    }

    /// A line came that cannot be handled; it counts as a line, and nothing of it is sent.
    pub fn handle_bad_line(&mut self, now: Instant, wall: Stamp, why: BadLine) {
        if !self.at(now, wall) {
            return;
        }
        self.lines += 1;
        match why {
            BadLine::NotUtf8 => self.refuse("not UTF-8; it was not sent"),
            BadLine::TooLong => {
                self.refuse(&format!(
                    "longer than {TEXT_OCTETS} octets; it was not sent"
                ));
            }
        }
        self.settle_up();
    }

    /// No more lines will come: the session delivers what it has, and ends; one that only looks on
    /// needs none.
    pub fn handle_end_of_input(&mut self, now: Instant, wall: Stamp) {
        if !self.at(now, wall) {
            return;
        }
        if self.watches().is_none() {
            self.end_input();
        }
        self.settle_up();
    }

    /// The program is to end, after a clean leave; at the second signal it ends at once.
    pub fn handle_signal(&mut self, now: Instant, wall: Stamp, signal: Signal) {
        if !self.at(now, wall) {
            return;
        }
        self.take_signal(signal);
        self.settle_up();
    }

    /// Nobody reads what is shown (a broken pipe): the session leaves cleanly, and quietly.
    pub fn handle_broken_pipe(&mut self, now: Instant, wall: Stamp) {
        if !self.at(now, wall) {
            return;
        }
        self.mute();
        self.settle_up();
    }

    /// The node tells something.
    pub fn handle_event(&mut self, now: Instant, wall: Stamp, event: Event) {
        if !self.at(now, wall) {
            return;
        }
        if self.watches().is_some() {
            self.watch_event(&event);
        } else {
            self.take_event(event);
        }
        self.settle_up();
    }

    /// The time that [`Session::poll_timeout`] named has come (or any other).
    pub fn handle_timeout(&mut self, now: Instant, wall: Stamp) {
        if !self.at(now, wall) {
            return;
        }
        let steps = self.private.handle_timeout(now);
        self.take_steps(steps);
        self.give_up_questions();
        while let Some((peer, lost)) = self.flaps.handle_timeout(now) {
            self.take_flap(peer, lost);
        }
        if self.merge.poll_timeout().is_some_and(|until| until <= now) {
            self.show_held();
        }
        if self.alone_until.is_some_and(|until| until <= now) {
            self.alone_until = None;
            let others = if self.watches().is_some() {
                ""
            } else {
                " else"
            };
            self.notice(format!(
                "nobody{others} is here so far; \"zchat doctor\" finds out why"
            ));
        }
        self.settle_up();
    }

    /// The screen has so many columns: tables that do not fit are folded. Without it, none is.
    pub const fn handle_width(&mut self, columns: usize) {
        self.width = columns;
    }

    /// What to do next; to be asked until there is nothing.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Session::handle_timeout`] is wanted; `None` while there is nothing to wait for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.phase == Phase::Over {
            return None;
        }
        let settle = self.held.as_ref().and_then(|line| {
            let receiver = self.receiver_is_known(line);
            self.settle.poll_timeout(receiver)
        });
        [
            settle,
            self.private.poll_timeout(),
            self.questions.iter().map(Question::until).min(),
            self.flaps.poll_timeout(),
            self.merge.poll_timeout(),
            self.alone_until,
            self.poll_look(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Whether the session takes lines: not while a piped one waits for a receiver, not once the
    /// session is leaving, and not if it only looks on. The shell then leaves them where they come from.
    #[must_use]
    pub fn wants_lines(&self) -> bool {
        self.held.is_none() && self.phase == Phase::Open && self.watches().is_none()
    }

    /// What could stand before the cursor, which is at this octet of the line: in an empty one, the
    /// beginning of an answer to whoever said something to us alone last.
    #[must_use]
    pub fn complete(&self, line: &str, cursor: usize) -> Completion {
        if let Some(peer) = self.whispered.filter(|_| line.is_empty())
            && self.people.known(peer).is_some()
        {
            return complete::answer(&self.people.who(peer));
        }
        let known = complete::Known {
            people: &self.people,
            groups: &self.groups,
            ignored: &self.ignored_names(),
            recent: &self.recent,
        };
        complete::complete(line, cursor, known)
    }

    /// It is so late now; whether the session is not over.
    fn at(&mut self, now: Instant, wall: Stamp) -> bool {
        self.now = now;
        self.wall = wall;
        self.phase != Phase::Over
    }

    /// Does what has become possible: handles the line that was held, ends what is at its end, and
    /// tells the prompt.
    fn settle_up(&mut self) {
        self.release_line();
        self.look();
        self.finish();
        if self.phase != Phase::Over {
            self.tell_prompt();
        }
    }

    /// A number that was never given before: of a message, a request or a question.
    const fn number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }

    const fn ticket(&mut self) -> Ticket {
        Ticket(self.number())
    }

    fn ourselves(&self) -> Who {
        self.people.who_we_are(&self.name)
    }

    fn notice(&mut self, text: String) {
        self.show(Item::Notice(text));
    }
}
