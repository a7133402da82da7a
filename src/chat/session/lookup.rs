//! Questions about peers: those that are answered from what is known (`/list`, `/search`, `/query`),
//! those that the peer has to answer (`/whois`, `/select`), and the answers we give.

use std::time::{Duration, Instant};

use super::Session;
use crate::chat::command::Target;
use crate::chat::item::{Item, PeerRow};
use crate::chat::naming::Who;
use crate::chat::payload::{self, Kind, Listed};
use crate::chat::people::{Person, Reach};
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

/// How long after the word that a peer does not answer it counts: gone peers are given up by then,
/// and one that answers again is not told of.
const UNREACHED: Duration = Duration::from_secs(30);

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
        let rows = self
            .people
            .by_name()
            .map(|(peer, person)| self.peer_row(peer, person));
        let rows: Vec<PeerRow> = rows.collect();
        if rows.is_empty() {
            self.notice("nobody else is here".to_owned());
        } else {
            self.show(Item::Peers(rows));
        }
    }

    /// `/search`.
    pub(super) fn search(&mut self, text: &str) {
        let wanted = text.to_lowercase();
        let rows = self
            .people
            .by_name()
            .filter(|(peer, person)| {
                let shown = self.people.shown(*peer, &person.shown).to_lowercase();
                shown.contains(&wanted) || person.name.to_lowercase().contains(&wanted)
            })
            .map(|(peer, person)| self.peer_row(peer, person));
        let rows: Vec<PeerRow> = rows.collect();
        if rows.is_empty() {
            let shown = sanitize::name(text);
            self.notice(format!("nobody here has a name that contains {shown}"));
        } else {
            self.show(Item::Peers(rows));
        }
    }

    /// `/query`.
    pub(super) fn query(&mut self, target: &Target) {
        let peer = match target {
            Target::Name(name) => match self.people.resolve(name) {
                Ok(peer) => Some(peer),
                Err(unresolved) => {
                    let why = super::lines::unresolved_in_words(name, unresolved);
                    self.notice(format!("no: {why}"));
                    return;
                }
            },
            Target::Address(address) => self.people.at(*address),
        };
        let known = peer.and_then(|peer| Some((peer, self.people.person(peer)?)));
        match (known, target) {
            (Some((peer, person)), _) => {
                let row = self.peer_row(peer, person);
                if self.reports() {
                    self.show(Item::Peers(vec![row]));
                    return;
                }
                let since = row.since.brief(self.wall);
                let text = format!(
                    "yes: {} ({}) is connected since {since}",
                    row.who.shown, row.address
                );
                self.notice(text);
            }
            (None, Target::Address(address)) => {
                self.notice(format!("no: nobody is connected at {address}"));
            }
            (None, Target::Name(_)) => {}
        }
    }

    /// `/whois`.
    pub(super) fn whois(&mut self, name: &str) {
        let Some(peer) = self.peer_named(name) else {
            return;
        };
        if self.may_ask(Question {
            peer,
            number: None,
            until: self.now + ROUND_TRIP,
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
        let Some(person) = self.people.person(peer) else {
            return;
        };
        let (heard, id) = (person.heard, peer.to_string());
        let row = PeerRow {
            round_trip,
            ..self.peer_row(peer, person)
        };
        self.show(Item::Whois { row, heard, id });
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
        let others = self.people.iter().filter(|(other, _)| *other != peer);
        let (peers, more) = payload::fitting(others.map(|(other, person)| Listed {
            peer: other,
            name: person.name.to_string(),
            endpoint: person.link.to_string(),
            groups: person.groups.iter().map(ToString::to_string).collect(),
            headers: headers(person),
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
                self.refuse(&format!("{} did not answer", who.shown));
            }
        }
    }

    /// Gives up what a peer that is gone will not answer.
    pub(super) fn drop_questions(&mut self, peer: PeerId) {
        let asked = self.questions.len();
        self.questions.retain(|question| question.peer != peer);
        if self.questions.len() < asked {
            let who = self.people.who(peer);
            self.refuse(&format!("{} is gone, and did not answer", who.shown));
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
        let is_zchat = self.people.person(peer).is_some_and(Person::is_zchat);
        if !is_zchat {
            let who = self.people.who(peer);
            self.refuse(&format!(
                "{} is not a zchat, and cannot answer that",
                who.shown
            ));
        }
        is_zchat
    }

    pub(super) fn peer_row(&self, peer: PeerId, person: &Person) -> PeerRow {
        PeerRow {
            who: self.people.who(peer),
            address: person.link.remote.to_string(),
            endpoint: person.link.to_string(),
            groups: person.groups.iter().map(ToString::to_string).collect(),
            headers: headers(person),
            since: person.since,
            remarks: self.remarks(peer, person),
            from: None,
            round_trip: None,
        }
    }

    fn remarks(&self, peer: PeerId, person: &Person) -> Vec<String> {
        let mut remarks = Vec::new();
        match person.away.as_deref() {
            None => {}
            Some("") => remarks.push("away".to_owned()),
            Some(text) => remarks.push(format!("away: {}", sanitize::text(text))),
        }
        match person.reach {
            Reach::Silent(since) | Reach::Evasive(since) if self.now < since + UNREACHED => {
                remarks.push("not answering".to_owned());
            }
            Reach::Heard | Reach::Silent(_) | Reach::Evasive(_) => {}
        }
        if let Some(ignored) = self.ignored.iter().find(|ignored| ignored.peer == peer) {
            remarks.push(format!("ignored, {} not shown", ignored.hidden));
        }
        remarks
    }

    fn listed_row(&self, from: PeerId, listed: Listed) -> PeerRow {
        let address = listed
            .endpoint
            .strip_prefix("tcp://")
            .unwrap_or(&listed.endpoint);
        PeerRow {
            address: address.to_owned(),
            who: Who::elsewhere(listed.peer, listed.name),
            endpoint: listed.endpoint,
            groups: listed.groups,
            headers: listed.headers,
            since: self.wall.at(listed.since),
            remarks: Vec::new(),
            from: Some(from),
            round_trip: None,
        }
    }
}

fn headers(person: &Person) -> Vec<(String, String)> {
    person
        .headers
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
