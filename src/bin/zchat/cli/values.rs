//! What a value on the command line must be, and what is said where it is not.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use clap::error::{ContextKind, ContextValue};

/// Why a value is refused: a text for the user, which ends an error message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused(&'static str);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Refused {}

/// The same complaint; what the user wrote in it can do nothing to the terminal.
pub(super) fn visible(mut error: clap::Error) -> clap::Error {
    let is_shown = |character: char| !character.is_control();
    let hidden: Vec<(ContextKind, String)> = error
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(text) if !text.chars().all(is_shown) => Some((kind, text.clone())),
            _ => None,
        })
        .collect();
    for (kind, text) in hidden {
        let escaped = text.chars().fold(String::new(), |mut escaped, character| {
            if is_shown(character) {
                escaped.push(character);
            } else {
                escaped.extend(character.escape_default());
            }
            escaped
        });
        error.insert(kind, ContextValue::String(escaped));
    }
    error
}

pub(super) fn port(text: &str) -> Result<u16, Refused> {
    match text.parse() {
        Ok(0) | Err(_) => Err(Refused("a port is a number from 1 to 65535")),
        Ok(port) => Ok(port),
    }
}

pub(super) fn peer(text: &str) -> Result<SocketAddr, Refused> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() > 0 => Ok(address),
        _ => Err(Refused(
            "a peer is an IP address and a TCP port: 10.0.0.5:49152, [2001:db8::5]:49152",
        )),
    }
}

/// The port is 0 where none is written.
pub(super) fn advertised(text: &str) -> Result<SocketAddr, Refused> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let alone = bare.unwrap_or(text).parse::<IpAddr>();
    let alone = alone.map(|ip| SocketAddr::new(ip, 0));
    match alone.or_else(|_| text.parse()) {
        Ok(address) if !address.ip().is_unspecified() && !address.ip().is_multicast() => {
            Ok(address)
        }
        _ => Err(Refused(
            "what to advertise is an IP address, with a TCP port or without: 203.0.113.5:4000, \
             [2001:db8::5]:4000",
        )),
    }
}

pub(super) fn interface(text: &str) -> Result<String, Refused> {
    if text.is_empty() {
        return Err(Refused("an interface is a name (eth0) or its IPv4 address"));
    }
    Ok(text.to_owned())
}

pub(super) fn recipient(text: &str) -> Result<String, Refused> {
    if text.trim().is_empty() {
        return Err(Refused("a name has at least one character"));
    }
    Ok(text.to_owned())
}

pub(super) fn header(text: &str) -> Result<(String, String), Refused> {
    let (key, value) = text
        .split_once('=')
        .ok_or(Refused("a header is written KEY=VALUE"))?;
    Ok((key.to_owned(), value.to_owned()))
}

pub(super) fn milliseconds(text: &str) -> Result<Duration, Refused> {
    match text.parse::<u32>() {
        Ok(0) | Err(_) => Err(Refused(
            "a time in milliseconds is a whole number from 1 up",
        )),
        Ok(milliseconds) => Ok(Duration::from_millis(milliseconds.into())),
    }
}

pub(super) fn seconds(text: &str) -> Result<Duration, Refused> {
    text.parse::<f64>()
        .ok()
        .filter(|seconds| (0.0..=MOST_SECONDS).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or(Refused("a time in seconds is a number from 0 to 1000000"))
}

pub(super) fn every(text: &str) -> Result<Duration, Refused> {
    seconds(text)
        .ok()
        .filter(|every| *every >= SHORTEST)
        .ok_or(Refused(
            "a time in seconds is a number from 0.1 to 1000000 here",
        ))
}

/// Eleven days: whoever wants to wait longer does not want to wait, but to stay.
const MOST_SECONDS: f64 = 1_000_000.0;

/// Tables that come faster than this cannot be read, and only heat the machine.
const SHORTEST: Duration = Duration::from_millis(100);
