//! What the scripted peer is told: its command line ([`Options`]) and its stdin ([`Command`]).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use zchat::zre::{GroupName, GroupNameError, Name, NameError};

/// The command line. What was not given leaves the node at its default.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) name: Option<Name>,
    pub(crate) groups: Vec<GroupName>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) interface: Option<String>,
    pub(crate) interval: Option<Duration>,
    pub(crate) port: Option<u16>,
    pub(crate) evasive: Option<Duration>,
    pub(crate) expired: Option<Duration>,
    pub(crate) echo: bool,
    pub(crate) count: bool,
    pub(crate) expect: Option<u64>,
    pub(crate) quit_after: Option<u64>,
    pub(crate) duration: Option<Duration>,
    pub(crate) job: Option<Job>,
    pub(crate) peers: Option<usize>,
    pub(crate) linger: Option<Duration>,
}

/// Something that is measured.
#[derive(Debug, Clone)]
pub(crate) enum Job {
    /// Messages as fast as they are taken, or at a rate.
    Bulk(Bulk),
    /// Whispers that wait for their echo, one after the other.
    RoundTrips {
        name: String,
        count: u64,
        size: usize,
    },
}

/// A bulk send.
#[derive(Debug, Clone)]
pub(crate) struct Bulk {
    pub(crate) to: Target,
    pub(crate) count: u64,
    /// Octets of each message.
    pub(crate) size: usize,
    /// Messages a second; as fast as possible if there is none.
    pub(crate) rate: Option<f64>,
}

/// Who a bulk send is for.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Group(GroupName),
    /// A name, or 32 hexadecimal digits.
    Peer(String),
}

/// One line of stdin.
#[derive(Debug)]
pub(crate) enum Command {
    Shout(GroupName, String),
    Whisper(String, String),
    /// A whisper of several frames.
    Frames(String, Vec<String>),
    Rename(Name),
    Join(GroupName),
    Leave(GroupName),
    Peers,
    Summary,
    /// Print what the node has counted.
    Stats,
    Start(Job),
    /// Read no events for a while.
    Pause(Duration),
    /// Stop the node, but not the program.
    Stop,
    Quit,
    /// End as if killed.
    Die,
}

impl Options {
    /// Reads the command line, the program's own name left out.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, Misuse> {
        let mut options = Self::default();
        let mut rate = None;
        while let Some(option) = words.next() {
            let words = &mut words;
            match option.as_str() {
                "--name" => options.name = Some(name(words)?),
                "--group" => options.groups.push(group(words)?),
                "--header" => options.headers.push(header(words)?),
                "--interface" => options.interface = Some(text(words)?),
                "--interval" => options.interval = Some(milliseconds(words)?),
                "--port" => options.port = Some(number(words)?),
                "--evasive" => options.evasive = Some(milliseconds(words)?),
                "--expired" => options.expired = Some(milliseconds(words)?),
                "--echo" => options.echo = true,
                "--count" => options.count = true,
                "--expect" => options.expect = Some(number(words)?),
                "--quit-after" => options.quit_after = Some(number(words)?),
                "--duration" => {
                    let seconds: f64 = number(words)?;
                    let duration = Duration::try_from_secs_f64(seconds);
                    options.duration = Some(duration.map_err(|_| Misuse::Number)?);
                }
                "--send-shout" => {
                    let to = Target::Group(group(words)?);
                    options.job = Some(Job::Bulk(bulk(to, words)?));
                }
                "--whisper-to" => {
                    let to = Target::Peer(text(words)?);
                    options.job = Some(Job::Bulk(bulk(to, words)?));
                }
                "--rtt" => options.job = Some(round_trips(words)?),
                "--rate" => rate = positive(number(words)?),
                "--peers" => options.peers = Some(number(words)?),
                "--linger-ms" => options.linger = Some(milliseconds(words)?),
                _ => return Err(Misuse::Unknown(option)),
            }
        }
        if let Some(Job::Bulk(bulk)) = &mut options.job {
            bulk.rate = rate;
        }
        Ok(options)
    }
}

/// Reads one line of stdin.
impl FromStr for Command {
    type Err = Misuse;

    fn from_str(line: &str) -> Result<Self, Misuse> {
        // What follows the second word is one text, spaces included.
        let mut parts = line.splitn(3, ' ').map(str::to_owned);
        let verb = parts.next().unwrap_or_default();
        let parts = &mut parts;
        Ok(match verb.as_str() {
            "shout" => Self::Shout(group(parts)?, parts.next().unwrap_or_default()),
            "whisper" => Self::Whisper(text(parts)?, parts.next().unwrap_or_default()),
            "frames" => {
                let to = text(parts)?;
                let frames = text(parts)?;
                Self::Frames(to, frames.split(' ').map(str::to_owned).collect())
            }
            "rename" => Self::Rename(name(parts)?),
            "join" => Self::Join(group(parts)?),
            "leave" => Self::Leave(group(parts)?),
            "peers" => Self::Peers,
            "summary" => Self::Summary,
            "stats" => Self::Stats,
            "bench-shout" => {
                let to = Target::Group(group(parts)?);
                Self::Start(Job::Bulk(bulk_with_rate(to, parts)?))
            }
            "bench-whisper" => {
                let to = Target::Peer(text(parts)?);
                Self::Start(Job::Bulk(bulk_with_rate(to, parts)?))
            }
            "rtt" => {
                let mut words = line.split(' ').skip(1).map(str::to_owned);
                Self::Start(round_trips(&mut words)?)
            }
            "pause" => Self::Pause(milliseconds(parts)?),
            "stop" => Self::Stop,
            "quit" => Self::Quit,
            "die" => Self::Die,
            _ => return Err(Misuse::Unknown(verb)),
        })
    }
}

/// What is wrong with an option or a line.
#[derive(Debug)]
pub(crate) enum Misuse {
    Unknown(String),
    Missing,
    Number,
    Header,
    Group(GroupNameError),
    Name(NameError),
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(word) => write!(f, "unknown: {word}"),
            Self::Missing => write!(f, "a word is missing"),
            Self::Number => write!(f, "not a number that fits here"),
            Self::Header => write!(f, "a header is NAME=VALUE"),
            Self::Group(error) => error.fmt(f),
            Self::Name(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Misuse {}

type Words<'a> = &'a mut dyn Iterator<Item = String>;

fn text(words: Words<'_>) -> Result<String, Misuse> {
    words.next().ok_or(Misuse::Missing)
}

fn number<T: FromStr>(words: Words<'_>) -> Result<T, Misuse> {
    text(words)?.parse().map_err(|_| Misuse::Number)
}

fn milliseconds(words: Words<'_>) -> Result<Duration, Misuse> {
    Ok(Duration::from_millis(number(words)?))
}

fn name(words: Words<'_>) -> Result<Name, Misuse> {
    Name::new(&text(words)?).map_err(Misuse::Name)
}

fn group(words: Words<'_>) -> Result<GroupName, Misuse> {
    GroupName::new(&text(words)?).map_err(Misuse::Group)
}

fn header(words: Words<'_>) -> Result<(String, String), Misuse> {
    let both = text(words)?;
    let (name, value) = both.split_once('=').ok_or(Misuse::Header)?;
    Ok((name.to_owned(), value.to_owned()))
}

fn bulk(to: Target, words: Words<'_>) -> Result<Bulk, Misuse> {
    Ok(Bulk {
        to,
        count: number(words)?,
        size: number(words)?,
        rate: None,
    })
}

/// The numbers behind the target are one part of the line: count, size, and maybe a rate.
fn bulk_with_rate(to: Target, parts: Words<'_>) -> Result<Bulk, Misuse> {
    let numbers = text(parts)?;
    let mut words = numbers.split(' ').map(str::to_owned);
    let mut bulk = bulk(to, &mut words)?;
    if let Some(rate) = words.next() {
        bulk.rate = positive(rate.parse().map_err(|_| Misuse::Number)?);
    }
    Ok(bulk)
}

fn round_trips(words: Words<'_>) -> Result<Job, Misuse> {
    Ok(Job::RoundTrips {
        name: text(words)?,
        count: number(words)?,
        size: number(words)?,
    })
}

/// A rate of 0 is none.
fn positive(rate: f64) -> Option<f64> {
    (rate > 0.0).then_some(rate)
}
