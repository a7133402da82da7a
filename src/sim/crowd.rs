//! One engine among so many peers that a world of them would take more memory than there is: the peers
//! are scripted, say only what an idle peer says, and cost next to nothing.
//!
//! Left out is all that a world has between processes: nothing is lost or late here but what the
//! script says, and nobody but the engine is real. What is measured is the engine.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::rng::Rng;
use super::time::{Agenda, Clock, Time};
use crate::zre::{
    Beacon, Body, Engine, EngineConfig, GroupName, Headers, Hello, LinkId, Message, Name, Origin,
    Output, PeerId, Sighting, Via,
};

/// The port of all mailboxes.
const PORT: u16 = 49_152;

/// How long a scripted peer takes to answer.
const ANSWER: Duration = Duration::from_millis(2);

/// One engine, and a crowd around it.
#[derive(Debug)]
pub struct Crowd {
    engine: Engine,
    clock: Clock,
    now: Time,
    agenda: Agenda<What>,
    members: Vec<Member>,
    links: BTreeMap<LinkId, usize>,
    interval: Duration,
    /// When it is to be woken, by its clock and as entered in the agenda.
    wake: Option<(Instant, Time)>,
    counts: CrowdCounts,
}

/// What an engine in a crowd was told, and said.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CrowdCounts {
    /// Beacons that it heard.
    pub beacons: u64,
    /// Messages that it received.
    pub received: u64,
    /// Messages that it sent.
    pub sent: u64,
    /// Events that it told.
    pub events: u64,
    /// Peers that have entered and not exited.
    pub entered: usize,
}

/// A scripted peer.
#[derive(Debug, Clone, Copy)]
struct Member {
    /// The number of its last message.
    last: u16,
}

#[derive(Debug)]
enum What {
    Beacon(usize),
    Connected(LinkId),
    Answer(usize, Answer),
    Wake,
}

#[derive(Debug, Clone, Copy)]
enum Answer {
    Hello,
    PingOk,
}

impl Crowd {
    /// So many peers that all start within `start`. Virtual time begins at `epoch`.
    #[must_use]
    pub fn new(seed: u64, peers: usize, start: Duration, epoch: Instant) -> Self {
        let mut rng = Rng::new(seed);
        let name = Name::lossy(b"one");
        let mut config = EngineConfig::new(id(u32::MAX), name, PORT);
        config.limits.peers = peers + 1;
        let interval = config.timing.interval;
        let mut crowd = Self {
            engine: Engine::new(epoch, config),
            clock: Clock::new(epoch, 0),
            now: Time::START,
            agenda: Agenda::new(),
            members: vec![Member { last: 0 }; peers],
            links: BTreeMap::new(),
            interval,
            wake: None,
            counts: CrowdCounts::default(),
        };
        crowd.engine.handle_addresses(epoch, &[own_address()]);
        for member in 0..peers {
            let at = Time::START + rng.time(Duration::ZERO, start);
            crowd.agenda.enter(at, What::Beacon(member));
        }
        crowd
    }

    /// Runs until so many peers have entered; when that was, or `None` if it was not by `until`.
    #[must_use]
    pub fn run_until_entered(&mut self, peers: usize, until: Duration) -> Option<Duration> {
        let until = Time::START + until;
        while self.engine.entered() < peers {
            if !self.step(until) {
                return None;
            }
        }
        Some(self.now.elapsed())
    }

    /// Lets this much virtual time pass.
    pub fn run_for(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(until) {}
        self.now = until;
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> CrowdCounts {
        CrowdCounts {
            entered: self.engine.entered(),
            ..self.counts
        }
    }

    fn step(&mut self, until: Time) -> bool {
        let Some((at, what)) = self.agenda.take(until) else {
            return false;
        };
        self.now = self.now.max(at);
        let now = self.clock.read(self.now);
        match what {
            What::Beacon(member) => self.broadcast(now, member),
            What::Connected(link) => self.engine.handle_connected(now, link),
            What::Answer(member, Answer::Hello) => self.greet(now, member),
            What::Answer(member, Answer::PingOk) => self.say(now, member, Body::PingOk),
            What::Wake if self.wake.is_some_and(|(_, wake)| wake == at) => {
                self.wake = None;
                self.engine.handle_timeout(now);
            }
            // It was to be woken earlier by now, and was.
            What::Wake => return true,
        }
        self.take_outputs();
        self.enter_wake();
        true
    }

    fn broadcast(&mut self, now: Instant, member: usize) {
        self.counts.beacons += 1;
        let sighting = Sighting {
            source: address(member).into(),
            local: own_address(),
            beacon: Beacon::new(peer(member), PORT),
        };
        self.engine.handle_beacon(now, sighting);
        self.agenda
            .enter(self.now + self.interval, What::Beacon(member));
    }

    fn greet(&mut self, now: Instant, member: usize) {
        if let Some(known) = self.members.get_mut(member) {
            known.last = 0;
        }
        let hello = Hello {
            endpoint: format!("tcp://{}", SocketAddr::new(address(member), PORT)),
            groups: GroupName::new("CHAT").into_iter().collect(),
            status: 1,
            name: Name::lossy(format!("peer {member}").as_bytes()),
            headers: Headers::default(),
            left_out: 0,
        };
        self.say(now, member, Body::Hello(hello));
    }

    fn say(&mut self, now: Instant, member: usize, body: Body) {
        let Some(known) = self.members.get_mut(member) else {
            return;
        };
        known.last = known.last.wrapping_add(1);
        let sequence = known.last;
        self.counts.received += 1;
        let via = Via {
            remote: Some(address(member).into()),
            local: Some(own_address()),
            again: false,
        };
        let message = Message { sequence, body };
        let origin = Origin::unproven(peer(member));
        self.engine.handle_message(now, origin, via, message);
    }

    fn take_outputs(&mut self) {
        let soon = self.now + ANSWER;
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Connect { link, to, .. } => {
                    self.links.insert(link, member_at(to.remote.ip()));
                    self.agenda.enter(soon, What::Connected(link));
                }
                Output::Send { link, message, .. } => {
                    self.counts.sent += 1;
                    let answer = match message.body {
                        Body::Hello(_) => Answer::Hello,
                        Body::Ping => Answer::PingOk,
                        _ => continue,
                    };
                    if let Some(&member) = self.links.get(&link) {
                        self.agenda.enter(soon, What::Answer(member, answer));
                    }
                }
                Output::Disconnect { link } => {
                    self.links.remove(&link);
                    let now = self.clock.read(self.now);
                    self.engine.handle_closed(now, link, 0);
                }
                Output::Event(_) => self.counts.events += 1,
                _ => {}
            }
        }
    }

    fn enter_wake(&mut self) {
        let Some(deadline) = self.engine.poll_timeout() else {
            return;
        };
        if self.wake.is_none_or(|(before, _)| deadline < before) {
            let at = self.clock.when(self.now, deadline);
            self.wake = Some((deadline, at));
            self.agenda.enter(at, What::Wake);
        }
    }
}

fn id(number: u32) -> PeerId {
    let mut octets = [0x5A; 16];
    for (octet, of_number) in octets.iter_mut().zip(number.to_be_bytes()) {
        *octet = of_number;
    }
    PeerId::from_bytes(octets)
}

/// The id of a member. They are spread, as random ones are.
fn peer(member: usize) -> PeerId {
    let number = u32::try_from(member).unwrap_or(0);
    id(number.wrapping_mul(0x9E37_79B1))
}

const fn own_address() -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(11, 0, 0, 1))
}

fn address(member: usize) -> IpAddr {
    let number = u32::try_from(member).unwrap_or(0) + FIRST_ADDRESS;
    IpAddr::V4(Ipv4Addr::from_bits(number))
}

fn member_at(address: IpAddr) -> usize {
    let IpAddr::V4(address) = address else {
        return usize::MAX;
    };
    usize::try_from(address.to_bits().wrapping_sub(FIRST_ADDRESS)).unwrap_or(usize::MAX)
}

/// 10.0.0.1.
const FIRST_ADDRESS: u32 = 0x0A00_0001;
