//! The thread that owns the terminal: waits for keys, lines and signals, and draws.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, never, select};
use rustix::process::{Signal, kill_current_process_group};
use zchat::channel::{Control, Lines as Pipe, TrySendError};
use zchat::chat::TEXT_OCTETS;

use super::editor::{Editor, Question, Reaction};
use super::history::History;
use super::keys::Key;
use super::latest::Latest;
use super::queue::Taker;
use super::screen::Screen;
use super::{Input, Leave, Status, Text, tty};

/// What the terminal's thread owns.
pub(super) struct Owner<L> {
    editor: Editor,
    history: History,
    screen: Screen,
    taker: Taker<Status>,
    inputs: Receiver<Input>,
    status: Status,
    /// Lines that are not yet drawn.
    fresh: Vec<Text>,
    /// Those that were drawn last.
    latest: Latest,
    /// What the chat was asked for Tab, and until when its answer is waited for.
    asked: Option<(Question, Instant)>,
    /// Keys that came meanwhile: they are meant for the line as the answer makes it.
    held: VecDeque<Key>,
    /// Entered lines, and the end of them, that the chat had no room for.
    unsent: VecDeque<Entered>,
    /// Whether something is to be drawn.
    dirty: bool,
    bell: bool,
    /// How wide the chat thinks that the screen is.
    columns: u16,
    next_frame: Instant,
    pipe: Pipe,
    control: Control,
    leave: L,
}

/// What was entered.
enum Entered {
    Line(String),
    /// The same, for one peer alone.
    Private(String),
    /// No more lines.
    End,
}

/// Whether to go on.
#[derive(PartialEq, Eq)]
enum Flow {
    On,
    End,
}

impl<L: Fn(Leave)> Owner<L> {
    /// One that has drawn nothing yet.
    pub(super) fn new(
        screen: Screen,
        taker: Taker<Status>,
        inputs: Receiver<Input>,
        pipe: Pipe,
        control: Control,
        leave: L,
    ) -> Self {
        let history = History::of_user();
        Self {
            editor: Editor::new(history.read()),
            history,
            screen,
            taker,
            inputs,
            status: Status::default(),
            fresh: Vec::new(),
            latest: Latest::default(),
            asked: None,
            held: VecDeque::new(),
            unsent: VecDeque::new(),
            dirty: true,
            bell: false,
            columns: 0,
            next_frame: Instant::now(),
            pipe,
            control,
            leave,
        }
    }

    /// Owns the terminal until the chat has ended, or the terminal is gone.
    pub(super) fn run(mut self) {
        match self.go_on() {
            Ok(()) => {}
            Err(error) => {
                log::info!("the terminal is gone: {error}");
                (self.leave)(Leave::Gone);
            }
        }
    }

    fn go_on(&mut self) -> io::Result<()> {
        loop {
            if self.wait()? == Flow::End {
                return self.finish();
            }
            for _ in 0..BATCH {
                match self.inputs.try_recv() {
                    Ok(input) => {
                        if self.take_input(input)? == Flow::End {
                            return self.finish();
                        }
                    }
                    Err(_) => break,
                }
            }
            if self.give_up_answer()? == Flow::End {
                return self.finish();
            }
            self.take_lines();
            self.send();
            self.draw()?;
        }
    }

    /// Waits for something to do, and does the first of it.
    fn wait(&mut self) -> io::Result<Flow> {
        let patience = if self.dirty {
            self.next_frame.saturating_duration_since(Instant::now())
        } else if self.unsent.is_empty() {
            FOR_EVER
        } else {
            FRAME
        };
        let patience = self.asked.as_ref().map_or(patience, |(_, until)| {
            patience.min(until.saturating_duration_since(Instant::now()))
        });
        // While a frame is due anyway, lines gather in the queue: no need to wake for each of them.
        let nothing = never();
        let lines = if self.dirty {
            &nothing
        } else {
            &self.taker.lines
        };
        select! {
            recv(self.inputs) -> input => match input {
                Ok(input) => return self.take_input(input),
                Err(_) => return Ok(Flow::End),
            },
            recv(lines) -> line => if let Ok(line) = line {
                let line = self.taker.count(line);
                self.fresh.push(line);
                self.dirty = true;
            },
            recv(self.taker.status) -> status => if let Ok(status) = status {
                self.editor.set_private(status.private);
                self.status = status;
                self.dirty = true;
            },
            recv(self.taker.wake) -> _ => {}
            default(patience) => {}
        }
        Ok(Flow::On)
    }

    /// Takes as many lines as make a frame. A slow terminal shall not take long for one: keys wait.
    fn take_lines(&mut self) {
        let octets_of = |lines: &[Text]| lines.iter().map(|line| line.painted.len()).sum::<usize>();
        let mut octets = octets_of(&self.fresh);
        while octets < FRAME_OCTETS {
            let before = self.fresh.len();
            self.taker.take(&mut self.fresh, 1);
            let taken = self.fresh.get(before..).unwrap_or_default();
            if taken.is_empty() {
                return;
            }
            octets += octets_of(taken);
            self.dirty = true;
        }
    }

    fn take_input(&mut self, input: Input) -> io::Result<Flow> {
        self.dirty = true;
        match input {
            Input::Key(key) => {
                self.held.push_back(key);
                if self.held.len() > MAX_HELD {
                    self.asked = None;
                }
                return self.release_keys();
            }
            Input::Completion(question, completion) => {
                let reaction = self.editor.handle_completion(&question, completion);
                if self
                    .asked
                    .as_ref()
                    .is_some_and(|(asked, _)| *asked == question)
                {
                    self.asked = None;
                }
                if self.react(reaction)? == Flow::End {
                    return Ok(Flow::End);
                }
                return self.release_keys();
            }
            Input::Resized => self.screen.touch(),
            Input::Continued => self.resume()?,
            Input::Gone => return Err(io::ErrorKind::UnexpectedEof.into()),
            Input::End => return Ok(Flow::End),
        }
        Ok(Flow::On)
    }

    /// Handles the keys that are held, until one of them asks something.
    fn release_keys(&mut self) -> io::Result<Flow> {
        while self.asked.is_none()
            && let Some(key) = self.held.pop_front()
        {
            let reaction = self.editor.handle_key(key);
            if self.react(reaction)? == Flow::End {
                return Ok(Flow::End);
            }
        }
        Ok(Flow::On)
    }

    /// Waits no longer for an answer that does not come.
    fn give_up_answer(&mut self) -> io::Result<Flow> {
        let now = Instant::now();
        if self.asked.take_if(|(_, until)| *until <= now).is_none() {
            return Ok(Flow::On);
        }
        self.dirty = true;
        self.release_keys()
    }

    fn react(&mut self, reaction: Reaction) -> io::Result<Flow> {
        match reaction {
            Reaction::Typed => {}
            Reaction::Enter {
                line,
                remember,
                private,
            } => {
                if remember {
                    self.history.append(&line);
                }
                self.enter(if private {
                    Entered::Private(line)
                } else {
                    Entered::Line(line)
                });
            }
            Reaction::Complete(question) => {
                self.control.complete(&question.line, question.cursor);
                self.asked = Some((question, Instant::now() + ANSWER));
            }
            Reaction::Interrupt => (self.leave)(Leave::Interrupted),
            Reaction::Misdirected => self.fresh.push(misdirected(&self.status).into()),
            Reaction::TooLong => self
                .fresh
                .push(format!("! not taken: a message has at most {TEXT_OCTETS} octets").into()),
            Reaction::End => self.enter(Entered::End),
            Reaction::Suspend => return self.suspend(),
            Reaction::Redraw => {
                let room = usize::from(tty::rows()).saturating_sub(1);
                let latest = self.latest.fitting(tty::columns().into(), room);
                self.fresh
                    .splice(0..0, std::iter::once(Text::clear()).chain(latest));
            }
            Reaction::Bell => self.bell = true,
        }
        Ok(Flow::On)
    }

    fn enter(&mut self, entered: Entered) {
        if self.unsent.len() < MAX_UNSENT {
            self.unsent.push_back(entered);
        } else {
            self.fresh
                .push("! too many lines wait to be sent; the last one is dropped".into());
        }
    }

    /// Hands what was entered to the chat, as much as it takes.
    fn send(&mut self) {
        while let Some(entered) = self.unsent.front() {
            let sent = match entered {
                Entered::Line(line) => self.pipe.try_send(line.as_bytes()),
                Entered::Private(line) => self.pipe.try_send_private(line.as_bytes()),
                Entered::End => self.pipe.try_end(),
            };
            match sent {
                Err(TrySendError::Full) => return,
                Ok(()) | Err(TrySendError::Closed) => _ = self.unsent.pop_front(),
            }
        }
    }

    /// Draws, if there is something to draw and it is time.
    fn draw(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if !self.dirty || now < self.next_frame {
            return Ok(());
        }
        let columns = tty::columns();
        if columns != self.columns {
            self.columns = columns;
            self.control.width(columns.into());
        }
        let row = self.editor.row(&self.status.prompt, &self.status.hint);
        let mut frame = self.screen.draw(columns, &self.fresh, &row);
        if std::mem::take(&mut self.bell) {
            frame.push('\x07');
        }
        self.latest.extend(self.fresh.drain(..));
        self.dirty = !self.taker.lines.is_empty();
        self.next_frame = if self.dirty { now } else { now + FRAME };
        tty::write(frame.as_bytes())
    }

    /// Ctrl-Z: gives the terminal back and stops the whole job, as the terminal itself would have.
    /// Where nobody could ever continue it, the kernel stops nothing.
    fn suspend(&mut self) -> io::Result<Flow> {
        tty::write(self.screen.erase(tty::columns()).as_bytes())?;
        tty::leave();
        kill_current_process_group(Signal::TSTP)?;
        // The signal stops all threads soon, but maybe not at once: raw mode must not come back
        // before that. SIGCONT ends the wait, if anything was stopped.
        let deadline = Instant::now() + STOPPING;
        let mut meanwhile = Vec::new();
        loop {
            match self.inputs.recv_deadline(deadline) {
                Ok(Input::Continued) | Err(RecvTimeoutError::Timeout) => break,
                Ok(input) => meanwhile.push(input),
                Err(RecvTimeoutError::Disconnected) => return Ok(Flow::End),
            }
        }
        self.resume()?;
        for input in meanwhile {
            if self.take_input(input)? == Flow::End {
                return Ok(Flow::End);
            }
        }
        Ok(Flow::On)
    }

    /// Takes the terminal again after others have had it.
    fn resume(&mut self) -> io::Result<()> {
        tty::leave();
        tty::enter()?;
        self.screen.forget();
        self.dirty = true;
        Ok(())
    }

    /// Shows all lines that are left, and leaves an empty row.
    fn finish(&mut self) -> io::Result<()> {
        self.taker.take(&mut self.fresh, usize::MAX);
        let columns = tty::columns();
        let mut frame = self.screen.erase(columns);
        for line in &self.fresh {
            line.rows_into(&mut frame, columns.into());
            frame.push_str("\r\n");
        }
        tty::write(frame.as_bytes())
    }
}

/// What whoever types is told where a line would go to others than it was begun for.
fn misdirected(status: &Status) -> String {
    let place = status.prompt.trim_end();
    format!("! not sent: the private chat has ended; Enter again says it to all: {place}")
}

/// How many entered lines wait for the chat: a paste from a terminal that does not mark pastes.
const MAX_UNSENT: usize = 1_000;

/// How long the chat may take to answer to Tab: longer than it ever does, unless it stands still.
const ANSWER: Duration = Duration::from_millis(300);

/// How many keys wait for that.
const MAX_HELD: usize = 256;

/// How many inputs are taken before a frame is drawn.
const BATCH: usize = 1_000;

/// How many octets of lines make a frame; one line may have more.
const FRAME_OCTETS: usize = 16 << 10;

/// The least time between two frames.
const FRAME: Duration = Duration::from_millis(16);

/// How long the kernel may take to stop all threads.
const STOPPING: Duration = Duration::from_millis(200);

/// A year: select has no other word for it.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 3_600);
