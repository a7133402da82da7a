//! Understands a line: text to say, or a command of the table in `command`.
//!
//! Nothing is needed for it but the line; whether a named peer or group exists is the session's
//! business.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;

use super::command::{Argument, COMMANDS, Command, CommandInfo, Target, find};
use super::naming::nearest;
use super::sanitize::label;
use crate::zre::Host;

/// What a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Typed<'a> {
    /// Text to say.
    Text(&'a str),
    /// Something to do.
    Command(Command),
    /// An attempt at a command, and what is wrong with it.
    Wrong(Wrong<'a>),
}

/// Why a line is not a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrong<'a> {
    /// There is no such command; this one comes near.
    Unknown {
        name: &'a str,
        near: Option<&'static str>,
    },
    /// Something is missing, too much, or not what it should be: how it is written, and what was
    /// probably meant.
    Usage {
        usage: &'static str,
        hint: Option<String>,
    },
}

/// The line that ends a chat task, as it does in other programs of this family.
pub(crate) const STOP: &str = "$$STOP";

/// What a line is: without its line end, not empty.
pub(crate) fn parse(line: &str) -> Typed<'_> {
    if line == STOP {
        return Typed::Command(Command::Quit { text: None });
    }
    let Some(after_slash) = line.strip_prefix('/') else {
        return Typed::Text(line);
    };
    if after_slash.starts_with('/') {
        return Typed::Text(after_slash);
    }
    let end = line.find(char::is_whitespace).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let Some(info) = find(name) else {
        let names = COMMANDS.iter().map(|info| info.name);
        let near = nearest(name, names).first().and_then(|name| find(name));
        return Typed::Wrong(Wrong::Unknown {
            name,
            near: near.map(|info| info.usage),
        });
    };
    match (info.build)(&mut Words { rest }) {
        Some(command) => Typed::Command(command),
        None => Typed::Wrong(Wrong::Usage {
            usage: info.usage,
            hint: hint(info, rest.trim()),
        }),
    }
}

/// What was probably meant by what follows a command, if that is clear.
fn hint(info: &CommandInfo, rest: &str) -> Option<String> {
    /// A hint that is longer than this is none.
    const LONGEST: usize = 60;
    if info.arguments == [Argument::Other, Argument::Other] {
        return no_address(rest).map(|why| why.to_string());
    }
    if rest.starts_with('"') {
        let closed = rest.matches('"').count().is_multiple_of(2);
        return (!closed).then(|| "a double quote is missing".to_owned());
    }
    let one_name = matches!(
        info.arguments,
        [Argument::Peer
            | Argument::Ignored
            | Argument::Group
            | Argument::OwnGroup
            | Argument::Other]
    );
    let (first, _) = rest.split_once(char::is_whitespace)?;
    (one_name && !is_address(first) && rest.len() <= LONGEST)
        .then(|| format!("with spaces: {} {}", info.name, quote(rest)))
}

/// Why something is not the address of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
enum NoAddress<'a> {
    /// This is no IP address.
    Host(&'a str),
    /// This is no TCP port.
    Port(&'a str),
    /// There is no port.
    NoPort,
    /// This follows, and has no meaning.
    Trailing(&'a str),
}

impl fmt::Display for NoAddress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => write!(f, "{} is no IP address", label(host)),
            Self::Port(port) => write!(f, "{} is no port from 1 to 65535", label(port)),
            Self::NoPort => f.write_str("the port is missing"),
            Self::Trailing(rest) => write!(f, "{} is too much", label(rest)),
        }
    }
}

/// What is wrong with `IP PORT` or `IP:PORT`; nothing is wrong with nothing.
fn no_address(rest: &str) -> Option<NoAddress<'_>> {
    let mut words = rest.split_whitespace();
    let first = words.next()?;
    let in_one = first.starts_with('[') || first.matches(':').count() == 1;
    let (host, port) = match first.rsplit_once(':').filter(|_| in_one) {
        Some((host, port)) => (host, Some(port)),
        None => (first, words.next()),
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    if self::host(bare.unwrap_or(host)).is_none() {
        return Some(NoAddress::Host(host));
    }
    match port {
        None => Some(NoAddress::NoPort),
        Some(port) if port.parse::<NonZeroU16>().is_err() => Some(NoAddress::Port(port)),
        Some(_) => words.next().map(NoAddress::Trailing),
    }
}

/// Whether this is an address, with a port or without, right or wrong: no name that one would type.
fn is_address(word: &str) -> bool {
    let host = word.rsplit_once(':').map_or(word, |(host, _)| host);
    [word, host].iter().any(|host| self::host(host).is_some()) || word.parse::<SocketAddr>().is_ok()
}

/// `10.0.0.5`, `2001:db8::5`, or `fe80::5%2`, which needs the number of the interface.
fn host(word: &str) -> Option<Host> {
    if let Ok(address) = word.parse::<IpAddr>() {
        return Some(address.into());
    }
    let (address, scope) = word.split_once('%')?;
    let address = address.parse::<Ipv6Addr>().ok()?;
    Some(Host {
        address: address.into(),
        scope: scope.parse().ok()?,
    })
}

/// What follows the name of a command.
#[derive(Debug)]
pub(crate) struct Words<'a> {
    pub(crate) rest: &'a str,
}

impl<'a> Words<'a> {
    /// The next word, taken out of its quotes; `None` if there is none, or its quotes do not end.
    pub(crate) fn next(&mut self) -> Option<String> {
        let rest = self.rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        let Some(quoted) = rest.strip_prefix('"') else {
            let (word, after) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
            self.rest = after;
            return Some(word.to_owned());
        };
        let mut word = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = quoted.get(at + 1..).unwrap_or_default();
                    let ends = self.rest.is_empty() || self.rest.starts_with(char::is_whitespace);
                    return ends.then_some(word);
                }
                '\\' => word.push(characters.next().map_or('\\', |(_, escaped)| escaped)),
                _ => word.push(character),
            }
        }
        None
    }

    /// Whether nothing follows.
    pub(super) fn end(&self) -> bool {
        self.rest.trim_start().is_empty()
    }

    /// The next word, which must be the last.
    pub(super) fn last(&mut self) -> Option<String> {
        let word = self.next()?;
        self.end().then_some(word)
    }

    /// The same, or nothing at all.
    #[expect(clippy::option_option, reason = "wrong, or nothing, or a word")]
    pub(super) fn last_optional(&mut self) -> Option<Option<String>> {
        if self.end() {
            Some(None)
        } else {
            self.last().map(Some)
        }
    }

    /// Everything that follows, which must be something.
    pub(super) fn text(&mut self) -> Option<String> {
        let text = self.rest.trim_start();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// `IP PORT` or `IP:PORT`.
    pub(super) fn address(&mut self) -> Option<SocketAddr> {
        let first = self.next()?;
        let address = match first.parse() {
            Ok(address) => address,
            Err(_) => {
                let host = host(&first)?;
                host.at(self.next()?.parse().ok()?)
            }
        };
        (self.end() && address.port() != 0).then_some(address)
    }

    /// `IP PORT`, `IP:PORT` or `NAME`; what is in quotes is a name, whatever it looks like.
    pub(super) fn target(&mut self) -> Option<Target> {
        let is_quoted = self.rest.trim_start().starts_with('"');
        let mut as_address = Words { rest: self.rest };
        if let Some(address) = as_address.address().filter(|_| !is_quoted) {
            return Some(Target::Address(address));
        }
        let name = self.last()?;
        (is_quoted || !is_address(&name)).then_some(Target::Name(name))
    }
}

/// A name as it is written in a command: in double quotes where it needs them.
pub(crate) fn quote(name: &str) -> String {
    let needs_none = !name.is_empty()
        && !name.starts_with('"')
        && !name.contains(char::is_whitespace)
        && !is_address(name);
    if needs_none {
        return name.to_owned();
    }
    let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_names_come_back() {
        for name in [
            "bob",
            "Anna Maria",
            "say \"hi\"",
            "back\\slash",
            " ",
            "",
            "10.0.0.9",
            "10.0.0.9:5670",
        ] {
            let mut words = Words { rest: &quote(name) };
            assert_eq!(words.last().as_deref(), Some(name));
            let mut words = Words { rest: &quote(name) };
            assert_eq!(words.target(), Some(Target::Name(name.to_owned())));
        }
    }

    #[test]
    fn what_looks_like_an_address_is_a_name_in_quotes_alone() {
        let target = |rest| Words { rest }.target();
        let address = Target::Address("10.0.0.9:5670".parse().unwrap());
        assert_eq!(target(" 10.0.0.9 5670"), Some(address.clone()));
        assert_eq!(target("10.0.0.9:5670"), Some(address));
        let on_a_link = Target::Address("[fe80::5%2]:49152".parse().unwrap());
        assert_eq!(target("fe80::5%2 49152"), Some(on_a_link.clone()));
        assert_eq!(target("[fe80::5%2]:49152"), Some(on_a_link));
        for wrong in [
            "10.0.0.9",
            "10.0.0.9 0",
            "10.0.0.9:70000",
            "::1",
            "[::1]:0",
            "fe80::5%2",
        ] {
            assert_eq!(target(wrong), None, "{wrong}");
        }
        for name in ["10", "10.0.0", "bob:1", "10.0.0.9.example"] {
            assert_eq!(target(name), Some(Target::Name(name.to_owned())));
        }
    }
}
