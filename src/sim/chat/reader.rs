//! Reads what a session shows as a person or a program would: by the words that stand there.

use crate::chat::{Line, LineKind, Place, Prompt, Record};
use crate::sim::check::{Shown, Someone, Way};

/// What a line says, as far as the checkers want to know.
pub(super) fn read(line: &Line) -> Vec<Shown> {
    let mut shown = raw(&line.text);
    let (head, body) = line.text.split_at_checked(line.body).unwrap_or_default();
    match line.kind {
        LineKind::Shout | LineKind::Whisper => {
            shown.extend(said(head, body).or_else(|| request(body)));
        }
        LineKind::Presence => shown.extend(body.split("; ").flat_map(moves)),
        LineKind::Error => match undelivered(body).or_else(|| request(body)) {
            Some(it) => shown.push(it),
            None => shown.push(Shown::Error),
        },
        LineKind::Notice => {
            shown.extend(request(body));
            shown.extend(company(body));
        }
        _ => {}
    }
    shown
}

/// What a prompt says is to be harmless, too.
pub(super) fn read_prompt(prompt: &Prompt) -> Vec<Shown> {
    match &prompt.place {
        Place::Group(text) | Place::Private(text) => raw(text),
        Place::Nowhere => Vec::new(),
    }
}

/// What a record says; nothing in it is to be harmless.
pub(super) fn read_record(record: &Record) -> Option<Shown> {
    let who = || record.peer.as_ref().map(|id| Someone::Id(id.0));
    let own = record.own.unwrap_or(false);
    Some(match (record.event, record.state) {
        ("enter", _) => Shown::Here(who()?),
        ("exit", _) => Shown::Gone(who()?),
        ("shout" | "whisper" | "action", _) => Shown::Said {
            who: who()?,
            way: match &record.group {
                Some(group) => Way::Group(group.clone()),
                None if record.all == Some(true) => Way::All,
                None => Way::Us,
            },
            text: record.text.clone().flatten().unwrap_or_default(),
        },
        ("undelivered", _) => Shown::Undelivered(who()?),
        ("request", Some("asked")) if !own => Shown::Asks(who()?),
        ("request", Some("asked")) => Shown::Asking(who()?),
        ("request", Some("ok")) => Shown::Begins(who()?),
        ("request", Some("rejected" | "busy" | "timeout")) if !own => Shown::Declined(who()?),
        ("request", Some("ended")) => Shown::Ends(who()?),
        ("error", _) => Shown::Error,
        ("sent", _) if record.missing.as_ref().is_some_and(|it| !it.is_empty()) => Shown::Error,
        _ => return None,
    })
}

/// What a terminal would obey, or show in another order.
fn raw(text: &str) -> Vec<Shown> {
    let is_raw = |it: char| {
        it.is_control()
            || matches!(it, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    let found = text.chars().any(is_raw);
    found
        .then(|| Shown::Raw(text.to_owned()))
        .into_iter()
        .collect()
}

fn someone(name: &str) -> Someone {
    Someone::Name(name.to_owned())
}

/// `[CHAT] bob: `, `[CHAT] * bob `, `[bob -> you] `, `[bob -> you] * bob `, `[bob -> all] `
fn said(head: &str, body: &str) -> Option<Shown> {
    let (place, rest) = head.split_once('[')?.1.split_once("] ")?;
    let (who, way) = if let Some(who) = place.strip_suffix(" -> you") {
        (who, Way::Us)
    } else if let Some(who) = place.strip_suffix(" -> all") {
        (who, Way::All)
    } else {
        let rest = rest.strip_prefix("* ").unwrap_or(rest);
        let who = rest.strip_suffix(": ").or_else(|| rest.strip_suffix(' '))?;
        (who, Way::Group(place.to_owned()))
    };
    Some(Shown::Said {
        who: someone(who),
        way,
        text: body.to_owned(),
    })
}

fn request(body: &str) -> Option<Shown> {
    if let Some(who) = body.strip_suffix(" asks for a private chat: /ok or /reject") {
        return Some(Shown::Asks(someone(who)));
    }
    if let Some(who) = body
        .strip_prefix("private chat with ")
        .and_then(|rest| rest.strip_suffix(" begins: text goes there alone, until /end"))
    {
        return Some(Shown::Begins(someone(who)));
    }
    if let Some(who) = body
        .strip_prefix("you asked ")
        .and_then(|rest| rest.strip_suffix(" for a private chat"))
    {
        return Some(Shown::Asking(someone(who)));
    }
    if let Some(who) = body
        .strip_prefix("you took the request for a private chat with ")
        .and_then(|rest| rest.strip_suffix(" back"))
    {
        return Some(Shown::Declined(someone(who)));
    }
    let declined = [
        " does not want a private chat",
        " is in another private chat",
        " did not answer the request for a private chat",
    ];
    if let Some(who) = declined.iter().find_map(|words| body.strip_suffix(words)) {
        return Some(Shown::Declined(someone(who)));
    }
    let rest = body.strip_prefix("the private chat with ")?;
    let who = rest
        .strip_suffix(" has ended")
        .or_else(|| rest.strip_suffix(" has ended: gone"));
    who.map(|who| Shown::Ends(someone(who)))
}

/// `bob is here (10.0.0.1)`, `bob and carol are here in CHAT`, `dave is gone`
fn moves(clause: &str) -> Vec<Shown> {
    type Make = fn(Someone) -> Shown;
    let words: [(&str, Make); 4] = [
        (" is here", Shown::Here),
        (" are here", Shown::Here),
        (" is gone", Shown::Gone),
        (" are gone", Shown::Gone),
    ];
    for (word, make) in words {
        if let Some((all, rest)) = clause.split_once(word)
            && (rest.is_empty() || rest.starts_with(" in ") || rest.starts_with(" ("))
        {
            return names(all).map(make).collect();
        }
    }
    Vec::new()
}

/// `you joined CHAT, with bob, carol and dave`
fn company(body: &str) -> Option<Shown> {
    let is_joining =
        body.starts_with("you joined ") || body.contains(" exists already; you joined");
    let (_, all) = body.split_once(", with ").filter(|_| is_joining)?;
    Some(Shown::With(names(all).collect()))
}

/// `2 messages to bob not delivered: it is gone`
fn undelivered(body: &str) -> Option<Shown> {
    let (count, rest) = body.split_once(" message")?;
    let rest = rest.strip_prefix('s').unwrap_or(rest);
    let (who, _) = rest.strip_prefix(" to ")?.split_once(" not delivered: ")?;
    let is_count = count.bytes().all(|digit| digit.is_ascii_digit());
    is_count.then(|| Shown::Undelivered(someone(who)))
}

fn names(all: &str) -> impl Iterator<Item = Someone> {
    all.split(", ")
        .flat_map(|part| part.split(" and "))
        .map(someone)
}
