//! What wakes a thread that sleeps in a poll: [`Waker`], a descriptor that others ring.
//!
//! It carries no values: those are in the queues of [`mailbox`](super::mailbox). Ringing costs a
//! system call only while the thread has said that it sleeps, and one ring then stands for all the
//! values that come until it wakes.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use source::Source;

/// The bell of one thread, which may serve any number of queues that this thread reads.
///
/// The thread goes to sleep in three steps, in this order, so that no value is missed:
/// [`Waker::prepare_sleep`]; look into every queue once more, and stay awake if one of them is ready
/// ([`Receiver::is_ready`](super::mailbox::Receiver::is_ready)); poll the descriptor, together with
/// whatever else it waits for. After the poll it says [`Waker::awake`].
#[derive(Debug)]
pub struct Waker(Arc<Bell>);

impl Waker {
    /// A bell that nobody has rung.
    ///
    /// # Errors
    ///
    /// If the process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(Bell::new()?)))
    }

    /// Says that the thread is about to sleep: from now on, whoever has something for it rings.
    /// Takes back earlier rings, so that the descriptor is not readable because of them.
    pub fn prepare_sleep(&self) {
        self.0.arm();
    }

    /// Says that the thread is awake: nobody has to ring.
    pub fn awake(&self) {
        self.0.sleeping.store(false, Ordering::Relaxed);
    }

    pub(super) fn bell(&self) -> Arc<Bell> {
        Arc::clone(&self.0)
    }
}

/// Readable when somebody has rung. It may rarely be readable for nothing, but never fails to be.
impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.source.as_fd()
    }
}

/// What a [`Waker`] shares with those who ring it.
#[derive(Debug)]
pub(super) struct Bell {
    /// Whether the thread has said that it sleeps, and nobody has rung since.
    sleeping: AtomicBool,
    /// How often the bell was rung.
    rung: AtomicU64,
    /// How many of these rings were taken back from the descriptor. Fewer than `rung` while it is
    /// readable, or is about to be.
    taken: AtomicU64,
    source: Source,
}

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            sleeping: AtomicBool::new(false),
            rung: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            source: Source::new()?,
        })
    }

    /// Wakes the thread if it sleeps. To be called after the reason to wake it has been made visible
    /// (a value pushed, a flag set).
    pub(super) fn ring(&self) {
        // Pairs with the fence in `arm`: of the two threads, at least one sees what the other wrote
        // before its fence. Either this one sees `sleeping`, or the sleeper sees the reason.
        fence(Ordering::SeqCst);
        if self.sleeping.load(Ordering::Relaxed) && self.sleeping.swap(false, Ordering::AcqRel) {
            self.rung.fetch_add(1, Ordering::Release);
            self.source.ring();
        }
    }

    /// Says that the thread sleeps; the queues must be looked into after this.
    pub(super) fn arm(&self) {
        // A ring may be counted before its write has reached the descriptor. Then nothing is read
        // here, the descriptor turns readable later, for nothing, and the next `arm` reads it.
        if self.rung.load(Ordering::Acquire) != self.taken.load(Ordering::Relaxed) {
            self.taken.fetch_add(self.source.take(), Ordering::Relaxed);
        }
        self.sleeping.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Sleeps until somebody rings or the deadline has passed, whichever is first; may also return
    /// earlier. `None` is for ever.
    pub(super) fn sleep(&self, deadline: Option<Instant>) {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let mut fds = [PollFd::new(self.source.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, poll_timeout(left)) {
            Ok(_) | Err(Errno::EINTR) => {}
            // Only lack of kernel memory is left. Wait a little rather than spin.
            Err(_) => std::thread::park_timeout(Duration::from_millis(1)),
        }
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.as_fd()
    }
}

/// The timeout of a poll, in its milliseconds; rounded up, for otherwise the last fraction of one
/// would be spent spinning.
pub(crate) fn poll_timeout(left: Option<Duration>) -> PollTimeout {
    left.map_or(PollTimeout::NONE, |left| {
        let milliseconds = left.as_nanos().div_ceil(1_000_000);
        PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX)
    })
}

/// Where there is an eventfd: eight octets of kernel memory, one descriptor.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
mod source {
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd};

    use nix::sys::eventfd::{EfdFlags, EventFd};

    #[derive(Debug)]
    pub(super) struct Source(EventFd);

    impl Source {
        pub(super) fn new() -> io::Result<Self> {
            let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
            Ok(Self(EventFd::from_value_and_flags(0, flags)?))
        }

        /// Makes it readable. Fails only where 2^64 - 2 rings wait: it is readable then.
        pub(super) fn ring(&self) {
            let _already_readable = self.0.write(1);
        }

        /// Makes it unreadable; how many rings that were.
        pub(super) fn take(&self) -> u64 {
            self.0.read().unwrap_or(0)
        }

        pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }
}

/// Elsewhere: a pair of connected sockets, one octet a ring.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
mod source {
    use std::io::{self, Read, Write};
    use std::os::fd::{AsFd, BorrowedFd};
    use std::os::unix::net::UnixStream;

    #[derive(Debug)]
    pub(super) struct Source {
        near: UnixStream,
        far: UnixStream,
    }

    impl Source {
        pub(super) fn new() -> io::Result<Self> {
            let (near, far) = UnixStream::pair()?;
            near.set_nonblocking(true)?;
            far.set_nonblocking(true)?;
            Ok(Self { near, far })
        }

        /// Makes it readable. There are never more rings waiting than threads that ring, so that
        /// the socket's buffer is never full.
        pub(super) fn ring(&self) {
            let _already_readable = (&self.far).write(&[1]);
        }

        /// Makes it unreadable; how many rings that were.
        pub(super) fn take(&self) -> u64 {
            let mut octets = [0; 64];
            (&self.near)
                .read(&mut octets)
                .map_or(0, |count| count as u64)
        }

        pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
            self.near.as_fd()
        }
    }
}
