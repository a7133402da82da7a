//! The numbers of messages: [`Outgoing`] counts one's own to one peer, [`Incoming`] checks a peer's.
//!
//! RFC 36 counts in 16 bits and does not say where that ends: Zyre goes on from 65535 with 0, Pyre and
//! zyre.js from 65534 (trap 1). What to do about a gap is the engine's business.

/// The numbers of our messages to one peer. A message that was numbered must be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Outgoing {
    /// The number given last; 0 before the first HELLO.
    last: u16,
}

/// What [`Outgoing::number`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    /// The number of this message.
    Next(u16),
    /// A HELLO has to go first: to a peer that was never greeted, and before message 65535, whose
    /// number is 65535 for one kind of peer and 0 for the other.
    GreetFirst,
}

impl Outgoing {
    /// Starts again: the number of a HELLO, which is always 1.
    pub(super) const fn greet(&mut self) -> u16 {
        self.last = HELLO;
        HELLO
    }

    /// The number of what has to go right before a HELLO that is not the first one; `None` before the
    /// first.
    ///
    /// Whoever demands that every number follows on the one before it, HELLO's not excepted (zyre.js),
    /// would take the 1 for a gap. After 65534, this 0 is what it waits for, so that the 1 follows on
    /// it; anywhere else it is a gap, and the HELLO behind it greets as if it were the first.
    pub(super) const fn bridge(&self) -> Option<u16> {
        match self.last {
            0 => None,
            _ => Some(BRIDGE),
        }
    }

    /// Whether a HELLO has to go first; asking changes nothing.
    pub(super) const fn has_to_greet(&self) -> bool {
        matches!(self.last, 0 | LAST_UNDISPUTED..)
    }

    /// The number of the next message that is not a HELLO.
    pub(super) const fn number(&mut self) -> Number {
        match self.last {
            0 | LAST_UNDISPUTED.. => Number::GreetFirst,
            _ => {
                self.last += 1;
                Number::Next(self.last)
            }
        }
    }
}

/// The numbers of the messages of one peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Incoming {
    /// The number that came last.
    last: u16,
}

impl Incoming {
    /// Starts with a HELLO of this number, which the next one has to follow on. It should be 1; a
    /// peer that counts on from another is taken at its word.
    pub(super) const fn greeted(sequence: u16) -> Self {
        Self { last: sequence }
    }

    /// How many messages ago `sequence` came, none for the last, if it is a number that has come already, as
    /// far as can be told.
    pub(super) fn back_to(self, sequence: u16) -> Option<usize> {
        let back = self.last.wrapping_sub(sequence);
        (back <= BEFORE).then_some(usize::from(back))
    }

    /// Whether `sequence` is the number that follows; if so, it is the last one from now on.
    /// Otherwise something before it is lost, or it came twice, and nothing changes.
    #[must_use]
    pub(super) const fn accept(&mut self, sequence: u16) -> bool {
        let follows = match self.last {
            LAST_UNDISPUTED => matches!(sequence, u16::MAX | 0),
            last => sequence == last.wrapping_add(1),
        };
        if follows {
            self.last = sequence;
        }
        follows
    }
}

/// How far back a number may be that came before, at most: half the numbers that there are.
const BEFORE: u16 = u16::MAX / 2;

/// Whether a message with this number, and without content, may be what goes before a HELLO: then it
/// is no gap.
pub(super) const fn is_bridge(sequence: u16) -> bool {
    sequence == BRIDGE
}

/// The number of a HELLO.
const HELLO: u16 = 1;

/// The number of what goes before a HELLO that is not the first one.
const BRIDGE: u16 = 0;

/// The last number after which all implementations agree on what was before it.
const LAST_UNDISPUTED: u16 = u16::MAX - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_was_never_greeted_is_greeted_first() {
        assert_eq!(Outgoing::default().number(), Number::GreetFirst);
    }

    #[test]
    fn the_first_message_after_a_hello_has_the_number_2() {
        let mut outgoing = Outgoing::default();
        assert_eq!(outgoing.greet(), 1);
        assert_eq!(outgoing.number(), Number::Next(2));
        assert_eq!(outgoing.number(), Number::Next(3));
    }

    #[test]
    fn trap_1_after_message_65534_a_peer_is_greeted_again() {
        let mut outgoing = Outgoing::default();
        outgoing.greet();
        for number in 2..=65534 {
            assert_eq!(outgoing.number(), Number::Next(number));
        }
        assert_eq!(outgoing.number(), Number::GreetFirst);
        assert_eq!(
            outgoing.number(),
            Number::GreetFirst,
            "asking changes nothing"
        );
        assert_eq!(outgoing.greet(), 1);
        assert_eq!(outgoing.number(), Number::Next(2));
    }

    #[test]
    fn trap_10_what_goes_before_a_second_hello_has_the_number_that_leads_to_1() {
        let mut outgoing = Outgoing::default();
        assert_eq!(outgoing.bridge(), None, "nothing goes before the first");
        outgoing.greet();
        assert_eq!(outgoing.bridge(), Some(0));
        // One that counts modulo 65,535 and makes no exception for HELLO has nothing to complain of.
        let mut strict = 65_534_u32;
        for number in [outgoing.bridge().unwrap(), outgoing.greet()] {
            strict = (strict + 1) % 65_535;
            assert_eq!(u32::from(number), strict);
        }
    }

    #[test]
    fn a_number_left_out_or_repeated_is_refused_and_changes_nothing() {
        let mut incoming = Incoming::greeted(1);
        assert!(incoming.accept(2));
        for wrong in [0, 1, 2, 4, 65534, 65535] {
            assert!(!incoming.accept(wrong), "{wrong} after 2");
        }
        assert!(incoming.accept(3));
    }

    #[test]
    fn trap_1_zyre_counts_modulo_65536() {
        let mut incoming = Incoming::greeted(65533);
        assert!(
            [65534, 65535, 0, 1, 2]
                .iter()
                .all(|&next| incoming.accept(next))
        );
    }

    #[test]
    fn trap_1_pyre_and_zyre_js_count_modulo_65535() {
        let mut incoming = Incoming::greeted(65533);
        assert!([65534, 0, 1, 2].iter().all(|&next| incoming.accept(next)));
    }

    #[test]
    fn trap_1_nothing_else_follows_on_65534_or_on_65535() {
        for wrong in [1, 2, 65533, 65534] {
            assert!(
                !Incoming::greeted(65534).accept(wrong),
                "{wrong} after 65534"
            );
        }
        for wrong in [1, 65534, 65535] {
            assert!(
                !Incoming::greeted(65535).accept(wrong),
                "{wrong} after 65535"
            );
        }
    }

    #[test]
    fn trap_1_whole_rounds_of_either_kind_are_accepted() {
        for modulus in [65535_u32, 65536] {
            let mut incoming = Incoming::greeted(1);
            for count in 2..200_000_u32 {
                let sequence = u16::try_from(count % modulus).expect("the modulus is 16 bits");
                assert!(incoming.accept(sequence), "{sequence}, modulo {modulus}");
            }
        }
    }
}
