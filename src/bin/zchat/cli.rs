//! The command line: what may be written on it, what is checked, and what it comes to.
//!
//! Every option is also an environment variable; what is on the command line goes first. Nothing is
//! started here, and no default depends on anything but the login name.

mod environment;
mod values;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum};
use zchat::chat::TEXT_OCTETS;
use zchat::zre::{GroupName, Headers, Name};

use values::{advertised, every, header, interface, milliseconds, peer, port, recipient, seconds};

/// What the program is to do, and how.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    pub(crate) task: Task,
    pub(crate) name: Name,
    /// The groups to join, or to send to.
    pub(crate) groups: Vec<GroupName>,
    /// Names or addresses; none means every usable one.
    pub(crate) interfaces: Vec<String>,
    pub(crate) port: u16,
    pub(crate) bind_port: Option<u16>,
    /// Whether those who were met before are greeted, and those who are met now written down.
    pub(crate) remember: bool,
    pub(crate) peers: Vec<SocketAddr>,
    /// Where others reach the mailbox; port 0 stands for its own.
    pub(crate) advertise: Option<SocketAddr>,
    pub(crate) headers: Headers,
    pub(crate) interval: Duration,
    pub(crate) evasive: Duration,
    pub(crate) expired: Duration,
    pub(crate) wait: Duration,
    pub(crate) json: bool,
    pub(crate) color: Color,
    /// Whether to ring the bell where somebody names the user, or tells them alone.
    pub(crate) bell: bool,
    /// How many times `-v` was given.
    pub(crate) verbose: u8,
}

/// What the program is to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Task {
    /// Chat, in the terminal or through a pipe.
    Chat,
    /// List who is on the network.
    Peers,
    /// Send to groups and to these peers.
    Send {
        /// The peers, as they are named in the chat.
        to: Vec<String>,
        /// The text; from stdin where there is none.
        text: Option<String>,
    },
    /// Print the table of peers and groups again and again.
    Tracker {
        /// How often.
        every: Duration,
    },
    /// Find out why nobody is in the list.
    Doctor,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    Always,
    Never,
}

impl Settings {
    /// What the command line and the environment say. Ends the program where they are wrong, or ask
    /// for help.
    pub(crate) fn of_process() -> Self {
        Self::parse(std::env::args_os(), |variable| std::env::var_os(variable))
            .unwrap_or_else(|error| error.exit())
    }

    /// What these arguments (the first is the program) and this environment say.
    pub(crate) fn parse(
        arguments: impl IntoIterator<Item = OsString>,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, clap::Error> {
        let given = Arguments::try_parse_from(arguments).map_err(values::visible)?;
        let subcommand = given.command.as_ref().map(Subcommands::name);
        let mut otherwise = environment::read(subcommand, environment)?;
        if given.addresses() {
            otherwise.forget_addresses();
        }
        let options = given.options.or(otherwise.options);
        match (given.command, otherwise.command) {
            (None, _) => options.settings(Task::Chat),
            (Some(Subcommands::Peers), _) => options.settings(Task::Peers),
            (Some(Subcommands::Doctor), _) => options.settings(Task::Doctor),
            (Some(Subcommands::Tracker(given)), Some(Subcommands::Tracker(otherwise))) => {
                let every = given.every.or(otherwise.every);
                let every = every.unwrap_or(EVERY);
                options.settings(Task::Tracker { every })
            }
            (Some(Subcommands::Send(given)), Some(Subcommands::Send(otherwise))) => {
                send(options, given, otherwise)
            }
            // Both were parsed with the same subcommand.
            (Some(_), _) => Err(wrong("the environment says something else")),
        }
    }
}

#[derive(Debug, Parser)]
#[command(
    name = "zchat",
    version,
    override_help = HELP,
    override_usage = "zchat [OPTIONS] [COMMAND]",
    disable_help_subcommand = true,
    max_term_width = 100
)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Subcommands>,
}

impl Arguments {
    /// Whether it is said to whom a text is to be sent.
    fn addresses(&self) -> bool {
        match &self.command {
            Some(Subcommands::Send(send)) => !send.to.is_empty() || !self.options.group.is_empty(),
            _ => false,
        }
    }

    /// What is meant for one peer must not go to a group as well because the environment names one.
    fn forget_addresses(&mut self) {
        self.options.group.clear();
        if let Some(Subcommands::Send(send)) = &mut self.command {
            send.to.clear();
        }
    }
}

#[derive(Debug, Default, Args)]
struct Options {
    #[arg(short, long, value_name = "NAME", global = true, hide = true, value_parser = Name::new)]
    name: Option<Name>,
    #[arg(short, long, value_name = "GROUP", global = true, hide = true, value_parser = GroupName::new)]
    group: Vec<GroupName>,
    #[arg(short, long, value_name = "IFACE", global = true, hide = true, value_parser = interface)]
    interface: Vec<String>,
    #[arg(short, long, value_name = "PORT", global = true, hide = true, value_parser = port)]
    port: Option<u16>,
    #[arg(long, value_name = "PORT", global = true, hide = true, value_parser = port)]
    bind_port: Option<u16>,
    #[arg(long, value_name = "IP:PORT", global = true, hide = true, value_parser = peer)]
    peer: Vec<SocketAddr>,
    #[arg(long, global = true, hide = true)]
    remember: bool,
    #[arg(long, value_name = "IP[:PORT]", global = true, hide = true, value_parser = advertised)]
    advertise: Option<SocketAddr>,
    #[arg(long, value_name = "KEY=VALUE", global = true, hide = true, value_parser = header)]
    header: Vec<(String, String)>,
    #[arg(long, value_name = "MS", global = true, hide = true, value_parser = milliseconds)]
    interval: Option<Duration>,
    #[arg(long, value_name = "MS", global = true, hide = true, value_parser = milliseconds)]
    evasive: Option<Duration>,
    #[arg(long, value_name = "MS", global = true, hide = true, value_parser = milliseconds)]
    expired: Option<Duration>,
    #[arg(long, value_name = "SECS", global = true, hide = true, value_parser = seconds)]
    wait: Option<Duration>,
    #[arg(long, global = true, hide = true)]
    json: bool,
    #[arg(long, value_name = "WHEN", global = true, hide = true)]
    color: Option<Color>,
    #[arg(long, global = true, hide = true)]
    bell: bool,
    #[arg(short, long, global = true, hide = true, action = ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Who is on this network: a table, then exit.
    ///
    /// Waits until discovery has settled, at most --wait (5 seconds). Exit status: 0, or 3 if nobody
    /// is there.
    #[command(override_usage = "zchat peers [OPTIONS]", after_help = OTHERS)]
    Peers,
    /// Send a text to groups and peers, tell who has it, and exit.
    ///
    /// Without TEXT, each line of stdin is sent. Waits until discovery has settled, and for all who
    /// are named by --to, at most --wait (5 seconds). Exit status: 0; 1 if somebody who is named, or
    /// some line, was not reached; 3 if nobody was there.
    #[command(
        override_usage = "zchat send [OPTIONS] (--group GROUP | --to NAME)... [TEXT...]",
        after_help = OTHERS
    )]
    Send(Send),
    /// Watch in silence: prints the table of peers and groups again and again.
    ///
    /// Joins nothing and says nothing. Marks what has changed since the table before: + for new,
    /// - for gone, * for changed, and in what.
    #[command(override_usage = "zchat tracker [OPTIONS]", after_help = OTHERS)]
    Tracker(Tracker),
    /// Why do I not see anybody: checks this host and its networks, and says what to do.
    ///
    /// Looks at interfaces, ports, firewalls and who beacons, for --wait (3 seconds) or little more.
    /// Tries each --peer. As root it sees more. Exit status: 0, or 1 if something was found.
    #[command(override_usage = "zchat doctor [OPTIONS]", after_help = OTHERS)]
    Doctor,
}

impl Subcommands {
    const fn name(&self) -> &'static str {
        match self {
            Self::Peers => "peers",
            Self::Send(_) => "send",
            Self::Tracker(_) => "tracker",
            Self::Doctor => "doctor",
        }
    }
}

#[derive(Debug, Args)]
struct Send {
    /// A peer to send to; repeatable, and beside --group
    #[arg(long, value_name = "NAME", value_parser = recipient)]
    to: Vec<String>,
    /// The text; words are joined by spaces
    #[arg(value_name = "TEXT")]
    text: Vec<String>,
}

#[derive(Debug, Args)]
struct Tracker {
    /// How often, in seconds [default: 5]
    #[arg(long, value_name = "SECS", value_parser = every)]
    every: Option<Duration>,
}

impl Options {
    /// These, and where there are none, the others.
    fn or(self, other: Self) -> Self {
        Self {
            name: self.name.or(other.name),
            group: filled(self.group, other.group),
            interface: filled(self.interface, other.interface),
            port: self.port.or(other.port),
            bind_port: self.bind_port.or(other.bind_port),
            peer: filled(self.peer, other.peer),
            remember: self.remember || other.remember,
            advertise: self.advertise.or(other.advertise),
            header: filled(self.header, other.header),
            interval: self.interval.or(other.interval),
            evasive: self.evasive.or(other.evasive),
            expired: self.expired.or(other.expired),
            wait: self.wait.or(other.wait),
            json: self.json || other.json,
            color: self.color.or(other.color),
            bell: self.bell || other.bell,
            verbose: self.verbose.max(other.verbose),
        }
    }

    fn settings(self, task: Task) -> Result<Settings, clap::Error> {
        let evasive = self.evasive.unwrap_or(EVASIVE);
        let expired = self.expired.unwrap_or(EXPIRED);
        if expired <= evasive {
            return Err(wrong("--expired must be longer than --evasive"));
        }
        let mut headers = Headers::default();
        for (name, value) in &self.header {
            headers = headers.with(name, value).map_err(wrong)?;
        }
        let mut groups = self.group;
        if groups.is_empty() && task == Task::Chat {
            groups.push(GroupName::new(GROUP).map_err(wrong)?);
        }
        let wait = if task == Task::Doctor {
            crate::doctor::WAIT
        } else {
            WAIT
        };
        Ok(Settings {
            task,
            name: self.name.map_or_else(login_name, Ok)?,
            groups,
            interfaces: self.interface,
            port: self.port.unwrap_or(PORT),
            bind_port: self.bind_port,
            peers: self.peer,
            remember: self.remember,
            advertise: self.advertise,
            headers,
            interval: self.interval.unwrap_or(INTERVAL),
            evasive,
            expired,
            wait: self.wait.unwrap_or(wait),
            json: self.json,
            color: self.color.unwrap_or_default(),
            bell: self.bell,
            verbose: self.verbose,
        })
    }
}

fn filled<T>(given: Vec<T>, otherwise: Vec<T>) -> Vec<T> {
    if given.is_empty() { otherwise } else { given }
}

fn send(options: Options, given: Send, otherwise: Send) -> Result<Settings, clap::Error> {
    let to = filled(given.to, otherwise.to);
    if to.is_empty() && options.group.is_empty() {
        return Err(wrong_send(
            ErrorKind::MissingRequiredArgument,
            "nobody to send to: give --group GROUP or --to NAME",
        ));
    }
    let text = (!given.text.is_empty()).then(|| given.text.join(" "));
    match &text {
        Some(text) if text.trim().is_empty() => {
            return Err(wrong_send(ErrorKind::ValueValidation, "the text is empty"));
        }
        Some(text) if text.len() > TEXT_OCTETS => {
            let length = text.len();
            return Err(wrong_send(
                ErrorKind::ValueValidation,
                format!("the text is {length} octets long; at most {TEXT_OCTETS} are sent"),
            ));
        }
        _ => {}
    }
    options.settings(Task::Send { to, text })
}

/// The name of the user, as it is in front of the machine; that of the machine, for a user without.
fn login_name() -> Result<Name, clap::Error> {
    let login = whoami::username().or_else(|_| whoami::hostname());
    login
        .ok()
        .and_then(|login| Name::new(&login).ok())
        .ok_or_else(|| wrong("there is no login name to be known by: give --name NAME"))
}

fn wrong(why: impl std::fmt::Display) -> clap::Error {
    Arguments::command().error(ErrorKind::ValueValidation, why)
}

/// The same for `zchat send`, with its own usage.
fn wrong_send(kind: ErrorKind, why: impl std::fmt::Display) -> clap::Error {
    let mut command = Arguments::command();
    match command.find_subcommand_mut("send") {
        Some(send) => send.error(kind, why),
        None => command.error(kind, why),
    }
}

const GROUP: &str = "CHAT";
const PORT: u16 = 5_670;
const INTERVAL: Duration = Duration::from_secs(1);
const EVASIVE: Duration = Duration::from_secs(5);
const EXPIRED: Duration = Duration::from_secs(30);
const WAIT: Duration = Duration::from_secs(5);
const EVERY: Duration = Duration::from_secs(5);

/// What `--help` says: all of it, on one screen of 80 columns and 24 rows. A test holds it against
/// the options that there are.
const HELP: &str = "\
Group chat for the people and programs on one local network: no server.
For now, anyone on the network can read the text and forge a name.
Usage: zchat [OPTIONS]                  chat, in the terminal or through a pipe
       zchat peers                      who is on this network
       zchat send (--group G | --to NAME)... [TEXT...]       one text, and exit
       zchat tracker [--every SECS]     watch in silence who comes and goes
       zchat doctor                     why do I not see anybody
  -n, --name NAME        public name [the login name]
  -g, --group GROUP      group to join, repeatable; the first is current [CHAT]
  -i, --interface IFACE  name or IPv4 address, repeatable [every usable one]
  -p, --port PORT        UDP port of the beacons [5670]
      --bind-port PORT   TCP port of the mailbox [any free one from 49152 up]
      --peer IP:PORT     somebody to greet without a beacon, repeatable
      --remember         greet whoever was met before, and keep who is met now
      --advertise IP[:PORT]  where others reach the mailbox, through a NAT
      --header KEY=VALUE tell this to all peers, repeatable
      --interval MS      between two beacons [1000]
      --evasive, --expired MS  silence until asked [5000], and gone [30000]
      --wait SECS        for others to appear, and for delivery at the end [5]
      --json, --bell     JSON lines, not text; ring when named, or whispered to
      --color WHEN       auto, always or never [auto]
  -v, --verbose          more log on stderr
Each is a variable of the environment as well (ZCHAT_BIND_PORT); -V: the version
";

/// What is said below the help of a subcommand.
const OTHERS: &str =
    "The other options are those of zchat itself, wherever they stand: zchat --help";

#[cfg(test)]
mod tests;
