//! The rules of all firewalls of this host, as far as they may be read.

use std::fs;

use super::super::facts::{Firewall, FirewallName, Reading, Trouble};
use super::super::firewall::{Ruleset, Tool, parse_iptables, parse_nft};
use super::program::{self, Ended};

/// Reads all.
pub(super) fn read() -> Vec<Firewall> {
    let nft = of_program(
        FirewallName::Nftables,
        "nft",
        &["-j", "list", "ruleset"],
        |json| {
            parse_nft(json)
                .inspect_err(|error| log::debug!("nft: {error}"))
                .ok()
        },
    );
    let iptables = |name, tool| {
        of_program(FirewallName::Iptables, name, &[], |text| {
            Some(parse_iptables(text, tool))
        })
    };
    let usual = iptables("iptables-save", Tool::Iptables);
    let legacy = iptables("iptables-legacy-save", Tool::IptablesLegacy);
    let ipv6 = iptables("ip6tables-save", Tool::Ip6tables);
    // It may be one and the same program.
    let legacy = legacy.filter(|legacy| match (&legacy.reading, &usual) {
        (Reading::Rules(rules), Some(usual)) => !is_same(rules, &usual.reading),
        _ => usual.is_none(),
    });
    let found = [nft, usual, legacy, ipv6, ufw(), firewalld()];
    found.into_iter().flatten().collect()
}

fn is_same(rules: &Ruleset, other: &Reading) -> bool {
    let Reading::Rules(other) = other else {
        return false;
    };
    let texts = |ruleset: &Ruleset| -> Vec<String> {
        let rules = ruleset.chains.iter().flat_map(|chain| &chain.rules);
        rules.map(|rule| rule.text.clone()).collect()
    };
    texts(rules) == texts(other)
}

/// What a program lists; `None` where it is not installed.
fn of_program(
    name: FirewallName,
    program: &str,
    arguments: &[&str],
    parse: impl FnOnce(&str) -> Option<Ruleset>,
) -> Option<Firewall> {
    let path = program::find(program)?;
    let reading = match program::run(&path, arguments) {
        Ok(Ended::Well(output)) => match parse(&output) {
            Some(ruleset) => Reading::Rules(ruleset),
            None => Reading::Failed(Trouble::Garbled),
        },
        Ok(Ended::Badly(errors)) if is_refusal(&errors) => Reading::NotPermitted,
        Ok(Ended::Badly(errors)) => Reading::Failed(Trouble::Said(first_line(&errors))),
        Ok(Ended::Late) => Reading::Failed(Trouble::Slow),
        Err(error) => Reading::Failed(Trouble::Said(error.to_string())),
    };
    Some(Firewall { name, reading })
}

fn is_refusal(errors: &str) -> bool {
    ["not permitted", "Permission denied", "must be root"]
        .iter()
        .any(|words| errors.contains(words))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or("nothing").to_owned()
}

/// Its rules are those of iptables; whether it is on, everybody may read.
fn ufw() -> Option<Firewall> {
    let settings = fs::read_to_string("/etc/ufw/ufw.conf").ok()?;
    let is_on = settings.lines().any(|line| line.trim() == "ENABLED=yes");
    is_on.then_some(Firewall {
        name: FirewallName::Ufw,
        reading: Reading::SwitchedOn,
    })
}

/// Its rules are those of nftables.
fn firewalld() -> Option<Firewall> {
    let path = program::find("firewall-cmd")?;
    let state = program::run(&path, &["--state"]).ok()?;
    matches!(state, Ended::Well(_)).then_some(Firewall {
        name: FirewallName::Firewalld,
        reading: Reading::SwitchedOn,
    })
}
