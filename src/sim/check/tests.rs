//! Each checker is told something that must never happen, and has to say so: exactly that, and not before.

mod shown;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::*;
use crate::zre::{
    Action, Body, Content, Event, ExitReason, Frame, Headers, Hello, Link, Message, Name, Origin,
    Tail, UndeliveredReason,
};

/// Some processes that have started, and what they are told.
struct Trace {
    check: Check,
    now: Time,
}

fn id(number: usize) -> PeerId {
    PeerId::from_bytes([u8::try_from(number + 1).unwrap(); 16])
}

fn group(name: &str) -> GroupName {
    GroupName::new(name).unwrap()
}

fn enter(peer: usize) -> Event {
    let place = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 49_152);
    Event::Enter {
        peer: id(peer),
        name: Name::new("somebody").unwrap(),
        headers: Headers::default(),
        link: Link::plain(place, None),
    }
}

fn exit(peer: usize) -> Event {
    Event::Exit {
        peer: id(peer),
        reason: ExitReason::Expired,
    }
}

fn join(peer: usize, name: &str) -> Event {
    Event::Join {
        peer: id(peer),
        group: group(name),
    }
}

fn whisper(peer: usize, text: &str) -> Event {
    Event::Whisper {
        origin: Origin::unproven(id(peer)),
        content: Content::new(text),
    }
}

fn undelivered(peer: usize) -> Event {
    Event::Undelivered {
        peer: id(peer),
        count: 1,
        reason: UndeliveredReason::Full,
    }
}

impl Trace {
    /// So many processes of ours, of which nobody knows anybody.
    fn of(processes: usize) -> Self {
        let mut check = Check::new(&Options::quiet(1, processes));
        for number in 0..processes {
            check.born(id(number), false);
        }
        let now = Time::START + Duration::from_secs(100);
        Self { check, now }
    }

    /// Two of them, which have entered at each other.
    fn met() -> Self {
        let mut trace = Self::of(2);
        trace.event(0, &enter(1));
        trace.event(1, &enter(0));
        trace
    }

    /// They are chats, too.
    fn chats(is_piped: bool) -> Self {
        let mut trace = Self::of(3);
        for number in 0..3 {
            let manner = Manner {
                is_piped,
                is_json: false,
            };
            trace.check.chat_begins(number, manner, [group("A")]);
        }
        for (told, peer) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
            trace.told(told, &enter(peer), &[]);
            trace.told(told, &join(peer, "A"), &[Shown::Here(name(peer))]);
        }
        trace
    }

    fn event(&mut self, told: usize, event: &Event) {
        self.check.event(self.now, told, event);
    }

    /// A chat is told something, and shows this.
    fn told(&mut self, told: usize, event: &Event, shown: &[Shown]) {
        self.event(told, event);
        self.check.chat_was_told(self.now, told, event, shown);
    }

    fn acts(&mut self, number: usize, action: &Action) {
        self.check.acts(self.now, number, action);
    }

    fn whispers(&mut self, from: usize, to: usize, text: &str) {
        let content = Content::new(text);
        let peer = id(to);
        self.acts(from, &Action::Whisper { peer, content });
    }

    fn receives(&mut self, greeting: u64, sequence: u16, body: Body) {
        let message = Message { sequence, body };
        self.check.received(self.now, 0, 1, greeting, &message);
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    fn is_well(&self) {
        assert_eq!(self.check.verdict(), Ok(()));
    }

    fn fails(&self, violation: Violation) {
        assert_eq!(self.check.verdict(), Err(violation));
    }
}

fn name(number: usize) -> Someone {
    Someone::Name(format!("p{number}"))
}

// What applications are told.

#[test]
fn an_event_about_a_peer_that_does_not_exist() {
    let mut trace = Trace::met();
    trace.is_well();
    trace.event(0, &enter(7));
    trace.fails(Violation::Invented { told: 0 });
}

#[test]
fn an_event_about_oneself() {
    let about_itself = [
        enter(0),
        exit(0),
        join(0, "A"),
        whisper(0, "0 0"),
        undelivered(0),
        Event::Evasive { peer: id(0) },
        Event::Heard { peer: id(0) },
    ];
    for event in about_itself {
        let mut trace = Trace::met();
        trace.event(0, &event);
        trace.fails(Violation::Oneself { told: 0 });
    }
}

#[test]
fn a_peer_that_enters_twice() {
    let mut trace = Trace::met();
    trace.event(0, &enter(1));
    trace.fails(Violation::EnteredTwice { told: 0, peer: 1 });
}

#[test]
fn anything_about_a_peer_that_has_not_entered() {
    let events = [
        (exit(1), "EXIT"),
        (join(1, "A"), "JOIN"),
        (whisper(1, "1 0"), "content"),
        (Event::Silent { peer: id(1) }, "SILENT"),
        (Event::Heard { peer: id(1) }, "HEARD"),
    ];
    for (event, kind) in events {
        let mut trace = Trace::of(2);
        trace.event(0, &event);
        let (told, peer, event) = (0, 1, kind);
        trace.fails(Violation::NotEntered { told, peer, event });
    }
}

#[test]
fn a_group_that_is_joined_twice_or_left_without_being_in_it() {
    let leave = Event::Leave {
        peer: id(1),
        group: group("A"),
    };
    for events in [vec![join(1, "A"), join(1, "A")], vec![leave]] {
        let mut trace = Trace::met();
        events.iter().for_each(|event| trace.event(0, event));
        let (told, peer, group) = (0, 1, group("A"));
        trace.fails(Violation::Membership { told, peer, group });
    }
}

#[test]
fn a_member_that_shouts_before_its_join() {
    let mut trace = Trace::met();
    let content = Content::new("1 0");
    trace.acts(1, &Action::Join(group("A")));
    let shout = Action::Shout {
        group: group("A"),
        content: content.clone(),
    };
    trace.acts(1, &shout);
    let hello = Body::Hello(hello());
    trace.receives(1, 1, hello);
    trace.event(
        0,
        &Event::Shout {
            origin: Origin::unproven(id(1)),
            group: group("A"),
            content,
        },
    );
    let (told, peer, group) = (0, 1, group("A"));
    trace.fails(Violation::NotJoined { told, peer, group });
}

#[test]
fn an_exit_and_an_alarm_about_a_peer_that_is_well() {
    for (event, kind) in [
        (exit(1), "EXIT"),
        (Event::Evasive { peer: id(1) }, "EVASIVE"),
    ] {
        let mut trace = Trace::met();
        trace.event(0, &event);
        let (told, peer, event) = (0, 1, kind);
        trace.fails(Violation::Slandered { told, peer, event });
    }
    // One that was called so long after a way was held up, or before.
    for seconds in [10, 500] {
        let mut trace = Trace::met();
        trace.check.disturbed(trace.now, 0, 1);
        let until = trace.now + Duration::from_secs(100);
        trace.check.disturbed(until, 0, 1);
        trace.check.disturbed(trace.now, 0, 1);
        trace.pass(seconds);
        trace.event(0, &exit(1));
        assert_eq!(trace.check.verdict().is_ok(), seconds == 10);
    }
    // Of one that was not, it is no slander.
    let mut trace = Trace::met();
    trace.check.suffers(trace.now, 1);
    trace.check.recovers(trace.now, 1);
    trace.event(0, &exit(1));
    trace.is_well();
}

#[test]
fn alarms_out_of_turn() {
    let silent = Event::Silent { peer: id(1) };
    let evasive = Event::Evasive { peer: id(1) };
    let heard = Event::Heard { peer: id(1) };
    let cases = [
        (vec![silent], "SILENT"),
        (vec![evasive.clone(), evasive.clone()], "EVASIVE"),
        (vec![heard], "HEARD"),
        (vec![evasive, join(1, "A")], "JOIN"),
    ];
    for (events, kind) in cases {
        let mut trace = Trace::met();
        trace.check.suffers(trace.now, 1);
        events.iter().for_each(|event| trace.event(0, event));
        let (told, peer, event) = (0, 1, kind);
        trace.fails(Violation::OutOfTurn { told, peer, event });
    }
}

// What is said.

#[test]
fn content_that_was_never_sent_or_is_another_or_for_another() {
    let forged = Violation::Forged { told: 0, peer: 1 };
    let mut trace = Trace::met();
    trace.event(0, &whisper(1, "1 0"));
    trace.fails(forged.clone());
    let mut trace = Trace::met();
    trace.whispers(1, 0, "1 0 hello");
    trace.event(0, &whisper(1, "1 0 hullo"));
    trace.fails(forged.clone());
    let mut trace = Trace::of(3);
    trace.event(0, &enter(1));
    trace.whispers(1, 2, "1 0");
    trace.event(0, &whisper(1, "1 0"));
    trace.fails(forged.clone());
    // A tail for those who have not asked for it.
    let mut trace = Trace::met();
    let tail = Tail {
        header: TAIL_HEADER.into(),
        frames: vec![Frame::from("tail".to_owned())],
    };
    let content = Content::new("1 0").with_tail(tail);
    trace.acts(
        1,
        &Action::Whisper {
            peer: id(0),
            content,
        },
    );
    let frames = ["1 0", "tail"].map(|text| Frame::from(text.to_owned()));
    let content = Content::from_frames(frames).unwrap();
    let origin = Origin::unproven(id(1));
    trace.event(0, &Event::Whisper { origin, content });
    trace.fails(forged);
}

#[test]
fn content_that_comes_twice_or_out_of_order() {
    for (first, second) in [(0, 0), (1, 0)] {
        let mut trace = Trace::met();
        trace.whispers(1, 0, "1 0");
        trace.whispers(1, 0, "1 1");
        trace.check.suffers(trace.now, 1);
        for number in [first, second] {
            trace.event(0, &whisper(1, &format!("1 {number}")));
        }
        trace.fails(Violation::OutOfOrder {
            told: 0,
            peer: 1,
            content: second,
            after: first,
        });
    }
}

#[test]
fn content_that_is_lost_without_a_word() {
    for is_told in [true, false] {
        let mut trace = Trace::met();
        trace.whispers(1, 0, "1 0");
        trace.pass(3);
        if is_told {
            trace.event(1, &undelivered(0));
        }
        let verdict = trace.check.farewell_to_messages(trace.now);
        let lost = Violation::Lost {
            to: 0,
            from: 1,
            content: 0,
        };
        assert_eq!(verdict, if is_told { Ok(()) } else { Err(lost) });
    }
}

/// All that one has said who leaves in peace arrives where all is well: to say that it did not is not enough.
/// Who is too slow, or does not read, or has less time, may be told so.
#[test]
fn content_of_one_that_leaves_and_has_not_arrived() {
    let lost = Err(Violation::Lost {
        to: 0,
        from: 1,
        content: 0,
    });
    let stopped = |trace: &mut Trace| {
        let event = Event::Undelivered {
            peer: id(0),
            count: 1,
            reason: UndeliveredReason::Stopped,
        };
        trace.event(1, &event);
    };
    type Change = fn(&mut Trace);
    let cases: [(u64, Change, Verdict); 6] = [
        (5, |_| {}, lost),
        (1, |_| {}, Ok(())),
        (5, |trace| trace.event(0, &whisper(1, "1 0")), Ok(())),
        (5, |trace| trace.event(1, &undelivered(0)), Ok(())),
        (5, |trace| trace.check.suffers(trace.now, 0), Ok(())),
        (5, |trace| trace.check.reads(trace.now, 0, false), Ok(())),
    ];
    for (within, change, verdict) in cases {
        let mut trace = Trace::met();
        trace.whispers(1, 0, "1 0");
        let within = Duration::from_secs(within);
        trace.acts(1, &Action::Stop { within });
        change(&mut trace);
        stopped(&mut trace);
        trace.check.has_left(1);
        assert_eq!(trace.check.verdict(), verdict, "{within:?}");
    }
}

#[test]
fn content_of_a_message_before_which_one_is_missing() {
    let content = Content::new("1 0");
    let cases = [
        (2, true),
        (3, false),
        // It has come before, or cannot have been sent yet.
        (1, false),
        (0, false),
    ];
    for (sequence, follows) in cases {
        let mut trace = Trace::met();
        trace.whispers(1, 0, "1 0");
        trace.check.suffers(trace.now, 1);
        trace.receives(1, 1, Body::Hello(hello()));
        let content = content.clone();
        trace.receives(1, sequence, Body::Whisper { content });
        trace.event(0, &whisper(1, "1 0"));
        let unnoticed = Err(Violation::Unnoticed { told: 0, peer: 1 });
        let verdict = if follows { Ok(()) } else { unnoticed };
        assert_eq!(trace.check.verdict(), verdict, "{sequence}");
    }
    // After a gap nothing counts until the next HELLO.
    let mut trace = Trace::met();
    trace.whispers(1, 0, "1 0");
    trace.check.suffers(trace.now, 1);
    trace.receives(1, 1, Body::Hello(hello()));
    trace.receives(1, 3, Body::Ping);
    trace.receives(1, 4, Body::Whisper { content });
    trace.event(0, &whisper(1, "1 0"));
    trace.fails(Violation::Unnoticed { told: 0, peer: 1 });
}

/// What somebody says comes to whoever has the address now: that is nobody's fault, for a while.
#[test]
fn content_for_another_one_who_had_the_mailbox_before() {
    for is_heir in [true, false] {
        let mut trace = Trace::of(3);
        trace.event(0, &enter(1));
        trace.whispers(1, 2, "1 0");
        if is_heir {
            trace.check.inherits(trace.now, 0);
        }
        trace.event(0, &whisper(1, "1 0"));
        assert_eq!(trace.check.verdict().is_ok(), is_heir);
        trace.pass(1_000);
        trace.event(0, &whisper(1, "1 0"));
        trace.fails(Violation::Forged { told: 0, peer: 1 });
    }
}

// What is received.

fn hello() -> Hello {
    Hello {
        endpoint: "tcp://10.0.0.1:49152".to_owned(),
        groups: Vec::new(),
        status: 4,
        name: Name::new("somebody").unwrap(),
        headers: Headers::default(),
        left_out: 0,
    }
}

#[test]
fn a_number_that_does_not_follow() {
    let mut trace = Trace::met();
    trace.receives(1, 1, Body::Hello(hello()));
    trace.receives(1, 2, Body::Ping);
    trace.is_well();
    trace.receives(1, 4, Body::Ping);
    trace.fails(Violation::Number {
        to: 0,
        from: 1,
        wanted: 3,
        came: 4,
    });
}

#[test]
fn a_status_that_does_not_follow() {
    let mut trace = Trace::met();
    trace.receives(1, 1, Body::Hello(hello()));
    let join = |status| Body::Join {
        group: group("A"),
        status,
    };
    trace.receives(1, 2, join(5));
    trace.is_well();
    trace.receives(1, 3, join(7));
    trace.fails(Violation::Status {
        to: 0,
        from: 1,
        wanted: 6,
        came: 7,
    });
}

// Everybody lists everybody.

#[test]
fn a_roster_with_one_too_few_one_too_many_or_wrong_groups() {
    let groups: BTreeSet<GroupName> = [group("A")].into();
    let none = BTreeSet::new();
    let trace = Trace::met();
    let roster = |by, expected: &[(usize, &BTreeSet<GroupName>)]| {
        let expected: Vec<_> = expected
            .iter()
            .map(|&(peer, groups)| (peer, groups))
            .collect();
        trace.check.roster(by, expected.into_iter())
    };
    assert_eq!(roster(0, &[(1, &none)]), Ok(()));
    let (by, peer) = (0, 1);
    assert_eq!(roster(0, &[]), Err(Violation::Ghost { by, peer }));
    assert_eq!(
        roster(0, &[(1, &groups)]),
        Err(Violation::Groups { by, peer })
    );
    let trace = Trace::of(2);
    let expected = [(1, &none)].into_iter();
    assert_eq!(
        trace.check.roster(0, expected),
        Err(Violation::Missing { by, peer })
    );
}

// Small things.

#[test]
fn what_machines_must_not_want() {
    let failed = |change: &dyn Fn(&mut Check)| {
        let mut trace = Trace::met();
        change(&mut trace.check);
        trace.check.verdict().unwrap_err()
    };
    let process = 0;
    assert_eq!(failed(&|it| it.spins(0)), Violation::Spins { process });
    assert_eq!(
        failed(&|it| it.undecodable(0, "a beacon")),
        Violation::Undecodable {
            process,
            what: "a beacon"
        }
    );
    assert_eq!(
        failed(&|it| it.killed(1, "a wrong status")),
        Violation::Killed {
            foreign: 1,
            of: "a wrong status"
        }
    );
    let link = Violation::Link { process, link: 3 };
    assert_eq!(failed(&|it| it.unknown_link(0, LinkId(3))), link);
    assert_eq!(failed(&|it| it.link_is_new(0, LinkId(3), false)), link);
    let again = |it: &mut Check| {
        it.link_is_new(0, LinkId(3), true);
        it.link_is_new(0, LinkId(3), true);
    };
    assert_eq!(failed(&again), link);
    let twice = Violation::TwoDials { by: 0, port: 7 };
    assert_eq!(failed(&|it| it.dials_twice(0, 7)), twice);
    let what = "octets queued";
    let (found, limit) = (101, 100);
    let overfull = Violation::Overfull {
        process,
        what,
        found,
        limit,
    };
    assert_eq!(failed(&|it| it.queue(0, 101, 50, 100)), overfull);
    // An empty queue takes any message.
    let mut trace = Trace::met();
    trace.check.queue(0, 101, 101, 100);
    trace.is_well();
}
