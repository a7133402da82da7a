//! How one appears to others, and who appears here: `/rename`, `/away`, `/ignore`, `/add`, `/delete`.

use std::net::SocketAddr;

use super::Session;
use crate::chat::item::Item;
use crate::chat::note::Kind;
use crate::chat::sanitize;
use crate::chat::table::few;
use crate::zre::{Action, Name, PeerId};

/// The longest reason for being away, in octets: it goes to everybody.
const AWAY_OCTETS: usize = 256;

/// The most peers that are ignored.
const IGNORED: usize = 256;

/// A peer of which nothing is shown that it says.
#[derive(Debug, Clone)]
pub(super) struct Ignored {
    /// The peer; whoever comes under its name when it is gone takes its place.
    pub(super) peer: PeerId,
    pub(super) name: Name,
    /// How many messages were not shown.
    pub(super) hidden: u64,
}

impl Session {
    /// `/rename`.
    pub(super) fn rename(&mut self, name: &str) {
        let name = match Name::new(name) {
            Ok(name) => name,
            Err(error) => {
                self.refuse(&error.to_string());
                return;
            }
        };
        self.act(Action::Rename(name.clone()));
        self.people.rename_ourselves(&name);
        self.name = name;
        let shown = self.people.ourselves().to_owned();
        self.notice(format!("you are now known as {shown}"));
        self.tell_namesake();
    }

    /// `/add`.
    pub(super) fn add(&mut self, address: SocketAddr) {
        if self.own.is_at(address) {
            self.refuse(&format!(
                "{address} is you yourself: add the address that another one sees in /list"
            ));
            return;
        }
        self.act(Action::Greet(address));
        let text = match self.people.at(address) {
            Some(peer) => format!("{} at {address} is connected", self.people.who(peer).shown),
            None => format!("greeting {address} until somebody answers"),
        };
        self.notice(text);
    }

    /// `/delete`.
    pub(super) fn delete(&mut self, address: SocketAddr) {
        self.act(Action::Dismiss(address));
        self.notice(format!(
            "staying away from {address} until it is added again"
        ));
    }

    /// `/away`.
    pub(super) fn go_away(&mut self, text: String) {
        if text.len() > AWAY_OCTETS {
            let length = text.len();
            self.refuse(&format!(
                "the text is {length} octets long, more than {AWAY_OCTETS}"
            ));
            return;
        }
        let shown = sanitize::text(&text).into_owned();
        self.tell_everybody(&Kind::Away { text: text.clone() });
        self.away = Some(text);
        self.notice(if shown.is_empty() {
            "you are away".to_owned()
        } else {
            format!("you are away: {shown}")
        });
    }

    /// `/back`.
    pub(super) fn come_back(&mut self) {
        if self.away.take().is_none() {
            self.notice("you were not away".to_owned());
            return;
        }
        self.tell_everybody(&Kind::Back);
        self.notice("you are back".to_owned());
    }

    fn tell_everybody(&mut self, kind: &Kind) {
        let everybody = self.people.iter().map(|known| known.id);
        for peer in everybody.collect::<Vec<_>>() {
            self.tell(peer, kind.clone());
        }
    }

    /// A peer is here that may not know yet that we are away.
    pub(super) fn tell_away(&mut self, peer: PeerId) {
        if let Some(text) = self.away.clone() {
            self.tell(peer, Kind::Away { text });
        }
    }

    /// A peer says that it is away, or back.
    pub(super) fn take_away(&mut self, peer: PeerId, text: Option<String>) {
        let Some(text) = self.note_away(peer, text) else {
            return;
        };
        if self.people.shares_group(peer) || self.reports() {
            let who = self.people.who(peer);
            self.show(Item::Away { who, text });
        }
    }

    /// Remembers that a peer is away, or back; how it says so, if that is news.
    #[expect(
        clippy::option_option,
        reason = "no news, or away with this text, or back"
    )]
    pub(super) fn note_away(
        &mut self,
        peer: PeerId,
        text: Option<String>,
    ) -> Option<Option<String>> {
        let text = text.map(|mut text| {
            text.truncate(text.floor_char_boundary(AWAY_OCTETS));
            text
        });
        let person = self.people.person_mut(peer)?;
        if person.away.as_deref() == text.as_deref() {
            return None;
        }
        person.away = text.as_deref().map(Into::into);
        person.away_told = false;
        Some(text)
    }

    /// Tells that a peer that we say something to is away, once.
    pub(super) fn tell_away_once(&mut self, peer: PeerId) {
        let Some(person) = self.people.person_mut(peer) else {
            return;
        };
        let Some(text) = person.away.clone().filter(|_| !person.away_told) else {
            return;
        };
        person.away_told = true;
        if !self.reports() {
            let who = self.people.who(peer);
            self.show(Item::Away {
                who,
                text: Some(text.to_string()),
            });
        }
    }

    /// `/ignore`.
    pub(super) fn ignore(&mut self, name: &str) {
        let Some(peer) = self.peer_named(name) else {
            return;
        };
        let shown = self.people.who(peer).shown;
        let Some(name) = self.people.known(peer).map(|known| known.name.clone()) else {
            return;
        };
        if self.ignores(peer) {
            self.notice(format!("you ignore {shown} already"));
        } else if self.ignored.len() >= IGNORED {
            self.refuse(&format!(
                "you ignore {IGNORED} peers, and can ignore no more"
            ));
        } else {
            self.ignored.push(Ignored {
                peer,
                name,
                hidden: 0,
            });
            let partner = self.private.partner();
            self.notice(if partner.is_some_and(|(partner, _)| partner == peer) {
                format!("you ignore {shown}, also in your private chat, which goes on until /end")
            } else {
                format!("you ignore {shown}")
            });
        }
    }

    /// `/ignore` alone.
    pub(super) fn list_ignored(&mut self) {
        let mut told: Vec<String> = self
            .ignored
            .iter()
            .map(|ignored| format!("{} ({} not shown)", self.name_of(ignored), ignored.hidden))
            .collect();
        told.sort();
        self.notice(if told.is_empty() {
            "you ignore nobody".to_owned()
        } else {
            format!("you ignore {}", few(told.iter(), ", ", told.len()))
        });
    }

    /// What those who are ignored are called here, whether they are here or gone.
    pub(super) fn ignored_names(&self) -> Vec<String> {
        let names = self.ignored.iter().map(|ignored| self.name_of(ignored));
        names.collect()
    }

    fn name_of(&self, ignored: &Ignored) -> String {
        if self.people.known(ignored.peer).is_some() {
            self.people.who(ignored.peer).shown
        } else {
            sanitize::label(&ignored.name).into_owned()
        }
    }

    /// `/unignore`.
    pub(super) fn unignore(&mut self, name: &str) {
        let peer = self.people.resolve(name).ok();
        // Somebody else of that name may have come since.
        let by_peer = |ignored: &Ignored| Some(ignored.peer) == peer;
        let by_name =
            |ignored: &Ignored| ignored.name.as_str() == name || self.name_of(ignored) == name;
        let mut all = self.ignored.iter();
        let at = all.position(by_peer);
        let Some(at) = at.or_else(|| self.ignored.iter().position(by_name)) else {
            let shown = sanitize::label(name).into_owned();
            self.refuse(&format!("you do not ignore {shown}"));
            return;
        };
        let ignored = self.ignored.remove(at);
        let shown = self.people.who(ignored.peer).shown;
        let hidden = ignored.hidden;
        let messages = if hidden == 1 { "message" } else { "messages" };
        self.notice(format!(
            "you ignore {shown} no more; {hidden} {messages} not shown"
        ));
    }

    pub(super) fn ignores(&self, peer: PeerId) -> bool {
        self.ignored.iter().any(|ignored| ignored.peer == peer)
    }

    /// Whether what a peer says is not to be shown; it is counted then.
    pub(super) fn hides(&mut self, peer: PeerId) -> bool {
        let ignored = self.ignored.iter_mut().find(|ignored| ignored.peer == peer);
        ignored.map(|ignored| ignored.hidden += 1).is_some()
    }

    /// A peer came: it is ignored too if it has the name of an ignored one that is gone.
    pub(super) fn recognise_ignored(&mut self, peer: PeerId) {
        let Some(name) = self.people.known(peer).map(|known| known.name.clone()) else {
            return;
        };
        let people = &self.people;
        let gone = self
            .ignored
            .iter_mut()
            .find(|ignored| ignored.name == name && people.known(ignored.peer).is_none());
        if let Some(ignored) = gone {
            ignored.peer = peer;
        }
    }
}
