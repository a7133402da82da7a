//! How finished lines get to the thread that owns the terminal: a bounded queue that holds nobody up
//! for long, whatever the terminal does.
//!
//! A terminal that is merely slow is waited for, as any slow reader is, so that a flood can be read
//! in the scrollback. One that takes nothing for a moment is not: from then on lines are counted, and
//! the count stands in their place, until it has taken all that waits. What is only worth having as
//! it is now (prompt, hint) does not queue: the newest takes the place of the last.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, SendTimeoutError, Sender, TrySendError, bounded};

use super::wrap::Text;

/// How many lines wait for the terminal: four seconds of a flood of 1,000 a second.
const MAX_LINES: usize = 4_096;

/// How long a full queue may stay full before the terminal counts as standing still: six frames.
const PATIENCE: Duration = Duration::from_millis(100);

/// How often to look for room for octets meanwhile.
const STEP: Duration = Duration::from_millis(2);

/// How many octets they have in all. A line may have more than 64 KiB, and a terminal may stand
/// still for a night.
const MAX_OCTETS: usize = 4 << 20;

/// The giving end. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Lines<S> {
    lines: Sender<Text>,
    shared: Arc<Shared>,
    status: Sender<S>,
    stale: Receiver<S>,
    wake: Sender<()>,
}

/// The taking end.
#[derive(Debug)]
pub(crate) struct Taker<S> {
    /// Lines, oldest first; to be taken by [`Taker::take`].
    pub(crate) lines: Receiver<Text>,
    /// What is to be shown around the input, the newest alone.
    pub(crate) status: Receiver<S>,
    /// Rings where there is nothing but a count.
    pub(crate) wake: Receiver<()>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Lines that found no room since the taker last found the queue empty.
    missed: AtomicU64,
    octets: AtomicUsize,
}

impl Shared {
    /// Takes room for so many octets, if there is; one line always has room.
    fn reserve(&self, octets: usize) -> bool {
        let reserved = self
            .octets
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |waiting| {
                (waiting == 0 || waiting + octets <= MAX_OCTETS).then_some(waiting + octets)
            });
        reserved.is_ok()
    }
}

/// A queue for lines and for the newest status.
pub(crate) fn queue<S>() -> (Lines<S>, Taker<S>) {
    let (lines, lines_out) = bounded(MAX_LINES);
    let (status, status_out) = bounded(1);
    let (wake, wake_out) = bounded(1);
    let shared = Arc::new(Shared::default());
    let giver = Lines {
        lines,
        shared: Arc::clone(&shared),
        status,
        stale: status_out.clone(),
        wake,
    };
    let taker = Taker {
        lines: lines_out,
        status: status_out,
        wake: wake_out,
        shared,
    };
    (giver, taker)
}

impl<S> Lines<S> {
    /// Hands a line over, or counts it. Waits a moment for a terminal that is slow.
    pub(crate) fn show(&self, line: impl Into<Text>) {
        self.give(line.into(), PATIENCE);
    }

    /// The same without any waiting.
    pub(crate) fn show_now(&self, line: impl Into<Text>) {
        self.give(line.into(), Duration::ZERO);
    }

    fn give(&self, line: Text, patience: Duration) {
        // Once one line was left out, all are until the taker has emptied the queue and told the
        // count: so the count stands exactly where the lines would.
        let missed = &self.shared.missed;
        let counted = missed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |missed| {
            (missed > 0).then_some(missed + 1)
        });
        if counted.is_ok() {
            return;
        }
        let deadline = Instant::now() + patience;
        let octets = line.painted.len();
        while !self.shared.reserve(octets) {
            if Instant::now() >= deadline {
                return self.miss();
            }
            std::thread::park_timeout(STEP);
        }
        if let Err(SendTimeoutError::Timeout(_)) = self.lines.send_deadline(line, deadline) {
            self.shared.octets.fetch_sub(octets, Ordering::SeqCst);
            self.miss();
        }
    }

    fn miss(&self) {
        self.shared.missed.fetch_add(1, Ordering::SeqCst);
        // The taker may have emptied the queue just now, and would never know of the count. If the
        // bell is full, it rings already.
        let _ = self.wake.try_send(());
    }

    /// Replaces the status.
    pub(crate) fn set_status(&self, mut status: S) {
        while let Err(TrySendError::Full(newer)) = self.status.try_send(status) {
            let _ = self.stale.try_recv();
            status = newer;
        }
    }
}

impl<S> Taker<S> {
    /// Moves up to `most` lines to the end of `to`.
    pub(crate) fn take(&self, to: &mut Vec<Text>, most: usize) {
        for _ in 0..most {
            match self.lines.try_recv() {
                Ok(line) => to.push(self.count(line)),
                Err(_) => return self.tell_missed(to),
            }
        }
    }

    /// Accounts for a line that was received directly.
    pub(crate) fn count(&self, line: Text) -> Text {
        self.shared
            .octets
            .fetch_sub(line.painted.len(), Ordering::SeqCst);
        line
    }

    fn tell_missed(&self, to: &mut Vec<Text>) {
        match self.shared.missed.swap(0, Ordering::SeqCst) {
            0 => {}
            1 => to.push("... 1 line not shown".into()),
            missed => to.push(format!("... {missed} lines not shown").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(taker: &Taker<u32>) -> Vec<String> {
        let mut lines = Vec::new();
        taker.take(&mut lines, usize::MAX);
        lines.into_iter().map(|line| line.painted).collect()
    }

    #[test]
    fn lines_that_find_no_room_are_counted_in_their_place() {
        let (lines, taker) = queue::<u32>();
        for number in 0..MAX_LINES + 7 {
            lines.show_now(number.to_string());
        }
        let first = taken(&taker);
        assert_eq!(first.len(), MAX_LINES + 1);
        assert_eq!(first[MAX_LINES - 1], (MAX_LINES - 1).to_string());
        assert_eq!(first[MAX_LINES], "... 7 lines not shown");
        lines.show("after".to_owned());
        assert_eq!(taken(&taker), ["after"]);
    }

    #[test]
    fn a_line_after_a_gap_never_overtakes_the_count() {
        let (lines, taker) = queue::<u32>();
        for number in 0..=MAX_LINES {
            lines.show(number.to_string());
        }
        let mut first = Vec::new();
        taker.take(&mut first, 10);
        lines.show("would fit, but would hide the gap".to_owned());
        let rest = taken(&taker);
        assert_eq!(
            rest.last().map(String::as_str),
            Some("... 2 lines not shown")
        );
    }

    #[test]
    fn octets_are_bounded_as_well_but_one_line_always_has_room() {
        let (lines, taker) = queue::<u32>();
        lines.show("x".repeat(2 * MAX_OCTETS));
        lines.show("y".to_owned());
        assert_eq!(taken(&taker).len(), 2);
        for _ in 0..100 {
            lines.show("z".repeat(MAX_OCTETS / 10));
        }
        assert_eq!(taken(&taker)[10], "... 90 lines not shown");
    }

    #[test]
    fn a_terminal_that_is_merely_slow_misses_nothing() {
        let (lines, taker) = queue::<u32>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // More patience than for people: a taker that gets no processor is no slow terminal.
                for number in 0..5 * MAX_LINES {
                    lines.give(number.to_string().into(), Duration::from_secs(20));
                }
            });
            let mut next = 0;
            while next < 5 * MAX_LINES {
                let line = taker.lines.recv_timeout(Duration::from_secs(10)).unwrap();
                assert_eq!(taker.count(line).painted, next.to_string());
                next += 1;
            }
            assert_eq!(taken(&taker), Vec::<String>::new());
        });
    }

    #[test]
    fn a_terminal_that_takes_nothing_is_waited_for_a_moment() {
        let (lines, taker) = queue::<u32>();
        for number in 0..MAX_LINES {
            lines.show_now(number.to_string());
        }
        let since = Instant::now();
        lines.show("one too many");
        assert!(since.elapsed() >= PATIENCE, "{:?}", since.elapsed());
        assert_eq!(taken(&taker)[MAX_LINES], "... 1 line not shown");
    }

    #[test]
    fn the_newest_status_takes_the_place_of_the_one_before() {
        let (lines, taker) = queue();
        for number in 0..5_u32 {
            lines.set_status(number);
        }
        assert_eq!(taker.status.try_recv(), Ok(4));
        assert!(taker.status.try_recv().is_err());
    }

    #[test]
    fn whoever_is_counted_last_rings_the_bell() {
        let (lines, taker) = queue::<u32>();
        for number in 0..=MAX_LINES {
            lines.show(number.to_string());
        }
        assert_eq!(taker.wake.try_recv(), Ok(()));
    }
}
