//! Makes lines of what there is to show. The forms are a contract: people read them and programs
//! search them.

use super::item::{Change, GroupRow, Item, Missing, PeerRow, Said, Way};
use super::mention::mentions;
use super::naming::Who;
use super::note::Body;
use super::parse::quote;
use super::request::State;
use super::table::{few, fitted, pairs};
use super::{Line, LineKind, Span, Stamp, Style, sanitize};
use crate::zre::UndeliveredReason;

/// How lines are to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'a> {
    /// When it is now.
    pub(crate) wall: Stamp,
    /// Whether each line begins with the time of day.
    pub(crate) times: bool,
    /// How many columns a line may have that can be folded.
    pub(crate) width: usize,
    /// Our own name, safe to show, and not too wide.
    pub(crate) own: &'a str,
    /// The same, however wide it is.
    pub(crate) own_in_full: &'a str,
}

impl Look<'_> {
    /// The lines for something to show; most things have one.
    pub(crate) fn lines(self, item: &Item) -> Vec<Line> {
        let presence = || self.line(LineKind::Presence).with("* ").begun();
        let line = match item {
            Item::Enter { who, address, .. } => presence()
                .name(who)
                .with(&format!(" is here ({})", sanitize::name(address))),
            Item::Exit(who) => presence().name(who).with(" is gone"),
            Item::Join { who, group } => presence().name(who).with(" joined ").group(group),
            Item::Leave { who, group } => presence().name(who).with(" left ").group(group),
            Item::Moves(words) => presence().with(words),
            Item::Said(said) => self.said(said),
            Item::Rename { who, was_shown, .. } => presence()
                .with(was_shown)
                .with(" is now known as ")
                .name(who),
            Item::Away { who, text } => away(presence().name(who), text.as_deref()),
            Item::Request { who, state } => self.request(who, *state),
            Item::Undelivered { who, count, reason } => self.undelivered(who, *count, *reason),
            Item::Peers(rows) => return self.peers(rows),
            Item::Tracked { rows, groups } => return self.tracked(rows, groups),
            Item::Whois { row, heard, id } => return self.whois(row, *heard, id),
            Item::Groups(rows) => return rows.iter().map(|row| self.group(row)).collect(),
            Item::Sent { to, missing } => return self.sent(to, missing),
            Item::Notice(text) => self.line(LineKind::Notice).with("* ").begun().with(text),
            Item::Rows(rows) => return self.rows(rows),
            Item::Error(text) => self.line(LineKind::Error).with("! ").begun().with(text),
            Item::Start { .. }
            | Item::Evasive(_)
            | Item::Silent(_)
            | Item::Heard(_)
            | Item::Moved { .. }
            | Item::Stop => {
                return Vec::new();
            }
        };
        vec![line]
    }

    /// The line between two days.
    pub(crate) fn day(self) -> Line {
        Line::new(LineKind::Day, self.wall).with(&format!("--- {} ---", self.wall.date()))
    }

    fn line(self, kind: LineKind) -> Line {
        let line = Line::new(kind, self.wall);
        if self.times {
            line.styled(Style::Time, &self.wall.clock()).with(" ")
        } else {
            line
        }
    }

    fn said(self, said: &Said) -> Line {
        let Said {
            who, way, action, ..
        } = said;
        let line = match way {
            Way::Group(group) => {
                let line = self.line(LineKind::Shout).with("[").group(group).with("] ");
                if *action {
                    line.with("* ").name(who).with(" ")
                } else {
                    line.name(who).with(": ")
                }
            }
            Way::OwnGroup(group) => {
                let line = self.line(LineKind::Own).with("[").group(group).with("] ");
                let own = |line: Line| line.styled(Style::OwnName, &who.shown);
                if *action {
                    own(line.with("* ")).with(" ")
                } else {
                    own(line).with(": ")
                }
            }
            Way::ToUs => {
                let line = self
                    .line(LineKind::Whisper)
                    .with("[")
                    .name(who)
                    .with(" -> you] ");
                if *action {
                    line.with("* ").name(who).with(" ")
                } else {
                    line
                }
            }
            Way::ToAll => self
                .line(LineKind::Shout)
                .with("[")
                .name(who)
                .with(" -> all] "),
            Way::FromUs => {
                let line = self
                    .line(LineKind::Own)
                    .with("[you -> ")
                    .name(who)
                    .with("] ");
                self.own_action(line, *action)
            }
            Way::FromUsToAll => {
                self.own_action(self.line(LineKind::Own).with("[you -> all] "), *action)
            }
        };
        let start = line.text.len();
        let mut line = with_body(line.begun(), &said.body);
        if matches!(way, Way::Group(_) | Way::ToUs | Way::ToAll) {
            self.mark_mentions(&mut line, start);
        }
        match said.frames.len() {
            0 => line,
            1 => line.with(" (and another frame)"),
            frames => line.with(&format!(" (and {frames} more frames)")),
        }
    }

    /// Marks where we are named in what stands from `start` on.
    fn mark_mentions(self, line: &mut Line, start: usize) {
        let text = line.text.get(start..).unwrap_or_default();
        let mut found = mentions(text, self.own_in_full);
        if self.own != self.own_in_full {
            found.extend(mentions(text, self.own));
        }
        line.mention = !found.is_empty();
        line.spans.extend(found.into_iter().map(|found| Span {
            range: start + found.start..start + found.end,
            style: Style::Mention,
        }));
    }

    fn own_action(self, line: Line, action: bool) -> Line {
        if action {
            line.with("* ").styled(Style::OwnName, self.own).with(" ")
        } else {
            line
        }
    }

    fn request(self, who: &Who, state: State) -> Line {
        let mut line = match state {
            State::Asked => self.line(LineKind::Whisper),
            State::Rejected | State::Busy | State::Unanswered => self.line(LineKind::Error),
            _ => self.line(LineKind::Notice),
        };
        line.mention = state == State::Asked;
        let line = line.with("* ").begun();
        match state {
            State::Asked => line
                .name(who)
                .with(" asks for a private chat: /ok or /reject"),
            State::Asking => line
                .with("you asked ")
                .name(who)
                .with(" for a private chat"),
            State::Accepted => line
                .with("private chat with ")
                .name(who)
                .with(" begins: text goes there alone, until /end"),
            State::Rejected => line.name(who).with(" does not want a private chat"),
            State::Refused => line.with("you rejected the private chat with ").name(who),
            State::Busy => line.name(who).with(" is in another private chat"),
            State::Unanswered => line
                .name(who)
                .with(" did not answer the request for a private chat"),
            State::Missed => line
                .with("the request for a private chat from ")
                .name(who)
                .with(" has timed out"),
            State::Withdrawn => line
                .name(who)
                .with(" took the request for a private chat back"),
            State::GaveUp => line
                .with("you took the request for a private chat with ")
                .name(who)
                .with(" back"),
            State::Ended | State::Left => line
                .with("the private chat with ")
                .name(who)
                .with(" has ended"),
            State::Gone => line
                .with("the private chat with ")
                .name(who)
                .with(" has ended: gone"),
        }
    }

    fn undelivered(self, who: &Who, count: u64, reason: UndeliveredReason) -> Line {
        let messages = if count == 1 { "message" } else { "messages" };
        let line = self
            .line(LineKind::Error)
            .with("! ")
            .begun()
            .with(&format!("{count} {messages} to "))
            .name(who);
        line.with(" not delivered: ").with(match reason {
            UndeliveredReason::Gone => "it is gone",
            UndeliveredReason::Full => "it takes nothing",
            UndeliveredReason::Stopped => "it did not answer until the end",
        })
    }

    fn rows(self, rows: &[Vec<String>]) -> Vec<Line> {
        let row = |row: &String| Line::new(LineKind::Row, self.wall).with(row);
        fitted(rows, self.width).iter().map(row).collect()
    }

    fn peers(self, peers: &[PeerRow]) -> Vec<Line> {
        let rows = peers.iter().map(|row| self.cells(row));
        self.rows(&std::iter::once(head()).chain(rows).collect::<Vec<_>>())
    }

    fn tracked(
        self,
        rows: &[(Option<Change>, PeerRow)],
        groups: &[(Option<Change>, GroupRow)],
    ) -> Vec<Line> {
        let here = rows
            .iter()
            .filter(|(change, _)| *change != Some(Change::Gone))
            .count();
        let peers = if here == 1 { "peer" } else { "peers" };
        let title = format!("--- {}: {here} {peers} ---", self.wall.brief(self.wall));
        let mark = |change: &Option<Change>| match change {
            None => " ",
            Some(Change::New) => "+",
            Some(Change::Changed) => "*",
            Some(Change::Gone) => "-",
        };
        let marked = |mark: &str, cells: Vec<String>| {
            std::iter::once(mark.to_owned())
                .chain(cells)
                .collect::<Vec<_>>()
        };
        let mut cells = vec![marked(" ", head())];
        cells.extend(
            rows.iter()
                .map(|(change, row)| marked(mark(change), self.cells(row))),
        );
        let mut lines = vec![Line::new(LineKind::Row, self.wall).with(&title)];
        if !rows.is_empty() {
            lines.extend(self.rows(&cells));
        }
        lines.extend(groups.iter().map(|(change, row)| {
            let line = Line::new(LineKind::Row, self.wall).with(&format!("{}  ", mark(change)));
            self.group_in(line, row)
        }));
        lines
    }

    fn cells(self, row: &PeerRow) -> Vec<String> {
        let mut remarks = remarks(row).join(", ");
        if !remarks.is_empty() {
            remarks = format!("({remarks})");
        }
        let groups = row.groups.iter().map(|group| sanitize::label(group));
        vec![
            row.who.shown.clone(),
            row.who.peer.short(8),
            sanitize::name(&row.address).into_owned(),
            few(groups, " ", row.groups.len()),
            row.since.brief(self.wall),
            remarks,
        ]
    }

    fn whois(self, row: &PeerRow, heard: Option<Stamp>, id: &str) -> Vec<Line> {
        let mut told = vec![
            vec![row.who.shown.clone(), id.to_owned()],
            vec![
                " address".to_owned(),
                sanitize::name(&row.address).into_owned(),
            ],
        ];
        let in_full = sanitize::name(&row.who.name);
        if in_full != sanitize::label(&row.who.name) {
            told.insert(1, vec![" full name".to_owned(), in_full.into_owned()]);
        }
        let groups = row.groups.iter().map(|group| sanitize::name(group));
        told.push(vec![
            " groups".to_owned(),
            few(groups, " ", row.groups.len()),
        ]);
        for (name, value) in &row.headers {
            let header = format!("{} = {}", sanitize::name(name), sanitize::text(value));
            told.push(vec![" header".to_owned(), header]);
        }
        told.push(vec![" here since".to_owned(), row.since.brief(self.wall)]);
        told.extend(heard.map(|heard| vec![" last message".to_owned(), heard.brief(self.wall)]));
        told.extend(
            remarks(row)
                .into_iter()
                .map(|remark| vec![" is".to_owned(), remark]),
        );
        let answer = row.round_trip.map_or_else(
            || "no answer".to_owned(),
            |elapsed| format!("{:.1} ms", elapsed.as_secs_f64() * 1_000.0),
        );
        told.extend(heard.map(|_| vec![" round trip".to_owned(), answer]));
        let row = |row: &String| Line::new(LineKind::Row, self.wall).with(row);
        pairs(&told, self.width).iter().map(row).collect()
    }

    fn group(self, row: &GroupRow) -> Line {
        self.group_in(Line::new(LineKind::Row, self.wall), row)
    }

    fn group_in(self, line: Line, row: &GroupRow) -> Line {
        let own = row.own.as_ref().map(|own| format!("{} (you)", own.shown));
        let names = own
            .into_iter()
            .chain(row.members.iter().map(|who| who.shown.clone()));
        let count = row.members.len() + usize::from(row.own.is_some());
        let mark = if row.current { " (current)" } else { "" };
        line.styled(Style::Group, &sanitize::name(&row.group))
            .with(&format!("{mark}: {}", few(names, ", ", count)))
    }

    fn sent(self, to: &[Who], missing: &[Missing]) -> Vec<Line> {
        let mut lines = Vec::new();
        if !to.is_empty() {
            let names = few(to.iter().map(|who| who.shown.as_str()), ", ", to.len());
            lines.push(
                self.line(LineKind::Notice)
                    .with("* ")
                    .begun()
                    .with("delivered to ")
                    .with(&names),
            );
        }
        for missing in missing {
            let line = self.line(LineKind::Error).with("! ").begun();
            lines.push(match missing {
                Missing::Peer(who) => line.with("not known to have reached ").name(who),
                Missing::Name { name, near } => {
                    let line = line.with("not here: ").with(&sanitize::label(name));
                    if near.is_empty() {
                        line
                    } else {
                        line.with(&format!("; did you mean {}?", written(near, " or ")))
                    }
                }
                Missing::Unclear { .. } => continue,
            });
        }
        lines
    }
}

impl Line {
    fn name(self, who: &Who) -> Self {
        self.styled(Style::Name(who.colour), &who.shown)
    }

    fn group(self, group: &str) -> Self {
        self.styled(Style::Group, &sanitize::label(group))
    }
}

/// What stands above the columns of a table of peers.
fn head() -> Vec<String> {
    ["name", "id", "address", "groups", "since"]
        .map(str::to_owned)
        .to_vec()
}

/// Names as they would be typed.
pub(crate) fn written(names: &[String], between: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| quote(name)).collect();
    names.join(between)
}

/// What else there is to say about a peer.
fn remarks(row: &PeerRow) -> Vec<String> {
    let away = row.away.as_deref().map(|text| match text {
        "" => "away".to_owned(),
        text => format!("away: {}", sanitize::cell(text)),
    });
    let unanswered = row.unanswered;
    let unanswered = unanswered.map(|wall| format!("no answer at {}", wall.brief(wall)));
    away.into_iter()
        .chain(unanswered)
        .chain(row.remarks.iter().cloned())
        .collect()
}

fn away(line: Line, text: Option<&str>) -> Line {
    match text {
        None => line.with(" is back"),
        Some("") => line.with(" is away"),
        Some(text) => line.with(" is away: ").with(&sanitize::text(text)),
    }
}

fn with_body(line: Line, body: &Body) -> Line {
    match body {
        Body::Text(text) if text.contains('\n') => with_rows(line, text),
        Body::Text(text) => line.with(&sanitize::text(text)),
        Body::Octets(octets) => line.with(&format!("({} octets that are not text)", octets.len())),
    }
}

/// A text of several rows. Their ends are signs like all that a terminal could obey, and marked; from
/// a certain number on, and at the very end, they are nothing but signs.
fn with_rows(mut line: Line, text: &str) -> Line {
    /// More than people paste, less than lets one message take the whole scrollback.
    const ROWS: usize = 100;
    let rows = text
        .trim_end_matches(['\r', '\n'])
        .match_indices('\n')
        .take(ROWS);
    let mut done = 0;
    for (at, _) in rows {
        let row = text.get(done..at).unwrap_or_default();
        let (row, end) = match row.strip_suffix('\r') {
            Some(row) => (row, "\r\n"),
            None => (row, "\n"),
        };
        line = line
            .with(&sanitize::text(row))
            .styled(Style::End, &sanitize::text(end));
        done = at + 1;
    }
    line.with(&sanitize::text(text.get(done..).unwrap_or_default()))
}
