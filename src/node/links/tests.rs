//! Links against a ROUTER of the test's own, over loopback.

use std::sync::Weak;
use std::time::Instant;

use super::*;
use crate::node::bell::Waker;
use crate::zre::{GroupName, Tail};

/// Links of one node, and the ROUTER at the far end of the first of them.
struct Pair {
    links: Links,
    waker: Waker,
    far: Socket,
}

const LINK: LinkId = LinkId(7);

impl Pair {
    fn new(budget: usize) -> Self {
        let context = Context::new(100).unwrap();
        let far = context.socket(zmq_sys::ZMQ_ROUTER).unwrap();
        far.set_linger(0).unwrap();
        far.set_rcvtimeo(5_000).unwrap();
        far.set_rcvhwm(10).unwrap();
        // What TCP holds besides, so that a test needs not send much to fill it.
        far.set_rcvbuf(64 << 10).unwrap();
        far.bind("tcp://127.0.0.1:*").unwrap();
        let endpoint = far.get_last_endpoint().unwrap().unwrap();
        let remote = endpoint.strip_prefix("tcp://").unwrap().parse().unwrap();
        let waker = Waker::new().unwrap();
        let peer = PeerId::from_bytes([0xab; 16]);
        let mut links = Links::new(context, peer, budget, waker.bell());
        links.connect(LINK, &zre::Link::plain(remote, None));
        Self { links, waker, far }
    }

    fn whisper(&mut self, number: u16, content: Content) -> Sent {
        let body = Body::Whisper { content };
        self.links.send(LINK, message(number, body), true)
    }

    /// Fills the link with messages of this size until one comes back; how many went.
    fn fill(&mut self, size: usize) -> u16 {
        for number in 0.. {
            match self.whisper(number, Content::new(vec![b'x'; size])) {
                Sent::Queued => {}
                Sent::Full(message) => {
                    assert_eq!(message.sequence, number);
                    return number;
                }
            }
        }
        unreachable!()
    }

    fn take(&self) -> Vec<Vec<u8>> {
        self.far.recv_multipart(0).unwrap()
    }

    /// Waits for news as the mesh thread does, until there are some or the time is over.
    fn news(&mut self) -> Vec<News> {
        let deadline = Instant::now() + Duration::from_secs(5);
        let mut news = Vec::new();
        while news.is_empty() && Instant::now() < deadline {
            self.waker.prepare_sleep();
            if !self.links.has_news() {
                self.waker.bell().sleep(Some(deadline));
            }
            self.waker.awake();
            self.links.collect_news(&mut news);
        }
        news
    }
}

fn message(sequence: u16, body: Body) -> Message {
    Message { sequence, body }
}

#[test]
fn a_link_shows_the_routing_id_and_says_when_somebody_is_there() {
    let mut pair = Pair::new(1 << 20);
    assert!(matches!(
        pair.links.send(LINK, message(1, Body::Ping), false),
        Sent::Queued
    ));
    let frames = pair.take();
    assert_eq!(frames[0], PeerId::from_bytes([0xab; 16]).routing_id());
    assert_eq!(frames[1], [0xaa, 0xa1, 6, 2, 0, 1]);
    assert_eq!(frames.len(), 2);
    assert_eq!(pair.news(), [News::Connected(LINK)]);
}

#[test]
fn content_goes_in_frames_of_its_own_with_its_tail_only_where_that_is_for_the_receiver() {
    let mut pair = Pair::new(1 << 20);
    let large = vec![b'l'; 3 * SHARED_OCTETS];
    let content = Content::from_frames([Frame::from("text"), large.clone().into()])
        .unwrap()
        .with_tail(Tail {
            header: "X-TAIL".into(),
            frames: vec![Frame::from(""), Frame::from("tail")],
        });
    let group = GroupName::new("CHAT").unwrap();
    for (number, tail) in [(1, true), (2, false)] {
        let body = Body::Shout {
            group: group.clone(),
            content: content.clone(),
        };
        assert!(matches!(
            pair.links.send(LINK, message(number, body), tail),
            Sent::Queued
        ));
    }
    let header = |number| [&[0xaa, 0xa1, 3, 2, 0, number, 4], &b"CHAT"[..]].concat();
    let text = b"text".to_vec();
    let frames = pair.take();
    assert_eq!(
        frames[1..],
        [
            header(1),
            text.clone(),
            large.clone(),
            vec![],
            b"tail".to_vec()
        ]
    );
    assert_eq!(pair.take()[1..], [header(2), text, large]);
}

#[test]
fn a_large_frame_is_shared_with_libzmq_and_let_go_when_it_is_written() {
    struct Watched(
        Vec<u8>,
        #[expect(dead_code, reason = "only counted")] Arc<()>,
    );
    impl AsRef<[u8]> for Watched {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    let mut pair = Pair::new(1 << 30);
    let count = Arc::new(());
    let alive: Weak<()> = Arc::downgrade(&count);
    let size = 1 << 20;
    let frame = Frame::from_owner(Watched(vec![b'w'; size], count));
    for number in 1..=10 {
        let content = Content::new(frame.clone());
        assert!(matches!(pair.whisper(number, content), Sent::Queued));
    }
    drop(frame);
    for _ in 1..=10 {
        assert_eq!(pair.take()[2].len(), size);
    }
    let deadline = Instant::now() + Duration::from_secs(5);
    while alive.strong_count() > 0 {
        assert!(
            Instant::now() < deadline,
            "libzmq still holds what it has written"
        );
        std::thread::yield_now();
    }
}

#[test]
fn a_receiver_that_takes_nothing_costs_its_budget_and_is_heard_of_when_it_takes_again() {
    let budget = 1 << 20;
    let mut pair = Pair::new(budget);
    let size = 1_000;
    let sent = pair.fill(size);
    assert!(pair.links.any_full());
    let link = &pair.links.links[&LINK];
    assert!(
        link.in_flight() <= budget as u64,
        "{} octets in flight",
        link.in_flight()
    );
    assert!(link.in_flight() > budget as u64 - 2 * size as u64);

    // It takes again: there is progress, then room, though nobody asks in between.
    let mut taken = 0;
    let mut seen = Vec::new();
    while !seen.contains(&News::Room(LINK)) {
        assert!(taken < sent, "all is taken, and there is no room");
        let frames = pair.take();
        assert_eq!(frames[1][4..], taken.to_be_bytes());
        taken += 1;
        pair.links.collect_news(&mut seen);
    }
    assert!(seen.contains(&News::Connected(LINK)) && seen.contains(&News::Progress(LINK)));
    assert!(!pair.links.any_full());
    assert!(matches!(
        pair.whisper(sent, Content::new(vec![b'x'; size])),
        Sent::Queued
    ));
    while taken <= sent {
        assert_eq!(pair.take()[1][4..], taken.to_be_bytes());
        taken += 1;
    }
}

#[test]
fn the_bell_is_rung_when_a_full_link_has_room_again() {
    let mut pair = Pair::new(8 << 20);
    let sent = pair.fill(100_000);
    while pair.links.has_news() {
        pair.links.collect_news(&mut Vec::new());
    }
    assert!(pair.links.any_full(), "TCP alone holds the whole budget");
    for _ in 0..sent {
        pair.take();
    }
    // As the mesh thread sleeps, without looking at full links.
    let deadline = Instant::now() + Duration::from_secs(5);
    while !pair.links.has_news() {
        assert!(Instant::now() < deadline, "nobody rang");
        pair.waker.prepare_sleep();
        if !pair.links.has_news() {
            pair.waker.bell().sleep(Some(deadline));
        }
    }
    assert!(pair.news().contains(&News::Room(LINK)));
}

#[test]
fn a_message_larger_than_the_budget_passes_an_empty_link_and_no_other() {
    let mut pair = Pair::new(10_000);
    let large = Content::new(vec![b'x'; 1 << 20]);
    // The far end holds some that it is not asked for, and may be quick to take them.
    let mut number = 1;
    while matches!(pair.whisper(number, large.clone()), Sent::Queued) {
        assert!(number < 40, "a link that is not empty takes it too");
        number += 1;
    }
    assert!(number > 1, "an empty link does not take it");
    for _ in 1..number {
        assert_eq!(pair.take()[2].len(), 1 << 20);
    }
    while !pair.news().contains(&News::Room(LINK)) {}
    assert!(matches!(pair.whisper(number, large), Sent::Queued));
}

#[test]
fn what_was_not_written_is_counted_when_the_link_is_closed() {
    let mut pair = Pair::new(16 << 20);
    let sent = u64::from(pair.fill(10_000));
    for _ in 0..20 {
        pair.take();
    }
    let unsent = pair.links.disconnect(LINK);
    assert!(
        unsent <= sent - 20,
        "{unsent} of {sent} unsent, though 20 were taken"
    );
    // TCP, and what libzmq hands over to it, hold some; the rest was never written.
    assert!(
        unsent >= sent / 4,
        "{unsent} of {sent} unsent, though nobody took them"
    );
    assert!(!pair.links.any_full());
    assert_eq!(pair.links.disconnect(LINK), 0, "it is closed already");
}

#[test]
fn nothing_is_counted_when_everything_was_written() {
    let mut pair = Pair::new(4 << 20);
    for number in 1..=100 {
        assert!(matches!(
            pair.whisper(number, Content::new("hello")),
            Sent::Queued
        ));
        assert_eq!(pair.take()[2], b"hello");
    }
    // What was taken over there was written here, but the news of it may be some microseconds late.
    let deadline = Instant::now() + Duration::from_secs(5);
    while pair.links.links[&LINK].in_flight() > 0 {
        assert!(
            Instant::now() < deadline,
            "what was written is not known to be"
        );
        std::thread::yield_now();
    }
    assert_eq!(pair.links.disconnect(LINK), 0);
}

#[test]
fn a_link_that_cannot_be_opened_takes_no_content_and_swallows_the_rest() {
    let mut pair = Pair::new(1 << 20);
    let context = Context::new(1).unwrap();
    // The one that libzmq began with takes a moment to be gone.
    let _only = std::iter::repeat_with(|| context.socket(zmq_sys::ZMQ_DEALER)).find(Result::is_ok);
    let waker = Waker::new().unwrap();
    pair.links = Links::new(context, PeerId::from_bytes([1; 16]), 1 << 20, waker.bell());
    let nowhere = "127.0.0.1:9".parse().unwrap();
    pair.links.connect(LINK, &zre::Link::plain(nowhere, None));
    assert!(matches!(
        pair.links.send(LINK, message(1, Body::Ping), false),
        Sent::Queued
    ));
    assert!(matches!(
        pair.whisper(2, Content::new("lost")),
        Sent::Full(_)
    ));
    let mut news = Vec::new();
    pair.links.collect_news(&mut news);
    assert_eq!(news, []);
    assert_eq!(pair.links.disconnect(LINK), 0, "it was given back");
}
