//! The outgoing connections: a DEALER for each peer, send only, with its octets in flight bounded.
//!
//! What is on the wire is what libzmq's DEALER says. What is queued waits here, in order, and is
//! written as far as the system takes it: nothing in here waits. Nothing decides what is sent, or to
//! whom: see [`Engine`](crate::zre::Engine).

#[cfg(any(test, feature = "sim"))]
pub(super) mod checks;
mod link;
mod pace;
mod queue;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};

use crate::zre::{self, Body, Content, Frame, Limits, LinkId, Message, PeerId};

use self::link::Link;
use self::pace::Chance;
use self::queue::Spare;
use super::bell::poll_timeout;
use super::readiness::Readiness;
use super::seldom::Seldom;
use super::zmtp::Words;

/// All outgoing connections of a node.
pub(super) struct Links {
    /// What may be queued in one link, and in all together, in octets.
    budget: u64,
    in_all: u64,
    links: BTreeMap<LinkId, Link>,
    /// When something is to be done about which link, though nothing happens.
    due: BTreeSet<(Instant, LinkId)>,
    tools: Tools,
    /// Serve to learn which sockets have something, and to encode all headers.
    numbers: Vec<u64>,
    header: Vec<u8>,
    /// For how many rounds no SHOUTs have been written, for more of them to gather.
    gathered: u32,
    /// Whether sockets may have something new.
    pub(super) signalled: bool,
}

/// What all links have in common.
struct Tools {
    sockets: Readiness,
    words: Words,
    limits: Limits,
    spare: Spare,
    chance: Chance,
    news: VecDeque<News>,
    /// Links that have got something to write.
    unwritten: Vec<LinkId>,
    /// What is queued in all links together, in octets.
    queued: u64,
    /// Links that have got SHOUTs to write, those first that have waited longest.
    shouts: VecDeque<LinkId>,
    /// What may be queued in a link that was full for it to have room again.
    room_from: u64,
    complaints: Seldom,
}

/// What became of a message that was to be sent.
#[derive(Debug)]
pub(super) enum Sent {
    /// It is queued.
    Queued,
    /// The link has no room for it; here it is again.
    Full(Message),
}

/// What is new about a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// The system there has accepted its connection.
    Met(LinkId),
    /// Its first message was taken: somebody is there.
    Connected(LinkId),
    /// A full link has taken some octets.
    Progress(LinkId),
    /// A full link has room again.
    Room(LinkId),
    /// Nobody listens there (any more).
    Refused(LinkId),
    /// This peer's mailbox is there, and another one's is sought.
    Another(LinkId, PeerId),
    /// One is given up, for what came over it.
    Violation,
}

impl Links {
    /// No links yet; `seed` is where chance begins.
    pub(super) fn new(peer: PeerId, limits: &Limits, seed: u64) -> io::Result<Self> {
        let octets = |octets| u64::try_from(octets).unwrap_or(u64::MAX);
        let budget = octets(limits.queued_octets);
        Ok(Self {
            budget,
            in_all: octets(limits.queued_octets_in_all).max(budget),
            links: BTreeMap::new(),
            due: BTreeSet::new(),
            tools: Tools {
                sockets: Readiness::new()?,
                words: Words::of_a_dealer(&peer.routing_id()),
                limits: limits.clone(),
                spare: Spare::default(),
                chance: Chance::new(seed),
                news: VecDeque::new(),
                unwritten: Vec::new(),
                queued: 0,
                room_from: 0,
                shouts: VecDeque::new(),
                complaints: Seldom::default(),
            },
            numbers: Vec::new(),
            header: Vec::new(),
            gathered: 0,
            signalled: false,
        })
    }

    /// Opens a link: it is dialled from now on until somebody is there.
    pub(super) fn connect(
        &mut self,
        now: Instant,
        id: LinkId,
        peer: Option<PeerId>,
        to: &zre::Link,
    ) {
        self.links.insert(id, Link::new(id, peer, to.remote));
        self.change(id, |link, tools| link.dial(now, tools));
    }

    /// Leads a link to another place: what was sent and has not arrived goes there.
    pub(super) fn lead(&mut self, now: Instant, id: LinkId, peer: PeerId, to: &zre::Link) {
        let to = to.remote;
        self.change(id, |link, tools| link.lead(now, peer, to, tools));
    }

    /// From now on a link is known to be to this peer.
    pub(super) fn belong(&mut self, id: LinkId, peer: PeerId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.belong(peer);
        }
    }

    /// Queues a message; `tail` says whether the tail of its content goes with it. It is written by
    /// [`Links::flush`], or before that if much has gathered. A SHOUT, which may go to thousands, may be
    /// written later than that, together with others.
    pub(super) fn send(&mut self, now: Instant, id: LinkId, message: Message, tail: bool) -> Sent {
        let budget = self.budget();
        let Some(link) = self.links.get_mut(&id) else {
            debug_assert!(false, "a message for {id:?}, which is not open");
            return Sent::Full(message);
        };
        self.header.clear();
        message.encode_header(&mut self.header);
        let content = message.body.content();
        let cost = queue::cost(&self.header, frames_of(content, tail));
        if link.is_given_up() && content.is_none() {
            // Nobody will ever answer it, which tells the engine more than a full link would.
            return Sent::Queued;
        }
        if !link.has_room(cost, budget) && link.wants_write() {
            self.change(id, |link, tools| link.write(now, tools));
        }
        let budget = self.budget();
        let Self { links, tools, .. } = self;
        let Some(link) = links
            .get_mut(&id)
            .filter(|link| link.has_room(cost, budget))
        else {
            if let Some(link) = links.get_mut(&id) {
                link.is_full = true;
            }
            return Sent::Full(message);
        };
        link.queue.push(
            &self.header,
            frames_of(content, tail),
            cost,
            &mut tools.spare,
        );
        tools.queued += cost;
        if matches!(message.body, Body::Shout { .. }) {
            if !std::mem::replace(&mut link.has_shouts, true) {
                tools.shouts.push_back(id);
            }
            return Sent::Queued;
        }
        if !std::mem::replace(&mut link.is_listed, true) {
            tools.unwritten.push(id);
        }
        if link.queue.unwritten() >= MUCH && link.wants_write() {
            self.change(id, |link, tools| link.write(now, tools));
        }
        Sent::Queued
    }

    /// Writes what was queued, as far as it is taken; of SHOUTs, no more than a share of a round, those
    /// that have waited longest first, or for a few rounds none, if they are many and `more` follow. To
    /// be called at the end of a round.
    pub(super) fn flush(&mut self, now: Instant, more: bool) {
        self.flush_answers(now);
        if more && self.tools.shouts.len() > MANY && self.gathered < GATHERED_ROUNDS {
            self.gathered += 1;
            return;
        }
        self.gathered = 0;
        let mut left = SHOUTED;
        while left > 0
            && let Some(id) = self.tools.shouts.pop_front()
        {
            self.change(id, |link, tools| {
                let before = link.queue.unwritten();
                link.has_shouts = false;
                link.write(now, tools);
                let written = before.saturating_sub(link.queue.unwritten());
                left = left.saturating_sub(WRITE + written);
            });
        }
    }

    /// Whether SHOUTs are to wait until some of those that were queued are written: links gather no more
    /// of them than are worth a write.
    pub(super) fn gathers_enough(&self) -> bool {
        let shouts = &self.tools.shouts;
        let first = shouts.front().and_then(|id| self.links.get(id));
        first.filter(|link| link.wants_write()).is_some_and(|link| {
            let gathered = link.queue.unwritten();
            gathered >= MUCH || gathered.saturating_mul(shouts.len() as u64) >= GATHERED
        })
    }

    /// Writes what was queued, SHOUTs left out. To be called at the end of each batch of messages.
    pub(super) fn flush_answers(&mut self, now: Instant) {
        let mut listed = std::mem::take(&mut self.tools.unwritten);
        for id in listed.drain(..) {
            self.change(id, |link, tools| {
                link.is_listed = false;
                link.write(now, tools);
            });
        }
        if self.tools.unwritten.is_empty() {
            self.tools.unwritten = listed;
        }
    }

    /// When the other end of a link's connection last acknowledged something, if that can be known.
    pub(super) fn acknowledged(&self, id: LinkId) -> Option<Instant> {
        let silence = self.links.get(&id)?.silence()?;
        // Of this very moment: the round may have begun long ago where there is little of a processor.
        Instant::now().checked_sub(silence)
    }

    /// Closes a link and throws away what it has not sent; how many WHISPERs and SHOUTs that is.
    pub(super) fn disconnect(&mut self, id: LinkId) -> u64 {
        let Some(link) = self.links.remove(&id) else {
            return 0;
        };
        if let Some(due) = link.due {
            self.due.remove(&(due, id));
        }
        let unsent = link.queue.contents();
        self.tools.queued -= link.queue.cost();
        link.hang_up();
        unsent
    }

    /// Readable while there is something for [`Links::attend`].
    pub(super) fn signal(&self) -> BorrowedFd<'_> {
        self.tools.sockets.as_fd()
    }

    /// Goes on with all links about which something is new, or whose time has come.
    pub(super) fn attend(&mut self, now: Instant) {
        if std::mem::take(&mut self.signalled) {
            let mut numbers = std::mem::take(&mut self.numbers);
            while self.tools.sockets.take(&mut numbers) {}
            for id in numbers.drain(..).map(LinkId) {
                self.change(id, |link, tools| link.attend(now, tools));
            }
            self.numbers = numbers;
        }
        // One that is dialled again at once may be refused at once; that is not at once again.
        while let Some(&(due, id)) = self.due.first()
            && due <= now
        {
            self.change(id, |link, tools| link.handle_timeout(now, tools));
        }
    }

    /// What may be queued in one link now: its equal part, if all together hold as much as they may.
    fn budget(&self) -> u64 {
        if self.tools.queued < self.in_all {
            return self.budget;
        }
        let links = u64::try_from(self.links.len()).unwrap_or(u64::MAX);
        self.budget.min(self.in_all / links.max(1))
    }

    /// Lets something be done about a link, and its deadline and what it holds be known.
    fn change(&mut self, id: LinkId, change: impl FnOnce(&mut Link, &mut Tools)) {
        self.tools.room_from = self.budget() / 4 * 3;
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let (before, queued) = (link.due, link.queue.cost());
        change(link, &mut self.tools);
        self.tools.queued = self.tools.queued - queued + link.queue.cost();
        if link.due != before {
            self.due.extend(link.due.map(|due| (due, id)));
            if let Some(before) = before {
                self.due.remove(&(before, id));
            }
        }
    }

    /// What is new since the last time.
    pub(super) fn take_news(&mut self) -> Option<News> {
        self.tools.news.pop_front()
    }

    /// Whether there is something to do that nobody signals.
    pub(super) fn is_busy(&self) -> bool {
        let tools = &self.tools;
        let has_unwritten = !tools.unwritten.is_empty() || !tools.shouts.is_empty();
        self.signalled || !tools.news.is_empty() || has_unwritten
    }

    /// When [`Links::attend`] is wanted though nothing is signalled.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Closes all links. Where somebody is there, what is queued is still sent, for so long at most.
    pub(super) fn close(&mut self, linger: Duration) {
        let until = Instant::now() + linger;
        loop {
            let now = Instant::now();
            self.attend(now);
            self.flush(now, false);
            let is_done = !self.links.values().any(Link::is_unfinished);
            if is_done || now >= until {
                break;
            }
            let mut signal = [PollFd::new(self.signal(), PollFlags::POLLIN)];
            let left = if self.is_busy() {
                Duration::ZERO
            } else {
                until.saturating_duration_since(now)
            };
            // Whatever it says, there is another round, for as long as there is time.
            let _interrupted = poll(&mut signal, poll_timeout(Some(left)));
            self.signalled = true;
        }
        for link in std::mem::take(&mut self.links).into_values() {
            link.hang_up();
        }
        self.due.clear();
    }
}

impl Tools {
    /// Logs that the system has nothing left for a connection. That a network is gone is no news here.
    fn complain(&mut self, now: Instant, error: &io::Error) {
        let errno = error.raw_os_error().map(Errno::from_raw);
        let is_lack = matches!(
            errno,
            Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM)
        );
        if is_lack && let Some(before) = self.complaints.is_due(now) {
            log::warn!(
                "no connection can be opened: {error} ({before} more times since this was last told)"
            );
        }
    }
}

/// The frames of content for a receiver.
fn frames_of(content: Option<&Content>, tail: bool) -> impl Iterator<Item = &Frame> {
    let tail = content.and_then(Content::tail).filter(|_| tail);
    content
        .into_iter()
        .flat_map(Content::frames)
        .chain(tail.into_iter().flat_map(|tail| &tail.frames))
}

/// From how many octets on a link is written to before the end of a batch, and no more SHOUTs are
/// gathered for it.
const MUCH: u64 = 64 << 10;

/// How many octets of SHOUTs are written in a round, each write counted as [`WRITE`] octets more: so at
/// most 256 writes, which take some milliseconds. A SHOUT to thousands is written in many rounds, and
/// whatever else there is to do has its turn in each; what is shouted meanwhile goes with it.
const SHOUTED: u64 = 2 << 20;

/// SHOUTs to more links than this, which is all that one round writes to, gather for some rounds before
/// they are written, as long as more follow. A round takes one of them.
const MANY: usize = 256;
const GATHERED_ROUNDS: u32 = 8;

/// How much is gathered for all links together, in octets.
const GATHERED: u64 = 8 << 20;

/// What a write costs besides its octets, in octets that could have been written instead.
const WRITE: u64 = 8 << 10;

#[cfg(test)]
mod tests;
