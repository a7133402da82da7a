//! Private chats: the commands, and what follows from them; and that nothing which is meant for one
//! goes to all, because the private chat has ended, or not yet begun, without whoever types knowing.
//!
//! Above a prompt, whoever types sees where text goes, so each line comes with what he saw. Elsewhere
//! lines are written ahead: a piped text waits until a request of ours is answered, and when a private
//! chat has ended that we did not end, text goes nowhere until it is said where to.

use super::Session;
use crate::chat::command::Command;
use crate::chat::item::Item;
use crate::chat::parse::{Typed, parse};
use crate::chat::request::{Refusal, State, Step};
use crate::chat::{Form, Input, Purpose, sanitize};
use crate::zre::PeerId;

/// Who of those whom text is meant for alone does not get it.
#[derive(Debug, Default)]
pub(super) struct Astray {
    /// With whom there is a private chat.
    talking: Option<PeerId>,
    /// With whom there is none any more, without our doing.
    parted: Option<PeerId>,
}

impl Session {
    /// A line was typed while the prompt showed a private chat.
    pub(super) fn take_private_line(&mut self, line: &str) {
        if says(line) && self.private.partner().is_none() {
            let why = "not sent: the private chat has just ended; Up brings the line back";
            self.show(Item::Error(why.to_owned()));
        } else {
            self.take_line(line);
        }
    }

    /// Whether a line has to wait for the answer to a request of ours: it may be meant for that peer.
    pub(super) fn waits_for_answer(&self, line: &str) -> bool {
        let is_ahead = self.input == Input::Piped && self.purpose == Purpose::Chat;
        is_ahead && self.private.is_asking() && self.private.partner().is_none() && says(line)
    }

    /// Whether a line was meant for one peer alone that does not get it; if so, tells that.
    pub(super) fn is_astray(&mut self, line: &str) -> bool {
        if !says(line) {
            return false;
        }
        let Some(peer) = self.astray.parted else {
            return false;
        };
        let name = self.people.who(peer).shown;
        if self.input == Input::Typed {
            // A person has read it, and may say it again.
            self.astray.parted = None;
            self.refuse(&format!(
                "not sent: there is no private chat with {name}; again says it to all"
            ));
        } else {
            self.refuse(&format!(
                "not sent: there is no private chat with {name}; /end lets text go to all again"
            ));
        }
        true
    }

    /// Whoever types has said where text is to go.
    pub(super) const fn set_right(&mut self) {
        self.astray.parted = None;
    }

    /// Notes where text would go astray after this.
    fn note_astray(&mut self, peer: PeerId, state: State) {
        let was_talking = self.astray.talking == Some(peer);
        match state {
            State::Accepted => {
                self.astray = Astray {
                    talking: Some(peer),
                    parted: None,
                };
            }
            State::Left => self.astray.talking = None,
            State::Ended | State::Gone if was_talking => {
                self.astray.talking = None;
                // Above a prompt, each line comes with what it showed.
                self.astray.parted = (self.form != Form::Screen).then_some(peer);
            }
            State::Rejected | State::Busy | State::Unanswered | State::Gone
                if self.held.as_deref().is_some_and(says) =>
            {
                self.astray.parted = Some(peer);
            }
            _ => {}
        }
    }

    /// `/chat`.
    pub(super) fn ask_for_chat(&mut self, name: &str) {
        let Some(peer) = self.peer_named(name) else {
            return;
        };
        if !self.is_zchat(peer) {
            return;
        }
        let number = self.number();
        match self.private.ask(self.now, peer, number) {
            Ok(steps) => self.take_steps(steps),
            Err(Refusal::Talking(other)) => {
                let shown = self.people.who(other).shown;
                self.refuse(&format!(
                    "you are in a private chat with {shown}; usage: /end"
                ));
            }
            Err(Refusal::Asking(other)) => {
                let shown = self.people.who(other).shown;
                self.refuse(&format!("you have asked {shown} already; usage: /end"));
            }
        }
    }

    /// `/ok` and `/reject`.
    pub(super) fn answer_chat(&mut self, name: Option<&str>, accept: bool) {
        let asked: Vec<PeerId> = self.private.asked().collect();
        let peer = match (name, asked.as_slice()) {
            (Some(name), _) => match self.peer_named(name) {
                Some(peer) => peer,
                None => return,
            },
            (None, [peer]) => *peer,
            (None, []) => {
                self.refuse("nobody has asked for a private chat");
                return;
            }
            (None, _) => {
                let names: Vec<String> = asked
                    .iter()
                    .map(|peer| self.people.who(*peer).shown)
                    .collect();
                let command = if accept { "/ok" } else { "/reject" };
                self.refuse(&format!(
                    "several ask for a private chat: {}; usage: {command} NAME",
                    names.join(", ")
                ));
                return;
            }
        };
        if !asked.contains(&peer) {
            let shown = self.people.who(peer).shown;
            self.refuse(&format!("{shown} has not asked for a private chat"));
            return;
        }
        let steps = if accept {
            self.private.accept(peer)
        } else {
            self.private.reject(peer)
        };
        self.take_steps(steps);
    }

    /// `/end`.
    pub(super) fn end_chat(&mut self) {
        let steps = self.private.end();
        let was_astray = self.astray.parted.take().is_some();
        if steps.is_empty() && was_astray {
            let group = self.current.as_ref().map(|group| sanitize::label(group));
            let place = group.unwrap_or_else(|| "nobody".into());
            self.notice(format!("text goes to {place} again"));
        } else if steps.is_empty() {
            self.refuse("you are in no private chat");
        }
        self.take_steps(steps);
    }

    /// Does what follows from something that happened to a request.
    pub(super) fn take_steps(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Send(peer, kind) => self.tell(peer, kind),
                Step::Tell(peer, state) => {
                    self.note_astray(peer, state);
                    let who = self.people.who(peer);
                    self.show(Item::Request { who, state });
                }
            }
        }
    }
}

/// Whether a line says something to whoever text goes to.
fn says(line: &str) -> bool {
    matches!(
        parse(line),
        Typed::Text(_) | Typed::Command(Command::Me { .. } | Command::Quit { text: Some(_) })
    )
}
