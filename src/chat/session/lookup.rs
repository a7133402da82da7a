//! Questions about peers: those that are answered from what is known (`/list`, `/search`, `/query`),
//! those that the peer has to answer (`/whois`, `/select`), and the answers we give.

use std::time::{Duration, Instant};

use super::Session;
use crate::chat::Form;
use crate::chat::command::Target;
use crate::chat::item::{Item, PeerRow};
use crate::chat::naming::Who;
use crate::chat::note::{Kind, Listed};
use crate::chat::payload;
use crate::chat::rows::headers;
use crate::chat::sanitize;
use crate::zre::{Action, PeerId};

/// How long a round trip may take before it counts as unanswered: a LAN needs milliseconds.
const ROUND_TRIP: Duration = Duration::from_secs(2);

/// How long an answer to `/select` may take.
const ANSWER: Duration = Duration::from_secs(5);

/// How many questions may be open; one more is refused.
const QUESTIONS: usize = 64;

/// How soon the same peer is given another list: one costs us a look at everybody.
const BETWEEN_ANSWERS: Duration = Duration::from_millis(200);

/// A question that a peer has to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Question {
    peer: PeerId,
    /// The number of a question for a list; none for a round trip.
    number: Option<u64>,
    until: Instant,
}

impl Question {
    /// When it is given up.
    pub(super) const fn until(&self) -> Instant {
        self.until
    }
}

impl Session {
    /// `/list`.
    pub(super) fn list_peers(&mut self) {
        let mut rows: Vec<PeerRow> = self
            .people
            .by_name()
            .filter_map(|(known, _)| self.peer_row(known.id))
            .collect();
        let alone = rows.is_empty();
        // Programs count rows: only a person is told where to be found.
        if self.form == Form::Screen {
            rows.push(self.own_row());
        }
        if !rows.is_empty() {
            self.show(Item::Peers(rows));
        }
        if alone {
            self.notice("nobody else is here".to_owned());
        }
    }

    /// `/search`.
    pub(super) fn search(&mut self, text: &str) {
        let wanted = text.to_lowercase();
        let rows: Vec<PeerRow> = self
            .people
            .by_name()
            .filter_map(|(known, _)| self.peer_row(known.id))
            .filter(|row| {
                let names = [&row.who.shown, &row.who.name];
                names
                    .iter()
                    .any(|name| name.to_lowercase().contains(&wanted))
            })
            .collect();
        if rows.is_empty() {
            let shown = sanitize::label(text);
            self.notice(format!("nobody here has a name that contains {shown}"));
        } else {
            self.show(Item::Peers(rows));
        }
    }

    /// `/query`.
    pub(super) fn query(&mut self, target: &Target) {
        let peer = match target {
            Target::Name(name) => self.people.resolve(name).map_err(|unresolved| {
                super::lines::unresolved_in_words(name, unresolved, self.wall)
            }),
            Target::Address(address) => self
                .people
                .at(*address)
                .ok_or_else(|| format!("nobody is connected at {address}")),
        };
        match peer.map(|peer| self.peer_row(peer)) {
            Ok(Some(row)) if self.reports() => self.show(Item::Peers(vec![row])),
            Ok(Some(row)) => {
                let since = row.since.brief(self.wall);
                let (name, address) = (row.who.shown, row.address);
                self.notice(format!(
                    "yes: {name} ({address}) is connected since {since}"
                ));
            }
            Ok(None) => {}
            Err(why) => self.notice(format!("no: {why}")),
        }
    }

    /// `/whois`.
    pub(super) fn whois(&mut self, name: &str) {
        if self.is_us(name) {
            self.tell_own();
            return;
        }
        let Some(peer) = self.peer_named(name) else {
            return;
        };
        let until = self.now + ROUND_TRIP;
        if self.may_ask(Question {
            peer,
            number: None,
            until,
        }) {
            self.act(Action::Ping(peer));
        }
    }

    /// A peer answered a PING.
    pub(super) fn take_round_trip(&mut self, peer: PeerId, elapsed: Duration) {
        if self.take_question(|question| question.peer == peer && question.number.is_none()) {
            self.tell_whois(peer, Some(elapsed));
        }
    }

    fn tell_whois(&mut self, peer: PeerId, round_trip: Option<Duration>) {
        let heard = self.people.person(peer).map(|person| person.heard);
        if let Some((row, heard)) = self.peer_row(peer).zip(heard) {
            let row = PeerRow { round_trip, ..row };
            self.show(Item::Whois {
                row,
                heard: Some(heard),
                id: peer.to_string(),
            });
        }
    }

    /// `/select`.
    pub(super) fn select(&mut self, target: &Target) {
        let peer = match target {
            Target::Name(name) => self.peer_named(name),
            Target::Address(address) => {
                let peer = self.people.at(*address);
                if peer.is_none() {
                    self.refuse(&format!(
                        "nobody is connected at {address}; usage: /add IP PORT"
                    ));
                }
                peer
            }
        };
        let Some(peer) = peer.filter(|peer| self.is_zchat(*peer)) else {
            return;
        };
        let number = self.number();
        if self.may_ask(Question {
            peer,
            number: Some(number),
            until: self.now + ANSWER,
        }) {
            self.tell(peer, Kind::WhoIsThere { question: number });
        }
    }

    /// A peer answered by its list.
    pub(super) fn take_list(&mut self, peer: PeerId, number: u64, listed: Vec<Listed>, more: u64) {
        let is_it = |question: &Question| question.peer == peer && question.number == Some(number);
        if !self.take_question(is_it) {
            return;
        }
        let who = self.people.who(peer);
        let count = u64::try_from(listed.len())
            .unwrap_or(u64::MAX)
            .saturating_add(more);
        if !self.reports() {
            let peers = if count == 1 {
                "1 peer".to_owned()
            } else {
                format!("{count} peers")
            };
            self.notice(format!("{} is connected to {peers}", who.shown));
        }
        let rows: Vec<PeerRow> = listed
            .into_iter()
            .map(|listed| self.listed_row(peer, listed))
            .collect();
        if !rows.is_empty() {
            self.show(Item::Peers(rows));
        }
        if more > 0 {
            self.notice(format!("{} knows {more} more", who.shown));
        }
    }

    /// A peer asks for our list.
    pub(super) fn answer_who(&mut self, peer: PeerId, question: u64) {
        let now = self.now;
        let Some(person) = self.people.person_mut(peer) else {
            return;
        };
        if person
            .answered
            .is_some_and(|answered| now < answered + BETWEEN_ANSWERS)
        {
            return;
        }
        person.answered = Some(now);
        // Whoever asks is in it too: it is our list, as we would see it.
        let (peers, more) = payload::fitting(self.people.by_name().map(|(known, person)| Listed {
            peer: known.id,
            name: known.name.to_string(),
            endpoint: known.link.to_string(),
            groups: known.groups.iter().map(ToString::to_string).collect(),
            headers: headers(known),
            since: person.since.unix_milliseconds(),
        }));
        self.tell(
            peer,
            Kind::These {
                question,
                peers,
                more,
            },
        );
    }

    /// Gives up what was not answered in time.
    pub(super) fn give_up_questions(&mut self) {
        let now = self.now;
        let over = self
            .questions
            .extract_if(.., |question| question.until <= now);
        let over: Vec<Question> = over.collect();
        for Question { peer, number, .. } in over {
            if number.is_none() {
                self.tell_whois(peer, None);
            } else {
                let who = self.people.who(peer);
                self.fail(format!("{} did not answer", who.shown));
            }
        }
    }

    /// Gives up what a peer that is gone will not answer.
    pub(super) fn drop_questions(&mut self, peer: PeerId) {
        let asked = self.questions.len();
        self.questions.retain(|question| question.peer != peer);
        if self.questions.len() < asked {
            let who = self.people.who(peer);
            self.fail(format!("{} is gone, and did not answer", who.shown));
        }
    }

    fn may_ask(&mut self, question: Question) -> bool {
        let room = self.questions.len() < QUESTIONS;
        if room {
            self.questions.push(question);
        } else {
            self.refuse("too many questions are open; wait for their answers");
        }
        room
    }

    fn take_question(&mut self, is_it: impl Fn(&Question) -> bool) -> bool {
        let at = self.questions.iter().position(is_it);
        at.map(|at| self.questions.remove(at)).is_some()
    }

    /// Whether a peer understands notes; if not, tells so.
    pub(super) fn is_zchat(&mut self, peer: PeerId) -> bool {
        let is_zchat = self.people.is_zchat(peer);
        if !is_zchat {
            let who = self.people.who(peer);
            self.refuse(&format!(
                "{} is not a zchat, and cannot answer that",
                who.shown
            ));
        }
        is_zchat
    }

    /// What there is to say about a peer that is here.
    fn peer_row(&self, peer: PeerId) -> Option<PeerRow> {
        let mut row = self.people.row(peer)?;
        if let Some(ignored) = self.ignored.iter().find(|ignored| ignored.peer == peer) {
            row.remarks
                .push(format!("ignored, {} not shown", ignored.hidden));
        }
        Some(row)
    }

    /// A peer in somebody else's list: as we show it, where it is known here by the same name.
    fn who_there(&self, peer: PeerId, name: String) -> Who {
        let known = self.people.known(peer);
        if known.is_some_and(|known| known.name.as_str() == name) {
            self.people.who(peer)
        } else {
            Who::elsewhere(peer, name)
        }
    }

    fn listed_row(&self, from: PeerId, listed: Listed) -> PeerRow {
        let remark = if listed.peer == self.people.own() {
            Some("you")
        } else if self.people.known(listed.peer).is_none() {
            Some("not connected here")
        } else {
            None
        };
        let endpoint = listed.endpoint;
        PeerRow {
            address: endpoint
                .strip_prefix("tcp://")
                .unwrap_or(&endpoint)
                .to_owned(),
            who: self.who_there(listed.peer, listed.name),
            endpoint,
            groups: listed.groups,
            headers: listed.headers,
            since: self.wall.at(listed.since),
            away: None,
            unanswered: None,
            remarks: remark.map(str::to_owned).into_iter().collect(),
            from: Some(from),
            round_trip: None,
        }
    }
}
