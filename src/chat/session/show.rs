//! How things reach the user: lines, records and the prompt.

use super::Session;
use crate::chat::item::Item;
use crate::chat::merge::listed;
use crate::chat::render::Look;
use crate::chat::report;
use crate::chat::{Form, Output, Place, Prompt, Purpose, sanitize};

impl Session {
    /// Tells that the session has begun.
    pub(super) fn greet(&mut self, endpoint: String) {
        let who = self.ourselves();
        let groups: Vec<String> = self.groups.iter().map(ToString::to_string).collect();
        if self.form == Form::Screen && self.purpose == Purpose::Chat {
            let names: Vec<_> = groups.iter().map(|group| sanitize::label(group)).collect();
            let place = if names.is_empty() {
                "no group".to_owned()
            } else {
                listed(&names)
            };
            self.notice(format!(
                "you are {} in {place}; /help lists the commands",
                who.shown
            ));
        }
        self.show(Item::Start {
            who,
            endpoint,
            groups,
        });
    }

    /// Shows something, now.
    pub(super) fn show(&mut self, item: Item) {
        self.show_held();
        self.put(item);
    }

    /// Shows that a peer came, went, joined or left: on a screen maybe together with other moves.
    pub(super) fn show_move(&mut self, item: Item) {
        if self.form != Form::Screen {
            self.put(item);
        } else if let Some(item) = self.merge.handle_move(self.now, item) {
            self.put(item);
        }
    }

    /// Shows the moves that were held to be shown together.
    pub(super) fn show_held(&mut self) {
        if let Some(item) = self.merge.take(self.now) {
            self.put(item);
        }
    }

    fn put(&mut self, item: Item) {
        let is_wanted = match self.purpose {
            Purpose::Chat => true,
            Purpose::Send { .. } => {
                matches!(
                    item,
                    Item::Sent { .. } | Item::Undelivered { .. } | Item::Error(_)
                )
            }
            Purpose::Watch { .. } => matches!(
                item,
                Item::Peers(_) | Item::Tracked { .. } | Item::Notice(_) | Item::Error(_)
            ),
        };
        if self.tally.muted || !is_wanted {
            return;
        }
        if self.form == Form::Json {
            let records = report::records(item, self.wall);
            let reports = records
                .into_iter()
                .map(|record| Output::Report(Box::new(record)));
            self.outputs.extend(reports);
            return;
        }
        let screen = self.form == Form::Screen;
        let look = Look {
            width: self.width,
            wall: self.wall,
            times: screen,
            own: self.people.ourselves(),
            own_in_full: self.people.own_in_full(),
        };
        let lines = look.lines(&item);
        if screen && !lines.is_empty() && !self.wall.same_day(self.shown_at) {
            self.outputs.push_back(Output::Show(look.day()));
        }
        self.shown_at = self.wall;
        self.outputs.extend(lines.into_iter().map(Output::Show));
    }

    /// `/clear`: all that was shown so far is out of the way. What is no screen has nothing to clear.
    pub(super) fn clear(&mut self) {
        self.show_held();
        if self.form == Form::Screen {
            self.outputs.push_back(Output::Clear);
        }
    }

    /// Tells what the prompt shows, if that has changed.
    pub(super) fn tell_prompt(&mut self) {
        if self.form != Form::Screen {
            return;
        }
        let (place, here) = match (self.private.partner(), &self.current) {
            (Some((peer, _)), _) => (Place::Private(self.people.who(peer).shown), 1),
            (None, Some(group)) => {
                let shown = sanitize::label(group).into_owned();
                (Place::Group(shown), self.people.member_count(group))
            }
            (None, None) => (Place::Nowhere, 0),
        };
        let away = self.away.is_some();
        let prompt = Prompt {
            place,
            here,
            connected: self.people.count(),
            away,
        };
        if self.prompt.as_ref() != Some(&prompt) {
            self.prompt = Some(prompt.clone());
            self.outputs.push_back(Output::Prompt(prompt));
        }
    }
}
