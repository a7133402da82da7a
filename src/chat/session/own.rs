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
    /// Where else others are told to look for it.
    pub(super) advertised: Option<SocketAddr>,
    pub(super) headers: Headers,
    /// Our addresses, once the node has told them.
    pub(super) addresses: Option<Vec<IpAddr>>,
    /// Since when we are here.
    pub(super) since: Stamp,
}

impl Own {
    /// Where others reach us: what they are told to, and one address with its port for each network. A
    /// link-local address is told only if there is no other: it means nothing without the name that
    /// each host has for the link.
    fn places(&self) -> Vec<String> {
        let (links, networks): (Vec<IpAddr>, Vec<IpAddr>) =
            self.addresses.iter().flatten().partition(
                |address| matches!(address, IpAddr::V6(address) if address.is_unicast_link_local()),
            );
        let addresses = if networks.is_empty() { links } else { networks };
        let port = self.port();
        let own = addresses
            .iter()
            .filter_map(|address| Some(SocketAddr::new(*address, port?)));
        let places = self.advertised.into_iter().chain(own);
        let places: Vec<String> = places.map(|place| place.to_string()).collect();
        if places.is_empty() {
            vec![self.endpoint.trim_start_matches("tcp://").to_owned()]
        } else {
            places
        }
    }

    /// The port of our mailbox.
    fn port(&self) -> Option<u16> {
        let (_, port) = self.endpoint.rsplit_once(':')?;
        port.parse().ok()
    }

    /// Whether this is one of the addresses of our mailbox: on this host, every loopback address is.
    pub(super) fn is_at(&self, address: SocketAddr) -> bool {
        let is_ours =
            |ip: IpAddr| ip.is_loopback() || self.addresses.iter().flatten().any(|own| *own == ip);
        self.advertised == Some(address)
            || self.port() == Some(address.port()) && is_ours(address.ip())
            || self.endpoint == format!("tcp://{address}")
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
            unanswered: None,
            remarks: vec!["you".to_owned()],
            from: None,
            round_trip: None,
        }
    }
}
