//! The network of a world: subnets, interfaces and addresses, and who can reach whom.
//!
//! One subnet is one broadcast domain, and nothing is routed between two: as on the networks where
//! beacons are of use. What travels on it is in [`stream`](super::stream) and in the world.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

/// A host: its place in the list of hosts.
pub(super) type HostId = usize;

/// A network interface of a host.
#[derive(Debug, Clone)]
pub(super) struct Interface {
    pub(super) subnet: usize,
    pub(super) address: IpAddr,
    /// Whether its cable is in.
    pub(super) up: bool,
}

/// Hosts that cannot reach others, in one direction or both.
#[derive(Debug, Clone)]
struct Partition {
    number: u64,
    side: BTreeSet<HostId>,
    /// Only what goes from the side to others is lost.
    one_way: bool,
}

/// Who can reach whom.
#[derive(Debug, Default)]
pub(super) struct Network {
    interfaces: Vec<Vec<Interface>>,
    /// Whether the host is switched on and not suspended.
    powered: Vec<bool>,
    holders: BTreeMap<IpAddr, (HostId, usize)>,
    /// The hosts on each subnet.
    subnets: Vec<BTreeSet<HostId>>,
    partitions: Vec<Partition>,
    /// Addresses given so far, by subnet.
    given: Vec<u32>,
    /// Addresses that hosts have given up, by subnet, and who: the last one comes last.
    free: Vec<Vec<(IpAddr, HostId)>>,
    next_partition: u64,
}

impl Network {
    pub(super) fn new(subnets: usize) -> Self {
        Self {
            subnets: vec![BTreeSet::new(); subnets],
            given: vec![0; subnets],
            free: vec![Vec::new(); subnets],
            ..Self::default()
        }
    }

    /// A host with an interface on each of these subnets.
    pub(super) fn add_host(&mut self, subnets: &[usize]) -> HostId {
        let host = self.interfaces.len();
        self.interfaces.push(Vec::new());
        self.powered.push(true);
        for &subnet in subnets {
            let address = self.fresh_address(subnet);
            let list = self.interfaces.get_mut(host).expect("it was just added");
            self.holders.insert(address, (host, list.len()));
            list.push(Interface {
                subnet,
                address,
                up: true,
            });
            if let Some(hosts) = self.subnets.get_mut(subnet) {
                hosts.insert(host);
            }
        }
        host
    }

    fn fresh_address(&mut self, subnet: usize) -> IpAddr {
        let given = self
            .given
            .get_mut(subnet)
            .expect("a subnet of this network");
        *given += 1;
        let [_, second, third, fourth] = given.to_be_bytes();
        let first = u8::try_from(10 + subnet).unwrap_or(u8::MAX);
        IpAddr::V4(Ipv4Addr::new(first, second, third, fourth))
    }

    pub(super) fn interfaces(&self, host: HostId) -> &[Interface] {
        self.interfaces.get(host).map_or(&[], Vec::as_slice)
    }

    /// The addresses that a host can use now.
    pub(super) fn addresses(&self, host: HostId) -> Vec<IpAddr> {
        let up = self.interfaces(host).iter().filter(|one| one.up);
        up.map(|interface| interface.address).collect()
    }

    /// The hosts that have an interface on this subnet, whatever its state.
    pub(super) fn on_subnet(&self, subnet: usize) -> impl Iterator<Item = HostId> {
        self.subnets.get(subnet).into_iter().flatten().copied()
    }

    /// The address that a host has on a subnet now.
    pub(super) fn address_on(&self, host: HostId, subnet: usize) -> Option<IpAddr> {
        let found = self
            .interfaces(host)
            .iter()
            .find(|one| one.subnet == subnet);
        found.filter(|one| one.up).map(|one| one.address)
    }

    /// The address at which a host hears what goes out on a subnet from another host (or itself), if that
    /// arrives: what [`Network::carries`] says, but without looking for hosts by their addresses.
    pub(super) fn hears(&self, from: HostId, subnet: usize, host: HostId) -> Option<IpAddr> {
        let address = self.address_on(host, subnet)?;
        let on = self.powered.get(host).copied().unwrap_or(false);
        (on && !self.is_cut(from, host)).then_some(address)
    }

    /// The address of `host` from which it would reach another one.
    pub(super) fn source_for(&self, host: HostId, to: IpAddr) -> Option<IpAddr> {
        self.address_on(host, subnet_of(to)?)
    }

    pub(super) fn holder(&self, address: IpAddr) -> Option<HostId> {
        self.holders.get(&address).map(|&(host, _)| host)
    }

    /// Whether a packet with this sender and this receiver arrives: both addresses are in use, and
    /// nothing is between them.
    pub(super) fn carries(&self, from: IpAddr, to: IpAddr) -> bool {
        let (Some(&sender), Some(&receiver)) = (self.holders.get(&from), self.holders.get(&to))
        else {
            return false;
        };
        subnet_of(from) == subnet_of(to)
            && self.is_up(sender)
            && self.is_up(receiver)
            && !self.is_cut(sender.0, receiver.0)
    }

    fn is_up(&self, (host, interface): (HostId, usize)) -> bool {
        self.powered.get(host).is_some_and(|&on| on)
            && self
                .interfaces(host)
                .get(interface)
                .is_some_and(|one| one.up)
    }

    /// Whether a partition is between two hosts, in this direction.
    pub(super) fn is_cut(&self, from: HostId, to: HostId) -> bool {
        from != to
            && self.partitions.iter().any(|partition| {
                let outward = partition.side.contains(&from) && !partition.side.contains(&to);
                let inward = partition.side.contains(&to) && !partition.side.contains(&from);
                outward || inward && !partition.one_way
            })
    }

    /// Whether two hosts have a subnet in common, and so are to find each other.
    pub(super) fn are_neighbours(&self, one: HostId, other: HostId) -> bool {
        let subnets = |host| {
            self.interfaces(host)
                .iter()
                .map(|interface| interface.subnet)
        };
        subnets(one).any(|subnet| subnets(other).any(|there| there == subnet))
    }

    pub(super) fn power(&mut self, host: HostId, on: bool) {
        if let Some(powered) = self.powered.get_mut(host) {
            *powered = on;
        }
    }

    /// Pulls the cable of an interface out, or puts it in.
    pub(super) fn plug(&mut self, host: HostId, interface: usize, up: bool) {
        let list = self.interfaces.get_mut(host);
        if let Some(interface) = list.and_then(|list| list.get_mut(interface)) {
            interface.up = up;
        }
    }

    /// An interface gives up its address: a host is on its way to somewhere else.
    pub(super) fn release(&mut self, host: HostId, number: usize) {
        let Some(interface) = self.interfaces(host).get(number) else {
            return;
        };
        let (subnet, old) = (interface.subnet, interface.address);
        if self.holders.get(&old) == Some(&(host, number)) {
            self.holders.remove(&old);
            if let Some(free) = self.free.get_mut(subnet) {
                free.push((old, host));
            }
        }
    }

    /// Whether an interface still has the address that it believes to have.
    pub(super) fn holds(&self, host: HostId, number: usize) -> bool {
        let interface = self.interfaces(host).get(number);
        interface.is_some_and(|one| self.holders.get(&one.address) == Some(&(host, number)))
    }

    /// Gives an interface another address: one that nobody has had, or else the one that another host has
    /// given up last, as a DHCP server may that has few left.
    pub(super) fn readdress(&mut self, host: HostId, number: usize, again: bool) {
        let Some(subnet) = self.interfaces(host).get(number).map(|one| one.subnet) else {
            return;
        };
        let address = self
            .freed(host, subnet)
            .filter(|_| again)
            .unwrap_or_else(|| self.fresh_address(subnet));
        self.release(host, number);
        self.holders.insert(address, (host, number));
        let list = self.interfaces.get_mut(host);
        if let Some(interface) = list.and_then(|list| list.get_mut(number)) {
            interface.address = address;
        }
    }

    /// Takes the address that another host has given up last.
    fn freed(&mut self, host: HostId, subnet: usize) -> Option<IpAddr> {
        let free = self.free.get_mut(subnet)?;
        let place = free.iter().rposition(|(_, before)| *before != host)?;
        Some(free.remove(place).0)
    }

    /// Cuts hosts off from all others; the number is for [`Network::join`].
    pub(super) fn cut(&mut self, side: BTreeSet<HostId>, one_way: bool) -> u64 {
        self.next_partition += 1;
        self.partitions.push(Partition {
            number: self.next_partition,
            side,
            one_way,
        });
        self.next_partition
    }

    /// Ends a partition.
    pub(super) fn join(&mut self, number: u64) {
        self.partitions
            .retain(|partition| partition.number != number);
    }

    /// Ends all partitions, and plugs all cables in.
    pub(super) fn heal(&mut self) {
        self.partitions.clear();
        for interface in self.interfaces.iter_mut().flatten() {
            interface.up = true;
        }
    }
}

fn subnet_of(address: IpAddr) -> Option<usize> {
    match address {
        IpAddr::V4(v4) => usize::from(v4.octets()[0]).checked_sub(10),
        IpAddr::V6(_) => None,
    }
}
