//! Whoever sits before a chat, and types: what people type, in any order that chance gives. What is
//! said bears a mark that no other text has, and sometimes what a terminal would obey.
//!
//! Left out are `/add` and `/delete`, which change who is to find whom.

use std::time::Instant;

use super::{Chat, Line, Typed};
use crate::chat::{Place, Signal};
use crate::sim::check::{Meant, Someone, Utterance};
use crate::zre::{GroupName, PeerId};

/// What texts end with.
const ENDINGS: [&str; 8] = [
    "",
    "hello",
    "a long story, and what came of it",
    "p1, are you there?",
    "\u{1B}[31mred\u{1B}]0;title\u{7}",
    "back\u{8}space\rand\u{85}more\u{2028}lines",
    "\u{202E}sdrawkcab\u{2066}",
    "ʚ♥ɞ e\u{301}\u{301}",
];

/// What somebody sees of the world, and may do.
#[derive(Debug)]
pub(in crate::sim) struct View<'a> {
    pub(in crate::sim) number: usize,
    /// The groups that there are; nobody ever leaves the first.
    pub(in crate::sim) groups: &'a [GroupName],
    /// A peer that has entered, if one has.
    pub(in crate::sim) peer: Option<PeerId>,
    pub(in crate::sim) may_rename: bool,
    pub(in crate::sim) may_leave: bool,
}

impl Chat {
    /// Somebody types something.
    pub(in crate::sim) fn types(&mut self, now: Instant, view: &View<'_>) -> Vec<Typed> {
        let peer = view.peer.map(|peer| peer.to_string());
        match self.rng.below(100) {
            // What is held for others to come is not known to be done.
            _ if !self.has_settled => self.type_text(now, view.number, ""),
            0..40 => self.type_text(now, view.number, ""),
            40..48 => self.type_text(now, view.number, "/me "),
            48..58 => match view.peer {
                Some(peer) => self.type_to(now, view.number, peer),
                None => Vec::new(),
            },
            58..61 => self.type_to_all(now, view.number),
            61..70 => self.type_about_groups(now, view),
            70..82 => self.type_about_private_chats(now, view.peer),
            82..86 => self.type_about_being_away(now),
            86..90 => self.type_about_ignoring(now, view.peer),
            90..92 if view.may_rename => {
                let name = format!("/rename \"p{} {}\"", view.number, self.rng.below(1_000));
                self.enter(now, &name)
            }
            92 if view.may_leave => self.leave(now, view.number),
            92..98 => {
                let commands = [
                    "/list",
                    "/groups",
                    "/names",
                    "/search p",
                    "/nonsense",
                    "/msg",
                    "/ok nobody",
                    "/help /me",
                    "/clear",
                    "   ",
                ];
                let place = self.rng.place(commands.len() + 3);
                let whom = peer.unwrap_or_else(|| "nobody".to_owned());
                match commands.get(place) {
                    Some(command) => self.enter(now, command),
                    None if self.rng.coin() => self.enter(now, &format!("/whois {whom}")),
                    None => self.enter(now, &format!("/select {whom}")),
                }
            }
            _ => Vec::new(),
        }
    }

    /// At the end of a world, everybody says something to the group that all are in.
    pub(in crate::sim) fn types_last(
        &mut self,
        now: Instant,
        number: usize,
        group: &GroupName,
    ) -> Vec<Typed> {
        self.enter(now, &format!("/join \"{group}\""));
        if self.wants_lines() {
            self.type_text(now, number, "")
        } else {
            Vec::new()
        }
    }

    fn enter(&mut self, now: Instant, line: &str) -> Vec<Typed> {
        self.handle_line(now, &Line::Open(line.to_owned()));
        Vec::new()
    }

    fn new_text(&mut self, number: usize) -> (u64, String) {
        let count = self.said;
        self.said += 1;
        let ending = self.rng.place(ENDINGS.len());
        let ending = ENDINGS.get(ending).copied().unwrap_or_default();
        (
            count,
            format!("«{number}.{count}» {ending}").trim_end().to_owned(),
        )
    }

    /// Types a text, or what is done, to where text goes by what is to be seen.
    fn type_text(&mut self, now: Instant, number: usize, before: &str) -> Vec<Typed> {
        let (count, text) = self.new_text(number);
        let line = format!("{before}{text}");
        let (meant, line) = self.aim(line);
        let typed = Typed::Text(count, Utterance { meant, text });
        self.say(now, typed, line)
    }

    /// For whom a text is meant, and how it is typed.
    fn aim(&self, line: String) -> (Meant, Line) {
        match &self.place {
            Some(Place::Private(who)) => {
                (Meant::One(Someone::Name(who.clone())), Line::Private(line))
            }
            Some(Place::Group(group)) => {
                (Meant::Group(GroupName::new(group).ok()), Line::Open(line))
            }
            Some(Place::Nowhere) => (Meant::Group(None), Line::Open(line)),
            None => {
                let alone = self.talk.as_ref().or(self.asking.as_ref());
                let meant = alone.map_or(Meant::Group(None), |who| Meant::One(who.clone()));
                (meant, Line::Open(line))
            }
        }
    }

    fn type_to(&mut self, now: Instant, number: usize, peer: PeerId) -> Vec<Typed> {
        let (count, text) = self.new_text(number);
        let line = Line::Open(format!("/msg {peer} {text}"));
        let meant = Meant::One(Someone::Id(peer));
        self.say(now, Typed::Text(count, Utterance { meant, text }), line)
    }

    fn type_to_all(&mut self, now: Instant, number: usize) -> Vec<Typed> {
        let (count, text) = self.new_text(number);
        let line = Line::Open(format!("/all {text}"));
        let meant = Meant::All;
        self.say(now, Typed::Text(count, Utterance { meant, text }), line)
    }

    fn say(&mut self, now: Instant, typed: Typed, line: Line) -> Vec<Typed> {
        self.handle_line(now, &line);
        vec![typed]
    }

    fn type_about_groups(&mut self, now: Instant, view: &View<'_>) -> Vec<Typed> {
        let place = self.rng.place(view.groups.len());
        let Some(group) = view.groups.get(place) else {
            return Vec::new();
        };
        let line = match self.rng.below(6) {
            0 => format!("/create \"{group}\""),
            1 | 2 if place > 0 => format!("/leave \"{group}\""),
            3 => format!("/switch \"{group}\""),
            _ => format!("/join \"{group}\""),
        };
        self.enter(now, &line)
    }

    fn type_about_private_chats(&mut self, now: Instant, peer: Option<PeerId>) -> Vec<Typed> {
        let place = self.rng.place(self.asked_by.len());
        let asked_by = self.asked_by.get(place).cloned();
        match (asked_by, self.rng.below(4)) {
            (Some(who), 0..3) => {
                self.asked_by.remove(place);
                let name = match &who {
                    Someone::Id(peer) => peer.to_string(),
                    Someone::Name(name) => format!("\"{name}\""),
                };
                if self.rng.below(3) == 0 {
                    return self.enter(now, &format!("/reject {name}"));
                }
                self.say(now, Typed::Wants(who), Line::Open(format!("/ok {name}")))
            }
            _ if self.talk.is_some() || self.asking.is_some() && self.rng.below(3) == 0 => {
                self.enter(now, "/end")
            }
            _ => {
                let Some(peer) = peer else {
                    return Vec::new();
                };
                let line = Line::Open(format!("/chat {peer}"));
                self.say(now, Typed::Wants(Someone::Id(peer)), line)
            }
        }
    }

    fn type_about_being_away(&mut self, now: Instant) -> Vec<Typed> {
        self.is_away = !self.is_away;
        self.enter(
            now,
            if self.is_away {
                "/away at \u{1B}[2J lunch"
            } else {
                "/back"
            },
        )
    }

    fn type_about_ignoring(&mut self, now: Instant, peer: Option<PeerId>) -> Vec<Typed> {
        let Some(peer) = peer else {
            return Vec::new();
        };
        let ignores = !self.ignored.remove(&peer);
        if ignores {
            self.ignored.insert(peer);
        }
        let command = if ignores { "/ignore" } else { "/unignore" };
        let line = Line::Open(format!("{command} {peer}"));
        self.say(now, Typed::Ignores(peer, ignores), line)
    }

    fn leave(&mut self, now: Instant, number: usize) -> Vec<Typed> {
        match self.rng.below(5) {
            0 => self.type_text(now, number, "/quit "),
            1 => self.enter(now, "/quit"),
            2 => self.enter(now, "$$STOP"),
            3 => {
                self.handle_line(now, &Line::Signal(Signal::Terminate));
                Vec::new()
            }
            _ => {
                self.handle_line(now, &Line::EndOfInput);
                Vec::new()
            }
        }
    }
}
