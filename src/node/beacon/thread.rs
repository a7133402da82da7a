//! The loop of the beacon thread: one poll, then everything that is due, in a fixed order.

mod traffic;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};

use super::counts::Counters;
use super::familiar::Familiar;
use super::leisure::Leisure;
use super::link_socket::LinkSocket;
use super::pace::Pace;
use super::socket::Socket;
use super::{Config, FarewellTo, Heard};
use crate::node::bell::poll_timeout;
use crate::node::interface::{
    self, LinkLocal, Listed, ListedLink, Listing, Network, Watch, decide, decide_links, links,
    networks,
};
use crate::node::mailbox::{Receiver, Sender, TrySendError, Waker};
use crate::zre::{Announcer, Beacon, Host};
use traffic::FromLink;

/// What the thread is made of.
pub(super) struct Parts {
    pub(super) config: Config,
    pub(super) socket: Socket,
    /// `None` where there is no IPv6.
    pub(super) link_socket: Option<LinkSocket>,
    pub(super) watch: Watch,
    pub(super) waker: Waker,
    pub(super) commands: Receiver<FarewellTo>,
    pub(super) mesh: Sender<Heard>,
    pub(super) counters: Counters,
}

/// The thread's state.
pub(super) struct Thread {
    parts: Parts,
    announcer: Announcer,
    networks: Vec<Network>,
    /// The links on which IPv6 is used.
    links: Vec<LinkLocal>,
    /// The number of the loopback interface, used or not.
    loopback: Option<u32>,
    /// Whether `networks` and `links` have still to be told to the mesh.
    networks_untold: bool,
    /// When to list the interfaces again.
    list_at: Option<Instant>,
    /// The networks on which a beacon of ours came back.
    echoed: Vec<Network>,
    familiar: Familiar,
    leisure: Leisure,
    /// Until when IPv6 is not listened to by itself.
    links_rest: Option<Instant>,
    /// Serves to read what comes by it.
    from_links: Vec<FromLink>,
    /// What is still to be sent by IPv6, and when.
    due_on_links: Option<(Instant, Beacon)>,
    /// Farewells to single addresses that are still to be sent.
    farewells: Vec<Farewell>,
    /// Whether farewells to all are being sent, after which the thread ends.
    stopping: bool,
    /// Until when nothing but the waker is polled: a descriptor was ready for nothing.
    deaf_until: Option<Instant>,
    refusals: Pace,
    failures: Pace,
}

/// Farewells to one host.
#[derive(Debug, Clone, Copy)]
struct Farewell {
    to: Host,
    due: Instant,
    left: u32,
}

/// What the poll found.
#[derive(Debug, Clone, Copy, Default)]
struct Ready {
    datagrams: bool,
    /// By IPv6.
    link_datagrams: bool,
    /// It is not known for each of the two whether there are some.
    perhaps: bool,
    events: bool,
}

/// At most so many datagrams are taken before everything else has its turn: a flood does not keep
/// beacons from being sent.
const BATCH: usize = 256;

/// Changes of interfaces come in groups (link, address, route, again address): what follows within
/// this time after the first is seen in one listing.
const SETTLE: Duration = Duration::from_millis(20);

/// Where many are heard, how long what comes by IPv6 waits at most for something by IPv4 to be read with
/// it: mostly it says the same, and to get up for it a second time costs more than all else about it.
const LINKS_REST: Duration = Duration::from_millis(20);

/// How long a beacon by IPv6 goes behind the same beacon by IPv4. Whoever hears the first connects to
/// where it came from, and what else there is to do waits: where one processor does all of that, two nodes
/// that meet do so a tenth sooner.
const BEHIND: Duration = Duration::from_millis(5);

/// How soon to try again to tell the mesh of networks, when its queue is full.
const TELL_AGAIN: Duration = Duration::from_millis(20);

/// How soon to list again where listing failed.
const LIST_AGAIN: Duration = Duration::from_secs(1);

/// How long descriptors are left alone after one was ready for nothing: an error that does not go
/// away must not make the poll return for ever.
const DEAF: Duration = Duration::from_millis(10);

/// Farewells to a single address, and the distance between them: each may be lost.
const FAREWELLS: u32 = 3;
const FAREWELL_GAP: Duration = Duration::from_millis(10);

/// Addresses that farewells are being sent to. Those beyond it are told nothing.
const MOST_FAREWELLS: usize = 256;

/// A wake-up that comes so much later than asked for: the host was suspended, or the process stopped.
/// Others may have given us up, and the networks may be new ones.
const LONG_GAP: Duration = Duration::from_secs(3);

impl Thread {
    /// With the first beacon pending, and `listed` as the first list of interfaces.
    pub(super) fn new(parts: Parts, listed: &Listing) -> Self {
        let now = Instant::now();
        let config = &parts.config;
        let mut thread = Self {
            announcer: Announcer::new(now, config.peer, config.mailbox, config.interval),
            networks: Vec::new(),
            links: Vec::new(),
            loopback: None,
            networks_untold: true,
            list_at: parts.watch.look_again_after().map(|after| now + after),
            echoed: Vec::new(),
            familiar: Familiar::default(),
            leisure: Leisure::new(now),
            links_rest: None,
            from_links: Vec::new(),
            due_on_links: None,
            farewells: Vec::new(),
            stopping: false,
            deaf_until: None,
            refusals: Pace::default(),
            failures: Pace::default(),
            parts,
        };
        thread.use_networks(&listed.interfaces);
        thread.use_links(&listed.links);
        thread
    }

    /// Sends the first beacon.
    pub(super) fn announce_at_once(&mut self) {
        self.announce(Instant::now());
    }

    /// Runs until the other side has dropped its handle or its mailbox, and farewells are sent.
    pub(super) fn run(mut self) {
        let mut ready = Ready::default();
        loop {
            let now = Instant::now();
            self.notice_gap(now);
            if ready.events {
                if !self.parts.watch.take_events() {
                    self.deaf_until = Some(now + DEAF);
                }
                self.list_at.get_or_insert(now + SETTLE);
            }
            if self.list_at.is_some_and(|at| at <= now) {
                self.list(now);
            }
            self.tell_networks(now);
            self.listen(now, ready);
            self.take_commands(now);
            self.announce(now);
            self.send_farewells(now);
            if self.announcer.is_finished() {
                return;
            }
            ready = self.sleep();
        }
    }

    fn listen(&mut self, now: Instant, ready: Ready) {
        if ready.link_datagrams {
            self.links_rest = None;
        }
        let came = self.hear(now, ready);
        if came.anything() {
            self.leisure.spend(now, self.familiar.take_news());
        }
        if came.networks && !self.links.is_empty() && self.familiar.has_many() {
            self.links_rest = Some(now + LINKS_REST);
        }
    }

    fn notice_gap(&mut self, now: Instant) {
        let due = self.announcer.poll_timeout();
        if due.is_some_and(|due| now.saturating_duration_since(due) > LONG_GAP) {
            log::info!("the host slept, or this process: looking at the networks again");
            self.announcer.handle_networks_changed(now);
            self.list_at = Some(now);
        }
    }

    fn list(&mut self, now: Instant) {
        self.list_at = self.parts.watch.look_again_after().map(|after| now + after);
        match interface::list() {
            Ok(listed) => {
                // Where a network is gone, those who met us there learn by the others that we are here still.
                let networks = self.use_networks(&listed.interfaces);
                let links = self.use_links(&listed.links);
                if networks || links {
                    self.announcer.handle_networks_changed(now);
                }
            }
            Err(error) => {
                if let Some(untold) = self.failures.allows(now) {
                    log::warn!("the interfaces cannot be listed: {error} ({untold} more failures)");
                }
                self.list_at = Some(now + LIST_AGAIN);
            }
        }
    }

    /// Uses what is usable of these; whether that is something else than before.
    fn use_networks(&mut self, listed: &[Listed]) -> bool {
        let used = networks(&decide(listed, &self.parts.config.selection));
        let loopback = listed.iter().find(|one| one.is_loopback);
        self.loopback = loopback.map(|one| one.index);
        if used == self.networks {
            return false;
        }
        let described: Vec<String> = used.iter().map(Network::to_string).collect();
        log::debug!("networks in use: {}", described.join(", "));
        self.change_groups(&used);
        self.networks = used;
        self.echoed
            .retain(|network| self.networks.contains(network));
        self.networks_untold = true;
        true
    }

    /// Uses what is usable of these; whether that is something else than before. (An address that
    /// the system has not done with is told again when it has.)
    fn use_links(&mut self, listed: &[ListedLink]) -> bool {
        let Some(socket) = &self.parts.link_socket else {
            return false;
        };
        let used = links(&decide_links(listed, &self.parts.config.selection));
        if used == self.links {
            return false;
        }
        let is_in =
            |link: &LinkLocal, all: &[LinkLocal]| all.iter().any(|other| other.index == link.index);
        for gone in self.links.iter().filter(|link| !is_in(link, &used)) {
            // Mostly it is gone, and its memberships with it.
            let _left = socket.leave(gone.index);
        }
        for new in used.iter().filter(|link| !is_in(link, &self.links)) {
            if let Err(error) = socket.join(new.index) {
                log::debug!("multicast on {new}: {error}");
            }
        }
        let described: Vec<String> = used.iter().map(LinkLocal::to_string).collect();
        log::debug!("IPv6 is used on: {}", described.join(", "));
        self.links = used;
        self.networks_untold = true;
        true
    }

    /// Hears Pyre's fallback group by the loopback interface while that is used.
    fn change_groups(&self, used: &[Network]) {
        let loopback_of = |networks: &[Network]| {
            networks
                .iter()
                .find(|network| network.is_loopback)
                .map(|network| network.index)
        };
        let (before, after) = (loopback_of(&self.networks), loopback_of(used));
        if before == after {
            return;
        }
        let socket = &self.parts.socket;
        let left = before.map(|interface| socket.leave_fallback_group(interface));
        let joined = after.map(|interface| socket.join_fallback_group(interface));
        // Only nodes on this very host would be missed, and only those on Pyre without a network.
        for result in [left, joined].into_iter().flatten() {
            if let Err(error) = result {
                log::debug!("multicast on the loopback interface: {error}");
            }
        }
    }

    fn tell_networks(&mut self, now: Instant) {
        if self.networks_untold && !self.stopping {
            match self.parts.mesh.try_send(Heard::Networks {
                networks: self.networks.clone(),
                links: self.links.clone(),
            }) {
                Ok(()) => self.networks_untold = false,
                Err(TrySendError::Full(_)) => {}
                Err(TrySendError::Closed(_)) => self.stop(now),
            }
        }
    }

    fn take_commands(&mut self, now: Instant) {
        for FarewellTo(to) in self.parts.commands.drain(BATCH) {
            if self.farewells.len() < MOST_FAREWELLS {
                self.farewells.push(Farewell {
                    to,
                    due: now,
                    left: FAREWELLS,
                });
            }
        }
        if self.parts.commands.is_closed() && self.parts.commands.is_empty() {
            self.stop(now);
        }
    }

    fn stop(&mut self, now: Instant) {
        if !self.stopping {
            self.stopping = true;
            self.announcer.stop(now);
        }
    }

    fn sleep(&mut self) -> Ready {
        let parts = &self.parts;
        parts.waker.prepare_sleep();
        let now = Instant::now();
        let is_deaf = self.deaf_until.is_some_and(|until| now < until);
        let rest = self.leisure.until(now).filter(|_| !is_deaf);
        let links_rest = self.links_rest.filter(|_| !is_deaf && rest.is_none());
        let commands_wait = !self.stopping && parts.commands.is_ready();
        let left = if commands_wait {
            Some(Duration::ZERO)
        } else {
            let deadline = self.deadline(now).into_iter().chain(rest).chain(links_rest);
            deadline.min().map(|at| at.saturating_duration_since(now))
        };
        let listens = !is_deaf && !self.stopping && rest.is_none();
        let socket = listens.then(|| parts.socket.as_fd());
        let links = parts.link_socket.as_ref().map(AsFd::as_fd);
        let links = links.filter(|_| listens && links_rest.is_none());
        let events = parts.watch.fd().filter(|_| !is_deaf && !self.stopping);
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut fds = vec![readable(parts.waker.as_fd())];
        fds.extend(socket.map(readable));
        fds.extend(links.map(readable));
        fds.extend(events.map(readable));
        let polled = poll(&mut fds, poll_timeout(left));
        parts.waker.awake();
        match polled {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ready::default(),
            // Only lack of kernel memory is left. Go on at a slow pace.
            Err(_) => {
                std::thread::park_timeout(DEAF);
                return Ready::default();
            }
        }
        let is_ready = |fd: Option<BorrowedFd<'_>>| {
            let number = fd.map(|fd| fd.as_raw_fd());
            let mut found = fds
                .iter()
                .filter(|one| Some(one.as_fd().as_raw_fd()) == number);
            found.any(|one| one.revents().is_some_and(|events| !events.is_empty()))
        };
        let now = Instant::now();
        let is_over = |rest: Option<Instant>| rest.is_some_and(|until| until <= now);
        let rested = is_over(rest) && !self.stopping;
        let datagrams = rested || is_ready(socket);
        let links_rested = links_rest.is_some() && (datagrams || is_over(links_rest));
        Ready {
            datagrams,
            link_datagrams: rested || links_rested || is_ready(links),
            perhaps: rested || links_rested,
            events: is_ready(events),
        }
    }

    /// When something is due without anybody calling.
    fn deadline(&self, now: Instant) -> Option<Instant> {
        let tell_again = self.networks_untold && !self.stopping;
        let farewells = self.farewells.iter().map(|farewell| farewell.due);
        [
            self.announcer.poll_timeout(),
            self.due_on_links.as_ref().map(|(due, _)| *due),
            self.list_at,
            tell_again.then(|| now + TELL_AGAIN),
            self.deaf_until.filter(|&until| now < until),
        ]
        .into_iter()
        .flatten()
        .chain(farewells)
        .min()
    }
}
