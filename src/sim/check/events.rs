//! What an application is told: ENTER first, EXIT last, everything in order, nothing about oneself.

use super::{Alarm, Check, Violation};
use crate::sim::time::Time;
use crate::zre::{Content, Event, ExitReason, GroupName, PeerId};

impl Check {
    /// A process tells its application something.
    pub(in crate::sim) fn event(&mut self, now: Time, told: usize, event: &Event) {
        self.counts.events += 1;
        let result = match event {
            Event::Enter { peer, .. } => self.enter(told, *peer),
            Event::Exit { peer, reason } => self.exit(now, told, *peer, *reason),
            Event::Evasive { peer } => self.alarm(now, told, *peer, Alarm::Evasive),
            Event::Silent { peer } => self.alarm(now, told, *peer, Alarm::Silent),
            Event::Heard { peer } => self.heard(told, *peer),
            Event::Join { peer, group } => self.join(told, *peer, group, true),
            Event::Leave { peer, group } => self.join(told, *peer, group, false),
            Event::Whisper { origin, content } => {
                self.content(now, told, origin.peer, None, content)
            }
            Event::Shout {
                origin,
                group,
                content,
            } => self.content(now, told, origin.peer, Some(group), content),
            Event::Update { peer, .. } => self.about(told, *peer, "UPDATE"),
            Event::Moved { peer, .. } => self.moved(told, *peer),
            Event::RoundTrip { peer, .. } => self.about(told, *peer, "a round trip"),
            Event::Undelivered {
                peer,
                count,
                reason,
            } => self.undelivered(told, *peer, *count, *reason),
            Event::Flushed { .. } | Event::Network { .. } | Event::Stop => Ok(()),
        };
        if let Err(violation) = result {
            self.fail(violation);
        }
    }

    /// Which process an event is about.
    pub(super) fn find(&self, told: usize, peer: PeerId) -> Result<usize, Violation> {
        match self.by_peer.get(&peer) {
            None => Err(Violation::Invented { told }),
            Some(&number) if number == told => Err(Violation::Oneself { told }),
            Some(&number) => Ok(number),
        }
    }

    fn enter(&mut self, told: usize, peer: PeerId) -> super::Verdict {
        let peer = self.find(told, peer)?;
        self.counts.enters += 1;
        let before = self.known(told).views.insert(peer, super::View::default());
        if before.is_some() {
            return Err(Violation::EnteredTwice { told, peer });
        }
        self.pairs += 1;
        Ok(())
    }

    fn exit(&mut self, now: Time, told: usize, peer: PeerId, reason: ExitReason) -> super::Verdict {
        let peer = self.find(told, peer)?;
        self.counts.exits += 1;
        let event = "EXIT";
        if self.known(told).views.remove(&peer).is_none() {
            return Err(Violation::NotEntered { told, peer, event });
        }
        self.pairs -= 1;
        if self.is_foreign(told) && reason == ExitReason::Dismissed {
            // It was greeted again, and will tell of an ENTER at once (trap 10). It has heard all.
            self.known(told).expected.remove(&peer);
            return Ok(());
        }
        // What one sent to the other is not waited for any more: that it was gone has been told.
        for (from, to) in [(told, peer), (peer, told)] {
            self.known(from).expected.remove(&to);
            self.known(from).missed.remove(&to);
        }
        self.is_slander(now, told, peer, event)
    }

    fn is_slander(
        &self,
        now: Time,
        told: usize,
        peer: usize,
        event: &'static str,
    ) -> super::Verdict {
        let lives = self.processes.get(peer).is_some_and(|known| known.lives);
        if lives && !self.are_foreign(told, peer) && self.calm.for_long(told, peer, now) {
            return Err(Violation::Slandered { told, peer, event });
        }
        Ok(())
    }

    /// Something that a peer causes.
    fn about(&self, told: usize, peer: PeerId, event: &'static str) -> super::Verdict {
        let peer = self.find(told, peer)?;
        let known = self.processes.get(told);
        match known.and_then(|known| known.views.get(&peer)) {
            Some(view) if view.alarm == Alarm::None => Ok(()),
            Some(_) => Err(Violation::OutOfTurn { told, peer, event }),
            None => Err(Violation::NotEntered { told, peer, event }),
        }
    }

    /// Only who is here moves, whether it answers or not.
    fn moved(&self, told: usize, peer: PeerId) -> super::Verdict {
        let peer = self.find(told, peer)?;
        let event = "a move";
        let known = self.processes.get(told);
        match known.and_then(|known| known.views.get(&peer)) {
            Some(_) => Ok(()),
            None => Err(Violation::NotEntered { told, peer, event }),
        }
    }

    /// EVASIVE and SILENT come in this order, and once, until the peer is heard again.
    fn alarm(&mut self, now: Time, told: usize, peer: PeerId, alarm: Alarm) -> super::Verdict {
        let (event, expected) = match alarm {
            Alarm::None | Alarm::Evasive => ("EVASIVE", Alarm::None),
            Alarm::Silent => ("SILENT", Alarm::Evasive),
        };
        let peer = self.find(told, peer)?;
        let Some(view) = self.known(told).views.get_mut(&peer) else {
            return Err(Violation::NotEntered { told, peer, event });
        };
        if std::mem::replace(&mut view.alarm, alarm) != expected {
            return Err(Violation::OutOfTurn { told, peer, event });
        }
        self.is_slander(now, told, peer, event)
    }

    /// HEARD comes after one of them, and before anything else that the peer causes.
    fn heard(&mut self, told: usize, peer: PeerId) -> super::Verdict {
        let event = "HEARD";
        let peer = self.find(told, peer)?;
        let Some(view) = self.known(told).views.get_mut(&peer) else {
            return Err(Violation::NotEntered { told, peer, event });
        };
        match std::mem::replace(&mut view.alarm, Alarm::None) {
            Alarm::None => Err(Violation::OutOfTurn { told, peer, event }),
            Alarm::Evasive | Alarm::Silent => Ok(()),
        }
    }

    fn join(
        &mut self,
        told: usize,
        peer: PeerId,
        group: &GroupName,
        joins: bool,
    ) -> super::Verdict {
        let event = if joins { "JOIN" } else { "LEAVE" };
        self.about(told, peer, event)?;
        let peer = self.find(told, peer)?;
        let Some(view) = self.known(told).views.get_mut(&peer) else {
            return Ok(());
        };
        let changed = if joins {
            view.groups.insert(group.clone())
        } else {
            view.groups.remove(group)
        };
        if changed {
            Ok(())
        } else {
            let group = group.clone();
            Err(Violation::Membership { told, peer, group })
        }
    }

    fn content(
        &mut self,
        now: Time,
        told: usize,
        peer: PeerId,
        group: Option<&GroupName>,
        content: &Content,
    ) -> super::Verdict {
        self.counts.contents += 1;
        self.about(told, peer, "content")?;
        let peer = self.find(told, peer)?;
        self.follows(told, peer)?;
        let is_excused = self.is_excused(now, told, peer);
        let sent = match self.recognise(told, peer, group, content) {
            Err(_) if is_excused => return Ok(()),
            recognised => recognised?,
        };
        let Some(view) = self.known(told).views.get_mut(&peer) else {
            return Ok(());
        };
        let before = view.content.replace(sent.number);
        let is_member_seen = group.is_none_or(|group| view.groups.contains(group));
        if let Some(after) = before.filter(|&before| before >= sent.number && !is_excused) {
            let content = sent.number;
            return Err(Violation::OutOfOrder {
                told,
                peer,
                content,
                after,
            });
        }
        let is_excused = is_excused || !self.is_in_step(told, peer);
        if let Some(group) = group.filter(|_| sent.by_member && !is_member_seen && !is_excused) {
            let group = group.clone();
            return Err(Violation::NotJoined { told, peer, group });
        }
        self.arrived(now, told, peer, sent.number)
    }
}
