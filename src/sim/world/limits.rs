//! What is queued, held against its limits.

use super::World;
use crate::sim::host::Machine;

/// How many outputs one thing that an engine is told may lead to, for each peer that there may be: to all of
/// them at once go a greeting and what goes before it, two questions, and what is told of them.
const OUTPUTS_A_PEER: usize = 12;

/// How many events may come for each peer although its application does not read: those that no message of
/// it causes.
const EVENTS_A_PEER: usize = 4;

impl World {
    /// What may be queued in one mailbox now: an equal part, if all of a process together hold as much as
    /// they may (`src/node/links.rs`).
    pub(super) fn budget(&self, number: usize) -> u64 {
        let process = self.process(number);
        let limits = &self.options.limits;
        let (one, all) = (
            limits.queued_octets as u64,
            limits.queued_octets_in_all as u64,
        );
        let all = all.max(one);
        if process.queued < all {
            return one;
        }
        one.min(all / (process.mailboxes.len() as u64).max(1))
    }

    /// All mailboxes of a process together hold what they may, twice that if nobody takes anything, and what
    /// connections have given back that broke; and the last message.
    pub(super) fn see_queued(&mut self, number: usize, last: u64) {
        let process = self.process(number);
        let limits = &self.options.limits;
        let all = limits.queued_octets_in_all.max(limits.queued_octets) as u64;
        let given_back = self.options.window * process.mailboxes.len() as u64;
        let queued = process.queued;
        self.check.limit(
            number,
            "octets queued in all",
            queued,
            all * 2 + given_back + last,
        );
    }

    /// What an engine wants done at once, and what it keeps for mailboxes that are full.
    pub(super) fn see_outputs(&mut self, number: usize) {
        let Machine::Zchat(zchat) = &self.process(number).machine else {
            return;
        };
        let waiting = zchat.engine.waiting();
        let limits = &self.options.limits;
        let (peers, control) = (self.processes.len(), limits.queued_control);
        let groups = self.options.groups;
        // A mailbox that has room again gets at once what waited for it.
        let outputs = control + (peers + groups) * OUTPUTS_A_PEER;
        self.check
            .limit(number, "outputs", waiting.outputs as u64, outputs as u64);
        // A SHOUT may find several of them full, and each has something in its way already.
        let kept = control + OUTPUTS_A_PEER;
        self.check
            .limit(number, "messages kept", waiting.kept as u64, kept as u64);
    }

    /// What an application has not read.
    pub(super) fn see_events(&mut self, number: usize) {
        let application = &self.process(number).application;
        let limits = &self.options.limits;
        let (events, octets) = (application.unread.len(), application.unread_octets);
        // The message that fills the queue may tell of a newcomer with all its groups.
        let more = 1 + self.options.groups + self.processes.len() * EVENTS_A_PEER;
        let own = application.answers;
        let most = limits.events + more + own;
        self.check
            .limit(number, "events unread", events as u64, most as u64);
        let content = usize::try_from(self.options.content).unwrap_or(usize::MAX);
        let most = limits.event_octets.saturating_add(content + MORE_OCTETS);
        self.check
            .limit(number, "octets unread", octets as u64, most as u64);
    }
}

/// What a message has besides its text, at most.
const MORE_OCTETS: usize = 4_096;

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::World;
    use crate::sim::check::Violation;
    use crate::sim::host::Input;
    use crate::sim::options::Options;
    use crate::zre::{Action, Body, Content, Event, LinkId, Message};

    /// Two that have met.
    #[allow(
        clippy::disallowed_methods,
        reason = "virtual time has to begin at some time"
    )]
    fn world() -> World {
        let mut world = World::new(Options::quiet(1, 2), Instant::now());
        world.run_for(Duration::from_secs(5)).unwrap();
        world
    }

    fn overfull(world: &World) -> &'static str {
        match world.check.verdict() {
            Err(Violation::Overfull {
                process: 0, what, ..
            }) => what,
            verdict => panic!("{verdict:?}"),
        }
    }

    #[test]
    fn a_machine_that_wants_too_much_done_at_once_is_seen() {
        let mut world = world();
        world.see_outputs(0);
        assert_eq!(world.check.verdict(), Ok(()));
        let now = world.clock(0).read(world.now);
        for _ in 0..2_000 {
            let peer = world.process(1).peer;
            let content = Content::new("0 0");
            let action = Action::Whisper { peer, content };
            world
                .process_mut(0)
                .machine
                .handle(now, Input::Action(action));
        }
        world.see_outputs(0);
        assert_eq!(overfull(&world), "outputs");
    }

    #[test]
    fn a_machine_that_keeps_too_much_for_a_mailbox_that_is_full_is_seen() {
        let mut world = world();
        let now = world.clock(0).read(world.now);
        let link = *world.process(0).mailboxes.keys().next().unwrap();
        for sequence in 0..2_000 {
            let body = Body::Ping;
            let message = Message { sequence, body };
            let full = Input::Full(link, message, false);
            world.process_mut(0).machine.handle(now, full);
        }
        world.see_outputs(0);
        assert_eq!(overfull(&world), "messages kept");
    }

    #[test]
    fn an_application_with_more_unread_than_may_be_is_seen() {
        let mut world = world();
        world.see_events(0);
        assert_eq!(world.check.verdict(), Ok(()));
        let peer = world.process(1).peer;
        let most = world.options.limits.events;
        let application = &mut world.process_mut(0).application;
        application.unread = vec![Event::Heard { peer }; most + 20].into();
        world.see_events(0);
        assert_eq!(overfull(&world), "events unread");
        let mut world = self::world();
        let most = world.options.limits.event_octets;
        world.process_mut(0).application.unread_octets = most + 10_000;
        world.see_events(0);
        assert_eq!(overfull(&world), "octets unread");
    }

    #[test]
    fn mailboxes_that_hold_too_much_together_are_seen() {
        let mut world = world();
        world.see_queued(0, 0);
        assert_eq!(world.check.verdict(), Ok(()));
        world.process_mut(0).queued = 100 << 20;
        world.see_queued(0, 0);
        assert_eq!(overfull(&world), "octets queued in all");
        // None has more room than its part then.
        let one = world.options.limits.queued_octets as u64;
        assert_eq!(world.budget(0), one);
        let mailbox = *world.process(0).mailboxes.values().next().unwrap();
        for link in 100..200 {
            world.process_mut(0).mailboxes.insert(LinkId(link), mailbox);
        }
        assert!(world.budget(0) < one);
    }
}
