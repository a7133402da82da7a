//! Saying something: to the current group, to one peer, to everybody.

use super::Session;
use crate::chat::item::{Item, Said, Way};
use crate::chat::note::{Body, Kind, Note};
use crate::chat::{Form, Output, Purpose, TEXT_OCTETS, sanitize};
use crate::zre::{Action, Content, GroupName, PeerId};

/// How many peers that we whisper with are remembered: more than anybody goes through by Tab.
const RECENT: usize = 16;

impl Session {
    /// Says something to whoever typed text goes to.
    pub(super) fn say(&mut self, text: &str, action: bool) {
        if !self.fits(text) {
            return;
        }
        if let Some((peer, number)) = self.private.partner() {
            self.whisper(peer, text, action, Some(number));
        } else if let Some(group) = self.current.clone() {
            self.shout(&group, text, action);
        } else {
            self.tally.said += 1;
            self.tally.unreached += 1;
            self.refuse("you are in no group; usage: /join GROUP");
        }
    }

    /// `/msg`.
    pub(super) fn whisper_to(&mut self, name: &str, text: &str) {
        if !self.fits(text) {
            return;
        }
        match self.peer_named(name) {
            Some(peer) => self.whisper(peer, text, false, None),
            None => {
                self.tally.said += 1;
                self.tally.unreached += 1;
            }
        }
    }

    /// `/all`.
    pub(super) fn say_to_everybody(&mut self, text: &str) {
        if !self.fits(text) {
            return;
        }
        self.tally.said += 1;
        let peers: Vec<PeerId> = self.people.iter().map(|known| known.id).collect();
        if peers.is_empty() {
            self.tally.unreached += 1;
            self.decline("nobody else is here");
            return;
        }
        self.tally.reached += 1;
        let content = self.note(Kind::All).content(text);
        for peer in peers {
            self.tally.addressed.insert(peer);
            self.act(Action::Whisper {
                peer,
                content: content.clone(),
            });
        }
        self.echo(Way::FromUsToAll, None, text, false);
    }

    /// Says a line to all who were named on the command line.
    pub(super) fn send_to_all_named(&mut self, text: &str) {
        let Purpose::Send { groups, to } = self.purpose.clone() else {
            return;
        };
        if !self.fits(text) {
            return;
        }
        for group in &groups {
            self.shout(group, text, false);
        }
        for name in &to {
            match self.people.resolve(name) {
                Ok(peer) => self.whisper(peer, text, false, None),
                Err(unresolved) => self.miss(name, unresolved),
            }
        }
    }

    fn shout(&mut self, group: &GroupName, text: &str, action: bool) {
        self.tally.said += 1;
        let content = self.content(text, action, None);
        self.act(Action::Shout {
            group: group.clone(),
            content,
        });
        self.echo(Way::OwnGroup(group.to_string()), None, text, action);
        if self.people.member_count(group) > 0 {
            self.tally.reached += 1;
            self.tally.nobody_told = None;
            self.address(group);
            return;
        }
        self.tally.unreached += 1;
        if self.tally.nobody_told.as_ref() != Some(group) {
            self.tally.nobody_told = Some(group.clone());
            let text = format!(
                "nobody else is in {}: nobody received it",
                sanitize::label(group)
            );
            self.show(Item::Error(text));
        }
    }

    /// Remembers who is sent a message to a group. Most messages follow one to the same people.
    fn address(&mut self, group: &GroupName) {
        let now = Some((group.clone(), self.people.changes()));
        if self.tally.last_shout != now {
            self.tally.addressed.extend(self.people.members(group));
            self.tally.last_shout = now;
        }
    }

    fn whisper(&mut self, peer: PeerId, text: &str, action: bool, private: Option<u64>) {
        self.tally.said += 1;
        self.tally.reached += 1;
        self.tally.addressed.insert(peer);
        let content = self.content(text, action, private);
        self.act(Action::Whisper { peer, content });
        self.echo(Way::FromUs, Some(peer), text, action);
        self.tell_away_once(peer);
        self.note_recent(peer);
    }

    /// Remembers with whom we whisper, for completion.
    pub(super) fn note_recent(&mut self, peer: PeerId) {
        self.recent.retain(|recent| *recent != peer);
        self.recent.insert(0, peer);
        self.recent.truncate(RECENT);
    }

    fn content(&mut self, text: &str, action: bool, private: Option<u64>) -> Content {
        if action {
            // Programs that know no actions show who does it, as people write it.
            let told = format!("* {} ", self.name);
            let kind = Kind::Action {
                skip: told.len(),
                private,
            };
            self.note(kind).content(told + text)
        } else {
            self.note(Kind::Text { private }).content(text)
        }
    }

    /// A note of this kind, with its number and time.
    pub(super) fn note(&mut self, kind: Kind) -> Note {
        Note {
            id: self.number(),
            sent: self.wall.unix_milliseconds(),
            kind,
        }
    }

    /// Tells a chat of our kind something that has no text.
    pub(super) fn tell(&mut self, peer: PeerId, kind: Kind) {
        if self.people.is_zchat(peer) {
            let content = self.note(kind).content("");
            self.act(Action::Whisper { peer, content });
        }
    }

    pub(super) fn act(&mut self, action: Action) {
        self.outputs.push_back(Output::Act(action));
    }

    /// Shows what we said ourselves: to a group only where the typed line is not left to be seen.
    fn echo(&mut self, way: Way, to: Option<PeerId>, text: &str, action: bool) {
        let is_group = matches!(way, Way::OwnGroup(_));
        if self.form == Form::Json || (is_group && self.form != Form::Screen) {
            return;
        }
        let who = to.map_or_else(|| self.ourselves(), |peer| self.people.who(peer));
        let body = Body::Text(text.to_owned());
        self.show(Item::Said(Said {
            who,
            way,
            action,
            body,
            frames: Vec::new(),
        }));
    }

    /// Whether a text may be sent; if not, tells why not.
    fn fits(&mut self, text: &str) -> bool {
        if text.len() <= TEXT_OCTETS {
            return true;
        }
        self.tally.said += 1;
        self.tally.unreached += 1;
        let length = text.len();
        self.refuse(&format!(
            "the text is {length} octets long, more than {TEXT_OCTETS}; nothing was sent"
        ));
        false
    }
}
