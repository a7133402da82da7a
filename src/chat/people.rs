//! Who is here, and in which groups: [`People`], folded from the node's events.
//!
//! What they are called is in `naming`. Bounded by the limits of the node: peers, groups a peer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::{HEADER, Stamp, sanitize};
use crate::zre::{GroupName, Headers, Link, Name, PeerId};

/// How many peers are remembered by name after they left: what could not be delivered to them is told
/// after that.
const DEPARTED: usize = 256;

/// A peer that is here.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    /// What it calls itself.
    pub(crate) name: Name,
    /// The same, safe to show.
    pub(crate) shown: Arc<str>,
    pub(crate) headers: Headers,
    pub(crate) link: Link,
    pub(crate) groups: BTreeSet<GroupName>,
    /// Since when it is here.
    pub(crate) since: Stamp,
    /// The same, as a moment.
    pub(crate) arrived: Instant,
    /// When it said something last, or came.
    pub(crate) heard: Stamp,
    pub(crate) reach: Reach,
    /// What it told us about being away; empty where it gave no reason.
    pub(crate) away: Option<Arc<str>>,
    /// Whether we were told that it is away when we whispered to it.
    pub(crate) away_told: bool,
    /// Whether the user was told that it is here.
    pub(crate) announced: bool,
    /// When it was given a list of ours last.
    pub(crate) answered: Option<Instant>,
    /// Groups that it was in before its connection was lost for a moment.
    pub(crate) before: BTreeSet<GroupName>,
}

/// How a peer is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Nothing else is known.
    Heard,
    /// It did not answer; told then.
    Evasive(Instant),
    /// Nothing was heard of it; told then.
    Silent(Instant),
}

impl Person {
    /// A peer that came just now.
    pub(crate) fn new(name: Name, headers: Headers, link: Link, now: Instant, wall: Stamp) -> Self {
        let shown = sanitize::name(&name).into();
        Self {
            name,
            shown,
            headers,
            link,
            groups: BTreeSet::new(),
            since: wall,
            arrived: now,
            heard: wall,
            reach: Reach::Heard,
            away: None,
            away_told: false,
            announced: false,
            answered: None,
            before: BTreeSet::new(),
        }
    }

    /// Whether it understands our second frame.
    pub(crate) fn is_zchat(&self) -> bool {
        self.headers.get(HEADER).is_some()
    }
}

/// Who is here, ourselves included where names are compared.
#[derive(Debug)]
pub(crate) struct People {
    pub(super) own: PeerId,
    pub(super) own_shown: Arc<str>,
    people: BTreeMap<PeerId, Person>,
    members: BTreeMap<GroupName, BTreeSet<PeerId>>,
    pub(super) by_shown: BTreeMap<Arc<str>, BTreeSet<PeerId>>,
    pub(super) departed: VecDeque<(PeerId, Name)>,
    changes: u64,
}

impl People {
    /// Nobody but ourselves.
    pub(crate) fn new(own: PeerId, name: &Name) -> Self {
        let own_shown: Arc<str> = sanitize::name(name).into();
        Self {
            own,
            own_shown: own_shown.clone(),
            people: BTreeMap::new(),
            members: BTreeMap::new(),
            by_shown: BTreeMap::from([(own_shown, BTreeSet::from([own]))]),
            departed: VecDeque::new(),
            changes: 0,
        }
    }

    /// A peer came; whoever had its id before is replaced.
    pub(crate) fn enter(&mut self, peer: PeerId, person: Person) {
        self.exit(peer);
        self.departed.retain(|(departed, _)| *departed != peer);
        self.call(peer, person.shown.clone());
        self.people.insert(peer, person);
        self.changes += 1;
    }

    /// A peer went.
    pub(crate) fn exit(&mut self, peer: PeerId) -> Option<Person> {
        let person = self.people.remove(&peer)?;
        for group in &person.groups {
            self.remove_member(peer, group);
        }
        self.uncall(peer, &person.shown);
        if self.departed.len() >= DEPARTED {
            self.departed.pop_front();
        }
        self.departed.push_back((peer, person.name.clone()));
        self.changes += 1;
        Some(person)
    }

    /// A peer joined a group; whether that is news.
    pub(crate) fn join(&mut self, peer: PeerId, group: &GroupName) -> bool {
        let Some(person) = self.people.get_mut(&peer) else {
            return false;
        };
        let new = person.groups.insert(group.clone());
        if new {
            self.members.entry(group.clone()).or_default().insert(peer);
            self.changes += 1;
        }
        new
    }

    /// A peer left a group; whether that is news.
    pub(crate) fn leave(&mut self, peer: PeerId, group: &GroupName) -> bool {
        let left = self
            .people
            .get_mut(&peer)
            .is_some_and(|person| person.groups.remove(group));
        if left {
            self.remove_member(peer, group);
            self.changes += 1;
        }
        left
    }

    fn remove_member(&mut self, peer: PeerId, group: &GroupName) {
        if let Some(members) = self.members.get_mut(group) {
            members.remove(&peer);
            if members.is_empty() {
                self.members.remove(group);
            }
        }
    }

    /// A peer has another name or other headers.
    pub(crate) fn update(&mut self, peer: PeerId, name: Name, headers: Headers) {
        let Some(person) = self.people.get_mut(&peer) else {
            return;
        };
        let shown: Arc<str> = sanitize::name(&name).into();
        let was = std::mem::replace(&mut person.shown, shown.clone());
        person.name = name;
        person.headers = headers;
        self.uncall(peer, &was);
        self.call(peer, shown);
    }

    /// We have another name.
    pub(crate) fn rename_ourselves(&mut self, name: &Name) {
        let shown: Arc<str> = sanitize::name(name).into();
        let was = std::mem::replace(&mut self.own_shown, shown.clone());
        self.uncall(self.own, &was);
        self.call(self.own, shown);
    }

    fn call(&mut self, peer: PeerId, shown: Arc<str>) {
        self.by_shown.entry(shown).or_default().insert(peer);
    }

    fn uncall(&mut self, peer: PeerId, shown: &Arc<str>) {
        if let Some(same) = self.by_shown.get_mut(shown) {
            same.remove(&peer);
            if same.is_empty() {
                self.by_shown.remove(shown);
            }
        }
    }

    /// The peer with this id.
    pub(crate) fn person(&self, peer: PeerId) -> Option<&Person> {
        self.people.get(&peer)
    }

    /// The same, to change what hangs on it; not its name, headers or groups.
    pub(crate) fn person_mut(&mut self, peer: PeerId) -> Option<&mut Person> {
        self.people.get_mut(&peer)
    }

    /// The peer whose mailbox is at this address.
    pub(crate) fn at(&self, address: SocketAddr) -> Option<PeerId> {
        self.iter()
            .find(|(_, person)| person.link.remote == address)
            .map(|(peer, _)| peer)
    }

    /// Everybody, by id.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (PeerId, &Person)> {
        self.people.iter().map(|(peer, person)| (*peer, person))
    }

    /// How many are here.
    pub(crate) fn count(&self) -> usize {
        self.people.len()
    }

    /// All groups that somebody else is in, with who.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&GroupName, &BTreeSet<PeerId>)> {
        self.members.iter()
    }

    /// Who is in a group; nobody where the group is unknown.
    pub(crate) fn members(&self, group: &GroupName) -> impl Iterator<Item = PeerId> {
        self.members.get(group).into_iter().flatten().copied()
    }

    /// How many are in a group.
    pub(crate) fn member_count(&self, group: &GroupName) -> usize {
        self.members.get(group).map_or(0, BTreeSet::len)
    }

    /// A number that is another one after every arrival, departure, join and leave.
    pub(crate) const fn changes(&self) -> u64 {
        self.changes
    }
}
