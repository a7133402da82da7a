//! The program from outside: command lines, pipes, signals and terminals of real processes, on the
//! loopback interface, each test on a beacon port of its own.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub,
    reason = "a test may panic, reads the clock of the machine, and is used from nowhere"
)]

mod channel;
mod commands;
mod manual;
mod options;
mod panic;
mod pipes;
mod process;
mod records;
mod signals;
mod terminal;
mod window;
