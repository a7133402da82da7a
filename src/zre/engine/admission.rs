//! How many strangers are met, and how fast: dialling follows evidence.
//!
//! A beacon is a datagram that anybody can forge, in anybody's name. An address where somebody has
//! answered a dial with a HELLO is trusted with as many more dials as have done so; for one where dials
//! are in vain, there is one at a time, and now and then another. So a host with hundreds of nodes is
//! met as fast as they answer, and a forger gets a victim no more than a few connections from each node
//! that believes it. It does not cost an honest peer its place that hears us, too, and is not flooded
//! itself: its own HELLO is met without a dial.
//!
//! Whoever says HELLO, but takes no connection of ours where it says to be, has been heard in one direction
//! only, and has its place among the unproven ones. A HELLO never finds that place taken: whoever has not
//! said one makes room, or else who has been dialled in vain for longest at the address that has most.
//! And an address where somebody was proven of late has some places and dials of its own beside all others: a
//! peer that is thought to have left, and has not, gets in by its next beacon whoever has taken its place.
//! So an honest newcomer, who takes our connection within milliseconds, gets in however many addresses
//! somebody has who does not; and those that have been here for longest stay.

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::ops::Bound;
use std::time::{Duration, Instant};

use super::dial::DIAL;
use crate::zre::{Limits, PeerId};

/// How often the time between two dials beyond the first to an address is doubled at most, for each
/// that was in vain.
const DOUBLINGS: u32 = 6;

/// Addresses that are remembered for their dials alone; half of them are forgotten when there are more,
/// those that wait least.
const REMEMBERED: usize = 4_096;

/// How long a peer that has said HELLO may have been dialled before it has to make room for others, while
/// there are no more than [`AT_ONCE`] beyond the limit; and the same where each host has one, or no more than
/// have proven themselves there. When a whole network starts, or one comes to a large one, all say it at once, and
/// are proven within milliseconds, or, where it is slow, a SYN or two later; whoever means harm has many at few
/// addresses.
const YOUNG: Duration = Duration::from_millis(100);
const AT_ONCE: usize = 128;
const YOUNG_BY_ITSELF: Duration = DIAL;
const EACH_AT_ONCE: usize = 4_096;

/// How long an address is known where somebody was proven, and how many places and dials it has of its own for that
/// time; all such addresses together have a quarter of what there is for strangers, see [`with_own`].
const KNOWN: Duration = Duration::from_secs(600);
const OWN: usize = 4;
const ADDRESSES: usize = 1_024;

/// A limit for strangers, and what is beside it for addresses where somebody was proven.
const fn with_own(limit: usize) -> usize {
    limit.saturating_add(limit / 4)
}

/// So many of those that are heard in one direction only do not make room for others: those that have been
/// here for longest.
const KEPT: usize = 64;

/// How many peers there are of which kind, in all and by address.
#[derive(Debug, Default)]
pub(super) struct Admission {
    /// Those that have entered, whether they are proven or not.
    entered: usize,
    unproven: usize,
    /// The unproven ones that have entered, in the order in which they have, by numbers that are not
    /// used again.
    one_way: BTreeMap<u64, OneWay>,
    /// The others, of each address.
    others: BTreeMap<IpAddr, BTreeSet<PeerId>>,
    last: u64,
    /// Those whose host has not answered yet.
    dials: usize,
    addresses: BTreeMap<IpAddr, Address>,
    /// How many of these are crowded.
    crowded: usize,
    known: Known,
    pub(super) waiting: Waiting,
}

/// Addresses where somebody was proven of late, and when; at most [`ADDRESSES`], the first go first.
#[derive(Debug, Default)]
struct Known {
    last: BTreeMap<IpAddr, Instant>,
    order: VecDeque<IpAddr>,
}

impl Known {
    fn add(&mut self, now: Instant, address: IpAddr) {
        if self.last.insert(address, now).is_none() {
            self.order.push_back(address);
        }
        if self.order.len() > ADDRESSES
            && let Some(first) = self.order.pop_front()
        {
            self.last.remove(&first);
        }
    }

    fn holds(&self, now: Instant, address: IpAddr) -> bool {
        let at = self.last.get(&address);
        at.is_some_and(|at| now.duration_since(*at) < KNOWN)
    }
}

/// Peers that were heard and wait to be dialled; never more than there may be unproven ones.
///
/// Whether one may be dialled is a question about its address, so that it is asked once for each
/// address, not for each peer.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Each, and the address for which it waits.
    peers: BTreeMap<PeerId, IpAddr>,
    addresses: BTreeMap<IpAddr, VecDeque<PeerId>>,
    /// Of which one of them was dialled last: the others have their turn before it.
    last: Option<IpAddr>,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    pub(super) fn add(&mut self, address: IpAddr, id: PeerId) {
        if let Entry::Vacant(new) = self.peers.entry(id) {
            new.insert(address);
            self.addresses.entry(address).or_default().push_back(id);
        }
    }

    /// The peer is gone.
    pub(super) fn remove(&mut self, id: PeerId) {
        if let Some(address) = self.peers.remove(&id)
            && let Some(here) = self.addresses.get_mut(&address)
        {
            here.retain(|other| *other != id);
            if here.is_empty() {
                self.addresses.remove(&address);
            }
        }
    }

    /// Takes out one, of the next address for which that is allowed.
    fn take(&mut self, is_allowed: impl Fn(IpAddr) -> bool) -> Option<PeerId> {
        let behind = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        let until = self.last.map_or(Bound::Unbounded, Bound::Included);
        let turns = self.addresses.range((behind, Bound::Unbounded));
        let again = self.addresses.range((Bound::Unbounded, until));
        let mut turns = turns.chain(again).map(|(address, _)| *address);
        let address = turns.find(|address| is_allowed(*address))?;
        let here = self.addresses.get_mut(&address)?;
        let id = here.pop_front()?;
        if here.is_empty() {
            self.addresses.remove(&address);
        }
        self.peers.remove(&id);
        self.last = Some(address);
        Some(id)
    }
}

#[derive(Debug, Default, Clone, Copy)]
struct Address {
    proven: usize,
    unproven: usize,
    /// Those that nobody has answered yet.
    dials: usize,
    /// Dials that were in vain since one was not.
    in_vain: u32,
    /// When one more dial than the first is allowed; `None` if at any time.
    next: Option<Instant>,
}

impl Address {
    const fn is_empty(&self) -> bool {
        self.proven == 0 && self.unproven == 0 && self.dials == 0
    }

    /// Whether more are unproven there than one, or than have proven themselves.
    const fn is_crowded(&self) -> bool {
        self.unproven > 1 && self.unproven > self.proven
    }
}

/// A peer that is heard, and not known to hear us.
#[derive(Debug, Clone, Copy)]
struct OneWay {
    id: PeerId,
    address: IpAddr,
    since: Instant,
}

/// What admission counts a peer as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    Heard,
    Dialled,
    /// Dialled, and its host is there.
    Met,
    /// Dialled, and somebody took our HELLO.
    Answered,
    /// Its HELLO has come, and says where it is; whether that is so is not known.
    Here,
    /// Somebody took our messages where it was before; whether it is where it says to be now is not known.
    Known,
    /// It is here, and somebody takes our messages where it said.
    Proven,
}

impl Admission {
    pub(super) const fn entered(&self) -> usize {
        self.entered
    }

    fn address(&self, address: IpAddr) -> Address {
        self.addresses.get(&address).copied().unwrap_or_default()
    }

    pub(super) fn admits_unproven(&self, limits: &Limits, now: Instant, address: IpAddr) -> bool {
        let here = self.address(address);
        let most = limits.unproven_per_address.saturating_add(here.proven);
        let has_own = here.unproven < OWN
            && self.known.holds(now, address)
            && self.unproven < with_own(limits.unproven);
        let is_free = self.unproven < limits.unproven || has_own;
        is_free && here.unproven < most && self.admits_hello(limits)
    }

    pub(super) const fn admits_hello(&self, limits: &Limits) -> bool {
        self.entered < limits.peers
    }

    /// Who has to make room before somebody else may enter whom nobody has heard before.
    pub(super) fn surplus(&self, limits: &Limits, now: Instant) -> Option<PeerId> {
        if self.unproven < limits.unproven {
            return None;
        }
        let most = self.others.values().max_by_key(|here| here.len());
        if let Some(id) = most.and_then(|here| here.first()) {
            return Some(*id);
        }
        let is_young = |one: &&OneWay| now < one.since + YOUNG;
        let is_crowded = |one: &OneWay| self.address(one.address).is_crowded();
        let has_had_its_time =
            |one: &&OneWay| now >= one.since + YOUNG_BY_ITSELF || is_crowded(one);
        let candidates = || self.one_way.values().skip(KEPT.min(limits.unproven / 4));
        let unproven_beside = |one: &OneWay| self.address(one.address).unproven;
        // They are in the order in which they came: behind one that is young all are, and of several at the
        // address that has most, the first is taken.
        let first = candidates()
            .take_while(|one| !is_young(one))
            .filter(has_had_its_time)
            .min_by_key(|one| Reverse(unproven_beside(one)));
        let beyond = self.unproven.saturating_sub(limits.unproven);
        let any = || {
            let mut candidates = candidates();
            if beyond >= EACH_AT_ONCE {
                candidates.next()
            } else if beyond >= AT_ONCE && self.crowded > 0 {
                candidates.find(|one| is_crowded(one))
            } else {
                None
            }
        };
        first.or_else(any).map(|one| one.id)
    }

    /// Whether a peer that has been dialled in vain is one too many at its address, where others have been
    /// here for longer.
    pub(super) fn is_surplus(&self, limits: &Limits, id: PeerId) -> bool {
        let Some(one) = self.one_way.values().find(|one| one.id == id) else {
            return false;
        };
        let proven = self.address(one.address).proven;
        let most = limits.unproven_per_address.saturating_add(proven);
        let before = self.one_way.values().take_while(|other| other.id != id);
        let there = before.filter(|other| other.address == one.address);
        there.count() >= most
    }

    pub(super) fn admits_dial(&self, limits: &Limits, now: Instant, address: IpAddr) -> bool {
        let here = self.address(address);
        let most = limits.dials_per_address.saturating_add(here.proven);
        let is_due = here.next.is_none_or(|next| next <= now);
        let has_own = here.dials < OWN
            && self.known.holds(now, address)
            && self.dials < with_own(limits.dials);
        let is_free = self.dials < limits.dials || has_own;
        is_free && (here.dials == 0 || here.dials < most && is_due)
    }

    /// One that waits and may be dialled now, the next in turn.
    pub(super) fn next_dial(&mut self, limits: &Limits, now: Instant) -> Option<PeerId> {
        if self.dials >= with_own(limits.dials) {
            return None;
        }
        let mut waiting = std::mem::take(&mut self.waiting);
        let next = waiting.take(|address| self.admits_dial(limits, now, address));
        self.waiting = waiting;
        next
    }

    /// Whether a dial to this address need not make room for others: none wait, or somebody was proven there of
    /// late.
    pub(super) fn has_time(&self, limits: &Limits, now: Instant, address: IpAddr) -> bool {
        let is_crowded = self.dials >= limits.dials && !self.waiting.is_empty();
        !is_crowded || self.known.holds(now, address)
    }

    /// A dial to this address was in vain.
    pub(super) fn in_vain(&mut self, limits: &Limits, now: Instant, address: IpAddr) {
        let here = self.addresses.entry(address).or_default();
        here.in_vain = (here.in_vain + 1).min(DOUBLINGS);
        let pause = limits.dial_pause.saturating_mul(1 << here.in_vain);
        here.next = Some(now + pause);
        if self.addresses.len() > REMEMBERED {
            self.forget_idle(now);
        }
    }

    /// Somebody at this address has said HELLO, and can be reached there.
    pub(super) fn answered(&mut self, now: Instant, address: IpAddr) {
        if let Some(here) = self.addresses.get_mut(&address) {
            here.in_vain = 0;
            here.next = None;
        }
        self.known.add(now, address);
    }

    /// Forgets addresses where nobody is: those that need not be waited for, and of the others the half
    /// that waits least.
    fn forget_idle(&mut self, now: Instant) {
        let idle = self.addresses.values().filter(|here| here.is_empty());
        let mut nexts: Vec<Instant> = idle.filter_map(|here| here.next).collect();
        nexts.sort_unstable();
        let middle = nexts.get(nexts.len() / 2).copied();
        let from = middle.map_or(now, |middle| middle.max(now));
        let waits = |here: &Address| here.next.is_some_and(|next| next >= from);
        self.addresses
            .retain(|_, here| !here.is_empty() || waits(here));
    }

    fn count(&mut self, address: IpAddr, standing: Standing, more: bool) {
        let here = self.addresses.entry(address).or_default();
        let was_crowded = here.is_crowded();
        let step = |number: &mut usize| {
            *number = if more {
                number.saturating_add(1)
            } else {
                number.saturating_sub(1)
            };
        };
        match standing {
            Standing::Here => {
                step(&mut self.entered);
                step(&mut self.unproven);
                step(&mut here.unproven);
            }
            Standing::Known => step(&mut self.entered),
            Standing::Proven => {
                step(&mut self.entered);
                step(&mut here.proven);
            }
            Standing::Dialled => {
                step(&mut self.unproven);
                step(&mut here.unproven);
                step(&mut self.dials);
                step(&mut here.dials);
            }
            Standing::Met => {
                step(&mut self.unproven);
                step(&mut here.unproven);
                step(&mut here.dials);
            }
            Standing::Heard | Standing::Answered => {
                step(&mut self.unproven);
                step(&mut here.unproven);
            }
        }
        match (was_crowded, here.is_crowded()) {
            (false, true) => self.crowded += 1,
            (true, false) => self.crowded = self.crowded.saturating_sub(1),
            _ => {}
        }
        if here.is_empty() && here.next.is_none() {
            self.addresses.remove(&address);
        }
    }

    pub(super) fn enter(&mut self, now: Instant, id: PeerId, address: IpAddr, standing: Standing) {
        self.count(address, standing, true);
        match standing {
            Standing::Here => {
                self.last += 1;
                let since = now;
                self.one_way
                    .insert(self.last, OneWay { id, address, since });
            }
            Standing::Heard | Standing::Dialled | Standing::Met | Standing::Answered => {
                self.others.entry(address).or_default().insert(id);
            }
            Standing::Known | Standing::Proven => {}
        }
    }

    pub(super) fn leave(&mut self, id: PeerId, address: IpAddr, standing: Standing) {
        self.count(address, standing, false);
        match standing {
            Standing::Here => self.one_way.retain(|_, one| one.id != id),
            Standing::Heard | Standing::Dialled | Standing::Met | Standing::Answered => {
                if let Some(here) = self.others.get_mut(&address) {
                    here.remove(&id);
                    if here.is_empty() {
                        self.others.remove(&address);
                    }
                }
            }
            Standing::Known | Standing::Proven => {}
        }
    }
}
