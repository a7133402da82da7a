//! Rows about peers, for lists and tables.

use super::item::PeerRow;
use super::people::{People, Person};
use crate::zre::{KnownPeer, PeerId, Presence};

impl People {
    /// What there is to say about a peer that is here.
    pub(crate) fn row(&self, peer: PeerId) -> Option<PeerRow> {
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
            remarks: remarks(known, person),
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

fn remarks(known: &KnownPeer, person: &Person) -> Vec<String> {
    let is_unheard = known.presence != Presence::Heard;
    let unanswered = person.unanswered.filter(|_| is_unheard);
    let told = unanswered.map(|wall| format!("no answer at {}", wall.brief(wall)));
    told.into_iter().collect()
}
