//! What people and programs do: join, leave, shout, whisper, change their names, stop and come back;
//! and read what they are told, or not.

use std::time::Duration;

use super::{What, World};
use crate::sim::check::{TAIL_HEADER, has_tail};
use crate::sim::host::{Input, Running};
use crate::zre::{Action, Content, Frame, GroupName, Headers, Name, PeerId, Tail, Ticket};

/// Actions that wait at most; an application that has as many does nothing more.
const BACKLOG: usize = 50;

impl World {
    /// An application starts: it joins some groups, among them the one that everybody is in.
    pub(super) fn begin_to_act(&mut self, number: usize) {
        let groups = self.groups.clone();
        let mut joined = Vec::new();
        for (place, group) in groups.into_iter().enumerate() {
            if place == 0 || self.luck.people.coin() {
                joined.push(group.clone());
                self.does(number, Action::Join(group));
            }
        }
        self.begin_chat(number, joined);
        self.act_again(number);
    }

    fn act_again(&mut self, number: usize) {
        if let Some(pace) = self.options.pace {
            let wait = self.luck.people.time(Duration::ZERO, pace * 2);
            self.agenda.enter(self.now + wait, What::Act(number));
        }
    }

    /// An application does something.
    pub(super) fn act(&mut self, number: usize) {
        if self.healed || self.process(number).state == Running::Ended {
            return;
        }
        let process = self.process(number);
        if process.state == Running::Runs && process.application.backlog.len() < BACKLOG {
            let is_chat = process.application.chat.is_some();
            if is_chat {
                self.type_line(number);
            } else if let Some(action) = self.choose_action(number) {
                self.does(number, action);
                self.offer(number);
            }
        }
        self.act_again(number);
    }

    fn choose_action(&mut self, number: usize) -> Option<Action> {
        let is_foreign = self.process(number).machine.flavour().is_some();
        let restless = self.options.restless && !is_foreign;
        let place = self.luck.people.place(self.groups.len());
        let group = self.groups.get(place).cloned()?;
        Some(match self.luck.people.below(100) {
            0..10 if place > 0 => Action::Join(group),
            10..18 if place > 0 => Action::Leave(group),
            18..60 => Action::Shout {
                group,
                content: self.new_content(number),
            },
            60..85 => Action::Whisper {
                peer: self.choose_peer(number)?,
                content: self.new_content(number),
            },
            85..91 if is_foreign => return None,
            85..88 => Action::Ping(self.choose_peer(number)?),
            88..91 => Action::Flush {
                ticket: Ticket(self.luck.people.draw() >> 1),
                within: Duration::from_secs(self.luck.people.between(0, 10)),
            },
            91..94 if restless => {
                let name = format!("p{number} {}", self.luck.people.below(1_000));
                Action::Rename(Name::new(&name).expect("a short name"))
            }
            94..96 if restless => {
                let value = self.luck.people.below(1_000).to_string();
                Action::Describe(headers(number, &value))
            }
            96 if self.options.restless && !self.host(self.process(number).host).lucky => {
                Action::Stop {
                    within: Duration::from_secs(self.luck.people.between(0, 5)),
                }
            }
            _ => return None,
        })
    }

    pub(super) fn choose_peer(&mut self, number: usize) -> Option<PeerId> {
        let roster = &self.process(number).application.roster;
        let length = roster.len();
        let place = self.luck.people.place(length);
        self.process(number)
            .application
            .roster
            .iter()
            .nth(place)
            .copied()
    }

    /// Content that tells who made it, as the how many-th.
    fn new_content(&mut self, number: usize) -> Content {
        let is_foreign = self.process(number).machine.flavour().is_some();
        let application = &mut self.process_mut(number).application;
        let count = application.contents;
        application.contents += 1;
        let luck = &mut self.luck.people;
        let length = luck.below(self.options.content);
        let first = format!(
            "{number} {count} {}",
            "x".repeat(usize::try_from(length).unwrap_or(0))
        );
        let mut frames = vec![Frame::from(first)];
        for frame in 0..luck.below(3).saturating_sub(1) {
            frames.push(Frame::from(format!("frame {frame} of {count}")));
        }
        let content = Content::from_frames(frames).expect("there is a first frame");
        if luck.coin() || is_foreign {
            return content;
        }
        content.with_tail(Tail {
            header: TAIL_HEADER.into(),
            frames: vec![Frame::from(format!("tail of {count}"))],
        })
    }

    /// An application wants something.
    pub(super) fn does(&mut self, number: usize, action: Action) {
        self.process_mut(number)
            .application
            .backlog
            .push_back(action);
    }

    /// Hands what applications want to their engines, as long as those want actions.
    pub(super) fn offer(&mut self, number: usize) {
        if self.is_working(number) {
            self.carry_out_all(number);
        }
    }

    /// Hands one action over; whether there was one, and it was wanted.
    pub(super) fn hand_over_action(&mut self, number: usize) -> bool {
        let process = self.process_mut(number);
        if process.application.backlog.is_empty()
            || process.state != Running::Runs
            || !process.machine.wants_actions()
        {
            return false;
        }
        let Some(action) = process.application.backlog.pop_front() else {
            return false;
        };
        match &action {
            Action::Join(group) => {
                process.application.groups.insert(group.clone());
            }
            Action::Leave(group) => {
                process.application.groups.remove(group);
            }
            _ => {}
        }
        self.give_action(number, action);
        true
    }

    /// Everybody says something to the group that everybody is in.
    pub(super) fn everybody_shouts(&mut self) {
        let Some(group) = self.groups.first().cloned() else {
            return;
        };
        for number in 0..self.processes.len() {
            let process = self.process(number);
            if process.state == Running::Runs && process.application.chat.is_some() {
                self.type_last(number, &group);
            } else if process.state == Running::Runs {
                let content = self.new_content(number);
                let group: GroupName = group.clone();
                self.does(number, Action::Shout { group, content });
                self.offer(number);
            }
        }
        self.tell_all();
    }

    /// An application stops reading what it is told.
    pub(super) fn stop_reading(&mut self, number: usize) {
        self.process_mut(number).application.is_reading = false;
        self.check.reads(self.now, number, false);
    }

    /// It reads again, everything at once.
    pub(super) fn read_again(&mut self, number: usize) {
        let application = &mut self.process_mut(number).application;
        application.is_reading = true;
        application.unread_octets = 0;
        application.answers = 0;
        for event in std::mem::take(&mut application.unread) {
            self.process_mut(number).application.read(&event);
            self.tell_chat(number, &event);
        }
        self.check.reads(self.now, number, true);
        if self.process(number).application.chat.is_some() {
            self.offer(number);
        }
        self.check_inbox(number);
    }

    /// Stops the inbox of a process whose application does not read, or opens it again.
    pub(super) fn check_inbox(&mut self, number: usize) {
        let limits = &self.options.limits;
        let (most, most_octets) = (limits.events, limits.event_octets);
        let is_foreign = self.process(number).machine.flavour().is_some();
        if is_foreign || !self.is_working(number) {
            return;
        }
        let process = self.process_mut(number);
        let application = &process.application;
        let is_full = application.unread.len() >= most || application.unread_octets >= most_octets;
        if is_full == process.inbox_open {
            process.inbox_open = !is_full;
            let now = self.clock(number).read(self.now);
            self.process_mut(number)
                .router
                .book
                .set_reading(now, !is_full);
            self.tell(number, Input::Inbox(!is_full));
            if !is_full {
                self.read_waiting(number);
            }
        }
    }
}

/// The headers of a process: its number, whether it takes tails, and something that changes.
pub(super) fn headers(number: usize, value: &str) -> Headers {
    let headers = Headers::default()
        .with("X-NUMBER", &number.to_string())
        .and_then(|headers| headers.with("X-VALUE", value));
    let headers = headers.expect("short headers");
    if has_tail(number) {
        return headers.with(TAIL_HEADER, "1").expect("a short header");
    }
    headers
}
