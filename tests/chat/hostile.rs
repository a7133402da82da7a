//! Whatever a peer sends, and whatever is typed: nothing panics, nothing reaches a terminal that it
//! could obey, nothing is waited for that is over.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use zchat::chat::{BadLine, Form, Input, Signal};
use zchat::zre::{
    Action, Content, Event, ExitReason, Frame, GroupName, Headers, Name, Origin, PeerId,
    UndeliveredReason,
};

use crate::harness::{BOB, CAROL, Chat, id, json, link, piped, typed, zchat_headers};

/// Whether a terminal could obey it, or reorder or hide text by it.
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{202A}'..='\u{202E}'
                | '\u{2066}'..='\u{2069}'
                | '\u{200E}'
                | '\u{200F}'
                | '\u{061C}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{FEFF}'
        )
}

/// Text as hostile as it gets.
fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        "[ -~]{0,8}",
        prop::sample::select(vec![
            "\u{1b}[2J",
            "\u{1b}]0;title\u{7}",
            "\u{9b}31m",
            "\r",
            "\n",
            "\t",
            "\u{202e}",
            "\u{2066}",
            "\u{2028}",
            "\u{feff}",
            "\u{200d}",
            "\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
            "👩‍👩‍👧",
            "日本",
            "alice",
            "bob~b011",
            " -> ",
            "\"",
            "\\",
        ])
        .prop_map(str::to_owned),
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// A note as another program may write it: any fields, some of them ours.
fn note() -> impl Strategy<Value = Vec<u8>> {
    let kinds = [
        "text", "action", "ask", "ok", "reject", "busy", "end", "away", "back", "who", "these", "x",
    ];
    let peer = (nasty(), vec(nasty(), 0..3), any::<i64>()).prop_map(|(name, groups, since)| {
        serde_json::json!({
            "peer": "00112233445566778899aabbccddeeff",
            "name": name, "endpoint": name, "groups": groups, "since": since,
            "headers": [[name, name]],
        })
    });
    let fields = (
        prop::sample::select(kinds.to_vec()),
        prop::option::of(0_u64..40),
        prop::option::of(any::<u32>()),
        prop::option::of(nasty()),
        vec(peer, 0..3),
        any::<bool>(),
    );
    fields.prop_map(|(kind, request, skip, text, peers, timeout)| {
        let mut note = serde_json::json!({
            "kind": kind, "id": 1, "sent": 1, "timeout": timeout, "peers": peers, "later": [1, {}],
        });
        let map = note.as_object_mut().unwrap();
        if let Some(request) = request {
            map.insert("request".to_owned(), request.into());
            map.insert("private".to_owned(), request.into());
        }
        map.extend(skip.map(|skip| ("skip".to_owned(), skip.into())));
        map.extend(text.map(|text| ("text".to_owned(), text.into())));
        rmp_serde::to_vec_named(&note).unwrap()
    })
}

fn peer() -> impl Strategy<Value = PeerId> {
    prop::sample::select(vec![BOB, CAROL, id(0xB7), id(0xD0)])
}

fn frames() -> impl Strategy<Value = Vec<Frame>> {
    let first = prop_oneof![
        nasty().prop_map(Frame::from),
        vec(any::<u8>(), 0..20).prop_map(Frame::from),
        Just(Frame::from("")),
    ];
    let more = prop_oneof![
        3 => note(),
        1 => vec(any::<u8>(), 0..40),
    ];
    (first, vec(more, 0..3)).prop_map(|(first, more)| {
        std::iter::once(first)
            .chain(more.into_iter().map(Frame::from))
            .collect()
    })
}

fn event() -> impl Strategy<Value = Event> {
    let group = || {
        nasty().prop_filter_map("a group has a name", |name| {
            GroupName::lossy(name.as_bytes())
        })
    };
    let group = move || prop_oneof![Just(GroupName::new("CHAT").unwrap()), group()];
    let name = || nasty().prop_map(|name| Name::lossy(name.as_bytes()));
    let headers = || {
        prop_oneof![
            3 => Just(zchat_headers()),
            1 => (nasty(), nasty()).prop_map(|pair| Headers::from_iter([pair])),
        ]
    };
    let reason = prop::sample::select(vec![
        ExitReason::Farewell,
        ExitReason::Gap,
        ExitReason::Overflow,
        ExitReason::Broken,
    ]);
    let content = || frames().prop_map(|frames| Content::from_frames(frames).unwrap());
    prop_oneof![
        (peer(), name(), headers()).prop_map(|(peer, name, headers)| Event::Enter {
            peer,
            name,
            headers,
            link: link(peer),
        }),
        (peer(), reason).prop_map(|(peer, reason)| Event::Exit { peer, reason }),
        (peer(), group()).prop_map(|(peer, group)| Event::Join { peer, group }),
        (peer(), group()).prop_map(|(peer, group)| Event::Leave { peer, group }),
        (peer(), name(), headers()).prop_map(|(peer, name, headers)| Event::Update {
            peer,
            was: name.clone(),
            name,
            headers,
        }),
        peer().prop_map(|peer| Event::Evasive { peer }),
        peer().prop_map(|peer| Event::Silent { peer }),
        peer().prop_map(|peer| Event::Heard { peer }),
        (peer(), peer()).prop_map(|(peer, place)| Event::Moved {
            peer,
            link: link(place)
        }),
        peer().prop_map(|peer| Event::RoundTrip {
            peer,
            elapsed: Duration::from_millis(1)
        }),
        (peer(), any::<u64>()).prop_map(|(peer, count)| Event::Undelivered {
            peer,
            count,
            reason: UndeliveredReason::Full,
        }),
        (peer(), content()).prop_map(|(peer, content)| Event::Whisper {
            origin: Origin::unproven(peer),
            content
        }),
        (peer(), group(), content()).prop_map(|(peer, group, content)| Event::Shout {
            origin: Origin::unproven(peer),
            group,
            content,
        }),
    ]
}

#[derive(Debug, Clone)]
enum Step {
    Line(String),
    Bad,
    Event(Event),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let command = prop::sample::select(
        zchat::chat::COMMANDS
            .iter()
            .map(|info| info.name)
            .filter(|name| *name != "/quit")
            .collect::<Vec<_>>(),
    );
    let of_peer =
        prop::sample::select(vec!["/whois", "/select", "/chat", "/ok", "/msg", "/ignore"]);
    let line = prop_oneof![
        nasty(),
        (of_peer, peer()).prop_map(|(command, peer)| match command {
            "/msg" => format!("/msg {peer} hello"),
            _ => format!("{command} {peer}"),
        }),
        (command, nasty()).prop_map(|(command, rest)| format!("{command} {rest}")),
    ];
    let line = line.prop_filter("this would be the end", |line| {
        !["/quit", "/exit", "$$STOP"]
            .iter()
            .any(|end| line.starts_with(end))
    });
    prop_oneof![
        3 => line.prop_map(Step::Line),
        6 => event().prop_map(Step::Event),
        1 => Just(Step::Bad),
        2 => (0_u64..90_000).prop_map(Step::Pass),
    ]
}

/// Answers a question for a list by a list that is as hostile as it gets.
fn answer(chat: &mut Chat, peer: PeerId, content: &Content) {
    let Some(tail) = content.tail() else {
        return;
    };
    let note: serde_json::Value = rmp_serde::from_slice(&tail.frames[0]).unwrap();
    if note["kind"] == "who" {
        let nasty = "\u{1b}[2J\u{202e}\n\u{9b}";
        let row = serde_json::json!({
            "peer": "00112233445566778899aabbccddeeff", "name": nasty, "endpoint": nasty,
            "groups": [nasty, nasty], "headers": [[nasty, nasty]], "since": i64::MIN,
        });
        let these = serde_json::json!({
            "kind": "these", "request": note["request"], "peers": [row], "more": u64::MAX,
        });
        let octets = rmp_serde::to_vec_named(&these).unwrap();
        chat.whisper_frames(peer, vec!["".into(), octets.into()]);
    }
}

/// Does all of it, and looks at everything that is shown.
fn live(mut chat: Chat, steps: Vec<Step>) {
    for step in steps {
        match step {
            Step::Line(line) if chat.session.wants_lines() => chat.line(&line),
            Step::Bad if chat.session.wants_lines() => chat.bad_line(BadLine::NotUtf8),
            Step::Line(_) | Step::Bad => {}
            Step::Event(event) => chat.event(event),
            Step::Pass(milliseconds) => chat.pass(Duration::from_millis(milliseconds)),
        }
        for action in chat.asked() {
            if let Action::Whisper { peer, content } = action {
                assert!([BOB, CAROL, id(0xB7), id(0xD0)].contains(&peer));
                assert!(content.size() <= 200_000);
                answer(&mut chat, peer, &content);
            }
        }
        let completion = chat.session.complete("/msg ", 5);
        for candidate in completion.candidates {
            assert!(!candidate.contains(is_harmful), "{candidate:?}");
        }
        for line in chat.lines.drain(..) {
            assert!(!line.text.contains(is_harmful), "{:?}", line.text);
            for span in &line.spans {
                assert!(line.text.get(span.range.clone()).is_some(), "{line:?}");
            }
        }
    }
    chat.signal(Signal::Interrupt);
    chat.finish(&[]);
    assert_eq!(chat.quit.map(zchat::chat::Exit::code), Some(130));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_received_or_typed_harms_a_terminal(steps in vec(step(), 0..60)) {
        live(Chat::new(typed("alice", &["CHAT"])), steps);
    }

    #[test]
    fn nothing_received_or_typed_harms_a_pipe(steps in vec(step(), 0..60)) {
        live(Chat::new(piped("alice", &["CHAT"])), steps);
    }

    #[test]
    fn nothing_received_or_typed_harms_the_records(steps in vec(step(), 0..60)) {
        let mut config = json("alice", &["CHAT"]);
        config.input = Input::Typed;
        assert_eq!(config.form, Form::Json);
        live(Chat::new(config), steps);
    }

    #[test]
    fn any_octets_behind_a_text_leave_the_text(
        octets in vec(any::<u8>(), 0..200),
        text in "[a-z]{1,10}",
    ) {
        let mut chat = Chat::new(piped("alice", &["CHAT"]));
        chat.enter(BOB, "bob", &["CHAT"]);
        chat.screen();
        chat.whisper_frames(BOB, vec![text.as_str().into(), octets.into()]);
        let screen = chat.screen();
        prop_assert!(screen.contains(&text), "{}", screen);
    }

    #[test]
    fn a_note_that_is_cut_or_has_a_wrong_bit_does_no_harm(
        note in note(), cut in any::<prop::sample::Index>(), bit in any::<prop::sample::Index>(),
    ) {
        let mut chat = Chat::new(typed("alice", &["CHAT"]));
        chat.enter(BOB, "bob", &["CHAT"]);
        let cut = note[..cut.index(note.len())].to_vec();
        let mut flipped = note;
        let bit = bit.index(flipped.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        for octets in [cut, flipped] {
            chat.whisper_frames(BOB, vec!["".into(), octets.into()]);
        }
        for line in chat.lines {
            prop_assert!(!line.text.contains(is_harmful));
        }
    }
}

#[test]
fn a_note_that_claims_to_be_huge_is_none() {
    let mut chat = Chat::new(json("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.reported();
    // Maps, lists and texts of four billion, and lists within lists without end.
    for octets in [
        vec![0xDF, 0xFF, 0xFF, 0xFF, 0xFF],
        vec![
            0x82, 0xA4, b'k', b'i', b'n', b'd', 0xDB, 0xFF, 0xFF, 0xFF, 0xFF,
        ],
        [&[0x81, 0xA5][..], b"peers", &[0xDD, 0xFF, 0xFF, 0xFF, 0xFF]].concat(),
        [&[0x81, 0xA5][..], b"later", &[0x91; 60_000]].concat(),
        vec![0x80; 70_000],
    ] {
        chat.whisper_frames(BOB, vec!["hi".into(), octets.into()]);
    }
    for record in &chat.records {
        assert_eq!(record["text"], "hi");
        assert_eq!(
            record["frames"].as_array().unwrap().len(),
            1,
            "it is shown as foreign"
        );
    }
    assert_eq!(chat.records.len(), 5);
}

#[test]
fn a_list_with_more_than_the_limits_is_no_list() {
    let row = serde_json::json!({ "peer": "0".repeat(32), "name": "x" });
    let mut chat = Chat::new(typed("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    for count in [256, 257] {
        chat.seconds(2);
        chat.line("/select bob");
        chat.screen();
        let request = chat
            .asked()
            .into_iter()
            .rev()
            .find_map(|action| match action {
                Action::Whisper { content, .. } => Some(content),
                _ => None,
            })
            .map(|content| content.tail().unwrap().frames[0].clone())
            .map(|frame| rmp_serde::from_slice::<serde_json::Value>(&frame).unwrap())
            .map(|note| note["request"].as_u64().unwrap());
        let rows = vec![row.clone(); count];
        let note = serde_json::json!({ "kind": "these", "request": request, "peers": rows });
        let octets = rmp_serde::to_vec_named(&note).unwrap();
        chat.whisper_frames(BOB, vec!["".into(), octets.into()]);
        let said = chat.said();
        assert_eq!(
            said.contains("* bob is connected to"),
            count == 256,
            "{said}"
        );
    }
}

#[test]
fn a_peer_that_is_no_zchat_is_not_believed_to_have_sent_a_note() {
    let note = serde_json::json!({ "kind": "ask", "request": 7 });
    let octets = rmp_serde::to_vec_named(&note).unwrap();
    let mut chat = Chat::new(json("alice", &["CHAT"]));
    chat.enter_foreign(BOB, "bob", &["CHAT"]);
    chat.reported();
    chat.whisper_frames(BOB, vec!["hi".into(), octets.into()]);
    assert_eq!(chat.records[0]["event"], "whisper");
    assert_eq!(chat.records[0]["frames"].as_array().unwrap().len(), 1);
}

#[test]
fn what_a_later_version_tells_without_a_text_is_not_shown() {
    let note = serde_json::json!({ "kind": "receipt", "of": [1, 2, 3] });
    let octets = rmp_serde::to_vec_named(&note).unwrap();
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.enter(BOB, "bob", &["CHAT"]);
    chat.screen();
    chat.whisper_frames(BOB, vec!["".into(), octets.clone().into()]);
    assert_eq!(chat.screen(), "");
    chat.whisper_frames(BOB, vec!["something new".into(), octets.into()]);
    assert_eq!(chat.screen(), "[bob -> you] something new");
}

#[test]
fn content_that_is_not_text_is_described_and_reported_whole() {
    let octets = || {
        vec![
            Frame::from(vec![0xFF, 0xFE]),
            "more".into(),
            "and more".into(),
        ]
    };
    let mut chat = Chat::new(piped("alice", &["CHAT"]));
    chat.enter_foreign(BOB, "bob", &["CHAT"]);
    chat.screen();
    chat.whisper_frames(BOB, octets());
    assert_eq!(
        chat.screen(),
        "[bob -> you] (2 octets that are not text) (and 2 more frames)"
    );
    let mut chat = Chat::new(json("alice", &["CHAT"]));
    chat.enter_foreign(BOB, "bob", &["CHAT"]);
    chat.whisper_frames(BOB, octets());
    let record = chat.records.pop().unwrap();
    assert_eq!(record["base64"], "//4=");
    assert_eq!(
        record["frames"],
        serde_json::json!(["bW9yZQ==", "YW5kIG1vcmU="])
    );
    assert_eq!(record.get("text"), None);
}
