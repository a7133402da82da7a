//! What chats show to people: what was said, all of it, once, to those for whom it was meant, and nothing
//! else; arrivals and departures that balance; private chats that both sides wanted and agree about; an
//! end that tells the truth.
//!
//! A checker knows what was typed, what the session was told, and what a reader understands of its
//! lines; it never looks into a session.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::content::token;
use super::{Check, Verdict, Violation};
use crate::sim::time::Time;
use crate::zre::{Action, Content, Event, ExitReason, GroupName, PeerId, UndeliveredReason};

/// How long a peer that was lost may take to come back before that is told (`src/chat/merge.rs`).
const FLAP: Duration = Duration::from_secs(2);

/// A peer, as a chat names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sim) enum Someone {
    Id(PeerId),
    Name(String),
}

/// Something that a chat has shown, as its reader understands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sim) enum Shown {
    /// Somebody else said something. What was not UTF-8 has no text.
    Said {
        who: Someone,
        way: Way,
        text: String,
    },
    /// Somebody is here, and was not before.
    Here(Someone),
    /// Some are in a group that was joined, so many as are named.
    With(Vec<Someone>),
    Gone(Someone),
    Undelivered(Someone),
    /// Somebody asks for a private chat; it begins; it has ended, or a request for one has.
    Asks(Someone),
    Begins(Someone),
    Ends(Someone),
    /// This chat asks for one; the other side does not want it, or says nothing.
    Asking(Someone),
    Declined(Someone),
    /// A line was refused, or something did not arrive.
    Error,
    /// Something that a terminal would obey.
    Raw(String),
}

/// To whom something was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sim) enum Way {
    Group(String),
    Us,
    All,
}

/// For whom a line was meant that somebody typed, by what he saw then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sim) enum Meant {
    /// The members of this group, or of the one that text goes to.
    Group(Option<GroupName>),
    /// One peer alone.
    One(Someone),
    All,
}

/// A text that somebody typed.
#[derive(Debug, Clone)]
pub(in crate::sim) struct Utterance {
    pub(in crate::sim) meant: Meant,
    pub(in crate::sim) text: String,
}

/// How a chat is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim) struct Manner {
    /// Lines are written by a program, so that the exit status tells about them.
    pub(in crate::sim) is_piped: bool,
    /// All is reported, and nothing made safe.
    pub(in crate::sim) is_json: bool,
}

/// How a chat ended, as far as its status says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim) enum End {
    Done,
    Failed,
    Signal,
}

/// What is known of a chat.
#[derive(Debug)]
pub(super) struct Screen {
    manner: Manner,
    said: BTreeMap<u64, Utterance>,
    /// Its groups, and those of the peers of which it was told.
    own: BTreeSet<GroupName>,
    groups: BTreeMap<usize, BTreeSet<GroupName>>,
    /// Who was said to be here, and not to be gone.
    announced: BTreeSet<usize>,
    /// Of them, who may be gone without a word, since it shared no group, and since when others are lost.
    unsaid: BTreeSet<usize>,
    lost: BTreeMap<usize, Time>,
    /// Somebody was named whom the checker does not know by that: what balances is not known.
    is_vague: bool,
    ignored: BTreeSet<usize>,
    /// Who was sent something that was typed.
    addressed: BTreeSet<usize>,
    /// With whom it wanted a private chat at some time, and with whom it believes to be in one.
    wanted: BTreeSet<usize>,
    talk: Option<usize>,
    errors: u64,
    is_over: bool,
    /// Which contents it has sent, to whom, by what their frames come to.
    pub(super) contents: BTreeMap<(u64, Option<usize>), u64>,
}

impl Screen {
    pub(super) const fn new(manner: Manner) -> Self {
        Self {
            manner,
            said: BTreeMap::new(),
            own: BTreeSet::new(),
            groups: BTreeMap::new(),
            announced: BTreeSet::new(),
            unsaid: BTreeSet::new(),
            lost: BTreeMap::new(),
            is_vague: false,
            ignored: BTreeSet::new(),
            addressed: BTreeSet::new(),
            wanted: BTreeSet::new(),
            talk: None,
            errors: 0,
            is_over: false,
            contents: BTreeMap::new(),
        }
    }

    fn shares_group(&self, peer: usize) -> bool {
        let groups = self.groups.get(&peer);
        groups.is_some_and(|groups| !groups.is_disjoint(&self.own))
    }

    /// The chat was told something: what follows from it for what it may show.
    fn fold(&mut self, now: Time, peer: usize, event: &Event) {
        match event {
            Event::Enter { .. } => {
                self.groups.insert(peer, BTreeSet::new());
                let lost = self.lost.remove(&peer);
                if lost.is_some_and(|at| now.since(at) > FLAP) {
                    self.unsaid.insert(peer);
                }
            }
            Event::Join { group, .. } => {
                self.groups.entry(peer).or_default().insert(group.clone());
            }
            Event::Leave { group, .. } => {
                self.groups.entry(peer).or_default().remove(group);
            }
            Event::Exit { reason, .. } => {
                if matches!(reason, ExitReason::Gap | ExitReason::Overflow) {
                    self.lost.insert(peer, now);
                } else if !self.shares_group(peer) {
                    self.unsaid.insert(peer);
                }
                self.groups.remove(&peer);
            }
            _ => {}
        }
    }
}

impl Check {
    fn screen(&mut self, number: usize) -> Option<&mut Screen> {
        self.known(number).screen.as_deref_mut()
    }

    /// Whether a process is a chat.
    pub(super) fn is_chat(&self, number: usize) -> bool {
        let known = self.processes.get(number);
        known.is_some_and(|known| known.screen.is_some())
    }

    /// A process that was born is a chat, in these groups.
    pub(in crate::sim) fn chat_begins(
        &mut self,
        number: usize,
        manner: Manner,
        groups: impl IntoIterator<Item = GroupName>,
    ) {
        let mut screen = Screen::new(manner);
        screen.own.extend(groups);
        self.known(number).screen = Some(Box::new(screen));
    }

    /// Somebody types a text, the so-many-th of this process.
    pub(in crate::sim) fn chat_says(&mut self, number: usize, count: u64, utterance: Utterance) {
        if let Some(screen) = self.screen(number) {
            screen.said.insert(count, utterance);
        }
    }

    /// Somebody wants a private chat: asks for it, or accepts one.
    pub(in crate::sim) fn chat_wants(&mut self, number: usize, with: &Someone) {
        if let (Some(peer), Some(screen)) = (self.someone(with), self.screen(number)) {
            screen.wanted.insert(peer);
        }
    }

    /// Somebody ignores a peer, or does not any more.
    pub(in crate::sim) fn chat_ignores(&mut self, number: usize, peer: PeerId, ignores: bool) {
        let peer = self.by_peer.get(&peer).copied();
        if let (Some(peer), Some(screen)) = (peer, self.screen(number)) {
            if ignores {
                screen.ignored.insert(peer);
            } else {
                screen.ignored.remove(&peer);
            }
        }
    }

    /// Which process somebody is. Names begin with a word and the number of the process.
    fn someone(&self, someone: &Someone) -> Option<usize> {
        match someone {
            Someone::Id(peer) => self.by_peer.get(peer).copied(),
            Someone::Name(name) => {
                let digits = name
                    .strip_prefix("zyre ")
                    .or_else(|| name.strip_prefix("pÿre "));
                let digits = digits.or_else(|| name.strip_prefix('p'))?;
                let end = digits.find(|it: char| !it.is_ascii_digit());
                let number = digits.get(..end.unwrap_or(digits.len()))?.parse().ok()?;
                (number < self.processes.len()).then_some(number)
            }
        }
    }

    /// A chat wants something of its node. What was typed goes to those for whom it was meant.
    pub(in crate::sim) fn chat_acts(&mut self, number: usize, action: &Action) {
        let content = match action {
            Action::Whisper { content, .. } | Action::Shout { content, .. } => content,
            Action::Join(group) => {
                if let Some(screen) = self.screen(number) {
                    screen.own.insert(group.clone());
                }
                return;
            }
            Action::Leave(group) => {
                if let Some(screen) = self.screen(number) {
                    screen.own.remove(group);
                }
                return;
            }
            _ => return,
        };
        let Some((_, count)) = text_of(content).and_then(token) else {
            return;
        };
        let peer = match action {
            Action::Whisper { peer, .. } => self.by_peer.get(peer).copied(),
            _ => None,
        };
        let meant = self.processes.get(number).and_then(|known| {
            let utterance = known.screen.as_deref()?.said.get(&count)?;
            Some(utterance.meant.clone())
        });
        let is_right = match (&meant, action) {
            (Some(Meant::Group(None)), Action::Shout { .. }) => true,
            (Some(Meant::Group(Some(meant))), Action::Shout { group, .. }) => meant == group,
            (Some(Meant::One(someone)), Action::Whisper { .. }) => {
                self.someone(someone).is_none_or(|it| Some(it) == peer)
            }
            (Some(Meant::All), Action::Whisper { .. }) => true,
            _ => false,
        };
        if !is_right {
            self.fail(Violation::Astray {
                by: number,
                content: count,
            });
        }
        if let Some(screen) = self.screen(number) {
            match action {
                Action::Shout { group, .. } => {
                    let members = screen
                        .groups
                        .iter()
                        .filter(|(_, groups)| groups.contains(group));
                    screen.addressed.extend(members.map(|(peer, _)| *peer));
                }
                _ => screen.addressed.extend(peer),
            }
        }
    }

    /// A chat was told something, and has shown this.
    pub(in crate::sim) fn chat_was_told(
        &mut self,
        now: Time,
        told: usize,
        event: &Event,
        shown: &[Shown],
    ) {
        if !self.is_on {
            return;
        }
        let about = match event {
            Event::Enter { peer, .. }
            | Event::Exit { peer, .. }
            | Event::Join { peer, .. }
            | Event::Leave { peer, .. } => Some(*peer),
            _ => None,
        };
        let about = about.and_then(|peer| self.by_peer.get(&peer).copied());
        if let (Some(peer), Some(screen)) = (about, self.screen(told)) {
            screen.fold(now, peer, event);
        }
        let verdict = match event {
            Event::Whisper { origin, content } => {
                self.is_shown(now, (told, origin.peer), None, content, shown)
            }
            Event::Shout {
                origin,
                group,
                content,
            } => self.is_shown(now, (told, origin.peer), Some(group), content, shown),
            Event::Undelivered { peer, reason, .. } => self.is_told(told, *peer, *reason, shown),
            _ => nothing_said(told, shown),
        };
        if let Err(violation) = verdict {
            self.fail(violation);
        }
        self.look_at(now, told, shown);
    }

    /// A chat has shown something without being told anything, or after what was typed.
    pub(in crate::sim) fn chat_shows(&mut self, now: Time, by: usize, shown: &[Shown]) {
        if let Err(violation) = nothing_said(by, shown) {
            self.fail(violation);
        }
        self.look_at(now, by, shown);
    }

    /// What was said is shown, once, as it was said; what an ignored peer says, and what has no text,
    /// is not.
    fn is_shown(
        &self,
        now: Time,
        (told, peer): (usize, PeerId),
        group: Option<&GroupName>,
        content: &Content,
        shown: &[Shown],
    ) -> Verdict {
        let Some(screen) = self.processes.get(told).and_then(|it| it.screen.as_deref()) else {
            return Ok(());
        };
        let Some(&from) = self.by_peer.get(&peer) else {
            return Ok(());
        };
        let text = text_of(content).filter(|text| !text.is_empty());
        let Some((sender, count)) = text.and_then(token) else {
            return nothing_said(told, shown);
        };
        let falsely = Err(Violation::Misshown {
            by: told,
            peer: from,
            content: count,
        });
        let mut lines = shown.iter().filter_map(|it| match it {
            Shown::Said { who, way, text } => Some((who, way, text)),
            _ => None,
        });
        let (line, another) = (lines.next(), lines.next());
        let hides = screen.is_over || screen.ignored.contains(&from);
        let (Some((who, way, line)), false) = (line, hides) else {
            return if line.is_none() == hides {
                Ok(())
            } else {
                falsely
            };
        };
        let sent = self
            .processes
            .get(sender)
            .and_then(|it| it.screen.as_deref());
        let utterance = sent.and_then(|screen| screen.said.get(&count));
        let said = utterance.map_or_else(|| text.unwrap_or_default(), |it| it.text.as_str());
        let said = if screen.manner.is_json {
            said.into()
        } else {
            crate::chat::harmless(said)
        };
        let is_to_all = utterance.is_some_and(|it| it.meant == Meant::All);
        let expected = match group {
            Some(group) => Way::Group(group.to_string()),
            None if is_to_all => Way::All,
            None => Way::Us,
        };
        let is_whole = line.strip_prefix(&*said).is_some_and(|rest| {
            rest.is_empty() || content.frames().count() > 1 && rest.starts_with(" (and ")
        });
        let is_by = self.someone(who).is_none_or(|it| it == from);
        // What was meant for another one may have no second frame, and is shown as it came.
        let is_right = is_whole && is_by && *way == expected || self.is_excused(now, told, from);
        if another.is_none() && is_right {
            Ok(())
        } else {
            falsely
        }
    }

    /// Who has typed something to a peer is told that it did not arrive.
    fn is_told(
        &self,
        told: usize,
        peer: PeerId,
        reason: UndeliveredReason,
        shown: &[Shown],
    ) -> Verdict {
        let screen = self.processes.get(told).and_then(|it| it.screen.as_deref());
        let peer = self.by_peer.get(&peer).copied();
        let (Some(screen), Some(peer)) = (screen, peer) else {
            return Ok(());
        };
        let is_line = |it: &Shown| match it {
            Shown::Undelivered(who) => self.someone(who).is_none_or(|it| it == peer),
            _ => false,
        };
        // At the end it may have been told already.
        let must = reason != UndeliveredReason::Stopped && !screen.is_over;
        if must && screen.addressed.contains(&peer) && !shown.iter().any(is_line) {
            return Err(Violation::Untold { by: told, peer });
        }
        nothing_said(told, shown)
    }

    /// What is shown beside what somebody says.
    fn look_at(&mut self, now: Time, by: usize, shown: &[Shown]) {
        for it in shown {
            let verdict = match it {
                Shown::Raw(text) => Err(Violation::Raw {
                    by,
                    text: text.clone(),
                }),
                Shown::Here(who) => self.announce(by, who, true),
                Shown::Gone(who) => self.announce(by, who, false),
                Shown::With(all) => {
                    for who in all {
                        self.names(by, who);
                    }
                    Ok(())
                }
                Shown::Asks(who) => self.is_wanted(now, by, who, false),
                Shown::Begins(who) => self.begins(now, by, who),
                Shown::Ends(who) => {
                    self.ends(by, who);
                    Ok(())
                }
                Shown::Error => {
                    self.fails(by);
                    Ok(())
                }
                Shown::Undelivered(who) => {
                    let peer = self.someone(who);
                    let is_reported = self.screen(by).is_some_and(|screen| {
                        // That an answer which nobody typed did not arrive is reported, and no failure.
                        peer.is_none_or(|peer| screen.addressed.contains(&peer))
                    });
                    if is_reported {
                        self.fails(by);
                    }
                    Ok(())
                }
                Shown::Said { .. } | Shown::Asking(_) | Shown::Declined(_) => Ok(()),
            };
            if let Err(violation) = verdict {
                self.fail(violation);
            }
        }
    }

    fn fails(&mut self, by: usize) {
        if let Some(screen) = self.screen(by) {
            screen.errors += 1;
        }
    }

    /// A peer is named as being in a group that was joined.
    fn names(&mut self, by: usize, who: &Someone) {
        let peer = self.someone(who);
        if let Some(screen) = self.screen(by) {
            screen.is_vague |= peer.is_none();
            screen.announced.extend(peer);
        }
    }

    /// Somebody is said to be here, or to be gone, by turns.
    fn announce(&mut self, by: usize, who: &Someone, is_here: bool) -> Verdict {
        let peer = self.someone(who);
        let Some(screen) = self.screen(by) else {
            return Ok(());
        };
        let Some(peer) = peer else {
            screen.is_vague = true;
            return Ok(());
        };
        let may_have_gone = screen.unsaid.remove(&peer);
        let was_here = if is_here {
            !screen.announced.insert(peer)
        } else {
            screen.announced.remove(&peer)
        };
        if was_here != is_here || may_have_gone || screen.is_vague {
            return Ok(());
        }
        Err(Violation::Unbalanced { by, peer })
    }

    /// Nobody asks for a private chat, or is in one, who does not want it.
    fn is_wanted(&self, now: Time, by: usize, who: &Someone, by_both: bool) -> Verdict {
        let Some(peer) = self.someone(who) else {
            return Ok(());
        };
        let wants = |one: usize, other: usize| {
            let screen = self.processes.get(one).and_then(|it| it.screen.as_deref());
            screen.is_some_and(|screen| screen.wanted.contains(&other))
        };
        let is_excused = self.is_excused(now, by, peer) || self.is_excused(now, peer, by);
        if is_excused || wants(peer, by) && (!by_both || wants(by, peer)) {
            return Ok(());
        }
        Err(Violation::Unwanted { by, peer })
    }

    fn begins(&mut self, now: Time, by: usize, who: &Someone) -> Verdict {
        let peer = self.someone(who);
        if let Some(screen) = self.screen(by) {
            screen.talk = peer;
        }
        self.is_wanted(now, by, who, true)
    }

    fn ends(&mut self, by: usize, who: &Someone) {
        let peer = self.someone(who);
        if let Some(screen) = self.screen(by)
            && screen.talk == peer
        {
            screen.talk = None;
        }
    }

    /// A chat has ended.
    pub(in crate::sim) fn chat_quits(&mut self, by: usize, end: End) {
        let Some(screen) = self.screen(by) else {
            return;
        };
        screen.is_over = true;
        let is_true = match end {
            End::Signal => true,
            // A person has seen what there was to see.
            _ if !screen.manner.is_piped => end == End::Done,
            End::Done => screen.errors == 0,
            End::Failed => screen.errors > 0,
        };
        if !is_true {
            self.fail(Violation::Untrue { by });
        }
    }

    /// The node of a chat has stopped, and told it so.
    pub(in crate::sim) fn chat_has_ended(&mut self, by: usize, has_ended: bool) {
        if !has_ended {
            self.fail(Violation::Untrue { by });
        }
    }

    /// All has been well for long enough: who shares a group with a chat was said to be here, and nobody
    /// else is.
    pub(in crate::sim) fn chat_is_up_to_date(&self, by: usize) -> Verdict {
        let Some(known) = self.processes.get(by) else {
            return Ok(());
        };
        let Some(screen) = known.screen.as_deref().filter(|it| !it.is_vague) else {
            return Ok(());
        };
        for (&peer, view) in &known.views {
            let is_near = screen.manner.is_json || !view.groups.is_disjoint(&screen.own);
            if is_near && !self.are_foreign(by, peer) && !screen.announced.contains(&peer) {
                return Err(Violation::Unannounced { by, peer });
            }
        }
        let mut gone = screen.announced.difference(&screen.unsaid);
        match gone.find(|peer| !known.views.contains_key(peer)) {
            Some(&peer) => Err(Violation::Unannounced { by, peer }),
            None => Ok(()),
        }
    }

    /// Two chats that have been well for long enough agree whether they are in a private chat.
    pub(in crate::sim) fn chats_agree(&self) -> Verdict {
        let talk = |number: usize| {
            let known = self.processes.get(number)?;
            known.screen.as_deref()?.talk
        };
        for one in 0..self.processes.len() {
            let is_over = |number: usize| {
                let known = self.processes.get(number);
                known.is_none_or(|known| !known.lives)
            };
            if let Some(other) = talk(one).filter(|_| !is_over(one))
                && (is_over(other) || talk(other) != Some(one))
            {
                return Err(Violation::Disagreed { one, other });
            }
        }
        Ok(())
    }
}

/// Nobody is shown to have said anything.
fn nothing_said(by: usize, shown: &[Shown]) -> Verdict {
    let said = shown.iter().find_map(|it| match it {
        Shown::Said { text, .. } => Some(text),
        _ => None,
    });
    match said {
        Some(text) => Err(Violation::MadeUp {
            by,
            text: text.clone(),
        }),
        None => Ok(()),
    }
}

fn text_of(content: &Content) -> Option<&str> {
    std::str::from_utf8(content.first()).ok()
}
