//! Chats: what they are told, what they want of their nodes, and what they show.
//!
//! A chat is carried as the program's task carries it: events and lines go in one at a time, what it
//! wants done is carried out before the next one, and it takes no line while its node takes no actions.
//! One whose application does not read stands still.

use std::net::IpAddr;
use std::time::Duration;

use super::report::Failure;
use super::{Kind, World};
use crate::sim::chat::{Chat, Start, Typed, View};
use crate::sim::check::Shown;
use crate::sim::host::Running;
use crate::sim::rng::Rng;
use crate::zre::{Event, GroupName};

/// How long two may take to agree about a private chat, all being well: one of them says every half
/// minute that it goes on.
const AGREED: Duration = Duration::from_secs(40);

/// Sets what people type apart from all else that is drawn.
const PEOPLE: u64 = 0x00C4_A770;

impl World {
    /// Whether a chat runs in a process of ours. It depends on nothing that is drawn elsewhere.
    pub(super) fn is_chat(&self, number: usize) -> bool {
        self.rng_of(number).chance(self.options.chats)
    }

    fn rng_of(&self, number: usize) -> Rng {
        let mut rng = Rng::new(self.options.seed ^ PEOPLE.rotate_left(32) ^ number as u64);
        rng.fork()
    }

    /// A process has started, and joins these groups: a chat begins, if there is to be one.
    pub(super) fn begin_chat(&mut self, number: usize, groups: Vec<GroupName>) {
        let process = self.process(number);
        let (host, peer, port) = (process.host, process.peer, process.port);
        if process.machine.flavour().is_some() || !self.is_chat(number) {
            return;
        }
        let now = self.clock(number).read(self.now);
        let mut rng = self.rng_of(number);
        rng.draw();
        let headers = crate::sim::chat::with_header(super::applications::headers(number, ""));
        let chat = Chat::new(
            now,
            Start {
                rng,
                number,
                peer,
                name: super::processes::name(format!("p{number}")),
                groups: groups.clone(),
                headers,
                addresses: self.network.addresses(host),
                port,
            },
        );
        self.check.chat_begins(number, chat.manner(), groups);
        self.process_mut(number).application.chat = Some(Box::new(chat));
        self.show(number);
    }

    /// A chat is told what its application has read.
    pub(super) fn tell_chat(&mut self, number: usize, event: &Event) {
        let now = self.clock(number).read(self.now);
        let Some(chat) = self.chat(number) else {
            return;
        };
        chat.handle_event(now, event.clone());
        let shown = chat.take_shown();
        self.note_shown(number, &shown);
        // What it was told counts before what it wants because of that.
        self.check.chat_was_told(self.now, number, event, &shown);
        self.show(number);
    }

    /// A chat is told of the networks of its host.
    pub(super) fn tell_network(&mut self, number: usize, addresses: Vec<IpAddr>) {
        let is_reading = self.process(number).application.is_reading;
        if is_reading && self.process(number).application.chat.is_some() {
            self.tell_chat(number, &Event::Network { addresses });
        }
    }

    /// Wakes a chat whose time has come; whether it wants something of its node now.
    pub(super) fn attend_chat(&mut self, number: usize) -> bool {
        let Some(due) = self.process(number).application.poll_timeout() else {
            return false;
        };
        let now = self.clock(number).read(self.now);
        if due > now {
            return false;
        }
        if let Some(chat) = self.chat(number) {
            chat.handle_timeout(now);
        }
        self.show(number);
        !self.process(number).application.backlog.is_empty()
    }

    /// Somebody types something at a chat that takes lines.
    pub(super) fn type_line(&mut self, number: usize) {
        let application = &self.process(number).application;
        let is_ready = application.backlog.is_empty() && application.is_reading;
        if !is_ready || !application.chat.as_ref().is_some_and(|it| it.wants_lines()) {
            return;
        }
        let now = self.clock(number).read(self.now);
        let peer = self.choose_peer(number);
        let groups = std::mem::take(&mut self.groups);
        let is_lucky = self.host(self.process(number).host).lucky;
        let may_rename = self.options.restless;
        let view = View {
            number,
            groups: &groups,
            peer,
            may_rename,
            may_leave: may_rename && !is_lucky,
        };
        let typed = self.chat(number).map(|chat| chat.types(now, &view));
        self.groups = groups;
        self.note_typed(number, typed.unwrap_or_default());
    }

    /// At the end of a world, somebody says something to the group that all are in.
    pub(super) fn type_last(&mut self, number: usize, group: &GroupName) {
        let now = self.clock(number).read(self.now);
        let Some(chat) = self.chat(number).filter(|chat| chat.wants_lines()) else {
            return;
        };
        let typed = chat.types_last(now, number, group);
        self.note_typed(number, typed);
    }

    fn note_typed(&mut self, number: usize, typed: Vec<Typed>) {
        for typed in typed {
            self.note(Kind::Action, [number as u64, 1, 0], || {
                format!("p{number} types {typed:?}")
            });
            match typed {
                Typed::Text(count, utterance) => self.check.chat_says(number, count, utterance),
                Typed::Wants(who) => self.check.chat_wants(number, &who),
                Typed::Ignores(peer, ignores) => self.check.chat_ignores(number, peer, ignores),
            }
        }
        self.show(number);
        self.offer(number);
    }

    /// Passes on what a chat wants of its node, and has its reader look at what it shows.
    fn show(&mut self, number: usize) {
        let Some(chat) = self.chat(number) else {
            return;
        };
        let (actions, shown, end) = (chat.take_actions(), chat.take_shown(), chat.end());
        self.note_shown(number, &shown);
        for action in actions {
            self.check.chat_acts(number, &action);
            self.does(number, action);
        }
        self.check.chat_shows(self.now, number, &shown);
        if let Some(end) = end {
            self.check.chat_quits(number, end);
        }
    }

    fn note_shown(&mut self, number: usize, shown: &[Shown]) {
        for it in shown {
            self.note(Kind::Event, [number as u64, 16, 0], || {
                format!("p{number} shows {it:?}")
            });
        }
    }

    /// The node of a chat has stopped: the chat reads what is left, and ends.
    pub(super) fn end_chat(&mut self, number: usize) {
        let application = &mut self.process_mut(number).application;
        if application.chat.is_none() {
            return;
        }
        for event in std::mem::take(&mut application.unread) {
            self.tell_chat(number, &event);
        }
        self.tell_chat(number, &Event::Stop);
        let has_ended = self.chat(number).is_some_and(|chat| chat.end().is_some());
        self.check.chat_has_ended(number, has_ended);
    }

    fn chat(&mut self, number: usize) -> Option<&mut Chat> {
        self.process_mut(number).application.chat.as_deref_mut()
    }

    /// All is well: chats have told who is here, and agree about their private chats soon.
    pub(super) fn settle_chats(&mut self) -> Result<(), Box<Failure>> {
        for number in 0..self.processes.len() {
            if self.process(number).state == Running::Runs {
                let result = self.check.chat_is_up_to_date(number);
                self.judge(result)?;
            }
        }
        if self.check.chats_agree().is_err() {
            self.run_until(self.now + AGREED)?;
        }
        let result = self.check.chats_agree();
        self.judge(result)
    }
}
