//! Listing interfaces and watching them, on hosts whose interfaces are made for it. (What is decided
//! from a list is tested beside the decision.)

use std::net::Ipv4Addr;
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use zchat::node::interface::{
    Choice, Decision, NoBroadcast, Selection, Unused, Watch, decide, list, networks,
};

use crate::figure::figure;
use crate::lab::{Bridge, Lab};

fn decisions(lab: &Lab, selection: &Selection) -> Vec<Decision> {
    lab.run(1, || decide(&list().unwrap().interfaces, selection))
}

/// What is decided once this holds: the kernel takes a moment to believe in a carrier, or in its loss.
fn decisions_when(lab: &Lab, holds: impl Fn(&[Decision]) -> bool) -> Vec<Decision> {
    let watch = lab.run(1, Watch::new);
    loop {
        let found = decisions(lab, &Selection::All);
        if holds(&found) {
            return found;
        }
        wait_for_event(&watch);
    }
}

fn is_unused(decisions: &[Decision], label: &str, reason: Unused) -> bool {
    decisions
        .iter()
        .any(|decision| decision.listed.label == label && decision.verdict == Err(reason))
}

fn broadcast(decisions: &[Decision], address: &str) -> Result<Ipv4Addr, NoBroadcast> {
    let address: Ipv4Addr = address.parse().unwrap();
    let networks = networks(decisions);
    let network = networks.iter().find(|network| network.address == address);
    network
        .unwrap_or_else(|| panic!("{address} is not used: {decisions:#?}"))
        .broadcast
}

fn why_unused(decisions: &[Decision], label: &str) -> Unused {
    let decision = decisions
        .iter()
        .find(|decision| decision.listed.label == label)
        .unwrap();
    decision.verdict.clone().unwrap_err()
}

#[test]
fn this_host_lists_its_loopback() {
    let listed = list().unwrap().interfaces;
    let loopback = listed.iter().find(|one| one.label == "lo").unwrap();
    assert!(loopback.is_loopback && loopback.index > 0);
    let selection = Selection::Named(vec![Choice::parse("lo")]);
    selection.check(&listed).unwrap();
    let networks = networks(&decide(&listed, &selection));
    assert_eq!(networks[0].broadcast, Ok(Ipv4Addr::new(127, 255, 255, 255)));
    assert!(
        Selection::parse(["no-such-interface"])
            .check(&listed)
            .is_err()
    );
}

#[test]
fn addresses_of_every_kind_are_listed_with_the_right_broadcast_address() {
    let Some(lab) = Lab::new(1) else { return };
    // Without "brd +" the system lists the address itself as broadcast address.
    lab.ip(1, "addr add 10.1.0.5/24 dev eth0");
    lab.ip(1, "addr add 10.2.0.5/30 dev eth0");
    lab.ip(1, "addr add 10.3.0.5/24 brd + dev eth0 label eth0:web");
    lab.ip(1, "addr add 10.4.0.4/31 dev eth0");
    lab.ip(1, "addr add 10.5.0.5/32 dev eth0");
    lab.ip(1, "addr add 10.6.0.5/24 brd 10.6.0.99 dev eth0");
    lab.ip(1, "addr add 10.77.0.200/24 brd + dev eth0");

    let found = decisions_when(&lab, |found| !is_unused(found, "eth0", Unused::NoCarrier));
    for (address, expected) in [
        ("10.77.0.1", Ok("10.77.0.255")),
        ("10.77.0.200", Ok("10.77.0.255")),
        ("10.1.0.5", Ok("10.1.0.255")),
        ("10.2.0.5", Ok("10.2.0.7")),
        ("10.3.0.5", Ok("10.3.0.255")),
        ("10.6.0.5", Ok("10.6.0.255")),
        ("10.4.0.4", Err(NoBroadcast::NoRoom)),
        ("10.5.0.5", Err(NoBroadcast::NoRoom)),
    ] {
        let expected = expected.map(|address| address.parse().unwrap());
        assert_eq!(broadcast(&found, address), expected, "{address}");
    }
    assert_eq!(why_unused(&found, "lo"), Unused::Loopback);
    let used = networks(&found);
    assert_eq!(used.len(), 8);
    let first = &used[0];
    assert!(
        used.iter()
            .all(|network| network.name == "eth0" && network.index == first.index)
    );
}

#[test]
fn a_tunnel_is_listed_as_one_and_unused_while_nobody_has_opened_it() {
    let Some(lab) = Lab::new(1) else { return };
    lab.ip(1, "tuntap add dev tun0 mode tun");
    lab.ip(1, "addr add 10.8.0.2 peer 10.8.0.1 dev tun0");
    lab.ip(1, "link set tun0 up");
    let found = decisions_when(&lab, |found| is_unused(found, "tun0", Unused::NoCarrier));
    let tunnel = found
        .iter()
        .find(|decision| decision.listed.label == "tun0")
        .unwrap();
    assert!(tunnel.listed.is_point_to_point && !tunnel.listed.can_broadcast);
    let (address, mask) = tunnel.listed.address.unwrap();
    assert_eq!(address, Ipv4Addr::new(10, 8, 0, 2));
    assert_eq!(mask, Ipv4Addr::BROADCAST);
}

#[test]
fn the_loopback_is_used_when_the_last_network_goes() {
    let Some(lab) = Lab::new(1) else { return };
    lab.ip(1, "link set eth0 down");
    let found = decisions(&lab, &Selection::All);
    assert_eq!(why_unused(&found, "eth0"), Unused::Down);
    assert_eq!(
        broadcast(&found, "127.0.0.1"),
        Ok(Ipv4Addr::new(127, 255, 255, 255))
    );
    lab.ip(1, "link set lo down");
    assert_eq!(networks(&decisions(&lab, &Selection::All)), []);
}

#[test]
fn an_interface_is_unused_as_long_as_it_is_down_or_unplugged_or_bare() {
    let Some(lab) = Lab::new(1) else { return };
    lab.add_interface(1, "eth1", Bridge::First);
    decisions_when(&lab, |found| is_unused(found, "eth1", Unused::Down));
    lab.ip(1, "link set eth1 up");
    decisions_when(&lab, |found| is_unused(found, "eth1", Unused::NoAddress));
    lab.ip(1, "addr add 10.1.0.1/24 dev eth1");
    assert!(broadcast(&decisions(&lab, &Selection::All), "10.1.0.1").is_ok());
    lab.carrier_down(1, "eth1");
    decisions_when(&lab, |found| is_unused(found, "eth1", Unused::NoCarrier));
    lab.carrier_up(1, "eth1");
    decisions_when(&lab, |found| !is_unused(found, "eth1", Unused::NoCarrier));
}

fn wait_for_event(watch: &Watch) {
    let mut fds = [PollFd::new(watch.fd().unwrap(), PollFlags::POLLIN)];
    assert_eq!(
        poll(&mut fds, PollTimeout::from(20_000_u16)),
        Ok(1),
        "no event came"
    );
    // More may come, but what was taken is told no more.
    while poll(&mut fds, PollTimeout::ZERO) == Ok(1) {
        assert!(watch.take_events(), "readable for nothing");
    }
}

#[test]
fn every_change_of_an_interface_or_an_address_is_told_at_once() {
    let Some(lab) = Lab::new(1) else { return };
    lab.set_ipv6(1, true);
    lab.ip(1, "addr flush dev eth0");
    lab.add_interface(1, "eth1", Bridge::First);
    let watch = lab.run(1, Watch::new);
    assert_eq!(watch.look_again_after(), None);
    assert!(!watch.take_events());
    for change in [
        "addr add 10.1.0.1/24 dev eth0",
        "addr add 10.2.0.1/24 dev eth0",
        "addr del 10.1.0.1/24 dev eth0",
        "link set eth1 up",
        "link set eth1 down",
        "link del eth1",
        "addr add fd00::1/64 dev eth0",
    ] {
        while watch.take_events() {}
        let start = Instant::now();
        lab.ip(1, change);
        wait_for_event(&watch);
        figure(&format!(
            "interface change `{change}`: told after {:?}",
            start.elapsed()
        ));
    }
}
