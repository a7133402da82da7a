//! Rows about peers, for lists and tables.

use std::time::{Duration, Instant};

use super::item::PeerRow;
use super::people::{People, Person};
use crate::zre::{KnownPeer, PeerId, Presence};

/// How long the word that a peer does not answer is worth mentioning: peers that are gone are given up
/// by then. That one answers again is not told, so it is only said when it did not.
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
            away: person.away.as_deref().map(str::to_owned),
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
    let lately = |at: Instant| known.presence != Presence::Heard && now < at + UNANSWERED;
    let unanswered = person.unanswered.filter(|(at, _)| lately(*at));
    let told = unanswered.map(|(_, wall)| format!("no answer at {}", wall.brief(wall)));
    told.into_iter().collect()
}
