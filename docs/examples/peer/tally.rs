//! What the scripted peer counts: content that came in ([`Tally`]), and spans of time ([`Spread`]).

use nix::time::{ClockId, clock_gettime};

/// A bulk message of this size or more starts with the time of sending and its number.
pub(crate) const NUMBERED: usize = 16;

/// `CLOCK_MONOTONIC` in nanoseconds: the same clock for all processes of a machine.
pub(crate) fn now() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux and macOS have this clock");
    u64::try_from(time.tv_sec() * 1_000_000_000 + time.tv_nsec())
        .expect("it starts at 0 and ends in 292 years")
}

/// Writes the head of a bulk message into its octets, if there is room.
pub(crate) fn number(octets: &mut [u8], sent: u64, number: u64) {
    if let Some((time, rest)) = octets.split_first_chunk_mut()
        && let Some((count, _)) = rest.split_first_chunk_mut()
    {
        *time = sent.to_le_bytes();
        *count = number.to_le_bytes();
    }
}

/// The head of a bulk message: when it was sent, and its number.
pub(crate) fn numbered(octets: &[u8]) -> Option<(u64, u64)> {
    let (sent, rest) = octets.split_first_chunk()?;
    let (number, _) = rest.split_first_chunk()?;
    Some((u64::from_le_bytes(*sent), u64::from_le_bytes(*number)))
}

/// Content that was received and not printed.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) messages: u64,
    pub(crate) octets: u64,
    /// How often the number was not the one that was due.
    pub(crate) gaps: u64,
    /// When the first and the last came, in nanoseconds.
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) latency: Spread,
}

impl Tally {
    /// Counts one message, of which the sender's number `due` was expected; names the next one.
    pub(crate) fn add(&mut self, first_frame: &[u8], octets: usize, due: u64) -> u64 {
        self.last = now();
        if self.messages == 0 {
            self.first = self.last;
        }
        self.messages += 1;
        self.octets += octets as u64;
        let Some((sent, number)) = numbered(first_frame) else {
            return due;
        };
        self.latency.add(self.last.saturating_sub(sent));
        // Number 0 begins another bulk send.
        if number != 0 && number != due {
            self.gaps += 1;
        }
        number + 1
    }
}

/// Spans of time, of which the middle and the worst are wanted.
#[derive(Debug, Default)]
pub(crate) struct Spread(Vec<u64>);

impl Spread {
    /// Adds a span, in nanoseconds.
    pub(crate) fn add(&mut self, nanoseconds: u64) {
        self.0.push(nanoseconds);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The span, in microseconds, that this share of all is not longer than.
    pub(crate) fn share(&mut self, share: f64) -> f64 {
        self.0.sort_unstable();
        let last = self.0.len().saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a count is a count"
        )]
        let index = (share * last as f64).round() as usize;
        self.0.get(index).map_or(0.0, |&span| span as f64 / 1e3)
    }
}

/// Nanoseconds as seconds.
pub(crate) fn seconds(nanoseconds: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 104 days")]
    let nanoseconds = nanoseconds as f64;
    nanoseconds / 1e9
}
