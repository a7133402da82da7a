//! One engine, and a test that plays the rest of the network for it.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use zchat::zre::{
    Action, Beacon, Body, Content, Engine, EngineConfig, Event, GroupName, Headers, Hello, LinkId,
    Message, Name, Origin, Output, PeerId, Sighting, Via,
};

/// Our own address.
pub(crate) const LOCAL: &str = "10.0.0.1";

/// An engine under test.
pub(crate) struct Solo {
    pub(crate) engine: Engine,
    pub(crate) now: Instant,
}

/// A peer that the test plays: it counts its own messages.
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) place: SocketAddr,
    pub(crate) name: &'static str,
    pub(crate) next: u16,
    pub(crate) groups: Vec<GroupName>,
    pub(crate) headers: Headers,
    pub(crate) status: u8,
    /// Whether it says that its connection is a later one.
    pub(crate) again: bool,
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn group(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

pub(crate) fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

impl Peer {
    pub(crate) fn new(octet: u8) -> Self {
        Self {
            id: PeerId::from_bytes([octet; 16]),
            place: SocketAddr::new(ip(&format!("10.0.0.{octet}")), 49152),
            name: "bob",
            next: 1,
            groups: Vec::new(),
            headers: Headers::default(),
            status: 0,
            again: false,
        }
    }

    pub(crate) fn hello(&self) -> Hello {
        Hello {
            endpoint: format!("tcp://{}", self.place),
            groups: self.groups.clone(),
            status: self.status,
            name: Name::new(self.name).unwrap(),
            headers: self.headers.clone(),
            left_out: 0,
        }
    }
}

impl Solo {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut EngineConfig)) -> Self {
        let now = Instant::now();
        let id = PeerId::from_bytes([1; 16]);
        let mut config = EngineConfig::new(id, Name::new("alice").unwrap(), 49152);
        // Shorter than everything else that a peer has to answer to, so that tests tell them apart.
        config.timing.broken = ms(220);
        change(&mut config);
        let mut engine = Engine::new(now, config);
        engine.handle_addresses(now, &[ip(LOCAL)]);
        Self { engine, now }
    }

    /// Everything that the engine wants done; what is to be closed is closed.
    pub(crate) fn outputs(&mut self) -> Vec<Output> {
        let mut outputs = Vec::new();
        while let Some(output) = self.engine.poll_output() {
            if let Output::Disconnect { link } = output {
                self.engine.handle_closed(self.now, link, 0);
            }
            outputs.push(output);
        }
        outputs
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        events(self.outputs())
    }

    /// Lets time pass, with everything that falls due in it.
    pub(crate) fn pass(&mut self, time: Duration) -> Vec<Output> {
        let end = self.now + time;
        let mut outputs = self.outputs();
        while let Some(at) = self.engine.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.engine.handle_timeout(self.now);
            outputs.extend(self.outputs());
        }
        self.now = end;
        outputs
    }

    pub(crate) fn beacon(&mut self, peer: &Peer) -> Vec<Output> {
        self.beacon_from(peer, peer.place)
    }

    pub(crate) fn beacon_from(&mut self, peer: &Peer, place: SocketAddr) -> Vec<Output> {
        let beacon = Beacon::new(peer.id, place.port());
        let sighting = Sighting {
            source: place.into(),
            local: ip(LOCAL),
            beacon,
        };
        self.engine.handle_beacon(self.now, sighting);
        self.outputs()
    }

    /// A message of the peer, with the number that is due.
    pub(crate) fn say(&mut self, peer: &mut Peer, body: Body) -> Vec<Output> {
        let sequence = peer.next;
        peer.next = peer.next.wrapping_add(1);
        self.say_as(peer, sequence, body)
    }

    pub(crate) fn say_as(&mut self, peer: &Peer, sequence: u16, body: Body) -> Vec<Output> {
        let via = Via {
            remote: Some(peer.place.into()),
            local: Some(ip(LOCAL)),
            again: peer.again,
        };
        let message = Message { sequence, body };
        self.engine
            .handle_message(self.now, Origin::unproven(peer.id), via, message);
        self.outputs()
    }

    pub(crate) fn hello(&mut self, peer: &mut Peer) -> Vec<Output> {
        peer.next = 1;
        let hello = peer.hello();
        self.say(peer, Body::Hello(hello))
    }

    /// The peer is discovered by a beacon, and enters.
    pub(crate) fn enter(&mut self, peer: &mut Peer) -> LinkId {
        let outputs = self.beacon(peer);
        let link = outputs
            .iter()
            .find_map(|output| match output {
                Output::Connect { link, .. } => Some(*link),
                _ => None,
            })
            .expect("a beacon of somebody new is followed by a connection");
        self.engine.handle_connected(self.now, link);
        self.hello(peer);
        link
    }

    pub(crate) fn act(&mut self, action: Action) -> Vec<Output> {
        self.engine.handle_action(self.now, action);
        self.outputs()
    }

    pub(crate) fn whisper(&mut self, peer: &Peer, text: &str) -> Vec<Output> {
        self.act(Action::Whisper {
            peer: peer.id,
            content: Content::new(text),
        })
    }
}

pub(crate) fn events(outputs: Vec<Output>) -> Vec<Event> {
    outputs
        .into_iter()
        .filter_map(|output| match output {
            Output::Event(event) => Some(event),
            _ => None,
        })
        .collect()
}

/// What is sent, without HELLO's details.
pub(crate) fn sent(outputs: &[Output]) -> Vec<(u16, Body)> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Send { message, .. } => Some((message.sequence, message.body.clone())),
            _ => None,
        })
        .collect()
}

pub(crate) fn pings(outputs: &[Output]) -> usize {
    sent(outputs)
        .iter()
        .filter(|(_, body)| *body == Body::Ping)
        .count()
}

pub(crate) fn hellos(outputs: &[Output]) -> Vec<(u16, Hello)> {
    sent(outputs)
        .into_iter()
        .filter_map(|(sequence, body)| match body {
            Body::Hello(hello) => Some((sequence, hello)),
            _ => None,
        })
        .collect()
}

pub(crate) fn whispered(text: &str) -> Body {
    Body::Whisper {
        content: Content::new(text),
    }
}

/// Where connections are opened to.
pub(crate) fn connects(outputs: &[Output]) -> Vec<SocketAddr> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Connect { to, .. } | Output::Lead { to, .. } => Some(to.remote),
            _ => None,
        })
        .collect()
}
