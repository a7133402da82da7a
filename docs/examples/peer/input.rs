//! The lines of stdin, for a program that must not block in reading them.

use std::collections::VecDeque;
use std::io::{self, Read as _};

/// Lines that were read and not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Input {
    lines: VecDeque<String>,
    /// A line without its end.
    rest: Vec<u8>,
    ended: bool,
}

impl Input {
    /// Reads what is there. Blocks unless stdin is readable.
    pub(crate) fn read(&mut self) {
        let mut octets = [0; 65_536];
        let count = match io::stdin().read(&mut octets) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return,
            Err(_) => 0,
        };
        self.ended = count == 0;
        for &octet in octets.iter().take(count) {
            if octet == b'\n' {
                let line = std::mem::take(&mut self.rest);
                self.lines
                    .push_back(String::from_utf8_lossy(&line).into_owned());
            } else {
                self.rest.push(octet);
            }
        }
    }

    /// The next line.
    pub(crate) fn take(&mut self) -> Option<String> {
        self.lines.pop_front()
    }

    /// Whether nothing more comes.
    pub(crate) const fn has_ended(&self) -> bool {
        self.ended
    }
}
