//! What the scripted peer prints: one JSON object a line.

use std::io::{self, BufWriter, Stdout, Write};

use serde_json::Value;
use zchat::zre::PeerId;

use crate::tally::{Spread, Tally, now, seconds};

/// Standard output. Lines are kept until [`Output::flush`], so that many events cost one system call.
#[derive(Debug)]
pub(crate) struct Output(BufWriter<Stdout>);

/// What an object says besides what happened, and when.
pub(crate) type Fields<'a> = &'a [(&'a str, Value)];

impl Output {
    pub(crate) fn new() -> Self {
        Self(BufWriter::new(io::stdout()))
    }

    /// Prints an event with these fields, and the time.
    pub(crate) fn tell(&mut self, event: &str, fields: Fields<'_>) {
        self.tell_at(now(), event, fields);
    }

    /// The same, for something that was at another time.
    pub(crate) fn tell_at(&mut self, time: u64, event: &str, fields: Fields<'_>) {
        // Nobody reads any more: the peer goes on, for its input ends it.
        let _written = self.0.write_all(line(time, event, fields).as_bytes());
    }

    pub(crate) fn error(&mut self, text: &str) {
        self.tell("ERROR", &[("text", text.into())]);
    }

    /// What was counted, and what follows from it.
    pub(crate) fn counted(&mut self, mut tally: Tally) {
        let secs = seconds(tally.last - tally.first);
        #[expect(clippy::cast_precision_loss, reason = "exact up to 9 PB")]
        let megabytes = tally.octets as f64 / 1e6;
        let megabytes_per_second = if secs > 0.0 { megabytes / secs } else { 0.0 };
        let messages_after_the_first = tally.messages.saturating_sub(1);
        self.tell(
            "COUNTED",
            &[
                ("msgs", tally.messages.into()),
                ("bytes", tally.octets.into()),
                ("gaps", tally.gaps.into()),
                ("secs", secs.into()),
                ("first_t", tally.first.into()),
                ("last_t", tally.last.into()),
                (
                    "msg_per_s",
                    per_second(messages_after_the_first, secs).into(),
                ),
                ("mb_per_s", megabytes_per_second.into()),
                ("lat_p50_us", tally.latency.share(0.5).into()),
                ("lat_p99_us", tally.latency.share(0.99).into()),
                ("lat_max_us", tally.latency.share(1.0).into()),
            ],
        );
    }

    /// Round trips of messages of this size, since `start`.
    pub(crate) fn round_trips(&mut self, mut trips: Spread, size: usize, start: u64) {
        self.tell(
            "RTT",
            &[
                ("n", trips.count().into()),
                ("size", size.into()),
                ("p50_us", trips.share(0.5).into()),
                ("p90_us", trips.share(0.9).into()),
                ("p99_us", trips.share(0.99).into()),
                ("max_us", trips.share(1.0).into()),
                ("secs", seconds(now() - start).into()),
            ],
        );
    }

    /// Writes what was told.
    pub(crate) fn flush(&mut self) {
        let _flushed = self.0.flush();
    }
}

/// Prints one line from another thread, at once.
pub(crate) fn tell_directly(event: &str, fields: Fields<'_>) {
    let _written = io::stdout().write_all(line(now(), event, fields).as_bytes());
}

fn line(time: u64, event: &str, fields: Fields<'_>) -> String {
    let mut line = format!(r#"{{"event":"{event}""#);
    for (name, value) in fields {
        line.push_str(&format!(r#","{name}":{value}"#));
    }
    line.push_str(&format!("{}\n", format_args!(r#","t":{time}}}"#)));
    line
}

/// An id as these lines write it: 32 upper-case hexadecimal digits.
pub(crate) fn id(peer: PeerId) -> Value {
    peer.to_string().to_uppercase().into()
}

/// Messages a second, rounded.
pub(crate) fn per_second(messages: u64, seconds: f64) -> u64 {
    if seconds <= 0.0 {
        return 0;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a rate is a small positive number"
    )]
    let rate = (messages as f64 / seconds).round() as u64;
    rate
}
