//! What a session needs to know at its start, and its limits, each with its reason.

use std::net::SocketAddr;
use std::time::Duration;

use crate::zre::{GroupName, Headers, Name};

/// What a session needs to know at its start.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Our public name, as the node was told.
    pub name: Name,
    /// The groups that the node was told to join at its start; the first is the current one.
    pub groups: Vec<GroupName>,
    /// The endpoint of our mailbox (`tcp://10.0.0.5:49152`), for the report of the start, and for
    /// whoever asks about himself.
    pub endpoint: String,
    /// Where else others are told to look for our mailbox (NAT), for the same.
    pub advertised: Option<SocketAddr>,
    /// The headers that the node greets with, for the same.
    pub headers: Headers,
    /// Where lines come from.
    pub input: Input,
    /// In what form things are shown.
    pub form: Form,
    /// What the session is for.
    pub purpose: Purpose,
    /// How long a piped line waits for somebody to receive it, and how long delivery may make no
    /// progress at the end. Five seconds: five beacons.
    pub wait: Duration,
}

/// Where lines come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// A person types them: each is handled at once, and a wrong one changes no exit status.
    Typed,
    /// A program writes them: the first waits until discovery has settled.
    Piped,
}

/// In what form things are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Lines above a prompt: with times, our own messages, merged arrivals, and [`Prompt`](super::Prompt)s.
    Screen,
    /// Lines of text, one for each event, in forms that do not change.
    Text,
    /// Records, to be written as JSON; everything is reported.
    Json,
}

/// What a session is for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// To chat: lines are text to the current group, or commands.
    Chat,
    /// To send each line, commands or not, to all of these, then to tell who has it. Nothing that is
    /// received is shown.
    Send {
        /// The groups, which need not be joined.
        groups: Vec<GroupName>,
        /// Names of peers, as one would write them in the chat, without quotes.
        to: Vec<String>,
    },
    /// To show who is there. No lines are taken and nothing is answered; the node should join no group.
    /// Where it announces [`HEADERS`](super::HEADERS), it is told who is away.
    Watch {
        /// How often, with what has changed since the last time; `None` for once, when discovery has
        /// settled.
        every: Option<Duration>,
    },
}

impl Config {
    /// A chat in a terminal under this name, in these groups.
    #[must_use]
    pub fn new(name: Name, groups: Vec<GroupName>) -> Self {
        Self {
            name,
            groups,
            endpoint: String::new(),
            advertised: None,
            headers: Headers::default(),
            input: Input::Typed,
            form: Form::Screen,
            purpose: Purpose::Chat,
            wait: Duration::from_secs(5),
        }
    }
}

/// The longest text that is sent, in octets of UTF-8: 64 KiB. A longer one is refused whole: larger
/// things are files.
pub const TEXT_OCTETS: usize = 64 << 10;
