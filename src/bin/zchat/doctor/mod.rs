//! `zchat doctor`: why is nobody in the list, and what to do about it.
//!
//! [`gather`] finds out [`Facts`](facts::Facts), in a bounded time; [`findings`] concludes from them,
//! and is pure; [`report`] prints what was concluded.

mod facts;
mod findings;
mod firewall;
mod gather;
mod report;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anstream::ColorChoice;
use zchat::chat::Stamp;

use crate::cli::{Color, Settings};

/// What is to be looked at, and how it is to be told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Options {
    /// Names or addresses; none means every usable one.
    pub(crate) interfaces: Vec<String>,
    /// The UDP port of the beacons.
    pub(crate) port: u16,
    /// The TCP port that the mailbox shall have.
    pub(crate) bind_port: Option<u16>,
    /// Mailboxes to try, whether they beacon or not.
    pub(crate) peers: Vec<SocketAddr>,
    /// How long to listen. Trying the last mailboxes may take two seconds more.
    pub(crate) wait: Duration,
    /// One JSON object a line instead of text.
    pub(crate) json: bool,
    pub(crate) color: ColorChoice,
}

impl From<&Settings> for Options {
    fn from(settings: &Settings) -> Self {
        Self {
            interfaces: settings.interfaces.clone(),
            port: settings.port,
            bind_port: settings.bind_port,
            peers: settings.peers.clone(),
            wait: settings.wait,
            json: settings.json,
            color: match settings.color {
                Color::Auto => ColorChoice::Auto,
                Color::Always => ColorChoice::Always,
                Color::Never => ColorChoice::Never,
            },
        }
    }
}

/// How long to listen where the user does not say: nodes beacon every second.
pub(crate) const WAIT: Duration = Duration::from_secs(3);

/// Examines this host, and prints what was found. 0 if all is well, 1 if something was found; as
/// always after a signal.
pub(crate) fn run(options: &Options) -> ExitCode {
    let facts = match gather::gather(options) {
        Ok(facts) => facts,
        Err(interrupted) => return ExitCode::from(interrupted.status()),
    };
    log::debug!("{facts:#?}");
    let findings = findings::diagnose(&facts);
    let output = anstream::AutoStream::new(io::stdout().lock(), options.color);
    let printed = if options.json {
        report::json(output, &findings, Stamp::new(facts.clock, 0))
    } else {
        report::text(output, &findings, &facts)
    };
    if let Err(error) = printed
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        log::error!("the findings cannot be written: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::from(u8::from(!findings::is_healthy(&findings)))
}
