//! A world: hosts, a network and one clock, all of it from one seed.
//!
//! What happens next is in one heap, ordered by time and by number; it is taken out, the clock goes
//! on to it, and the machines are told, exactly as the shells of the program tell them. The other
//! files here hold the parts: `processes` (what machines want done), `datagrams`, `streams`,
//! `inbound` and `delivery` (how that travels), `faults` and `repairs` (what goes wrong, and gets right), `applications` (what people do), `chats`
//! (what they type, and are shown), `addresses`, and `script` (what a test wants to happen).

mod addresses;
mod applications;
mod chats;
mod datagrams;
mod delivery;
mod faults;
mod inbound;
mod limits;
mod processes;
mod repairs;
mod report;
mod script;
mod streams;
mod transport;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

pub use self::report::{Failure, Report};

use self::datagrams::Broadcast;

use super::check::Check;
use super::foreign::Flavour;
use super::host::{Input, Process, Running};
use super::network::{HostId, Network};
use super::options::Options;
use super::paths::{LATENESS, Path, Paths, SLOWEST};
use super::rng::Rng;
use super::stream::{Connection, Key, Mailbox, Slab};
use super::time::{Agenda, Clock, Time};
use super::trace::{Trace, What as Kind};
use crate::zre::{Beacon, GroupName, PeerId};

/// A world.
#[derive(Debug)]
pub struct World {
    options: Options,
    now: Time,
    agenda: Agenda<What>,
    hosts: Vec<Host>,
    processes: Vec<Process>,
    by_peer: BTreeMap<PeerId, usize>,
    network: Network,
    paths: Paths,
    /// Who had its mailbox at each place last.
    doors: BTreeMap<SocketAddr, usize>,
    mailboxes: Slab<Mailbox>,
    connections: Slab<Connection>,
    /// What processes are to be told before anything else happens.
    told: VecDeque<(usize, Input)>,
    groups: Vec<GroupName>,
    luck: Luck,
    check: Check,
    trace: Trace,
    /// Packets that were to open a connection to the first host, by second.
    knocks: Vec<u64>,
    /// Serves to encode all headers.
    scratch: Vec<u8>,
    healed: bool,
    /// The switch drops broadcasts.
    muted: bool,
}

/// Numbers for different purposes, so that one does not change another.
#[derive(Debug)]
struct Luck {
    network: Rng,
    faults: Rng,
    people: Rng,
    ids: Rng,
}

/// A host.
#[derive(Debug)]
struct Host {
    clock: Clock,
    power: Power,
    /// Since when it is suspended.
    suspended: Time,
    /// Nothing ever happens to it.
    lucky: bool,
    /// What runs on it, if not zchat.
    flavour: Option<Flavour>,
    /// The process that is to run on it; others have ended.
    process: Option<usize>,
    /// How many things are wrong with it, for whichever process runs on it.
    troubles: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Power {
    On,
    Suspended,
    Off,
}

/// Something that is to happen.
#[derive(Debug)]
enum What {
    /// A host's process starts, at this port if it is free to choose.
    Start(HostId, Option<u16>),
    /// A machine wanted to be woken.
    Wake(usize),
    /// A broadcast comes to some hosts.
    Broadcast(Box<Broadcast>),
    /// A datagram comes to an address.
    Unicast(IpAddr, IpAddr, Beacon),
    /// A mailbox tries to connect; how often the packet was sent for it.
    Dial(Key, u8),
    /// Something may arrive over a connection.
    Pump(Key),
    /// The receiver's end of a connection is gone, and the sender may learn of it.
    Reset(Key, Duration),
    /// An end of a connection asks whether the other is there; the second time for the last time.
    KeepAlive(Key, bool),
    /// Somebody forges a beacon.
    Forge,
    /// Something goes wrong.
    Fault,
    /// Something gets right again.
    Repair(repairs::Repair),
    /// An application does something.
    Act(usize),
}

impl World {
    /// A world with these options. Virtual time begins at `epoch`, which can be any time.
    #[must_use]
    pub fn new(options: Options, epoch: Instant) -> Self {
        let mut rng = Rng::new(options.seed);
        let luck = Luck {
            network: rng.fork(),
            faults: rng.fork(),
            people: rng.fork(),
            ids: rng.fork(),
        };
        let mut world = Self {
            now: Time::START,
            agenda: Agenda::new(),
            hosts: Vec::with_capacity(options.peers),
            processes: Vec::with_capacity(options.peers),
            by_peer: BTreeMap::new(),
            network: Network::new(options.subnets),
            paths: Paths::new(&options),
            doors: BTreeMap::new(),
            mailboxes: Slab::new(),
            connections: Slab::new(),
            told: VecDeque::new(),
            groups: (0..options.groups).map(group).collect(),
            luck,
            check: Check::new(&options),
            trace: Trace::new(options.trace_lines, Time::START + options.trace_from),
            knocks: Vec::new(),
            scratch: Vec::new(),
            healed: false,
            muted: false,
            options,
        };
        world.populate(epoch, &mut rng);
        world
    }

    fn populate(&mut self, epoch: Instant, rng: &mut Rng) {
        for number in 0..self.options.peers {
            let flavour = match number {
                _ if number < self.options.zyres => Some(Flavour::Zyre),
                _ if number < self.options.zyres + self.options.pyres => Some(Flavour::Pyre),
                _ => None,
            };
            let subnet = rng.place(self.options.subnets);
            let mut subnets = vec![subnet];
            if flavour.is_none() && self.options.subnets > 1 && rng.chance(250_000) {
                subnets.push((subnet + 1) % self.options.subnets);
            }
            let host = self.network.add_host(&subnets);
            let drift = i64::from(self.options.drift);
            let drift = i64::try_from(rng.below(2 * drift.unsigned_abs() + 1)).unwrap_or(0) - drift;
            let age = rng.time(Duration::ZERO, Duration::from_secs(3_600));
            self.hosts.push(Host {
                clock: Clock::new(epoch + age, drift),
                power: Power::On,
                suspended: Time::START,
                lucky: rng.chance(self.options.lucky),
                flavour,
                process: None,
                troubles: 0,
            });
            let at = Time::START + rng.time(Duration::ZERO, self.options.start);
            self.agenda.enter(at, What::Start(host, None));
        }
        if !self.options.faults.is_empty() {
            self.agenda
                .enter(Time::START + self.options.fault_pace, What::Fault);
        }
        self.begin_late();
        if self.options.forged > 0 {
            self.agenda.enter(Time::START, What::Forge);
        }
    }

    /// Runs the world through its disturbed time, heals it, and sees that all is well in time.
    ///
    /// # Errors
    ///
    /// What was wrong, with the command that shows it again.
    pub fn run(&mut self) -> Result<Report, Box<Failure>> {
        let disturbed = Time::START + self.options.start + self.options.disturbed;
        self.run_until(disturbed)?;
        self.heal();
        self.settle()?;
        self.run_until(self.now + SETTLED)?;
        let result = self.check.farewell_to_messages(self.now);
        self.judge(result)?;
        self.settle_chats()?;
        Ok(self.report())
    }

    /// Runs until everybody lists everybody, but not beyond `until`; when that was.
    ///
    /// # Errors
    ///
    /// What was wrong, or that it was not so by then.
    pub fn run_until_full(&mut self, until: Duration) -> Result<Duration, Box<Failure>> {
        let until = Time::START + until;
        while self.now < until {
            if self.check.pairs() == self.wanted_pairs() {
                return Ok(self.now.elapsed());
            }
            self.run_until(until.min(self.now + Duration::from_millis(10)))?;
        }
        let result = self.check_rosters();
        self.judge(result)?;
        Ok(self.now.elapsed())
    }

    /// Runs until this virtual time.
    ///
    /// # Errors
    ///
    /// What was wrong.
    pub fn run_for(&mut self, time: Duration) -> Result<(), Box<Failure>> {
        self.run_until(self.now + time)
    }

    fn run_until(&mut self, until: Time) -> Result<(), Box<Failure>> {
        while let Some((at, what)) = self.agenda.take(until) {
            self.now = self.now.max(at);
            self.happen(what);
            self.tell_all();
            if self.check.has_failed() {
                let result = self.check.verdict();
                self.judge(result)?;
            }
        }
        self.now = self.now.max(until);
        Ok(())
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Start(host, port) => self.start(host, port),
            What::Wake(process) => self.wake(process),
            What::Broadcast(broadcast) => self.hear_broadcast(&broadcast),
            What::Unicast(from, to, beacon) => self.hear_unicast(from, to, &beacon),
            What::Dial(mailbox, packets) => self.dial(mailbox, packets),
            What::Pump(connection) => self.pump(connection),
            What::Reset(connection, retry) => self.reset(connection, retry),
            What::KeepAlive(connection, last) => self.keep_alive(connection, last),
            What::Forge => self.forge(),
            What::Fault => self.go_wrong(),
            What::Repair(repair) => self.repair(repair),
            What::Act(process) => self.act(process),
        }
    }

    /// The end of the faults, and the time in which all must be well again.
    fn settle(&mut self) -> Result<(), Box<Failure>> {
        let timing = &self.options.timing;
        // What travels, and what clocks that are slow call thirty seconds, is the network's fault.
        let slack =
            self.options.delay.1 * 10 * SLOWEST + timing.expired * self.options.drift / 1_000_000;
        // Nor is a beacon of somebody who has died since that comes late.
        let is_late = self.options.uneven > 0;
        let late = LATENESS.iter().max().filter(|_| is_late);
        let late = late.copied().unwrap_or_default();
        let mut due = self.now + timing.expired + timing.interval * 2 + slack + late;
        if self.options.zyres + self.options.pyres > 0 {
            // They do not notice that nobody hears them; we do, and greet them again.
            due = due + timing.expired;
        }
        self.run_until(due)?;
        let result = self.check_rosters();
        self.judge(result)?;
        self.everybody_shouts();
        Ok(())
    }

    /// Everybody lists everybody that is there, and all their groups, and nobody else.
    fn check_rosters(&mut self) -> super::check::Verdict {
        for (number, process) in self.processes.iter().enumerate() {
            if process.state != Running::Runs {
                continue;
            }
            let others = self.processes.iter().enumerate().filter(|(other, there)| {
                *other != number
                    && (there.machine.flavour().is_none() || process.machine.flavour().is_none())
                    && there.state == Running::Runs
                    && self.network.are_neighbours(process.host, there.host)
            });
            let expected = others.map(|(other, there)| (other, &there.application.groups));
            self.check.roster(number, expected)?;
        }
        Ok(())
    }

    /// How many pairs of running processes are to find each other, counted in both directions.
    fn wanted_pairs(&self) -> usize {
        let running: Vec<&Process> = self.processes.iter().filter(|one| one.is_alive()).collect();
        let here = |process: &&Process| {
            let near = |other: &&&Process| {
                other.peer != process.peer && self.network.are_neighbours(process.host, other.host)
            };
            running.iter().filter(near).count()
        };
        if running.len() < self.options.peers {
            return usize::MAX;
        }
        if self.options.subnets == 1 {
            return running.len() * (running.len() - 1);
        }
        running.iter().map(here).sum()
    }

    // Small things that all parts need.

    fn host(&self, host: HostId) -> &Host {
        self.hosts.get(host).expect("hosts are never taken away")
    }

    fn host_mut(&mut self, host: HostId) -> &mut Host {
        self.hosts
            .get_mut(host)
            .expect("hosts are never taken away")
    }

    fn process(&self, number: usize) -> &Process {
        let process = self.processes.get(number);
        process.expect("processes keep their place when they have ended")
    }

    fn process_mut(&mut self, number: usize) -> &mut Process {
        let process = self.processes.get_mut(number);
        process.expect("processes keep their place when they have ended")
    }

    fn clock(&self, process: usize) -> &Clock {
        &self.host(self.process(process).host).clock
    }

    fn delay(&mut self) -> Duration {
        let (least, most) = self.options.delay;
        self.luck.network.time(least, most)
    }

    /// The way that a packet takes from one address to another.
    fn path(&self, from: IpAddr, to: IpAddr) -> Path {
        let from = self.network.holder(from).unwrap_or_default();
        let to = self.network.holder(to).unwrap_or(from);
        self.paths.between(from, to)
    }

    /// How long what one process writes to a stream is on its way to another one.
    fn stream_time(&mut self, from: usize, to: usize) -> Duration {
        let path = self
            .paths
            .between(self.process(from).host, self.process(to).host);
        self.paths.stream_time(path, &mut self.luck.network)
    }

    fn note(&mut self, kind: Kind, numbers: [u64; 3], text: impl FnOnce() -> String) {
        self.trace.note(self.now, kind, numbers, text);
    }
}

fn group(number: usize) -> GroupName {
    GroupName::new(&format!("group {number}")).expect("a short name without control characters")
}

/// How long the last messages may take.
const SETTLED: Duration = Duration::from_secs(3);
