//! Rows about peers, for lists and tables.

use super::item::PeerRow;
use super::people::People;
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
            unanswered: person
                .unanswered
                .filter(|_| known.presence != Presence::Heard),
            remarks: Vec::new(),
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
