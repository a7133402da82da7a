//! SIGINT and SIGTERM: they end what goes on, and our node takes its leave.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

/// A signal that ends the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Interrupted(i32);

impl Interrupted {
    /// The exit status for it.
    pub(in super::super) fn status(self) -> u8 {
        u8::try_from(128 + self.0).unwrap_or(u8::MAX)
    }
}

/// What can be waited for instead of being ended.
pub(super) struct Interrupts(Vec<(Interrupted, UnixStream)>);

impl Interrupts {
    /// From now on the signals are told here.
    pub(super) fn new() -> Self {
        let one = |signal| -> io::Result<(Interrupted, UnixStream)> {
            let (here, there) = UnixStream::pair()?;
            here.set_nonblocking(true)?;
            pipe::register(signal, there)?;
            Ok((Interrupted(signal), here))
        };
        let all = [SIGINT, SIGTERM].into_iter().map(one);
        let watched = all.collect::<io::Result<_>>().unwrap_or_else(|error| {
            log::warn!("signals are not watched: {error}");
            Vec::new()
        });
        Self(watched)
    }

    /// Readable when a signal has come.
    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.0.iter().map(|(_, stream)| stream.as_fd())
    }

    /// Waits until something can be read there, or has ended.
    ///
    /// # Errors
    ///
    /// If a signal came first.
    pub(super) fn wait_for(&self, that: BorrowedFd<'_>) -> Result<(), Interrupted> {
        loop {
            let signals = self.fds().map(|fd| PollFd::new(fd, PollFlags::POLLIN));
            let that = PollFd::new(that, PollFlags::POLLIN);
            let mut waiting: Vec<PollFd<'_>> = std::iter::once(that).chain(signals).collect();
            let polled = poll(&mut waiting, PollTimeout::NONE);
            if let Some(interrupted) = self.came() {
                return Err(interrupted);
            }
            let is_there = waiting.first().is_some_and(|it| it.any().unwrap_or(true));
            match polled {
                Ok(_) if !is_there => {}
                Err(Errno::EINTR) => {}
                // Whoever waits finds out what is wrong with it.
                Ok(_) | Err(_) => return Ok(()),
            }
        }
    }

    /// The signal that has come, if any.
    pub(super) fn came(&self) -> Option<Interrupted> {
        use std::io::Read;
        let mut all = self.0.iter();
        let has_come = |(_, stream): &&(Interrupted, UnixStream)| {
            let mut stream: &UnixStream = stream;
            stream.read(&mut [0]).is_ok_and(|octets| octets > 0)
        };
        all.find(has_come).map(|(signal, _)| *signal)
    }
}
