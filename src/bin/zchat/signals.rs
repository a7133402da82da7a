//! Signals, on a thread of their own: those that end the program are told to the chat, which leaves
//! cleanly; at the second one, or if the chat cannot hear because nobody reads what it writes, the
//! program ends at once. Those of a terminal are told to the terminal.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGWINCH};
use signal_hook::iterator::Signals;
use zchat::channel::Control;
use zchat::chat::{Exit, Signal};

use crate::console::Progress;
use crate::terminal::{Teller, tty};

/// Tells the chat that the program is to end.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    control: Control,
    hung_up: Arc<AtomicBool>,
}

impl Ending {
    pub(crate) fn new(control: Control) -> Self {
        Self {
            control,
            hung_up: Arc::default(),
        }
    }

    /// Tells it. A terminal that goes away is noticed in two ways, and yet goes only once.
    pub(crate) fn signal(&self, signal: Signal) {
        if signal != Signal::HangUp || !self.hung_up.swap(true, Ordering::SeqCst) {
            self.control.signal(signal);
        }
    }
}

/// Catches the signals that end the program from now on. To be called before others can know of this
/// one, who would miss its farewell: what comes until [`watch`] is kept for that.
pub(crate) fn catch() -> io::Result<Signals> {
    Signals::new([SIGINT, SIGTERM, SIGHUP])
}

/// Starts to watch. Without a terminal of ours, its signals keep their usual meaning.
pub(crate) fn watch(
    signals: Signals,
    ending: Ending,
    progress: Progress,
    terminal: Option<Teller>,
) -> io::Result<()> {
    if terminal.is_some() {
        signals.add_signal(SIGWINCH)?;
        signals.add_signal(SIGCONT)?;
    }
    let watcher = Watcher {
        signals,
        ending,
        progress,
        terminal,
    };
    std::thread::Builder::new()
        .name("zchat-signals".to_owned())
        .spawn(move || watcher.run())
        .map(drop)
}

struct Watcher {
    signals: Signals,
    ending: Ending,
    progress: Progress,
    terminal: Option<Teller>,
}

impl Watcher {
    fn run(mut self) {
        loop {
            let came: Vec<i32> = self.signals.wait().collect();
            if let Some(signal) = self.take_all(came) {
                self.ending.signal(signal);
                return self.see_to_the_end(signal);
            }
        }
    }

    /// The last of these signals that ends the program.
    fn take_all(&self, came: Vec<i32>) -> Option<Signal> {
        let mut ending = None;
        for signal in came {
            ending = self.take(signal).or(ending);
        }
        ending
    }

    /// The signal, if it ends the program.
    fn take(&self, signal: i32) -> Option<Signal> {
        match (signal, &self.terminal) {
            (SIGINT, _) => return Some(Signal::Interrupt),
            (SIGTERM, _) => return Some(Signal::Terminate),
            (SIGHUP, _) => return Some(Signal::HangUp),
            (SIGWINCH, Some(terminal)) => terminal.resized(),
            (SIGCONT, Some(terminal)) => terminal.continued(),
            _ => {}
        }
        None
    }

    /// The program ends when the chat has left. This only looks whether it can.
    fn see_to_the_end(&mut self, signal: Signal) {
        let (mut last, mut stuck) = (None, 0);
        for _ in 0..LOOKS {
            std::thread::park_timeout(LOOK);
            let came: Vec<i32> = self.signals.pending().collect();
            if let Some(signal) = self.take_all(came) {
                // The chat has its chance to say what it did not deliver.
                self.ending.signal(signal);
                std::thread::park_timeout(GRACE);
                end_now(signal);
            }
            let writing = self.progress.writing();
            stuck = if writing.is_some() && writing == last {
                stuck + 1
            } else {
                0
            };
            last = writing;
            if stuck >= STUCK {
                break;
            }
        }
        end_now(signal);
    }
}

fn end_now(signal: Signal) -> ! {
    tty::leave();
    std::process::exit(i32::from(Exit::Signal(signal).code()))
}

/// How often to look whether the chat can leave.
const LOOK: Duration = Duration::from_millis(100);

/// How long the chat has after the second signal.
const GRACE: Duration = Duration::from_millis(300);

/// How many looks in a row must find it in the same writing: a second.
const STUCK: u32 = 10;

/// How many looks there are at most: a minute. Whoever is still delivering then is cut off.
const LOOKS: u32 = 600;
