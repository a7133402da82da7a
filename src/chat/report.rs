//! Makes records of what there is to show: nothing is made safe in them, and nothing left out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Stamp;
use super::item::{Change, GroupRow, Item, Missing, PeerRow, Said, Way};
use super::naming::Who;
use super::note::Body;
use super::record::{Id, Member, Record};
use super::request::State;
use super::table::table;
use crate::zre::UndeliveredReason;

/// The records for something to show; most things have one.
pub(crate) fn records(item: Item, time: Stamp) -> Vec<Record> {
    let record = |event| Record::new(event, time);
    vec![match item {
        Item::Said(said) => return self::said(said, time).into_iter().collect(),
        Item::Request { who, state } => request(who, state, time),
        Item::Peers(rows) => return rows.into_iter().map(|row| peer(row, time)).collect(),
        Item::Tracked { rows, groups } => return tracked(rows, groups, time),
        Item::Whois { row, heard, .. } => Record {
            own: heard.is_none().then_some(true),
            heard,
            ..peer(row, time)
        },
        Item::Groups(rows) => return rows.into_iter().map(|row| group(row, time)).collect(),
        Item::Sent { to, missing } => Record {
            to: Some(to.into_iter().map(Member::from).collect()),
            missing: Some(missing.into_iter().map(Member::from).collect()),
            ..record("sent")
        },
        Item::Moves(text) | Item::Notice(text) => record("notice").saying(text),
        Item::Rows(rows) => {
            let rows = table(&rows).into_iter();
            return rows.map(|row| record("notice").saying(row)).collect();
        }
        Item::Error(text) => record("error").saying(text),
        Item::Stop => record("stop"),
        Item::Start { .. }
        | Item::Enter { .. }
        | Item::Exit(_)
        | Item::Evasive(_)
        | Item::Silent(_)
        | Item::Heard(_)
        | Item::Moved { .. }
        | Item::Join { .. }
        | Item::Leave { .. }
        | Item::Rename { .. }
        | Item::Away { .. }
        | Item::Undelivered { .. } => return about(item, time).into_iter().collect(),
    }]
}

/// The record for something about one peer.
fn about(item: Item, time: Stamp) -> Option<Record> {
    let of = |event, who| Record::new(event, time).of(who);
    Some(match item {
        Item::Start {
            who,
            endpoint,
            groups,
        } => Record {
            endpoint: Some(endpoint),
            groups: Some(groups),
            ..of("start", who)
        },
        Item::Enter {
            who,
            endpoint,
            headers,
            ..
        } => Record {
            endpoint: Some(endpoint),
            headers: Some(headers.into_iter().collect()),
            ..of("enter", who)
        },
        Item::Exit(who) => of("exit", who),
        Item::Evasive(who) => of("evasive", who),
        Item::Silent(who) => of("silent", who),
        Item::Heard(who) => of("heard", who),
        Item::Moved { who, endpoint } => Record {
            endpoint: Some(endpoint),
            ..of("moved", who)
        },
        Item::Join { who, group } => Record {
            group: Some(group),
            ..of("join", who)
        },
        Item::Leave { who, group } => Record {
            group: Some(group),
            ..of("leave", who)
        },
        Item::Rename { who, was, .. } => Record {
            was: Some(was),
            ..of("rename", who)
        },
        Item::Away { who, text } => Record {
            text: Some(text),
            ..of("away", who)
        },
        Item::Undelivered { who, count, reason } => Record {
            count: Some(count),
            reason: Some(match reason {
                UndeliveredReason::Gone => "gone",
                UndeliveredReason::Full => "full",
                UndeliveredReason::Stopped => "stopped",
            }),
            ..of("undelivered", who)
        },
        _ => return None,
    })
}

/// What became of a request, and whether it was our doing.
fn request(who: Who, state: State, time: Stamp) -> Record {
    let (state, own) = match state {
        State::Asked => ("asked", None),
        State::Asking => ("asked", Some(true)),
        State::Accepted => ("ok", None),
        State::Rejected => ("rejected", None),
        State::Refused => ("rejected", Some(true)),
        State::Busy => ("busy", None),
        State::Unanswered | State::Missed => ("timeout", None),
        State::Withdrawn | State::Ended | State::Gone => ("ended", None),
        State::GaveUp | State::Left => ("ended", Some(true)),
    };
    Record {
        state: Some(state),
        own,
        ..Record::new("request", time).of(who)
    }
}

/// What was said; nothing for what we said ourselves.
fn said(said: Said, time: Stamp) -> Option<Record> {
    let (kind, group, all) = match said.way {
        Way::Group(group) => ("shout", Some(group), None),
        Way::ToUs => ("whisper", None, None),
        Way::ToAll => ("whisper", None, Some(true)),
        Way::OwnGroup(_) | Way::FromUs | Way::FromUsToAll => return None,
    };
    let kind = if said.action { "action" } else { kind };
    let mut record = Record {
        group,
        all,
        ..Record::new(kind, time).of(said.who)
    };
    match said.body {
        Body::Text(text) => record.text = Some(Some(text)),
        Body::Octets(octets) => record.base64 = Some(STANDARD.encode(&*octets)),
    }
    record.frames = said
        .frames
        .iter()
        .map(|frame| STANDARD.encode(&**frame))
        .collect();
    Some(record)
}

fn peer(row: PeerRow, time: Stamp) -> Record {
    Record {
        endpoint: Some(row.endpoint),
        groups: Some(row.groups),
        headers: Some(row.headers.into_iter().collect()),
        since: Some(row.since),
        away: row.away,
        unanswered: row.unanswered,
        remarks: row.remarks,
        from: row.from.map(Id),
        round_trip: row
            .round_trip
            .map(|elapsed| elapsed.as_secs_f64() * 1_000.0),
        ..Record::new("peer", time).of(row.who)
    }
}

fn tracked(
    rows: Vec<(Option<Change>, PeerRow)>,
    groups: Vec<(Option<Change>, GroupRow)>,
    time: Stamp,
) -> Vec<Record> {
    let word = |change| match change {
        Change::New => "new",
        Change::Changed => "changed",
        Change::Gone => "gone",
    };
    let peers = rows.into_iter().map(|(change, row)| Record {
        change: change.map(word),
        ..peer(row, time)
    });
    // A group that is gone has no members, and no record.
    let groups = groups.into_iter();
    let groups = groups.filter(|(change, _)| *change != Some(Change::Gone));
    peers
        .chain(groups.map(|(_, row)| group(row, time)))
        .collect()
}

fn group(row: GroupRow, time: Stamp) -> Record {
    let members = row
        .own
        .into_iter()
        .chain(row.members)
        .map(Member::from)
        .collect();
    Record {
        group: Some(row.group),
        members: Some(members),
        current: row.current.then_some(true),
        ..Record::new("group", time)
    }
}

impl Record {
    fn of(self, who: Who) -> Self {
        Self {
            peer: Some(Id(who.peer)),
            name: Some(who.name),
            ..self
        }
    }

    fn saying(self, text: String) -> Self {
        Self {
            text: Some(Some(text)),
            ..self
        }
    }
}

impl From<Who> for Member {
    fn from(who: Who) -> Self {
        Self {
            peer: Some(Id(who.peer)),
            name: who.name,
            near: Vec::new(),
        }
    }
}

impl From<Missing> for Member {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Peer(who) => who.into(),
            Missing::Name { name, near } | Missing::Unclear { name, near } => Self {
                peer: None,
                name,
                near,
            },
        }
    }
}
