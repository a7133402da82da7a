//! What each peer may have of the memory that all have together: a small part for sure, and more as long
//! as there is some.

use super::Engine;
use crate::zre::{GroupName, Headers, Hello, PeerId};

/// What a peer's headers may take for sure, in octets.
const HEADERS: usize = 2 << 10;

/// How many groups a peer may be in for sure.
const GROUPS: usize = 16;

/// What headers take of the memory that all have together, in octets.
pub(super) fn excess(headers: &Headers) -> usize {
    headers.weight().saturating_sub(HEADERS)
}

impl Engine {
    /// Leaves out headers of a HELLO that there is no room for.
    pub(super) fn keep_within_share(&self, id: PeerId, hello: &mut Hello) {
        let wanted = excess(&hello.headers);
        if wanted == 0 {
            return;
        }
        let others = self.peers.iter().filter(|(other, _)| **other != id);
        let held: usize = others.map(|(_, peer)| peer.excess).sum();
        if held.saturating_add(wanted) > self.config.limits.headers_octets_in_all {
            let count = hello.headers.len();
            hello.headers = hello.headers.within(HEADERS);
            hello.left_out += count - hello.headers.len();
        }
    }

    /// Whether a peer may be in one more group, which it is in `groups` already.
    pub(super) fn may_join(&self, groups: usize, group: &GroupName) -> bool {
        let limits = &self.config.limits;
        // Whoever fills the limits must not keep our friends out of our own groups.
        let is_ours = self.view.groups.contains(group);
        let is_known = is_ours || self.members.contains_key(group);
        groups < limits.groups_per_peer
            && (is_ours || groups < GROUPS || self.memberships < limits.memberships)
            && (is_known || self.members.len() < limits.groups)
    }
}
