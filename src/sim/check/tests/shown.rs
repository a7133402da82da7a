//! What chats show.

use super::*;

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
