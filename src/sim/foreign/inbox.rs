//! What foreign peers make of what they receive, and what ends them.

use std::time::Instant;

use super::Foreign;
use super::octets::{Death, Said, read};
use crate::zre::{
    Body, Content, Event, ExitReason, GroupName, Headers, Link, Name, Origin, PeerId,
};

/// What JOIN and LEAVE end a foreign peer by that do not follow on those before them.
pub(in crate::sim) const WRONG_STATUS: Death = "a wrong status";

impl Foreign {
    /// What would have ended it is nobody's fault: it forgets the peer instead.
    pub(in crate::sim) fn survive(&mut self, id: PeerId) {
        self.death = None;
        self.remove(id, ExitReason::Gap);
    }

    /// A message comes in, as it is on the wire.
    pub(in crate::sim) fn receive(
        &mut self,
        now: Instant,
        id: PeerId,
        frame: &[u8],
        content: Option<Content>,
    ) {
        // On the port of a process that has ended, one may be greeted by itself; no business of ours.
        if self.death.is_some() || id == self.id {
            return;
        }
        let said = read(frame).and_then(|said| match (said.id, content.is_some()) {
            (2 | 3, false) => Err("a WHISPER or SHOUT without content"),
            (2 | 3, true) | (_, false) => Ok(said),
            (_, true) => Err("frames behind a message that has none"),
        });
        let done = said.and_then(|said| self.follow(now, id, said, content));
        self.death = done.err();
    }

    fn follow(
        &mut self,
        now: Instant,
        id: PeerId,
        said: Said,
        content: Option<Content>,
    ) -> Result<(), Death> {
        if said.id == 1 {
            if self.peers.get(&id).is_some_and(|peer| peer.is_ready) {
                self.remove(id, ExitReason::Dismissed);
            }
            let endpoint = said.endpoint.strip_prefix("tcp://");
            self.require(now, id, endpoint.and_then(|place| place.parse().ok()));
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.is_ready = true;
            }
        }
        let flavour = self.flavour;
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.is_ready) else {
            return Ok(());
        };
        let wanted = if said.id == 1 {
            1
        } else {
            flavour.next(peer.received)
        };
        if said.sequence != wanted {
            // A PING-OK with the number 0 leads to a HELLO (trap 10).
            let is_bridge = said.id == 7 && said.sequence == 0;
            let reason = if is_bridge {
                ExitReason::Dismissed
            } else {
                ExitReason::Gap
            };
            self.remove(id, reason);
            return Ok(());
        }
        peer.received = said.sequence;
        peer.heard = now;
        self.obey(id, said, content)
    }

    fn obey(&mut self, id: PeerId, said: Said, content: Option<Content>) -> Result<(), Death> {
        let origin = Origin::unproven(id);
        match (said.id, content) {
            (1, _) => self.enter(id, said),
            (2, Some(content)) => {
                self.event(Event::Whisper { origin, content });
                Ok(())
            }
            (3, Some(content)) => {
                let group = group(&said.group)?;
                self.event(Event::Shout {
                    origin,
                    group,
                    content,
                });
                Ok(())
            }
            (4, _) => {
                self.join(id, &said.group)?;
                self.check_status(id, said.status)
            }
            (5, _) => {
                self.leave(id, &said.group)?;
                self.check_status(id, said.status)
            }
            (6, _) => {
                self.send(id, Body::PingOk);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn enter(&mut self, id: PeerId, said: Said) -> Result<(), Death> {
        let place = self.peers.get(&id).and_then(|peer| peer.place);
        let place = place.ok_or("a HELLO without an endpoint")?;
        self.event(Event::Enter {
            peer: id,
            name: Name::lossy(said.name.as_bytes()),
            headers: Headers::default(),
            link: Link::plain(place, None),
        });
        for group in &said.groups {
            self.join(id, group)?;
        }
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.status = said.status;
        }
        Ok(())
    }

    fn join(&mut self, id: PeerId, name: &str) -> Result<(), Death> {
        let group = group(name)?;
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.status = peer.status.wrapping_add(1);
            if peer.groups.insert(group.clone()) {
                self.event(Event::Join { peer: id, group });
            }
        }
        Ok(())
    }

    fn leave(&mut self, id: PeerId, name: &str) -> Result<(), Death> {
        let group = group(name)?;
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.status = peer.status.wrapping_add(1);
            if peer.groups.remove(&group) {
                self.event(Event::Leave { peer: id, group });
            }
        }
        Ok(())
    }

    /// An assertion in Zyre, an exception in Pyre.
    fn check_status(&self, id: PeerId, status: u8) -> Result<(), Death> {
        let is_right = self.peers.get(&id).is_none_or(|peer| peer.status == status);
        is_right.then_some(()).ok_or(WRONG_STATUS)
    }
}

fn group(name: &str) -> Result<GroupName, Death> {
    GroupName::lossy(name.as_bytes()).ok_or("a group without a name")
}
