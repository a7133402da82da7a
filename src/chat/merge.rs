//! Says less about coming and going: [`Merge`] puts many moves into one line, [`Flaps`] keeps silent
//! about a peer that is lost and back at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::item::Item;
use super::people::Person;
use super::sanitize::label;
use super::table::few;
use crate::zre::{KnownPeer, PeerId};

/// How long further moves are held after one was shown, to be shown together.
pub(crate) const TOGETHER: Duration = Duration::from_secs(1);

/// How many moves are held; one more shows them.
const HELD: usize = 1_000;

/// How long a peer that was lost may take to come back before it is said to be gone: Zyre and Pyre
/// answer some of our greetings by leaving and entering again, within two seconds.
pub(crate) const FLAP: Duration = Duration::from_secs(2);

/// Moves of peers, merged: the first is shown at once, those that follow within a second together,
/// before anything else is shown.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    until: Option<Instant>,
    /// Whose arrival was shown at once.
    first: Option<PeerId>,
    held: Vec<Item>,
}

impl Merge {
    /// A peer came, went, joined or left: what to show now.
    pub(crate) fn handle_move(&mut self, now: Instant, item: Item) -> Option<Item> {
        if self.until.is_none_or(|until| until <= now) && self.held.is_empty() {
            self.until = Some(now + TOGETHER);
            self.first = arrival(&item);
            return Some(item);
        }
        if let Item::Exit(who) = &item
            && let Some(at) = self
                .held
                .iter()
                .position(|held| arrival(held) == Some(who.peer))
        {
            // That it was gone before, and is again, stays to be told.
            let since = self.held.split_off(at);
            let others = since
                .into_iter()
                .filter(|held| mover(held) != Some(who.peer));
            self.held.extend(others);
            return None;
        }
        match self.held.iter().rposition(|held| is_opposite(held, &item)) {
            Some(at) => {
                self.held.remove(at);
            }
            None => self.held.push(item),
        }
        if self.held.len() > HELD {
            self.take(now)
        } else {
            None
        }
    }

    /// Whether the arrival of this peer is the one that was shown at once, a moment ago.
    pub(crate) fn was_first(&self, now: Instant, peer: PeerId) -> bool {
        self.first == Some(peer) && self.until.is_some_and(|until| now < until)
    }

    /// Whether the arrival of this peer is held.
    pub(crate) fn holds_arrival(&self, peer: PeerId) -> bool {
        self.held.iter().any(|held| arrival(held) == Some(peer))
    }

    /// What is held, as one thing to show.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Item> {
        if !self.held.is_empty() {
            self.first = None;
        }
        let mut held = std::mem::take(&mut self.held);
        if held.len() > 1 {
            self.until = Some(now + TOGETHER);
            return Some(Item::Moves(words(&held)));
        }
        let item = held.pop()?;
        self.until = Some(now + TOGETHER);
        Some(item)
    }

    /// When to show what is held.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.until.filter(|_| !self.held.is_empty())
    }
}

/// Whether the later of two moves undoes the earlier.
fn is_opposite(held: &Item, item: &Item) -> bool {
    match (held, item) {
        (
            Item::Join { who, group },
            Item::Leave {
                who: other,
                group: left,
            },
        )
        | (
            Item::Leave { who, group },
            Item::Join {
                who: other,
                group: left,
            },
        ) => who.peer == other.peer && group == left,
        _ => false,
    }
}

/// Who came, went, joined or left.
const fn mover(item: &Item) -> Option<PeerId> {
    match item {
        Item::Enter { who, .. }
        | Item::Exit(who)
        | Item::Join { who, .. }
        | Item::Leave { who, .. } => Some(who.peer),
        _ => None,
    }
}

/// Many moves in words: "bob and carol are here; dave left CHAT".
fn words(held: &[Item]) -> String {
    let came: BTreeSet<PeerId> = held.iter().filter_map(arrival).collect();
    let mut clauses: Vec<(String, Vec<&str>)> = Vec::new();
    for item in held {
        let (verb, who) = match item {
            Item::Enter { who, .. } => (here(who.peer, held), who),
            Item::Exit(who) => (GONE.to_owned(), who),
            // Said already of whoever is new.
            Item::Join { who, .. } if came.contains(&who.peer) => continue,
            Item::Join { who, group } => (format!("joined {}", label(group)), who),
            Item::Leave { who, group } => (format!("left {}", label(group)), who),
            _ => continue,
        };
        match clauses.iter_mut().find(|(known, _)| *known == verb) {
            Some((_, names)) => names.push(&who.shown),
            None => clauses.push((verb, vec![&who.shown])),
        }
    }
    // Who is gone and back is here: what has come about last stands last.
    let is_back = |item: &Item| matches!(item, Item::Exit(who) if came.contains(&who.peer));
    if held.iter().any(is_back) {
        clauses.sort_by_key(|(verb, _)| verb != GONE);
    }
    let clause = |(verb, names): &(String, Vec<&str>)| {
        let is = if names.len() == 1 { "is " } else { "are " };
        let is = if verb.starts_with("here") || verb == GONE {
            is
        } else {
            ""
        };
        format!("{} {is}{verb}", listed(names))
    };
    clauses.iter().map(clause).collect::<Vec<_>>().join("; ")
}

/// Who came, if somebody did.
const fn arrival(held: &Item) -> Option<PeerId> {
    match held {
        Item::Enter { who, .. } => Some(who.peer),
        _ => None,
    }
}

/// That a peer is here, and in which groups, as far as that is held too.
fn here(peer: PeerId, held: &[Item]) -> String {
    let groups: Vec<_> = held
        .iter()
        .filter_map(|item| match item {
            Item::Join { who, group } if who.peer == peer => Some(label(group)),
            _ => None,
        })
        .collect();
    if groups.is_empty() {
        "here".to_owned()
    } else {
        format!("here in {}", listed(&groups))
    }
}

/// Names as one says them: "bob", "bob and carol", "bob, carol and dave".
pub(crate) fn listed<T: AsRef<str>>(names: &[T]) -> String {
    match names {
        [one] => one.as_ref().to_owned(),
        [first @ .., last] if names.len() <= 8 => {
            let first = few(first.iter(), ", ", first.len());
            format!("{first} and {}", last.as_ref())
        }
        _ => few(names.iter(), ", ", names.len()),
    }
}

/// A peer that is gone, as it was.
#[derive(Debug, Clone)]
pub(crate) struct Lost {
    pub(crate) known: KnownPeer,
    pub(crate) person: Person,
}

/// What is said of whoever has left.
const GONE: &str = "gone";

/// Peers that were lost a moment ago, and may be back at once.
#[derive(Debug, Default)]
pub(crate) struct Flaps {
    lost: BTreeMap<PeerId, Lost>,
    /// Until when peers may come back, or, once they are, may join all their groups again.
    until: BTreeMap<PeerId, Instant>,
    /// The same, the earliest first.
    order: BTreeSet<(Instant, PeerId)>,
}

impl Flaps {
    /// A peer is lost; it may be back at once.
    pub(crate) fn handle_lost(&mut self, now: Instant, peer: PeerId, lost: Lost) {
        self.lost.insert(peer, lost);
        self.give_time(now, peer);
    }

    /// A peer is here: as whom it was lost a moment ago, if it was.
    pub(crate) fn handle_back(&mut self, now: Instant, peer: PeerId) -> Option<Lost> {
        let lost = self.lost.remove(&peer)?;
        self.give_time(now, peer);
        Some(lost)
    }

    /// The next peer whose time is over, and who it was if it did not come back.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<(PeerId, Option<Lost>)> {
        let (until, peer) = *self.order.first()?;
        if until > now {
            return None;
        }
        self.order.pop_first();
        self.until.remove(&peer);
        Some((peer, self.lost.remove(&peer)))
    }

    /// When to look again.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.order.first().map(|(until, _)| *until)
    }

    fn give_time(&mut self, now: Instant, peer: PeerId) {
        let until = now + FLAP;
        if let Some(earlier) = self.until.insert(peer, until) {
            self.order.remove(&(earlier, peer));
        }
        self.order.insert((until, peer));
    }
}
