//! Routes that lead elsewhere: a VPN, or a rule, takes what is meant for the local network.

use std::net::Ipv4Addr;

use zchat::node::interface::{Listed, Network};

use super::super::facts::{Facts, Interface, Visit, VisitEnd, other_of};
use super::Finding;

/// The networks whose packets leave by another interface.
pub(super) struct Detours<'a>(Vec<Detour<'a>>);

struct Detour<'a> {
    network: &'a Network,
    by: &'a Listed,
    /// Whether somebody there was not reached.
    does_harm: bool,
}

impl<'a> Detours<'a> {
    pub(super) fn of(facts: &'a Facts) -> Self {
        let used = facts.interfaces.iter();
        let used = used.filter_map(|one| Some((one, one.network()?)));
        let detour = |(interface, network): (&Interface, &'a Network)| {
            let is_there = |visit: &&Visit| visit.ipv4().is_some_and(|ip| network.contains(ip));
            let visits = facts.visits.iter().filter(is_there);
            let probed = interface.probe.and_then(|probe| probe.leaves_from);
            let mut sources = probed
                .into_iter()
                .chain(visits.clone().filter_map(|one| one.from));
            let by = sources.find_map(|from| elsewhere(facts, network, from))?;
            let mut failed = visits.filter(|visit| visit.end != VisitEnd::Greeted);
            Some(Detour {
                network,
                by,
                does_harm: failed.next().is_some(),
            })
        };
        Self(used.filter_map(detour).collect())
    }

    /// Whether what is sent to an address goes astray.
    pub(super) fn takes(&self, address: Ipv4Addr) -> bool {
        self.0.iter().any(|detour| detour.network.contains(address))
    }

    pub(super) fn diagnose(&self) -> Vec<Finding> {
        self.0.iter().map(tell).collect()
    }
}

/// The interface that has this address, if it is not one of this network.
fn elsewhere<'a>(facts: &'a Facts, network: &Network, from: Ipv4Addr) -> Option<&'a Listed> {
    let mut listed = facts.interfaces.iter().map(|one| &one.decision.listed);
    let by = listed.find(|one| one.address.is_some_and(|(address, _)| address == from))?;
    // Two interfaces on one network are nothing unusual.
    (!network.contains(from) && !by.is_loopback).then_some(by)
}

fn tell(detour: &Detour<'_>) -> Finding {
    let (network, by) = (detour.network, detour.by.name());
    let what = format!("What is sent to others on {network} leaves by {by} instead");
    let finding = if detour.does_harm {
        Finding::problem("taken_over", what)
    } else {
        Finding::warning("taken_over", what)
    };
    let finding = finding
        .because("A VPN that keeps all traffic to itself does so; or a route is wrong.")
        .say("Allow the local network in the settings of the VPN, or look at the routes:");
    let route = other_of(network).map(|other| format!("ip route get {other}"));
    route
        .into_iter()
        .fold(finding, Finding::run)
        .run("ip rule list")
}
