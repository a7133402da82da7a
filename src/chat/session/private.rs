//! Private chats: the commands, and what follows from them.

use super::Session;
use crate::chat::item::Item;
use crate::chat::request::{Refusal, Step};
use crate::zre::PeerId;

impl Session {
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
        if steps.is_empty() {
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
                    let who = self.people.who(peer);
                    self.show(Item::Request { who, state });
                }
            }
        }
    }
}
