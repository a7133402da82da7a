//! The mesh thread: it owns the engine and all TCP sockets, and goes round one loop.
//!
//! Each round takes a bounded batch from every source that has something (beacons, connections,
//! messages, actions), tells the engine, and carries out what the engine wants, before it looks at the
//! next one: whatever floods, nothing else starves. When nobody has anything it sleeps in a single
//! poll, until somebody rings or the engine's next deadline. It never waits for the application: events
//! that the application does not take wait here, and until they are gone the inbox is not read, so that
//! TCP makes the senders wait.

use std::net::IpAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::zre::{Action, Content, Engine, Event, Host, Origin, Output, Stats};

use super::beacon::{BeaconHandle, Heard};
use super::bell::{Bell, Waker, poll_timeout};
use super::counters::Counters;
use super::inbox::{Inbox, Notice, Received};
use super::interface::{LinkLocal, Network};
use super::links::{Links, News, Sent};
use super::mailbox::Receiver;
use super::outlet::Outlet;
use super::route::local_towards;
use super::share::{self, Share};

/// Everything that the mesh thread owns.
pub(super) struct Mesh {
    core: Core,
    /// `None` once the node is stopping.
    actions: Option<Receiver<Action>>,
    /// The stop that was asked for, and how many actions behind it are still taken: other threads
    /// may have handed them over before they knew.
    stop: Option<(Action, usize)>,
    /// `None` if the beacon thread has ended.
    heard: Option<Receiver<Heard>>,
    waker: Waker,
}

/// The engine, and what carries out what it wants.
pub(super) struct Core {
    pub(super) engine: Engine,
    pub(super) inbox: Inbox,
    pub(super) links: Links,
    pub(super) beacon: Beacon,
    pub(super) outlet: Outlet,
    pub(super) shared: Arc<Shared>,
    /// Whether the mailbox has to be opened on networks that appear: it is bound to addresses.
    pub(super) follows_networks: bool,
    pub(super) reading: bool,
    pub(super) stopping: bool,
}

/// The beacon thread. When this is dropped, it says farewell and ends, and that is waited for.
pub(super) struct Beacon(Option<BeaconHandle>);

impl Beacon {
    pub(super) const fn new(handle: BeaconHandle) -> Self {
        Self(Some(handle))
    }

    fn farewell(&self, to: Host) {
        if let Some(handle) = &self.0 {
            handle.farewell(to);
        }
    }

    /// Adds what was counted there.
    fn add_to(&self, stats: &mut Stats) {
        if let Some(counts) = self.0.as_ref().map(BeaconHandle::counts) {
            stats.bad_beacons += counts.unknown_version + counts.malformed;
            stats.dropped_sightings += counts.dropped;
        }
    }
}

impl Drop for Beacon {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take()
            && !handle.stop().join()
        {
            log::error!("the beacon thread has panicked");
        }
    }
}

/// What the thread shares with the node's handle.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) counters: Counters,
    pub(super) bell: Arc<Bell>,
    abort: AtomicBool,
}

impl Shared {
    pub(super) fn new(bell: Arc<Bell>) -> Self {
        Self {
            counters: Counters::default(),
            bell,
            abort: AtomicBool::new(false),
        }
    }

    /// Ends the thread soon, whatever waits to be delivered.
    pub(super) fn abort(&self) {
        self.abort.store(true, Ordering::Release);
        self.bell.ring();
    }

    fn is_aborted(&self) -> bool {
        self.abort.load(Ordering::Acquire)
    }
}

impl Mesh {
    pub(super) const fn new(
        core: Core,
        actions: Receiver<Action>,
        heard: Receiver<Heard>,
        waker: Waker,
    ) -> Self {
        Self {
            core,
            actions: Some(actions),
            stop: None,
            heard: Some(heard),
            waker,
        }
    }

    /// The whole life of the thread.
    pub(super) fn run(mut self) {
        while !self.core.stopping && !self.core.shared.is_aborted() {
            let now = Instant::now();
            self.round(now);
            self.core.publish();
            if !self.core.stopping {
                self.rest(now);
            }
        }
        self.core.finish();
    }

    fn round(&mut self, now: Instant) {
        let core = &mut self.core;
        core.outlet.begin_round(now);
        core.flush_events(now);
        if let Some(beacons) = &self.heard {
            for heard in beacons.drain(BATCH) {
                core.hear(now, heard);
            }
            if beacons.is_closed() && beacons.is_empty() {
                log::error!("the beacon thread has ended");
                self.heard = None;
            }
        }
        core.look_after_connections(now);
        core.links.flush_answers(now);
        core.look_after_links(now);
        core.read_inbox(now);
        // Behind what has come: nobody is to be blamed for silence while what it said lies here, as it does
        // where this thread got no processor for a while.
        core.handle_timeouts(now);
        // Before the actions, for they may take a while.
        core.outlet.hand_over();
        core.links.flush_answers(now);
        self.take_actions(now);
        self.core.outlet.hand_over();
        let more = self.takes_more();
        self.core.links.flush(now, more);
    }

    /// Whether the next round begins with actions that wait already.
    fn takes_more(&self) -> bool {
        let core = &self.core;
        core.engine.wants_actions()
            && !core.links.gathers_enough()
            && self.actions.as_ref().is_some_and(|queue| !queue.is_empty())
    }

    fn take_actions(&mut self, now: Instant) {
        let Self {
            core,
            actions,
            stop,
            ..
        } = self;
        let Some(queue) = actions else { return };
        let mut batch = queue.drain(BATCH);
        let mut share = Share::of_a_round();
        // The engine is done with one action before it is asked whether it wants the next.
        while share.is_left() && core.engine.wants_actions() && !core.links.gathers_enough() {
            let next = match stop {
                Some((_, 0)) => None,
                Some((_, left)) => {
                    *left -= 1;
                    batch.next()
                }
                None => batch.next(),
            };
            match next {
                Some(action @ Action::Stop { .. }) => {
                    stop.get_or_insert((action, BEHIND_STOP));
                }
                Some(action) => {
                    if let Action::Greet(address) = &action {
                        core.find_route(Host::from(*address));
                    }
                    core.engine.handle_action(now, action);
                    share.spend(core.carry_out(now));
                }
                None => break,
            }
        }
        drop(batch);
        let is_last = stop
            .as_ref()
            .is_some_and(|(_, left)| *left == 0 || queue.is_empty());
        if is_last
            && core.engine.wants_actions()
            && let Some((action, _)) = stop.take()
        {
            core.engine.handle_action(now, action);
            core.carry_out(now);
            // From now on, whoever sends is told that the node has stopped.
            *actions = None;
        }
    }

    /// Sleeps until there is something to do. If there is already, only looks which sockets have
    /// something.
    fn rest(&mut self, now: Instant) {
        let core = &mut self.core;
        let busy = core.reading && core.inbox.is_ready() || core.inbox.arrived;
        if !busy {
            self.waker.prepare_sleep();
        }
        let busy = busy
            || core.engine.wants_actions() && self.actions.as_ref().is_some_and(Receiver::is_ready)
            || self.heard.as_ref().is_some_and(Receiver::is_ready)
            || core.links.is_busy()
            || core.outlet.wants_flush()
            || core.shared.is_aborted();
        let timeout = if busy {
            PollTimeout::ZERO
        } else {
            poll_timeout(
                core.poll_timeout()
                    .map(|at| at.saturating_duration_since(now)),
            )
        };
        core.poll(&self.waker, timeout);
        self.waker.awake();
    }
}

impl Core {
    /// Waits for sockets and for the bell; notes which sockets have something.
    fn poll(&mut self, waker: &Waker, timeout: PollTimeout) {
        let reading = if self.reading {
            PollFlags::POLLIN
        } else {
            PollFlags::empty()
        };
        let mut polled = [
            PollFd::new(waker.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.inbox.signal(), reading),
            PollFd::new(self.inbox.arrival_signal(), PollFlags::POLLIN),
            PollFd::new(self.links.signal(), PollFlags::POLLIN),
        ];
        // Whatever the poll says (a signal may have come), another round does no harm.
        let _interrupted = poll(&mut polled, timeout);
        let [_, inbox, arrivals, links] = polled.map(|one| one.any().unwrap_or(false));
        self.inbox.signalled |= inbox;
        self.inbox.arrived |= arrivals;
        self.links.signalled |= links;
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let inbox = self.inbox.poll_timeout();
        let links = self.links.poll_timeout();
        [self.engine.poll_timeout(), inbox, links]
            .into_iter()
            .flatten()
            .min()
    }

    fn handle_timeouts(&mut self, now: Instant) {
        if self.engine.poll_timeout().is_some_and(|at| at <= now) {
            self.engine.handle_timeout(now);
            self.carry_out(now);
        }
        if self.inbox.poll_timeout().is_some_and(|at| at <= now) {
            self.inbox.handle_timeout(now);
        }
    }

    /// What the beacon thread has to tell.
    fn hear(&mut self, now: Instant, heard: Heard) {
        match heard {
            Heard::Sighting(sighting) => self.engine.handle_beacon(now, sighting),
            Heard::Echo(network) => log::debug!("our own beacons are heard on {network}"),
            Heard::Networks { networks, links } => {
                let here = hosts(&networks, &links);
                let addresses: Vec<IpAddr> = here.map(|host| host.address).collect();
                if self.follows_networks {
                    self.inbox.follow(hosts(&networks, &links));
                }
                let greeted: Vec<Host> = self.engine.greeted().collect();
                for remote in greeted {
                    self.find_route(remote);
                }
                let zones = links.into_iter().map(|link| (link.address, link.name));
                self.engine.handle_zones(zones);
                self.engine.handle_addresses(now, &addresses);
                self.outlet.push(Event::Network { addresses });
            }
        }
        self.carry_out(now);
    }

    fn find_route(&mut self, remote: Host) {
        self.engine.handle_route(remote, local_towards(remote));
    }

    fn look_after_connections(&mut self, now: Instant) {
        self.inbox.attend(now);
        while let Some(notice) = self.inbox.take_notice() {
            let stats = self.engine.stats_mut();
            match notice {
                Notice::Unheard(peer, remote) => self.engine.handle_unheard(now, peer, remote),
                Notice::Refused => stats.refused_connections += 1,
                Notice::ClosedUnheard => stats.closed_unheard += 1,
                Notice::BadOrigin => stats.bad_origins += 1,
                Notice::Violation => stats.violations += 1,
                Notice::TooMuchHeld => stats.closed_unfinished += 1,
            }
        }
        self.carry_out(now);
    }

    fn look_after_links(&mut self, now: Instant) {
        self.links.attend(now);
        while let Some(news) = self.links.take_news() {
            match news {
                News::Met(link) => self.engine.handle_met(now, link),
                News::Connected(link) => {
                    self.engine.handle_connected(now, link);
                    if let Some(peer) = self.engine.proven_by(link) {
                        self.inbox.proven(peer);
                    }
                }
                News::Progress(link) => self.engine.handle_progress(now, link),
                News::Room(link) => self.engine.handle_room(now, link),
                News::Refused(link) => self.engine.handle_refused(now, link),
                News::Another(link, other) => self.engine.handle_another(now, link, other),
                News::Violation => self.engine.stats_mut().sending_mailboxes += 1,
            }
            self.carry_out(now);
        }
        self.links.flush_answers(now);
    }

    fn read_inbox(&mut self, now: Instant) {
        self.inbox.begin_round();
        for _ in 0..BATCH {
            if !self.reading {
                return;
            }
            match self.inbox.receive() {
                Some(Received::Message { from, via, message }) => {
                    let origin = Origin::unproven(from);
                    self.engine.handle_message(now, origin, via, message);
                }
                Some(Received::Malformed { from }) => self.engine.handle_malformed(now, from),
                Some(Received::Broken { peer }) => self.engine.handle_broken(now, peer),
                Some(Received::Reopened { peer, remote }) => {
                    self.engine.handle_reopened(now, peer, remote);
                }
                None => return,
            }
            self.carry_out(now);
        }
    }

    /// Does what the engine wants; what that counts for in the [`Share`] of a round.
    fn carry_out(&mut self, now: Instant) -> usize {
        let mut spent = 0;
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Send {
                    link,
                    message,
                    tail,
                } => {
                    spent += share::cost(message.body.content().map_or(0, Content::size));
                    if let Sent::Full(message) = self.links.send(now, link, message, tail) {
                        self.engine.handle_full(now, link, message, tail);
                    }
                }
                Output::Event(event) => self.tell(now, event),
                Output::Connect { link, peer, to } => self.links.connect(now, link, peer, &to),
                Output::Lead { link, peer, to } => self.links.lead(now, link, peer, &to),
                Output::Disconnect { link } => {
                    let unsent = self.links.disconnect(link);
                    self.engine.handle_closed(now, link, unsent);
                }
                Output::Belong { link, peer } => self.links.belong(link, peer),
                Output::Probe { link } => {
                    if let Some(at) = self.links.acknowledged(link) {
                        self.engine.handle_acknowledged(link, at);
                    }
                }
                Output::HangUp { peer, at } => self.inbox.hang_up(now, peer, at),
                Output::Farewell { to } => self.beacon.farewell(to),
                Output::Stop => self.stopping = true,
            }
        }
        spent
    }

    fn tell(&mut self, now: Instant, event: Event) {
        match &event {
            Event::Enter { peer, .. } => {
                self.inbox.entered(now, *peer);
                if self.engine.has_proven_itself(*peer) {
                    self.inbox.proven(*peer);
                }
            }
            Event::Exit { peer, .. } => self.inbox.left(*peer),
            _ => {}
        }
        self.outlet.push(event);
        if self.reading && !self.outlet.is_clear() {
            self.set_reading(now, false);
        }
    }

    fn flush_events(&mut self, now: Instant) {
        if self.reading {
            return;
        }
        self.outlet.flush();
        if self.outlet.is_clear() {
            self.set_reading(now, true);
            self.carry_out(now);
        }
    }

    fn set_reading(&mut self, now: Instant, reading: bool) {
        self.reading = reading;
        self.inbox.set_reading(now, reading);
        self.engine.handle_inbox(now, reading);
    }

    fn publish(&self) {
        let mut stats = self.engine.stats().clone();
        self.beacon.add_to(&mut stats);
        self.shared.counters.publish(&stats);
    }

    /// Leaves the network: farewell, then the connections, then the application is told.
    fn finish(self) {
        self.publish();
        let Self {
            beacon,
            mut links,
            inbox,
            outlet,
            ..
        } = self;
        drop(beacon);
        links.close(LINGER);
        drop((links, inbox));
        outlet.finish();
    }
}

/// Where we are, on all networks and links. The first is what others are told who come from elsewhere.
pub(super) fn hosts(networks: &[Network], links: &[LinkLocal]) -> impl Iterator<Item = Host> {
    let (loopback, networks): (Vec<&Network>, Vec<&Network>) =
        networks.iter().partition(|network| network.is_loopback);
    let host = |network: &Network| Host::from(IpAddr::V4(network.address));
    let links = links.iter().map(LinkLocal::host);
    let networks = networks.into_iter().map(host).chain(links);
    networks.chain(loopback.into_iter().map(host))
}

/// What is taken from one source before the others get their turn.
const BATCH: usize = 256;
/// Actions behind a stop that are still taken.
const BEHIND_STOP: usize = 4_096;
/// How long connections stay open for what is still queued in them, after everything that can be
/// confirmed was.
const LINGER: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
