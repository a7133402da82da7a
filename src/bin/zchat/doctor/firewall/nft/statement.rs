//! One rule of nft: its statements become tests and a verdict.

use std::net::Ipv4Addr;

use serde_json::Value;

use super::super::{Field, Rule, Span, Test, Values, Verdict};
use super::{Sets, text};

/// Numbers of IP protocols; the last stands for all that are not ours.
const TCP: u32 = 6;
const UDP: u32 = 17;
const ANOTHER: u32 = 255;

/// The rules that the statements of one amount to: a map of verdicts is one rule for each entry.
pub(super) fn read(statements: &[Value], sets: &Sets<'_>) -> Vec<Rule> {
    let mut rule = Rule {
        text: text::of(statements),
        tests: Vec::new(),
        verdict: None,
    };
    for statement in statements {
        let Some((kind, content)) = statement.as_object().and_then(|one| one.iter().next()) else {
            continue;
        };
        match kind.as_str() {
            "match" => rule.tests.extend(read_match(content, sets)),
            "vmap" => return read_map(&rule, content, sets),
            "xt" => read_extension(&mut rule, content),
            // Our packets are few: within any limit, and never beyond it.
            "limit" if content.get("inv") == Some(&Value::Bool(true)) => {
                rule.tests.push(Test::NEVER);
            }
            "limit" | "counter" | "log" | "comment" => {}
            "ct count" | "quota" | "meter" | "last" => {
                rule.tests.push(Test::UNKNOWN);
            }
            _ => rule.verdict = read_verdict(kind, content).or(rule.verdict),
        }
    }
    vec![rule]
}

fn read_verdict(kind: &str, content: &Value) -> Option<Verdict> {
    let target = || Some(content.get("target")?.as_str()?.to_owned());
    match kind {
        "accept" => Some(Verdict::Accept),
        "drop" => Some(Verdict::Drop),
        "reject" => Some(Verdict::Reject),
        "return" => Some(Verdict::Return),
        "jump" => target().map(Verdict::Jump),
        "goto" => target().map(Verdict::Goto),
        _ => None,
    }
}

/// What iptables has put there, and nft does not know.
fn read_extension(rule: &mut Rule, content: &Value) {
    let word = |key: &str| content.get(key).and_then(Value::as_str);
    match (word("type"), word("name")) {
        (_, Some("comment" | "limit")) => {}
        (Some("target"), Some("REJECT")) => rule.verdict = Some(Verdict::Reject),
        (Some("target"), _) => {}
        _ => rule.tests.push(Test::UNKNOWN),
    }
}

/// `ct state vmap { established : accept, invalid : drop }`
fn read_map(rule: &Rule, content: &Value, sets: &Sets<'_>) -> Vec<Rule> {
    let entries = content.get("data").and_then(|data| match data {
        Value::String(name) => sets.named(name),
        data => data.get("set")?.as_array().map(Vec::as_slice),
    });
    let key = content.get("key").unwrap_or(&Value::Null);
    let mut rules = Vec::new();
    let mut otherwise = None;
    for entry in entries.unwrap_or_default() {
        let (Some(value), Some(verdict)) = (entry.get(0), entry.get(1)) else {
            continue;
        };
        let verdict = verdict.as_object().and_then(|one| one.iter().next());
        let verdict = verdict.and_then(|(kind, content)| read_verdict(kind, content));
        let mut case = Rule {
            verdict,
            ..rule.clone()
        };
        if value.as_str() == Some("*") {
            otherwise = Some(case);
        } else {
            case.tests.extend(compare(key, "==", value, sets));
            rules.push(case);
        }
    }
    rules.extend(otherwise);
    rules
}

fn read_match(content: &Value, sets: &Sets<'_>) -> Vec<Test> {
    let operator = content.get("op").and_then(Value::as_str).unwrap_or("==");
    match (content.get("left"), content.get("right")) {
        (Some(left), Some(right)) => compare(left, operator, right, sets),
        _ => vec![Test::UNKNOWN],
    }
}

const fn test(field: Field, values: Values) -> Test {
    Test {
        field,
        negated: false,
        values,
    }
}

fn compare(left: &Value, operator: &str, right: &Value, sets: &Sets<'_>) -> Vec<Test> {
    let (field, layer) = field(left);
    let mut tests: Vec<Test> = layer.map(Layer::test).into_iter().collect();
    let values = match field {
        Field::Other => Values::Unknown,
        Field::InDevice
        | Field::OutDevice
        | Field::State
        | Field::DestinationKind
        | Field::LinkKind
        | Field::TcpFlags
        | Field::Family => names(right, sets),
        _ => spans(field, operator, right, sets),
    };
    tests.push(Test {
        field,
        negated: operator == "!=",
        values,
    });
    tests
}

/// What a packet must have for a field of it to be looked at.
#[derive(Debug, Clone, Copy)]
enum Layer {
    /// This protocol, over IP.
    Protocol(u32),
    /// This version of IP.
    Family(&'static str),
}

impl Layer {
    fn test(self) -> Test {
        match self {
            Self::Protocol(number) => test(Field::Protocol, Values::Spans(vec![Span::one(number)])),
            Self::Family(name) => test(Field::Family, Values::Names(vec![name.to_owned()])),
        }
    }
}

/// What the left side of a comparison looks at, and what a packet must have for it.
fn field(left: &Value) -> (Field, Option<Layer>) {
    let word = |object: &str, key: &str| {
        let object = left.get(object)?;
        object.get(key)?.as_str()
    };
    if let Some(masked) = left.get("&").and_then(|operands| operands.get(0)) {
        // Other fields that are masked are not looked at bit by bit.
        return match field(masked) {
            (field @ (Field::TcpFlags | Field::Mark), layer) => (field, layer),
            (_, layer) => (Field::Other, layer),
        };
    }
    if let Some(key) = word("meta", "key") {
        let field = match key {
            "iifname" | "iif" => Field::InDevice,
            "oifname" | "oif" => Field::OutDevice,
            "l4proto" => Field::Protocol,
            "pkttype" => Field::LinkKind,
            "mark" => Field::Mark,
            "nfproto" | "protocol" => Field::Family,
            _ => Field::Other,
        };
        return (field, None);
    }
    if let (Some(protocol), Some(name)) = (word("payload", "protocol"), word("payload", "field")) {
        let layer = match protocol {
            "tcp" => Some(Layer::Protocol(TCP)),
            "udp" => Some(Layer::Protocol(UDP)),
            "th" => None,
            "ip" => Some(Layer::Family("ipv4")),
            "ip6" => Some(Layer::Family("ipv6")),
            _ => Some(Layer::Protocol(ANOTHER)),
        };
        let field = match (protocol, name) {
            ("tcp" | "udp" | "th", "sport") => Field::SourcePort,
            ("tcp" | "udp" | "th", "dport") => Field::DestinationPort,
            ("tcp", "flags") => Field::TcpFlags,
            ("ip", "saddr") => Field::SourceAddress,
            ("ip", "daddr") => Field::DestinationAddress,
            ("ip", "protocol") | ("ip6", "nexthdr") => Field::Protocol,
            _ => Field::Other,
        };
        return (field, layer);
    }
    let field = match (word("ct", "key"), word("fib", "result")) {
        // How addresses were translated is asked like a state: ours are not.
        (Some("state" | "status"), _) => Field::State,
        (Some("mark"), _) => Field::Mark,
        (_, Some("type")) => Field::DestinationKind,
        _ => Field::Other,
    };
    (field, None)
}

/// All single values on the right side of a comparison.
fn elements<'a>(right: &'a Value, sets: &'a Sets<'_>) -> Option<Vec<&'a Value>> {
    let all = |list: &'a [Value]| list.iter().map(element).collect();
    match right {
        Value::String(name) if name.starts_with('@') => sets.named(name).map(all),
        Value::Array(list) => Some(all(list)),
        right => match right.get("set").or_else(|| right.get("|")) {
            Some(Value::Array(list)) => Some(all(list)),
            Some(one) => Some(vec![element(one)]),
            None => Some(vec![right]),
        },
    }
}

/// An element that has a comment, a time or a counter is an object.
fn element(element: &Value) -> &Value {
    let inner = element.get("elem").and_then(|inner| inner.get("val"));
    inner.unwrap_or(element)
}

fn names(right: &Value, sets: &Sets<'_>) -> Values {
    let words = elements(right, sets).and_then(|elements| {
        let word = |one: &&Value| one.as_str().map(str::to_owned);
        elements.iter().map(word).collect()
    });
    words.map_or(Values::Unknown, Values::Names)
}

fn spans(field: Field, operator: &str, right: &Value, sets: &Sets<'_>) -> Values {
    let spans: Option<Vec<Span>> = elements(right, sets)
        .and_then(|elements| elements.into_iter().map(|one| span(field, one)).collect());
    let Some(spans) = spans else {
        return Values::Unknown;
    };
    let first = spans.first().map_or(0, |span| span.first);
    let compared = match operator {
        "<" => first.checked_sub(1).map(|last| Span::new(0, last)),
        "<=" => Some(Span::new(0, first)),
        ">" => first.checked_add(1).map(|first| Span::new(first, u32::MAX)),
        ">=" => Some(Span::new(first, u32::MAX)),
        _ => return Values::Spans(spans),
    };
    Values::Spans(compared.into_iter().collect())
}

fn span(field: Field, value: &Value) -> Option<Span> {
    if let Some([first, last]) = value
        .get("range")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
    {
        let (first, last) = (number(field, first)?, number(field, last)?);
        return Some(Span::new(first, last));
    }
    if let Some(prefix) = value.get("prefix") {
        let address: Ipv4Addr = prefix.get("addr")?.as_str()?.parse().ok()?;
        let bits = u32::try_from(prefix.get("len")?.as_u64()?).ok()?;
        return Some(Span::prefix(address, bits));
    }
    number(field, value).map(Span::one)
}

fn number(field: Field, value: &Value) -> Option<u32> {
    if let Some(number) = value.as_u64() {
        return u32::try_from(number).ok();
    }
    let word = value.as_str()?;
    match (field, word) {
        (Field::Protocol, "tcp") => Some(TCP),
        (Field::Protocol, "udp") => Some(UDP),
        (Field::Protocol, _) => Some(ANOTHER),
        _ => word.parse().ok().map(|address: Ipv4Addr| address.into()),
    }
}
