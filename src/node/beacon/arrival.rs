//! On which of our networks a datagram was heard. Pure.

use std::net::Ipv4Addr;

use crate::node::interface::{FALLBACK_GROUP, Network};

/// How a datagram came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The address that it says it is from.
    pub source: Ipv4Addr,
    /// The address that it was sent to.
    pub destination: Ipv4Addr,
    /// The number of the interface that it came by.
    pub interface: u32,
}

impl Arrival {
    /// The network that it was heard on; `None` if it came by none of these.
    ///
    /// `loopback` is the number of the loopback interface, by which comes what this host sends to
    /// any of its own addresses.
    pub(super) fn network<'a>(
        &self,
        networks: &'a [Network],
        loopback: Option<u32>,
    ) -> Option<&'a Network> {
        let here = || {
            networks
                .iter()
                .filter(|network| network.index == self.interface)
        };
        let first_that = |fits: &dyn Fn(&Network) -> bool| {
            let mut fitting = here().filter(|network| fits(network));
            let first = fitting.next()?;
            // Of several addresses in one network, the one that the sender would see us by.
            let nearer = std::iter::once(first)
                .chain(fitting)
                .find(|network| network.contains(self.source));
            Some(nearer.unwrap_or(first))
        };
        if self.destination == Ipv4Addr::BROADCAST {
            first_that(&|_| true)
        } else if self.destination == FALLBACK_GROUP {
            first_that(&|network| network.is_loopback)
        } else if let Some(network) =
            first_that(&|network| network.broadcast == Ok(self.destination))
        {
            Some(network)
        } else if Some(self.interface) == loopback {
            networks
                .iter()
                .find(|network| network.address == self.destination)
        } else {
            here().find(|network| network.address == self.destination)
        }
    }

    /// Whether nobody can have the address that it says it is from.
    pub(super) fn has_no_source(&self) -> bool {
        self.source.is_unspecified() || self.source.is_multicast() || self.source.is_broadcast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: Option<u32> = Some(1);

    fn network(index: u32, address: &str) -> Network {
        let address: Ipv4Addr = address.parse().unwrap();
        let is_loopback = address.is_loopback();
        let mask = if is_loopback {
            [255, 0, 0, 0]
        } else {
            [255, 255, 255, 0]
        }
        .into();
        Network {
            name: format!("if{index}"),
            index,
            address,
            mask,
            broadcast: Ok(address | !mask),
            is_loopback,
        }
    }

    /// The address of the network that a datagram is heard on.
    fn heard(networks: &[Network], source: &str, destination: &str, interface: u32) -> String {
        let arrival = Arrival {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            interface,
        };
        let network = arrival.network(networks, LOOPBACK);
        network.map_or_else(|| "nowhere".into(), |network| network.address.to_string())
    }

    #[test]
    fn a_broadcast_is_heard_on_its_network() {
        let networks = [network(2, "10.0.0.5"), network(3, "10.1.0.5")];
        assert_eq!(heard(&networks, "10.0.0.9", "10.0.0.255", 2), "10.0.0.5");
        assert_eq!(heard(&networks, "10.1.0.9", "10.1.0.255", 3), "10.1.0.5");
    }

    #[test]
    fn what_comes_by_an_interface_or_an_alias_that_is_not_used_is_not_heard() {
        let networks = [network(2, "10.0.0.5")];
        assert_eq!(heard(&networks, "10.0.0.9", "10.0.0.255", 3), "nowhere");
        assert_eq!(heard(&networks, "10.7.0.9", "10.7.0.255", 2), "nowhere");
        assert_eq!(heard(&networks, "10.0.0.9", "10.0.0.5", 3), "nowhere");
        assert_eq!(heard(&networks, "10.0.0.9", "10.7.0.5", 2), "nowhere");
        assert_eq!(
            heard(&networks, "10.0.0.9", "255.255.255.255", 3),
            "nowhere"
        );
    }

    #[test]
    fn two_interfaces_in_one_subnet_are_told_apart() {
        let networks = [network(2, "10.0.0.5"), network(3, "10.0.0.6")];
        assert_eq!(heard(&networks, "10.0.0.9", "10.0.0.255", 2), "10.0.0.5");
        assert_eq!(heard(&networks, "10.0.0.9", "10.0.0.255", 3), "10.0.0.6");
    }

    #[test]
    fn a_broadcast_to_all_is_heard_on_the_network_of_its_sender() {
        let networks = [network(2, "10.0.0.5"), network(2, "10.7.0.5")];
        assert_eq!(
            heard(&networks, "10.7.0.9", "255.255.255.255", 2),
            "10.7.0.5"
        );
        assert_eq!(
            heard(&networks, "10.9.0.9", "255.255.255.255", 2),
            "10.0.0.5"
        );
    }

    #[test]
    fn what_is_sent_to_us_alone_is_heard_also_from_our_own_host() {
        let networks = [network(2, "10.0.0.5")];
        assert_eq!(heard(&networks, "10.0.0.9", "10.0.0.5", 2), "10.0.0.5");
        assert_eq!(heard(&networks, "10.0.0.5", "10.0.0.5", 1), "10.0.0.5");
        assert_eq!(
            heard(&networks, "127.0.0.1", "127.255.255.255", 1),
            "nowhere"
        );
    }

    #[test]
    fn the_group_that_pyre_falls_back_to_is_heard_on_the_loopback_only() {
        let networks = [network(1, "127.0.0.1"), network(2, "10.0.0.5")];
        assert_eq!(
            heard(&networks, "127.0.0.1", "225.25.25.25", 1),
            "127.0.0.1"
        );
        assert_eq!(heard(&networks, "10.0.0.9", "225.25.25.25", 2), "nowhere");
    }

    #[test]
    fn some_sources_cannot_be() {
        let from = |source: Ipv4Addr| Arrival {
            source,
            destination: Ipv4Addr::BROADCAST,
            interface: 2,
        };
        assert!(from(Ipv4Addr::UNSPECIFIED).has_no_source());
        assert!(from(FALLBACK_GROUP).has_no_source());
        assert!(!from(Ipv4Addr::new(10, 0, 0, 1)).has_no_source());
    }
}
