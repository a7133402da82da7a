//! The commands of the chat: one table ([`COMMANDS`]) for the parser (`parse`), for `/help`, for
//! completion and for the manual.

use std::net::SocketAddr;

use super::parse::Words;

/// A command, as people read about it.
#[derive(Debug)]
#[non_exhaustive]
pub struct CommandInfo {
    /// What it is called, with its slash.
    pub name: &'static str,
    /// What else it is called.
    pub also: &'static [&'static str],
    /// How it is written.
    pub usage: &'static str,
    /// What it does, in a few words.
    pub brief: &'static str,
    /// What it does.
    pub help: &'static str,
    /// What it is given, in order; completion offers these.
    pub arguments: &'static [Argument],
    pub(super) build: fn(&mut Words<'_>) -> Option<Command>,
}

/// What a command is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Argument {
    /// A command.
    Command,
    /// The name of a peer, in double quotes where it has spaces.
    Peer,
    /// The name of a peer that is ignored.
    Ignored,
    /// A group that somebody is in.
    Group,
    /// A group that we are in.
    OwnGroup,
    /// Whatever follows, as it is.
    Text,
    /// Something that cannot be completed: a name of one's own, an address, a port.
    Other,
}

/// A command that was typed, its words understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    Help { command: Option<String> },
    Msg { name: String, text: String },
    All { text: String },
    Me { text: String },
    Join { group: String, create: bool },
    Leave { group: Option<String> },
    Switch { group: String },
    Groups,
    List,
    Names { group: Option<String> },
    Whois { name: String },
    Search { text: String },
    Rename { name: String },
    Add { address: SocketAddr },
    Delete { address: SocketAddr },
    Query { target: Target },
    Select { target: Target },
    Chat { name: String },
    Accept { name: Option<String> },
    Reject { name: Option<String> },
    End,
    Away { text: String },
    Back,
    Clear,
    Ignore { name: Option<String> },
    Unignore { name: String },
    Quit { text: Option<String> },
}

/// A peer, by its name or by where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Name(String),
    Address(SocketAddr),
}

/// All commands, in the order in which people read about them.
pub static COMMANDS: &[CommandInfo] = &[
    CommandInfo {
        name: "/help",
        also: &["/?"],
        usage: "/help [COMMAND]",
        brief: "this table, or more about one command",
        help: "tell what there is, or about one command",
        arguments: &[Argument::Command],
        build: |words| {
            Some(Command::Help {
                command: words.last_optional()?,
            })
        },
    },
    CommandInfo {
        name: "/msg",
        also: &["/whisper", "/w"],
        usage: "/msg NAME TEXT",
        brief: "say something to one peer alone",
        help: "say something to one peer alone",
        arguments: &[Argument::Peer, Argument::Text],
        build: |words| {
            Some(Command::Msg {
                name: words.next()?,
                text: words.text()?,
            })
        },
    },
    CommandInfo {
        name: "/all",
        also: &[],
        usage: "/all TEXT",
        brief: "say something to all who are connected",
        help: "say something to every connected peer, whatever its groups",
        arguments: &[Argument::Text],
        build: |words| {
            Some(Command::All {
                text: words.text()?,
            })
        },
    },
    CommandInfo {
        name: "/me",
        also: &[],
        usage: "/me TEXT",
        brief: "say what you do: /me waves",
        help: "say what you do: \"/me waves\"",
        arguments: &[Argument::Text],
        build: |words| {
            Some(Command::Me {
                text: words.text()?,
            })
        },
    },
    CommandInfo {
        name: "/join",
        also: &[],
        usage: "/join GROUP",
        brief: "join a group and make it current",
        help: "join a group and make it the current one",
        arguments: &[Argument::Group],
        build: |words| {
            Some(Command::Join {
                group: words.last()?,
                create: false,
            })
        },
    },
    CommandInfo {
        name: "/create",
        also: &[],
        usage: "/create GROUP",
        brief: "the same; tells whether it exists already",
        help: "the same, and tell whether the group exists already",
        arguments: &[Argument::Other],
        build: |words| {
            Some(Command::Join {
                group: words.last()?,
                create: true,
            })
        },
    },
    CommandInfo {
        name: "/leave",
        also: &["/part"],
        usage: "/leave [GROUP]",
        brief: "leave a group, or the current one",
        help: "leave a group, or the current one",
        arguments: &[Argument::OwnGroup],
        build: |words| {
            Some(Command::Leave {
                group: words.last_optional()?,
            })
        },
    },
    CommandInfo {
        name: "/switch",
        also: &[],
        usage: "/switch GROUP",
        brief: "make another joined group current",
        help: "make another joined group the current one",
        arguments: &[Argument::OwnGroup],
        build: |words| {
            Some(Command::Switch {
                group: words.last()?,
            })
        },
    },
    CommandInfo {
        name: "/groups",
        also: &["/rooms"],
        usage: "/groups",
        brief: "all groups, with who is in them",
        help: "list all groups, with who is in them",
        arguments: &[],
        build: |words| words.end().then_some(Command::Groups),
    },
    CommandInfo {
        name: "/list",
        also: &["/peers", "/who"],
        usage: "/list",
        brief: "everybody who is connected",
        help: "list everybody connected: name, id, address, groups, since when",
        arguments: &[],
        build: |words| words.end().then_some(Command::List),
    },
    CommandInfo {
        name: "/names",
        also: &[],
        usage: "/names [GROUP]",
        brief: "who is in a group, or in the current one",
        help: "list who is in a group, or in the current one",
        arguments: &[Argument::Group],
        build: |words| {
            Some(Command::Names {
                group: words.last_optional()?,
            })
        },
    },
    CommandInfo {
        name: "/whois",
        also: &[],
        usage: "/whois NAME",
        brief: "all about a peer, and the round trip to it",
        help: "tell all about a peer, and measure the round trip to it",
        arguments: &[Argument::Peer],
        build: |words| {
            Some(Command::Whois {
                name: words.last()?,
            })
        },
    },
    CommandInfo {
        name: "/search",
        also: &[],
        usage: "/search TEXT",
        brief: "peers whose name contains TEXT",
        help: "list peers whose name contains TEXT",
        arguments: &[Argument::Text],
        build: |words| {
            Some(Command::Search {
                text: words.text()?,
            })
        },
    },
    CommandInfo {
        name: "/rename",
        also: &["/nick"],
        usage: "/rename NAME",
        brief: "take another public name",
        help: "take another public name",
        arguments: &[Argument::Other],
        build: |words| {
            Some(Command::Rename {
                name: words.last()?,
            })
        },
    },
    CommandInfo {
        name: "/add",
        also: &[],
        usage: "/add IP PORT",
        brief: "greet a peer that beacons do not reach",
        help: "greet a peer that beacons do not reach",
        arguments: &[Argument::Other, Argument::Other],
        build: |words| {
            Some(Command::Add {
                address: words.address()?,
            })
        },
    },
    CommandInfo {
        name: "/delete",
        also: &[],
        usage: "/delete IP PORT",
        brief: "disconnect a peer, and stay away from it",
        help: "disconnect the peer there, and stay away from it until it is added again",
        arguments: &[Argument::Other, Argument::Other],
        build: |words| {
            Some(Command::Delete {
                address: words.address()?,
            })
        },
    },
    CommandInfo {
        name: "/query",
        also: &[],
        usage: "/query NAME, or /query IP PORT",
        brief: "is it connected? also: /query IP PORT",
        help: "tell whether this very peer is connected, and since when",
        arguments: &[Argument::Peer],
        build: |words| {
            Some(Command::Query {
                target: words.target()?,
            })
        },
    },
    CommandInfo {
        name: "/select",
        also: &[],
        usage: "/select NAME, or /select IP PORT",
        brief: "ask for its list; also: /select IP PORT",
        help: "ask that peer for its own list of peers",
        arguments: &[Argument::Peer],
        build: |words| {
            Some(Command::Select {
                target: words.target()?,
            })
        },
    },
    CommandInfo {
        name: "/chat",
        also: &[],
        usage: "/chat NAME",
        brief: "ask for a private chat",
        help: "ask for a private chat; the other side answers by /ok or /reject",
        arguments: &[Argument::Peer],
        build: |words| {
            Some(Command::Chat {
                name: words.last()?,
            })
        },
    },
    CommandInfo {
        name: "/ok",
        also: &[],
        usage: "/ok [NAME]",
        brief: "accept a private chat",
        help: "accept the private chat that a peer asked for",
        arguments: &[Argument::Peer],
        build: |words| {
            Some(Command::Accept {
                name: words.last_optional()?,
            })
        },
    },
    CommandInfo {
        name: "/reject",
        also: &[],
        usage: "/reject [NAME]",
        brief: "do not accept it",
        help: "do not accept it",
        arguments: &[Argument::Peer],
        build: |words| {
            Some(Command::Reject {
                name: words.last_optional()?,
            })
        },
    },
    CommandInfo {
        name: "/end",
        also: &[],
        usage: "/end",
        brief: "end it, or take back the request",
        help: "end the private chat, or take back the request for one",
        arguments: &[],
        build: |words| words.end().then_some(Command::End),
    },
    CommandInfo {
        name: "/away",
        also: &[],
        usage: "/away [TEXT]",
        brief: "show that you are away",
        help: "show the others that you are away, and why",
        arguments: &[Argument::Text],
        build: |words| {
            Some(Command::Away {
                text: words.text().unwrap_or_default(),
            })
        },
    },
    CommandInfo {
        name: "/back",
        also: &[],
        usage: "/back",
        brief: "show that you are back",
        help: "show the others that you are back",
        arguments: &[],
        build: |words| words.end().then_some(Command::Back),
    },
    CommandInfo {
        name: "/ignore",
        also: &[],
        usage: "/ignore [NAME]",
        brief: "show nothing of what a peer says",
        help: "show nothing of what a peer says; it is not told; alone, list whom you ignore",
        arguments: &[Argument::Peer],
        build: |words| {
            Some(Command::Ignore {
                name: words.last_optional()?,
            })
        },
    },
    CommandInfo {
        name: "/unignore",
        also: &[],
        usage: "/unignore NAME",
        brief: "show it again",
        help: "show it again",
        arguments: &[Argument::Ignored],
        build: |words| {
            Some(Command::Unignore {
                name: words.last()?,
            })
        },
    },
    CommandInfo {
        name: "/clear",
        also: &[],
        usage: "/clear",
        brief: "clear the screen",
        help: "clear the screen; what was on it is in the scrollback of the terminal",
        arguments: &[],
        build: |words| words.end().then_some(Command::Clear),
    },
    CommandInfo {
        name: "/quit",
        also: &["/exit"],
        usage: "/quit [TEXT]",
        brief: "leave, after saying TEXT; so does $$STOP",
        help: "leave, after saying TEXT where text goes; a line $$STOP leaves too",
        arguments: &[Argument::Text],
        build: |words| Some(Command::Quit { text: words.text() }),
    },
];

/// The command of this name, with or without its slash.
pub(crate) fn find(name: &str) -> Option<&'static CommandInfo> {
    let bare = name.strip_prefix('/').unwrap_or(name);
    let is = |known: &&str| known.strip_prefix('/').is_some_and(|known| known == bare);
    COMMANDS
        .iter()
        .find(|info| is(&info.name) || info.also.iter().any(&is))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usage_line_begins_with_the_name_of_its_command() {
        for info in COMMANDS {
            assert!(info.usage.starts_with(info.name), "{}", info.usage);
        }
    }

    #[test]
    fn no_name_stands_twice() {
        let mut names: Vec<&str> = COMMANDS
            .iter()
            .flat_map(|info| [info.name].into_iter().chain(info.also.iter().copied()))
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
