//! On which links a node uses IPv6, and why not on the others. Pure; asking the system is in
//! [`list`](super::list()).
//!
//! Only link-local addresses (`fe80::…`): every interface has one by itself, also where nobody has
//! set up IPv6, and others on the same link reach it whatever their subnet is. Beacons go to all
//! hosts of the link, [`ALL_NODES`], as Zyre sends them where IPv6 is switched on. No beacons by
//! global addresses: they would reach the same hosts.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use super::Selection;
use crate::zre::Host;

/// All hosts of a link.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// One link-local address of one interface, as the system lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedLink {
    /// The name of the interface.
    pub name: String,
    /// The number of the interface; 0 if it went while it was listed.
    pub index: u32,
    /// Whether somebody has switched it on, and it has a carrier.
    pub is_running: bool,
    /// Whether there is exactly one host at its other end (a tunnel).
    pub is_point_to_point: bool,
    /// Whether it can carry multicasts.
    pub can_multicast: bool,
    /// The address.
    pub address: Ipv6Addr,
    /// Whether the address can be used.
    pub state: AddressState,
}

/// How far the system has come with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AddressState {
    /// It can be used.
    #[default]
    Usable,
    /// The system still asks whether another host has it: for a second or two after the carrier came.
    Tentative,
    /// Another host has it.
    Duplicate,
}

/// A link that is used by IPv6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkLocal {
    /// The name of the interface.
    pub name: String,
    /// The number of the interface, which is the scope of addresses there.
    pub index: u32,
    /// Our own address.
    pub address: Ipv6Addr,
}

impl LinkLocal {
    /// This host, as it is seen from here.
    #[must_use]
    pub const fn host(&self) -> Host {
        Host {
            address: IpAddr::V6(self.address),
            scope: self.index,
        }
    }
}

/// Such as `eth0 (fe80::5)`.
impl fmt::Display for LinkLocal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.address)
    }
}

/// Why IPv6 is not used on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnusedLink {
    /// The interface is switched off, or has no carrier.
    Down,
    /// The user has named others. (Who names an IPv4 address wants that alone.)
    NotNamed,
    /// A tunnel to one other host: what beacons tell is not for whoever is there.
    PointToPoint,
    /// The interface carries no multicasts.
    NotCarried,
    /// The system still asks whether another host has the address.
    Tentative,
    /// Another host has the address.
    Duplicate,
    /// The interface has another such address, which is used.
    Repeated,
}

/// Decides about each link-local address of a list, in its order.
#[must_use]
pub fn decide_links(
    listed: &[ListedLink],
    selection: &Selection,
) -> Vec<Result<LinkLocal, UnusedLink>> {
    let mut seen = Vec::new();
    let decide = |one: &ListedLink| {
        let link = judge(one, selection)?;
        if seen.contains(&one.index) {
            return Err(UnusedLink::Repeated);
        }
        seen.push(one.index);
        Ok(link)
    };
    listed.iter().map(decide).collect()
}

/// The links among the decisions, by interface.
#[must_use]
pub fn links(decisions: &[Result<LinkLocal, UnusedLink>]) -> Vec<LinkLocal> {
    let mut links: Vec<LinkLocal> = decisions.iter().flatten().cloned().collect();
    links.sort_by_key(|link| link.index);
    links
}

fn judge(one: &ListedLink, selection: &Selection) -> Result<LinkLocal, UnusedLink> {
    if *selection != Selection::All && !selection.names_interface(&one.name) {
        return Err(UnusedLink::NotNamed);
    }
    if !one.is_running {
        return Err(UnusedLink::Down);
    }
    if one.is_point_to_point {
        return Err(UnusedLink::PointToPoint);
    }
    if !one.can_multicast {
        return Err(UnusedLink::NotCarried);
    }
    match one.state {
        AddressState::Tentative => Err(UnusedLink::Tentative),
        AddressState::Duplicate => Err(UnusedLink::Duplicate),
        AddressState::Usable => Ok(LinkLocal {
            name: one.name.clone(),
            index: one.index,
            address: one.address,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str, index: u32) -> ListedLink {
        ListedLink {
            name: name.into(),
            index,
            is_running: true,
            is_point_to_point: false,
            can_multicast: true,
            address: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 5),
            state: AddressState::Usable,
        }
    }

    fn verdict(one: ListedLink, selection: &Selection) -> Result<LinkLocal, UnusedLink> {
        decide_links(&[one], selection).remove(0)
    }

    #[test]
    fn an_ordinary_link_is_used() {
        let link = verdict(listed("eth0", 2), &Selection::All).unwrap();
        assert_eq!(link.to_string(), "eth0 (fe80::5)");
        assert_eq!(link.index, 2);
    }

    #[test]
    fn what_cannot_carry_beacons_is_not_used() {
        let changed = |change: &dyn Fn(&mut ListedLink)| {
            let mut one = listed("eth0", 2);
            change(&mut one);
            verdict(one, &Selection::All).unwrap_err()
        };
        assert_eq!(changed(&|one| one.is_running = false), UnusedLink::Down);
        assert_eq!(
            changed(&|one| one.is_point_to_point = true),
            UnusedLink::PointToPoint
        );
        assert_eq!(
            changed(&|one| one.can_multicast = false),
            UnusedLink::NotCarried
        );
        assert_eq!(
            changed(&|one| one.state = AddressState::Tentative),
            UnusedLink::Tentative
        );
        assert_eq!(
            changed(&|one| one.state = AddressState::Duplicate),
            UnusedLink::Duplicate
        );
    }

    #[test]
    fn an_interface_is_named_by_its_name_and_not_by_its_ipv4_address() {
        let one = || listed("eth0", 2);
        assert!(verdict(one(), &Selection::parse(["eth0"])).is_ok());
        for other in ["eth1", "10.0.0.5"] {
            let selection = Selection::parse([other]);
            assert_eq!(verdict(one(), &selection), Err(UnusedLink::NotNamed));
        }
    }

    #[test]
    fn one_address_of_an_interface_is_enough_and_interfaces_are_in_order() {
        let decisions = decide_links(
            &[listed("eth1", 3), listed("eth0", 2), listed("eth1", 3)],
            &Selection::All,
        );
        assert_eq!(decisions[2], Err(UnusedLink::Repeated));
        let indices: Vec<u32> = links(&decisions).iter().map(|link| link.index).collect();
        assert_eq!(indices, [2, 3]);
    }
}
