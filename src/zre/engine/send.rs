//! What goes out: the application's actions, numbering, and connections that are full.
//!
//! A connection takes octets up to its budget. When it is full, the message that found it so is given
//! back and waits here; as long as the connection takes something now and then, the application waits
//! too, and nothing is lost. A peer that takes nothing for the `evasive` time is not waited for any
//! more: messages to it are refused, counted and told.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::peer::{Barrier, Channel, Full, Peer, Purpose};
use super::{Engine, Event, ExitReason, Owner, Timer, UndeliveredReason};
use crate::zre::sequence::Number;
use crate::zre::{Body, Content, GroupName, LinkId, Message, Output, PeerId};

/// How long refused messages are added up before they are told: an application that sends as fast as
/// it can to a peer that takes nothing must not be flooded with as many events.
const TELL_REFUSED: Duration = Duration::from_millis(50);

/// How long after content was sent the peer is asked whether it has read it: whoever reads something
/// and leaves at once shall not be in doubt. Less would ask after each message of a conversation of
/// programs, and not after many of them together.
const CONFIRM: Duration = Duration::from_millis(100);

/// How long after that it is asked again, while more is sent or there was no answer. Once a second costs
/// next to nothing.
const CONFIRM_AGAIN: Duration = Duration::from_secs(1);

/// The most PINGs to one peer that wait for an answer: more tell nothing new.
pub(super) const PINGS: usize = 8;

impl Body {
    /// Whether an application sent it.
    pub(super) const fn is_content(&self) -> bool {
        matches!(self, Self::Whisper { .. } | Self::Shout { .. })
    }
}

impl Engine {
    pub(super) fn whisper(&mut self, now: Instant, id: PeerId, content: Content) {
        self.send_content(now, id, Body::Whisper { content });
    }

    pub(super) fn shout(&mut self, now: Instant, group: GroupName, content: Content) {
        let Some(members) = self.members.get(&group) else {
            return;
        };
        let receivers: Vec<PeerId> = members.iter().copied().collect();
        for id in receivers {
            let body = Body::Shout {
                group: group.clone(),
                content: content.clone(),
            };
            self.send_content(now, id, body);
        }
    }

    pub(super) fn join(&mut self, now: Instant, group: GroupName) {
        if self.view.groups.insert(group.clone()) {
            self.view.status = self.view.status.wrapping_add(1);
            let status = self.view.status;
            self.tell_all(now, &Body::Join { group, status });
        }
    }

    pub(super) fn leave(&mut self, now: Instant, group: &GroupName) {
        if self.view.groups.remove(group) {
            self.view.status = self.view.status.wrapping_add(1);
            let status = self.view.status;
            self.tell_all(
                now,
                &Body::Leave {
                    group: group.clone(),
                    status,
                },
            );
        }
    }

    /// Sends to everybody who has been sent a HELLO.
    fn tell_all(&mut self, now: Instant, body: &Body) {
        let ids: Vec<PeerId> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.channel.is_some())
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            self.send(now, id, body.clone());
        }
        self.tell_statics(body);
    }

    /// Says HELLO to everybody again: name or headers have changed.
    pub(super) fn greet_again(&mut self, now: Instant) {
        let ids: Vec<PeerId> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.channel.is_some())
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            self.greet_anew(now, id);
        }
        self.greet_statics_again();
    }

    fn send_content(&mut self, now: Instant, id: PeerId, body: Body) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.is_ready()) else {
            self.refuse(now, id, UndeliveredReason::Gone);
            return;
        };
        let channel = peer.channel.as_ref();
        let Some(channel) = channel.filter(|it| it.full.is_none_or(|full| !full.stalled)) else {
            self.refuse(now, id, UndeliveredReason::Full);
            return;
        };
        let has_to_greet = channel.outgoing.has_to_greet();
        peer.unconfirmed += 1;
        if !std::mem::replace(&mut peer.confirming, true) {
            self.deadlines.set(now + CONFIRM, Timer::Confirm(id));
        }
        if has_to_greet {
            self.send(now, id, body);
        } else {
            // The way of nearly all messages: the peer is looked up once.
            let awake = self.blameless;
            self.stats.sent += u64::from(peer.say(now, awake, body, &mut self.outputs));
        }
    }

    /// Numbers a message to a peer, and sends it or lets it wait.
    pub(super) fn send(&mut self, now: Instant, id: PeerId, body: Body) {
        let limit = self.config.limits.queued_control;
        let Some(channel) = self
            .peers
            .get_mut(&id)
            .and_then(|peer| peer.channel.as_mut())
        else {
            return;
        };
        if channel.outbox.len() >= limit && !body.is_content() {
            match body {
                Body::PingOk | Body::Ping => self.stats.unanswered_pings += 1,
                _ => self.remove(now, id, ExitReason::Overflow),
            }
            return;
        }
        if !matches!(body, Body::Hello(_)) && channel.outgoing.has_to_greet() {
            // A peer may count modulo 65,535 or 65,536: greeted again, it counts from 1 (trap 1).
            self.greet_anew(now, id);
        }
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let awake = self.blameless;
        self.stats.sent += u64::from(peer.say(now, awake, body, &mut self.outputs));
    }

    /// Says HELLO to a peer that was greeted before on this connection and has not asked for it.
    pub(super) fn greet_anew(&mut self, now: Instant, id: PeerId) {
        let channel = self
            .peers
            .get_mut(&id)
            .and_then(|peer| peer.channel.as_mut());
        if let Some(channel) = channel
            && let Some(message) = channel.bridge()
        {
            self.stats.sent += 1;
            channel.pass(message, false, &mut self.outputs);
        }
        self.say_hello(now, id);
    }

    /// Sends a PING, unless too many are unanswered.
    pub(super) fn ping(&mut self, now: Instant, id: PeerId, purpose: Purpose) -> bool {
        let Some(peer) = self.peers.get_mut(&id) else {
            return false;
        };
        if peer.pings.len() >= PINGS || peer.channel.is_none() {
            return false;
        }
        peer.pings.push_back((now, purpose));
        self.send(now, id, Body::Ping);
        true
    }

    /// Sends a PING for the application, to measure the way there and back.
    pub(super) fn measure(&mut self, now: Instant, id: PeerId) {
        if self.peers.get(&id).is_some_and(Peer::is_ready) {
            self.ping(now, id, Purpose::RoundTrip);
        }
    }

    /// Sends the PINGs behind everything that was sent so far.
    pub(super) fn raise_barrier(&mut self, now: Instant, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        if peer.barrier.is_some() {
            return;
        }
        peer.barrier = Some(Barrier {
            last_answer: None,
            answers: 0,
            before: peer.pings.len(),
            covers: peer.unconfirmed,
        });
        self.ping(now, id, Purpose::Barrier);
        self.ping(now, id, Purpose::Barrier);
    }

    /// Asks a peer again whether it has read what was sent to it.
    pub(super) fn check_confirmed(&mut self, now: Instant, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        if peer.unconfirmed == 0 {
            peer.confirming = false;
            return;
        }
        // Answers that came too far apart prove nothing: the question is put again. So it is if some came
        // and no more: what was asked before was lost with a connection.
        let is_barrier = |purpose: &Purpose| *purpose == Purpose::Barrier;
        let answered = peer.barrier.as_ref().and_then(|it| it.last_answer);
        if answered.is_some_and(|at| now.duration_since(at) >= CONFIRM_AGAIN / 2) {
            peer.pings.retain(|(_, purpose)| !is_barrier(purpose));
        }
        if !peer.pings.iter().any(|(_, purpose)| is_barrier(purpose)) {
            peer.barrier = None;
        }
        self.raise_barrier(now, id);
        self.deadlines.set(now + CONFIRM_AGAIN, Timer::Confirm(id));
    }

    /// What a peer was sent and has not been known to read is in doubt from now on.
    pub(super) fn doubt(&mut self, id: PeerId) {
        let unconfirmed = self
            .peers
            .get_mut(&id)
            .map_or(0, |peer| std::mem::take(&mut peer.unconfirmed));
        if unconfirmed > 0 {
            self.flushes.missed(id);
        }
    }

    // Connections that are full.

    /// A message could not be queued: the connection's budget of octets is full. It is sent again
    /// after [`Engine::handle_room`]; until then nothing more is sent on this connection.
    pub fn handle_full(&mut self, now: Instant, link: LinkId, message: Message, tail: bool) {
        let patience = self.config.timing.evasive;
        let Some(channel) = self.channel(link) else {
            return;
        };
        channel.outbox.push_front((message, tail));
        if channel.full.is_none() {
            channel.full = Some(Full {
                progress: now,
                stalled: false,
            });
            self.full.insert(link);
            self.waited_for += 1;
            self.deadlines.set(now + patience, Timer::Stall(link));
        }
    }

    /// A full connection has taken some octets.
    pub fn handle_progress(&mut self, now: Instant, link: LinkId) {
        let patience = self.config.timing.evasive;
        let Some(full) = self.channel(link).and_then(|channel| channel.full.as_mut()) else {
            return;
        };
        full.progress = now;
        if full.stalled {
            full.stalled = false;
            self.waited_for += 1;
            self.deadlines.set(now + patience, Timer::Stall(link));
        }
        self.flushes.progress(now);
    }

    /// A full connection has room again.
    pub fn handle_room(&mut self, now: Instant, link: LinkId) {
        self.flushes.progress(now);
        self.full.remove(&link);
        let Some(channel) = self.channel(link) else {
            return;
        };
        let was = channel.full.take();
        let waiting = std::mem::take(&mut channel.outbox);
        if was.is_some_and(|full| !full.stalled) {
            self.waited_for = self.waited_for.saturating_sub(1);
        }
        for (message, tail) in waiting {
            self.outputs.push_back(Output::Send {
                link,
                message,
                tail,
            });
        }
    }

    /// A full connection may have taken nothing for the `evasive` time.
    pub(super) fn check_stall(&mut self, now: Instant, link: LinkId) {
        let patience = self.config.timing.evasive;
        let Some(full) = self.channel(link).and_then(|channel| channel.full.as_mut()) else {
            return;
        };
        if full.stalled {
            return;
        }
        let due = full.progress + patience;
        if due > now {
            self.deadlines.set(due, Timer::Stall(link));
        } else {
            full.stalled = true;
            self.waited_for = self.waited_for.saturating_sub(1);
        }
    }

    /// Whether a full connection has to be waited for.
    pub(super) const fn is_waiting(&self) -> bool {
        self.waited_for > 0
    }

    /// Lets an output wait behind others on the same connection.
    pub(super) fn put_by(&mut self, link: LinkId, message: Message, tail: bool) {
        if let Some(channel) = self.channel(link) {
            channel.outbox.push_back((message, tail));
        }
    }

    /// A connection is not used any more: nobody waits for it.
    pub(super) fn forget_full(&mut self, channel: &Channel) {
        if self.full.remove(&channel.link) && channel.full.is_some_and(|full| !full.stalled) {
            self.waited_for = self.waited_for.saturating_sub(1);
        }
    }

    pub(super) fn channel(&mut self, link: LinkId) -> Option<&mut Channel> {
        match self.links.get(&link)? {
            Owner::Peer(id) => self.peers.get_mut(id)?.channel.as_mut(),
            Owner::Static(address) => self.statics.get_mut(address)?.channel_mut(),
            Owner::Closing(..) | Owner::Forgotten => None,
        }
    }

    // Messages that were refused.

    /// Counts a message that is not sent, to tell it soon.
    pub(super) fn refuse(&mut self, now: Instant, id: PeerId, reason: UndeliveredReason) {
        self.refuse_many(now, id, reason, 1);
    }

    pub(super) fn refuse_many(
        &mut self,
        now: Instant,
        id: PeerId,
        reason: UndeliveredReason,
        count: u64,
    ) {
        if count == 0 {
            return;
        }
        self.stats.undelivered += count;
        self.flushes.missed(id);
        if self.refused.is_empty() {
            self.deadlines.set(now + TELL_REFUSED, Timer::Undelivered);
        }
        *self.refused.entry((id, reason)).or_default() += count;
    }

    pub(super) fn tell_refused(&mut self) {
        for ((peer, reason), count) in std::mem::take(&mut self.refused) {
            self.event(Event::Undelivered {
                peer,
                count,
                reason,
            });
        }
    }

    /// Tells at once what was refused to one peer: something else about it is to be told.
    pub(super) fn tell_refused_to(&mut self, id: PeerId) {
        let reasons = [
            UndeliveredReason::Gone,
            UndeliveredReason::Full,
            UndeliveredReason::Stopped,
        ];
        for reason in reasons {
            if let Some(count) = self.refused.remove(&(id, reason)) {
                self.event(Event::Undelivered {
                    peer: id,
                    count,
                    reason,
                });
            }
        }
    }
}

impl Peer {
    /// Numbers a message and sends it, or lets it wait; `false` if a HELLO has to go first.
    /// We have been here since `awake`.
    fn say(
        &mut self,
        now: Instant,
        awake: Instant,
        body: Body,
        outputs: &mut VecDeque<Output>,
    ) -> bool {
        let Some(channel) = &mut self.channel else {
            return false;
        };
        let tail = match &body {
            Body::Whisper { content } | Body::Shout { content, .. } => content
                .tail()
                .is_some_and(|tail| self.headers.get(&tail.header).is_some()),
            _ => false,
        };
        let Some(sequence) = channel.number(&body) else {
            return false;
        };
        channel.pass(Message { sequence, body }, tail, outputs);
        self.end_silence(now, awake);
        true
    }
}

impl Channel {
    /// What has to go before a HELLO, if one was sent before (trap 10): a PING-OK, which asks nothing
    /// of whoever takes it.
    pub(super) fn bridge(&self) -> Option<Message> {
        let sequence = self.outgoing.bridge()?;
        let body = Body::PingOk;
        Some(Message { sequence, body })
    }

    /// Whether a HELLO was sent on it.
    pub(super) const fn is_greeted(&self) -> bool {
        self.outgoing.bridge().is_some()
    }

    /// Sends a message that has its number, or lets it wait, if others wait before it.
    pub(super) fn pass(&mut self, message: Message, tail: bool, outputs: &mut VecDeque<Output>) {
        if self.full.is_some() {
            self.outbox.push_back((message, tail));
        } else {
            let link = self.link;
            outputs.push_back(Output::Send {
                link,
                message,
                tail,
            });
        }
    }

    /// The next number on this connection, for this message; `None` if a HELLO has to go first.
    pub(super) const fn number(&mut self, body: &Body) -> Option<u16> {
        match body {
            Body::Hello(_) => Some(self.outgoing.greet()),
            _ => match self.outgoing.number() {
                Number::Next(sequence) => Some(sequence),
                Number::GreetFirst => None,
            },
        }
    }
}
