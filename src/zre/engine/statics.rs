//! Peers without beacons: addresses that are greeted until somebody answers.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::peer::Channel;
use super::{Engine, Owner, Timer};
use crate::zre::{Body, Hello, Host, Link, LinkId, Message, Output, PeerId, Via};

/// How long somebody who took our HELLO has to answer it, before it is dialled anew.
const ANSWER: Duration = Duration::from_secs(5);

/// How long to wait after a connection was closed before the same mailbox is dialled again: an old
/// connection under our id must not be in the way of the new one (trap 16).
const AGAIN: Duration = Duration::from_millis(250);

/// An address that is greeted without a beacon.
#[derive(Debug)]
pub(super) struct Static {
    /// Our own address on the way there.
    local: Option<IpAddr>,
    /// When it was first dialled for the greeting that is under way.
    dialled: Option<Instant>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// It will be dialled.
    Idle,
    /// Our HELLO is under way, or taken at the time given here.
    Dialling(Box<Channel>, Option<Instant>),
    /// This peer has its mailbox there.
    Held(PeerId),
}

impl Static {
    pub(super) const fn is_dialling(&self) -> bool {
        matches!(self.state, State::Dialling(..))
    }

    /// The peer that has its mailbox there.
    pub(super) const fn holder(&self) -> Option<PeerId> {
        match self.state {
            State::Held(id) => Some(id),
            State::Idle | State::Dialling(..) => None,
        }
    }

    pub(super) fn channel_mut(&mut self) -> Option<&mut Channel> {
        match &mut self.state {
            State::Dialling(channel, _) => Some(channel),
            State::Idle | State::Held(_) => None,
        }
    }
}

impl Engine {
    /// Which address of ours is on the way to another host: to be told before a mailbox there is
    /// greeted, and again when it has changed.
    pub fn handle_route(&mut self, remote: Host, local: Option<IpAddr>) {
        for (address, known) in &mut self.statics {
            if Host::from(*address) == remote {
                known.local = local;
            }
        }
        self.routes.insert(remote, local);
        if self.routes.len() > self.config.limits.statics {
            self.routes.retain(|other, _| *other == remote);
        }
    }

    /// The hosts that are greeted without a beacon: [`Engine::handle_route`] is wanted for them when
    /// our addresses have changed.
    pub fn greeted(&self) -> impl Iterator<Item = Host> {
        self.statics.keys().map(|address| Host::from(*address))
    }

    /// Greets whoever has its mailbox there, from now on.
    pub(super) fn greet(&mut self, now: Instant, address: SocketAddr) {
        // Our own mailbox may be where somebody was met at an earlier time.
        let is_ours = self.is_own_mailbox(address);
        let is_greeted = self.statics.contains_key(&address);
        if is_ours || is_greeted || self.statics.len() >= self.config.limits.statics {
            return;
        }
        let local = self.routes.get(&Host::from(address)).copied().flatten();
        let holder = self
            .peers
            .iter()
            .find(|(_, peer)| peer.place.remote == address);
        let state = holder.map_or(State::Idle, |(id, _)| State::Held(*id));
        if let State::Held(id) = state
            && let Some(peer) = self.peers.get_mut(&id)
        {
            peer.greeted_as = Some(address);
        }
        self.statics.insert(
            address,
            Static {
                local,
                dialled: None,
                state,
            },
        );
        self.dial_static(now, address);
        self.end_dismissal(now, address);
    }

    /// Greets nobody there any more.
    pub(super) fn drop_static(&mut self, address: SocketAddr) {
        self.drop_static_channel(address);
        self.statics.remove(&address);
    }

    /// Dials a static address, if nobody is connected there.
    fn dial_static(&mut self, now: Instant, address: SocketAddr) {
        let number = self.number();
        let is_stopping = self.is_stopping();
        let Some(known) = self.statics.get_mut(&address) else {
            return;
        };
        if !matches!(known.state, State::Idle) || is_stopping {
            return;
        }
        let link = LinkId(number);
        let to = Link::plain(address, known.local);
        let local = known.local;
        known.dialled = Some(now);
        known.state = State::Dialling(Box::new(Channel::new(link, to.clone())), None);
        self.links.insert(link, Owner::Static(address));
        self.outputs.push_back(Output::Connect {
            link,
            peer: None,
            to,
        });
        let hello = self.hello(local);
        self.send_static(address, Body::Hello(hello));
    }

    /// Our HELLO has been taken there.
    pub(super) fn static_connected(&mut self, now: Instant, address: SocketAddr) {
        if let Some(known) = self.statics.get_mut(&address)
            && let State::Dialling(channel, taken @ None) = &mut known.state
        {
            // Whoever answers has a connection that is known to be taken.
            channel.connected = true;
            *taken = Some(now);
            self.deadlines.set(now + ANSWER, Timer::Static(address));
        }
    }

    pub(super) fn check_static(&mut self, now: Instant, address: SocketAddr) {
        let Some(known) = self.statics.get(&address) else {
            return;
        };
        match &known.state {
            State::Idle => {
                if !self.is_dialled_by_beacon(address) {
                    self.dial_static(now, address);
                }
            }
            State::Dialling(_, Some(taken)) if now >= *taken + ANSWER => {
                self.drop_static_channel(address);
                self.deadlines.set(now + AGAIN, Timer::Static(address));
            }
            State::Dialling(..) | State::Held(_) => {}
        }
    }

    /// Whether the peer there was heard since, and is being dialled or connected: then it holds the
    /// address. A second connection of ours would be in the way of the first (trap 16).
    fn is_dialled_by_beacon(&mut self, address: SocketAddr) -> bool {
        let id = self.places.get(&address).copied();
        let peer = id.and_then(|id| Some((id, self.peers.get_mut(&id)?)));
        let Some((id, peer)) = peer.filter(|(_, peer)| peer.channel.is_some()) else {
            return false;
        };
        peer.greeted_as = Some(address);
        if let Some(known) = self.statics.get_mut(&address) {
            known.state = State::Held(id);
        }
        true
    }

    fn drop_static_channel(&mut self, address: SocketAddr) {
        let Some(known) = self
            .statics
            .get_mut(&address)
            .filter(|known| known.is_dialling())
        else {
            return;
        };
        if let State::Dialling(channel, _) = std::mem::replace(&mut known.state, State::Idle) {
            self.forget_full(&channel);
            self.links.insert(channel.link, Owner::Forgotten);
            self.outputs
                .push_back(Output::Disconnect { link: channel.link });
        }
    }

    /// The static address that a HELLO answers.
    pub(super) fn static_for(
        &self,
        place: SocketAddr,
        via: Via,
        hello: &Hello,
    ) -> Option<SocketAddr> {
        let port = hello.endpoint.rsplit(':').next()?.parse().ok()?;
        let seen = via.remote.map(|remote| remote.at(port));
        [Some(place), seen]
            .into_iter()
            .flatten()
            .find(|address| self.statics.get(address).is_some_and(Static::is_dialling))
    }

    /// Whoever answered has its mailbox at this address: the connection becomes the peer's. One that was
    /// dialled in vain for a while rests between its tries: now is the time for the next.
    pub(super) fn adopt_static(&mut self, now: Instant, id: PeerId, address: SocketAddr) {
        let Some(known) = self.statics.get_mut(&address) else {
            return;
        };
        let is_old = |at: Instant| now.duration_since(at) >= AGAIN;
        let rests = known.dialled.is_some_and(is_old);
        let State::Dialling(channel, _) = std::mem::replace(&mut known.state, State::Held(id))
        else {
            return;
        };
        self.links.insert(channel.link, Owner::Peer(id));
        let link = channel.link;
        self.outputs.push_back(if rests && !channel.connected {
            let to = channel.to.clone();
            Output::Lead { link, peer: id, to }
        } else {
            Output::Belong { link, peer: id }
        });
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.place = channel.to.clone();
            peer.channel = Some(*channel);
            peer.greeted_as = Some(address);
            peer.phase = super::peer::Phase::Greeted;
        }
    }

    /// A peer has entered by a beacon or its own HELLO: if its place is greeted as well, it is held,
    /// and the connection made for the greeting is not needed.
    pub(super) fn hold_static(&mut self, id: PeerId) {
        let Some(address) = self.peers.get(&id).map(|peer| peer.place.remote) else {
            return;
        };
        let Some(known) = self.statics.get(&address) else {
            return;
        };
        if known.is_dialling() {
            self.drop_static_channel(address);
        }
        if let Some(known) = self.statics.get_mut(&address) {
            known.state = State::Held(id);
        }
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.greeted_as = Some(address);
        }
    }

    /// The peer is gone: its address is greeted again.
    pub(super) fn release_static(&mut self, now: Instant, id: PeerId) {
        let held: Vec<SocketAddr> = self
            .statics
            .iter()
            .filter(|(_, known)| matches!(known.state, State::Held(holder) if holder == id))
            .map(|(address, _)| *address)
            .collect();
        for address in held {
            if let Some(known) = self.statics.get_mut(&address) {
                known.state = State::Idle;
            }
            self.deadlines.set(now + AGAIN, Timer::Static(address));
        }
    }

    // What is sent to addresses where nobody has answered yet.

    pub(super) fn send_static(&mut self, address: SocketAddr, body: Body) {
        let Some(channel) = self.statics.get_mut(&address).and_then(Static::channel_mut) else {
            return;
        };
        let limit = self.config.limits.queued_control;
        if channel.outbox.len() >= limit {
            return;
        }
        if let Some(sequence) = channel.number(&body) {
            channel.pass(Message { sequence, body }, false, &mut self.outputs);
        }
    }

    fn dialling(&self) -> Vec<SocketAddr> {
        self.statics
            .iter()
            .filter(|(_, known)| known.is_dialling())
            .map(|(address, _)| *address)
            .collect()
    }

    pub(super) fn tell_statics(&mut self, body: &Body) {
        for address in self.dialling() {
            self.send_static(address, body.clone());
        }
    }

    pub(super) fn greet_statics_again(&mut self) {
        for address in self.dialling() {
            self.greet_address_again(address);
        }
    }

    pub(super) fn greet_address_again(&mut self, address: SocketAddr) {
        let local = self.statics.get(&address).and_then(|known| known.local);
        let hello = self.hello(local);
        self.send_static(address, Body::Hello(hello));
    }
}
