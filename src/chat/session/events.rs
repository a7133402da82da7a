//! What the node tells: who comes and goes, and what they say.

use super::Session;
use super::finish::Phase;
use crate::chat::Form;
use crate::chat::item::{Item, Said, Way};
use crate::chat::merge::Lost;
use crate::chat::note::{Kind, Received};
use crate::chat::payload;
use crate::chat::request::State;
use crate::chat::rows::headers;
use crate::zre::{Content, Event, ExitReason, GroupName, Name, PeerId, UndeliveredReason};

impl Session {
    pub(super) fn take_event(&mut self, event: Event) {
        match &event {
            Event::Enter { peer, .. } => self.entered(*peer, &event),
            Event::Exit { peer, reason } => self.exited(*peer, *reason, &event),
            Event::Join { peer, group } => self.joined(*peer, group, &event),
            Event::Leave { peer, group } => self.left(*peer, group, &event),
            Event::Update { peer, name, .. } => self.updated(*peer, name, &event),
            _ => {
                self.fold(&event);
                self.take_other(event);
            }
        }
    }

    fn take_other(&mut self, event: Event) {
        match event {
            Event::Evasive { peer } => {
                let who = self.people.who(peer);
                self.show(Item::Evasive(who));
            }
            Event::Silent { peer } => {
                let who = self.people.who(peer);
                self.show(Item::Silent(who));
            }
            Event::Heard { peer } => {
                let who = self.people.who(peer);
                self.show(Item::Heard(who));
            }
            Event::Moved { peer, link } => {
                let who = self.people.who(peer);
                let endpoint = link.to_string();
                self.show(Item::Moved { who, endpoint });
            }
            Event::Whisper { origin, content } => self.whispered(origin.peer, &content),
            Event::Shout {
                origin,
                group,
                content,
            } => {
                self.shouted(origin.peer, &group, &content);
            }
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
            Event::RoundTrip { peer, elapsed } => self.take_round_trip(peer, elapsed),
            Event::Network { addresses } => {
                self.network(addresses.is_empty());
                self.own.addresses = Some(addresses);
            }
            Event::Stop => self.stopped(),
            Event::Enter { .. }
            | Event::Exit { .. }
            | Event::Join { .. }
            | Event::Leave { .. }
            | Event::Update { .. } => {}
        }
    }

    /// Lets an event change who is here; who is gone by it.
    fn fold(&mut self, event: &Event) -> Option<Lost> {
        let (known, person) = self.people.handle_event(self.now, self.wall, event)?;
        Some(Lost { known, person })
    }

    /// Whether everything is reported, also what concerns none of our groups.
    pub(super) fn reports(&self) -> bool {
        self.form == Form::Json
    }

    fn entered(&mut self, peer: PeerId, event: &Event) {
        self.settle.handle_arrival(self.now);
        self.alone_until = None;
        self.fold(event);
        let lost = self.flaps.handle_back(self.now, peer);
        if let (Some(lost), Some(person)) = (&lost, self.people.person_mut(peer)) {
            person.since = lost.person.since;
            person.heard = lost.person.heard;
            person.away.clone_from(&lost.person.away);
            person.away_told = lost.person.away_told;
            person.announced = lost.person.announced;
            person.before = lost.known.groups.iter().cloned().collect();
        }
        self.recognise_ignored(peer);
        if self.reports() {
            self.announce(peer);
        } else if let Some(lost) = lost.filter(|lost| lost.person.announced) {
            let was_shown = self.people.shown(peer, &lost.person.shown);
            self.tell_renamed(peer, &lost.known.name, was_shown);
        }
        self.tell_away(peer);
        let steps = self.private.handle_enter(peer);
        self.take_steps(steps);
    }

    /// Tells that a peer is here.
    fn announce(&mut self, peer: PeerId) {
        if let Some(person) = self.people.person_mut(peer) {
            person.announced = true;
        }
        let Some(known) = self.people.known(peer) else {
            return;
        };
        let address = known.link.remote.ip().to_string();
        let endpoint = known.link.to_string();
        let headers = headers(known);
        let who = self.people.who(peer);
        self.show_move(Item::Enter {
            who,
            address,
            endpoint,
            headers,
        });
        // That somebody of our name is here was said just now.
        if let Some((_, shown)) = self.news_of_namesake() {
            self.notice(format!("others see you as {shown} now"));
        }
    }

    /// Tells that somebody has our name too, once for each name of ours.
    pub(super) fn tell_namesake(&mut self) {
        if let Some((own, shown)) = self.news_of_namesake() {
            self.notice(format!("another {own} is here: others see you as {shown}"));
        }
    }

    /// Our name, and what others see in its place since somebody else has it, if that was not told yet.
    fn news_of_namesake(&mut self) -> Option<(String, String)> {
        let own = self.people.ourselves();
        if self.form != Form::Screen || self.namesake_told.as_deref() == Some(own) {
            return None;
        }
        let own = own.to_owned();
        let shown = self.people.namesake()?;
        self.namesake_told = Some(own.clone());
        Some((own, shown))
    }

    fn exited(&mut self, peer: PeerId, reason: ExitReason, event: &Event) {
        let Some(lost) = self.fold(event) else {
            return;
        };
        self.drop_questions(peer);
        self.tally.forget(peer);
        if self.reports() {
            let who = self.people.who(peer);
            self.show(Item::Exit(who));
        }
        if matches!(reason, ExitReason::Gap | ExitReason::Overflow) {
            self.flaps.handle_lost(self.now, peer, lost);
        } else {
            self.gone(peer, &lost);
        }
    }

    /// A peer is gone, and not back at once.
    fn gone(&mut self, peer: PeerId, lost: &Lost) {
        let steps = self.private.handle_exit(peer);
        let shared = lost
            .known
            .groups
            .iter()
            .any(|group| self.groups.contains(group));
        // Whoever leaves knows that he is alone then.
        if self.phase == Phase::Stopping {
            return;
        }
        if !self.reports() && lost.person.announced && shared {
            let who = self.people.who(peer);
            self.show_move(Item::Exit(who));
        }
        self.take_steps(steps);
    }

    /// The time is over in which a peer that was lost may come back, or join again.
    pub(super) fn take_flap(&mut self, peer: PeerId, lost: Option<Lost>) {
        if let Some(lost) = lost {
            self.gone(peer, &lost);
            return;
        }
        let Some(person) = self.people.person_mut(peer) else {
            return;
        };
        let not_again = std::mem::take(&mut person.before);
        if !self.reports() {
            for group in not_again {
                self.tell_left(peer, &group);
            }
        }
    }

    fn joined(&mut self, peer: PeerId, group: &GroupName, event: &Event) {
        self.settle.handle_arrival(self.now);
        let known_already = self.people.is_in(peer, group);
        self.fold(event);
        let Some(person) = self.people.person_mut(peer).filter(|_| !known_already) else {
            return;
        };
        let again = person.before.remove(group);
        let arriving = !person.announced;
        if self.reports() {
            self.tell_joined(peer, group);
            return;
        }
        if again || !self.groups.contains(group) {
            return;
        }
        if arriving {
            self.announce(peer);
        }
        if !self.is_said_by_arrival(peer, group) {
            self.tell_joined(peer, group);
        }
    }

    /// Whether the line that a peer is here says enough of its being in this group. On a screen, who comes
    /// is named once: the merged line tells in which group other than the current one, and the line of
    /// whoever comes alone leaves it out, as it leaves out all groups.
    fn is_said_by_arrival(&self, peer: PeerId, group: &GroupName) -> bool {
        if self.form != Form::Screen {
            return false;
        }
        let is_current = self.groups.len() == 1 || self.current.as_ref() == Some(group);
        self.merge.was_first(self.now, peer) || (is_current && self.merge.holds_arrival(peer))
    }

    fn tell_joined(&mut self, peer: PeerId, group: &GroupName) {
        let who = self.people.who(peer);
        self.show_move(Item::Join {
            who,
            group: group.to_string(),
        });
    }

    fn left(&mut self, peer: PeerId, group: &GroupName, event: &Event) {
        let was_in = self.people.is_in(peer, group);
        self.fold(event);
        if was_in {
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

    fn updated(&mut self, peer: PeerId, name: &Name, event: &Event) {
        let was_shown = self.people.who(peer).shown;
        let was = self.people.known(peer).map(|known| known.name.clone());
        let was_zchat = self.people.is_zchat(peer);
        self.fold(event);
        if was.as_ref().is_some_and(|was| was != name)
            && (self.people.shares_group(peer) || self.reports())
        {
            self.tell_renamed(peer, &was.unwrap_or_else(|| name.clone()), was_shown);
        }
        if !was_zchat {
            self.tell_away(peer);
        }
    }

    /// Tells that a peer has another name, if it has. Whoever is ignored cannot fill the screen with names
    /// either.
    fn tell_renamed(&mut self, peer: PeerId, was: &Name, was_shown: String) {
        let is_wanted = self.reports() || !self.ignores(peer);
        if is_wanted
            && self
                .people
                .known(peer)
                .is_some_and(|known| known.name != *was)
        {
            let who = self.people.who(peer);
            self.show(Item::Rename {
                who,
                was_shown,
                was: was.to_string(),
            });
            self.tell_namesake();
        }
    }

    fn whispered(&mut self, peer: PeerId, content: &Content) {
        let received = payload::read(content, self.people.is_zchat(peer));
        let Some(note) = received.note.clone() else {
            self.said(peer, Way::ToUs, false, received);
            return;
        };
        if let Kind::Text {
            private: Some(number),
        }
        | Kind::Action {
            private: Some(number),
            ..
        } = note.kind
        {
            let steps = self.private.handle_private(peer, number);
            self.take_steps(steps);
        }
        if note.kind.says() || !content.first().is_empty() {
            let action = matches!(note.kind, Kind::Action { .. });
            let way = if note.kind == Kind::All {
                Way::ToAll
            } else {
                Way::ToUs
            };
            self.said(peer, way, action, received);
        }
        // Who is ignored can begin nothing, but answer what we have begun, and end it.
        let is_answer = matches!(
            note.kind,
            Kind::Accept { .. } | Kind::Reject { .. } | Kind::Busy { .. } | Kind::End { .. }
        );
        if is_answer || !self.ignores(peer) {
            self.told(peer, note.kind);
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
            Kind::Text { .. } | Kind::All | Kind::Action { .. } | Kind::Unknown => return,
        };
        self.take_steps(steps);
    }

    fn shouted(&mut self, peer: PeerId, group: &GroupName, content: &Content) {
        let received = payload::read(content, self.people.is_zchat(peer));
        let kind = received.note.as_ref().map(|note| &note.kind);
        // A later version may tell a group something that has no text.
        if kind.is_none_or(Kind::says) || !content.first().is_empty() {
            let action = matches!(kind, Some(Kind::Action { .. }));
            self.said(peer, Way::Group(group.to_string()), action, received);
        }
    }

    fn said(&mut self, peer: PeerId, way: Way, action: bool, received: Received) {
        if self.hides(peer) {
            return;
        }
        if way == Way::ToUs {
            self.whispered = Some(peer);
            self.note_recent(peer);
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
        // What nobody said (that we are away, an answer) is no loss to a person.
        let was_said = self.tally.addressed.contains(&peer);
        let told_already =
            reason == UndeliveredReason::Stopped && self.tally.missing.contains(&peer);
        if was_said {
            self.tally.undelivered = self.tally.undelivered.saturating_add(count);
        }
        if (was_said && !told_already) || self.reports() {
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
