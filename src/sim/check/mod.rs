//! The checkers: what is never allowed to happen, looked at after everything that happens.
//!
//! They know the truth (who lives, who has sent what) from the world, and what each process believes
//! from its events alone; they never look into an engine. The first thing that is wrong ends a world.
//! `events` checks what applications are told, `content` what became of what was said, `wire` what peers
//! receive, `shown` what chats show to people; `calm` keeps who was well.

mod calm;
mod content;
mod events;
mod shown;
#[cfg(test)]
mod tests;
mod violation;
mod wire;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(super) use self::content::{TAIL_HEADER, has_tail};
pub(super) use self::shown::{End, Manner, Meant, Shown, Someone, Utterance, Way};
pub use self::violation::Violation;

use self::calm::Calm;
use self::content::Sent;
use self::shown::Screen;
use self::wire::Wire;
use super::options::Options;
use super::time::Time;
use crate::zre::{GroupName, LinkId, PeerId};

/// What a check says: nothing, or what is wrong.
pub(super) type Verdict = Result<(), Violation>;

/// All checkers of a world.
#[derive(Debug)]
pub(super) struct Check {
    is_on: bool,
    processes: Vec<Known>,
    by_peer: BTreeMap<PeerId, usize>,
    calm: Calm,
    /// How many have entered at how many, in all.
    pairs: usize,
    violation: Option<Violation>,
    /// How often something was checked, by what.
    pub(super) counts: Counts,
}

/// How much there was to check.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Events that applications were told.
    pub events: u64,
    /// ENTERs.
    pub enters: u64,
    /// EXITs.
    pub exits: u64,
    /// WHISPERs and SHOUTs that arrived.
    pub contents: u64,
    /// Messages of all kinds that arrived.
    pub messages: u64,
    /// Beacons that were broadcast.
    pub beacons: u64,
}

/// What is known of a process.
#[derive(Debug)]
struct Known {
    /// Whether it has not ended.
    lives: bool,
    /// Whether another process had the same mailbox address before. What was sent to that one may come
    /// to this one: ZRE knows no way to tell them apart.
    is_heir: bool,
    /// Whether its application reads what it is told, and since when.
    reads: bool,
    reads_since: Time,
    /// Since when it is leaving, if it is.
    leaving: Option<Leaving>,
    /// Whether it is not ours.
    is_foreign: bool,
    /// Peers that have entered, as it was told.
    views: BTreeMap<usize, View>,
    /// What it has sent.
    sent: Vec<Sent>,
    /// Its groups, as it was asked to join and leave them.
    groups: BTreeSet<GroupName>,
    /// Contents that are to arrive, by receiver.
    expected: BTreeMap<usize, VecDeque<(Time, u64)>>,
    /// Contents that did not arrive, and of how many it was told, by receiver.
    missed: BTreeMap<usize, Missed>,
    /// What arrives from each sender, as a Zyre would check it.
    wires: BTreeMap<usize, Wire>,
    last_link: u64,
    /// What it shows, if it is a chat.
    screen: Option<Box<Screen>>,
}

/// A process says all that it has to say, and then leaves.
#[derive(Debug, Clone, Copy)]
struct Leaving {
    since: Time,
    /// Whether it waits long enough for who takes something now and then.
    is_patient: bool,
}

/// What a process believes of a peer that has entered.
#[derive(Debug, Default)]
struct View {
    groups: BTreeSet<GroupName>,
    /// The number of the content that came last.
    content: Option<u64>,
    alarm: Alarm,
}

/// What was told last about the silence of a peer.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Alarm {
    #[default]
    None,
    Evasive,
    Silent,
}

#[derive(Debug, Default)]
struct Missed {
    count: u64,
    told: u64,
    /// The first of which it was not told, and when it was found to be missing.
    first: Option<(Time, u64)>,
}

impl Check {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            is_on: options.checked,
            processes: Vec::new(),
            by_peer: BTreeMap::new(),
            calm: Calm::new(options),
            pairs: 0,
            violation: None,
            counts: Counts::default(),
        }
    }

    /// A process has started.
    pub(super) fn born(&mut self, peer: PeerId, is_foreign: bool) {
        self.calm.born();
        self.by_peer.insert(peer, self.processes.len());
        self.processes.push(Known {
            lives: true,
            is_heir: false,
            reads: true,
            reads_since: Time::START,
            leaving: None,
            is_foreign,
            views: BTreeMap::new(),
            sent: Vec::new(),
            groups: BTreeSet::new(),
            expected: BTreeMap::new(),
            missed: BTreeMap::new(),
            wires: BTreeMap::new(),
            last_link: 0,
            screen: None,
        });
    }

    /// A process has its mailbox from now on where another one had its own.
    pub(super) fn inherits(&mut self, now: Time, number: usize) {
        self.known(number).is_heir = true;
        self.calm.trouble(now, number);
        self.calm.relief(now, number);
    }

    /// An application stops reading what it is told, or reads again.
    pub(super) fn reads(&mut self, now: Time, number: usize, reads: bool) {
        let known = self.known(number);
        known.reads = reads;
        known.reads_since = now;
    }

    /// A process has ended, or begins to leave: from now on others may be told so.
    pub(super) fn died(&mut self, now: Time, number: usize) {
        self.calm.trouble(now, number);
        let known = self.known(number);
        known.lives = false;
        known.expected.clear();
        known.wires.clear();
        let views = std::mem::take(&mut known.views);
        self.pairs -= views.len();
    }

    /// Something goes wrong with a process, until [`Check::recovers`].
    pub(super) fn suffers(&mut self, now: Time, number: usize) {
        self.calm.trouble(now, number);
    }

    pub(super) fn recovers(&mut self, now: Time, number: usize) {
        self.calm.relief(now, number);
    }

    /// Everything is healed.
    pub(super) fn all_recover(&mut self, now: Time) {
        self.calm.relieve_all(now);
    }

    /// No broadcast is carried from now on, until [`Check::unmute`].
    pub(super) fn mute(&mut self, now: Time) {
        self.calm.mute(now);
    }

    pub(super) fn unmute(&mut self, now: Time) {
        self.calm.unmute(now);
    }

    /// Something goes wrong between two processes, now or until this time.
    pub(super) fn disturbed(&mut self, now: Time, one: usize, other: usize) {
        self.calm.disturb(now, one, other);
    }

    fn known(&mut self, number: usize) -> &mut Known {
        self.processes
            .get_mut(number)
            .expect("every process is born")
    }

    /// Whether what a process gets may have been meant for another one, which had its address before.
    fn is_excused(&self, now: Time, to: usize, from: usize) -> bool {
        let is_heir = self.processes.get(to).is_some_and(|known| known.is_heir);
        is_heir && !self.calm.for_long(to, from, now)
    }

    pub(super) fn fail(&mut self, violation: Violation) {
        if self.is_on && self.violation.is_none() {
            self.violation = Some(violation);
        }
    }

    pub(super) const fn has_failed(&self) -> bool {
        self.violation.is_some()
    }

    pub(super) fn verdict(&self) -> Verdict {
        self.violation.clone().map_or(Ok(()), Err)
    }

    /// How many have entered at how many.
    pub(super) const fn pairs(&self) -> usize {
        self.pairs
    }

    // Small checks.

    pub(super) fn spins(&mut self, process: usize) {
        self.fail(Violation::Spins { process });
    }

    pub(super) fn undecodable(&mut self, process: usize, what: &'static str) {
        self.fail(Violation::Undecodable { process, what });
    }

    /// A foreign process has died.
    pub(super) fn killed(&mut self, foreign: usize, of: &'static str) {
        self.fail(Violation::Killed { foreign, of });
    }

    fn is_foreign(&self, number: usize) -> bool {
        self.processes
            .get(number)
            .is_some_and(|known| known.is_foreign)
    }

    /// Whether what one tells of the other is no business of ours.
    fn are_foreign(&self, one: usize, other: usize) -> bool {
        self.is_foreign(one) && self.is_foreign(other)
    }

    /// Numbers of connections are never used again.
    pub(super) fn link_is_new(&mut self, process: usize, link: LinkId, is_new: bool) {
        let known = self.known(process);
        let grows = link.0 > known.last_link;
        known.last_link = link.0;
        if !(is_new && grows) {
            self.fail(Violation::Link {
                process,
                link: link.0,
            });
        }
    }

    /// A process dials a place where it has a connection already, or itself.
    pub(super) fn dials_twice(&mut self, by: usize, port: u16) {
        self.fail(Violation::TwoDials { by, port });
    }

    pub(super) fn unknown_link(&mut self, process: usize, link: LinkId) {
        self.fail(Violation::Link {
            process,
            link: link.0,
        });
    }

    /// A mailbox has so many octets queued, `last` of them the last message.
    pub(super) fn queue(&mut self, process: usize, queued: u64, last: u64, budget: u64) {
        // An empty one takes any message.
        self.limit(process, "octets queued", queued, budget.max(last));
    }

    pub(super) fn limit(&mut self, process: usize, what: &'static str, found: u64, limit: u64) {
        if found > limit {
            self.fail(Violation::Overfull {
                process,
                what,
                found,
                limit,
            });
        }
    }

    /// A process broadcasts a beacon.
    pub(super) const fn beacons(&mut self, _process: usize) {
        self.counts.beacons += 1;
    }

    /// All has been well for long enough: a process lists exactly these, in these groups.
    pub(super) fn roster<'a>(
        &self,
        by: usize,
        expected: impl Iterator<Item = (usize, &'a BTreeSet<GroupName>)>,
    ) -> Verdict {
        let Some(known) = self.processes.get(by) else {
            return Ok(());
        };
        let listed = known.views.keys().copied();
        let mut ghosts: BTreeSet<usize> = listed.filter(|&it| !self.are_foreign(by, it)).collect();
        for (peer, groups) in expected {
            ghosts.remove(&peer);
            let view = known
                .views
                .get(&peer)
                .ok_or(Violation::Missing { by, peer })?;
            if view.groups != *groups {
                return Err(Violation::Groups { by, peer });
            }
        }
        let ghost = ghosts.first().map(|&peer| Violation::Ghost { by, peer });
        ghost.map_or(Ok(()), Err)
    }
}
