//! A program in a terminal of its own: what is typed, and what a person would see.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::process::DEADLINE;

const ROWS: u16 = 24;

/// How soon a window that is to be closed is.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};

pub const ZCHAT: &str = env!("CARGO_BIN_EXE_zchat");

/// A terminal window with a program in it.
pub struct Window {
    keyboard: File,
    /// `None` once it is somebody else's.
    pub child: Option<Child>,
    shared: Arc<Shared>,
    /// Where the program keeps its state.
    pub state: PathBuf,
}

struct Shared {
    terminal: Mutex<Terminal>,
    changed: Condvar,
}

struct Terminal {
    parser: vt100::Parser,
    /// All that came.
    octets: Vec<u8>,
    closed: bool,
    /// Whether the window is to be closed.
    closing: bool,
    /// Whether nothing is taken from the program.
    stalled: bool,
}

impl Window {
    /// A window with a zchat, whose arguments are the words of this line.
    pub fn zchat(port: u16, arguments: &str) -> Self {
        Self::open(
            &format!("{ZCHAT} --interface lo --port {port} {arguments}"),
            &[],
        )
    }

    /// A window with the program whose words these are.
    pub fn open(line: &str, environment: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let name = format!("zchat-window-{}-{number}", std::process::id());
        Self::open_with(
            line.split_whitespace(),
            environment,
            std::env::temp_dir().join(name),
        )
    }

    /// The same, where an earlier one kept its state here.
    pub fn open_with<'a>(
        words: impl IntoIterator<Item = &'a str>,
        environment: &[(&str, &str)],
        state: PathBuf,
    ) -> Self {
        // No other process may inherit it: the window would stay open.
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        tcsetwinsize(&master, size(80)).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave = File::options().read(true).write(true).open(path).unwrap();
        // It makes the terminal that of a session of its own, as a terminal window does.
        let mut command = Command::new("setsid");
        command
            .arg("--ctty")
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &state)
            .env("XDG_STATE_HOME", &state)
            .env("TERM", "xterm-256color")
            // What the emulator is: one that cuts rows.
            .env("XTERM_VERSION", "test")
            .env("LC_ALL", "C.UTF-8")
            .envs(environment.iter().copied())
            .stdin(Stdio::from(slave.try_clone().unwrap()))
            .stdout(Stdio::from(slave.try_clone().unwrap()))
            .stderr(Stdio::from(slave));
        let child = command.spawn().unwrap();
        drop(command);
        let shared = Arc::new(Shared {
            terminal: Mutex::new(Terminal {
                parser: vt100::Parser::new(cells(ROWS), cells(80), 10_000),
                octets: Vec::new(),
                closed: false,
                closing: false,
                stalled: false,
            }),
            changed: Condvar::new(),
        });
        let master = File::from(master);
        let screen = master.try_clone().unwrap();
        let watched = Arc::clone(&shared);
        thread::spawn(move || watch(screen, &watched));
        Self {
            keyboard: master,
            child: Some(child),
            shared,
            state,
        }
    }

    pub fn type_in(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    pub fn resize(&mut self, columns: u16) {
        let mut terminal = self.shared.terminal.lock().unwrap();
        terminal.parser.set_size(cells(ROWS), cells(columns));
        tcsetwinsize(&self.keyboard, size(columns)).unwrap();
    }

    /// Waits until this is on the screen, in one row or broken into several.
    pub fn wait_for(&self, text: &str) {
        self.wait_until(text, |rows, _| rows.concat().contains(text));
    }

    /// Waits until the row with the cursor is this one.
    pub fn wait_for_row(&self, text: &str) {
        self.wait_until(text, |rows, cursor| {
            rows[usize::from(cursor.0)].trim_end() == text
        });
    }

    /// Waits until rows and cursor (row, column) are so.
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&[String], (u16, u16)) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        let mut terminal = self.shared.terminal.lock().unwrap();
        loop {
            let screen = terminal.parser.screen();
            let rows: Vec<String> = screen.rows(0, 500).collect();
            if is_so(&rows, screen.cursor_position()) {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let closed = terminal.closed;
            if left.is_zero() || closed {
                drop(terminal);
                panic!("no {what:?} on: {}", rows.join("\n"));
            }
            terminal = self.shared.changed.wait_timeout(terminal, left).unwrap().0;
        }
    }

    /// Waits until the program has written this, behind so many octets.
    pub fn wait_for_written(&self, before: usize, text: &str) {
        let deadline = Instant::now() + DEADLINE;
        let mut terminal = self.shared.terminal.lock().unwrap();
        loop {
            let written = String::from_utf8_lossy(&terminal.octets[before..]);
            if written.contains(text) {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !terminal.closed, "only {written:?}");
            terminal = self.shared.changed.wait_timeout(terminal, left).unwrap().0;
        }
    }

    /// Takes nothing from the program any more, or goes on to.
    pub fn stall(&self, stalled: bool) {
        self.shared.terminal.lock().unwrap().stalled = stalled;
        self.shared.changed.notify_all();
    }

    pub fn rows(&self) -> Vec<String> {
        let terminal = self.shared.terminal.lock().unwrap();
        terminal.parser.screen().rows(0, 500).collect()
    }

    /// All that the program has written so far.
    pub fn written(&self) -> String {
        let terminal = self.shared.terminal.lock().unwrap();
        String::from_utf8_lossy(&terminal.octets).into_owned()
    }

    pub fn cursor(&self) -> (u16, u16) {
        self.shared
            .terminal
            .lock()
            .unwrap()
            .parser
            .screen()
            .cursor_position()
    }

    pub fn process_id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// The terminal goes away, as when its window is closed.
    pub fn hang_up(mut self) -> Child {
        self.child.take().unwrap()
    }

    /// Waits for the end of the program and of what it writes; its exit status.
    pub fn finish(&mut self) -> i32 {
        self.stall(false);
        let status = wait(self.child.as_mut().unwrap());
        let mut terminal = self.shared.terminal.lock().unwrap();
        while !terminal.closed {
            terminal = self.shared.changed.wait(terminal).unwrap();
        }
        status
    }
}

pub fn wait(child: &mut Child) -> i32 {
    let deadline = Instant::now() + DEADLINE;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().expect("it was not killed");
        }
        thread::park_timeout(std::time::Duration::from_millis(2));
    }
    let _ = child.kill();
    panic!("it does not end");
}

impl Drop for Window {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.state);
        // The window is closed when its reader has closed it as well.
        let lock = self.shared.terminal.lock();
        let mut terminal = lock.unwrap_or_else(PoisonError::into_inner);
        terminal.closing = true;
        self.shared.changed.notify_all();
        while !terminal.closed {
            let changed = self.shared.changed.wait(terminal);
            terminal = changed.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn watch(mut screen: impl Read + AsFd, shared: &Shared) {
    let mut octets = [0; 65_536];
    loop {
        let mut terminal = shared.terminal.lock().unwrap();
        while terminal.stalled && !terminal.closing {
            terminal = shared.changed.wait(terminal).unwrap();
        }
        drop(terminal);
        let readable = {
            let mut polled = [PollFd::new(&screen, PollFlags::IN)];
            poll(&mut polled, Some(&LOOK)).unwrap() > 0
        };
        let length = match readable.then(|| screen.read(&mut octets)) {
            Some(Ok(length @ 1..)) => length,
            Some(_) => break,
            None if shared.terminal.lock().unwrap().closing => break,
            None => continue,
        };
        let mut terminal = shared.terminal.lock().unwrap();
        terminal.parser.process(&octets[..length]);
        terminal.octets.extend_from_slice(&octets[..length]);
        shared.changed.notify_all();
    }
    drop(screen);
    shared.terminal.lock().unwrap().closed = true;
    shared.changed.notify_all();
}

fn cells(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).unwrap()
}

fn size(columns: u16) -> Winsize {
    Winsize {
        ws_row: ROWS,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}
