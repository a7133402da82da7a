//! The terminal as a device: raw mode and back on every way out of the program, its size, its keys.
//!
//! Reading keys ends when the terminal is gone, so nothing spins on a closed one. Nothing here takes
//! the lock of the standard library's stdout: a thread that stands still in writing would hold it.

use std::io;
use std::sync::{Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use super::keys::{Decoder, Half, Key};

/// What the terminal was before raw mode; to be restored before the program ends.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Switches to raw mode, and asks for pastes to be marked as such.
pub(super) fn enter() -> io::Result<()> {
    let before = tcgetattr(stdin())?;
    let mut raw = before.clone();
    raw.make_raw();
    *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
    tcsetattr(stdin(), OptionalActions::Now, &raw)?;
    write(MARK_PASTES)
}

/// Makes the terminal what it was, if it is not already. Does not wait for a terminal that stands
/// still: its settings are restored all the same.
pub(crate) fn leave() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(before) = before {
        if ready(PollFlags::OUT, Some(&Timespec::default())).contains(PollFlags::OUT) {
            let _ = rustix::io::write(stdout(), RESTORE);
        }
        let _ = tcsetattr(stdin(), OptionalActions::Now, &before);
    }
}

/// Whether the terminal was not given back yet.
fn is_ours() -> bool {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    before.is_some()
}

/// Makes a panic in any thread restore the terminal, say what happened, and end the program: one
/// that goes on without one of its threads is worse than one that ends.
pub(crate) fn install_panic_hook() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        leave();
        // It begins in a row of its own.
        tell(panic);
        std::process::exit(101);
    }));
}

/// Columns of the terminal; 80 where it does not say.
pub(crate) fn columns() -> u16 {
    match tcgetwinsize(stdout()) {
        Ok(size) if size.ws_col > 0 => size.ws_col,
        _ => 80,
    }
}

/// Rows of the terminal; 24 where it does not say.
pub(super) fn rows() -> u16 {
    match tcgetwinsize(stdout()) {
        Ok(size) if size.ws_row > 0 => size.ws_row,
        _ => 24,
    }
}

/// Writes all of it, also to a terminal that somebody has made non-blocking. Writes nothing once the
/// terminal is what it was: a panic may be told there while another thread still draws.
pub(super) fn write(octets: &[u8]) -> io::Result<()> {
    let mut rest = octets;
    while !rest.is_empty() && is_ours() {
        match rustix::io::write(stdout(), rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => _ = ready(PollFlags::OUT, None),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Hands on keys for as long as there is a terminal, and somebody to take them.
pub(super) fn read_keys(mut take: impl FnMut(Key) -> bool) {
    let mut decoder = Decoder::default();
    let mut octets = [0; 4_096];
    loop {
        let patience = decoder.waits_for().map(|half| match half {
            Half::Key => &HALF_A_KEY,
            Half::Paste => &HALF_A_PASTE,
        });
        let keys = if ready(PollFlags::IN, patience).is_empty() {
            decoder.settle().into_iter().collect()
        } else {
            match rustix::io::read(stdin(), &mut octets) {
                Err(Errno::INTR | Errno::AGAIN) => continue,
                Ok(0) | Err(_) => return,
                Ok(length) => decoder.feed(octets.get(..length).unwrap_or_default()),
            }
        };
        if !keys.into_iter().all(&mut take) {
            return;
        }
    }
}

/// Waits until stdin can be read, or stdout be written; empty after the time.
fn ready(flags: PollFlags, patience: Option<&Timespec>) -> PollFlags {
    let fd = if flags == PollFlags::IN {
        stdin()
    } else {
        stdout()
    };
    let mut polled = [PollFd::from_borrowed_fd(fd, flags)];
    while poll(&mut polled, patience) == Err(Errno::INTR) {}
    let [polled] = polled;
    polled.revents()
}

/// How long the rest of a key may be under way before an Escape is a key of its own: over a slow
/// connection, a sequence may come in pieces.
const HALF_A_KEY: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

/// How long a paste may pause before its end counts as lost: all keys would be part of it.
const HALF_A_PASTE: Timespec = Timespec {
    tv_sec: 2,
    tv_nsec: 0,
};

const MARK_PASTES: &[u8] = b"\x1b[?2004h";

/// No synchronized drawing, no marked pastes, automatic wrapping, a visible cursor, plain text.
const RESTORE: &[u8] = b"\x1b[?2026l\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[m";
