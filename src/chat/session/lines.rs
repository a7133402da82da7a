//! What is typed or piped in: text to say, commands to carry out, errors to tell.

use super::Session;
use crate::chat::command::{self, COMMANDS, Command, Target};
use crate::chat::item::Item;
use crate::chat::naming::Unresolved;
use crate::chat::parse::{Typed, Wrong, parse};
use crate::chat::render::written;
use crate::chat::{Input, Purpose, Stamp, sanitize};
use crate::zre::{GroupName, PeerId};

impl Session {
    /// Takes a line: handles it, or holds it until discovery has settled.
    pub(super) fn take_line(&mut self, line: &str) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() {
            return;
        }
        let settles = !self.settle.is_settled() && self.waits_for_receiver(line);
        let waits = settles || self.waits_for_answer(line);
        self.held = waits.then(|| line.to_owned());
        if !waits {
            self.handle(line);
        }
    }

    /// Handles the line that was held, if discovery has settled.
    pub(super) fn release_line(&mut self) {
        let Some(line) = self.held.take() else {
            return;
        };
        let receiver = self.receiver_is_known(&line);
        if self.settle.has_settled(self.now, receiver) && !self.waits_for_answer(&line) {
            self.handle(&line);
        } else {
            self.held = Some(line);
        }
    }

    /// Whether somebody who is to receive this line is known.
    pub(super) fn receiver_is_known(&self, line: &str) -> bool {
        if let Purpose::Send { groups, to } = &self.purpose {
            return groups
                .iter()
                .all(|group| self.people.member_count(group) > 0)
                && to.iter().all(|name| self.is_decided(name));
        }
        match parse(line) {
            Typed::Text(_) | Typed::Command(Command::Me { .. }) => {
                let members = |group| self.people.member_count(group) > 0;
                self.private.partner().is_some() || self.current.as_ref().is_some_and(members)
            }
            Typed::Command(
                Command::Msg { name, .. }
                | Command::Chat { name }
                | Command::Ignore { name: Some(name) }
                | Command::Query {
                    target: Target::Name(name),
                }
                | Command::Select {
                    target: Target::Name(name),
                },
            ) => self.is_decided(&name),
            Typed::Command(Command::Whois { name }) => self.is_decided(&name) || self.is_us(&name),
            Typed::Command(
                Command::Query {
                    target: Target::Address(address),
                }
                | Command::Select {
                    target: Target::Address(address),
                },
            ) => self.people.at(address).is_some(),
            Typed::Command(_) | Typed::Wrong(_) => self.people.count() > 0,
        }
    }

    /// Whether waiting cannot help any more to know whose name this is.
    fn is_decided(&self, name: &str) -> bool {
        matches!(
            self.people.resolve(name),
            Ok(_) | Err(Unresolved::Ambiguous { .. })
        )
    }

    /// Whether a line has something to say to others.
    pub(super) fn says(&self, line: &str) -> bool {
        let is_said = |command| {
            matches!(
                command,
                Command::Me { .. } | Command::Msg { .. } | Command::All { .. }
            )
        };
        self.purpose != Purpose::Chat
            || match parse(line) {
                Typed::Text(_) => true,
                Typed::Command(command) => is_said(command),
                Typed::Wrong(_) => false,
            }
    }

    /// Whether a line is about others, so that it waits until they are known.
    fn waits_for_receiver(&self, line: &str) -> bool {
        if self.purpose != Purpose::Chat {
            return true;
        }
        match parse(line) {
            Typed::Text(_) => true,
            Typed::Wrong(_) => false,
            Typed::Command(command) => !matches!(
                command,
                Command::Help { .. }
                    | Command::Join { .. }
                    | Command::Leave { .. }
                    | Command::Switch { .. }
                    | Command::Rename { .. }
                    | Command::Add { .. }
                    | Command::Delete { .. }
                    | Command::Away { .. }
                    | Command::Back
                    | Command::Clear
                    | Command::Ignore { name: None }
                    | Command::End
                    | Command::Quit { text: None }
            ),
        }
    }

    fn handle(&mut self, line: &str) {
        if self.purpose != Purpose::Chat {
            self.send_to_all_named(line);
            return;
        }
        if self.is_astray(line) {
            // Whoever wants to leave does, whatever becomes of his last word.
            if matches!(parse(line), Typed::Command(Command::Quit { .. })) {
                self.end_input();
            }
            return;
        }
        match parse(line) {
            Typed::Text(text) => self.say(text, false),
            Typed::Command(command) => self.carry_out(command),
            Typed::Wrong(Wrong::Usage { usage, hint: None }) => {
                self.refuse(&format!("usage: {usage}"));
            }
            Typed::Wrong(Wrong::Usage {
                usage,
                hint: Some(hint),
            }) => {
                let hint = sanitize::name(&hint);
                self.refuse(&format!("usage: {usage}; {hint}"));
            }
            Typed::Wrong(Wrong::Unknown { name, near }) => {
                let name = sanitize::label(name);
                self.refuse(&match near {
                    Some(usage) => format!("there is no {name}; did you mean: {usage}"),
                    None => format!("there is no {name}; usage: /help [COMMAND]"),
                });
            }
        }
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Help { command } => self.help(command.as_deref()),
            Command::Msg { name, text } => self.whisper_to(&name, &text),
            Command::All { text } => self.say_to_everybody(&text),
            Command::Me { text } => self.say(&text, true),
            Command::Join { group, create } => self.join(&group, create),
            Command::Leave { group } => self.leave(group.as_deref()),
            Command::Switch { group } => self.switch(&group),
            Command::Groups => self.list_groups(),
            Command::List => self.list_peers(),
            Command::Names { group } => self.list_members(group.as_deref()),
            Command::Whois { name } => self.whois(&name),
            Command::Search { text } => self.search(&text),
            Command::Rename { name } => self.rename(&name),
            Command::Add { address } => self.add(address),
            Command::Delete { address } => self.delete(address),
            Command::Query { target } => self.query(&target),
            Command::Select { target } => self.select(&target),
            Command::Chat { name } => self.ask_for_chat(&name),
            Command::Accept { name } => self.answer_chat(name.as_deref(), true),
            Command::Reject { name } => self.answer_chat(name.as_deref(), false),
            Command::End => self.end_chat(),
            Command::Away { text } => self.go_away(text),
            Command::Back => self.come_back(),
            Command::Clear => self.clear(),
            Command::Ignore { name: Some(name) } => self.ignore(&name),
            Command::Ignore { name: None } => self.list_ignored(),
            Command::Unignore { name } => self.unignore(&name),
            Command::Quit { text } => {
                if let Some(text) = text {
                    self.say(&text, false);
                }
                self.end_input();
            }
        }
    }

    /// Tells that a line was wrong, and why.
    pub(super) fn refuse(&mut self, why: &str) {
        self.tally.wrong += 1;
        self.decline(why);
    }

    /// Tells that a line was not carried out, and why, where nothing is wrong with the line itself.
    pub(super) fn decline(&mut self, why: &str) {
        let text = match self.input {
            Input::Piped => format!("line {}: {why}", self.lines),
            Input::Typed => why.to_owned(),
        };
        self.show(Item::Error(text));
    }

    /// Tells that something that was asked for did not come about.
    pub(super) fn fail(&mut self, why: String) {
        self.tally.wrong += 1;
        self.show(Item::Error(why));
    }

    /// The peer of this name; if there is none, tells why not.
    pub(super) fn peer_named(&mut self, name: &str) -> Option<PeerId> {
        let unresolved = match self.people.resolve(name) {
            Ok(peer) => return Some(peer),
            Err(unresolved) => unresolved,
        };
        self.tally.named_missing = true;
        self.tally.wrong += u64::from(unresolved == Unresolved::Ourselves);
        let why = unresolved_in_words(name, unresolved, self.wall);
        self.decline(&why);
        None
    }

    /// A group of this name; if there can be none, tells why not.
    pub(super) fn group_named(&mut self, name: &str) -> Option<GroupName> {
        match GroupName::new(name) {
            Ok(group) => Some(group),
            Err(error) => {
                self.refuse(&error.to_string());
                None
            }
        }
    }

    fn help(&mut self, command: Option<&str>) {
        let Some(name) = command else {
            let rows = COMMANDS.iter().map(|info| {
                let usage = info.usage.split(", or ").next().unwrap_or_default();
                [
                    usage.to_owned(),
                    info.also.join(", "),
                    info.brief.to_owned(),
                ]
                .to_vec()
            });
            let text = ["TEXT", "", "say it to the current group; //x says /x"];
            let text = text.map(str::to_owned).to_vec();
            self.show(Item::Rows(rows.chain([text]).collect()));
            return;
        };
        let Some(info) = command::find(name) else {
            let name = sanitize::label(name);
            self.refuse(&format!("there is no command {name}; /help lists them"));
            return;
        };
        let mut rows = vec![vec![format!("{}: {}", info.usage, info.help)]];
        if !info.also.is_empty() {
            rows.push(vec![format!("also: {}", info.also.join(", "))]);
        }
        self.show(Item::Rows(rows));
    }
}

/// Why a name is not that of a peer, in words.
pub(super) fn unresolved_in_words(name: &str, unresolved: Unresolved, today: Stamp) -> String {
    let name = sanitize::label(name);
    match unresolved {
        Unresolved::Gone { since } => format!("{name} is gone since {}", since.brief(today)),
        Unresolved::Ourselves => format!("{name} is your own name"),
        Unresolved::Ambiguous {
            candidates,
            more: 0,
        } => {
            format!("{name} is ambiguous: {}", written(&candidates, ", "))
        }
        Unresolved::Ambiguous { candidates, more } => {
            format!(
                "{name} is ambiguous: {} and {more} more",
                written(&candidates, ", ")
            )
        }
        Unresolved::Unknown { near } if near.is_empty() => format!("no peer is named {name}"),
        Unresolved::Unknown { near } => {
            format!(
                "no peer is named {name}; did you mean {}?",
                written(&near, " or ")
            )
        }
    }
}
