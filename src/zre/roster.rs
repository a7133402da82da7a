//! Who is here and in which groups, folded from events: [`Roster`].
//!
//! So that nobody has to ask another thread: whoever receives a node's events keeps a roster, and
//! answers from it. It sends nothing and forgets a peer with its [`Event::Exit`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::{Event, GroupName, Headers, Link, Name, PeerId};

/// The peers that are here, and the groups that they and this node are in.
///
/// It holds what the events said that it was given, no more: it lags behind the node by what waits in
/// between. Everything is sorted, peers by id and groups by name. A peer takes some 300 octets and
/// shares names and headers with the events; 16 octets a group and peer come on top, twice.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    peers: BTreeMap<PeerId, KnownPeer>,
    groups: BTreeMap<GroupName, Members>,
}

/// A peer, as the events have shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownPeer {
    /// Its id.
    pub id: PeerId,
    /// What it calls itself.
    pub name: Name,
    /// What it tells about itself.
    pub headers: Headers,
    /// Where it is reached.
    pub link: Link,
    /// The groups that it is in, sorted.
    pub groups: Vec<GroupName>,
    /// When it came.
    pub since: Instant,
    /// When the last event came that it caused itself: a message, a join, a new name. Its beacons and
    /// PINGs are no events, so that it may have been heard later.
    pub last_event: Instant,
    /// Whether it is heard. It is again from [`Event::Heard`] on, or from any event that it causes.
    pub presence: Presence,
    /// The round trip that was measured last.
    pub round_trip: Option<Duration>,
}

/// Whether a peer is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Presence {
    /// It is, as far as is known.
    Heard,
    /// It was not, and did not answer ([`Event::Evasive`]).
    Evasive,
    /// It was not for long ([`Event::Silent`]).
    Silent,
}

/// Who is in a group. A group is known as long as this node or anybody else is in it.
#[derive(Debug, Clone, Default)]
struct Members {
    peers: BTreeSet<PeerId>,
    own: bool,
}

/// A group that somebody is in.
#[derive(Debug, Clone, Copy)]
pub struct KnownGroup<'a> {
    name: &'a GroupName,
    members: &'a Members,
    roster: &'a Roster,
}

impl Roster {
    /// A roster of a node that knows nobody and is in no group.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in what the node told; `now` is when.
    pub fn handle_event(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Enter {
                peer,
                name,
                headers,
                link,
            } => self.enter(KnownPeer {
                id: *peer,
                name: name.clone(),
                headers: headers.clone(),
                link: link.clone(),
                groups: Vec::new(),
                since: now,
                last_event: now,
                presence: Presence::Heard,
                round_trip: None,
            }),
            Event::Exit { peer, .. } => self.exit(*peer),
            Event::Evasive { peer } => self.set_presence(*peer, Presence::Evasive),
            Event::Silent { peer } => self.set_presence(*peer, Presence::Silent),
            Event::Heard { peer } => {
                self.heard(*peer, now);
            }
            Event::Moved { peer, link } => {
                if let Some(peer) = self.peers.get_mut(peer) {
                    peer.link = link.clone();
                }
            }
            Event::Join { peer, group } => self.join_peer(*peer, group, now),
            Event::Leave { peer, group } => self.leave_peer(*peer, group, now),
            Event::Whisper { origin, .. } | Event::Shout { origin, .. } => {
                self.heard(origin.peer, now);
            }
            Event::Update {
                peer,
                name,
                headers,
                ..
            } => {
                if let Some(peer) = self.heard(*peer, now) {
                    peer.name = name.clone();
                    peer.headers = headers.clone();
                }
            }
            Event::RoundTrip { peer, elapsed } => {
                if let Some(peer) = self.heard(*peer, now) {
                    peer.round_trip = Some(*elapsed);
                }
            }
            Event::Stop => self.clear(),
            Event::Undelivered { .. } | Event::Flushed { .. } | Event::Network { .. } => {}
        }
    }

    /// This node has joined a group; whether it was not in it before.
    pub fn join(&mut self, group: &GroupName) -> bool {
        let members = self.groups.entry(group.clone()).or_default();
        !std::mem::replace(&mut members.own, true)
    }

    /// This node has left a group; whether it was in it before.
    pub fn leave(&mut self, group: &GroupName) -> bool {
        let Some(members) = self.groups.get_mut(group) else {
            return false;
        };
        let was = std::mem::replace(&mut members.own, false);
        self.forget_if_empty(group);
        was
    }

    /// All peers, by id.
    pub fn peers(&self) -> impl ExactSizeIterator<Item = &KnownPeer> {
        self.peers.values()
    }

    /// The peer with this id, if it is here.
    #[must_use]
    pub fn peer(&self, id: PeerId) -> Option<&KnownPeer> {
        self.peers.get(&id)
    }

    /// The peers in this group, by id; this node itself is not among them.
    pub fn peers_of(&self, group: &GroupName) -> impl Iterator<Item = &KnownPeer> {
        let members = self.groups.get(group);
        members
            .into_iter()
            .flat_map(|members| &members.peers)
            .filter_map(|&id| self.peer(id))
    }

    /// All groups that this node or a peer is in, by name.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = KnownGroup<'_>> {
        self.groups.iter().map(|(name, members)| KnownGroup {
            name,
            members,
            roster: self,
        })
    }

    /// The group of this name, if anybody is in it.
    #[must_use]
    pub fn group(&self, name: &GroupName) -> Option<KnownGroup<'_>> {
        self.groups
            .get_key_value(name)
            .map(|(name, members)| KnownGroup {
                name,
                members,
                roster: self,
            })
    }

    /// The groups that this node is in, by name.
    pub fn own_groups(&self) -> impl Iterator<Item = &GroupName> {
        self.groups
            .iter()
            .filter(|(_, members)| members.own)
            .map(|(name, _)| name)
    }

    /// Whether this peer is in a group that this node is in as well.
    #[must_use]
    pub fn shares_group(&self, peer: PeerId) -> bool {
        self.peer(peer).is_some_and(|peer| {
            let mut groups = peer.groups.iter();
            groups.any(|group| self.groups.get(group).is_some_and(|members| members.own))
        })
    }

    fn enter(&mut self, peer: KnownPeer) {
        self.exit(peer.id);
        self.peers.insert(peer.id, peer);
    }

    fn exit(&mut self, id: PeerId) {
        let groups = self.peers.remove(&id).map(|peer| peer.groups);
        for group in groups.iter().flatten() {
            self.remove_member(id, group);
        }
    }

    fn join_peer(&mut self, id: PeerId, group: &GroupName, now: Instant) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        peer.hear(now);
        let Err(place) = peer.groups.binary_search(group) else {
            return;
        };
        // One copy of the name serves all members, whatever copy each event has brought.
        let group = self
            .groups
            .get_key_value(group)
            .map_or_else(|| group.clone(), |(name, _)| name.clone());
        peer.groups.insert(place, group.clone());
        self.groups.entry(group).or_default().peers.insert(id);
    }

    fn leave_peer(&mut self, id: PeerId, group: &GroupName, now: Instant) {
        if let Some(peer) = self.heard(id, now)
            && let Ok(place) = peer.groups.binary_search(group)
        {
            peer.groups.remove(place);
            self.remove_member(id, group);
        }
    }

    fn remove_member(&mut self, id: PeerId, group: &GroupName) {
        if let Some(members) = self.groups.get_mut(group) {
            members.peers.remove(&id);
            self.forget_if_empty(group);
        }
    }

    fn forget_if_empty(&mut self, group: &GroupName) {
        if let Some(members) = self.groups.get(group)
            && members.peers.is_empty()
            && !members.own
        {
            self.groups.remove(group);
        }
    }

    fn set_presence(&mut self, id: PeerId, presence: Presence) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.presence = presence;
        }
    }

    fn heard(&mut self, id: PeerId, now: Instant) -> Option<&mut KnownPeer> {
        let peer = self.peers.get_mut(&id)?;
        peer.hear(now);
        Some(peer)
    }

    /// The node has stopped: nobody is known any more, nor is it in any group.
    fn clear(&mut self) {
        *self = Self::default();
    }
}

impl KnownPeer {
    fn hear(&mut self, now: Instant) {
        self.last_event = now;
        self.presence = Presence::Heard;
    }
}

impl<'a> KnownGroup<'a> {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'a GroupName {
        self.name
    }

    /// Whether this node is in it.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        self.members.own
    }

    /// How many peers are in it, this node not counted.
    #[must_use]
    pub fn count(&self) -> usize {
        self.members.peers.len()
    }

    /// The peers that are in it, by id; this node itself is not among them.
    pub fn peers(&self) -> impl Iterator<Item = &'a KnownPeer> + use<'a> {
        let roster = self.roster;
        let ids = self.members.peers.iter();
        ids.filter_map(|&id| roster.peer(id))
    }
}
