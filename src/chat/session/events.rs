//! What the node tells: who comes and goes, and what they say.

use super::Session;
use crate::chat::Form;
use crate::chat::item::{Item, Said, Way};
use crate::chat::payload::{self, Kind, Received};
use crate::chat::people::{Person, Reach};
use crate::chat::request::State;
use crate::zre::{
    Content, Event, ExitReason, GroupName, Headers, Link, Name, PeerId, UndeliveredReason,
};

impl Session {
    pub(super) fn take_event(&mut self, event: Event) {
        match event {
            Event::Enter {
                peer,
                name,
                headers,
                link,
            } => self.enter(peer, name, headers, link),
            Event::Exit { peer, reason } => self.exit(peer, reason),
            Event::Evasive { peer } => {
                self.unreached(peer, Reach::Evasive(self.now), Item::Evasive);
            }
            Event::Silent { peer } => self.unreached(peer, Reach::Silent(self.now), Item::Silent),
            Event::Join { peer, group } => self.joined(peer, &group),
            Event::Leave { peer, group } => self.left(peer, &group),
            Event::Whisper { origin, content } => self.whispered(origin.peer, &content),
            Event::Shout {
                origin,
                group,
                content,
            } => {
                self.shouted(origin.peer, &group, &content);
            }
            Event::Update {
                peer,
                name,
                headers,
                ..
            } => self.updated(peer, name, headers),
            Event::Undelivered {
                peer,
                count,
                reason,
            } => self.undelivered(peer, count, reason),
            Event::Flushed {
                ticket,
                delivered,
                missing,
            } => {
                self.flushed(ticket, delivered, missing);
            }
            Event::RoundTrip { peer, elapsed } => {
                self.heard(peer);
                self.take_round_trip(peer, elapsed);
            }
            Event::Network { addresses } => self.network(addresses.is_empty()),
            Event::Stop => self.stopped(),
        }
    }

    /// Whether everything is reported, also what concerns none of our groups.
    pub(super) fn reports(&self) -> bool {
        self.form == Form::Json
    }

    fn enter(&mut self, peer: PeerId, name: Name, headers: Headers, link: Link) {
        self.settle.handle_arrival(self.now);
        self.alone_until = None;
        let mut person = Person::new(name, headers, link, self.now, self.wall);
        let lost = self.flaps.handle_back(self.now, peer);
        let was = lost
            .as_ref()
            .map(|lost| (lost.name.clone(), lost.shown.clone()));
        if let Some(lost) = lost {
            person.since = lost.since;
            person.heard = lost.heard;
            person.away = lost.away;
            person.away_told = lost.away_told;
            person.announced = lost.announced;
            person.before = lost.groups;
        }
        let renamed = was.filter(|(name, _)| person.announced && *name != person.name);
        self.people.enter(peer, person);
        self.recognise_ignored(peer);
        if self.reports() {
            self.announce(peer);
        } else if let Some((was, shown)) = renamed {
            let who = self.people.who(peer);
            let was_shown = self.people.shown(peer, &shown);
            self.show(Item::Rename {
                who,
                was_shown,
                was: was.to_string(),
            });
        }
        self.tell_away(peer);
    }

    /// Tells that a peer is here.
    fn announce(&mut self, peer: PeerId) {
        let Some(person) = self.people.person_mut(peer) else {
            return;
        };
        person.announced = true;
        let address = person.link.remote.ip().to_string();
        let endpoint = person.link.to_string();
        let headers = person.headers.iter();
        let headers = headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let who = self.people.who(peer);
        self.show_move(Item::Enter {
            who,
            address,
            endpoint,
            headers,
        });
    }

    fn exit(&mut self, peer: PeerId, reason: ExitReason) {
        let who = self.people.who(peer);
        let Some(person) = self.people.exit(peer) else {
            return;
        };
        self.drop_questions(peer);
        if self.reports() {
            self.show(Item::Exit(who));
        }
        if matches!(reason, ExitReason::Gap | ExitReason::Overflow) {
            self.flaps.handle_lost(self.now, peer, person);
        } else {
            self.gone(peer, &person);
        }
    }

    /// A peer is gone, and not back at once.
    fn gone(&mut self, peer: PeerId, person: &Person) {
        let steps = self.private.handle_exit(peer);
        if !self.reports() && person.announced && self.shares(&person.groups) {
            let who = self.people.who(peer);
            self.show_move(Item::Exit(who));
        }
        self.take_steps(steps);
    }

    /// The time is over in which a peer that was lost may come back, or join again.
    pub(super) fn take_flap(&mut self, peer: PeerId, lost: Option<Person>) {
        if let Some(person) = lost {
            self.gone(peer, &person);
            return;
        }
        let Some(person) = self.people.person_mut(peer) else {
            return;
        };
        let not_again = std::mem::take(&mut person.before);
        for group in not_again {
            self.tell_left(peer, &group);
        }
    }

    /// A peer does not answer.
    fn unreached(
        &mut self,
        peer: PeerId,
        reach: Reach,
        item: fn(crate::chat::naming::Who) -> Item,
    ) {
        if let Some(person) = self.people.person_mut(peer) {
            person.reach = reach;
        }
        let who = self.people.who(peer);
        self.show(item(who));
    }

    /// A peer did something, so it is there.
    fn heard(&mut self, peer: PeerId) {
        if let Some(person) = self.people.person_mut(peer) {
            person.reach = Reach::Heard;
        }
    }

    fn joined(&mut self, peer: PeerId, group: &GroupName) {
        self.settle.handle_arrival(self.now);
        self.heard(peer);
        let is_ours = self.groups.contains(group);
        let only_ours = is_ours && self.groups.len() == 1;
        let now = self.now;
        if !self.people.join(peer, group) {
            return;
        }
        let Some(person) = self.people.person_mut(peer) else {
            return;
        };
        let again = person.before.remove(group);
        let arriving = !person.announced;
        let just_arrived = arriving || person.arrived == now;
        if self.reports() {
            self.tell_joined(peer, group);
            return;
        }
        if !is_ours || again {
            return;
        }
        if arriving {
            self.announce(peer);
        }
        // On a screen, who is here is in our only group: that needs no second line.
        if !(self.form == Form::Screen && just_arrived && only_ours) {
            self.tell_joined(peer, group);
        }
    }

    fn tell_joined(&mut self, peer: PeerId, group: &GroupName) {
        let who = self.people.who(peer);
        self.show_move(Item::Join {
            who,
            group: group.to_string(),
        });
    }

    fn left(&mut self, peer: PeerId, group: &GroupName) {
        self.heard(peer);
        if self.people.leave(peer, group) {
            self.tell_left(peer, group);
        }
    }

    fn tell_left(&mut self, peer: PeerId, group: &GroupName) {
        if self.reports() || self.groups.contains(group) {
            let who = self.people.who(peer);
            self.show_move(Item::Leave {
                who,
                group: group.to_string(),
            });
        }
    }

    fn updated(&mut self, peer: PeerId, name: Name, headers: Headers) {
        self.heard(peer);
        let was_shown = self.people.who(peer).shown;
        let Some(person) = self.people.person(peer) else {
            return;
        };
        let was = person.name.to_string();
        let announced = person.announced && self.shares(&person.groups);
        let renamed = person.name != name;
        self.people.update(peer, name, headers);
        if renamed && (announced || self.reports()) {
            let who = self.people.who(peer);
            self.show(Item::Rename {
                who,
                was_shown,
                was,
            });
        }
    }

    fn whispered(&mut self, peer: PeerId, content: &Content) {
        let received = self.receive(peer, content);
        let kind = received.note.as_ref().map(|note| note.kind.clone());
        let said_nothing = content.first().is_empty() && received.frames.is_empty();
        match kind {
            None => self.said(peer, Way::ToUs, false, received),
            Some(Kind::Text { private } | Kind::Action { private, .. }) => {
                let action = matches!(kind, Some(Kind::Action { .. }));
                if let Some(number) = private {
                    let steps = self.private.handle_private(peer, number);
                    self.take_steps(steps);
                }
                self.said(peer, Way::ToUs, action, received);
            }
            Some(kind) => {
                if !said_nothing {
                    self.said(peer, Way::ToUs, false, received);
                }
                if !self.ignores(peer) {
                    self.told(peer, kind);
                }
            }
        }
    }

    /// A chat of our kind tells something.
    fn told(&mut self, peer: PeerId, kind: Kind) {
        let steps = match kind {
            Kind::Ask { request } => self.private.handle_ask(self.now, peer, request),
            Kind::Accept { request } => self.private.handle_accept(peer, request),
            Kind::Reject { request } => self.private.handle_no(peer, request, State::Rejected),
            Kind::Busy { request } => self.private.handle_no(peer, request, State::Busy),
            Kind::End { request, timeout } => self.private.handle_end(peer, request, timeout),
            Kind::Away { text } => return self.take_away(peer, Some(text)),
            Kind::Back => return self.take_away(peer, None),
            Kind::WhoIsThere { question } => return self.answer_who(peer, question),
            Kind::These {
                question,
                peers,
                more,
            } => {
                return self.take_list(peer, question, peers, more);
            }
            Kind::Text { .. } | Kind::Action { .. } | Kind::Unknown => return,
        };
        self.take_steps(steps);
    }

    fn shouted(&mut self, peer: PeerId, group: &GroupName, content: &Content) {
        let received = self.receive(peer, content);
        let kind = received.note.as_ref().map(|note| &note.kind);
        let action = matches!(kind, Some(Kind::Action { .. }));
        let is_later =
            matches!(kind, Some(kind) if !matches!(kind, Kind::Text { .. } | Kind::Action { .. }));
        if is_later && content.first().is_empty() {
            return;
        }
        self.said(peer, Way::Group(group.to_string()), action, received);
    }

    fn receive(&mut self, peer: PeerId, content: &Content) -> Received {
        self.heard(peer);
        let wall = self.wall;
        let person = self.people.person_mut(peer).map(|person| {
            person.heard = wall;
            person.is_zchat()
        });
        payload::read(content, person.unwrap_or(false))
    }

    fn said(&mut self, peer: PeerId, way: Way, action: bool, received: Received) {
        if self.hides(peer) {
            return;
        }
        let Received { body, frames, .. } = received;
        let who = self.people.who(peer);
        self.show(Item::Said(Said {
            who,
            way,
            action,
            body,
            frames,
        }));
    }

    fn undelivered(&mut self, peer: PeerId, count: u64, reason: UndeliveredReason) {
        let told_already =
            reason == UndeliveredReason::Stopped && self.tally.missing.contains(&peer);
        self.tally.undelivered = self.tally.undelivered.saturating_add(count);
        if !told_already {
            let who = self.people.who(peer);
            self.show(Item::Undelivered { who, count, reason });
        }
    }

    fn network(&mut self, is_none: bool) {
        let was_none = std::mem::replace(&mut self.tally.no_network, is_none);
        if is_none && !was_none {
            self.notice("there is no network: nobody can be reached".to_owned());
        } else if was_none && !is_none {
            self.notice("the network is there".to_owned());
        }
    }
}
