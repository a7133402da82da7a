//! The terminal: one thread that owns it, fed by the keys, the signals and the chat.
//!
//! Keys and signals come in one queue, finished lines in another, so that no flood of lines delays a
//! key. Each frame is one write; after the first line, at most sixty are drawn a second. Nobody waits
//! for a terminal that stands still: lines are then counted instead of kept.

mod editor;
mod history;
mod keys;
mod latest;
mod owner;
mod queue;
mod recall;
mod screen;
pub(crate) mod tty;
mod wrap;

use std::io;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use zchat::channel::{Control, Lines as Pipe};
use zchat::chat::Completion;

use editor::Question;
use keys::Key;
use owner::Owner;
use queue::Taker;
use screen::{Resize, Screen};

pub(crate) use queue::Lines;
pub(crate) use wrap::Text;

/// What stands around the input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// Before it.
    pub(crate) prompt: String,
    /// In its place while there is none.
    pub(crate) hint: String,
    /// Whether what is typed goes to one peer alone.
    pub(crate) private: bool,
}

/// What the terminal is told besides lines.
#[derive(Debug)]
enum Input {
    Key(Key),
    /// An answer to a question of the editor.
    Completion(Question, Completion),
    /// The window has another size.
    Resized,
    /// The program goes on after it was stopped.
    Continued,
    /// The terminal is gone.
    Gone,
    /// Show what there is to show, and leave.
    End,
}

/// Tells the terminal. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Teller {
    inputs: Sender<Input>,
}

impl Teller {
    pub(crate) fn resized(&self) {
        self.tell(Input::Resized);
    }

    pub(crate) fn continued(&self) {
        self.tell(Input::Continued);
    }

    /// What the chat answers to a question of the editor. Lost if the terminal stands still.
    pub(crate) fn complete(&self, line: &str, cursor: usize, completion: Completion) {
        let line = line.to_owned();
        self.tell(Input::Completion(Question { line, cursor }, completion));
    }

    /// Never waits: none of this matters for a terminal that stands still with a full queue.
    fn tell(&self, input: Input) {
        if self.inputs.try_send(input).is_err() {
            log::debug!("the terminal was not told something");
        }
    }
}

/// The receiving ends of the terminal, before it runs.
pub(crate) struct Terminal {
    taker: Taker<Status>,
    inputs: Receiver<Input>,
    teller: Teller,
}

/// A terminal that runs.
pub(crate) struct Running {
    teller: Teller,
    ended: Receiver<()>,
}

impl Terminal {
    /// A terminal, and what its lines are given to.
    pub(crate) fn new() -> (Self, Lines<Status>) {
        let (lines, taker) = queue::queue();
        let (sender, inputs) = bounded(MAX_INPUTS);
        let teller = Teller { inputs: sender };
        let terminal = Self {
            taker,
            inputs,
            teller,
        };
        (terminal, lines)
    }

    pub(crate) fn teller(&self) -> Teller {
        self.teller.clone()
    }

    /// There will be no terminal after all: the lines that were to be shown on it.
    pub(crate) fn give_up(self) -> Vec<String> {
        let mut lines = Vec::new();
        self.taker.take(&mut lines, usize::MAX);
        lines.into_iter().map(|line| line.painted).collect()
    }

    /// Takes the terminal, and hands what is entered to the chat. `leave` is called when the user
    /// wants to leave, or the terminal goes away.
    pub(crate) fn run(
        self,
        pipe: Pipe,
        control: Control,
        styled: bool,
        leave: impl Fn(Leave) + Send + 'static,
    ) -> io::Result<Running> {
        tty::enter()?;
        let teller = self.teller.clone();
        let keys = self.teller.inputs.clone();
        thread("zchat-keys", move || {
            tty::read_keys(|key| keys.send(Input::Key(key)).is_ok());
            let _ = keys.send(Input::Gone);
        })?;
        let (end, ended) = bounded(0);
        let screen = Screen::new(resize(|name| std::env::var(name).ok()), styled);
        let owner = Owner::new(screen, self.taker, self.inputs, pipe, control, leave);
        thread("zchat-terminal", move || {
            owner.run();
            drop(end);
        })?;
        Ok(Running { teller, ended })
    }
}

impl Running {
    /// Shows what there is left to show, and gives the terminal back. Waits a moment for that, but
    /// not for a terminal that stands still.
    pub(crate) fn end(self) {
        if self
            .teller
            .inputs
            .send_timeout(Input::End, PATIENCE)
            .is_ok()
        {
            let _ended_or_not = self.ended.recv_timeout(PATIENCE);
        }
        tty::leave();
    }
}

/// Why the user leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// Ctrl-C on an empty line.
    Interrupted,
    /// The terminal is gone.
    Gone,
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let builder = std::thread::Builder::new().name(name.to_owned());
    builder.spawn(run).map(drop)
}

/// What this terminal does with its rows when its width changes: almost all break them anew; xterm,
/// GNU screen and the Linux console cut them.
fn resize(environment: impl Fn(&str) -> Option<String>) -> Resize {
    let term = environment("TERM").unwrap_or_default();
    if environment("TMUX").is_some() || term.starts_with("tmux") {
        return Resize::ReflowsAhead;
    }
    let cuts =
        environment("XTERM_VERSION").is_some() || environment("STY").is_some() || term == "linux";
    if cuts { Resize::Cuts } else { Resize::Reflows }
}

/// How many keys and the like wait. Whoever types or pastes more waits.
const MAX_INPUTS: usize = 1_024;

/// How long the terminal may take to show the last lines.
const PATIENCE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_terminals_do_with_their_rows_is_known() {
        let of = |variables: &[(&str, &str)]| {
            let variables = variables.to_vec();
            resize(|name| {
                let found = variables.iter().find(|(variable, _)| *variable == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(of(&[("TERM", "xterm-256color")]), Resize::Reflows);
        let xterm = ("XTERM_VERSION", "XTerm(379)");
        assert_eq!(of(&[("TERM", "xterm-256color"), xterm]), Resize::Cuts);
        assert_eq!(of(&[xterm, ("TMUX", "/tmp/tmux")]), Resize::ReflowsAhead);
        assert_eq!(of(&[("TERM", "tmux-256color")]), Resize::ReflowsAhead);
        assert_eq!(of(&[("TERM", "screen"), ("STY", "123.pts")]), Resize::Cuts);
        assert_eq!(of(&[("TERM", "linux")]), Resize::Cuts);
    }
}
