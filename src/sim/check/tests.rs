//! Each checker is told something that must never happen, and has to say so: exactly that, and not before.

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
            check.born(Time::START, id(number), false, false);
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

// What chats show.

fn utterance(meant: Meant, text: &str) -> Utterance {
    let text = text.to_owned();
    Utterance { meant, text }
}

fn said(number: usize, way: Way, text: &str) -> Shown {
    Shown::Said {
        who: name(number),
        way,
        text: text.to_owned(),
    }
}

fn shout(text: &str) -> Action {
    Action::Shout {
        group: group("A"),
        content: Content::new(text),
    }
}

fn heard(peer: usize, text: &str) -> Event {
    Event::Shout {
        origin: Origin::unproven(id(peer)),
        group: group("A"),
        content: Content::new(text),
    }
}

#[test]
fn a_text_that_goes_to_others_than_it_was_meant_for() {
    let to = |peer| Action::Whisper {
        peer: id(peer),
        content: Content::new("«0.0»"),
    };
    let to_a = Meant::Group(Some(group("A")));
    let cases = [
        (to_a.clone(), shout("«0.0»"), true),
        (to_a, to(1), false),
        (Meant::Group(Some(group("B"))), shout("«0.0»"), false),
        (Meant::One(name(1)), to(1), true),
        (Meant::One(name(1)), to(2), false),
        (Meant::One(name(1)), shout("«0.0»"), false),
        (Meant::All, to(1), true),
        (Meant::All, shout("«0.0»"), false),
    ];
    for (meant, action, is_right) in cases {
        let mut trace = Trace::chats(false);
        trace
            .check
            .chat_says(0, 0, utterance(meant.clone(), "«0.0»"));
        trace.check.chat_acts(0, &action);
        let verdict = if is_right {
            Ok(())
        } else {
            Err(Violation::Astray { by: 0, content: 0 })
        };
        assert_eq!(trace.check.verdict(), verdict, "{meant:?} {action:?}");
    }
}

/// What chat 0 shows when chat 1 has said something to its group.
fn shows(shown: &[Shown]) -> Verdict {
    let mut trace = Trace::chats(false);
    let meant = Meant::Group(None);
    trace
        .check
        .chat_says(1, 0, utterance(meant, "«1.0» hi\u{7}"));
    trace.check.chat_acts(1, &shout("«1.0» hi\u{7}"));
    trace.acts(1, &shout("«1.0» hi\u{7}"));
    trace.told(0, &heard(1, "«1.0» hi\u{7}"), shown);
    trace.check.verdict()
}

#[test]
fn what_was_said_is_shown_once_and_as_it_was_said() {
    let to_a = || Way::Group("A".to_owned());
    let line = said(1, to_a(), "«1.0» hi␇");
    assert_eq!(shows(std::slice::from_ref(&line)), Ok(()));
    let cases = [
        vec![],
        vec![line.clone(), line],
        vec![said(1, to_a(), "«1.0» ho␇")],
        vec![said(1, Way::Us, "«1.0» hi␇")],
        vec![said(1, Way::All, "«1.0» hi␇")],
        vec![said(2, to_a(), "«1.0» hi␇")],
        vec![said(1, Way::Group("B".to_owned()), "«1.0» hi␇")],
    ];
    for shown in cases {
        let misshown = Violation::Misshown {
            by: 0,
            peer: 1,
            content: 0,
        };
        assert_eq!(shows(&shown), Err(misshown), "{shown:?}");
    }
}

#[test]
fn a_chat_shows_nothing_that_nobody_said_and_nothing_of_whom_it_ignores() {
    let mut trace = Trace::chats(false);
    let line = said(1, Way::Us, "«1.0»");
    trace
        .check
        .chat_shows(trace.now, 0, std::slice::from_ref(&line));
    let text = "«1.0»".to_owned();
    trace.fails(Violation::MadeUp { by: 0, text });
    for is_shown in [true, false] {
        let mut trace = Trace::chats(false);
        trace.check.chat_ignores(0, id(1), true);
        trace.acts(1, &shout("«1.0»"));
        let shown = said(1, Way::Group("A".to_owned()), "«1.0»");
        let shown: Vec<Shown> = is_shown.then_some(shown).into_iter().collect();
        trace.told(0, &heard(1, "«1.0»"), &shown);
        assert_eq!(trace.check.verdict().is_err(), is_shown);
    }
}

#[test]
fn a_chat_shows_nothing_that_a_terminal_obeys() {
    let mut trace = Trace::chats(false);
    let text = "\u{1B}[2J".to_owned();
    trace
        .check
        .chat_shows(trace.now, 0, &[Shown::Raw(text.clone())]);
    trace.fails(Violation::Raw { by: 0, text });
}

#[test]
fn who_comes_and_goes_does_so_by_turns() {
    for shown in [
        Shown::Here(name(1)),
        Shown::Gone(Someone::Name("p1 2".into())),
    ] {
        let mut trace = Trace::chats(false);
        trace.is_well();
        let is_gone = matches!(shown, Shown::Gone(_));
        let times = if is_gone { 2 } else { 1 };
        for _ in 0..times {
            trace.is_well();
            trace
                .check
                .chat_shows(trace.now, 0, std::slice::from_ref(&shown));
        }
        trace.fails(Violation::Unbalanced { by: 0, peer: 1 });
    }
}

#[test]
fn who_is_here_was_said_to_be_and_nobody_else() {
    let mut trace = Trace::chats(false);
    assert_eq!(trace.check.chat_is_up_to_date(0), Ok(()));
    trace
        .check
        .chat_shows(trace.now, 0, &[Shown::Gone(name(1))]);
    let missing = Violation::Unannounced { by: 0, peer: 1 };
    assert_eq!(trace.check.chat_is_up_to_date(0), Err(missing.clone()));
    let mut trace = Trace::chats(false);
    trace.check.suffers(trace.now, 1);
    trace.told(0, &exit(1), &[]);
    assert_eq!(trace.check.chat_is_up_to_date(0), Err(missing));
}

#[test]
fn who_said_something_is_told_that_it_did_not_arrive() {
    for is_told in [true, false] {
        let mut trace = Trace::chats(false);
        trace
            .check
            .chat_says(0, 0, utterance(Meant::Group(None), "«0.0»"));
        trace.check.chat_acts(0, &shout("«0.0»"));
        let line = Shown::Undelivered(name(1));
        let shown: Vec<Shown> = is_told.then_some(line).into_iter().collect();
        trace.told(0, &undelivered(1), &shown);
        let untold = Err(Violation::Untold { by: 0, peer: 1 });
        let verdict = if is_told { Ok(()) } else { untold };
        assert_eq!(trace.check.verdict(), verdict);
    }
}

#[test]
fn a_private_chat_is_wanted_by_both() {
    for (one, other) in [(true, true), (true, false), (false, true)] {
        let mut trace = Trace::chats(false);
        if one {
            trace.check.chat_wants(0, &name(1));
        }
        if other {
            trace.check.chat_wants(1, &Someone::Id(id(0)));
        }
        trace
            .check
            .chat_shows(trace.now, 0, &[Shown::Begins(name(1))]);
        let verdict = trace.check.verdict();
        assert_eq!(verdict.is_ok(), one && other, "{verdict:?}");
    }
    let mut trace = Trace::chats(false);
    trace
        .check
        .chat_shows(trace.now, 0, &[Shown::Asks(name(1))]);
    trace.fails(Violation::Unwanted { by: 0, peer: 1 });
}

#[test]
fn both_agree_about_a_private_chat() {
    let mut trace = Trace::chats(false);
    trace.check.chat_wants(0, &name(1));
    trace.check.chat_wants(1, &name(0));
    trace
        .check
        .chat_shows(trace.now, 0, &[Shown::Begins(name(1))]);
    let disagreed = Violation::Disagreed { one: 0, other: 1 };
    assert_eq!(trace.check.chats_agree(), Err(disagreed.clone()));
    trace
        .check
        .chat_shows(trace.now, 1, &[Shown::Begins(name(0))]);
    assert_eq!(trace.check.chats_agree(), Ok(()));
    trace
        .check
        .chat_shows(trace.now, 1, &[Shown::Ends(name(0))]);
    assert_eq!(trace.check.chats_agree(), Err(disagreed));
}

#[test]
fn the_status_tells_whether_something_went_wrong() {
    let cases = [
        (true, false, End::Done, true),
        (true, true, End::Done, false),
        (true, true, End::Failed, true),
        (true, false, End::Failed, false),
        (false, true, End::Done, true),
        (false, true, End::Failed, false),
        (true, true, End::Signal, true),
    ];
    for (is_piped, has_failed, end, is_true) in cases {
        let mut trace = Trace::chats(is_piped);
        if has_failed {
            trace.check.chat_shows(trace.now, 0, &[Shown::Error]);
        }
        trace.check.chat_quits(0, end);
        let untrue = Err(Violation::Untrue { by: 0 });
        let verdict = if is_true { Ok(()) } else { untrue };
        assert_eq!(
            trace.check.verdict(),
            verdict,
            "{is_piped} {has_failed} {end:?}"
        );
    }
    let mut trace = Trace::chats(true);
    trace.check.chat_has_ended(0, false);
    trace.fails(Violation::Untrue { by: 0 });
}
