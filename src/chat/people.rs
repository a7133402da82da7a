//! Who is here: the node's [`Roster`], and what a chat adds to it ([`People`]).
//!
//! What peers are called here is in `naming`. Bounded by the limits of the node: peers, groups a peer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::{HEADER, Stamp, sanitize};
use crate::zre::{Event, GroupName, KnownGroup, KnownPeer, Name, PeerId, Roster};

/// How many peers are remembered by name after they left: what could not be delivered to them is told
/// after that.
const DEPARTED: usize = 256;

/// What a chat knows of a peer beside what the roster has.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    /// What it calls itself, safe to show, and not too wide.
    pub(crate) shown: Arc<str>,
    /// Since when it is here.
    pub(crate) since: Stamp,
    /// When it said something last, or came.
    pub(crate) heard: Stamp,
    /// When it was told last that the peer does not answer.
    pub(crate) unanswered: Option<Stamp>,
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

/// A peer that was here.
#[derive(Debug, Clone)]
pub(super) struct Departed {
    pub(super) peer: PeerId,
    pub(super) name: Name,
    /// Since when it is gone.
    pub(super) since: Stamp,
}

/// Who is here, ourselves included where names are compared.
#[derive(Debug)]
pub(crate) struct People {
    pub(super) own: PeerId,
    pub(super) own_shown: Arc<str>,
    pub(super) own_in_full: String,
    roster: Roster,
    people: BTreeMap<PeerId, Person>,
    pub(super) by_shown: BTreeMap<Arc<str>, BTreeSet<PeerId>>,
    pub(super) departed: VecDeque<Departed>,
    changes: u64,
}

impl People {
    /// Nobody but ourselves.
    pub(crate) fn new(own: PeerId, name: &Name) -> Self {
        let own_shown: Arc<str> = sanitize::label(name).into();
        Self {
            own,
            own_shown: own_shown.clone(),
            own_in_full: sanitize::name(name).into_owned(),
            roster: Roster::new(),
            people: BTreeMap::new(),
            by_shown: BTreeMap::from([(own_shown, BTreeSet::from([own]))]),
            departed: VecDeque::new(),
            changes: 0,
        }
    }

    /// Takes in what the node told. A peer that is gone thereby is given back.
    pub(crate) fn handle_event(
        &mut self,
        now: Instant,
        wall: Stamp,
        event: &Event,
    ) -> Option<(KnownPeer, Person)> {
        let mut gone = None;
        match event {
            Event::Enter { peer, name, .. } => {
                self.forget(*peer, wall);
                self.enter(*peer, name, wall);
            }
            Event::Exit { peer, .. } => gone = self.forget(*peer, wall),
            Event::Update { peer, name, .. } => self.rename(*peer, name),
            Event::Evasive { peer } | Event::Silent { peer } => {
                if let Some(person) = self.people.get_mut(peer) {
                    person.unanswered = Some(wall);
                }
            }
            Event::Whisper { origin, .. } | Event::Shout { origin, .. } => {
                if let Some(person) = self.people.get_mut(&origin.peer) {
                    person.heard = wall;
                }
            }
            _ => {}
        }
        let moves = matches!(
            event,
            Event::Enter { .. } | Event::Exit { .. } | Event::Join { .. } | Event::Leave { .. }
        );
        self.changes += u64::from(moves);
        self.roster.handle_event(event, now);
        gone
    }

    fn enter(&mut self, peer: PeerId, name: &Name, wall: Stamp) {
        let shown: Arc<str> = sanitize::label(name).into();
        self.departed.retain(|departed| departed.peer != peer);
        self.call(peer, shown.clone());
        let person = Person {
            shown,
            since: wall,
            heard: wall,
            unanswered: None,
            away: None,
            away_told: false,
            announced: false,
            answered: None,
            before: BTreeSet::new(),
        };
        self.people.insert(peer, person);
    }

    fn forget(&mut self, peer: PeerId, wall: Stamp) -> Option<(KnownPeer, Person)> {
        let person = self.people.remove(&peer)?;
        self.uncall(peer, &person.shown);
        let known = self.roster.peer(peer)?.clone();
        if self.departed.len() >= DEPARTED {
            self.departed.pop_front();
        }
        self.departed.push_back(Departed {
            peer,
            name: known.name.clone(),
            since: wall,
        });
        Some((known, person))
    }

    fn rename(&mut self, peer: PeerId, name: &Name) {
        let Some(person) = self.people.get_mut(&peer) else {
            return;
        };
        let shown: Arc<str> = sanitize::label(name).into();
        let was = std::mem::replace(&mut person.shown, shown.clone());
        self.uncall(peer, &was);
        self.call(peer, shown);
    }

    /// We have another name.
    pub(crate) fn rename_ourselves(&mut self, name: &Name) {
        let shown: Arc<str> = sanitize::label(name).into();
        let was = std::mem::replace(&mut self.own_shown, shown.clone());
        self.own_in_full = sanitize::name(name).into_owned();
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

    /// Our own id.
    pub(crate) const fn own(&self) -> PeerId {
        self.own
    }

    /// The peer with this id, as the node told of it.
    pub(crate) fn known(&self, peer: PeerId) -> Option<&KnownPeer> {
        self.roster.peer(peer)
    }

    /// The peer with this id, as the chat knows it.
    pub(crate) fn person(&self, peer: PeerId) -> Option<&Person> {
        self.people.get(&peer)
    }

    /// The same, to change it; not what it is called.
    pub(crate) fn person_mut(&mut self, peer: PeerId) -> Option<&mut Person> {
        self.people.get_mut(&peer)
    }

    /// Whether a peer understands our second frame.
    pub(crate) fn is_zchat(&self, peer: PeerId) -> bool {
        self.known(peer)
            .is_some_and(|known| known.headers.get(HEADER).is_some())
    }

    /// The peer whose mailbox is at this address.
    pub(crate) fn at(&self, address: SocketAddr) -> Option<PeerId> {
        let mut peers = self.roster.peers();
        peers
            .find(|known| known.link.remote == address)
            .map(|known| known.id)
    }

    /// Everybody, by id.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &KnownPeer> {
        self.roster.peers()
    }

    /// How many are here.
    pub(crate) fn count(&self) -> usize {
        self.people.len()
    }

    /// All groups that we or others are in.
    pub(crate) fn groups(&self) -> impl Iterator<Item = KnownGroup<'_>> {
        self.roster.groups()
    }

    /// Who else is in a group.
    pub(crate) fn members(&self, group: &GroupName) -> impl Iterator<Item = PeerId> {
        self.roster.peers_of(group).map(|known| known.id)
    }

    /// How many others are in a group.
    pub(crate) fn member_count(&self, group: &GroupName) -> usize {
        self.roster.group(group).map_or(0, |group| group.count())
    }

    /// Whether a peer is in a group.
    pub(crate) fn is_in(&self, peer: PeerId, group: &GroupName) -> bool {
        self.known(peer)
            .is_some_and(|known| known.groups.binary_search(group).is_ok())
    }

    /// Whether a peer is in a group that we are in, so that its moves are news.
    pub(crate) fn shares_group(&self, peer: PeerId) -> bool {
        self.roster.shares_group(peer)
    }

    /// We joined a group.
    pub(crate) fn join(&mut self, group: &GroupName) {
        self.roster.join(group);
    }

    /// We left a group.
    pub(crate) fn leave(&mut self, group: &GroupName) {
        self.roster.leave(group);
    }

    /// A number that is another one after every arrival, departure, join and leave.
    pub(crate) const fn changes(&self) -> u64 {
        self.changes
    }
}
