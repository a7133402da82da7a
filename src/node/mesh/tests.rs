//! One round of the mesh thread, turned by hand: what it takes of a flood, and what it does besides.

use std::net::TcpListener;

use super::*;
use crate::node::beacon::Heard;
use crate::node::mailbox::{self, Capacity, Sender};
use crate::node::outlet::{self, Inlet};
use crate::zre::{
    Beacon as Said, Body, Content, EngineConfig, GroupName, Headers, Hello, Limits, Message, Name,
    PeerId, Sighting, Via,
};

/// A mesh thread that does not run, with peers whose mailboxes take connections and never read.
struct Halted {
    mesh: Mesh,
    actions: Sender<Action>,
    heard: Sender<Heard>,
    peers: Vec<PeerId>,
    now: Instant,
    _events: Inlet,
    _mailboxes: TcpListener,
}

const MANY: Capacity = Capacity {
    values: 20_000,
    octets: 1 << 30,
};

fn id(number: u8) -> PeerId {
    PeerId::from_bytes([number; 16])
}

fn group() -> GroupName {
    GroupName::new("CHAT").unwrap()
}

impl Halted {
    fn among(peers: u8) -> Self {
        let now = Instant::now();
        let limits = Limits::default();
        let waker = Waker::new().unwrap();
        let (actions, queue) = mailbox::channel(MANY, &waker);
        let (heard, beacons) = mailbox::channel(MANY, &waker);
        let (outlet, events) = outlet::events(MANY, &waker).unwrap();
        let local = Host::from(IpAddr::from([127, 0, 0, 1]));
        let name = Name::new("me").unwrap();
        let core = Core {
            engine: Engine::new(now, EngineConfig::new(id(255), name, 1)),
            inbox: Inbox::bind(id(255), &[local], None, &limits, 16).unwrap(),
            links: Links::new(id(255), &limits, 1).unwrap(),
            beacon: Beacon(None),
            outlet,
            shared: Arc::new(Shared::new(waker.bell())),
            follows_networks: false,
            reading: true,
            stopping: false,
        };
        let mailboxes = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = mailboxes.local_addr().unwrap().port();
        let mut halted = Self {
            mesh: Mesh::new(core, queue, beacons, waker),
            actions,
            heard,
            peers: (1..=peers).map(id).collect(),
            now,
            _events: events,
            _mailboxes: mailboxes,
        };
        for number in 1..=peers {
            halted.let_enter(number, port);
        }
        halted.mesh.core.carry_out(now);
        halted
    }

    fn let_enter(&mut self, number: u8, port: u16) {
        let address = IpAddr::from([127, 0, 1, number]);
        let via = Via {
            remote: Some(address.into()),
            local: None,
            again: false,
        };
        let body = Body::Hello(Hello {
            endpoint: format!("tcp://{address}:{port}"),
            groups: vec![group()],
            status: 1,
            name: Name::new("peer").unwrap(),
            headers: Headers::default(),
            left_out: 0,
        });
        let message = Message { sequence: 1, body };
        let engine = &mut self.mesh.core.engine;
        engine.handle_message(self.now, Origin::unproven(id(number)), via, message);
    }

    fn whisper(&self, count: usize, octets: usize) {
        for _ in 0..count {
            let peer = self.peers[0];
            let content = Content::new(vec![0; octets]);
            let action = Action::Whisper { peer, content };
            self.actions.try_send(action).unwrap();
        }
    }

    /// How many messages one round sends.
    fn round(&mut self) -> u64 {
        let before = self.mesh.core.engine.stats().sent;
        self.mesh.round(self.now);
        self.mesh.core.engine.stats().sent - before
    }
}

#[test]
fn of_large_messages_a_round_takes_a_mebibyte_and_of_short_ones_a_batch() {
    let mut halted = Halted::among(1);
    halted.whisper(100, 64 << 10);
    assert_eq!(halted.round(), 16);
    assert_eq!(halted.round(), 16);

    let mut halted = Halted::among(1);
    halted.whisper(1_000, 64);
    assert_eq!(halted.round(), 256);
    assert_eq!(halted.round(), 256);

    let mut halted = Halted::among(1);
    halted.whisper(2, 4 << 20);
    assert_eq!(halted.round(), 1, "one that is larger than a share");
}

#[test]
fn of_shouts_to_many_a_round_takes_as_many_as_their_receivers_make_up_a_share() {
    let mut halted = Halted::among(100);
    for _ in 0..1_000 {
        let (group, content) = (group(), Content::new("to all"));
        let action = Action::Shout { group, content };
        halted.actions.try_send(action).unwrap();
    }
    let sent = halted.round();
    assert!((4_000..=4_100).contains(&sent), "{sent} messages");
}

#[test]
fn whatever_the_application_has_waiting_beacons_and_timers_have_their_turn_in_each_round() {
    let mut halted = Halted::among(1);
    halted.whisper(10_000, 1_000);
    for number in 0..10 {
        let stranger = Said::new(id(100 + number), 40_000);
        let sighting = Sighting {
            source: IpAddr::from([127, 0, 2, number]).into(),
            local: IpAddr::from([127, 0, 0, 1]),
            beacon: stranger,
        };
        halted.heard.try_send(Heard::Sighting(sighting)).unwrap();
        halted.now = halted.mesh.core.engine.poll_timeout().unwrap();
        assert!(halted.round() > 0, "the flood goes on");
        let waiting = halted.mesh.heard.as_ref().unwrap();
        assert!(waiting.is_empty(), "a beacon waits");
        let next = halted.mesh.core.engine.poll_timeout().unwrap();
        assert!(next > halted.now, "a timer waits");
    }
    assert!(!halted.mesh.actions.as_ref().unwrap().is_empty());
}
