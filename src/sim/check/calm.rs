//! Who was well, and since when: what is forgiven to those who were not.
//!
//! A host that something is done to is in trouble until that is over; so is, for a moment, a pair whose
//! connection breaks. Between two that have been calm nothing may be lost, and nobody may be called
//! silent or gone.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::sim::options::Options;
use crate::sim::time::Time;

/// Who was well, and since when.
#[derive(Debug)]
pub(super) struct Calm {
    processes: Vec<Trouble>,
    pairs: BTreeMap<(usize, usize), Time>,
    /// How long trouble has consequences.
    aftermath: Duration,
    /// Since when no broadcast is carried.
    muted: Option<Time>,
}

#[derive(Debug)]
struct Trouble {
    /// How many things are wrong with it now.
    now: u32,
    /// When the last of them ended.
    last: Option<Time>,
}

impl Calm {
    pub(super) fn new(options: &Options) -> Self {
        let timing = &options.timing;
        Self {
            processes: Vec::new(),
            pairs: BTreeMap::new(),
            aftermath: timing.expired * 2 + timing.interval * 4,
            muted: None,
        }
    }

    /// A process has started.
    pub(super) fn born(&mut self) {
        self.processes.push(Trouble { now: 0, last: None });
    }

    pub(super) fn trouble(&mut self, now: Time, number: usize) {
        if let Some(trouble) = self.processes.get_mut(number) {
            trouble.now += 1;
            trouble.last = Some(now);
        }
    }

    pub(super) fn relief(&mut self, now: Time, number: usize) {
        if let Some(trouble) = self.processes.get_mut(number) {
            trouble.now = trouble.now.saturating_sub(1);
            trouble.last = Some(now);
        }
    }

    pub(super) fn relieve_all(&mut self, now: Time) {
        for trouble in self.processes.iter_mut().filter(|trouble| trouble.now > 0) {
            *trouble = Trouble {
                now: 0,
                last: Some(now),
            };
        }
    }

    /// Something goes wrong between two, until this time.
    pub(super) fn disturb(&mut self, until: Time, one: usize, other: usize) {
        let last = self.pairs.entry((one.min(other), one.max(other)));
        let last = last.or_insert(until);
        *last = until.max(*last);
    }

    /// Whether nothing was wrong with `one` since a moment but that it is leaving since then, and nothing
    /// with the other, nor between them, since long before.
    pub(super) fn leaves_in_peace(&self, one: usize, other: usize, since: Time) -> bool {
        let leaving = self.processes.get(one);
        let is_alone = leaving.is_some_and(|it| it.now == 1 && it.last == Some(since));
        let is_over = |last: Time| last < before(since, RECOVERY) && !self.lasts(last);
        let there = self.processes.get(other);
        let is_well = there.is_some_and(|it| it.now == 0 && it.last.is_none_or(is_over));
        let pair = self.pairs.get(&(one.min(other), one.max(other)));
        is_alone && is_well && pair.is_none_or(|&last| is_over(last))
    }

    /// Whether two have been well since a moment.
    pub(super) fn since(&self, one: usize, other: usize, since: Time) -> bool {
        let is_over = |last: Time| last < since && !self.lasts(last);
        let alone = |number: usize| {
            let trouble = self.processes.get(number);
            trouble.is_some_and(|it| it.now == 0 && it.last.is_none_or(is_over))
        };
        let pair = self.pairs.get(&(one.min(other), one.max(other)));
        alone(one) && alone(other) && pair.is_none_or(|&last| is_over(last))
    }

    /// No broadcast is carried: whoever is not found again by then is not found until that is over.
    pub(super) fn mute(&mut self, now: Time) {
        self.muted = Some(now);
    }

    /// Broadcasts are carried again.
    pub(super) fn unmute(&mut self, now: Time) {
        for trouble in 0..self.processes.len() {
            let last = self.processes.get(trouble).and_then(|it| it.last);
            if last.is_some_and(|last| self.lasts(last))
                && let Some(trouble) = self.processes.get_mut(trouble)
            {
                trouble.last = Some(now);
            }
        }
        let mut pairs = std::mem::take(&mut self.pairs);
        for last in pairs.values_mut().filter(|last| self.lasts(**last)) {
            *last = now;
        }
        self.pairs = pairs;
        self.muted = None;
    }

    /// Whether trouble has consequences because no broadcast is carried.
    fn lasts(&self, last: Time) -> bool {
        self.muted
            .is_some_and(|since| last + self.aftermath >= since)
    }

    /// Whether two have been well for so long that nothing of what was wrong before counts any more.
    pub(super) fn for_long(&self, one: usize, other: usize, now: Time) -> bool {
        self.since(one, other, before(now, self.aftermath))
    }

    /// Whether two have been well since some time before a moment, so that the connections between them
    /// had recovered by then.
    pub(super) fn since_well_before(&self, one: usize, other: usize, since: Time) -> bool {
        self.since(one, other, before(since, RECOVERY))
    }
}

/// How long connections may take to be in order again, after all is well.
const RECOVERY: Duration = Duration::from_secs(10);

fn before(time: Time, by: Duration) -> Time {
    let nanoseconds = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
    Time(time.0.saturating_sub(nanoseconds))
}
