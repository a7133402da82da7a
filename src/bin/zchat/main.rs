//! The program `zchat`: command line, terminal, pipes, signals, disk. What a chat does and how a node
//! speaks is in the library; here is what a process adds.

#![forbid(unsafe_code)]
#![expect(
    clippy::disallowed_methods,
    reason = "the shell: here clocks are read and threads are started"
)]

#[cfg(not(unix))]
compile_error!(
    "the terminal, the signals and the descriptors that zchat waits for are those of Unix"
);

mod cli;
mod console;
mod doctor;
mod logger;
mod paint;
mod remembered;
mod run;
mod signals;
mod stdin;
mod terminal;

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let settings = cli::Settings::of_process();
    if settings.task == cli::Task::Doctor {
        // What a node would warn of is among the findings.
        if settings.verbose > 0 || std::env::var_os("RUST_LOG").is_some() {
            logger::start(settings.verbose, None);
        }
        return doctor::run(&doctor::Options::from(&settings));
    }
    terminal::tty::install_panic_hook();
    match run::run(&settings) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => {
            terminal::tty::leave();
            let _nobody_reads_it = writeln!(std::io::stderr(), "zchat: {error}");
            ExitCode::FAILURE
        }
    }
}
