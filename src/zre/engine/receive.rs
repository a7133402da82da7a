//! What comes in: messages of peers, and what follows from them.

use std::time::{Duration, Instant};

use super::broken::RECONNECTION;
use super::peer::{Peer, Phase, Presence, Purpose, Repeats};
use super::{Engine, Event, ExitReason};
use crate::zre::recent::{REMEMBERED, mark};
use crate::zre::sequence::is_bridge;
use crate::zre::{Body, Content, GroupName, Host, Message, Origin, PeerId, Via};

/// How soon after a gap another one ends the acquaintance until the next beacon: a peer that makes
/// gaps on purpose must not make us greet it as fast as it likes.
const NEXT_GAP: Duration = Duration::from_secs(1);

/// How long a peer may say again what has come before, after it has been heard over another connection, and
/// after each message that had: what is lost on the way is sent again by TCP, at growing distances.
const REPEATS: Duration = Duration::from_secs(30);

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
                self.welcome_back(now, id);
            }
            return;
        }
        if peer.repeats_itself(now, via, &message, follows) {
            self.stats.repeated += 1;
            if peer.hear(now) {
                self.welcome_back(now, id);
            }
            return;
        }
        if peer.out_of_step || !follows {
            self.stats.gaps += 1;
            self.fall_out_of_step(now, id);
            return;
        }
        self.stats.received += 1;
        peer.is_answered = false;
        peer.recent.add(mark(&message));
        let is_back = peer.hear(now);
        let is_from_elsewhere = !peer.speak_from(now, via);
        let is_in_doubt = peer.is_in_doubt();
        if !matches!(message.body, Body::Ping) {
            peer.doubts = 0;
        }
        if is_back {
            self.welcome_back(now, id);
        }
        if is_in_doubt {
            self.return_by_its_way(now, id, via);
        }
        if let Some(remote) = via.remote.filter(|_| is_from_elsewhere) {
            self.heed_way(now, id, remote);
        }
        if !matches!(message.body, Body::PingOk) {
            self.greet_who_answers_nothing(now, id);
        }
        match message.body {
            Body::Whisper { content } => self.event(Event::Whisper { origin, content }),
            Body::Shout { group, content } => self.receive_shout(origin, group, content),
            Body::Join { group, status } => self.receive_join(now, id, group, status),
            Body::Leave { group, status } => self.receive_leave(now, id, &group, status),
            Body::Ping => self.receive_ping(now, id),
            Body::PingOk => self.receive_ping_ok(now, id),
            // Elections are Zyre's own; they concern only those who take part.
            Body::Elect { .. } | Body::Leader { .. } | Body::Hello(_) => {}
            Body::Goodbye => self.take_leave(now, id),
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
    pub(super) fn lose(&mut self, now: Instant, id: PeerId) {
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
        self.change_standing(now, id, |engine| {
            engine.leave_groups(id);
            if let Some(peer) = engine.peers.get_mut(&id) {
                peer.phase = Phase::Greeted;
                peer.presence = Presence::Present;
                peer.barrier = None;
                peer.pings.clear();
                peer.unheard = None;
                peer.challenge = None;
            }
        });
        self.doubt(id);
        self.flushes.gone(id);
        self.tell_exit(id, ExitReason::Gap);
        self.greet_anew(now, id);
        self.await_answer(now, id);
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

    pub(super) fn add_to_group(&mut self, id: PeerId, group: GroupName) {
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

    pub(super) fn remove_from_group(&mut self, id: PeerId, group: &GroupName) {
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
        peer.hear_answer(now, &mut self.stats.refuted_moves);
        let answered = peer.pings.pop_front();
        let confirmed = peer.barrier.as_mut().and_then(|barrier| {
            let before = barrier.last_answer.replace(now);
            if before.is_some_and(|at| now.duration_since(at) <= quick) {
                barrier.answers += 1;
            }
            (barrier.answers > barrier.before).then_some(barrier.covers)
        });
        // What it was asked may have been forgotten meanwhile, since it was heard.
        let asked = answered.map_or(now, |(sent, _)| sent);
        self.refute_farewell(now, id, asked);
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
    /// Whether it may say again what has come already: from the end of a connection on, for a while after
    /// it is heard again. Only one of ours does so, over a connection [`again`](Via::again): whoever greets over
    /// the first one of a link has begun anew, and may well say what it always says first.
    pub(super) fn may_repeat(&mut self, now: Instant, via: Via) -> bool {
        if !via.again {
            return false;
        }
        if self.repeats == Repeats::Expected {
            self.rechecked = REMEMBERED;
        }
        self.repeats = match self.repeats {
            Repeats::Expected => Repeats::Until(now + REPEATS),
            Repeats::Until(at) if at <= now => Repeats::No,
            as_before => as_before,
        };
        self.repeats != Repeats::No
    }

    /// Whether a message has come before, over a connection that is over. Its number may say so. It says
    /// nothing where a HELLO is among what comes again, but whoever has said the very same of late under the
    /// same number has not said it twice. (What is no content does no harm when it comes twice.) Behind
    /// the first message that is new, all are.
    fn repeats_itself(&mut self, now: Instant, via: Via, message: &Message, follows: bool) -> bool {
        if self.repeats == Repeats::No || !self.may_repeat(now, via) {
            return false;
        }
        let is_repeated = if follows {
            let is_known = self.rechecked > 0 && self.recent.holds(mark(message));
            self.rechecked = if is_known { self.rechecked - 1 } else { 0 };
            is_known && message.body.is_content()
        } else {
            // One of the last has come with all that it says. Another one under its number is new: it follows on
            // a HELLO that is lost, and whatever else was lost with that.
            let back = self.expected.back_to(message.sequence);
            let is_long_ago = back.is_some_and(|back| back >= self.recent.len());
            is_long_ago || self.recent.holds(mark(message))
        };
        if is_repeated {
            self.repeats = Repeats::Until(now + REPEATS);
        }
        is_repeated
    }

    /// A message has come from it: it lives. That it hears us, too, is shown only by an answer.
    /// Whether the application has to be told.
    #[must_use]
    pub(super) fn hear(&mut self, now: Instant) -> bool {
        self.traffic_before = std::mem::replace(&mut self.traffic, now);
        self.broken = None;
        self.hung_up = false;
        self.shut = false;
        self.show_itself(now)
    }

    /// A sign of life. Whether the application was told that there were none.
    #[must_use]
    pub(super) fn show_itself(&mut self, now: Instant) -> bool {
        self.heard = now;
        std::mem::replace(&mut self.presence, Presence::Present).is_told()
    }

    /// A message has come from there. As long as it speaks from its old place it has not left that one,
    /// however late its answers are on a machine that is overloaded. Whether that is where it is reached.
    fn speak_from(&mut self, now: Instant, via: Via) -> bool {
        if via.remote != Some(Host::from(self.place.remote)) {
            self.spoke_from = via.remote;
            return false;
        }
        self.spoke_from = None;
        // What it says from elsewhere is no word of whoever acknowledges what is sent here.
        self.vouched = None;
        if self.place.local.is_none() && !self.is_in_doubt() {
            self.place.local = via.local;
        }
        if let Some(challenge) = &mut self.challenge {
            challenge.since = now;
        }
        true
    }

    /// It has answered us, so that it is where we think it is.
    fn hear_answer(&mut self, now: Instant, refuted: &mut u64) {
        self.answer_owed = None;
        self.unheard = None;
        self.displaced = false;
        if let Some(challenge) = self.challenge.take() {
            self.is_found(now, &challenge);
            *refuted += 1;
        }
    }
}
