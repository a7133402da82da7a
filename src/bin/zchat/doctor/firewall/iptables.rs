//! The rules that `iptables-save` writes.

use std::net::Ipv4Addr;

use super::{
    Base, Chain, Direction, Field, Place, Rule, Ruleset, Span, Test, Tool, Values, Verdict,
};

/// What a ruleset in the form of `iptables-save` says. Lines that are not understood are left out;
/// parts of a rule that are not understood make it uncertain.
pub(crate) fn parse(text: &str, tool: Tool) -> Ruleset {
    let mut chains: Vec<Chain> = Vec::new();
    let mut table = "";
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name;
        } else if let Some(declared) = line.strip_prefix(':') {
            chains.extend(declare(declared, table, tool));
        } else if let Some(rule) = line.strip_prefix("-A ") {
            let words = words(rule);
            let Some((chain, words)) = words.split_first() else {
                continue;
            };
            let is_it = |one: &&mut Chain| one.place.table == table && one.place.chain == *chain;
            if let Some(chain) = chains.iter_mut().find(is_it) {
                chain.rules.push(read_rule(rule, words));
            }
        }
    }
    Ruleset { chains }
}

/// From `INPUT DROP [0:0]`.
fn declare(line: &str, table: &str, tool: Tool) -> Option<Chain> {
    let mut words = line.split(' ');
    let (name, policy) = (words.next()?, words.next()?);
    let direction = match name {
        "INPUT" | "PREROUTING" => Some(Direction::In),
        "OUTPUT" | "POSTROUTING" => Some(Direction::Out),
        _ => None,
    };
    // What translates addresses does not filter.
    let direction = direction.filter(|_| table != "nat" && policy != "-");
    Some(Chain {
        place: Place {
            tool,
            table: table.to_owned(),
            chain: name.to_owned(),
        },
        base: direction.map(|direction| Base {
            direction,
            devices: Vec::new(),
            drops: policy == "DROP",
        }),
        rules: Vec::new(),
    })
}

/// The words of a line; text in double quotes is one, with `\` before what would end it.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = None;
    let mut is_quoted = false;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_with(String::new);
            }
            '\\' if is_quoted => {
                word.get_or_insert_with(String::new)
                    .extend(characters.next());
            }
            ' ' if !is_quoted => words.extend(word.take()),
            character => word.get_or_insert_with(String::new).push(character),
        }
    }
    words.extend(word);
    words
}

fn read_rule(line: &str, words: &[String]) -> Rule {
    let mut rule = Rule {
        text: format!("-A {line}"),
        tests: Vec::new(),
        verdict: None,
    };
    let mut negated = false;
    let mut rest = words.iter().map(String::as_str).peekable();
    while let Some(word) = rest.next() {
        if word == "!" {
            negated = true;
            continue;
        }
        // All that belongs to it: up to the next option, or a negation of that.
        let mut values = Vec::new();
        while let Some(value) = rest.next_if(|next| !next.starts_with('-') && *next != "!") {
            values.push(value);
        }
        match (word, values.first().copied()) {
            ("-j", Some(target)) => rule.verdict = jump(target),
            ("-g", Some(target)) => rule.verdict = Some(Verdict::Goto(target.to_owned())),
            _ => rule
                .tests
                .extend(test(word, &values).map(|(field, values)| Test {
                    field,
                    negated,
                    values,
                })),
        }
        negated = false;
    }
    rule
}

fn jump(target: &str) -> Option<Verdict> {
    /// They only note or change something, and the next rule follows.
    const GO_ON: [&str; 14] = [
        "LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "CT", "TCPMSS", "DSCP", "TOS", "TTL",
        "CLASSIFY", "SET", "CHECKSUM", "TRACE",
    ];
    match target {
        "ACCEPT" => Some(Verdict::Accept),
        "DROP" => Some(Verdict::Drop),
        "REJECT" => Some(Verdict::Reject),
        "RETURN" => Some(Verdict::Return),
        _ if GO_ON.contains(&target) => None,
        chain => Some(Verdict::Jump(chain.to_owned())),
    }
}

/// What an option tests; `None` if nothing.
fn test(option: &str, values: &[&str]) -> Option<(Field, Values)> {
    let first = values.first().copied().unwrap_or_default();
    Some(match option {
        "-i" => (Field::InDevice, names(first)),
        "-o" => (Field::OutDevice, names(first)),
        "-p" => (Field::Protocol, protocol(first)),
        "-s" => (Field::SourceAddress, address(first)),
        "-d" => (Field::DestinationAddress, address(first)),
        "--src-range" => (Field::SourceAddress, address(first)),
        "--dst-range" => (Field::DestinationAddress, address(first)),
        "--sport" | "--sports" => (Field::SourcePort, ports(first)),
        "--dport" | "--dports" => (Field::DestinationPort, ports(first)),
        "--ctstate" | "--state" => (Field::State, names(&first.to_lowercase())),
        "--dst-type" => (Field::DestinationKind, names(&first.to_lowercase())),
        "--pkt-type" => (Field::LinkKind, names(&first.to_lowercase())),
        "--tcp-flags" => {
            let set = values.get(1).copied().unwrap_or_default();
            (Field::TcpFlags, names(&set.to_lowercase()))
        }
        "--mark" => (Field::Mark, mark(first)),
        "--syn" => (Field::TcpFlags, names("syn")),
        // A header that nothing of ours has; ufw looks for it in each packet.
        "--rt-type" => (Field::Protocol, protocol("43")),
        // Our packets are few: within any limit. And what is noted about a rule tests nothing.
        "-m" | "--limit" | "--limit-burst" | "--comment" | "--reject-with" => return None,
        _ if option.starts_with("--log") || option.starts_with("--nflog") => return None,
        _ => (Field::Other, Values::Unknown),
    })
}

fn names(list: &str) -> Values {
    Values::Names(list.split(',').map(str::to_owned).collect())
}

fn protocol(name: &str) -> Values {
    match name {
        "all" => Values::Spans(vec![Span::ALL]),
        "tcp" => Values::Spans(vec![Span::one(6)]),
        "udp" => Values::Spans(vec![Span::one(17)]),
        _ => Values::Spans(name.parse().map(Span::one).into_iter().collect()),
    }
}

/// From `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `10.0.0.7` or `10.0.0.7-10.0.0.9`.
fn address(text: &str) -> Values {
    let span = if let Some((first, last)) = text.split_once('-') {
        first
            .parse()
            .ok()
            .zip(last.parse().ok())
            .map(|(first, last)| {
                let (first, last): (Ipv4Addr, Ipv4Addr) = (first, last);
                Span::new(first.into(), last.into())
            })
    } else {
        let (address, mask) = text.split_once('/').unwrap_or((text, "32"));
        let mask = mask.parse().ok().or_else(|| {
            let mask: Ipv4Addr = mask.parse().ok()?;
            Some(u32::from(mask).leading_ones())
        });
        let address = address.parse().ok();
        address
            .zip(mask)
            .map(|(address, bits)| Span::prefix(address, bits))
    };
    span.map_or(Values::Unknown, |span| Values::Spans(vec![span]))
}

/// From `0x8000` or `0x8000/0xffff`.
fn mark(text: &str) -> Values {
    let (value, _) = text.split_once('/').unwrap_or((text, ""));
    let value = value.strip_prefix("0x").unwrap_or(value);
    u32::from_str_radix(value, 16).map_or(Values::Unknown, |value| {
        Values::Spans(vec![Span::one(value)])
    })
}

/// From `22,49152:65535`.
fn ports(list: &str) -> Values {
    let span = |text: &str| {
        let (first, last) = text.split_once(':').unwrap_or((text, text));
        Some(Span::new(first.parse().ok()?, last.parse().ok()?))
    };
    let spans: Option<Vec<Span>> = list.split(',').map(span).collect();
    spans.map_or(Values::Unknown, Values::Spans)
}
