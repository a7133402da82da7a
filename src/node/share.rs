//! How much is done for the application in one round of the mesh thread: [`Share`].
//!
//! Time would be the honest measure, but nobody could test it. Octets stand for it: those of the
//! content, and some for each message, for what it costs however short it is.

/// What may still be sent before everything else has its turn.
#[derive(Debug)]
pub(super) struct Share(usize);

impl Share {
    /// That of one round.
    pub(super) const fn of_a_round() -> Self {
        Self(OCTETS)
    }

    /// Whether anything is left.
    pub(super) const fn is_left(&self) -> bool {
        self.0 > 0
    }

    /// So much was sent. One action may be more than a share: a SHOUT may go to thousands.
    pub(super) const fn spend(&mut self, cost: usize) {
        self.0 = self.0.saturating_sub(cost);
    }
}

/// What a message counts for that carries so many octets of content.
pub(super) const fn cost(content: usize) -> usize {
    MESSAGE + content
}

/// The share of a round: a mebibyte, or 4,096 short messages. Either takes a millisecond or two.
const OCTETS: usize = 1 << 20;

/// What a message counts for besides its content.
const MESSAGE: usize = 256;
