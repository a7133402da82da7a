//! The chat as a task: a thread that bridges a pipe for lines and a [`Node`] by a [`Session`].
//!
//! Four steps make a program a member of a chat: make a node by name, join a group, get the channel
//! (a pipe whose far end is the chat task), send lines into it. `$$STOP` ends it.
//!
//! ```
//! use zchat::channel::Channel;
//! use zchat::chat::{Config, Exit, Form, Input, Line};
//! use zchat::node::Node;
//! use zchat::zre::{GroupName, Name};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let name = Name::new("alice")?;
//! let group = GroupName::new("CHAT")?;
//! let node = Node::builder(name.clone()).interface("lo").beacon_port(5_691).group(group.clone()).start()?;
//!
//! let mut config = Config::new(name, vec![group]);
//! config.form = Form::Text;
//! let channel = Channel::open(node, config, |line: &Line| println!("{}", line.text))?;
//! channel.send("hello, everybody")?;
//! channel.send("$$STOP")?;
//! assert_eq!(channel.wait(), Exit::Done);
//! # Ok(())
//! # }
//! ```
//!
//! The thread blocks in one place, a poll of the pipe, the node's events and requests from other
//! threads, until the session's next deadline. It reads no line while the session wants none or the
//! node takes no action, but goes on with the node's events; whoever sends lines waits. So lines
//! without end need no memory.

mod error;
mod task;

use std::io;
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime};

use crate::chat::{Completion, Config, Exit, Line, Prompt, Record, Session, Signal, Stamp};
use crate::node::Node;
use crate::node::mailbox::{self, Capacity, Sender, Waker, Weigh};
use crate::zre::Event;

pub use error::{Closed, OpenError, TrySendError};

/// What ends the task when it is sent as a line.
pub const STOP: &str = "$$STOP";

/// How many lines wait in the pipe; then whoever sends more waits. Each may have 64 KiB, so this is
/// 16 MiB at worst.
const LINES: usize = 256;

/// How many requests of other threads wait. They are rare: keys of a person, signals.
const REQUESTS: usize = 64;

/// Shows what the session has to show. Its methods are called on the task's thread; while one of
/// them blocks, nothing is received, and senders wait.
pub trait Console: Send + 'static {
    /// Shows a line ([`Form::Screen`](crate::chat::Form) and [`Form::Text`](crate::chat::Form)).
    ///
    /// # Errors
    ///
    /// If nobody can read it: the chat then leaves cleanly, and shows nothing more. A broken pipe is
    /// no failure of the chat, any other error is.
    fn show(&mut self, line: &Line) -> io::Result<()>;

    /// Writes a record ([`Form::Json`](crate::chat::Form)).
    ///
    /// # Errors
    ///
    /// As [`Console::show`].
    fn report(&mut self, record: &Record) -> io::Result<()> {
        let _ = record;
        Ok(())
    }

    /// What the node tells, before the session makes anything of it: for a program that keeps more
    /// than lines.
    fn heed(&mut self, event: &Event) {
        let _ = event;
    }

    /// Clears the screen ([`Form::Screen`](crate::chat::Form)).
    fn clear(&mut self) {}

    /// What the prompt shows has changed ([`Form::Screen`](crate::chat::Form)).
    fn prompt(&mut self, prompt: &Prompt) {
        let _ = prompt;
    }

    /// The answer to [`Control::complete`].
    fn complete(&mut self, line: &str, cursor: usize, completion: Completion) {
        let _ = (line, cursor, completion);
    }

    /// Everything is shown for now; what is buffered should be seen.
    ///
    /// # Errors
    ///
    /// As [`Console::show`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// The wall clock, asked once for each thing that happens. In UTC, if not overridden: the
    /// standard library knows no time zones.
    fn wall(&mut self) -> Stamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the console, the one place for it"
        )]
        let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let milliseconds = elapsed.map_or(0, |elapsed| elapsed.as_millis());
        Stamp::new(i64::try_from(milliseconds).unwrap_or(i64::MAX), 0)
    }
}

/// A function that takes lines is a console for them.
impl<F: FnMut(&Line) + Send + 'static> Console for F {
    fn show(&mut self, line: &Line) -> io::Result<()> {
        self(line);
        Ok(())
    }
}

/// The near end of a chat: a pipe for lines, and the task at its far end.
///
/// Dropping it ends the chat, after a clean leave.
#[derive(Debug)]
pub struct Channel {
    lines: Lines,
    task: Task,
}

impl Channel {
    /// Starts the chat task for this node, which must have been started with the name and the groups
    /// of the configuration.
    ///
    /// # Errors
    ///
    /// If the system has no thread or descriptor left. The node is then stopped.
    pub fn open(node: Node, config: Config, mut console: impl Console) -> Result<Self, OpenError> {
        let session = Session::new(config, node.id(), Instant::now(), console.wall());
        let (lines, task) = start(node, session, console)?;
        Ok(Self { lines, task })
    }

    /// Sends a line, which is handled as if typed; waits while the pipe is full.
    ///
    /// # Errors
    ///
    /// If the task has ended.
    pub fn send(&self, line: &str) -> Result<(), Closed> {
        self.lines.send(line.as_bytes())
    }

    /// A handle by which any thread can tell the task something ahead of all lines.
    #[must_use]
    pub fn control(&self) -> Control {
        self.task.control.clone()
    }

    /// The pipe and the task, for different threads.
    #[must_use]
    pub fn split(self) -> (Lines, Task) {
        (self.lines, self.task)
    }

    /// Waits until the chat has ended, by `$$STOP`, a signal, or the end of the node; how it ended.
    #[must_use]
    pub fn wait(self) -> Exit {
        self.task.wait()
    }
}

/// Starts the thread; the near end of its pipe, and the task.
fn start(node: Node, session: Session, console: impl Console) -> Result<(Lines, Task), OpenError> {
    let waker = Waker::new()?;
    let capacity = |values| Capacity {
        values,
        octets: Capacity::MOST_OCTETS,
    };
    let (requests, received) = mailbox::channel(capacity(REQUESTS), &waker);
    let (pipe, lines) = mailbox::channel(capacity(LINES), &waker);
    let run = task::Task {
        session,
        node,
        console,
        lines,
        requests: received,
        waker,
        state: task::State::default(),
    };
    let thread = std::thread::Builder::new()
        .name("zchat-chat".to_owned())
        .spawn(move || run.run())?;
    let task = Task {
        control: Control { requests },
        thread: Some(thread),
    };
    Ok((Lines { pipe }, task))
}

/// The near end of the pipe. Each line is one frame of UTF-8, without a line end.
///
/// Dropping it does not end the chat.
#[derive(Debug)]
pub struct Lines {
    pipe: Sender<Piece>,
}

impl Lines {
    /// Sends a line; waits while the pipe is full. A line that is not UTF-8, or longer than
    /// [`TEXT_OCTETS`](crate::chat::TEXT_OCTETS), is refused by the chat, with its number; of such a
    /// long one, no more than one octet beyond that need be sent.
    ///
    /// # Errors
    ///
    /// If the task has ended.
    pub fn send(&self, line: &[u8]) -> Result<(), Closed> {
        self.put(Piece::Line(line.to_vec()))
    }

    /// Says that no more lines will come: the chat delivers what it has, and ends. Waits while the
    /// pipe is full.
    ///
    /// # Errors
    ///
    /// If the task has ended.
    pub fn end(&self) -> Result<(), Closed> {
        self.put(Piece::End)
    }

    /// The same now or not at all.
    ///
    /// # Errors
    ///
    /// If the pipe is full, or the task has ended.
    pub fn try_end(&self) -> Result<(), TrySendError> {
        self.try_put(Piece::End)
    }

    /// Sends a line now or not at all.
    ///
    /// # Errors
    ///
    /// If the pipe is full, or the task has ended.
    pub fn try_send(&self, line: &[u8]) -> Result<(), TrySendError> {
        self.try_put(Piece::Line(line.to_vec()))
    }

    /// Sends a line that was typed while the prompt showed a private chat, now or not at all: where
    /// that has ended meanwhile, what the line says goes to nobody.
    ///
    /// # Errors
    ///
    /// If the pipe is full, or the task has ended.
    pub fn try_send_private(&self, line: &[u8]) -> Result<(), TrySendError> {
        self.try_put(Piece::Private(line.to_vec()))
    }

    fn put(&self, piece: Piece) -> Result<(), Closed> {
        self.pipe.send(piece).map_err(|_| Closed)
    }

    fn try_put(&self, piece: Piece) -> Result<(), TrySendError> {
        self.pipe.try_send(piece).map_err(|error| match error {
            mailbox::TrySendError::Full(_) => TrySendError::Full,
            mailbox::TrySendError::Closed(_) => TrySendError::Closed,
        })
    }
}

/// What goes through the pipe.
#[derive(Debug)]
enum Piece {
    Line(Vec<u8>),
    /// A line that was typed for one peer alone.
    Private(Vec<u8>),
    /// No more lines will come.
    End,
}

impl Weigh for Piece {
    fn octets(&self) -> usize {
        match self {
            Self::Line(line) | Self::Private(line) => line.len(),
            Self::End => 0,
        }
    }
}

/// Tells the task something ahead of all lines, from any thread. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Control {
    requests: Sender<Request>,
}

impl Control {
    /// The program is to end: the chat leaves cleanly; at the second signal it ends at once.
    pub fn signal(&self, signal: Signal) {
        self.request(Request::Signal(signal));
    }

    /// The screen has so many columns: tables are folded to fit.
    pub fn width(&self, columns: usize) {
        self.request(Request::Width(columns));
    }

    /// Asks what could stand before the cursor, which is at this octet of the line; answered by
    /// [`Console::complete`]. Not answered if too much is asked, or the task has ended.
    pub fn complete(&self, line: &str, cursor: usize) {
        let line = line.to_owned();
        self.request(Request::Complete { line, cursor });
    }

    fn request(&self, request: Request) {
        if let Err(error) = self.requests.try_send(request) {
            log::debug!("the chat task was not told: {error}");
        }
    }
}

/// The chat task. Dropping it ends the chat, after a clean leave.
#[derive(Debug)]
pub struct Task {
    control: Control,
    thread: Option<JoinHandle<Exit>>,
}

impl Task {
    /// A handle by which any thread can tell the task something ahead of all lines.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Waits until the chat has ended; how it ended.
    #[must_use]
    pub fn wait(mut self) -> Exit {
        self.join()
    }

    fn join(&mut self) -> Exit {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(exit)) => exit,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Exit::Failed,
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if self.thread.is_some() && !std::thread::panicking() {
            self.control.signal(Signal::Terminate);
            self.join();
        }
    }
}

/// What other threads tell the task.
#[derive(Debug)]
enum Request {
    Signal(Signal),
    Width(usize),
    Complete { line: String, cursor: usize },
}

impl Weigh for Request {
    fn octets(&self) -> usize {
        0
    }
}
