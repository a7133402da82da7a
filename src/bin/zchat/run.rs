//! From settings to a chat that runs: the node, the channel, and what feeds and shows it.

use std::error::Error;
use std::io::{self, BufWriter, IsTerminal, Write as _};
use std::net::SocketAddr;

use anstream::{AutoStream, ColorChoice};
use zchat::channel::Channel;
use zchat::chat::{Config, Exit, Form, HEADERS, Input, Purpose, Signal};
use zchat::node::Node;
use zchat::zre::GroupName;

use crate::cli::{Color, Settings, Task};
use crate::console::{Clock, Progress, Screen, Stream};
use crate::paint::Paint;
use crate::remembered::Remembered;
use crate::signals::Ending;
use crate::terminal::{Leave, Terminal, tty};
use crate::{logger, signals, stdin};

/// Does what is asked for; how it ended.
pub(crate) fn run(settings: &Settings) -> Result<Exit, Box<dyn Error>> {
    if settings.task == Task::Chat && !settings.json && has_screen() {
        in_terminal(settings)
    } else {
        in_stream(settings)
    }
}

/// Whether there is a terminal on which a row can be edited.
fn has_screen() -> bool {
    let is_dumb = std::env::var("TERM").is_ok_and(|term| term.is_empty() || term == "dumb");
    let is_known = std::env::var_os("TERM").is_some();
    io::stdin().is_terminal() && io::stdout().is_terminal() && is_known && !is_dumb
}

fn in_terminal(settings: &Settings) -> Result<Exit, Box<dyn Error>> {
    let (terminal, lines) = Terminal::new();
    logger::start(settings.verbose, Some(lines.clone()));
    let remembered = remembered(settings);
    let caught = signals::catch()?;
    let (node, config) = match start(settings, remembered.as_ref(), Form::Screen, Input::Typed) {
        Ok(started) => started,
        Err(error) => {
            for line in terminal.give_up() {
                let _nobody_reads_it = writeln!(io::stderr(), "{line}");
            }
            return Err(error);
        }
    };
    let paint = paint(settings.color);
    let console = Screen {
        lines,
        teller: terminal.teller(),
        paint,
        bell: settings.bell,
        clock: Clock::new(),
        remembered,
    };
    let teller = terminal.teller();
    let (pipe, task) = Channel::open(node, config, console)?.split();
    let end = Ending::new(task.control());
    signals::watch(caught, end.clone(), Progress::default(), Some(teller))?;
    let styled = paint != Paint::Plain;
    let running = terminal.run(pipe, task.control(), styled, move |leave| {
        end.signal(match leave {
            Leave::Interrupted => Signal::Interrupt,
            Leave::Gone => Signal::HangUp,
        });
    })?;
    let exit = task.wait();
    running.end();
    Ok(exit)
}

fn in_stream(settings: &Settings) -> Result<Exit, Box<dyn Error>> {
    logger::start(settings.verbose, None);
    let form = if settings.json {
        Form::Json
    } else {
        Form::Text
    };
    let typed = settings.task == Task::Chat && io::stdin().is_terminal();
    let input = if typed { Input::Typed } else { Input::Piped };
    let progress = Progress::default();
    let remembered = remembered(settings);
    let caught = signals::catch()?;
    let (node, config) = start(settings, remembered.as_ref(), form, input)?;
    let console = Stream {
        out: BufWriter::new(io::stdout()),
        paint: paint(settings.color),
        clock: Clock::new(),
        progress: progress.clone(),
        remembered,
    };
    let (lines, task) = Channel::open(node, config, console)?.split();
    signals::watch(caught, Ending::new(task.control()), progress, None)?;
    if io::stdout().is_terminal() {
        // Tables are read by a person here.
        task.control().width(tty::columns().into());
    }
    match &settings.task {
        Task::Chat | Task::Send { text: None, .. } => stdin::start(lines)?,
        Task::Send {
            text: Some(text), ..
        } => {
            lines.send(text.as_bytes())?;
            lines.end()?;
        }
        Task::Peers | Task::Tracker { .. } | Task::Doctor => {}
    }
    Ok(task.wait())
}

/// Starts the node, and says what the session is to know about it.
fn start(
    settings: &Settings,
    remembered: Option<&Remembered>,
    form: Form,
    input: Input,
) -> Result<(Node, Config), Box<dyn Error>> {
    let node = start_node(settings, remembered)?;
    let mut config = Config::new(settings.name.clone(), joined(settings).to_vec());
    config.endpoint = endpoint(&node);
    config.advertised = settings.advertise.map(|at| match at.port() {
        0 => SocketAddr::new(at.ip(), node.port()),
        _ => at,
    });
    config.headers = node.headers().clone();
    log::info!("the mailbox is {}", config.endpoint);
    config.form = form;
    config.input = input;
    config.wait = settings.wait;
    config.purpose = match &settings.task {
        Task::Chat => Purpose::Chat,
        // The doctor has no session.
        Task::Peers | Task::Doctor => Purpose::Watch { every: None },
        Task::Tracker { every } => Purpose::Watch {
            every: Some(*every),
        },
        Task::Send { to, .. } => Purpose::Send {
            groups: settings.groups.clone(),
            to: to.clone(),
        },
    };
    Ok((node, config))
}

/// The groups that the node joins: none, unless it is to chat.
fn joined(settings: &Settings) -> &[GroupName] {
    if settings.task == Task::Chat {
        &settings.groups
    } else {
        &[]
    }
}

/// Who was met before, if that is wanted.
fn remembered(settings: &Settings) -> Option<Remembered> {
    settings.remember.then(Remembered::of_user).flatten()
}

fn start_node(
    settings: &Settings,
    remembered: Option<&Remembered>,
) -> Result<Node, Box<dyn Error>> {
    let mut builder = Node::builder(settings.name.clone())
        .headers(settings.headers.clone())
        .beacon_port(settings.port)
        .interval(settings.interval)
        .evasive(settings.evasive)
        .expired(settings.expired);
    // Also for whoever only looks on: zchats tell their own kind why they are away.
    for (name, value) in HEADERS {
        builder = builder.header(name, value)?;
    }
    for interface in &settings.interfaces {
        builder = builder.interface(interface);
    }
    for peer in &settings.peers {
        builder = builder.peer(*peer);
    }
    for place in remembered.map(Remembered::places).unwrap_or_default() {
        builder = builder.peer(place);
    }
    for group in joined(settings) {
        builder = builder.group(group.clone());
    }
    if let Some(mailbox) = settings.advertise {
        builder = builder.advertise(mailbox);
    }
    if let Some(port) = settings.bind_port {
        builder = builder.mailbox_port(port);
    }
    Ok(builder.start()?)
}

/// Where the node is reached, for people to read: at the first of its addresses.
fn endpoint(node: &Node) -> String {
    node.endpoints().next().map_or_else(
        || format!("tcp://*:{}", node.port()),
        |address| format!("tcp://{address}"),
    )
}

/// Which colours to use on stdout.
fn paint(color: Color) -> Paint {
    let choice = match color {
        Color::Auto => AutoStream::choice(&io::stdout()),
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    };
    if choice == ColorChoice::Never {
        return Paint::Plain;
    }
    let term = std::env::var("TERM").unwrap_or_default();
    Paint::of_terminal(&term, std::env::var("COLORTERM").ok().as_deref())
}
