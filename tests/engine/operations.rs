//! An engine that is told anything in any order: what it wants done must make sense at all times.
//! Shared: the fuzz target looks for operations that break it, and a plain test replays all that were
//! ever interesting.
//!
//! Octets are read as operations: what is told, about which of a few peers, from which of a few places.
//! The limits are small, so that they are reached.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use zchat::zre::{
    Action, Beacon, Body, Content, Engine, EngineConfig, Event, GroupName, Headers, Hello, LinkId,
    Message, Name, Origin, Output, PeerId, Sighting, Tail, Ticket, Via,
};

/// Outputs that one operation leads to at most: some for each peer, link and waiting message.
const MOST_OUTPUTS: usize = 4_000;

/// Wake-ups at one and the same time.
const MOST_WAKES: usize = 200;

/// Operations that are followed.
const MOST_OPERATIONS: usize = 200;

/// Tells an engine everything that the octets say.
pub(crate) fn operations(octets: &[u8]) {
    let mut world = World::new();
    let mut octets = octets.iter().copied();
    for _ in 0..MOST_OPERATIONS {
        let Some(operation) = octets.next() else {
            return;
        };
        let mut more = || octets.next().unwrap_or(0);
        world.happens(operation, more(), more());
        world.take_outputs();
    }
}

/// What a connection has carried.
#[derive(Debug, Default)]
struct Link {
    last: u16,
    /// A message with the number 0 went out: a HELLO has to follow.
    is_bridged: bool,
    is_full: bool,
}

struct World {
    engine: Engine,
    now: Instant,
    links: BTreeMap<LinkId, Link>,
    last_link: u64,
    /// The groups of everybody who has entered.
    entered: BTreeMap<PeerId, BTreeSet<GroupName>>,
    /// The numbers of the peers' messages.
    numbers: BTreeMap<PeerId, u16>,
    /// An address can hold so many at most.
    most_links: usize,
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        let name = Name::new("alice").expect("a short name");
        let mut config = EngineConfig::new(id(0), name, 49_152);
        let limits = &mut config.limits;
        limits.peers = 4;
        limits.unproven = 4;
        limits.unproven_per_address = 2;
        limits.dials = 3;
        limits.dials_per_address = 2;
        limits.groups_per_peer = 3;
        limits.queued_control = 6;
        limits.statics = 2;
        limits.dismissed = 2;
        let most_links = limits.peers + limits.unproven * 5 / 4 + limits.statics;
        Self {
            engine: Engine::new(now, config),
            now,
            links: BTreeMap::new(),
            last_link: 0,
            entered: BTreeMap::new(),
            numbers: BTreeMap::new(),
            most_links,
        }
    }

    fn happens(&mut self, operation: u8, first: u8, second: u8) {
        let now = self.now;
        let peer = id(1 + first % 7);
        match operation % 24 {
            0..3 => self.pass(first, second),
            3..5 => self.beacon(peer, second),
            5 | 6 => self.hello(peer, second),
            7..10 => self.say(peer, second),
            10 => self.message(peer, u16::from(second), Body::PingOk),
            11 => self.engine.handle_malformed(now, peer),
            12 => self.engine.handle_broken(now, peer),
            13 => self
                .engine
                .handle_unheard(now, peer, address(second).into()),
            14 => self.engine.handle_inbox(now, second & 1 == 0),
            15 => self.engine.handle_addresses(now, &[address(second)]),
            16 => self.fill(first),
            17 => self.drain(first, second),
            18 => self.connected(first, second),
            19 => self
                .engine
                .handle_reopened(now, peer, address(second).into()),
            20 => self.refused(first),
            _ => self.act(first, second),
        }
    }

    /// Lets some time pass: up to a quarter of a second, or to a minute.
    fn pass(&mut self, first: u8, second: u8) {
        let step = [1, 17, 60, 200][usize::from(first % 4)];
        let end = self.now + Duration::from_millis(step * u64::from(second));
        let mut wakes = 0;
        while let Some(at) = self.engine.poll_timeout().filter(|at| *at <= end) {
            wakes = if at > self.now { 0 } else { wakes + 1 };
            assert!(wakes < MOST_WAKES, "it wants to be woken without end");
            self.now = self.now.max(at);
            self.engine.handle_timeout(self.now);
            self.take_outputs();
        }
        self.now = end;
    }

    fn beacon(&mut self, peer: PeerId, how: u8) {
        let place = place(how);
        let beacon = if how & 0x80 == 0 {
            Beacon::new(peer, place.port())
        } else {
            Beacon::farewell(peer)
        };
        let sighting = Sighting {
            source: place.into(),
            local: address(0),
            beacon,
        };
        self.engine.handle_beacon(self.now, sighting);
    }

    fn hello(&mut self, peer: PeerId, how: u8) {
        let groups = (0..how >> 5).map(group).collect();
        let headers = Headers::default().with("X-TAIL", "1").expect("short");
        let hello = Hello {
            endpoint: format!("tcp://{}", place(how)),
            groups,
            status: how,
            name: Name::lossy(&[b'a' + (how & 7)]),
            headers: if how & 8 == 0 {
                headers
            } else {
                Headers::default()
            },
            left_out: 0,
        };
        self.message(peer, 1, Body::Hello(hello));
    }

    /// A message with the right number, mostly.
    fn say(&mut self, peer: PeerId, what: u8) {
        let status = what >> 4;
        let group = group(what >> 5);
        let content = Content::new("said");
        let body = match what % 8 {
            0 => Body::Whisper { content },
            1 => Body::Shout { group, content },
            2 | 3 => Body::Join { group, status },
            4 => Body::Leave { group, status },
            5 => Body::Ping,
            6 => Body::PingOk,
            _ => Body::Goodbye,
        };
        let number = self.numbers.get(&peer).copied().unwrap_or(0);
        let gap = u16::from(what >= 0xF8);
        self.message(peer, number.wrapping_add(1 + gap), body);
    }

    fn message(&mut self, peer: PeerId, sequence: u16, body: Body) {
        self.numbers.insert(peer, sequence);
        let via = Via {
            remote: Some(address(peer.as_bytes()[0]).into()),
            local: Some(address(0)),
            again: false,
        };
        let message = Message { sequence, body };
        self.engine
            .handle_message(self.now, Origin::unproven(peer), via, message);
    }

    /// A connection takes nothing more.
    fn fill(&mut self, which: u8) {
        if let Some(link) = self.choose(which) {
            self.links.entry(link).or_default().is_full = true;
        }
    }

    /// A connection has taken something, or has room again; also one that was not full.
    fn drain(&mut self, which: u8, how: u8) {
        let Some(link) = self.choose(which) else {
            return;
        };
        self.engine.handle_progress(self.now, link);
        if how & 1 == 0 {
            self.links.entry(link).or_default().is_full = false;
            self.engine.handle_room(self.now, link);
        }
    }

    fn connected(&mut self, which: u8, how: u8) {
        if let Some(link) = self.choose(which) {
            self.engine.handle_met(self.now, link);
            if how & 1 == 0 {
                self.engine.handle_connected(self.now, link);
            }
        }
    }

    fn refused(&mut self, which: u8) {
        if let Some(link) = self.choose(which) {
            self.engine.handle_refused(self.now, link);
        }
    }

    fn choose(&self, which: u8) -> Option<LinkId> {
        let count = self.links.len().max(1);
        self.links.keys().nth(usize::from(which) % count).copied()
    }

    fn act(&mut self, first: u8, second: u8) {
        let tail = Tail {
            header: "X-TAIL".into(),
            frames: vec!["tail".into()],
        };
        let content = Content::new("said").with_tail(tail);
        let (peer, group) = (id(1 + second % 7), group(second));
        let within = Duration::from_millis(u64::from(second) * 20);
        let action = match first % 16 {
            0 | 1 => Action::Join(group),
            2 => Action::Leave(group),
            3..6 => Action::Whisper { peer, content },
            6..9 => Action::Shout { group, content },
            9 => Action::Rename(Name::lossy(&[b'a' + second % 8])),
            10 => Action::Describe(Headers::default()),
            11 => Action::Greet(place(second)),
            12 => Action::Dismiss(place(second)),
            13 => Action::Ping(peer),
            14 => Action::Flush {
                ticket: Ticket(u64::from(second)),
                within,
            },
            _ if second == 0xFF => Action::Stop { within },
            _ => return,
        };
        if self.engine.wants_actions() {
            self.engine.handle_action(self.now, action);
        }
    }

    // What the engine wants done.

    fn take_outputs(&mut self) {
        for count in 0.. {
            let Some(output) = self.engine.poll_output() else {
                break;
            };
            assert!(count < MOST_OUTPUTS, "it has no end");
            self.carry_out(output);
        }
        assert!(self.links.len() <= self.most_links, "{:?}", self.links);
        assert!(self.entered.len() <= 4, "{:?}", self.entered);
        assert_eq!(self.engine.entered(), self.entered.len());
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Connect { link, .. } => {
                assert!(link.0 > self.last_link, "{link:?} was used before");
                self.last_link = link.0;
                self.links.insert(link, Link::default());
            }
            Output::Lead { link, .. } | Output::Belong { link, .. } => {
                assert!(self.links.contains_key(&link), "{link:?}");
            }
            Output::Send {
                link,
                message,
                tail,
            } => self.send(link, message, tail),
            Output::Disconnect { link } => {
                assert!(self.links.remove(&link).is_some(), "{link:?} is closed");
                self.engine.handle_closed(self.now, link, link.0 % 3);
            }
            Output::Event(event) => self.told(&event),
            Output::Probe { link } => {
                assert!(self.links.contains_key(&link), "{link:?}");
                let ago = match link.0 % 3 {
                    0 => Duration::ZERO,
                    1 => Duration::from_secs(1),
                    _ => return,
                };
                let at = self.now.checked_sub(ago).unwrap_or(self.now);
                self.engine.handle_acknowledged(link, at);
            }
            Output::HangUp { .. } | Output::Farewell { .. } | Output::Stop => {}
        }
    }

    fn send(&mut self, link: LinkId, message: Message, tail: bool) {
        let known = self.links.get_mut(&link);
        let Some(known) = known else {
            panic!("{link:?} is closed, and {message:?} is to be sent");
        };
        if known.is_full {
            self.engine.handle_full(self.now, link, message, tail);
            return;
        }
        match (&message.body, message.sequence) {
            (Body::Hello(_), 1) => {}
            (Body::PingOk, 0) if known.last > 0 => {}
            (_, number) => {
                assert!(!known.is_bridged, "{message:?} comes before a HELLO");
                assert!(known.last > 0, "{message:?} comes before the first HELLO");
                assert_eq!(number, known.last + 1, "{message:?}");
            }
        }
        known.is_bridged = message.sequence == 0;
        known.last = message.sequence;
        assert!(!matches!(message.body, Body::Goodbye), "never ours to say");
    }

    fn told(&mut self, event: &Event) {
        match event {
            Event::Enter { peer, .. } => {
                assert_ne!(*peer, id(0), "about oneself");
                let before = self.entered.insert(*peer, BTreeSet::new());
                assert!(before.is_none(), "{event:?} twice");
            }
            Event::Exit { peer, .. } => {
                assert!(self.entered.remove(peer).is_some(), "{event:?}");
            }
            Event::Join { peer, group } => {
                let groups = self.entered.get_mut(peer).expect("ENTER comes first");
                assert!(groups.insert(group.clone()), "{event:?} twice");
                assert!(groups.len() <= 3, "{groups:?}");
            }
            Event::Leave { peer, group } => {
                let groups = self.entered.get_mut(peer).expect("ENTER comes first");
                assert!(groups.remove(group), "{event:?} without JOIN");
            }
            Event::Evasive { peer }
            | Event::Silent { peer }
            | Event::Heard { peer }
            | Event::Moved { peer, .. }
            | Event::Update { peer, .. }
            | Event::RoundTrip { peer, .. } => self.is_here(*peer, event),
            Event::Whisper { origin, .. } | Event::Shout { origin, .. } => {
                self.is_here(origin.peer, event);
            }
            Event::Flushed {
                delivered, missing, ..
            } => {
                assert!(delivered.iter().all(|peer| !missing.contains(peer)));
            }
            _ => {}
        }
    }

    fn is_here(&self, peer: PeerId, event: &Event) {
        assert!(self.entered.contains_key(&peer), "{event:?} before ENTER");
    }
}

fn id(octet: u8) -> PeerId {
    PeerId::from_bytes([octet; 16])
}

fn address(octet: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, octet % 4).into()
}

fn place(octet: u8) -> SocketAddr {
    SocketAddr::new(address(octet), 49_152 + u16::from(octet >> 2) % 3)
}

fn group(octet: u8) -> GroupName {
    GroupName::new(&format!("group {}", octet % 5)).expect("a short name")
}
