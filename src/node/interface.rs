//! Which of the host's networks a node uses, and why not the others.
//!
//! A network here is one IPv4 address on one interface: an interface with three addresses is on three
//! networks, each with its own broadcast address (of the aliases that other ZRE nodes fail on). The
//! decision is pure, [`decide`]; asking the system is in [`list`] and [`Watch`]. Of IPv6, only the
//! addresses are used that every link has: see [`LinkLocal`].

mod link_local;
mod system;

use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv4Addr;

pub use link_local::{
    ALL_NODES, AddressState, LinkLocal, ListedLink, UnusedLink, decide_links, links,
};
pub use system::{Listing, Watch, list};

/// One address of one interface as the system lists it, or one interface that has no IPv4 address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The name that the address has: the interface's, or a label such as `eth0:1`.
    pub label: String,
    /// The number of the interface; 0 if it went while it was listed.
    pub index: u32,
    /// Whether somebody has switched it on.
    pub is_up: bool,
    /// Whether it has a carrier: a cable that is plugged in, a Wi-Fi that is joined.
    pub is_running: bool,
    /// Whether it leads to this host itself only.
    pub is_loopback: bool,
    /// Whether there is exactly one host at its other end (a tunnel).
    pub is_point_to_point: bool,
    /// Whether it can carry broadcasts.
    pub can_broadcast: bool,
    /// The address and the mask of its network.
    pub address: Option<(Ipv4Addr, Ipv4Addr)>,
}

impl Listed {
    /// The name of the interface, whatever the label of this address is.
    #[must_use]
    pub fn name(&self) -> &str {
        self.label
            .split_once(':')
            .map_or(&self.label, |(name, _)| name)
    }
}

/// A network that is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// The name of the interface.
    pub name: String,
    /// The number of the interface.
    pub index: u32,
    /// Our own address.
    pub address: Ipv4Addr,
    /// The mask that goes with it.
    pub mask: Ipv4Addr,
    /// Where all hosts of this network are reached at once, or why there is no such address. Nobody
    /// hears of us then by a beacon; peers are greeted by their address, and hear the rest by TCP.
    pub broadcast: Result<Ipv4Addr, NoBroadcast>,
    /// Whether it leads to this host itself only.
    pub is_loopback: bool,
}

impl Network {
    /// Where a beacon is sent to: the broadcast address, and on the loopback interface also the
    /// multicast group that Pyre falls back to where it finds no network.
    pub fn targets(&self) -> impl Iterator<Item = Ipv4Addr> {
        let fallback = self.is_loopback.then_some(FALLBACK_GROUP);
        self.broadcast.ok().into_iter().chain(fallback)
    }

    /// Whether an address belongs to this network.
    #[must_use]
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        (address & self.mask) == (self.address & self.mask)
    }
}

/// Such as `eth0 (10.0.0.5)`.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.address)
    }
}

/// The multicast group that Pyre uses on a host without networks (trap 12).
pub const FALLBACK_GROUP: Ipv4Addr = Ipv4Addr::new(225, 25, 25, 25);

/// Why a network has no broadcast address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoBroadcast {
    /// There is exactly one host at the other end (a tunnel, a VPN): what would be its broadcast
    /// address is an ordinary one, often somebody else's.
    PointToPoint,
    /// Its mask is /31 or /32, in which all addresses are those of hosts (RFC 3021): the last one is
    /// the other side's, or our own.
    NoRoom,
    /// The interface carries none.
    NotCarried,
}

impl fmt::Display for NoBroadcast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PointToPoint => "it is a tunnel to one other host, which has no broadcast",
            Self::NoRoom => "its mask (/31 or /32) leaves no address for broadcasts",
            Self::NotCarried => "the interface carries no broadcasts",
        })
    }
}

/// Which networks are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Selection {
    /// Every usable one; the loopback interface only where beacons could be sent on no other.
    #[default]
    All,
    /// Those that one of these names.
    Named(Vec<Choice>),
}

impl Selection {
    /// What a user writes: names and addresses; none of them means all.
    pub fn parse<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> Self {
        let choices: Vec<Choice> = words
            .into_iter()
            .map(|word| Choice::parse(word.as_ref()))
            .collect();
        if choices.is_empty() {
            Self::All
        } else {
            Self::Named(choices)
        }
    }

    /// Looks whether everything that is named exists, if only switched off.
    ///
    /// # Errors
    ///
    /// The first choice that matches nothing of what is listed, and what there is.
    pub fn check(&self, listed: &[Listed]) -> Result<(), UnknownInterface> {
        let Self::Named(choices) = self else {
            return Ok(());
        };
        match choices
            .iter()
            .find(|choice| !listed.iter().any(|one| choice.matches(one)))
        {
            None => Ok(()),
            Some(choice) => Err(UnknownInterface {
                wanted: choice.clone(),
                existing: listed
                    .iter()
                    .map(|one| (one.label.clone(), one.address.map(|(address, _)| address)))
                    .collect(),
            }),
        }
    }

    /// Whether an interface is among those that are named, with all that it has.
    fn names_interface(&self, interface: &str) -> bool {
        match self {
            Self::All => false,
            Self::Named(choices) => choices
                .iter()
                .any(|choice| matches!(choice, Choice::Name(name) if name == interface)),
        }
    }

    fn names(&self, one: &Listed) -> bool {
        match self {
            Self::All => false,
            Self::Named(choices) => choices.iter().any(|choice| choice.matches(one)),
        }
    }
}

/// One interface or address that a user has named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// An interface with all its addresses, by its name; or one address, by its label.
    Name(String),
    /// The network that we have this address on.
    Address(Ipv4Addr),
}

impl Choice {
    /// What reads as an IPv4 address is one; everything else is a name.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        word.parse()
            .map_or_else(|_| Self::Name(word.to_owned()), Self::Address)
    }

    fn matches(&self, one: &Listed) -> bool {
        match self {
            Self::Name(name) => *name == one.label || name == one.name(),
            Self::Address(wanted) => one.address.is_some_and(|(address, _)| address == *wanted),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// A choice that matches no interface of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownInterface {
    /// The choice.
    pub wanted: Choice,
    /// What there is instead: names, and addresses where there are any.
    pub existing: Vec<(String, Option<Ipv4Addr>)>,
}

impl fmt::Display for UnknownInterface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.wanted {
            Choice::Name(name) => write!(f, "there is no interface {name:?}")?,
            Choice::Address(address) => write!(f, "no interface has the address {address}")?,
        }
        for (number, (label, address)) in self.existing.iter().enumerate() {
            let before = if number == 0 { "; there are:" } else { "," };
            match address {
                Some(address) => write!(f, "{before} {label} ({address})")?,
                None => write!(f, "{before} {label} (no IPv4 address)")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for UnknownInterface {}

/// What was decided about one line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The line.
    pub listed: Listed,
    /// The network that it is, or why it is not used.
    pub verdict: Result<Network, Unused>,
}

/// Why an interface, or an address, is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unused {
    /// It is switched off.
    Down,
    /// It has no carrier: no cable, no Wi-Fi, nobody on the bridge.
    NoCarrier,
    /// It has no IPv4 address.
    NoAddress,
    /// The user has named others.
    NotNamed,
    /// It leads to this host only, was not named, and there are networks to send beacons on.
    Loopback,
    /// The same address is listed already for this interface.
    Repeated,
}

impl fmt::Display for Unused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "it is switched off",
            Self::NoCarrier => "it has no carrier: no cable, or no Wi-Fi joined",
            Self::NoAddress => "it has no IPv4 address",
            Self::NotNamed => "other interfaces were named",
            Self::Loopback => "it leads to this host only, and was not named",
            Self::Repeated => "the same address is listed before",
        })
    }
}

/// Decides about each line of a list, in its order.
#[must_use]
pub fn decide(listed: &[Listed], selection: &Selection) -> Vec<Decision> {
    let mut seen = BTreeSet::new();
    let mut decisions: Vec<Decision> = listed
        .iter()
        .map(|one| Decision {
            listed: one.clone(),
            verdict: judge(one, selection).and_then(|network| {
                let is_new = seen.insert((network.index, network.address));
                if is_new {
                    Ok(network)
                } else {
                    Err(Unused::Repeated)
                }
            }),
        })
        .collect();
    let beacons_can_leave = decisions.iter().any(|decision| {
        let network = decision.verdict.as_ref();
        network.is_ok_and(|network| !network.is_loopback && network.broadcast.is_ok())
    });
    // A host whose only network is a VPN keeps the loopback interface: else two nodes on it would
    // have no way to hear of each other.
    if *selection == Selection::All && beacons_can_leave {
        for decision in &mut decisions {
            if decision.listed.is_loopback && decision.verdict.is_ok() {
                decision.verdict = Err(Unused::Loopback);
            }
        }
    }
    decisions
}

/// The networks among the decisions, by interface; within one in the system's order, in which the
/// address comes first that connections are opened from.
#[must_use]
pub fn networks(decisions: &[Decision]) -> Vec<Network> {
    let mut networks: Vec<Network> = decisions
        .iter()
        .filter_map(|decision| decision.verdict.clone().ok())
        .collect();
    networks.sort_by_key(|network| network.index);
    networks
}

fn judge(one: &Listed, selection: &Selection) -> Result<Network, Unused> {
    if *selection != Selection::All && !selection.names(one) {
        return Err(Unused::NotNamed);
    }
    if !one.is_up {
        return Err(Unused::Down);
    }
    if !one.is_running {
        return Err(Unused::NoCarrier);
    }
    let (address, mask) = one.address.ok_or(Unused::NoAddress)?;
    if address.is_unspecified() {
        return Err(Unused::NoAddress);
    }
    Ok(Network {
        name: one.name().to_owned(),
        index: one.index,
        address,
        mask,
        broadcast: broadcast(one, address, mask),
        is_loopback: one.is_loopback,
    })
}

/// From address and mask, always: an address that was added without a broadcast address lists its own
/// as that, and the kernel takes the computed one for a broadcast in any case.
fn broadcast(one: &Listed, address: Ipv4Addr, mask: Ipv4Addr) -> Result<Ipv4Addr, NoBroadcast> {
    if one.is_point_to_point {
        Err(NoBroadcast::PointToPoint)
    } else if u32::from(mask).count_zeros() < 2 {
        Err(NoBroadcast::NoRoom)
    } else if !one.can_broadcast && !one.is_loopback {
        Err(NoBroadcast::NotCarried)
    } else {
        Ok(address | !mask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `eth0`, up, on 10.0.0.5/24.
    fn ethernet() -> Listed {
        Listed {
            label: "eth0".into(),
            index: 2,
            is_up: true,
            is_running: true,
            is_loopback: false,
            is_point_to_point: false,
            can_broadcast: true,
            address: address("10.0.0.5", "255.255.255.0"),
        }
    }

    fn loopback() -> Listed {
        Listed {
            label: "lo".into(),
            index: 1,
            is_loopback: true,
            can_broadcast: false,
            address: address("127.0.0.1", "255.0.0.0"),
            ..ethernet()
        }
    }

    fn tunnel() -> Listed {
        Listed {
            label: "wg0".into(),
            index: 3,
            is_point_to_point: true,
            can_broadcast: false,
            address: address("10.9.0.2", "255.255.255.255"),
            ..ethernet()
        }
    }

    fn address(address: &str, mask: &str) -> Option<(Ipv4Addr, Ipv4Addr)> {
        Some((address.parse().unwrap(), mask.parse().unwrap()))
    }

    fn on(network: &str, mask: &str) -> Listed {
        Listed {
            address: address(network, mask),
            ..ethernet()
        }
    }

    fn named(words: &[&str]) -> Selection {
        Selection::parse(words)
    }

    /// One line for each decision: the address and where beacons go, or why not.
    fn verdicts(listed: &[Listed], selection: &Selection) -> Vec<String> {
        let told = |decision: Decision| match decision.verdict {
            Err(reason) => format!("{} {reason:?}", decision.listed.label),
            Ok(network) => {
                let targets: Vec<_> = network.targets().map(|to| to.to_string()).collect();
                format!("{network} to {}", targets.join(" and "))
            }
        };
        decide(listed, selection).into_iter().map(told).collect()
    }

    #[test]
    fn an_ordinary_host_uses_its_network_and_not_the_loopback() {
        assert_eq!(
            verdicts(&[loopback(), ethernet()], &Selection::All),
            ["lo Loopback", "eth0 (10.0.0.5) to 10.0.0.255"]
        );
    }

    #[test]
    fn the_loopback_is_used_where_nothing_else_is_up() {
        let down = Listed {
            is_up: false,
            is_running: false,
            ..ethernet()
        };
        assert_eq!(
            verdicts(&[loopback(), down], &Selection::All),
            [
                "lo (127.0.0.1) to 127.255.255.255 and 225.25.25.25",
                "eth0 Down"
            ]
        );
    }

    #[test]
    fn the_loopback_is_used_where_beacons_cannot_leave_the_host() {
        assert_eq!(
            verdicts(&[loopback(), tunnel()], &Selection::All),
            [
                "lo (127.0.0.1) to 127.255.255.255 and 225.25.25.25",
                "wg0 (10.9.0.2) to "
            ]
        );
    }

    #[test]
    fn the_loopback_is_used_where_it_is_named() {
        for name in ["lo", "127.0.0.1"] {
            assert_eq!(
                verdicts(&[loopback(), ethernet()], &named(&[name])),
                [
                    "lo (127.0.0.1) to 127.255.255.255 and 225.25.25.25",
                    "eth0 NotNamed"
                ]
            );
        }
    }

    #[test]
    fn an_interface_needs_a_switch_a_carrier_and_an_address() {
        let down = Listed {
            is_up: false,
            ..ethernet()
        };
        let unplugged = Listed {
            is_running: false,
            label: "eth1".into(),
            ..ethernet()
        };
        let bare = Listed {
            address: None,
            label: "eth2".into(),
            ..ethernet()
        };
        let unset = Listed {
            label: "eth3".into(),
            ..on("0.0.0.0", "0.0.0.0")
        };
        assert_eq!(
            verdicts(&[down, unplugged, bare, unset], &Selection::All),
            [
                "eth0 Down",
                "eth1 NoCarrier",
                "eth2 NoAddress",
                "eth3 NoAddress"
            ]
        );
    }

    #[test]
    fn a_named_interface_that_is_down_stays_unused_and_is_no_mistake() {
        let down = Listed {
            is_up: false,
            ..ethernet()
        };
        let selection = named(&["eth0"]);
        assert_eq!(selection.check(&[loopback(), down.clone()]), Ok(()));
        assert_eq!(
            verdicts(&[loopback(), down], &selection),
            ["lo NotNamed", "eth0 Down"]
        );
    }

    #[test]
    fn the_broadcast_address_comes_from_the_mask() {
        for (own, mask, expected) in [
            ("10.0.0.5", "255.255.255.0", "10.0.0.255"),
            ("10.77.3.9", "255.255.0.0", "10.77.255.255"),
            ("10.0.0.1", "255.255.255.252", "10.0.0.3"),
            ("172.16.5.1", "255.255.254.0", "172.16.5.255"),
            ("192.168.1.130", "255.255.255.128", "192.168.1.255"),
            ("169.254.7.7", "255.255.0.0", "169.254.255.255"),
        ] {
            let network = networks(&decide(&[on(own, mask)], &Selection::All)).remove(0);
            assert_eq!(
                network.broadcast,
                Ok(expected.parse().unwrap()),
                "{own} {mask}"
            );
        }
    }

    #[test]
    fn networks_without_room_for_a_broadcast_address_have_none() {
        for mask in ["255.255.255.254", "255.255.255.255"] {
            let network = networks(&decide(&[on("10.0.0.1", mask)], &Selection::All)).remove(0);
            assert_eq!(network.broadcast, Err(NoBroadcast::NoRoom), "{mask}");
            assert_eq!(network.targets().count(), 0);
        }
    }

    #[test]
    fn tunnels_and_interfaces_that_carry_no_broadcasts_have_none() {
        let wide_tunnel = Listed {
            address: address("10.8.0.2", "255.255.255.0"),
            ..tunnel()
        };
        let silent = Listed {
            can_broadcast: false,
            ..ethernet()
        };
        let found = networks(&decide(&[wide_tunnel, silent], &Selection::All));
        let reasons: Vec<_> = found.iter().map(|network| network.broadcast).collect();
        assert_eq!(
            reasons,
            [Err(NoBroadcast::NotCarried), Err(NoBroadcast::PointToPoint)]
        );
    }

    #[test]
    fn each_address_of_an_interface_is_a_network_of_its_own() {
        let alias = Listed {
            label: "eth0:1".into(),
            ..on("192.168.9.5", "255.255.255.0")
        };
        let second = on("10.0.0.6", "255.255.255.0");
        let listed = [ethernet(), second.clone(), alias, second];
        assert_eq!(
            verdicts(&listed, &Selection::All),
            [
                "eth0 (10.0.0.5) to 10.0.0.255",
                "eth0 (10.0.0.6) to 10.0.0.255",
                "eth0 (192.168.9.5) to 192.168.9.255",
                "eth0 Repeated",
            ]
        );
        let by_label = verdicts(&listed, &named(&["eth0:1"]));
        assert_eq!(by_label[2], "eth0 (192.168.9.5) to 192.168.9.255");
        assert_eq!(
            by_label
                .iter()
                .filter(|line| line.ends_with("NotNamed"))
                .count(),
            3
        );
        let by_address = verdicts(&listed[..3], &named(&["10.0.0.6"]));
        assert_eq!(
            by_address,
            [
                "eth0 NotNamed",
                "eth0 (10.0.0.6) to 10.0.0.255",
                "eth0:1 NotNamed"
            ]
        );
        let by_name = verdicts(&listed[..3], &named(&["eth0"]));
        assert!(
            by_name.iter().all(|line| line.starts_with("eth0 (")),
            "{by_name:?}"
        );
    }

    #[test]
    fn an_unknown_choice_is_told_with_those_that_exist() {
        let listed = [
            loopback(),
            ethernet(),
            Listed {
                address: None,
                ..tunnel()
            },
        ];
        let error = named(&["eth0", "eth7"]).check(&listed).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no interface \"eth7\"; there are: \
             lo (127.0.0.1), eth0 (10.0.0.5), wg0 (no IPv4 address)"
        );
        let error = named(&["10.0.0.9"]).check(&listed[..1]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no interface has the address 10.0.0.9; there are: lo (127.0.0.1)"
        );
        assert_eq!(Selection::All.check(&[]), Ok(()));
    }

    #[test]
    fn networks_are_in_the_order_of_interfaces_and_then_of_the_system() {
        let second = Listed {
            label: "eth1".into(),
            index: 5,
            ..on("10.1.0.5", "255.255.255.0")
        };
        let higher_address = on("10.0.0.9", "255.255.255.0");
        let listed = [second, higher_address, loopback(), ethernet()];
        let order: Vec<_> = networks(&decide(&listed, &Selection::All))
            .iter()
            .map(Network::to_string)
            .collect();
        assert_eq!(
            order,
            ["eth0 (10.0.0.9)", "eth0 (10.0.0.5)", "eth1 (10.1.0.5)"]
        );
    }

    #[test]
    fn a_network_knows_its_addresses() {
        let network = networks(&decide(&[ethernet()], &Selection::All)).remove(0);
        assert!(network.contains(Ipv4Addr::new(10, 0, 0, 77)));
        assert!(!network.contains(Ipv4Addr::new(10, 0, 1, 77)));
    }
}
