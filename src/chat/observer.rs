//! Looks on without taking part: [`Observer`], behind `zchat peers` and `zchat tracker`.
//!
//! It joins nothing and says nothing; the node that it is told by does no more than the protocol.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::item::{Change, GroupRow, Item, PeerRow};
use super::people::People;
use super::render::Look;
use super::settle::Settle;
use super::{Exit, Form, Output, Signal, Stamp, report};
use crate::zre::{Action, Event, Name, PeerId};

/// What an observer needs to know at its start.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ObserverConfig {
    /// Our public name, as the node was told.
    pub name: Name,
    /// In what form things are shown; a screen gets plain text.
    pub form: Form,
    /// How long to wait for somebody. Five seconds: five beacons.
    pub wait: Duration,
    /// How often to show who is there; `None` for once.
    pub every: Option<Duration>,
}

impl ObserverConfig {
    /// An observer that shows text, once.
    #[must_use]
    pub const fn new(name: Name) -> Self {
        Self {
            name,
            form: Form::Text,
            wait: Duration::from_secs(5),
            every: None,
        }
    }
}

/// Shows who is there, once or at intervals, with what has changed since the last time. It is driven
/// like a [`Session`](super::Session), and takes no lines.
#[derive(Debug)]
pub struct Observer {
    people: People,
    form: Form,
    settle: Settle,
    every: Option<Duration>,
    /// When to show the next table; `None` until the first.
    next: Option<Instant>,
    /// Who was in the last table.
    last: BTreeMap<PeerId, PeerRow>,
    state: State,
    now: Instant,
    wall: Stamp,
    outputs: VecDeque<Output>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Watching,
    Stopping(Exit),
    Over,
}

impl Observer {
    /// The observer of the node with this id.
    #[must_use]
    pub fn new(config: ObserverConfig, own: PeerId, now: Instant, wall: Stamp) -> Self {
        Self {
            people: People::new(own, &config.name),
            form: config.form,
            settle: Settle::new(now, config.wait),
            every: config.every,
            next: None,
            last: BTreeMap::new(),
            state: State::Watching,
            now,
            wall,
            outputs: VecDeque::new(),
        }
    }

    /// The node tells something.
    pub fn handle_event(&mut self, now: Instant, wall: Stamp, event: &Event) {
        self.at(now, wall);
        self.people.handle_event(now, wall, event);
        match event {
            Event::Enter { .. } | Event::Join { .. } => self.settle.handle_arrival(now),
            Event::Stop => self.stopped(),
            _ => {}
        }
        self.look();
    }

    /// The time that [`Observer::poll_timeout`] named has come (or any other).
    pub fn handle_timeout(&mut self, now: Instant, wall: Stamp) {
        self.at(now, wall);
        self.look();
    }

    /// The program is to end, after a clean leave; at the second signal it ends at once.
    pub fn handle_signal(&mut self, now: Instant, wall: Stamp, signal: Signal) {
        self.at(now, wall);
        match self.state {
            State::Watching => self.stop(Exit::Signal(signal)),
            State::Stopping(_) => self.quit(Exit::Signal(signal)),
            State::Over => {}
        }
    }

    /// Nobody reads what is shown (a broken pipe): the observer leaves cleanly, and quietly.
    pub fn handle_broken_pipe(&mut self, now: Instant, wall: Stamp) {
        self.at(now, wall);
        if self.state == State::Watching {
            self.stop(Exit::Done);
        }
    }

    /// What to do next; to be asked until there is nothing.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Observer::handle_timeout`] is wanted; `None` while there is nothing to wait for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.state != State::Watching {
            return None;
        }
        self.next
            .or_else(|| self.settle.poll_timeout(self.people.count() > 0))
    }

    fn at(&mut self, now: Instant, wall: Stamp) {
        self.now = now;
        self.wall = wall;
    }

    /// Shows who is there, if it is time for it.
    fn look(&mut self) {
        if self.state != State::Watching {
            return;
        }
        let somebody = self.people.count() > 0;
        let due = match self.next {
            Some(next) => next <= self.now,
            None => self.settle.has_settled(self.now, somebody),
        };
        if !due {
            return;
        }
        self.show_table();
        match self.every {
            None => self.stop(if somebody { Exit::Done } else { Exit::Nobody }),
            // Never twice at one time, however late this is, and however short the interval.
            Some(every) => self.next = Some(self.now + every.max(Duration::from_millis(1))),
        }
    }

    fn show_table(&mut self) {
        let rows = self
            .people
            .by_name()
            .filter_map(|(known, _)| self.people.row(known.id, self.now));
        let rows: Vec<PeerRow> = rows.collect();
        let now: BTreeMap<PeerId, PeerRow> =
            rows.iter().map(|row| (row.who.peer, row.clone())).collect();
        let before = std::mem::replace(&mut self.last, now);
        if self.every.is_none() {
            let nobody = "nobody is here; \"zchat doctor\" finds out why".to_owned();
            self.put(if rows.is_empty() {
                Item::Notice(nobody)
            } else {
                Item::Peers(rows)
            });
            return;
        }
        let is_first = self.next.is_none();
        let mut marked: Vec<(Option<Change>, PeerRow)> = rows
            .into_iter()
            .map(|row| {
                (
                    change(before.get(&row.who.peer), &row).filter(|_| !is_first),
                    row,
                )
            })
            .collect();
        let gone = before
            .into_iter()
            .filter(|(peer, _)| !self.last.contains_key(peer));
        marked.extend(gone.map(|(_, row)| (Some(Change::Gone), row)));
        let groups = self.groups();
        self.put(Item::Tracked {
            rows: marked,
            groups,
        });
    }

    fn groups(&self) -> Vec<GroupRow> {
        let groups = self.people.groups().map(|group| GroupRow {
            group: group.name().to_string(),
            members: group
                .peers()
                .map(|known| self.people.who(known.id))
                .collect(),
            own: None,
            current: false,
        });
        groups.collect()
    }

    fn put(&mut self, item: Item) {
        if self.form == Form::Json {
            let records = report::records(item, self.wall).into_iter();
            self.outputs
                .extend(records.map(|record| Output::Report(Box::new(record))));
        } else {
            let look = Look {
                width: usize::MAX,
                wall: self.wall,
                times: false,
                own: self.people.ourselves(),
            };
            self.outputs
                .extend(look.lines(&item).into_iter().map(Output::Show));
        }
    }

    fn stop(&mut self, exit: Exit) {
        self.state = State::Stopping(exit);
        // Nothing was said that could be under way.
        self.outputs.push_back(Output::Act(Action::Stop {
            within: Duration::ZERO,
        }));
    }

    fn stopped(&mut self) {
        match self.state {
            State::Watching => {
                self.put(Item::Error("the node has stopped".to_owned()));
                self.quit(Exit::Failed);
            }
            State::Stopping(exit) => self.quit(exit),
            State::Over => {}
        }
    }

    fn quit(&mut self, exit: Exit) {
        self.state = State::Over;
        self.outputs.push_back(Output::Quit(exit));
    }
}

/// What has changed about a peer since it was shown last.
fn change(before: Option<&PeerRow>, row: &PeerRow) -> Option<Change> {
    match before {
        None => Some(Change::New),
        Some(before) if before != row => Some(Change::Changed),
        Some(_) => None,
    }
}
