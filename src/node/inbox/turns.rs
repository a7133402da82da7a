//! Whose turn it is to be read, of all connections in which there is something.
//!
//! Start-time fair queueing, with credit: among connections that are never idle each gets as much as any
//! other; one that was idle has some of what it did not use to its credit, and is read next while that
//! lasts. So a thousand that flood us, new ones among them, do not delay whoever says something now
//! and then.

use std::collections::BTreeSet;

use super::Token;

/// The connections that wait to be read.
#[derive(Debug, Default)]
pub(super) struct Turns {
    waiting: BTreeSet<(u64, Token)>,
    /// What the connection whose turn it is had been read when its turn came: as far as everybody has
    /// come.
    clock: u64,
}

/// What one connection has had.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    /// When its turn comes, while it waits for it.
    start: Option<u64>,
    /// The cost of its turns so far, and of the time when it had none but for its credit.
    finish: u64,
}

impl Turns {
    /// A new connection, which has no credit.
    pub(super) const fn admit(&self) -> Turn {
        Turn {
            start: None,
            finish: self.clock,
        }
    }

    /// There is something in a connection.
    pub(super) fn ask(&mut self, token: Token, turn: &mut Turn) {
        if turn.start.is_none() {
            let start = turn.finish.max(self.clock.saturating_sub(CREDIT));
            turn.start = Some(start);
            self.waiting.insert((start, token));
        }
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The connection whose turn it is; of those that are equal, the oldest.
    pub(super) fn next(&mut self) -> Option<Token> {
        let (start, token) = self.waiting.pop_first()?;
        self.clock = self.clock.max(start);
        Some(token)
    }

    /// A connection is not read any more.
    pub(super) fn forget(&mut self, token: Token, turn: &mut Turn) {
        if let Some(start) = turn.start.take() {
            self.waiting.remove(&(start, token));
        }
    }
}

impl Turn {
    /// It is its turn.
    pub(super) fn begin(&mut self) {
        if let Some(start) = self.start.take() {
            self.finish = start;
        }
    }

    /// It had so much of it.
    pub(super) const fn charge(&mut self, cost: u64) {
        self.finish = self.finish.saturating_add(cost);
    }
}

/// What a connection may have to its credit: about as much as is read from it at a time.
const CREDIT: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// Serves so often, each turn at this cost; who was served.
    fn serve(turns: &mut Turns, flows: &mut [(Token, Turn, u64)], times: usize) -> Vec<u64> {
        let mut served = Vec::new();
        for _ in 0..times {
            for (token, turn, _) in flows.iter_mut() {
                turns.ask(*token, turn);
            }
            let token = turns.next().unwrap();
            let (_, turn, cost) = flows
                .iter_mut()
                .find(|(other, ..)| *other == token)
                .unwrap();
            turn.begin();
            turn.charge(*cost);
            served.push(token.0);
        }
        served
    }

    #[test]
    fn who_is_never_idle_gets_as_much_as_any_other() {
        let mut turns = Turns::default();
        let new = turns.admit();
        let mut flows = [(Token(1), new, 1_000), (Token(2), new, 100)];
        let served = serve(&mut turns, &mut flows, 1_100);
        let small = served.iter().filter(|token| **token == 2).count();
        assert!(
            (990..=1_010).contains(&small),
            "{small} turns of 100 to 1,100 of 1,000"
        );
    }

    #[test]
    fn who_says_something_now_and_then_is_next_however_many_others_are_never_idle() {
        let mut turns = Turns::default();
        let mut honest = turns.admit();
        let mut flows: Vec<_> = (10..1_010)
            .map(|token| (Token(token), turns.admit(), 64_000))
            .collect();
        serve(&mut turns, &mut flows, 5_000);
        for round in 0..10_000 {
            turns.ask(Token(1), &mut honest);
            assert_eq!(turns.next(), Some(Token(1)), "the time {round}");
            honest.begin();
            honest.charge(300);
            // Some others have their turns before it says something again, and new ones come.
            let new = (Token(2_000 + round), turns.admit(), 64_000);
            let index = usize::try_from(round % 1_000).unwrap();
            let (old, mut turn, _) = std::mem::replace(&mut flows[index], new);
            turns.forget(old, &mut turn);
            serve(&mut turns, &mut flows, 10);
        }
    }

    #[test]
    fn who_is_forgotten_has_no_turn() {
        let mut turns = Turns::default();
        let (mut one, mut other) = (turns.admit(), turns.admit());
        turns.ask(Token(1), &mut one);
        turns.ask(Token(2), &mut other);
        turns.forget(Token(1), &mut one);
        assert_eq!(turns.next(), Some(Token(2)));
        assert_eq!(turns.next(), None);
    }
}
