//! The log: to stderr, or, while we own the terminal, between the other lines. Nothing in it can
//! move the cursor or colour the screen, whatever a peer calls itself.

use std::io::{self, Write};

use env_logger::{Builder, Env, Target};
use log::LevelFilter;

use crate::terminal::{Lines, Status};

/// Starts to log as `RUST_LOG` says, and otherwise by how many times `-v` was given: warnings, then
/// what happens, then all of it.
pub(crate) fn start(verbose: u8, terminal: Option<Lines<Status>>) {
    let level = match verbose {
        0 => LevelFilter::Warn,
        1 => LevelFilter::Info,
        2 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    let mut builder = Builder::new();
    builder.filter_module("zchat", level);
    builder.parse_env(Env::default());
    builder.format(|out, record| {
        let text = record.args().to_string();
        let safe: String = text.chars().flat_map(visible).collect();
        writeln!(
            out,
            "zchat: {}: {safe}",
            record.level().as_str().to_lowercase()
        )
    });
    if let Some(lines) = terminal {
        let line = Vec::new();
        builder.target(Target::Pipe(Box::new(ToTerminal { lines, line })));
    }
    // Fails only if somebody else has started a log: not in this program.
    let _already_started = builder.try_init();
}

fn visible(character: char) -> impl Iterator<Item = char> {
    let shown = (!character.is_control()).then_some(character);
    let escaped = character.is_control().then(|| character.escape_default());
    shown.into_iter().chain(escaped.into_iter().flatten())
}

/// Gives whole lines to the terminal.
struct ToTerminal {
    lines: Lines<Status>,
    line: Vec<u8>,
}

impl Write for ToTerminal {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        for octet in octets {
            if *octet == b'\n' {
                let line = String::from_utf8_lossy(&self.line).into_owned();
                // Any thread may log, also one that must never wait.
                self.lines.show_now(line);
                self.line.clear();
            } else {
                self.line.push(*octet);
            }
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
