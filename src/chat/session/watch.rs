//! Looking on without taking part: who is there, once or at intervals, with what has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::Session;
use super::finish::Phase;
use crate::chat::item::{Change, GroupRow, Item, PeerRow};
use crate::chat::note::Kind;
use crate::chat::{Exit, Purpose, payload};
use crate::zre::{Content, Event, PeerId};

/// What was shown so far.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// When to show the next table; `None` until the first.
    next: Option<Instant>,
    /// Who was in the last table.
    last: BTreeMap<PeerId, PeerRow>,
    /// Which groups were in it.
    groups: BTreeMap<String, GroupRow>,
}

impl Session {
    /// How often to look, if this session only looks on.
    #[expect(clippy::option_option, reason = "not at all, or once, or at intervals")]
    pub(super) const fn watches(&self) -> Option<Option<Duration>> {
        match self.purpose {
            Purpose::Watch { every } => Some(every),
            Purpose::Chat | Purpose::Send { .. } => None,
        }
    }

    /// Takes in what the node tells, and answers nothing.
    pub(super) fn watch_event(&mut self, event: &Event) {
        if matches!(event, Event::Enter { .. } | Event::Join { .. }) {
            self.settle.handle_arrival(self.now);
            self.alone_until = None;
        }
        self.people.handle_event(self.now, self.wall, event);
        match event {
            Event::Whisper { origin, content } => self.overhear(origin.peer, content),
            Event::Stop => self.stopped(),
            _ => {}
        }
    }

    /// A peer tells something: all that is of interest is whether it is away.
    fn overhear(&mut self, peer: PeerId, content: &Content) {
        let received = payload::read(content, self.people.is_zchat(peer));
        match received.note.map(|note| note.kind) {
            Some(Kind::Away { text }) => _ = self.note_away(peer, Some(text)),
            Some(Kind::Back) => _ = self.note_away(peer, None),
            _ => {}
        }
    }

    /// Shows who is there, if it is time for it.
    pub(super) fn look(&mut self) {
        let Some(every) = self.watches().filter(|_| self.phase == Phase::Open) else {
            return;
        };
        let somebody = self.people.count() > 0;
        let due = match self.watch.next {
            Some(next) => next <= self.now,
            None => self.settle.has_settled(self.now, somebody),
        };
        if !due {
            return;
        }
        let rows = self
            .people
            .by_name()
            .filter_map(|(known, _)| self.people.row(known.id));
        let rows: Vec<PeerRow> = rows.collect();
        match every {
            None => {
                self.tally.nobody_seen = !somebody;
                let nobody = "nobody is here; \"zchat doctor\" finds out why".to_owned();
                self.show(if somebody {
                    Item::Peers(rows)
                } else {
                    Item::Notice(nobody)
                });
                // Nothing was said that could be under way.
                self.stop(Duration::ZERO);
            }
            Some(every) => {
                self.track(rows);
                // Never twice at one time, however late this is, and however short the interval.
                self.watch.next = Some(self.now + every.max(Duration::from_millis(1)));
            }
        }
    }

    /// When to look again.
    pub(super) fn poll_look(&self) -> Option<Instant> {
        self.watches().filter(|_| self.phase == Phase::Open)?;
        let somebody = self.people.count() > 0;
        self.watch
            .next
            .or_else(|| self.settle.poll_timeout(somebody))
    }

    fn track(&mut self, rows: Vec<PeerRow>) {
        let is_first = self.watch.next.is_none();
        let now = rows.iter().map(|row| (row.who.peer, row.clone())).collect();
        let before = std::mem::replace(&mut self.watch.last, now);
        let in_words = !self.reports();
        let mark = |mut row: PeerRow| {
            let known = before.get(&row.who.peer);
            let change = change(known, &row).filter(|_| !is_first);
            if let Some(known) = known.filter(|_| in_words && change.is_some()) {
                let what = what_changed(known, &row);
                row.remarks.push(format!("changed: {}", what.join(", ")));
            }
            (change, row)
        };
        let mut marked: Vec<(Option<Change>, PeerRow)> = rows.into_iter().map(mark).collect();
        let gone = before
            .into_iter()
            .filter(|(peer, _)| !self.watch.last.contains_key(peer));
        marked.extend(gone.map(|(_, row)| (Some(Change::Gone), row)));
        let groups = self.track_groups(is_first);
        self.show(Item::Tracked {
            rows: marked,
            groups,
        });
    }

    /// All groups, and those that are gone, with what has changed about them.
    fn track_groups(&mut self, is_first: bool) -> Vec<(Option<Change>, GroupRow)> {
        let groups = self.people.groups().map(|group| {
            let row = GroupRow {
                group: group.name().to_string(),
                members: self.members(group.name()),
                own: None,
                current: false,
            };
            (row.group.clone(), row)
        });
        let now: BTreeMap<String, GroupRow> = groups.collect();
        let before = std::mem::replace(&mut self.watch.groups, now);
        let ids = |row: &GroupRow| -> BTreeSet<PeerId> {
            row.members.iter().map(|who| who.peer).collect()
        };
        let mark = |row: &GroupRow| match before.get(&row.group) {
            None => Some(Change::New),
            Some(known) if ids(known) != ids(row) => Some(Change::Changed),
            Some(_) => None,
        };
        let now = self.watch.groups.values();
        let mut marked: Vec<(Option<Change>, GroupRow)> = now
            .map(|row| (mark(row).filter(|_| !is_first), row.clone()))
            .collect();
        let gone = before
            .values()
            .filter(|row| !self.watch.groups.contains_key(&row.group));
        marked.extend(gone.map(|row| (Some(Change::Gone), row.clone())));
        marked
    }

    /// How a look ended, if this was one.
    pub(super) fn look_status(&self) -> Option<Exit> {
        self.watches()?;
        Some(if self.tally.nobody_seen {
            Exit::Nobody
        } else {
            Exit::Done
        })
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

/// In what a peer is not as it was shown last.
fn what_changed(before: &PeerRow, row: &PeerRow) -> Vec<&'static str> {
    let parts = [
        ("name", before.who != row.who),
        ("address", before.endpoint != row.endpoint),
        ("groups", before.groups != row.groups),
        ("headers", before.headers != row.headers),
        ("gone and back", before.since != row.since),
        ("away", before.away != row.away),
        ("answers", before.unanswered != row.unanswered),
    ];
    let changed = parts.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(what, _)| what).collect()
}
