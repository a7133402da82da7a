//! The protocol as one state machine: [`Engine`].

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Instant;

use super::{
    Action, GroupName, Headers, Limits, LinkId, Message, Name, Origin, Output, PeerId, Sighting,
    Stats, Timing, Via,
};

/// What an engine needs to know at its start.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EngineConfig {
    /// Who this node is.
    pub peer: PeerId,
    /// What it calls itself.
    pub name: Name,
    /// What it tells about itself.
    pub headers: Headers,
    /// The groups that it is in from the start.
    pub groups: Vec<GroupName>,
    /// The TCP port of its mailbox.
    pub mailbox: u16,
    /// The address that others shall use instead of the one they see (NAT), for HELLO.
    pub advertise: Option<IpAddr>,
    /// When it does what.
    pub timing: Timing,
    /// What it takes before it refuses more.
    pub limits: Limits,
}

impl EngineConfig {
    /// The defaults, for this id, name and mailbox port.
    #[must_use]
    pub fn new(peer: PeerId, name: Name, mailbox: u16) -> Self {
        Self {
            peer,
            name,
            headers: Headers::default(),
            groups: Vec::new(),
            mailbox,
            advertise: None,
            timing: Timing::default(),
            limits: Limits::default(),
        }
    }
}

/// The protocol of one node. Everything that happens is told to it by a `handle_…` method together
/// with the time; what it wants done comes out of [`Engine::poll_output`], to be carried out in
/// order before anything else is told; [`Engine::poll_timeout`] says when it wants to be woken.
#[derive(Debug)]
pub struct Engine {
    outputs: VecDeque<Output>,
    stats: Stats,
}

impl Engine {
    /// An engine that knows nobody.
    #[must_use]
    pub fn new(_now: Instant, _config: EngineConfig) -> Self {
        Self {
            outputs: VecDeque::new(),
            stats: Stats::default(),
        }
    }

    /// A beacon was heard.
    pub fn handle_beacon(&mut self, _now: Instant, _sighting: Sighting) {}

    /// A message came. `via` is needed for HELLO only, and may be empty for all others.
    pub fn handle_message(&mut self, _now: Instant, _origin: Origin, _via: Via, _message: Message) {
    }

    /// A message of this peer could not be decoded: it is lost, so the peer's sequence has a gap.
    pub fn handle_malformed(&mut self, _now: Instant, _peer: PeerId) {}

    /// The application asks for something. Only to be called while [`Engine::wants_actions`].
    pub fn handle_action(&mut self, _now: Instant, _action: Action) {}

    /// Whether the application may ask for more: `false` while a peer that takes octets slowly has
    /// to be waited for, and from [`Action::Stop`] on.
    #[must_use]
    pub fn wants_actions(&self) -> bool {
        true
    }

    /// A message could not be queued: the connection's budget of octets is full. It is sent again
    /// after [`Engine::handle_room`]; until then nothing more is sent on this connection.
    pub fn handle_full(&mut self, _now: Instant, _link: LinkId, _message: Message, _tail: bool) {}

    /// A full connection has taken some octets.
    pub fn handle_progress(&mut self, _now: Instant, _link: LinkId) {}

    /// A full connection has room again.
    pub fn handle_room(&mut self, _now: Instant, _link: LinkId) {}

    /// The first message on a connection has been taken: somebody is there.
    pub fn handle_connected(&mut self, _now: Instant, _link: LinkId) {}

    /// A connection was closed as asked; `unsent` WHISPERs and SHOUTs were still queued in it.
    pub fn handle_closed(&mut self, _now: Instant, _link: LinkId, _unsent: u64) {}

    /// The inbound connection of this peer is gone, and everything that came over it has been told.
    pub fn handle_broken(&mut self, _now: Instant, _peer: PeerId) {}

    /// An inbound connection from this address is open, but nothing is heard over it: perhaps a peer
    /// that is connected already has opened another one.
    pub fn handle_unheard(&mut self, _now: Instant, _remote: IpAddr) {}

    /// Our own addresses have changed: peers reached from one that is gone have to be asked whether
    /// they still hear us.
    pub fn handle_addresses(&mut self, _now: Instant, _addresses: &[IpAddr]) {}

    /// The inbox is read (again), or not, because the application is slow. While it is not, peers are
    /// not blamed for their silence, and are sent signs of life.
    pub fn handle_inbox(&mut self, _now: Instant, _open: bool) {}

    /// The time that [`Engine::poll_timeout`] named has come (or any other).
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// What to do next; to be asked until there is nothing.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Engine::handle_timeout`] is wanted; `None` while there is nothing to wait for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// What was counted so far.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The same, for what the shell counts.
    pub fn stats_mut(&mut self) -> &mut Stats {
        &mut self.stats
    }
}
