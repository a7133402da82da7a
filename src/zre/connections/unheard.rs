//! The connections over which nothing was heard, and how long that may last.
//!
//! The handshake and the HELLO behind it take milliseconds, but seconds where hundreds of nodes share a processor;
//! and whoever is ended then comes again, and has to be told everything anew, which makes it last longer still. So
//! who is in nobody's way has more time than others. Whether one is, is not known here.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Token;

/// Since when nothing was heard over each, or might have been.
#[derive(Debug)]
pub(super) struct Unheard {
    /// In the order in which they were accepted.
    new: BTreeMap<Token, Instant>,
    /// The same of those that have had [`FIRST`] and are given more time.
    borne: BTreeMap<Token, Instant>,
}

/// One that has had its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// It is ended if it is in somebody's way, and [borne](Unheard::bear) if not.
    First(Token, Instant),
    /// It is ended.
    Last(Token),
}

impl Unheard {
    pub(super) const fn new() -> Self {
        Self {
            new: BTreeMap::new(),
            borne: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, now: Instant, token: Token) {
        self.new.insert(token, now);
    }

    /// It is given more time than others.
    pub(super) fn bear(&mut self, token: Token, since: Instant) {
        self.borne.insert(token, since);
    }

    /// Something was heard, or it is gone.
    pub(super) fn remove(&mut self, token: Token) {
        if self.new.remove(&token).is_none() {
            self.borne.remove(&token);
        }
    }

    pub(super) fn contains(&self, token: Token) -> bool {
        self.new.contains_key(&token) || self.borne.contains_key(&token)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.new.is_empty() && self.borne.is_empty()
    }

    /// There are too many: the oldest has had its time.
    pub(super) fn hurry(&mut self, now: Instant) {
        let borne = self.borne.first_entry().map(|oldest| (oldest, MOST));
        let oldest = borne.or_else(|| self.new.first_entry().map(|oldest| (oldest, FIRST)));
        if let Some((mut oldest, time)) = oldest
            && let Some(over) = now.checked_sub(time)
        {
            let since = oldest.get_mut();
            *since = over.min(*since);
        }
    }

    /// For so long nobody could be heard, which is held against nobody.
    pub(super) fn pause(&mut self, now: Instant, pause: Duration) {
        for since in self.new.values_mut().chain(self.borne.values_mut()) {
            *since = (*since + pause).min(now);
        }
    }

    /// When [`Unheard::take_due`] is wanted.
    pub(super) fn next(&self) -> Option<Instant> {
        let new = self.new.values().next().map(|since| *since + FIRST);
        let borne = self.borne.values().next().map(|since| *since + MOST);
        new.into_iter().chain(borne).min()
    }

    /// Takes out one that has had its time.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Due> {
        if let Some(oldest) = self.borne.first_entry()
            && *oldest.get() + MOST <= now
        {
            return Some(Due::Last(oldest.remove_entry().0));
        }
        let oldest = self.new.first_entry()?;
        (*oldest.get() + FIRST <= now).then(|| {
            let (token, since) = oldest.remove_entry();
            Due::First(token, since)
        })
    }
}

/// How long a connection may be in somebody's way.
const FIRST: Duration = Duration::from_secs(5);

/// How long one may be open that is in nobody's.
const MOST: Duration = Duration::from_secs(15);
