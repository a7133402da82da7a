//! Messages, numbers, groups and status.

use zchat::zre::{
    Action, Body, Content, Event, ExitReason, Frame, GroupName, Headers, Name, Output, Tail,
};

use crate::solo::{Peer, Solo, events, group, hellos, ms, sent, whispered};

fn shouted(name: &str, text: &str) -> Body {
    Body::Shout {
        group: group(name),
        content: Content::new(text),
    }
}

#[test]
fn a_whisper_goes_to_its_peer_alone_and_is_numbered() {
    let mut solo = Solo::new();
    let (mut bob, mut eve) = (Peer::new(2), Peer::new(3));
    solo.enter(&mut bob);
    solo.enter(&mut eve);
    assert_eq!(sent(&solo.whisper(&bob, "one")), [(2, whispered("one"))]);
    assert_eq!(sent(&solo.whisper(&bob, "two")), [(3, whispered("two"))]);
    assert_eq!(sent(&solo.whisper(&eve, "one")), [(2, whispered("one"))]);
}

#[test]
fn trap_13_a_shout_goes_to_a_group_that_was_not_joined() {
    let mut solo = Solo::new();
    let (mut bob, mut eve) = (Peer::new(2), Peer::new(3));
    bob.groups = vec![group("CHAT")];
    solo.enter(&mut bob);
    solo.enter(&mut eve);
    let outputs = solo.act(Action::Shout {
        group: group("CHAT"),
        content: Content::new("hi"),
    });
    assert_eq!(
        sent(&outputs),
        [(2, shouted("CHAT", "hi"))],
        "bob alone is in it"
    );
    let heard = events(solo.say(&mut eve, shouted("CHAT", "me too")));
    assert!(matches!(&heard[..], [Event::Shout { group, .. }] if group.as_str() == "CHAT"));
}

#[test]
fn the_tail_of_a_content_is_only_for_peers_with_the_header() {
    let mut solo = Solo::new();
    let (mut bob, mut eve) = (Peer::new(2), Peer::new(3));
    for peer in [&mut bob, &mut eve] {
        peer.groups = vec![group("CHAT")];
    }
    solo.enter(&mut bob);
    solo.beacon(&eve);
    let mut hello = eve.hello();
    hello.headers = Headers::default().with("X-ZCHAT", "1").unwrap();
    eve.next = 2;
    solo.say_as(&eve, 1, Body::Hello(hello));
    let tail = Tail {
        header: "X-ZCHAT".into(),
        frames: vec![Frame::from("more")],
    };
    let content = Content::new("hi").with_tail(tail);
    let outputs = solo.act(Action::Shout {
        group: group("CHAT"),
        content,
    });
    let tails: Vec<bool> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Send { tail, .. } => Some(*tail),
            _ => None,
        })
        .collect();
    assert_eq!(tails, [false, true]);
}

#[test]
fn trap_2_the_status_is_exact_through_300_joins_and_leaves_and_a_rename() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    let mut zyre_status = hellos(&solo.beacon(&bob))[0].1.status;
    assert_eq!(zyre_status, 0);
    solo.hello(&mut bob);
    for round in 0..300_u32 {
        let name = group(&format!("G{}", round % 7));
        for action in [Action::Join(name.clone()), Action::Leave(name.clone())] {
            for (_, body) in sent(&solo.act(action)) {
                let (Body::Join { status, .. } | Body::Leave { status, .. }) = body else {
                    panic!("{body:?}");
                };
                zyre_status = zyre_status.wrapping_add(1);
                assert_eq!(status, zyre_status, "round {round}");
            }
        }
        if round == 150 {
            let hello = &hellos(&solo.act(Action::Rename(Name::new("al").unwrap())))[0].1;
            assert_eq!(hello.status, zyre_status);
            solo.hello(&mut bob);
        }
    }
    let mut eve = Peer::new(3);
    assert_eq!(hellos(&solo.beacon(&eve))[0].1.status, zyre_status);
    solo.hello(&mut eve);
}

#[test]
fn joining_twice_or_leaving_what_was_not_joined_sends_nothing() {
    let mut solo = Solo::new();
    solo.enter(&mut Peer::new(2));
    assert_eq!(sent(&solo.act(Action::Join(group("A")))).len(), 1);
    assert_eq!(solo.act(Action::Join(group("A"))), []);
    assert_eq!(solo.act(Action::Leave(group("B"))), []);
}

#[test]
fn a_join_reaches_a_peer_that_was_greeted_but_has_not_entered() {
    let mut solo = Solo::new();
    solo.beacon(&Peer::new(2));
    let outputs = solo.act(Action::Join(group("A")));
    assert_eq!(
        sent(&outputs),
        [(
            2,
            Body::Join {
                group: group("A"),
                status: 1
            }
        )]
    );
}

/// Goal: groups are right again, whatever was lost. Method: a HELLO that is lost with a connection, and a
/// number that fits by chance, show by a status that does not; whoever always has it wrong is not greeted
/// for each of them.
#[test]
fn trap_2_somebody_whose_status_is_wrong_is_greeted_to_hear_its_groups_but_not_again_soon() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    let mut greeted = Vec::new();
    for status in [9, 19, 29, 39] {
        solo.beacon(&bob);
        let group = group(&format!("G{status}"));
        let outputs = solo.say(&mut bob, Body::Join { group, status });
        greeted.push(hellos(&outputs).len());
        solo.hello(&mut bob);
        solo.pass(ms(4_000));
    }
    assert_eq!(greeted, [1, 0, 0, 0]);
    for _ in 0..6 {
        solo.beacon(&bob);
        solo.pass(ms(4_000));
    }
    let group = group("last");
    let status = 49;
    let outputs = solo.say(&mut bob, Body::Join { group, status });
    assert_eq!(hellos(&outputs).len(), 1, "half a minute later");
}

#[test]
fn trap_2_a_wrong_status_is_counted_and_tolerated() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    let heard = events(solo.say(
        &mut bob,
        Body::Join {
            group: group("A"),
            status: 99,
        },
    ));
    assert_eq!(
        heard,
        [Event::Join {
            peer: bob.id,
            group: group("A")
        }]
    );
    let heard = events(solo.say(
        &mut bob,
        Body::Leave {
            group: group("A"),
            status: 100,
        },
    ));
    assert_eq!(
        heard,
        [Event::Leave {
            peer: bob.id,
            group: group("A")
        }]
    );
    assert_eq!(solo.engine.stats().wrong_status, 1);
}

#[test]
fn trap_1_before_message_65535_the_peer_is_greeted_again() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    for number in 2..=65_534_u16 {
        assert_eq!(sent(&solo.whisper(&bob, "x"))[0].0, number);
    }
    let outputs = solo.whisper(&bob, "after");
    let numbers: Vec<u16> = sent(&outputs).iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [0, 1, 2], "what leads to 1, HELLO, the message");
    assert_eq!(hellos(&outputs).len(), 1);
}

#[test]
fn trap_10_what_makes_a_second_hello_the_first_for_those_who_count_it_goes_before_it() {
    // zyre.js counts HELLO like any other message: a 1 out of turn ends the acquaintance, and that
    // HELLO is lost with it. A gap before it makes it the first of a new acquaintance.
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    let outputs = solo.act(Action::Rename(Name::new("al").unwrap()));
    assert_eq!(sent(&outputs)[0], (0, Body::PingOk));
    assert_eq!(hellos(&outputs)[0].0, 1);
    // But who greets by itself has begun to count anew: the 1 is what it waits for.
    solo.hello(&mut bob);
    solo.pass(ms(3_000));
    let answer = sent(&solo.hello(&mut bob));
    assert!(matches!(answer[..], [(1, Body::Hello(_))]), "{answer:?}");
}

#[test]
fn trap_10_what_goes_before_a_second_hello_is_neither_a_gap_nor_an_answer() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.act(Action::Ping(bob.id));
    let outputs = solo.say_as(&bob, 0, Body::PingOk);
    assert!(outputs.is_empty(), "{outputs:?}");
    bob.name = "robert";
    let heard = events(solo.hello(&mut bob));
    assert!(matches!(heard[..], [Event::Update { .. }]), "{heard:?}");
    let answered = events(solo.say(&mut bob, Body::PingOk));
    assert!(
        matches!(answered[..], [Event::RoundTrip { .. }]),
        "{answered:?}"
    );
}

#[test]
fn trap_1_after_65534_a_peer_may_go_on_with_65535_or_0() {
    for wrap in [65_535_u32, 65_536] {
        let mut solo = Solo::new();
        let mut bob = Peer::new(2);
        solo.enter(&mut bob);
        let mut heard = 0;
        for number in 2..70_000_u32 {
            let sequence = (number % wrap) as u16;
            heard += events(solo.say_as(&bob, sequence, whispered("x"))).len();
        }
        assert_eq!(heard, 69_998, "modulo {wrap}");
    }
}

#[test]
fn a_gap_is_an_exit_and_the_peer_is_greeted_again_at_once() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    bob.groups = vec![group("CHAT")];
    solo.enter(&mut bob);
    let outputs = solo.say_as(&bob, 5, whispered("late"));
    assert_eq!(hellos(&outputs).len(), 1);
    assert_eq!(
        events(outputs),
        [Event::Exit {
            peer: bob.id,
            reason: ExitReason::Gap
        }]
    );
    let heard = events(solo.hello(&mut bob));
    assert!(
        matches!(heard[..], [Event::Enter { .. }, Event::Join { .. }]),
        "{heard:?}"
    );
}

#[test]
fn a_peer_that_makes_gaps_all_the_time_is_not_greeted_as_fast_as_it_likes() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    let mut greetings = 0;
    for _ in 0..100 {
        greetings += hellos(&solo.say_as(&bob, 77, Body::Ping)).len();
        greetings += hellos(&solo.hello(&mut bob)).len();
        solo.pass(ms(1));
    }
    assert!(greetings < 200, "{greetings}");
}

#[test]
fn trap_10_a_second_hello_is_an_update_and_no_departure() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    bob.groups = vec![group("A"), group("B")];
    solo.enter(&mut bob);
    bob.name = "robert";
    bob.groups = vec![group("B"), group("C")];
    let heard = events(solo.hello(&mut bob));
    assert_eq!(
        heard,
        [
            Event::Update {
                peer: bob.id,
                name: Name::new("robert").unwrap(),
                was: Name::new("bob").unwrap(),
                headers: Headers::default(),
            },
            Event::Leave {
                peer: bob.id,
                group: group("A")
            },
            Event::Join {
                peer: bob.id,
                group: group("C")
            },
        ]
    );
    assert_eq!(events(solo.say(&mut bob, whispered("still here"))).len(), 1);
}

#[test]
fn trap_10_a_hello_that_nobody_asked_for_is_answered_and_the_answer_is_not() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.pass(ms(3_000));
    // Zyre has forgotten us, and hears nothing of us before our HELLO.
    assert_eq!(hellos(&solo.hello(&mut bob)).len(), 1);
    // Ours was the question this time: its HELLO is the answer.
    assert_eq!(
        hellos(&solo.act(Action::Rename(Name::new("al").unwrap()))).len(),
        1
    );
    assert_eq!(hellos(&solo.hello(&mut bob)).len(), 0);
    solo.pass(ms(3_000));
    assert_eq!(hellos(&solo.hello(&mut bob)).len(), 1);
}

#[test]
fn two_that_greet_each_other_do_not_answer_each_others_answers_without_end() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    // Ours went out just now, so this one may be an answer to it: bob is asked whether he knows us.
    let outputs = solo.hello(&mut bob);
    assert_eq!(hellos(&outputs).len(), 0, "{outputs:?}");
    solo.say(&mut bob, Body::PingOk);
    assert_eq!(hellos(&solo.pass(ms(600))).len(), 0, "he does");
    let outputs = solo.hello(&mut bob);
    assert_eq!(hellos(&outputs).len(), 0, "{outputs:?}");
    assert_eq!(hellos(&solo.pass(ms(600))).len(), 1, "he does not");
}

#[test]
fn a_rename_is_a_hello_with_number_1_and_counting_goes_on_from_there() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.whisper(&bob, "before");
    let outputs = solo.act(Action::Rename(Name::new("al").unwrap()));
    let (sequence, hello) = &hellos(&outputs)[0];
    assert_eq!((*sequence, hello.name.as_str()), (1, "al"));
    assert_eq!(sent(&solo.whisper(&bob, "after"))[0].0, 2);
}

#[test]
fn trap_9_a_ping_is_answered_at_once() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    assert_eq!(sent(&solo.say(&mut bob, Body::Ping)), [(2, Body::PingOk)]);
}

#[test]
fn elections_are_understood_and_ignored() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    let challenger = "00".repeat(16);
    assert_eq!(
        solo.say(
            &mut bob,
            Body::Elect {
                group: group("A"),
                challenger: challenger.clone()
            }
        ),
        []
    );
    assert_eq!(
        solo.say(
            &mut bob,
            Body::Leader {
                group: group("A"),
                leader: challenger
            }
        ),
        []
    );
    assert_eq!(events(solo.say(&mut bob, whispered("x"))).len(), 1);
}

#[test]
fn a_peer_is_known_in_no_more_groups_than_the_limit_allows() {
    let mut solo = Solo::with(|config| config.limits.groups_per_peer = 3);
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    let mut joins = 0;
    for number in 0..5_u8 {
        let name = GroupName::new(&format!("G{number}")).unwrap();
        joins += events(solo.say(
            &mut bob,
            Body::Join {
                group: name,
                status: number + 1,
            },
        ))
        .len();
    }
    assert_eq!(joins, 3);
    assert_eq!(solo.engine.stats().too_many_groups, 2);
}

#[test]
fn no_more_groups_are_known_of_all_peers_than_the_limit_allows() {
    let mut solo = Solo::with(|config| config.limits.groups = 3);
    let mut joins = 0;
    for octet in 2..=4 {
        let mut peer = Peer::new(octet);
        let shared = GroupName::new("shared").unwrap();
        let own = GroupName::new(&format!("of {octet}")).unwrap();
        peer.groups = vec![shared, own];
        solo.beacon(&peer);
        joins += events(solo.hello(&mut peer)).len() - 1;
    }
    assert_eq!(joins, 5, "the third peer's own group is one too many");
    assert_eq!(solo.engine.stats().too_many_groups, 1);
}

/// One host can be thousands of peers, each in as many groups as it may be in.
#[test]
fn beyond_the_memberships_of_all_together_a_peer_is_known_in_a_few_groups_and_in_ours() {
    let mut solo = Solo::with(|config| config.limits.memberships = 100);
    solo.engine
        .handle_action(solo.now, Action::Join(group("ours")));
    let mut known = Vec::new();
    for octet in 2..=6 {
        let mut peer = Peer::new(octet);
        let name = |number| group(&format!("a group of many {number}"));
        peer.groups = (0..50).map(name).collect();
        peer.groups.push(group("ours"));
        solo.beacon(&peer);
        let events = events(solo.hello(&mut peer));
        let joined = events
            .iter()
            .filter(|event| matches!(event, Event::Join { .. }));
        known.push(joined.count());
        let is_ours =
            |event: &Event| matches!(event, Event::Join { group, .. } if group.as_str() == "ours");
        assert!(events.iter().any(is_ours));
    }
    assert_eq!(known, [51, 50, 17, 17, 17]);
    assert_eq!(solo.engine.stats().too_many_groups, 1 + 3 * 34);
}

#[test]
fn beyond_the_headers_of_all_together_a_peer_keeps_its_first_and_small_ones_are_always_kept() {
    let mut solo = Solo::with(|config| config.limits.headers_octets_in_all = 50_000);
    let headers = |count| {
        let large = (0..count).map(|number| (format!("X-{number:02}"), "v".repeat(1_000)));
        large.collect::<Headers>()
    };
    let mut kept = Vec::new();
    let mut last = None;
    for octet in 2..=5 {
        let mut peer = Peer::new(octet);
        peer.headers = headers(20);
        solo.beacon(&peer);
        solo.hello(&mut peer);
        kept.push(solo.engine.stats().left_out);
        last = Some(peer);
    }
    // Each takes 22,000 octets, of which 2,048 are its own in any case: room is for two.
    assert_eq!(kept, [0, 0, 19, 38]);
    let mut small = Peer::new(9);
    small.headers = [("X-CLIENT".to_owned(), "test".to_owned())]
        .into_iter()
        .collect();
    solo.beacon(&small);
    let events = events(solo.hello(&mut small));
    assert!(
        matches!(&events[0], Event::Enter { headers, .. } if headers.get("X-CLIENT") == Some("test"))
    );
    // What one gives up is there for others: it is known by fewer headers now.
    let mut peer = last.unwrap();
    peer.headers = headers(1);
    solo.hello(&mut peer);
    assert_eq!(solo.engine.stats().left_out, 38);
}

/// Whoever fills the limit must not keep our friends out of our own group.
#[test]
fn whoever_joins_a_group_that_we_are_in_is_known_there_whatever_others_have_joined() {
    let mut solo = Solo::with(|config| config.limits.groups = 1);
    solo.act(Action::Join(group("CHAT")));
    let mut flooder = Peer::new(66);
    flooder.groups = vec![group("one"), group("two")];
    solo.enter(&mut flooder);
    let mut bob = Peer::new(2);
    bob.groups = vec![group("CHAT"), group("three")];
    solo.beacon(&bob);
    let joined = Event::Join {
        peer: bob.id,
        group: group("CHAT"),
    };
    assert_eq!(events(solo.hello(&mut bob))[1..], [joined]);
}

#[test]
fn a_message_that_cannot_be_decoded_ends_the_acquaintance_until_the_next_beacon() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.engine.handle_malformed(solo.now, bob.id);
    assert_eq!(
        solo.events(),
        [Event::Exit {
            peer: bob.id,
            reason: ExitReason::Gap
        }]
    );
    assert!(matches!(solo.beacon(&bob)[0], Output::Connect { .. }));
}

/// Zyre after 3,000,000 queued messages and Pyre after 3,000 close their connection and drop what is
/// in it, without a word. What comes then does not follow on what came before.
#[test]
fn trap_14_a_peer_that_has_thrown_messages_to_us_away_is_told_and_is_a_peer_again_at_once() {
    let mut solo = Solo::new();
    let mut bob = Peer::new(2);
    solo.enter(&mut bob);
    solo.say(&mut bob, whispered("heard"));
    solo.engine.handle_broken(solo.now, bob.id);
    bob.next += 3_000;
    let outputs = solo.say(&mut bob, whispered("after what was thrown away"));
    assert_eq!(hellos(&outputs).len(), 1, "{outputs:?}");
    let exit = Event::Exit {
        peer: bob.id,
        reason: ExitReason::Gap,
    };
    assert_eq!(events(outputs), [exit]);
    assert!(matches!(
        events(solo.hello(&mut bob))[..],
        [Event::Enter { .. }]
    ));
}
