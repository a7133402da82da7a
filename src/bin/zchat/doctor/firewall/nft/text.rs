//! A rule of nft as a person writes it, as far as it is understood: for messages, not for nft.

use serde_json::Value;

/// What one rule says.
pub(super) fn of(statements: &[Value]) -> String {
    let words: Vec<String> = statements.iter().filter_map(statement).collect();
    words.join(" ")
}

fn statement(statement: &Value) -> Option<String> {
    let (kind, content) = statement.as_object()?.iter().next()?;
    let target = || content.get("target").map(value);
    Some(match kind.as_str() {
        "counter" => return None,
        "match" => {
            let side = |name| content.get(name).map(value).unwrap_or_default();
            match content.get("op").and_then(Value::as_str) {
                Some("==" | "in") | None => format!("{} {}", side("left"), side("right")),
                Some(operator) => format!("{} {operator} {}", side("left"), side("right")),
            }
        }
        "jump" | "goto" => format!("{kind} {}", target().unwrap_or_default()),
        "vmap" => {
            let side = |name| content.get(name).map(value).unwrap_or_default();
            format!("{} vmap {}", side("key"), side("data"))
        }
        "xt" => {
            let name = content.get("name").and_then(Value::as_str);
            format!("xt {}", name.unwrap_or("…"))
        }
        kind => kind.to_owned(),
    })
}

fn value(of: &Value) -> String {
    match of {
        Value::String(word) => word.clone(),
        Value::Array(list) => joined(list, ","),
        Value::Object(object) => match object.iter().next() {
            Some((kind, content)) => object_of(kind, content),
            None => String::new(),
        },
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn object_of(kind: &str, content: &Value) -> String {
    let part = |key: &str| content.get(key).map(value).unwrap_or_default();
    match (kind, content) {
        ("meta" | "ct", _) => format!("{kind} {}", part("key")),
        ("payload", _) => format!("{} {}", part("protocol"), part("field")),
        ("prefix", _) => format!("{}/{}", part("addr"), part("len")),
        ("elem", _) => part("val"),
        ("range", Value::Array(list)) => joined(list, "-"),
        ("concat", Value::Array(list)) => joined(list, " . "),
        ("set", Value::Array(list)) => format!("{{ {} }}", entries(list)),
        ("&" | "|" | "^" | "<<" | ">>", Value::Array(list)) => {
            format!("({})", joined(list, &format!(" {kind} ")))
        }
        ("fib", _) => {
            let flags = content.get("flags").map(value).unwrap_or_default();
            format!("fib {flags} {}", part("result"))
        }
        ("accept" | "drop" | "return" | "reject" | "continue", _) => kind.to_owned(),
        ("jump" | "goto", _) => format!("{kind} {}", part("target")),
        _ => format!("{kind} …"),
    }
}

/// The elements of a set; those of a map are pairs.
fn entries(list: &[Value]) -> String {
    let entry = |one: &Value| match one.as_array().map(Vec::as_slice) {
        Some([key, to]) => format!("{} : {}", value(key), value(to)),
        _ => value(one),
    };
    let all: Vec<String> = list.iter().map(entry).collect();
    all.join(", ")
}

fn joined(list: &[Value], between: &str) -> String {
    let all: Vec<String> = list.iter().map(value).collect();
    all.join(between)
}
