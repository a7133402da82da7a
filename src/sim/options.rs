//! What a world is like: [`Options`], all of it drawn from one seed.

use std::collections::BTreeSet;
use std::time::Duration;

use super::rng::{Ppm, Rng};
use crate::zre::{Limits, Timing};

/// What a world is like. Public fields, so that a scenario can fix what it is about and leave the rest
/// to the seed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Everything that is drawn in the world follows from it.
    pub seed: u64,
    /// Hosts at the beginning.
    pub peers: usize,
    /// How many of them behave like Zyre.
    pub zyres: usize,
    /// How many of them behave like Pyre.
    pub pyres: usize,
    /// The share of our hosts on which a chat runs, with somebody who types.
    pub chats: Ppm,
    /// Broadcast domains. With more than one, some hosts have an interface on two of them.
    pub subnets: usize,
    /// Within what time the hosts start.
    pub start: Duration,
    /// How long there are faults.
    pub disturbed: Duration,
    /// What goes wrong then.
    pub faults: BTreeSet<Fault>,
    /// Between two faults, on average.
    pub fault_pace: Duration,
    /// How long hosts are suspended at most, at least a minute; `None`: as long as anything is wrong.
    pub sleep: Option<Duration>,
    /// The share of hosts that start without a network, for as long as they may sleep.
    pub late: Ppm,
    /// The share of hosts that nothing ever happens to.
    pub lucky: Ppm,
    /// Beacons that are lost.
    pub beacon_loss: Ppm,
    /// Beacons that come twice.
    pub beacon_duplication: Ppm,
    /// The share of the ways from one host to another that are worse than the others: what they lose, delay,
    /// double and hold up is a property of each.
    pub uneven: Ppm,
    /// How many of the addresses that hosts get another one had just before.
    pub reuse: Ppm,
    /// Whether all mailboxes have one port, as with `--bind-port`: then who gets the address of another host
    /// gets its connections as well.
    pub one_port: bool,
    /// Beacons a second that somebody forges in the name of the first host's address, each of another
    /// peer at another port; 0 if nobody does.
    pub forged: u32,
    /// How long a packet travels, at least and at most. Datagrams overtake each other.
    pub delay: (Duration, Duration),
    /// How much clocks run too fast or too slow at most, in parts of a million.
    pub drift: u32,
    /// Whether all messages are encoded and decoded on their way.
    pub octets: bool,
    /// What a connection holds that its receiver has not read, in octets.
    pub window: u64,
    /// Between two things that one application does, on average; `None` if they are idle.
    pub pace: Option<Duration>,
    /// Groups that applications join and leave.
    pub groups: usize,
    /// The most octets of a content frame.
    pub content: u64,
    /// Whether names, headers and processes change, besides groups and messages.
    pub restless: bool,
    /// When engines do what.
    pub timing: Timing,
    /// What engines take.
    pub limits: Limits,
    /// The kind of world, for the command that shows it again.
    pub kind: Kind,
    /// Whether what happens is checked: not where it is measured.
    pub checked: bool,
    /// How many lines of the trace are kept as text.
    pub trace_lines: usize,
    /// From when on: text costs more than the world, and a day has thousands of millions of lines.
    pub trace_from: Duration,
}

/// A kind of world: together with a seed and a number of peers it says everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Made by [`Options::quiet`], and maybe changed.
    Quiet,
    /// Made by [`Options::swarm`].
    Swarm,
    /// Made by [`Options::only`].
    Only(Fault),
    /// Made by [`Options::mixed`].
    Mixed,
    /// Made by [`Options::day`].
    Day,
    /// Made by [`Options::mixed_day`].
    MixedDay,
}

/// Something that goes wrong in a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fault {
    /// Some hosts cannot reach the others, nor be reached by them.
    Partition,
    /// Some hosts cannot reach the others, but hear them.
    OneWay,
    /// The cable of an interface comes out and goes in again.
    Flap,
    /// A connection breaks, and both ends know.
    Break,
    /// A connection breaks, and only one end knows.
    HalfOpen,
    /// A connection carries nothing for a while.
    Stall,
    /// A host gets another address.
    Roam,
    /// A process is killed and started again; with luck its mailbox has the same port again.
    Crash,
    /// A host loses power, and is switched on again.
    PowerLoss,
    /// A host is suspended and wakes up: its clock stood still.
    Suspend,
    /// A process is stopped and continued (SIGSTOP): its clock went on.
    Freeze,
    /// An application does not read its events for a while.
    SlowReader,
    /// A host goes elsewhere, asleep or awake: where it has a network again, it has another address.
    Travel,
    /// The switch drops broadcasts for a while, and carries everything else.
    Mute,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Partition,
        Self::OneWay,
        Self::Flap,
        Self::Break,
        Self::HalfOpen,
        Self::Stall,
        Self::Roam,
        Self::Crash,
        Self::PowerLoss,
        Self::Suspend,
        Self::Freeze,
        Self::SlowReader,
        Self::Travel,
        Self::Mute,
    ];

    /// How many of them each swarm draws first; the others are drawn last, so that what was drawn before
    /// there were any is the same.
    const FIRST: usize = 12;
}

impl Options {
    /// A world in which nothing goes wrong: packets take 0.1 to 2 ms, and applications are idle.
    #[must_use]
    pub fn quiet(seed: u64, peers: usize) -> Self {
        Self {
            seed,
            peers,
            zyres: 0,
            pyres: 0,
            chats: 0,
            subnets: 1,
            start: Duration::from_secs(1),
            disturbed: Duration::from_secs(10),
            faults: BTreeSet::new(),
            fault_pace: Duration::from_secs(5),
            sleep: None,
            late: 0,
            lucky: 300_000,
            beacon_loss: 0,
            beacon_duplication: 0,
            uneven: 0,
            reuse: 0,
            one_port: false,
            forged: 0,
            delay: (Duration::from_micros(100), Duration::from_millis(2)),
            drift: 0,
            octets: false,
            window: 256 << 10,
            pace: None,
            groups: 3,
            content: 200,
            restless: false,
            timing: Timing::default(),
            limits: Limits::default(),
            kind: Kind::Quiet,
            checked: true,
            trace_lines: 0,
            trace_from: Duration::ZERO,
        }
    }

    /// A world that the seed alone describes: each kind of fault, loss and unrest is there or not.
    #[must_use]
    pub fn swarm(seed: u64, peers: usize) -> Self {
        let mut rng = Rng::new(seed ^ 0x5EED_5EED_5EED_5EED);
        let mut options = Self::quiet(seed, peers);
        options.kind = Kind::Swarm;
        if rng.chance(250_000) {
            options.subnets = 2;
        }
        options.start = rng.time(Duration::from_millis(1), Duration::from_secs(5));
        options.disturbed = rng.time(Duration::from_secs(20), Duration::from_secs(180));
        let mut drawn = Fault::ALL.into_iter();
        let first = drawn.by_ref().take(Fault::FIRST);
        options.faults = first.filter(|_| rng.chance(400_000)).collect();
        options.fault_pace = rng.time(Duration::from_millis(500), Duration::from_secs(20));
        if rng.coin() {
            options.beacon_loss = u32::try_from(rng.below(400_000)).unwrap_or(0);
        }
        if rng.coin() {
            options.beacon_duplication = u32::try_from(rng.below(300_000)).unwrap_or(0);
        }
        let slowest = [2, 20, 100];
        let slowest = slowest.get(rng.place(slowest.len())).copied().unwrap_or(2);
        options.delay.1 = Duration::from_millis(slowest);
        if rng.coin() {
            options.drift = u32::try_from(rng.below(20_000)).unwrap_or(0);
        }
        options.octets = rng.chance(300_000);
        if rng.coin() {
            options.window = rng.between(2 << 10, 64 << 10);
            let budget = usize::try_from(rng.between(2 << 10, 64 << 10)).unwrap_or(8 << 10);
            options.limits.queued_octets = budget;
            options.limits.events = usize::try_from(rng.between(8, 256)).unwrap_or(8);
        }
        let pace = [None, Some(30), Some(300), Some(3_000)];
        let pace = pace.get(rng.place(pace.len())).copied().flatten();
        options.pace = pace.map(Duration::from_millis);
        options.groups = usize::try_from(rng.between(1, 6)).unwrap_or(1);
        options.content = rng.between(40, 4_000);
        options.restless = rng.coin();
        let chats = [0, 0, 500_000, 1_000_000];
        options.chats = chats.get(rng.place(chats.len())).copied().unwrap_or(0);
        options.faults.extend(drawn.filter(|_| rng.chance(200_000)));
        let uneven = [0, 0, 250_000, 1_000_000];
        options.uneven = uneven.get(rng.place(uneven.len())).copied().unwrap_or(0);
        let reuse = [0, 0, 500_000, 1_000_000];
        options.reuse = reuse.get(rng.place(reuse.len())).copied().unwrap_or(0);
        options.one_port = rng.chance(300_000);
        if options.limits != Limits::default() && rng.coin() {
            let together = usize::try_from(rng.between(1, 4)).unwrap_or(1);
            options.limits.queued_octets_in_all = options.limits.queued_octets * together;
        }
        options
    }

    /// A world like [`Options::swarm`]'s in which some of the peers behave like Zyre and Pyre.
    #[must_use]
    pub fn mixed(seed: u64, peers: usize) -> Self {
        let mut options = Self::swarm(seed, peers);
        options.kind = Kind::Mixed;
        let mut rng = Rng::new(seed ^ 0xF0_4E16);
        options.zyres = 1 + rng.place(peers / 2);
        options.pyres = rng.place(peers / 2);
        options
    }

    /// Twenty-four hours in an office: people say something every ten minutes; each of the hosts that
    /// anything happens to roams, sleeps for up to two hours, loses its cable, or goes elsewhere, some ten
    /// times; some have no network when they start; and now and then the switch drops all broadcasts.
    #[must_use]
    pub fn day(seed: u64, peers: usize) -> Self {
        let mut options = Self::quiet(seed, peers);
        options.kind = Kind::Day;
        options.disturbed = Duration::from_secs(24 * 3_600);
        options.faults = [
            Fault::Roam,
            Fault::Suspend,
            Fault::Flap,
            Fault::Travel,
            Fault::Mute,
        ]
        .into();
        let times = u32::try_from(peers).unwrap_or(u32::MAX).saturating_mul(7);
        options.fault_pace = options.disturbed / times.max(1);
        options.sleep = Some(Duration::from_secs(2 * 3_600));
        options.late = 50_000;
        options.beacon_loss = 10_000;
        options.uneven = 100_000;
        options.reuse = 300_000;
        options.drift = 100;
        options.pace = Some(Duration::from_secs(600));
        options.chats = 250_000;
        options
    }

    /// The same among peers that behave like Zyre and Pyre: one in ten of each, and at least one.
    #[must_use]
    pub fn mixed_day(seed: u64, peers: usize) -> Self {
        let mut options = Self::day(seed, peers);
        options.kind = Kind::MixedDay;
        options.zyres = (peers / 10).max(1);
        options.pyres = (peers / 10).max(1);
        options
    }

    /// The command that runs such a world; `None` if these options are not all as their kind, seed and
    /// number of peers make them.
    pub(super) fn command(&self) -> Option<String> {
        let (seed, peers) = (self.seed, self.peers);
        let made = match self.kind {
            Kind::Quiet => Self::quiet(seed, peers),
            Kind::Swarm => Self::swarm(seed, peers),
            Kind::Only(fault) => Self::only(fault, seed, peers),
            Kind::Mixed => Self::mixed(seed, peers),
            Kind::Day => Self::day(seed, peers),
            Kind::MixedDay => Self::mixed_day(seed, peers),
        };
        let made = Self {
            trace_lines: self.trace_lines,
            trace_from: self.trace_from,
            ..made
        };
        (made == *self).then(|| format!("make sim SEED={seed} PEERS={peers}{}", self.kind))
    }

    /// A world like [`Options::swarm`]'s, but where only one kind of thing goes wrong, and often.
    #[must_use]
    pub fn only(fault: Fault, seed: u64, peers: usize) -> Self {
        let mut options = Self::swarm(seed, peers);
        options.kind = Kind::Only(fault);
        options.faults = [fault].into();
        options.fault_pace = options.fault_pace.min(Duration::from_secs(5));
        options
    }
}

/// As `make sim` takes it.
impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Quiet => write!(f, " FAULT=none"),
            Self::Swarm => Ok(()),
            Self::Mixed => write!(f, " FAULT=mixed"),
            Self::Day => write!(f, " FAULT=day"),
            Self::MixedDay => write!(f, " FAULT=mixed-day"),
            Self::Only(fault) => write!(f, " FAULT={fault:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_is_run_again_by_a_command_if_that_makes_the_same_world_and_else_by_none() {
        let all = [
            (Options::quiet(5, 3), "make sim SEED=5 PEERS=3 FAULT=none"),
            (Options::swarm(5, 3), "make sim SEED=5 PEERS=3"),
            (Options::mixed(5, 3), "make sim SEED=5 PEERS=3 FAULT=mixed"),
            (Options::day(5, 3), "make sim SEED=5 PEERS=3 FAULT=day"),
            (
                Options::mixed_day(5, 3),
                "make sim SEED=5 PEERS=3 FAULT=mixed-day",
            ),
            (
                Options::only(Fault::Mute, 5, 3),
                "make sim SEED=5 PEERS=3 FAULT=Mute",
            ),
        ];
        for (mut options, command) in all {
            options.trace_lines = 10;
            assert_eq!(options.command().as_deref(), Some(command));
            options.beacon_loss += 1;
            assert_eq!(options.command(), None, "{command}");
        }
    }
}
