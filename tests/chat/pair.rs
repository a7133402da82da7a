//! Two chats wired to each other: what one tells its node reaches the other as an event.

use std::collections::VecDeque;
use std::time::Duration;

use zchat::chat::Config;
use zchat::zre::{Action, Content, Event, Frame, Origin, PeerId};

use crate::harness::{ALICE, BOB, Chat, link, typed, zchat_headers};

/// Alice and bob, and what is under way between them.
pub struct Pair {
    pub alice: Chat,
    pub bob: Chat,
    /// What alice and bob have sent that has not arrived.
    pub to_bob: VecDeque<Event>,
    pub to_alice: VecDeque<Event>,
}

impl Pair {
    /// Alice and bob in CHAT at terminals; all that they said so far is forgotten.
    pub fn new() -> Self {
        Self::of(typed("alice", &["CHAT"]), typed("bob", &["CHAT"]))
    }

    pub fn of(alice: Config, bob: Config) -> Self {
        let mut pair = Self {
            alice: Chat::of(alice, ALICE),
            bob: Chat::of(bob, BOB),
            to_bob: VecDeque::new(),
            to_alice: VecDeque::new(),
        };
        pair.alice.enter(BOB, "bob", &["CHAT"]);
        pair.bob.enter(ALICE, "alice", &["CHAT"]);
        pair.seconds(3);
        pair.said();
        pair
    }

    /// Both type this, before anything of the other's arrives.
    pub fn both(&mut self, alice: &str, bob: &str) {
        self.alice.line(alice);
        self.bob.line(bob);
        self.settle();
    }

    pub fn alice(&mut self, line: &str) {
        self.alice.line(line);
        self.settle();
    }

    pub fn bob(&mut self, line: &str) {
        self.bob.line(line);
        self.settle();
    }

    pub fn seconds(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.alice.pass(Duration::from_secs(1));
            self.bob.pass(Duration::from_secs(1));
            self.settle();
        }
    }

    /// Everything under way arrives.
    pub fn settle(&mut self) {
        loop {
            self.send();
            let (to_alice, to_bob) = (self.to_alice.pop_front(), self.to_bob.pop_front());
            if to_alice.is_none() && to_bob.is_none() {
                return;
            }
            to_alice
                .into_iter()
                .for_each(|event| self.alice.event(event));
            to_bob.into_iter().for_each(|event| self.bob.event(event));
        }
    }

    /// What both have told their nodes is under way.
    pub fn send(&mut self) {
        self.to_bob.extend(carry(&mut self.alice, ALICE, BOB));
        self.to_alice.extend(carry(&mut self.bob, BOB, ALICE));
    }

    /// What both screens show since the last call.
    pub fn said(&mut self) -> (String, String) {
        (self.alice.said(), self.bob.said())
    }
}

/// What another peer with our header receives of what this chat tells its node.
pub fn carry(chat: &mut Chat, from: PeerId, to: PeerId) -> Vec<Event> {
    let origin = Origin::unproven(from);
    let arrives = |content: &Content| {
        let headers = zchat_headers();
        let frames: Vec<Frame> = content.frames_for(&headers).cloned().collect();
        Content::from_frames(frames).unwrap()
    };
    let events = chat.asked().into_iter().filter_map(|action| match action {
        Action::Whisper { peer, content } if peer == to => Some(Event::Whisper {
            origin: origin.clone(),
            content: arrives(&content),
        }),
        Action::Shout { group, content } => Some(Event::Shout {
            origin: origin.clone(),
            group,
            content: arrives(&content),
        }),
        Action::Rename(name) => {
            let was = name.clone();
            Some(Event::Update {
                peer: from,
                name,
                was,
                headers: zchat_headers(),
            })
        }
        _ => None,
    });
    events.collect()
}

/// Bob's link as alice's node knows it, for lists.
pub fn endpoint(peer: PeerId) -> String {
    link(peer).to_string()
}
