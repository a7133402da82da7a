//! The thread of the chat: one loop around a [`Session`].

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{Console, Piece, Request};
use crate::chat::{BadLine, Exit, Output, Session, Stamp, TEXT_OCTETS};
use crate::node::bell::poll_timeout;
use crate::node::mailbox::{Receiver, Waker};
use crate::node::{Node, RecvError, TrySendError};
use crate::zre::{Action, Event};

/// What the thread owns.
pub(super) struct Task<C> {
    pub(super) session: Session,
    pub(super) node: Node,
    pub(super) console: C,
    pub(super) lines: Receiver<Piece>,
    pub(super) requests: Receiver<Request>,
    pub(super) waker: Waker,
    pub(super) state: State,
}

/// What the thread keeps to itself.
#[derive(Default)]
pub(super) struct State {
    /// Actions that the node had no room for, in their order.
    waiting: VecDeque<Action>,
    /// Whether nobody reads what is shown.
    unread: bool,
    /// Whether that is for another reason than that nobody wants to.
    failed: bool,
    exit: Option<Exit>,
}

impl<C: Console> Task<C> {
    /// Carries the session until it ends.
    pub(super) fn run(mut self) -> Exit {
        loop {
            self.carry_out();
            self.flush();
            if let Some(exit) = self.state.exit {
                let is_failure = self.state.failed && exit == Exit::Done;
                return if is_failure { Exit::Failed } else { exit };
            }
            self.sleep();
            self.take_requests();
            self.take_events();
            self.take_lines();
            let (now, wall) = self.now();
            self.session.handle_timeout(now, wall);
        }
    }

    /// Does what the session wants done.
    fn carry_out(&mut self) {
        self.hand_over();
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Show(line) => self.shown(|console| console.show(&line)),
                Output::Report(record) => self.shown(|console| console.report(&record)),
                Output::Clear => self.console.clear(),
                Output::Prompt(prompt) => self.console.prompt(&prompt),
                Output::Quit(exit) => self.state.exit = Some(exit),
                Output::Act(action) => {
                    self.state.waiting.push_back(action);
                    self.hand_over();
                }
            }
        }
    }

    /// Hands actions to the node, as many as it takes.
    fn hand_over(&mut self) {
        while let Some(action) = self.state.waiting.pop_front() {
            match self.node.try_act(action) {
                Ok(()) => {}
                Err(TrySendError::Full(action)) => {
                    self.state.waiting.push_front(action);
                    return;
                }
                // The events tell of that; what comes behind its end may be thousands of answers.
                Err(TrySendError::Stopped(_)) => {}
                // No line is too long for the node.
                Err(error @ TrySendError::TooLarge(_)) => {
                    log::warn!("the node refused something: {error}")
                }
            }
        }
    }

    fn shown(&mut self, show: impl FnOnce(&mut C) -> io::Result<()>) {
        if !self.state.unread
            && let Err(error) = show(&mut self.console)
        {
            self.give_up_showing(&error);
        }
    }

    fn flush(&mut self) {
        self.shown(C::flush);
        self.carry_out();
    }

    fn give_up_showing(&mut self, error: &io::Error) {
        if error.kind() != io::ErrorKind::BrokenPipe {
            log::error!("cannot show what happens: {error}");
            self.state.failed = true;
        }
        self.state.unread = true;
        let (now, wall) = self.now();
        self.session.handle_broken_pipe(now, wall);
    }

    fn now(&mut self) -> (Instant, Stamp) {
        (Instant::now(), self.console.wall())
    }

    /// Waits for something to do.
    fn sleep(&mut self) {
        self.waker.prepare_sleep();
        let is_ready = self.requests.is_ready() || self.wants_lines() && !self.lines.is_empty();
        let timeout = if is_ready {
            PollTimeout::ZERO
        } else {
            self.patience()
        };
        let mut polled = [
            PollFd::new(self.waker.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.node.as_fd(), PollFlags::POLLIN),
        ];
        // What interrupts it is looked at like what ends it: there is nothing else to be told.
        let _why = poll(&mut polled, timeout);
        self.waker.awake();
    }

    /// How long there is nothing to do if nothing comes.
    fn patience(&self) -> PollTimeout {
        let now = Instant::now();
        let session = self.session.poll_timeout();
        let session = session.map(|deadline| deadline.saturating_duration_since(now));
        let retry = (!self.state.waiting.is_empty()).then_some(RETRY);
        poll_timeout(session.into_iter().chain(retry).min())
    }

    fn wants_lines(&self) -> bool {
        self.state.waiting.is_empty() && self.session.wants_lines() && self.state.exit.is_none()
    }

    fn take_requests(&mut self) {
        while let Ok(request) = self.requests.try_recv() {
            match request {
                Request::Signal(signal) => {
                    let (now, wall) = self.now();
                    self.session.handle_signal(now, wall, signal);
                    self.carry_out();
                }
                Request::Width(columns) => self.session.handle_width(columns),
                Request::Complete { line, cursor } => {
                    let completion = self.session.complete(&line, cursor);
                    self.console.complete(&line, cursor, completion);
                }
            }
        }
    }

    fn take_events(&mut self) {
        for _ in 0..BATCH {
            let event = match self.node.try_recv() {
                Ok(event) => event,
                Err(RecvError::Stopped) if self.state.exit.is_none() => Event::Stop,
                Err(_) => return,
            };
            self.console.heed(&event);
            let (now, wall) = self.now();
            self.session.handle_event(now, wall, event);
            self.carry_out();
        }
    }

    fn take_lines(&mut self) {
        for _ in 0..BATCH {
            if !self.wants_lines() {
                return;
            }
            let Ok(piece) = self.lines.try_recv() else {
                return;
            };
            let (now, wall) = self.now();
            let session = &mut self.session;
            match piece {
                Piece::End => session.handle_end_of_input(now, wall),
                Piece::Line(line) => match text(&line) {
                    Ok(line) => session.handle_line(now, wall, line),
                    Err(why) => session.handle_bad_line(now, wall, why),
                },
                Piece::Private(line) => match text(&line) {
                    Ok(line) => session.handle_private_line(now, wall, line),
                    Err(why) => session.handle_bad_line(now, wall, why),
                },
            }
            self.carry_out();
        }
    }
}

/// A line as text, or why it is none.
fn text(line: &[u8]) -> Result<&str, BadLine> {
    if line.len() > TEXT_OCTETS {
        return Err(BadLine::TooLong);
    }
    std::str::from_utf8(line).map_err(|_| BadLine::NotUtf8)
}

/// How many events or lines are handled before the others have their turn.
const BATCH: usize = 100;

/// How soon an action is tried again that the node had no room for.
const RETRY: Duration = Duration::from_millis(2);
