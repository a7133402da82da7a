//! Rows about peers, for lists and tables.

use std::time::{Duration, Instant};

use super::item::PeerRow;
use super::people::{People, Person};
use super::sanitize;
use crate::zre::{KnownPeer, PeerId, Presence};

/// How long after the word that a peer does not answer it counts: peers that are gone are given up by
/// then, and that one answers again is not told.
const UNANSWERED: Duration = Duration::from_secs(30);

impl People {
    /// What there is to say about a peer that is here.
    pub(crate) fn row(&self, peer: PeerId, now: Instant) -> Option<PeerRow> {
        let known = self.known(peer)?;
        let person = self.person(peer)?;
        Some(PeerRow {
            who: self.who(peer),
            address: known.link.remote.to_string(),
            endpoint: known.link.to_string(),
            groups: known.groups.iter().map(ToString::to_string).collect(),
            headers: headers(known),
            since: person.since,
            remarks: remarks(known, person, now),
            from: None,
            round_trip: None,
        })
    }
}

/// The headers of a peer, by name.
pub(crate) fn headers(known: &KnownPeer) -> Vec<(String, String)> {
    let headers = known.headers.iter();
    headers
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn remarks(known: &KnownPeer, person: &Person, now: Instant) -> Vec<String> {
    let mut remarks = Vec::new();
    match person.away.as_deref() {
        None => {}
        Some("") => remarks.push("away".to_owned()),
        Some(text) => remarks.push(format!("away: {}", sanitize::cell(text))),
    }
    let lately = person
        .unanswered
        .is_some_and(|unanswered| now < unanswered + UNANSWERED);
    if known.presence != Presence::Heard && lately {
        remarks.push("not answering".to_owned());
    }
    remarks
}
