//! What peers are called here: one name for each, and back from what was typed to the peer.
//!
//! Names are not unique. Where two peers have one, `~` and the first digits of the id follow it, as
//! many as are needed, at least four. So they do where a name by itself could be taken for something
//! else: for another one's name with digits, for us, for everybody, or for a part of a line.
//! A name that is too wide for a line is cut, and shown in full by `/whois` alone.

use super::Stamp;
use super::people::{Departed, People, Person};
use crate::zre::{KnownPeer, PeerId};

/// The fewest digits of an id that are shown.
const DIGITS: usize = 4;

/// How many candidates an error names.
const CANDIDATES: usize = 5;

/// A peer, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) peer: PeerId,
    /// Its name as it is shown: safe, not too wide, and its own.
    pub(crate) shown: String,
    /// Its name as it is.
    pub(crate) name: String,
    /// The same for one name in every run.
    pub(crate) colour: u8,
}

impl Who {
    /// A peer that somebody else knows, under the name by which it is known there.
    pub(crate) fn elsewhere(peer: PeerId, name: String) -> Self {
        let shown = super::sanitize::label(&name).into_owned();
        Self {
            peer,
            colour: colour(&shown),
            shown,
            name,
        }
    }
}

/// Why a name that was typed is not that of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unresolved {
    /// Nobody has it; these come near.
    Unknown { near: Vec<String> },
    /// Whoever had it is gone.
    Gone { since: Stamp },
    /// Several have it: these, and so many more.
    Ambiguous {
        candidates: Vec<String>,
        more: usize,
    },
    /// It is our own.
    Ourselves,
}

impl People {
    /// Some peers as they are shown, in the order of their names.
    pub(crate) fn named(&self, peers: impl IntoIterator<Item = PeerId>) -> Vec<Who> {
        let named = peers.into_iter().map(|peer| self.who(peer));
        let mut named: Vec<Who> = named.collect();
        named.sort_by(|one, other| one.shown.cmp(&other.shown));
        named
    }

    /// How a peer is shown, here or gone.
    pub(crate) fn who(&self, peer: PeerId) -> Who {
        let departed = || self.departed.iter().find(|departed| departed.peer == peer);
        let here = self.person(peer).zip(self.known(peer));
        let (base, name) = match here {
            Some((person, known)) => (person.shown.to_string(), known.name.to_string()),
            None => departed().map_or_else(Default::default, |Departed { name, .. }| {
                (super::sanitize::label(name).into_owned(), name.to_string())
            }),
        };
        let shown = self.shown(peer, &base);
        Who {
            peer,
            shown,
            name,
            colour: colour(&base),
        }
    }

    /// Ourselves, under this name.
    pub(crate) fn who_we_are(&self, name: &str) -> Who {
        let shown = self.own_shown.to_string();
        Who {
            peer: self.own,
            colour: colour(&shown),
            shown,
            name: name.to_owned(),
        }
    }

    /// Our own name, safe to show, and not too wide.
    pub(crate) fn ourselves(&self) -> &str {
        &self.own_shown
    }

    /// The same, however wide it is.
    pub(crate) fn own_in_full(&self) -> &str {
        &self.own_in_full
    }

    /// What others call us, if somebody in a group of ours has our name too.
    pub(crate) fn namesake(&self) -> Option<String> {
        let others = self.others(&self.own_shown);
        let is_one = { others }.any(|peer| self.shares_group(peer));
        is_one.then(|| self.shown(self.own, &self.own_shown))
    }

    /// How a peer of this name is shown.
    pub(crate) fn shown(&self, peer: PeerId, base: &str) -> String {
        let others = self.by_shown.get(base);
        let alone = others.is_none_or(|same| same.iter().all(|other| *other == peer));
        if alone && !misleads(base) {
            return base.to_owned();
        }
        let neighbours = others.into_iter().flat_map(|same| {
            let before = same.range(..peer).next_back();
            let after = same.range(peer..).find(|other| **other != peer);
            before.into_iter().chain(after)
        });
        let digits = neighbours
            .map(|other| common_digits(peer, *other) + 1)
            .max();
        format!(
            "{base}~{}",
            peer.short(digits.unwrap_or(DIGITS).max(DIGITS))
        )
    }

    /// The peer that is called this: by its name, its name with `~` and digits of its id, or its id.
    pub(crate) fn resolve(&self, typed: &str) -> Result<PeerId, Unresolved> {
        let mut candidates = self.suffixed(typed);
        if candidates.is_empty() {
            candidates = self.others(typed).collect();
        }
        if candidates.is_empty() {
            candidates = self.in_full(typed);
        }
        match *candidates.as_slice() {
            [peer] => Ok(peer),
            [] if [self.ourselves(), self.own_in_full()].contains(&typed) => {
                Err(Unresolved::Ourselves)
            }
            [] => self
                .iter()
                .map(|known| known.id)
                .find(|peer| peer.to_string() == typed)
                .ok_or_else(|| self.absent(typed)),
            [..] => Err(Unresolved::Ambiguous {
                more: candidates.len().saturating_sub(CANDIDATES),
                candidates: self.shown_all(&candidates),
            }),
        }
    }

    /// Who is called `NAME~DIGITS`.
    fn suffixed(&self, typed: &str) -> Vec<PeerId> {
        let Some((base, digits)) = typed.rsplit_once('~').filter(|(_, digits)| is_hex(digits))
        else {
            return Vec::new();
        };
        let digits = digits.to_ascii_lowercase();
        self.others(base)
            .filter(|peer| peer.to_string().starts_with(&digits))
            .collect()
    }

    /// Why nobody here has this name.
    fn absent(&self, typed: &str) -> Unresolved {
        let was_it = |departed: &&Departed| {
            departed.name.as_str() == typed || super::sanitize::label(&departed.name) == typed
        };
        match self.departed.iter().rev().find(was_it) {
            Some(departed) => Unresolved::Gone {
                since: departed.since,
            },
            None => Unresolved::Unknown {
                near: self.near(typed),
            },
        }
    }

    /// Who has this very name, which need not be how it is shown: as a program knows it, or copied
    /// from where it is shown in full.
    fn in_full(&self, typed: &str) -> Vec<PeerId> {
        let is_it = |name: &str| name == typed || super::sanitize::name(name) == typed;
        self.others(&super::sanitize::label(typed))
            .filter(|peer| self.known(*peer).is_some_and(|known| is_it(&known.name)))
            .collect()
    }

    fn others(&self, shown: &str) -> impl Iterator<Item = PeerId> {
        self.by_shown
            .get(shown)
            .into_iter()
            .flatten()
            .copied()
            .filter(|peer| *peer != self.own)
    }

    fn shown_all(&self, peers: &[PeerId]) -> Vec<String> {
        peers
            .iter()
            .take(CANDIDATES)
            .map(|peer| self.who(*peer).shown)
            .collect()
    }

    /// Names that come near to what was typed.
    fn near(&self, typed: &str) -> Vec<String> {
        let names = self.by_shown.iter().filter(|(_, peers)| {
            // Our own name is no help, unless somebody else has it too.
            peers.iter().any(|peer| *peer != self.own)
        });
        let near = nearest(typed, names.map(|(shown, _)| &**shown));
        let peers: Vec<PeerId> = near.iter().flat_map(|shown| self.others(shown)).collect();
        self.shown_all(&peers)
    }

    /// Everybody, in the order of their names.
    pub(crate) fn by_name(&self) -> impl Iterator<Item = (&KnownPeer, &Person)> {
        let peers = self.by_shown.values().flatten();
        peers.filter_map(|peer| self.known(*peer).zip(self.person(*peer)))
    }
}

/// Those of the names that come near to what was typed, best first, at most three.
pub(crate) fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let typed: Vec<char> = comparable(typed);
    let mut near: Vec<(usize, &str)> = names
        .filter_map(|name| {
            let letters = comparable(name);
            let starts = typed.len() >= 2 && letters.starts_with(&typed);
            let distance = if starts {
                1
            } else {
                distance(&typed, &letters)
            };
            (distance <= 1 + letters.len().min(typed.len()) / 4).then_some((distance, name))
        })
        .collect();
    near.sort_unstable();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// The first letters of a name in lower case: long names are not compared to their ends.
fn comparable(name: &str) -> Vec<char> {
    name.chars().take(24).flat_map(char::to_lowercase).collect()
}

/// How many letters have to be changed, added, left out or swapped to get from one to the other; or
/// some large number.
fn distance(from: &[char], to: &[char]) -> usize {
    if from.len().abs_diff(to.len()) > 3 {
        return usize::MAX;
    }
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, letter) in from.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in to.iter().enumerate() {
            let cell =
                |cells: &[usize], at: usize| cells.get(at).copied().unwrap_or(usize::MAX - 1);
            let changed = cell(&last, column) + usize::from(letter != other);
            let mut best = changed
                .min(cell(&last, column + 1) + 1)
                .min(cell(&current, column) + 1);
            let swapped = column > 0
                && row > 0
                && to.get(column - 1) == Some(letter)
                && from.get(row - 1) == Some(other);
            if swapped {
                best = best.min(cell(&before_last, column - 1) + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or(usize::MAX)
}

/// Whether a name could be taken for something else where it is shown: for one with digits of an id,
/// for us, or for a part of a line.
fn misleads(shown: &str) -> bool {
    let suffixed = shown
        .rsplit_once('~')
        .is_some_and(|(_, digits)| digits.len() >= DIGITS && is_hex(digits));
    suffixed
        || matches!(shown, "" | "you" | "all")
        || shown.contains(": ")
        || shown.contains(" -> ")
}

fn is_hex(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

fn common_digits(one: PeerId, other: PeerId) -> usize {
    let (one, other) = (one.to_string(), other.to_string());
    one.bytes()
        .zip(other.bytes())
        .take_while(|(a, b)| a == b)
        .count()
}

/// A number made of a name (FNV-1a), for its colour.
fn colour(shown: &str) -> u8 {
    let hash = shown.bytes().fold(0x811C_9DC5_u32, |hash, octet| {
        (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193)
    });
    let [first, second, third, fourth] = hash.to_be_bytes();
    first ^ second ^ third ^ fourth
}
