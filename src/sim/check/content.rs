//! What is said: nothing invented, nothing twice, and nothing lost between two that are well.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use super::{Check, Leaving, Missed, Verdict, Violation};
use crate::sim::time::Time;
use crate::zre::{Action, Content, GroupName, PeerId, UndeliveredReason};

/// How long a sender may take to be told that something was refused.
const TOLD: Duration = Duration::from_millis(200);

/// What was sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    to: Receiver,
    /// Whether the sender was in the group.
    by_member: bool,
    /// What its frames come to, without and with the tail.
    plain: u64,
    with_tail: u64,
    /// Whether the tail is for chats.
    is_for_chats: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Receiver {
    Peer(PeerId),
    Group(GroupName),
}

/// Content that was recognised.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recognised {
    pub(super) number: u64,
    pub(super) by_member: bool,
}

impl Check {
    /// A process is asked by its application to do something.
    pub(in crate::sim) fn acts(&mut self, now: Time, number: usize, action: &Action) {
        match action {
            Action::Join(group) => {
                self.known(number).groups.insert(group.clone());
            }
            Action::Leave(group) => {
                self.known(number).groups.remove(group);
            }
            Action::Whisper { peer, content } => {
                self.says(now, number, Receiver::Peer(*peer), content);
            }
            Action::Shout { group, content } => {
                self.says(now, number, Receiver::Group(group.clone()), content);
            }
            Action::Stop { within } => self.leaves(now, number, *within),
            _ => {}
        }
    }

    fn says(&mut self, now: Time, number: usize, to: Receiver, content: &Content) {
        let Some(said) = self.number_said(number, &to, content) else {
            return;
        };
        let target = match &to {
            Receiver::Peer(peer) => self.by_peer.get(peer).copied(),
            Receiver::Group(_) => None,
        };
        let known = self.known(number);
        let by_member = match &to {
            Receiver::Peer(_) => false,
            Receiver::Group(group) => known.groups.contains(group),
        };
        let receivers: Vec<usize> = match &to {
            Receiver::Peer(_) => known
                .views
                .keys()
                .copied()
                .filter(|one| target == Some(*one))
                .collect(),
            Receiver::Group(group) => {
                let members = known
                    .views
                    .iter()
                    .filter(|(_, view)| view.groups.contains(group));
                members.map(|(&peer, _)| peer).collect()
            }
        };
        for receiver in receivers {
            if self.are_foreign(number, receiver) {
                continue;
            }
            // Whoever does not know its sender (yet, or any more) cannot take it for a message.
            let is_known = self
                .processes
                .get(receiver)
                .is_some_and(|one| one.views.contains_key(&number));
            let known = self.known(number);
            if !is_known {
                continue;
            }
            known
                .expected
                .entry(receiver)
                .or_default()
                .push_back((now, said));
        }
        self.known(number).sent.push(Sent {
            to,
            by_member,
            plain: digest(content, false),
            with_tail: digest(content, true),
            is_for_chats: content
                .tail()
                .is_some_and(|tail| *tail.header != *TAIL_HEADER),
        });
    }

    /// The number of a content that is sent: what a chat sends has none in it, and is known by what its
    /// frames come to.
    fn number_said(&mut self, number: usize, to: &Receiver, content: &Content) -> Option<u64> {
        let to = match to {
            Receiver::Peer(peer) => self.by_peer.get(peer).copied(),
            Receiver::Group(_) => None,
        };
        let known = self.known(number);
        let Some(screen) = known.screen.as_deref_mut() else {
            return number_of(content, number);
        };
        let said = known.sent.len() as u64;
        for with_tail in [false, true] {
            screen
                .contents
                .insert((digest(content, with_tail), to), said);
        }
        Some(said)
    }

    /// The number of a content that came.
    fn number_heard(
        &self,
        told: usize,
        peer: usize,
        is_group: bool,
        content: &Content,
    ) -> Option<u64> {
        let known = self.processes.get(peer)?;
        let Some(screen) = known.screen.as_deref() else {
            return number_of(content, peer);
        };
        let to = (!is_group).then_some(told);
        screen.contents.get(&(digest(content, false), to)).copied()
    }

    /// Which of the things that a peer has sent this is.
    pub(super) fn recognise(
        &self,
        told: usize,
        peer: usize,
        group: Option<&GroupName>,
        content: &Content,
    ) -> Result<Recognised, Violation> {
        let forged = Violation::Forged { told, peer };
        let number = self.number_heard(told, peer, group.is_some(), content);
        let number = number.ok_or_else(|| forged.clone())?;
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        let sent = self
            .processes
            .get(peer)
            .and_then(|known| known.sent.get(place));
        let sent = sent.ok_or_else(|| forged.clone())?;
        let to_here = match (&sent.to, group) {
            (Receiver::Group(sent_to), Some(group)) => sent_to == group,
            // A foreign peer sends to where somebody said to be, whoever has that address now.
            (Receiver::Peer(sent_to), None) => {
                self.is_foreign(peer) || self.by_peer.get(sent_to) == Some(&told)
            }
            _ => false,
        };
        let found = digest(content, false);
        let has_tail = if sent.is_for_chats {
            self.is_chat(told)
        } else {
            has_tail(told) && !self.is_foreign(told)
        };
        let wanted = if has_tail { sent.with_tail } else { sent.plain };
        if to_here && found == wanted {
            Ok(Recognised {
                number,
                by_member: sent.by_member,
            })
        } else {
            Err(forged)
        }
    }

    /// Content has arrived: what was sent before it and has not is lost.
    pub(super) fn arrived(&mut self, now: Time, told: usize, peer: usize, number: u64) -> Verdict {
        let Some(waiting) = self.known(peer).expected.get_mut(&told) else {
            return Ok(());
        };
        let mut missing = Vec::new();
        while let Some(&(at, first)) = waiting.front().filter(|(_, first)| *first <= number) {
            waiting.pop_front();
            if first < number {
                missing.push((at, first));
            }
        }
        if waiting.is_empty() {
            self.known(peer).expected.remove(&told);
        }
        for (at, content) in missing {
            self.missing(now, peer, told, at, content)?;
        }
        Ok(())
    }

    /// Content has not arrived. That is allowed if one of the two was not well, or if its sender is
    /// told so, soon.
    fn missing(&mut self, now: Time, from: usize, to: usize, at: Time, content: u64) -> Verdict {
        if !self.calm.since_well_before(from, to, at) {
            return Ok(());
        }
        let missed = self.known(from).missed.entry(to).or_default();
        missed.count += 1;
        if missed.count <= missed.told {
            return Ok(());
        }
        match *missed.first.get_or_insert((now, content)) {
            (found, content) if now.since(found) > TOLD => {
                Err(Violation::Lost { to, from, content })
            }
            _ => Ok(()),
        }
    }

    /// A process begins to leave. What was under way while something was wrong may be lost.
    fn leaves(&mut self, now: Time, number: usize, within: Duration) {
        let mut expected = std::mem::take(&mut self.known(number).expected);
        for (&to, waiting) in &mut expected {
            waiting.retain(|(at, _)| self.calm.since_well_before(number, to, *at));
        }
        let known = self.known(number);
        known.expected = expected;
        known.leaving.get_or_insert(Leaving {
            since: now,
            is_patient: within >= PATIENT,
        });
        self.calm.trouble(now, number);
    }

    /// Whether one that is leaving owes the other all that it has said to it: both are well, and the other
    /// one reads.
    fn owes(&self, from: usize, to: usize) -> bool {
        // Foreign programs wait for nothing.
        let leaving = self.processes.get(from).filter(|known| !known.is_foreign);
        let leaving = leaving.and_then(|known| known.leaving);
        let Some(leaving) = leaving.filter(|leaving| leaving.is_patient) else {
            return false;
        };
        let is_there = self.processes.get(to).is_some_and(|known| {
            let has_read = known.reads && known.reads_since < leaving.since;
            known.lives && known.leaving.is_none() && has_read
        });
        is_there && self.calm.leaves_in_peace(from, to, leaving.since)
    }

    /// A process has left, in order: whoever was well has got everything.
    pub(in crate::sim) fn has_left(&mut self, number: usize) {
        let expected = std::mem::take(&mut self.known(number).expected);
        for (to, waiting) in expected {
            let missed = self.processes.get(number).and_then(|it| it.missed.get(&to));
            let told = missed.map_or(0, |missed| missed.told.saturating_sub(missed.count));
            let is_lost = waiting.len() as u64 > told && self.owes(number, to);
            if let Some(&(_, content)) = waiting.front().filter(|_| is_lost) {
                let from = number;
                self.fail(Violation::Lost { to, from, content });
            }
        }
    }

    /// A process is told that messages to a peer were not handed over.
    pub(super) fn undelivered(
        &mut self,
        told: usize,
        peer: PeerId,
        count: u64,
        reason: UndeliveredReason,
    ) -> Verdict {
        let peer = self.find(told, peer)?;
        if reason == UndeliveredReason::Stopped && self.owes(told, peer) {
            // To say so is not enough.
            return Ok(());
        }
        let missed: &mut Missed = self.known(told).missed.entry(peer).or_default();
        missed.told += count;
        if missed.told >= missed.count {
            missed.first = None;
        }
        Ok(())
    }

    /// The end: whatever was sent long enough ago has arrived, or its sender was told.
    pub(in crate::sim) fn farewell_to_messages(&mut self, now: Time) -> Verdict {
        let mut left = Vec::new();
        for (from, known) in self.processes.iter().enumerate() {
            for (&to, waiting) in &known.expected {
                let lives = self.processes.get(to).is_some_and(|known| known.lives);
                let late = waiting
                    .iter()
                    .filter(|(at, _)| lives && now.since(*at) > LATE);
                left.extend(late.map(|&(at, content)| (from, to, at, content)));
            }
        }
        for (from, to, at, content) in left {
            self.missing(now, from, to, at, content)?;
        }
        for (from, known) in self.processes.iter().enumerate() {
            for (&to, missed) in &known.missed {
                let both = known.lives && self.processes.get(to).is_some_and(|known| known.lives);
                if let Some((_, content)) = missed.first.filter(|_| both) {
                    return Err(Violation::Lost { to, from, content });
                }
            }
        }
        Ok(())
    }
}

/// The header that half of all processes have, to be sent tails.
pub(in crate::sim) const TAIL_HEADER: &str = "X-TAIL";

/// Whether this process has it.
pub(in crate::sim) const fn has_tail(process: usize) -> bool {
    process % 2 == 1
}

/// The number of a content of this sender, which is written at its beginning: `sender number`.
fn number_of(content: &Content, sender: usize) -> Option<u64> {
    let text = std::str::from_utf8(content.first()).ok()?;
    let mut words = text.split(' ');
    if words.next()?.parse::<usize>().ok()? != sender {
        return None;
    }
    words.next()?.parse().ok()
}

/// What tells a text from all others: who said it, as the how many-th.
pub(super) fn token(text: &str) -> Option<(usize, u64)> {
    if let Some((_, rest)) = text.split_once('«') {
        let (sender, count) = rest.split_once('»')?.0.split_once('.')?;
        return Some((sender.parse().ok()?, count.parse().ok()?));
    }
    let mut words = text.split(' ');
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

/// What the frames of a content come to.
fn digest(content: &Content, with_tail: bool) -> u64 {
    let mut hasher = DefaultHasher::new();
    let tail = content.tail().filter(|_| with_tail);
    let more = tail.into_iter().flat_map(|tail| tail.frames.iter());
    for frame in content.frames().chain(more) {
        frame.hash(&mut hasher);
    }
    hasher.finish()
}

/// How long a process has to be ready to wait for answers before it leaves, for everything to arrive where
/// all is well: packets take up to a fifth of a second, and some are held up.
const PATIENT: Duration = Duration::from_secs(2);

/// How long content may be under way at the end.
const LATE: Duration = Duration::from_secs(2);
