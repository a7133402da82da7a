//! Which of many descriptors have something to read: epoll, or kqueue where that is what the system
//! has. It is asked without waiting; to wait, its own descriptor is polled with others.
//!
//! A descriptor is told of as long as it has something ([`Readiness::add`]), or, if it is written to as
//! well, once each time that it has something new or room again ([`Readiness::add_changes`]).

pub(super) use system::Readiness;

/// Told at most at a time; the rest the next time.
const BATCH: usize = 256;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd};

    use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

    use super::BATCH;

    /// A set of descriptors, each with a number. A descriptor that is closed is in no set any more.
    #[derive(Debug)]
    pub(in super::super) struct Readiness(Epoll);

    impl Readiness {
        pub(in super::super) fn new() -> io::Result<Self> {
            Ok(Self(Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?))
        }

        /// Tells of this descriptor when something can be read from it, or its other end is closed.
        pub(in super::super) fn add(&self, of: impl AsFd, number: u64) -> io::Result<()> {
            Ok(self
                .0
                .add(of, EpollEvent::new(EpollFlags::EPOLLIN, number))?)
        }

        /// Tells of this descriptor, once each time, when something more can be read from it, it can be
        /// written to again after it could not, or it is connected or closed.
        pub(in super::super) fn add_changes(&self, of: impl AsFd, number: u64) -> io::Result<()> {
            let changes = EpollFlags::EPOLLIN
                | EpollFlags::EPOLLOUT
                | EpollFlags::EPOLLRDHUP
                | EpollFlags::EPOLLET;
            Ok(self.0.add(of, EpollEvent::new(changes, number))?)
        }

        /// Tells of this descriptor only when its other end is closed.
        pub(in super::super) fn add_for_end(&self, of: impl AsFd, number: u64) -> io::Result<()> {
            Ok(self
                .0
                .add(of, EpollEvent::new(EpollFlags::EPOLLRDHUP, number))?)
        }

        /// Tells no more of this descriptor.
        pub(in super::super) fn remove(&self, of: impl AsFd) -> io::Result<()> {
            Ok(self.0.delete(of)?)
        }

        /// The numbers of some descriptors that have something, at the end of `numbers`. Whether there
        /// may be more.
        pub(in super::super) fn take(&self, numbers: &mut impl Extend<u64>) -> bool {
            let mut events = [EpollEvent::empty(); BATCH];
            // A signal may interrupt it: then there is another time.
            let count = self.0.wait(&mut events, EpollTimeout::ZERO);
            let told = count.unwrap_or(0);
            numbers.extend(events.iter().take(told).map(EpollEvent::data));
            count.is_err() || told == BATCH
        }
    }

    impl AsFd for Readiness {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.0.as_fd()
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use std::io;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

    use nix::libc::timespec;
    use nix::sys::event::{EvFlags, EventFilter, FilterFlag, KEvent, Kqueue};

    use super::BATCH;

    /// A set of descriptors, each with a number. A descriptor that is closed is in no set any more.
    #[derive(Debug)]
    pub(in super::super) struct Readiness(Kqueue);

    impl Readiness {
        pub(in super::super) fn new() -> io::Result<Self> {
            Ok(Self(Kqueue::new()?))
        }

        /// Tells of this descriptor when something can be read from it, or its other end is closed.
        pub(in super::super) fn add(&self, of: impl AsFd, number: u64) -> io::Result<()> {
            self.change(of, EventFilter::EVFILT_READ, EvFlags::EV_ADD, number)
        }

        /// Tells of this descriptor, once each time, when something more can be read from it, it can be
        /// written to again after it could not, or it is connected or closed.
        pub(in super::super) fn add_changes(&self, of: impl AsFd, number: u64) -> io::Result<()> {
            let once = EvFlags::EV_ADD | EvFlags::EV_CLEAR;
            self.change(&of, EventFilter::EVFILT_READ, once, number)?;
            self.change(&of, EventFilter::EVFILT_WRITE, once, number)
        }

        /// Here an end is noticed only when the descriptor is read.
        pub(in super::super) fn add_for_end(&self, _of: impl AsFd, _number: u64) -> io::Result<()> {
            Ok(())
        }

        /// Tells no more of this descriptor.
        pub(in super::super) fn remove(&self, of: impl AsFd) -> io::Result<()> {
            match self.change(of, EventFilter::EVFILT_READ, EvFlags::EV_DELETE, 0) {
                // It was added for its end only.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                done => done,
            }
        }

        /// The numbers of some descriptors that have something, at the end of `numbers`. Whether there
        /// may be more.
        pub(in super::super) fn take(&self, numbers: &mut impl Extend<u64>) -> bool {
            let empty = KEvent::new(
                0,
                EventFilter::EVFILT_READ,
                EvFlags::empty(),
                FilterFlag::empty(),
                0,
                0,
            );
            let mut events = [empty; BATCH];
            let at_once = timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            let count = self.0.kevent(&[], &mut events, Some(at_once));
            let told = count.unwrap_or(0);
            numbers.extend(events.iter().take(told).map(|event| event.udata() as u64));
            count.is_err() || told == BATCH
        }

        fn change(
            &self,
            of: impl AsFd,
            filter: EventFilter,
            flags: EvFlags,
            number: u64,
        ) -> io::Result<()> {
            let descriptor = of.as_fd().as_raw_fd() as usize;
            let change = KEvent::new(
                descriptor,
                filter,
                flags,
                FilterFlag::empty(),
                0,
                number as isize,
            );
            self.0.kevent(&[change], &mut [], None)?;
            Ok(())
        }
    }

    impl AsFd for Readiness {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }
}
