//! What comes in: messages of peers, and what follows from them.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::discovery::ELSEWHERE;
use super::life::RECONNECTION;
use super::peer::{Peer, Phase, Presence, Purpose};
use super::send::PINGS;
use super::share::excess;
use super::{Engine, Event, ExitReason, Timer};
use crate::zre::host::is_link_local;
use crate::zre::sequence::{Incoming, is_bridge};
use crate::zre::{
    Body, Content, GroupName, Hello, Host, Link, Message, Name, Origin, Output, PeerId, Via,
};

/// How soon after a gap another one ends the acquaintance until the next beacon: a peer that makes
/// gaps on purpose must not make us greet it as fast as it likes.
const NEXT_GAP: Duration = Duration::from_secs(1);

impl Engine {
    /// A message came. `via` is needed for HELLO; for all others it may be empty, but helps to tell
    /// whether a peer is still where it was.
    pub fn handle_message(&mut self, now: Instant, origin: Origin, via: Via, message: Message) {
        let id = origin.peer;
        if id == self.config.peer {
            // Somebody else shows our id; whatever it wants, it is not a peer.
            self.stats.bad_origins += 1;
            return;
        }
        let sequence = message.sequence;
        if matches!(message.body, Body::Hello(_)) {
            if let Body::Hello(hello) = message.body {
                self.receive_hello(now, id, via, sequence, hello);
            }
            return;
        }
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.is_ready()) else {
            if self.returns(now, id, via, &message) {
                self.handle_message(now, origin, via, message);
            } else {
                self.stats.unknown_peers += 1;
            }
            return;
        };
        let follows = peer.expected.accept(sequence);
        if is_bridge(sequence) && matches!(message.body, Body::PingOk) {
            // It answers nothing: a HELLO comes behind it (trap 10).
            if peer.hear(now) {
                self.event(Event::Heard { peer: id });
            }
            return;
        }
        if !follows && peer.may_repeat && peer.expected.is_repeated(sequence) {
            self.stats.repeated += 1;
            if peer.hear(now) {
                self.event(Event::Heard { peer: id });
            }
            return;
        }
        if peer.out_of_step || !follows {
            self.stats.gaps += 1;
            self.fall_out_of_step(now, id);
            return;
        }
        self.stats.received += 1;
        let is_back = peer.hear(now);
        peer.speak_from(now, via);
        if !matches!(message.body, Body::Ping) {
            peer.doubts = 0;
        }
        if is_back {
            self.outputs
                .push_back(Output::Event(Event::Heard { peer: id }));
        }
        if !matches!(message.body, Body::PingOk) {
            self.greet_who_answers_nothing(now, id);
        }
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        match message.body {
            Body::Whisper { content } => self.event(Event::Whisper { origin, content }),
            Body::Shout { group, content } => self.receive_shout(origin, group, content),
            Body::Join { group, status } => self.receive_join(now, id, group, status),
            Body::Leave { group, status } => self.receive_leave(now, id, &group, status),
            Body::Ping => self.receive_ping(now, id),
            Body::PingOk => self.receive_ping_ok(now, id),
            // Elections are Zyre's own; they concern only those who take part.
            Body::Elect { .. } | Body::Leader { .. } | Body::Hello(_) => {}
            Body::Goodbye => {
                peer.farewell = Some(now);
                self.deadlines
                    .set(now + self.config.timing.farewell_quiet, Timer::Farewell(id));
            }
        }
    }

    /// A message of this peer could not be decoded: it is lost, so the peer's sequence has a gap.
    pub fn handle_malformed(&mut self, now: Instant, peer: PeerId) {
        self.stats.bad_messages += 1;
        if self.peers.get(&peer).is_some_and(Peer::is_ready) {
            self.remove(now, peer, ExitReason::Gap);
        } else {
            self.lose_track(peer);
        }
    }

    /// Something of this peer is lost. One that was greeted again just now counts anew from its HELLO,
    /// which is still to come, and nothing before that is of use: a number that fits is chance.
    fn fall_out_of_step(&mut self, now: Instant, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        if peer.hello_awaited && now <= peer.greeted + RECONNECTION {
            peer.out_of_step = true;
        } else {
            self.lose(now, id);
        }
    }

    /// Something of this peer is lost: it is gone, and greeted again at once.
    fn lose(&mut self, now: Instant, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let again = peer
            .last_gap
            .is_some_and(|at| now.duration_since(at) < NEXT_GAP);
        if again {
            self.remove(now, id, ExitReason::Gap);
            return;
        }
        peer.last_gap = Some(now);
        self.change_standing(id, |engine| {
            engine.leave_groups(id);
            if let Some(peer) = engine.peers.get_mut(&id) {
                peer.phase = Phase::Greeted;
                peer.presence = Presence::Present;
                peer.barrier = None;
                peer.pings.clear();
                peer.challenge = None;
            }
        });
        self.doubt(id);
        self.tell_refused_to(id);
        self.flushes.gone(id);
        self.event(Event::Exit {
            peer: id,
            reason: ExitReason::Gap,
        });
        self.greet_anew(now, id);
        self.await_answer(now, id);
    }

    fn receive_hello(
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
                self.update(now, id, hello);
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
        let admitted = self.admission.admits_proven(&self.config.limits);
        if !admitted {
            self.stats.too_many_peers += 1;
            log::debug!("no room for peer {}", id.short(8));
        }
        admitted
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
        let peer = Peer::new(now, self.number(), link.clone());
        self.get_to_know(now, id, peer);
        self.answer(now, id, link, via, &hello);
        self.enter(now, id, hello);
    }

    /// Connects to a peer whose HELLO has come, unless it answers one that was sent there already.
    fn answer(&mut self, now: Instant, id: PeerId, to: Link, via: Via, hello: &Hello) {
        let returned = self.static_of_returned(id);
        let greeted = self.static_for(to.remote, via, hello).or(returned);
        self.change_standing(id, |engine| match greeted {
            Some(address) => engine.adopt_static(id, address),
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
        let mut link = None;
        // Its deadlines are others from now on.
        let serial = self.number();
        self.change_standing(id, |engine| {
            let Some(peer) = engine.peers.get_mut(&id) else {
                return;
            };
            peer.serial = serial;
            peer.phase = Phase::Ready;
            peer.hello_awaited = false;
            peer.out_of_step = false;
            peer.may_repeat = false;
            peer.expected = Incoming::greeted(1);
            peer.name = named(&hello.name, id);
            peer.headers = hello.headers.clone();
            peer.excess = excess(&hello.headers);
            peer.status = hello.status;
            // Whatever was thought of it before has another answer now.
            let _told_by_enter = peer.hear(now);
            peer.farewell = None;
            peer.displaced = false;
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
        self.trust(id);
        self.dial_waiting(now);
    }

    /// A HELLO of a peer that has entered: name, headers or groups may have changed.
    fn update(&mut self, now: Instant, id: PeerId, hello: Hello) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        if peer.hear(now) {
            self.outputs
                .push_back(Output::Event(Event::Heard { peer: id }));
        }
        peer.expected = Incoming::greeted(1);
        peer.status = hello.status;
        peer.farewell = None;
        let is_recent = now.duration_since(peer.greeted) <= RECONNECTION;
        let provoked = std::mem::take(&mut peer.hello_awaited) && is_recent;
        peer.greeted_again = 0;
        peer.out_of_step = false;
        peer.may_repeat = false;
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
        for group in before.difference(&after) {
            self.remove_from_group(id, group);
        }
        for group in after {
            self.add_to_group(id, group);
        }
        self.answer_reconnection(id);
        if !provoked {
            self.answer_again(now, id, is_recent);
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
        self.say_hello(now, id);
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.hello_awaited = false;
        }
        if !is_recent {
            // It has forgotten us, and takes this for the first HELLO.
            self.end_reconnection(id);
        }
    }

    fn receive_shout(&mut self, origin: Origin, group: GroupName, content: Content) {
        self.event(Event::Shout {
            origin,
            group,
            content,
        });
    }

    fn receive_join(&mut self, now: Instant, id: PeerId, group: GroupName, status: u8) {
        self.compare_status(now, id, status);
        self.add_to_group(id, group);
    }

    fn receive_leave(&mut self, now: Instant, id: PeerId, group: &GroupName, status: u8) {
        self.compare_status(now, id, status);
        self.remove_from_group(id, group);
    }

    /// After a wrong status the groups of a peer are in doubt (trap 2): a HELLO may be lost with its
    /// connection, and a later number have fitted by chance. It is greeted, for its HELLO to set it right;
    /// not again soon, since it may always be wrong.
    fn compare_status(&mut self, now: Instant, id: PeerId, status: u8) {
        let pause = self.config.timing.expired;
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let is_wrong = peer.status.wrapping_add(1) != status;
        peer.status = status;
        if !is_wrong {
            return;
        }
        self.stats.wrong_status += 1;
        let is_due = peer.last_doubt.is_none_or(|at| now >= at + pause);
        if is_due {
            peer.last_doubt = Some(now);
            self.greet_anew(now, id);
        }
    }

    fn add_to_group(&mut self, id: PeerId, group: GroupName) {
        let Some(groups) = self.peers.get(&id).map(|peer| &peer.groups) else {
            return;
        };
        if groups.contains(&group) {
            return;
        }
        if !self.may_join(groups.len(), &group) {
            self.stats.too_many_groups += 1;
            return;
        }
        // All that are in it share one name.
        let known = self.members.get_key_value(&group);
        let group = known.map_or(group, |(name, _)| name.clone());
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.groups.insert(group.clone());
        }
        self.members.entry(group.clone()).or_default().insert(id);
        self.memberships += 1;
        self.event(Event::Join { peer: id, group });
    }

    fn remove_from_group(&mut self, id: PeerId, group: &GroupName) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let Some(group) = peer.groups.take(group) else {
            return;
        };
        self.forget_member(id, &group);
        self.event(Event::Leave { peer: id, group });
    }

    fn forget_member(&mut self, id: PeerId, group: &GroupName) {
        if let Some(members) = self.members.get_mut(group) {
            self.memberships -= usize::from(members.remove(&id));
            if members.is_empty() {
                self.members.remove(group);
            }
        }
    }

    /// The peer is gone, and with it its memberships: that is no LEAVE.
    pub(super) fn leave_groups(&mut self, id: PeerId) {
        let groups = self
            .peers
            .get_mut(&id)
            .map(|peer| std::mem::take(&mut peer.groups));
        for group in groups.unwrap_or_default() {
            self.forget_member(id, &group);
        }
    }

    fn receive_ping_ok(&mut self, now: Instant, id: PeerId) {
        let quick = self.config.timing.evasive / 4;
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        peer.hear_answer(&mut self.stats.refuted_moves);
        let answered = peer.pings.pop_front();
        let confirmed = peer.barrier.as_mut().and_then(|barrier| {
            let before = barrier.last_answer.replace(now);
            before
                .is_some_and(|at| now.duration_since(at) <= quick)
                .then_some(barrier.covers)
        });
        if let Some((sent, Purpose::RoundTrip)) = answered {
            let elapsed = now.duration_since(sent);
            self.event(Event::RoundTrip { peer: id, elapsed });
        }
        if let Some(covers) = confirmed {
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.barrier = None;
                peer.unconfirmed = peer.unconfirmed.saturating_sub(covers);
            }
            self.confirmed(now, id);
        }
    }
}

impl Peer {
    /// A message has come from it: it lives. That it hears us, too, is shown only by an answer.
    /// Whether the application has to be told.
    #[must_use]
    pub(super) fn hear(&mut self, now: Instant) -> bool {
        self.traffic_before = std::mem::replace(&mut self.traffic, now);
        self.broken = None;
        self.hung_up = false;
        self.show_itself(now)
    }

    /// A sign of life. Whether the application was told that there were none.
    #[must_use]
    pub(super) fn show_itself(&mut self, now: Instant) -> bool {
        self.heard = now;
        std::mem::replace(&mut self.presence, Presence::Present).is_told()
    }

    /// A message has come from there. As long as it speaks from its old place it has not left that one,
    /// however late its answers are on a machine that is overloaded.
    fn speak_from(&mut self, now: Instant, via: Via) {
        let is_there = via.remote == Some(Host::from(self.place.remote));
        if let Some(challenge) = self.challenge.as_mut().filter(|_| is_there) {
            challenge.since = now;
        }
    }

    /// It has answered us, so that it is where we think it is.
    fn hear_answer(&mut self, refuted: &mut u64) {
        self.answer_owed = None;
        self.displaced = false;
        if self.challenge.take().is_some() {
            *refuted += 1;
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
