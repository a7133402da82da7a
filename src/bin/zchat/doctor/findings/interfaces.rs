//! The interfaces: which are used, which are not, and what keeps them from it.

use std::net::Ipv4Addr;

use zchat::node::interface::{Network, NoBroadcast, Selection, Unused};

use super::super::facts::{Facts, Interface};
use super::{Finding, Severity, enumerate, links};

pub(super) fn diagnose(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(unknown) = &facts.unknown_interface {
        let finding = Finding::problem("unknown_interface", sentence(&unknown.to_string()));
        findings.push(finding.say("Name one of those, or leave --interface out."));
    }
    if facts.unknown_interface.is_none() {
        findings.extend(nothing_to_use(facts));
    }
    let lonely = findings.iter().any(|one| one.severity == Severity::Problem);
    for interface in &facts.interfaces {
        let label = &interface.decision.listed.label;
        match &interface.decision.verdict {
            Ok(network) => {
                findings.push(used(interface, network));
                findings.extend(container_bridge(network));
                findings.extend(link_local(facts, network));
            }
            Err(Unused::NotNamed | Unused::Loopback | Unused::Repeated) => {}
            Err(_) if lonely => {}
            Err(reason) => findings.push(unused(facts, label, *reason)),
        }
    }
    findings.extend(no_broadcast(facts));
    if facts.is_changing {
        findings.push(
            Finding::warning("changing", "The networks of this host come and go")
                .because(
                    "They changed again and again while they were looked at: a loose cable, a \
                     Wi-Fi that is left and joined, or two programs that both manage them.",
                )
                .say("See what happens:")
                .run("ip -ts monitor link address"),
        );
    }
    findings
}

/// That there is no network, if so.
fn nothing_to_use(facts: &Facts) -> Option<Finding> {
    let networks: Vec<&Network> = facts
        .interfaces
        .iter()
        .filter_map(Interface::network)
        .collect();
    if networks.iter().any(|network| !network.is_loopback) {
        return None;
    }
    let links: Vec<String> = links::used(facts)
        .map(|(link, _)| link.to_string())
        .collect();
    if !links.is_empty() {
        let what = format!(
            "This host has no IPv4 network: others are met by IPv6, on {}",
            enumerate(links)
        );
        let finding = Finding::note("only_ipv6", what);
        return Some(
            finding.because("Programs that know IPv4 alone, as Pyre and zyre.js do, are not met."),
        );
    }
    let unused: Vec<(&str, Unused)> = facts
        .interfaces
        .iter()
        .filter(|one| !one.decision.listed.is_loopback)
        .filter_map(|one| {
            let reason = one.decision.verdict.as_ref().err()?;
            Some((one.decision.listed.label.as_str(), *reason))
        })
        .collect();
    let finding = if networks.is_empty() {
        Finding::problem("no_network", "This host has no network that can be used")
    } else if facts.selection != Selection::All {
        return None;
    } else {
        Finding::problem(
            "only_loopback",
            "Only the loopback interface is up: nobody but this host can be met",
        )
    };
    let is_wanted = |(_, reason): &&(&str, Unused)| *reason != Unused::NotNamed;
    let told = unused.iter().filter(is_wanted);
    let reasons: Vec<String> = told
        .clone()
        .map(|(label, reason)| format!("{label}: {reason}"))
        .collect();
    let why = if reasons.is_empty() {
        "There is no other interface.".to_owned()
    } else {
        format!("{}.", reasons.join("; "))
    };
    let finding = finding.because(sentence(&why));
    Some(told.fold(finding, |finding, (label, reason)| {
        remedy(finding, label, *reason)
    }))
}

/// How an interface comes into use.
fn remedy(finding: Finding, label: &str, reason: Unused) -> Finding {
    match reason {
        Unused::Down => finding.run(format!("sudo ip link set {label} up")),
        Unused::NoCarrier => finding.say(format!("Plug in the cable of {label}, or join a Wi-Fi.")),
        Unused::NoAddress => finding
            .say(format!("Get an address for {label} by one of:"))
            .run(format!("nmcli device connect {label}"))
            .run(format!("sudo dhclient {label}"))
            .say("Or switch IPv6 on, which needs none:")
            .run(format!("sudo sysctl net.ipv6.conf.{label}.disable_ipv6=0")),
        _ => finding,
    }
}

fn used(interface: &Interface, network: &Network) -> Finding {
    let bits = u32::from(network.mask).count_ones();
    let heard = match interface.probe {
        Some(probe) if probe.heard => ", and own ones are heard",
        _ => "",
    };
    let does = match network.broadcast {
        Ok(to) => format!("beacons go to {to}{heard}"),
        Err(_) => "no beacons can be sent".to_owned(),
    };
    let (name, address) = (&network.name, network.address);
    Finding::note(
        "interface",
        format!("{name} ({address}/{bits}) is used: {does}"),
    )
}

fn unused(facts: &Facts, label: &str, reason: Unused) -> Finding {
    let what = format!("{label} is not used: {reason}");
    if facts.selection == Selection::All {
        Finding::note("interface_unused", what)
    } else {
        // Others are marked as not named: this one was.
        remedy(Finding::problem("interface_unusable", what), label, reason)
    }
}

fn container_bridge(network: &Network) -> Option<Finding> {
    const PREFIXES: [&str; 8] = [
        "docker", "br-", "virbr", "lxcbr", "lxdbr", "podman", "cni", "cbr",
    ];
    let name = &network.name;
    if !PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return None;
    }
    let what = format!("{name} leads to containers or virtual machines of this host only");
    Some(
        Finding::note("container_bridge", what)
            .because("Beacons go there as well; it does no harm.")
            .say("To leave it out, name the interfaces to use: --interface."),
    )
}

/// An address that a host has given itself since nobody else did.
fn link_local(facts: &Facts, network: &Network) -> Option<Finding> {
    if !network.address.is_link_local() {
        return None;
    }
    let name = &network.name;
    let is_ordinary = |network: &Network| !network.is_loopback && !network.address.is_link_local();
    let what = format!(
        "{name} has no address but a self-made one ({})",
        network.address
    );
    let mut networks = facts.interfaces.iter().filter_map(Interface::network);
    if networks.any(is_ordinary) {
        return Some(Finding::note("link_local", what));
    }
    Some(
        Finding::warning("link_local", what)
            .because(
                "No DHCP server has answered. Only hosts that have a self-made address too \
                 (169.254.0.0/16) can be met.",
            )
            .say("Look after the router, then ask again:")
            .run(format!("nmcli device reapply {name}")),
    )
}

/// Networks on which nobody can be found without being named.
fn no_broadcast(facts: &Facts) -> Vec<Finding> {
    let networks: Vec<&Network> = facts
        .interfaces
        .iter()
        .filter_map(Interface::network)
        .filter(|network| !network.is_loopback)
        .collect();
    let all = !networks.is_empty() && networks.iter().all(|network| network.broadcast.is_err());
    let silent = networks
        .into_iter()
        .filter_map(|network| Some((network, network.broadcast.err()?)));
    if !all || links::used(facts).next().is_some() {
        return silent
            .map(|(network, reason)| {
                let what = format!("Nobody is found on {}: {reason}", network.name);
                name_them(Finding::note("no_broadcast", what))
            })
            .collect();
    }
    let silent: Vec<(&Network, NoBroadcast)> = silent.collect();
    let names = enumerate(silent.iter().map(|(network, _)| &network.name));
    let reasons = silent
        .iter()
        .map(|(network, reason)| format!("{}: {reason}.", network.name));
    let reasons: Vec<String> = reasons.collect();
    let what = format!("No beacon can be sent: there are no broadcasts on {names}");
    let finding = Finding::problem("no_broadcast", what).because(reasons.join(" "));
    let finding = if silent
        .iter()
        .any(|(_, reason)| *reason == NoBroadcast::NoRoom)
    {
        finding.say("If the mask is wrong, give the address again with the right one.")
    } else {
        finding
    };
    vec![name_them(finding)]
}

fn name_them(finding: Finding) -> Finding {
    finding
        .say("Name a peer there; it starts with --bind-port 49152:")
        .run("zchat --peer ADDRESS:49152")
}

/// Whether an address is on one of the networks that are used.
pub(super) fn is_ours(facts: &Facts, address: Ipv4Addr) -> bool {
    let mut networks = facts.interfaces.iter().filter_map(Interface::network);
    networks.any(|network| network.contains(address))
}

/// With a capital letter at its beginning, unless it begins with a name.
fn sentence(text: &str) -> String {
    match text
        .strip_prefix("there ")
        .or_else(|| text.strip_prefix("no "))
    {
        Some(_) => {
            let (first, rest) = text.split_at(1);
            first.to_uppercase() + rest
        }
        None => text.to_owned(),
    }
}
