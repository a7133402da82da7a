//! Ourselves, as a peer is shown: what one tells another who is to `/add` one.

use std::net::{IpAddr, SocketAddr};

use super::Session;
use crate::chat::Stamp;
use crate::chat::item::{Item, PeerRow};
use crate::chat::naming::Unresolved;
use crate::zre::Headers;

/// What there is to say about ourselves beside our name and groups.
#[derive(Debug)]
pub(super) struct Own {
    /// Where our mailbox was at the start.
    pub(super) endpoint: String,
    pub(super) headers: Headers,
    /// Our addresses, once the node has told them.
    pub(super) addresses: Option<Vec<IpAddr>>,
    /// Since when we are here.
    pub(super) since: Stamp,
}

impl Own {
    /// Where others reach us: one address with its port for each network.
    fn places(&self) -> Vec<String> {
        let start = self.endpoint.trim_start_matches("tcp://");
        let port = start
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok());
        match (&self.addresses, port) {
            (Some(addresses), Some(port)) if !addresses.is_empty() => addresses
                .iter()
                .map(|address| SocketAddr::new(*address, port).to_string())
                .collect(),
            _ => vec![start.to_owned()],
        }
    }

    /// Whether this is one of the addresses of our mailbox: on this host, every loopback address is.
    pub(super) fn is_at(&self, address: SocketAddr) -> bool {
        let places = self.places();
        let our_port = format!(":{}", address.port());
        places.contains(&address.to_string())
            || (address.ip().is_loopback() && places.iter().any(|place| place.ends_with(&our_port)))
    }
}

impl Session {
    /// Whether a name that was typed means ourselves, and nobody else: our name, our id, or what others
    /// see if somebody has our name too.
    pub(super) fn is_us(&self, name: &str) -> bool {
        let own = self.people.own();
        self.people.resolve(name) == Err(Unresolved::Ourselves)
            || own.to_string() == name
            || self.people.namesake().as_deref() == Some(name)
    }

    /// `/whois` about ourselves.
    pub(super) fn tell_own(&mut self) {
        let row = PeerRow {
            address: self.own.places().join(", "),
            ..self.own_row()
        };
        let id = row.who.peer.to_string();
        self.show(Item::Whois {
            row,
            heard: None,
            id,
        });
    }

    /// Our own row in our own list.
    pub(super) fn own_row(&self) -> PeerRow {
        let address = self.own.places().into_iter().next().unwrap_or_default();
        let headers = self.own.headers.iter();
        PeerRow {
            who: self.ourselves(),
            endpoint: format!("tcp://{address}"),
            address,
            groups: self.groups.iter().map(ToString::to_string).collect(),
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            since: self.own.since,
            away: self.away.clone(),
            remarks: vec!["you".to_owned()],
            from: None,
            round_trip: None,
        }
    }
}
