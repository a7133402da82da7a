//! Where the chat shows things: the terminal's thread, or a stream of text or JSON. The wall clock is
//! read here and nowhere else.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::tz::TimeZone;
use zchat::channel::Console;
use zchat::chat::{Completion, Line, LineKind, Place, Prompt, Record, Stamp};
use zchat::zre::Event;

use crate::paint::Paint;
use crate::remembered::Remembered;
use crate::terminal::{Lines, Status, Teller, Text};

/// The wall clock, and the zone that the user lives in.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    zone: TimeZone,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            zone: TimeZone::system(),
        }
    }

    pub(crate) fn now(&self) -> Stamp {
        let now = jiff::Timestamp::now();
        Stamp::new(now.as_millisecond(), self.zone.to_offset(now).seconds())
    }
}

/// Shows lines above the prompt.
pub(crate) struct Screen {
    pub(crate) lines: Lines<Status>,
    pub(crate) teller: Teller,
    pub(crate) paint: Paint,
    /// Whether to ring where somebody names the user, or tells them alone.
    pub(crate) bell: bool,
    pub(crate) clock: Clock,
    pub(crate) remembered: Option<Remembered>,
}

impl Console for Screen {
    fn show(&mut self, line: &Line) -> io::Result<()> {
        let mut text = self.paint.rows(line);
        if self.bell && (line.mention || line.kind == LineKind::Whisper) {
            text.painted.push('\x07');
        }
        self.lines.show(text);
        Ok(())
    }

    fn heed(&mut self, event: &Event) {
        heed(&mut self.remembered, event);
    }

    fn clear(&mut self) {
        self.lines.show(Text::clear());
    }

    fn prompt(&mut self, prompt: &Prompt) {
        self.lines.set_status(status(prompt));
    }

    fn complete(&mut self, line: &str, cursor: usize, completion: Completion) {
        self.teller.complete(line, cursor, completion);
    }

    fn flush(&mut self) -> io::Result<()> {
        flush(&mut self.remembered);
        Ok(())
    }

    fn wall(&mut self) -> Stamp {
        self.clock.now()
    }
}

fn heed(remembered: &mut Option<Remembered>, event: &Event) {
    if let Some(remembered) = remembered {
        remembered.handle_event(event);
    }
}

fn flush(remembered: &mut Option<Remembered>) {
    if let Some(remembered) = remembered {
        remembered.flush();
    }
}

/// The prompt, and what stands behind it while nothing is typed.
fn status(prompt: &Prompt) -> Status {
    let away = if prompt.away { " (away)" } else { "" };
    let (place, hint) = match &prompt.place {
        Place::Group(group) => (
            group.clone(),
            match prompt.here {
                0 => alone(prompt.connected),
                1 => "1 other is here".to_owned(),
                here => format!("{here} others are here"),
            },
        ),
        Place::Private(name) => (
            format!("you -> {name}"),
            format!("only {name} reads this; /end ends it"),
        ),
        Place::Nowhere => ("no group".to_owned(), "/join GROUP".to_owned()),
    };
    Status {
        prompt: format!("[{place}]{away} "),
        hint,
        private: matches!(prompt.place, Place::Private(_)),
    }
}

/// What whoever is alone in a group is told; short, for it shall fit beside a prompt in 40 columns.
fn alone(connected: usize) -> String {
    match connected {
        0 => "nobody is here; try zchat doctor".to_owned(),
        1 => "alone here; /list has 1 other".to_owned(),
        others => format!("alone here; /list has {others} others"),
    }
}

/// Writes lines or JSON to a stream.
pub(crate) struct Stream<W: Write> {
    pub(crate) out: io::BufWriter<W>,
    pub(crate) paint: Paint,
    pub(crate) clock: Clock,
    pub(crate) progress: Progress,
    pub(crate) remembered: Option<Remembered>,
}

impl<W: Write> Stream<W> {
    fn write(&mut self, text: &str) -> io::Result<()> {
        let _writing = self.progress.begin();
        self.out.write_all(text.as_bytes())?;
        self.out.write_all(b"\n")
    }
}

impl<W: Write + Send + 'static> Console for Stream<W> {
    fn show(&mut self, line: &Line) -> io::Result<()> {
        self.write(&self.paint.line(line))
    }

    fn report(&mut self, record: &Record) -> io::Result<()> {
        let text = serde_json::to_string(record)?;
        self.write(&text)
    }

    fn heed(&mut self, event: &Event) {
        heed(&mut self.remembered, event);
    }

    fn flush(&mut self) -> io::Result<()> {
        flush(&mut self.remembered);
        let _writing = self.progress.begin();
        self.out.flush()
    }

    fn wall(&mut self) -> Stamp {
        self.clock.now()
    }
}

/// Whether somebody is in the middle of writing: the number is odd then, and another one each time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress(Arc<AtomicU64>);

/// Somebody writes.
struct Writing<'a>(&'a AtomicU64);

impl Progress {
    fn begin(&self) -> Writing<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Writing(&self.0)
    }

    /// The number of the writing under way, if any.
    pub(crate) fn writing(&self) -> Option<u64> {
        let number = self.0.load(Ordering::Relaxed);
        (number % 2 == 1).then_some(number)
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
