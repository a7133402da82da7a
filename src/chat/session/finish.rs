//! How a session ends: what was said is delivered, then the node says farewell; and what it tells of
//! its success.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Session;
use crate::chat::item::{Item, Missing};
use crate::chat::naming::Unresolved;
use crate::chat::{Exit, Input, Output, Purpose, Signal};
use crate::zre::{Action, GroupName, PeerId, Ticket};

/// How long delivery may make no progress at the end even if the user waits for nobody: a farewell
/// overtakes what is under way, and would take it from those who are there.
const SHORTEST: Duration = Duration::from_millis(500);

/// The same for somebody who waits for the shell to come back.
const TYPED: Duration = Duration::from_secs(2);

/// How many peers that were sent something are remembered, those that are gone included.
const ADDRESSED: usize = 16_384;

/// How far a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Lines are taken.
    Open,
    /// There are no more lines; what was asked is still answered.
    Ending,
    /// It is asked whether all is delivered.
    Flushing(Ticket),
    /// The node was told to stop.
    Stopping,
    /// All is over.
    Over,
}

/// What was done, and what was not.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Lines and commands that were wrong, whoever is here.
    pub(super) wrong: u64,
    /// Texts to say.
    pub(super) said: u64,
    /// Those of them that somebody was there to receive.
    pub(super) reached: u64,
    /// Those that nobody was there to receive.
    pub(super) unreached: u64,
    /// Messages that the node did not deliver.
    pub(super) undelivered: u64,
    /// Whether a peer was named that is not here.
    pub(super) named_missing: bool,
    /// Who was sent something.
    pub(super) addressed: BTreeSet<PeerId>,
    /// The last group that was sent something, and the number of changes then.
    pub(super) last_shout: Option<(GroupName, u64)>,
    /// The group of which it was told last that nobody is in it.
    pub(super) nobody_told: Option<GroupName>,
    /// Names on the command line that are no peer's.
    pub(super) missing_names: BTreeMap<String, Missing>,
    /// Who was told to have got not everything.
    pub(super) missing: BTreeSet<PeerId>,
    /// Whether somebody was ever here.
    pub(super) somebody: bool,
    /// Whether there was nobody to be shown.
    pub(super) nobody_seen: bool,
    /// Whether there is no network.
    pub(super) no_network: bool,
    /// Whether nobody reads what is shown.
    pub(super) muted: bool,
    /// The signal that ended the session.
    pub(super) signal: Option<Signal>,
    /// Whether the node ended by itself.
    pub(super) broken: bool,
}

impl Tally {
    /// A peer is gone: whether it has read everything is not asked for ever.
    pub(super) fn forget(&mut self, peer: PeerId) {
        if self.addressed.len() > ADDRESSED {
            self.addressed.remove(&peer);
        }
    }
}

impl Session {
    /// No more lines come.
    pub(super) fn end_input(&mut self) {
        if self.phase == Phase::Open {
            self.phase = Phase::Ending;
        }
    }

    /// The program is to end.
    pub(super) fn take_signal(&mut self, signal: Signal) {
        match self.phase {
            Phase::Over => {}
            Phase::Stopping if self.tally.signal.is_some() => self.quit(),
            Phase::Open | Phase::Ending | Phase::Flushing(_) => {
                self.tally.signal = Some(signal);
                self.held = None;
                self.stop(self.patience());
            }
            Phase::Stopping => self.tally.signal = Some(signal),
        }
    }

    /// Nobody reads what is shown.
    pub(super) fn mute(&mut self) {
        self.tally.muted = true;
        if self.held.take().is_some_and(|line| self.says(&line)) {
            // It was taken, and will not be said.
            self.tally.unreached += 1;
        }
        if matches!(self.phase, Phase::Open | Phase::Ending | Phase::Flushing(_)) {
            self.stop(self.patience());
        }
    }

    /// A name on the command line is nobody's.
    pub(super) fn miss(&mut self, name: &str, unresolved: Unresolved) {
        self.tally.said += 1;
        self.tally.unreached += 1;
        self.tally.named_missing = true;
        let Entry::Vacant(entry) = self.tally.missing_names.entry(name.to_owned()) else {
            return;
        };
        let name = name.to_owned();
        let near = match &unresolved {
            Unresolved::Unknown { near } => Some(near.clone()),
            Unresolved::Gone { .. } => Some(Vec::new()),
            Unresolved::Ambiguous { .. } | Unresolved::Ourselves => None,
        };
        if let Some(near) = near {
            entry.insert(Missing::Name { name, near });
            return;
        }
        let near = match &unresolved {
            Unresolved::Ambiguous { candidates, .. } => candidates.clone(),
            _ => Vec::new(),
        };
        let unclear = name.clone();
        entry.insert(Missing::Unclear {
            name: unclear,
            near,
        });
        let why = super::lines::unresolved_in_words(&name, unresolved, self.wall);
        self.show(Item::Error(why));
    }

    /// Goes on with ending, as far as nothing is waited for.
    pub(super) fn finish(&mut self) {
        self.tally.somebody |= self.people.count() > 0;
        if self.phase != Phase::Ending || self.held.is_some() || !self.questions.is_empty() {
            return;
        }
        let is_send = matches!(self.purpose, Purpose::Send { .. });
        if is_send && self.tally.said + self.tally.wrong == 0 {
            self.fail("there was nothing to send: the input has no text".to_owned());
        }
        if self.tally.addressed.is_empty() {
            self.tell_sent(Vec::new(), Vec::new());
            self.stop(self.patience());
            return;
        }
        let ticket = self.ticket();
        let within = self.patience();
        self.act(Action::Flush { ticket, within });
        self.phase = Phase::Flushing(ticket);
    }

    /// The node tells who has read everything.
    pub(super) fn flushed(&mut self, ticket: Ticket, delivered: Vec<PeerId>, missing: Vec<PeerId>) {
        if self.phase != Phase::Flushing(ticket) {
            return;
        }
        // Whoever is missed was waited for already.
        let within = if missing.is_empty() {
            self.patience()
        } else {
            Duration::ZERO
        };
        self.tell_sent(delivered, missing);
        self.stop(within);
    }

    fn tell_sent(&mut self, mut delivered: Vec<PeerId>, mut missing: Vec<PeerId>) {
        delivered.retain(|peer| self.tally.addressed.contains(peer));
        missing.retain(|peer| self.tally.addressed.contains(peer));
        if self.purpose != Purpose::Chat {
            // Who left before it was asked is not known to have read it.
            let unknown = self.tally.addressed.iter().copied();
            missing.extend(unknown.filter(|peer| !delivered.contains(peer)));
            missing.sort_unstable();
            missing.dedup();
        }
        self.tally.missing = missing.iter().copied().collect();
        let to_tell = match (&self.purpose, self.input) {
            (Purpose::Send { .. } | Purpose::Watch { .. }, _) => true,
            (Purpose::Chat, Input::Piped) if self.reports() => self.tally.said > 0,
            (Purpose::Chat, _) => !missing.is_empty(),
        };
        if !to_tell {
            return;
        }
        // In a chat, that all is well is not told; that somebody is missed is.
        let quiet = self.purpose == Purpose::Chat && !self.reports();
        let to = if quiet { Vec::new() } else { delivered };
        let to = self.people.named(to);
        let names = self.tally.missing_names.values().cloned();
        let missing = self.people.named(missing).into_iter().map(Missing::Peer);
        let missing = missing.chain(names).collect();
        self.show(Item::Sent { to, missing });
    }

    pub(super) fn stop(&mut self, within: Duration) {
        self.phase = Phase::Stopping;
        self.act(Action::Stop { within });
    }

    /// The node has stopped.
    pub(super) fn stopped(&mut self) {
        if self.phase == Phase::Over {
            return;
        }
        if self.phase != Phase::Stopping {
            self.tally.broken = true;
            self.show(Item::Error("the node has stopped".to_owned()));
        }
        self.show(Item::Stop);
        self.quit();
    }

    fn quit(&mut self) {
        self.show_held();
        self.phase = Phase::Over;
        self.held = None;
        self.questions.clear();
        self.outputs.push_back(Output::Quit(self.status()));
    }

    /// How long delivery may make no progress at the end.
    fn patience(&self) -> Duration {
        match self.input {
            Input::Piped => self.wait.max(SHORTEST),
            Input::Typed => self.wait.clamp(SHORTEST, TYPED),
        }
    }

    fn status(&self) -> Exit {
        let tally = &self.tally;
        if let Some(signal) = tally.signal {
            return Exit::Signal(signal);
        }
        if tally.broken {
            return Exit::Failed;
        }
        // Nobody was interested in more; what was to be said and was not is a failure all the same.
        if tally.muted && tally.unreached + tally.undelivered == 0 {
            return Exit::Done;
        }
        if let Some(exit) = self.look_status() {
            return exit;
        }
        if self.input == Input::Typed {
            return Exit::Done;
        }
        // A line that is wrong is wrong whoever is here: whoever tries again on 3 would do so for ever.
        if tally.wrong > 0 {
            return Exit::Failed;
        }
        let others_were_here = tally.named_missing && tally.somebody;
        if tally.said > 0 && tally.reached == 0 && !others_were_here {
            return Exit::Nobody;
        }
        let failed = tally.unreached + tally.undelivered > 0 || tally.named_missing;
        if failed || !tally.missing.is_empty() {
            Exit::Failed
        } else {
            Exit::Done
        }
    }
}
