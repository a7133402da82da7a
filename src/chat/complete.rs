//! What Tab offers: commands, names of peers and groups, from the table of commands ([`Completion`]).

use std::cmp::Reverse;

use super::command::{self, Argument, COMMANDS};
use super::naming::Who;
use super::parse::{Words, quote};
use super::people::People;
use super::sanitize;
use crate::zre::{GroupName, KnownPeer, PeerId};

/// The most candidates: more are no help.
const CANDIDATES: usize = 256;

/// What could stand in place of what was typed last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Completion {
    /// Where that begins, in octets of the line; it ends at the cursor.
    pub start: usize,
    /// What could stand there, in order; each is complete, with quotes where they are needed and what
    /// follows it. They are safe to show.
    pub candidates: Vec<String>,
}

/// What there is to choose from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) people: &'a People,
    /// The groups that we are in.
    pub(crate) groups: &'a [GroupName],
    /// Names of those who are ignored, safe to show.
    pub(crate) ignored: &'a [String],
    /// With whom we have whispered, the last first.
    pub(crate) recent: &'a [PeerId],
}

/// What could stand before the cursor.
pub(crate) fn complete(line: &str, cursor: usize, known: Known<'_>) -> Completion {
    let Some(before) = line.get(..cursor) else {
        return Completion::default();
    };
    let is_command = before.starts_with('/') && !before.starts_with("//");
    match before.split_once(char::is_whitespace) {
        None if is_command => Completion {
            start: 0,
            candidates: commands(before),
        },
        Some((name, rest)) if is_command => argument(name, rest, before, known),
        _ => mention(before, known.people),
    }
}

/// The beginning of an answer to this peer.
pub(crate) fn answer(who: &Who) -> Completion {
    Completion {
        start: 0,
        candidates: vec![format!("/msg {} ", quote(&who.shown))],
    }
}

/// Commands; other names of them where no first name begins so.
fn commands(typed: &str) -> Vec<String> {
    let firsts = COMMANDS.iter().map(|info| info.name);
    let others = COMMANDS.iter().flat_map(|info| info.also.iter().copied());
    let beginning = |names: &mut dyn Iterator<Item = &'static str>| -> Vec<String> {
        names
            .filter(|name| name.starts_with(typed))
            .map(|name| format!("{name} "))
            .collect()
    };
    let found = beginning(&mut firsts.into_iter());
    if found.is_empty() {
        beginning(&mut others.into_iter())
    } else {
        found
    }
}

/// What a command may be given where the cursor is.
fn argument(name: &str, rest: &str, before: &str, known: Known<'_>) -> Completion {
    let Some(info) = command::find(name) else {
        return Completion::default();
    };
    let mut words = Words { rest };
    let mut kinds = info.arguments.iter();
    loop {
        let typed = words.rest.trim_start();
        let Some(kind) = kinds.next() else {
            return Completion::default();
        };
        if *kind == Argument::Text {
            return if info.arguments.len() == 1 {
                mention(before, known.people)
            } else {
                Completion::default()
            };
        }
        // The word at the cursor is the one that nothing follows, not even a space.
        let is_last = words.next().is_none() || words.rest.is_empty();
        if is_last {
            let start = before.len() - typed.len();
            let wanted = unquoted(typed).to_lowercase();
            return Completion {
                start,
                candidates: candidates(*kind, &wanted, known),
            };
        }
    }
}

/// What was typed of a word, without the quotes that it may have.
fn unquoted(typed: &str) -> String {
    let Some(quoted) = typed.strip_prefix('"') else {
        return typed.to_owned();
    };
    let open = quoted.strip_suffix('"').unwrap_or(quoted);
    open.replace("\\\"", "\"").replace("\\\\", "\\")
}

fn candidates(kind: Argument, wanted: &str, known: Known<'_>) -> Vec<String> {
    let mut found: Vec<String> = match kind {
        Argument::Peer => return peers(wanted, known),
        Argument::Ignored => known.ignored.to_vec(),
        Argument::OwnGroup => known.groups.iter().map(shown).collect(),
        Argument::Group => {
            let groups = known.people.groups();
            groups.map(|group| shown(group.name())).collect()
        }
        Argument::Command => COMMANDS.iter().map(|info| info.name.to_owned()).collect(),
        Argument::Text | Argument::Other => Vec::new(),
    };
    let wanted_command = wanted.strip_prefix('/').unwrap_or(wanted);
    found.retain(|name| match kind {
        Argument::Command => name.trim_start_matches('/').starts_with(wanted_command),
        _ => name.to_lowercase().starts_with(wanted),
    });
    found.sort_unstable();
    found.dedup();
    found.truncate(CANDIDATES);
    found.iter().map(|name| quote(name) + " ").collect()
}

/// Peers whose names begin so: those that we have whispered with, the last first, and then the others.
fn peers(wanted: &str, known: Known<'_>) -> Vec<String> {
    let rank = |peer| {
        let recent = known.recent.iter().position(|recent| *recent == peer);
        recent.unwrap_or(usize::MAX)
    };
    let found = ranked(wanted, known.people, |known| rank(known.id));
    found.iter().map(|name| quote(name) + " ").collect()
}

/// Names that begin so, the least by this first.
fn ranked<K: Ord>(wanted: &str, people: &People, rank: impl Fn(&KnownPeer) -> K) -> Vec<String> {
    let named = people
        .iter()
        .map(|known| (rank(known), people.who(known.id).shown));
    let begins = |name: &str| name.to_lowercase().starts_with(wanted);
    let mut found: Vec<(K, String)> = named.filter(|(_, name)| begins(name)).collect();
    found.sort_unstable();
    found.dedup_by(|one, other| one.1 == other.1);
    found.truncate(CANDIDATES);
    found.into_iter().map(|(_, name)| name).collect()
}

/// A name in a text, of whoever said something last first, with a colon where it stands first.
fn mention(before: &str, people: &People) -> Completion {
    let start = before.rfind(char::is_whitespace).map_or(0, |at| {
        at + before
            .get(at..)
            .and_then(|rest| rest.chars().next())
            .map_or(1, char::len_utf8)
    });
    let wanted = before.get(start..).unwrap_or_default().to_lowercase();
    if wanted.is_empty() {
        return Completion {
            start,
            candidates: Vec::new(),
        };
    }
    let end = if start == 0 { ": " } else { " " };
    let found = ranked(&wanted, people, |known| {
        Reverse(people.person(known.id).map(|person| person.heard))
    });
    Completion {
        start,
        candidates: found.iter().map(|name| format!("{name}{end}")).collect(),
    }
}

fn shown(group: &GroupName) -> String {
    sanitize::name(group).into_owned()
}
