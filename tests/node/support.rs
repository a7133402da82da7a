//! What the tests with whole nodes share: a beacon port of one's own, and waiting for events.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use zchat::node::{Builder, Node, StartError};
use zchat::zre::{Event, GroupName, Name, PeerId};

/// The longest that anything is waited for that is expected to come.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A world of its own for the nodes of one test: a beacon port that no other test uses meanwhile.
pub struct World {
    /// Nobody talks to it: the TCP port of the same number is held instead of a lock.
    _held: TcpListener,
    port: u16,
}

impl World {
    pub fn new() -> Self {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = held.local_addr().unwrap().port();
        Self { _held: held, port }
    }

    /// Its beacon port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    pub fn builder(&self, name: &str) -> Builder {
        Node::builder(Name::new(name).unwrap())
            .interface("lo")
            .beacon_port(self.port)
    }

    pub fn start(&self, name: &str) -> Node {
        self.builder(name).start().unwrap()
    }

    pub fn start_error(&self, name: &str) -> StartError {
        self.builder(name)
            .start()
            .map(|node| node.id())
            .unwrap_err()
    }

    /// Nodes of these names in the group CHAT, each of which has seen all others join it.
    pub fn chat<const N: usize>(&self, names: [&str; N]) -> [Node; N] {
        let mut nodes = names.map(|name| self.builder(name).group(chat()).start().unwrap());
        for node in &mut nodes {
            until(node, |node| node.peers_of(&chat()).count() == N - 1);
        }
        nodes
    }
}

pub fn chat() -> GroupName {
    group("CHAT")
}

pub fn group(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

/// Receives events until the node's answers are as they should be; what came meanwhile.
pub fn until(node: &mut Node, is_so: impl Fn(&Node) -> bool) -> Vec<Event> {
    let deadline = Instant::now() + PATIENCE;
    let mut events = Vec::new();
    while !is_so(node) {
        match node.recv_deadline(deadline) {
            Ok(event) => events.push(event),
            Err(error) => panic!("{}: {error}, after {}", node.name(), shown(&events)),
        }
    }
    events
}

/// Receives events until one is what is looked for; what is made of it.
pub fn find<T>(node: &mut Node, what: impl Fn(&Event) -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    let mut events = Vec::new();
    loop {
        match node.recv_deadline(deadline) {
            Ok(event) => match what(&event) {
                Some(found) => return found,
                None => events.push(event),
            },
            Err(error) => panic!("{}: {error}, after {}", node.name(), shown(&events)),
        }
    }
}

/// The next WHISPER or SHOUT: who sent it, and its first frame.
pub fn content(node: &mut Node) -> (PeerId, Vec<u8>) {
    find(node, |event| match event {
        Event::Whisper { origin, content }
        | Event::Shout {
            origin, content, ..
        } => Some((origin.peer, content.first().to_vec())),
        _ => None,
    })
}

/// The last few events, for a message.
fn shown(events: &[Event]) -> String {
    let last = events.len().saturating_sub(10);
    format!(
        "{} events, the last of them {:?}",
        events.len(),
        &events[last..]
    )
}

/// The mailbox of a node on loopback.
pub fn mailbox(node: &Node) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], node.port()))
}

/// A port for a mailbox that nobody else is given: nodes begin far below, and Linux gives those below 61,000.
pub fn mailbox_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let given = GIVEN.fetch_add(1, Ordering::Relaxed);
    let number = std::process::id().wrapping_mul(4).wrapping_add(given);
    61_000 + u16::try_from(number % 4_000).unwrap()
}
