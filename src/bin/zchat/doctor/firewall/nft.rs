//! The rules that `nft -j list ruleset` writes: libnftables-json(5).

mod statement;
mod text;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::{Base, Chain, Direction, Place, Ruleset, Test, Tool};

/// What the output of `nft -j list ruleset` says. What is not understood of it is left out, or makes
/// a rule uncertain.
///
/// # Errors
///
/// If it is not that output.
pub(crate) fn parse(json: &str) -> Result<Ruleset, NftError> {
    let root: Value = serde_json::from_str(json).map_err(NftError::Json)?;
    let items = root.get("nftables").and_then(Value::as_array);
    let items = items.ok_or(NftError::NoRuleset)?;
    let sets = read_sets(items);
    let mut chains: Vec<Chain> = items
        .iter()
        .filter_map(|item| read_chain(item.get("chain")?))
        .collect();
    for rule in items.iter().filter_map(|item| item.get("rule")) {
        let Some(place) = place(rule, "chain") else {
            continue;
        };
        let Some(chain) = chains.iter_mut().find(|chain| chain.place == place) else {
            continue;
        };
        let statements = rule.get("expr").and_then(Value::as_array);
        let sets = Sets {
            all: &sets,
            table: &place.table,
        };
        let mut rules = statements.map_or_else(Vec::new, |all| statement::read(all, &sets));
        // Some versions of nft do not say of which interface such a chain is.
        let base = chain.base.as_ref();
        if place.table.starts_with("netdev ") && base.is_some_and(|base| base.devices.is_empty()) {
            for rule in &mut rules {
                rule.tests.push(Test::UNKNOWN);
            }
        }
        chain.rules.append(&mut rules);
    }
    Ok(Ruleset { chains })
}

/// Why something is not the output of nft.
#[derive(Debug)]
pub(crate) enum NftError {
    Json(serde_json::Error),
    /// It is some other JSON.
    NoRuleset,
}

impl fmt::Display for NftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "its output is no JSON ({error})"),
            Self::NoRuleset => f.write_str("its output is no ruleset"),
        }
    }
}

/// The contents of sets and maps, by table and name.
type AllSets = BTreeMap<(String, String), Vec<Value>>;

/// The sets of one table.
struct Sets<'a> {
    all: &'a AllSets,
    table: &'a str,
}

impl Sets<'_> {
    /// What is in a set that is named as `@name`.
    fn named(&self, reference: &str) -> Option<&[Value]> {
        let name = reference.strip_prefix('@')?;
        let key = (self.table.to_owned(), name.to_owned());
        self.all.get(&key).map(Vec::as_slice)
    }
}

fn read_sets(items: &[Value]) -> AllSets {
    let mut sets = AllSets::new();
    for item in items {
        let Some(set) = item.get("set").or_else(|| item.get("map")) else {
            continue;
        };
        let Some(place) = place(set, "name") else {
            continue;
        };
        let elements = set.get("elem").and_then(Value::as_array);
        sets.insert(
            (place.table, place.chain),
            elements.cloned().unwrap_or_default(),
        );
    }
    sets
}

/// Where something belongs; `None` if it has nothing to do with IP.
fn place(item: &Value, name: &str) -> Option<Place> {
    let word = |key: &str| item.get(key).and_then(Value::as_str);
    let family = word("family")?;
    if !["ip", "ip6", "inet", "netdev"].contains(&family) {
        return None;
    }
    Some(Place {
        tool: Tool::Nft,
        table: format!("{family} {}", word("table")?),
        chain: word(name)?.to_owned(),
    })
}

fn read_chain(chain: &Value) -> Option<Chain> {
    let word = |key: &str| chain.get(key).and_then(Value::as_str);
    let direction = match word("hook") {
        Some("ingress" | "prerouting" | "input") => Some(Direction::In),
        Some("egress" | "output" | "postrouting") => Some(Direction::Out),
        _ => None,
    };
    // What translates addresses does not filter.
    let direction = direction.filter(|_| word("type") != Some("nat"));
    let devices = match chain.get("dev") {
        Some(Value::String(device)) => vec![device.clone()],
        Some(Value::Array(devices)) => devices
            .iter()
            .filter_map(|device| device.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    };
    Some(Chain {
        place: place(chain, "name")?,
        base: direction.map(|direction| Base {
            direction,
            devices,
            drops: word("policy") == Some("drop"),
        }),
        rules: Vec::new(),
    })
}
