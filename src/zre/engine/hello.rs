//! Greetings: who enters by a HELLO, and what one says of a peer that has entered already.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use super::broken::RECONNECTION;
use super::dial::ELSEWHERE;
use super::peer::{Peer, Phase, Purpose, Repeats};
use super::send::PINGS;
use super::share::excess;
use super::{Engine, Event, ExitReason, Timer};
use crate::zre::host::is_link_local;
use crate::zre::recent::{REMEMBERED, Recent};
use crate::zre::sequence::Incoming;
use crate::zre::{GroupName, Hello, Host, Link, Name, PeerId, Via};

impl Engine {
    pub(super) fn receive_hello(
        &mut self,
        now: Instant,
        id: PeerId,
        via: Via,
        sequence: u16,
        mut hello: Hello,
    ) {
        if sequence != 1 {
            self.stats.gaps += 1;
            if self.peers.get(&id).is_some_and(Peer::is_ready) {
                self.lose(now, id);
            }
            return;
        }
        let place = place_of(&hello, via);
        if self.ignores(id, place, via, &hello) {
            self.stats.dismissed += 1;
            return;
        }
        self.keep_within_share(id, &mut hello);
        self.stats.received += 1;
        self.stats.left_out += hello.left_out as u64;
        match self.peers.get(&id).map(|peer| peer.phase) {
            Some(Phase::Ready) => {
                self.update(now, id, via, hello);
                self.follow_word(now, id, place, via);
            }
            Some(Phase::Heard) => {
                if !self.may_enter(id) {
                    return;
                }
                // It was heard, and has come by itself before it was its turn to be dialled.
                if let Some(to) = self.peers.get(&id).map(|peer| peer.place.clone()) {
                    self.answer(now, id, to, via, &hello);
                    self.enter(now, id, hello);
                }
            }
            Some(Phase::Greeted) => {
                if self.may_enter(id) {
                    self.enter(now, id, hello);
                    self.answer_where_it_is_heard(now, id, via);
                }
            }
            None => self.meet_by_hello(now, id, via, place, hello),
        }
    }

    fn may_enter(&mut self, id: PeerId) -> bool {
        let admitted = self.admission.admits_hello(&self.config.limits);
        if !admitted {
            self.stats.too_many_peers += 1;
            log::debug!("no room for peer {}", id.short(8));
        }
        admitted
    }

    /// Whoever says HELLO gets in, though there may be as many unproven peers as there may be.
    fn make_room(&mut self, now: Instant) {
        if let Some(other) = self.admission.surplus(&self.config.limits, now) {
            self.stats.too_many_unproven += 1;
            self.remove(now, other, ExitReason::Expired);
        }
    }

    /// A HELLO from somebody new is as good as a beacon: its mailbox is dialled.
    pub(super) fn meet_by_hello(
        &mut self,
        now: Instant,
        id: PeerId,
        via: Via,
        place: Option<SocketAddr>,
        hello: Hello,
    ) {
        let Some(place) = place else {
            self.stats.bad_messages += 1;
            return;
        };
        if self.is_stopping() || !self.may_enter(id) {
            return;
        }
        let place = self.place_beside(place, via);
        if self.is_own_mailbox(place) {
            self.stats.bad_messages += 1;
            return;
        }
        let link = Link::plain(place, via.local);
        // Whoever goes lets an heir in: not this one, by what it has said before.
        let was_heir = self.heirs.remove(&id).is_some();
        if let Some(&other) = self.places.get(&place) {
            if self.peers.get(&other).is_some_and(Peer::is_ready) {
                self.suspect(now, other);
            } else {
                // Whoever was heard there has not said HELLO, and this one has.
                self.remove(now, other, ExitReason::Expired);
            }
            if self.places.contains_key(&place) {
                self.let_heir_wait(now, id, via, place, (!was_heir).then_some(hello));
                return;
            }
        }
        self.make_room(now);
        // Whoever has made room may have had an heir, who has got in.
        if !self.may_enter(id) {
            return;
        }
        let peer = Peer::new(now, self.number(), link.clone());
        self.get_to_know(now, id, peer);
        self.answer(now, id, link, via, &hello);
        self.enter(now, id, hello);
    }

    /// Connects to a peer whose HELLO has come, unless it answers one that was sent there already.
    fn answer(&mut self, now: Instant, id: PeerId, to: Link, via: Via, hello: &Hello) {
        let returned = self.static_of_returned(id);
        let greeted = self.static_for(to.remote, via, hello).or(returned);
        self.change_standing(now, id, |engine| match greeted {
            Some(address) => engine.adopt_static(now, id, address),
            None => engine.reach(now, id, to),
        });
    }

    /// Connects to a peer whose HELLO has come: ours is the answer.
    fn reach(&mut self, now: Instant, id: PeerId, to: Link) {
        self.connect(now, id, to);
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.hello_awaited = false;
        }
    }

    /// Where somebody new is dialled who says to be at this place: not where a peer is that has entered,
    /// just because a stranger on another host says so. A second connection of ours would take the first
    /// one's place there (trap 16).
    fn place_beside(&self, stated: SocketAddr, via: Via) -> SocketAddr {
        let there = self.places.get(&stated).and_then(|id| self.peers.get(id));
        let is_taken = there.is_some_and(Peer::is_ready);
        match via.remote {
            Some(remote) if is_taken && remote != Host::from(stated) => remote.at(stated.port()),
            _ => stated,
        }
    }

    /// The peer's HELLO has come: it is here.
    fn enter(&mut self, now: Instant, id: PeerId, hello: Hello) {
        // It may have waited for another place: it is here now, and no heir.
        self.heirs.remove(&id);
        let mut link = None;
        // Its deadlines are others from now on.
        let serial = self.number();
        self.change_standing(now, id, |engine| {
            let Some(peer) = engine.peers.get_mut(&id) else {
                return;
            };
            peer.serial = serial;
            peer.led = 0;
            peer.led_until = now;
            peer.phase = Phase::Ready;
            peer.hello_awaited = false;
            peer.out_of_step = false;
            peer.repeats = Repeats::No;
            peer.recent = Recent::default();
            peer.expected = Incoming::greeted(1);
            peer.name = named(&hello.name, id);
            peer.headers = hello.headers.clone();
            peer.excess = excess(&hello.headers);
            peer.status = hello.status;
            // Whatever was thought of it before has another answer now.
            let _told_by_enter = peer.hear(now);
            peer.farewell = None;
            peer.displaced = false;
            peer.reopened_from = None;
            peer.unheard = None;
            peer.is_answered = false;
            link = Some(peer.place.clone());
        });
        self.answer_reconnection(id);
        let Some(link) = link else { return };
        self.deadlines
            .set(now + self.config.timing.evasive, Timer::Life(id, serial));
        // It can reach us; whether we can reach it is another question.
        self.deadlines.set(now + ELSEWHERE, Timer::Dial(id, serial));
        let name = named(&hello.name, id);
        self.event(Event::Enter {
            peer: id,
            name,
            headers: hello.headers,
            link,
        });
        for group in hello.groups {
            self.add_to_group(id, group);
        }
        self.hold_static(id);
        self.trust(now, id);
        self.dial_waiting(now);
    }

    /// A HELLO of a peer that has entered: name, headers or groups may have changed.
    fn update(&mut self, now: Instant, id: PeerId, via: Via, hello: Hello) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        if peer.hear(now) {
            self.welcome_back(now, id);
        }
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        peer.expected = Incoming::greeted(1);
        peer.status = hello.status;
        peer.farewell = None;
        let is_recent = now.duration_since(peer.greeted) <= RECONNECTION;
        let provoked = std::mem::take(&mut peer.hello_awaited) && is_recent;
        peer.greeted_again = 0;
        peer.out_of_step = false;
        // This may have come before, together with what is behind it.
        let again = peer.may_repeat(now, via);
        peer.rechecked = if again { REMEMBERED } else { 0 };
        let was = peer.name.clone();
        let name = named(&hello.name, id);
        let changed = was != name || peer.headers != hello.headers;
        peer.name = name.clone();
        peer.headers = hello.headers.clone();
        peer.excess = excess(&hello.headers);
        let before = peer.groups.clone();
        if changed {
            let headers = hello.headers;
            self.event(Event::Update {
                peer: id,
                name,
                was,
                headers,
            });
        }
        let after: BTreeSet<GroupName> = hello.groups.into_iter().collect();
        // Whoever has something new to say has heard us, for all that is known.
        if changed || before != after {
            self.forget_answer(id);
        }
        for group in before.difference(&after) {
            self.remove_from_group(id, group);
        }
        for group in after {
            self.add_to_group(id, group);
        }
        self.answer_reconnection(id);
        let is_in_doubt = self.peers.get(&id).is_some_and(Peer::is_in_doubt);
        let is_greeted = is_in_doubt && self.return_by_its_way(now, id, via);
        if !provoked && !is_greeted {
            self.answer_again(now, id, is_recent);
        }
    }

    fn forget_answer(&mut self, id: PeerId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.is_answered = false;
        }
    }

    /// A peer that has entered says that its mailbox is on the host that it comes from. If it is dialled
    /// elsewhere and has not answered there, it is dialled here: somebody else may have said HELLO in its
    /// name, and it has been heard only since.
    fn follow_word(&mut self, now: Instant, id: PeerId, place: Option<SocketAddr>, via: Via) {
        let Some((peer, place)) = self.peers.get(&id).zip(place) else {
            return;
        };
        let is_heard_there = peer.channel.as_ref().is_some_and(|it| it.connected);
        let is_its_host = via.remote == Some(Host::from(place));
        if is_its_host
            && !is_heard_there
            && !self.places.contains_key(&place)
            && !self.is_stopping()
        {
            self.reconnect(now, id, Link::plain(place, via.local));
        }
    }

    /// A peer that has entered greets again by itself. If it has forgotten us, it hears nothing of us
    /// before our own HELLO. But if ours went out only just, it may know us, and its HELLO be the second
    /// answer to one of ours: two that answered each other's answers would never end. Then it is asked,
    /// since one that has forgotten us answers no PING.
    fn answer_again(&mut self, now: Instant, id: PeerId, is_recent: bool) {
        if let Some(peer) = self.peers.get_mut(&id)
            && peer.pings.len() >= PINGS
        {
            // They have piled up because it had forgotten us: none will be answered.
            peer.pings.clear();
        }
        if is_recent && self.ping(now, id, Purpose::Life) {
            let due = now + self.config.timing.challenge;
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.answer_owed = Some(due);
                self.deadlines.set(due, Timer::Answer(id));
            }
            return;
        }
        let place = self.peers.get_mut(&id).and_then(|peer| {
            let is_again = std::mem::replace(&mut peer.is_answered, true);
            let is_connected = peer.channel.as_ref().is_some_and(|it| it.connected);
            (is_again && is_connected).then(|| peer.place.clone())
        });
        if let Some(place) = place {
            // It greets once more, and has heard nothing of our answer to the last time: our connection may be
            // dead, or wait for long until the system tries it again. Another one is not.
            self.reconnect(now, id, place);
        } else {
            self.say_hello(now, id);
        }
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.hello_awaited = false;
        }
        if !is_recent {
            // It has forgotten us, and takes this for the first HELLO.
            self.end_reconnection(id);
        }
    }
}

/// What a peer is called that calls itself nothing: as Zyre does, by the first digits of its id.
fn named(name: &Name, id: PeerId) -> Name {
    if name.is_empty() {
        Name::lossy(id.short(6).as_bytes())
    } else {
        name.clone()
    }
}

/// Where a peer that is known by its HELLO only is reached: where it says, if that can be; otherwise
/// at the address of its connection, with the port that it names (trap 11).
fn place_of(hello: &Hello, via: Via) -> Option<SocketAddr> {
    let stated = hello
        .endpoint
        .strip_prefix("tcp://")
        .unwrap_or(&hello.endpoint);
    // IPv4 in disguise of IPv6 is IPv4, whose loopback is ours; and a scope is said of a link of theirs.
    let parsed = stated
        .parse::<SocketAddr>()
        .ok()
        .map(|place| SocketAddr::new(place.ip().to_canonical(), place.port()))
        .filter(|place| place.port() != 0);
    // Who comes over a link-local address is on our link, and perhaps in no network of ours; and what
    // it calls that link says nothing here.
    let is_on_our_link = via.remote.is_some_and(Host::is_link_local);
    let remote = via.remote.map(|remote| remote.address);
    if !is_on_our_link && let Some(place) = parsed.filter(|place| is_plausible(place.ip(), remote))
    {
        return Some(place);
    }
    let port = stated
        .rsplit(':')
        .next()?
        .parse()
        .ok()
        .filter(|port| *port != 0)?;
    via.remote.map(|remote| remote.at(port))
}

/// Whether a mailbox can be at this address, for somebody who came from `remote`.
fn is_plausible(address: IpAddr, remote: Option<IpAddr>) -> bool {
    let local_only = |address: IpAddr| address.is_loopback();
    let reachable = match address {
        IpAddr::V4(v4) => !v4.is_broadcast() && v4 != Ipv4Addr::UNSPECIFIED,
        IpAddr::V6(_) => !is_link_local(address),
    };
    reachable
        && !address.is_unspecified()
        && !address.is_multicast()
        && (!local_only(address) || remote.is_none_or(local_only))
}
