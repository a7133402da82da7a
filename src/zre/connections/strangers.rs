//! The inbound connections of strangers, and which of them has to make room for others.

use std::collections::{BTreeMap, BTreeSet};

use super::Token;
use crate::zre::Host;

/// The connections by which nobody has entered, by the address that they come from.
#[derive(Debug)]
pub(super) struct Strangers {
    by_address: BTreeMap<Host, BTreeSet<Token>>,
    pub(super) count: usize,
}

impl Strangers {
    pub(super) const fn new() -> Self {
        Self {
            by_address: BTreeMap::new(),
            count: 0,
        }
    }

    pub(super) fn add(&mut self, token: Token, remote: Host) {
        let is_new = self.by_address.entry(remote).or_default().insert(token);
        self.count += usize::from(is_new);
    }

    pub(super) fn remove(&mut self, token: Token, remote: Host) {
        if let Some(here) = self.by_address.get_mut(&remote) {
            self.count -= usize::from(here.remove(&token));
            if here.is_empty() {
                self.by_address.remove(&remote);
            }
        }
    }

    /// The one that has to make room for others: the oldest of the address that has most; of addresses
    /// that have as many, of the one whose first is the oldest.
    pub(super) fn take_surplus(&mut self) -> Option<Token> {
        let most = |(_, here): &(&Host, &BTreeSet<Token>)| {
            let oldest = here.first().copied();
            (here.len(), std::cmp::Reverse(oldest))
        };
        let (remote, here) = self.by_address.iter().max_by_key(most)?;
        let (remote, oldest) = (*remote, *here.first()?);
        self.remove(oldest, remote);
        Some(oldest)
    }
}
