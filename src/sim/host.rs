//! One process on a host: the very announcer and engine that the program runs, and around them what
//! its shell keeps (who is connected to it, its mailboxes) and an application.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::chat::Chat;
use super::foreign::{Flavour, Foreign};
use super::network::HostId;
use super::stream::Key;
use super::time::Time;
use crate::zre::connections::{Connections, Most, Token};
use crate::zre::{
    Action, Announcer, Beacon, Engine, Event, GroupName, Host, Link, LinkId, Message, Origin,
    Output, PeerId, Sighting, Via,
};

/// What a process is told.
#[derive(Debug)]
pub(super) enum Input {
    Beacon(Sighting),
    Message(PeerId, Via, Message),
    Action(Action),
    Met(LinkId),
    Connected(LinkId),
    Progress(LinkId),
    Room(LinkId),
    Full(LinkId, Message, bool),
    Closed(LinkId, u64),
    /// Before how long the system at the other end has acknowledged something last.
    Acknowledged(LinkId, Duration),
    Broken(PeerId),
    Refused(LinkId),
    Another(LinkId, PeerId),
    Unheard(PeerId, Host),
    Reopened(PeerId, Host),
    Addresses(Vec<IpAddr>),
    Inbox(bool),
    Timeout,
}

/// What speaks the protocol.
#[derive(Debug)]
pub(super) enum Machine {
    /// Ours.
    Zchat(Box<Zchat>),
    /// Somebody else's.
    Foreign(Box<Foreign>),
}

/// The pure part of a zchat.
#[derive(Debug)]
pub(super) struct Zchat {
    pub(super) engine: Engine,
    pub(super) announcer: Announcer,
}

impl Machine {
    pub(super) fn handle(&mut self, now: Instant, input: Input) {
        match self {
            Self::Zchat(zchat) => zchat.handle(now, input),
            Self::Foreign(foreign) => foreign.handle(now, input),
        }
    }

    pub(super) fn poll_output(&mut self) -> Option<Output> {
        match self {
            Self::Zchat(zchat) => zchat.engine.poll_output(),
            Self::Foreign(foreign) => foreign.poll_output(),
        }
    }

    /// The beacon to broadcast now.
    pub(super) fn poll_beacon(&mut self) -> Option<Beacon> {
        match self {
            Self::Zchat(zchat) => zchat.announcer.poll_output(),
            Self::Foreign(foreign) => foreign.poll_beacon(),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Zchat(zchat) => {
                let both = [zchat.engine.poll_timeout(), zchat.announcer.poll_timeout()];
                both.into_iter().flatten().min()
            }
            Self::Foreign(foreign) => foreign.poll_timeout(),
        }
    }

    /// What it knows of a peer.
    pub(super) fn known(&self, peer: PeerId) -> Option<(&Instant, &Link)> {
        match self {
            Self::Zchat(zchat) => zchat.engine.whereabouts(peer),
            Self::Foreign(_) => None,
        }
    }

    pub(super) fn wants_actions(&self) -> bool {
        match self {
            Self::Zchat(zchat) => zchat.engine.wants_actions(),
            Self::Foreign(_) => true,
        }
    }

    /// Everything was delivered or given up: farewells are broadcast from now on.
    pub(super) fn stop_announcing(&mut self, now: Instant) {
        match self {
            Self::Zchat(zchat) => zchat.announcer.stop(now),
            Self::Foreign(foreign) => foreign.stop(),
        }
    }

    /// Whether the last farewell was broadcast.
    pub(super) const fn is_finished(&self) -> bool {
        match self {
            Self::Zchat(zchat) => zchat.announcer.is_finished(),
            Self::Foreign(foreign) => foreign.is_finished(),
        }
    }

    /// Whose program it behaves like, if not ours.
    pub(super) const fn flavour(&self) -> Option<Flavour> {
        match self {
            Self::Zchat(_) => None,
            Self::Foreign(foreign) => Some(foreign.flavour),
        }
    }
}

impl Zchat {
    fn handle(&mut self, now: Instant, input: Input) {
        let engine = &mut self.engine;
        match input {
            Input::Beacon(sighting) => {
                self.announcer.handle_beacon(now, &sighting.beacon);
                engine.handle_beacon(now, sighting);
            }
            Input::Message(peer, via, message) => {
                engine.handle_message(now, Origin::unproven(peer), via, message);
            }
            Input::Action(action) => engine.handle_action(now, action),
            Input::Met(link) => engine.handle_met(now, link),
            Input::Connected(link) => engine.handle_connected(now, link),
            Input::Progress(link) => engine.handle_progress(now, link),
            Input::Room(link) => engine.handle_room(now, link),
            Input::Full(link, message, tail) => engine.handle_full(now, link, message, tail),
            Input::Closed(link, unsent) => engine.handle_closed(now, link, unsent),
            Input::Acknowledged(link, ago) => {
                let at = now.checked_sub(ago).unwrap_or(now);
                engine.handle_acknowledged(link, at);
            }
            Input::Broken(peer) => engine.handle_broken(now, peer),
            Input::Refused(link) => engine.handle_refused(now, link),
            Input::Another(link, other) => engine.handle_another(now, link, other),
            Input::Unheard(peer, remote) => engine.handle_unheard(now, peer, remote),
            Input::Reopened(peer, remote) => engine.handle_reopened(now, peer, remote),
            Input::Addresses(addresses) => {
                engine.handle_addresses(now, &addresses);
                self.announcer.handle_networks_changed(now);
            }
            Input::Inbox(open) => engine.handle_inbox(now, open),
            Input::Timeout => {
                engine.handle_timeout(now);
                self.announcer.handle_timeout(now);
            }
        }
    }
}

/// Who is connected to a process.
#[derive(Debug)]
pub(super) struct Router {
    /// Which connections are heard, as the node decides it.
    pub(super) book: Connections,
    pub(super) by_token: BTreeMap<Token, Key>,
    /// The connection over which the message has come that is being told.
    pub(super) current: Option<Token>,
    /// The same for a foreign process: the last one under a routing id.
    pub(super) heard: BTreeMap<PeerId, Key>,
    /// Connections that hold something which cannot be read now.
    pub(super) waiting: BTreeSet<Key>,
}

impl Router {
    pub(super) fn new(per_address: usize) -> Self {
        Self {
            book: Connections::new(Most {
                per_address,
                strangers: usize::MAX,
                in_all: usize::MAX,
            }),
            by_token: BTreeMap::new(),
            current: None,
            heard: BTreeMap::new(),
            waiting: BTreeSet::new(),
        }
    }
}

/// The program around the engine.
#[derive(Debug)]
pub(super) struct Application {
    /// What the engine has not been told yet: it wants no actions.
    pub(super) backlog: VecDeque<Action>,
    pub(super) groups: BTreeSet<GroupName>,
    /// Peers that have entered, as far as it has read.
    pub(super) roster: BTreeSet<PeerId>,
    /// Whether it reads its events.
    pub(super) is_reading: bool,
    pub(super) unread: VecDeque<Event>,
    pub(super) unread_octets: usize,
    /// How many of the unread events may be answers to what it has done itself since it reads no more.
    pub(super) answers: usize,
    /// Contents that it has made.
    pub(super) contents: u64,
    /// The chat, if it is one.
    pub(super) chat: Option<Box<Chat>>,
}

impl Application {
    pub(super) fn new() -> Self {
        Self {
            backlog: VecDeque::new(),
            groups: BTreeSet::new(),
            roster: BTreeSet::new(),
            is_reading: true,
            unread: VecDeque::new(),
            unread_octets: 0,
            answers: 0,
            contents: 0,
            chat: None,
        }
    }

    /// When its chat is to be woken. One that stands still is not.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let chat = self.chat.as_ref().filter(|_| self.is_reading);
        chat.and_then(|chat| chat.poll_timeout())
    }

    /// It reads an event.
    pub(super) fn read(&mut self, event: &Event) {
        match event {
            Event::Enter { peer, .. } => {
                self.roster.insert(*peer);
            }
            Event::Exit { peer, .. } => {
                self.roster.remove(peer);
            }
            _ => {}
        }
    }
}

/// A process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) host: HostId,
    pub(super) peer: PeerId,
    pub(super) port: u16,
    pub(super) state: Running,
    pub(super) machine: Machine,
    pub(super) mailboxes: BTreeMap<LinkId, Key>,
    pub(super) router: Router,
    pub(super) inbox_open: bool,
    /// Octets queued in all mailboxes together.
    pub(super) queued: u64,
    /// The only address at which its mailbox is, if it does not listen at all that its host has.
    pub(super) bound: Option<IpAddr>,
    /// It is not there any more, and somebody will start it again.
    pub(super) is_lost: bool,
    pub(super) application: Application,
    /// When it is to be woken, by its own clock and as entered in the agenda.
    pub(super) wake: Option<(Instant, Time)>,
    /// How often it was woken at this very time.
    pub(super) wakes: (Time, u32),
    /// Beacons in the buffer of its socket while it is frozen.
    pub(super) datagrams: VecDeque<Sighting>,
    /// What it would have been told while it was frozen or suspended.
    pub(super) deferred: VecDeque<Input>,
}

/// Whether a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Running {
    Runs,
    /// It is stopped (SIGSTOP); its host goes on.
    Frozen,
    /// It says farewell.
    Leaving,
    Ended,
}

impl Process {
    pub(super) const fn is_alive(&self) -> bool {
        !matches!(self.state, Running::Ended)
    }

    /// Whether it can be told something now.
    pub(super) const fn is_awake(&self) -> bool {
        matches!(self.state, Running::Runs | Running::Leaving)
    }
}
