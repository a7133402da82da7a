//! Links against a ROUTER of libzmq and against bare TCP, over loopback.

mod mailboxes;
mod shouts;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Weak};

use super::*;
use crate::zre::{Body, GroupName, Tail};

/// Links of one node.
struct Ours {
    links: Links,
    seen: Vec<News>,
}

/// Links of one node, and the ROUTER at the far end of the first of them.
struct Pair {
    ours: Ours,
    far: zmq::Socket,
    remote: SocketAddr,
}

const LINK: LinkId = LinkId(7);
const PATIENCE: Duration = Duration::from_secs(20);

impl Ours {
    fn new(budget: usize) -> Self {
        let limits = Limits {
            queued_octets: budget,
            ..Limits::default()
        };
        let peer = PeerId::from_bytes([0xab; 16]);
        Self {
            links: Links::new(peer, &limits, 1).unwrap(),
            seen: Vec::new(),
        }
    }

    fn connect(&mut self, remote: SocketAddr) {
        let to = zre::Link::plain(remote, None);
        self.links.connect(Instant::now(), LINK, None, &to);
    }

    fn send(&mut self, message: Message, tail: bool) -> Sent {
        self.links.send(Instant::now(), LINK, message, tail)
    }

    fn whisper(&mut self, number: u16, content: Content) -> Sent {
        self.send(message(number, Body::Whisper { content }), true)
    }

    /// One round, as the mesh thread makes it.
    fn serve(&mut self, patience: Duration) {
        let mut signal = [PollFd::new(self.links.signal(), PollFlags::POLLIN)];
        let now = Instant::now();
        let due = self.links.poll_timeout();
        let due = due.map(|due| due.saturating_duration_since(now));
        let wait = due.unwrap_or(patience).min(patience);
        let wait = if self.links.is_busy() {
            Duration::ZERO
        } else {
            wait
        };
        poll(&mut signal, poll_timeout(Some(wait))).unwrap();
        self.links.signalled = true;
        let now = Instant::now();
        self.links.attend(now);
        self.links.flush(now, false);
        self.seen
            .extend(std::iter::from_fn(|| self.links.take_news()));
    }

    fn serve_until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < deadline, "{what}: {:?}", self.seen);
            self.serve(Duration::from_millis(1));
        }
    }

    fn serve_for(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        while Instant::now() < deadline {
            self.serve(Duration::from_millis(5));
        }
    }

    fn has_seen(&self, news: News) -> bool {
        self.seen.contains(&news)
    }
}

impl Pair {
    fn new(budget: usize) -> Self {
        let context = zmq::Context::new();
        let far = context.socket(zmq::ROUTER).unwrap();
        far.set_linger(0).unwrap();
        far.set_rcvtimeo(0).unwrap();
        far.set_rcvhwm(10).unwrap();
        // What TCP holds besides, so that a test needs not send much to fill it.
        far.set_rcvbuf(64 << 10).unwrap();
        far.bind("tcp://127.0.0.1:*").unwrap();
        let endpoint = far.get_last_endpoint().unwrap().unwrap();
        let remote = endpoint.strip_prefix("tcp://").unwrap().parse().unwrap();
        let mut ours = Ours::new(budget);
        ours.connect(remote);
        Self { ours, far, remote }
    }

    /// Fills the link with messages of this size until one comes back for good; how many went.
    fn fill(&mut self, size: usize) -> u16 {
        // Nothing goes before somebody is there.
        let first = self.ours.whisper(0, Content::new(vec![b'x'; size]));
        assert!(matches!(first, Sent::Queued));
        self.ours
            .serve_until("there", |ours| ours.has_seen(News::Connected(LINK)));
        let mut number = 1;
        let mut quiet = Instant::now() + Duration::from_millis(100);
        loop {
            match self.ours.whisper(number, Content::new(vec![b'x'; size])) {
                Sent::Queued => {
                    number += 1;
                    quiet = Instant::now() + Duration::from_millis(100);
                }
                Sent::Full(message) => {
                    assert_eq!(message.sequence, number);
                    if Instant::now() > quiet {
                        return number;
                    }
                    self.ours.serve(Duration::from_millis(1));
                }
            }
        }
    }

    fn take(&mut self) -> Vec<Vec<u8>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.far.recv_multipart(0) {
                Ok(frames) => return frames,
                Err(error) => assert_eq!(error, zmq::Error::EAGAIN),
            }
            assert!(Instant::now() < deadline, "nothing comes");
            self.ours.serve(Duration::from_millis(1));
        }
    }
}

fn message(sequence: u16, body: Body) -> Message {
    Message { sequence, body }
}

/// The number of a message, in its first frame.
fn number_of(frames: &[Vec<u8>]) -> u16 {
    u16::from_be_bytes([frames[1][4], frames[1][5]])
}

#[test]
fn a_link_shows_the_routing_id_and_says_when_somebody_is_there() {
    let mut pair = Pair::new(1 << 20);
    assert!(matches!(
        pair.ours.send(message(1, Body::Ping), false),
        Sent::Queued
    ));
    let frames = pair.take();
    assert_eq!(frames[0], PeerId::from_bytes([0xab; 16]).routing_id());
    assert_eq!(frames[1], [0xaa, 0xa1, 6, 2, 0, 1]);
    assert_eq!(frames.len(), 2);
    assert_eq!(pair.ours.seen, [News::Met(LINK), News::Connected(LINK)]);
}

#[test]
fn content_goes_in_frames_of_its_own_with_its_tail_only_where_that_is_for_the_receiver() {
    let mut pair = Pair::new(1 << 20);
    let large = vec![b'l'; 3 * queue::SHARED_OCTETS];
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
            pair.ours.send(message(number, body), tail),
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
fn a_large_frame_is_shared_and_let_go_when_it_has_arrived() {
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
        assert!(matches!(pair.ours.whisper(number, content), Sent::Queued));
    }
    drop(frame);
    assert_eq!(alive.strong_count(), 1, "it is not copied");
    for _ in 1..=10 {
        assert_eq!(pair.take()[2].len(), size);
    }
    pair.ours
        .serve_until("it is let go", |_| alive.strong_count() == 0);
}

#[test]
fn a_receiver_that_takes_nothing_costs_its_budget_and_is_heard_of_when_it_takes_again() {
    let budget = 1 << 20;
    let mut pair = Pair::new(budget);
    let size = 1_000;
    let sent = pair.fill(size);
    let queued = pair.ours.links.links[&LINK].queue.cost();
    assert!(queued <= budget as u64, "{queued} octets are queued");
    assert!(queued > budget as u64 - 2 * size as u64);
    pair.ours.seen.clear();
    let mut taken = 0;
    while !pair.ours.has_seen(News::Room(LINK)) {
        assert!(taken < sent, "all is taken, and there is no room");
        assert_eq!(number_of(&pair.take()), taken);
        taken += 1;
    }
    assert_eq!(pair.ours.seen[0], News::Progress(LINK));
    let content = Content::new(vec![b'x'; size]);
    assert!(matches!(pair.ours.whisper(sent, content), Sent::Queued));
    while taken <= sent {
        assert_eq!(number_of(&pair.take()), taken);
        taken += 1;
    }
    assert!(pair.ours.links.tools.unwritten.is_empty());
}

#[test]
fn a_message_larger_than_the_budget_passes_an_empty_link_and_no_other() {
    let mut pair = Pair::new(10_000);
    let large = Content::new(vec![b'x'; 8 << 20]);
    assert!(matches!(pair.ours.whisper(1, large.clone()), Sent::Queued));
    assert!(matches!(pair.ours.whisper(2, large.clone()), Sent::Full(_)));
    assert_eq!(pair.take()[2].len(), 8 << 20);
    pair.ours
        .serve_until("room", |ours| ours.has_seen(News::Room(LINK)));
    assert!(matches!(pair.ours.whisper(2, large), Sent::Queued));
}

#[test]
fn a_large_message_that_is_taken_slowly_is_progress() {
    let mut pair = Pair::new(10_000);
    // Raw TCP, which takes as much as it likes.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut ours = Ours::new(10_000);
    ours.connect(listener.local_addr().unwrap());
    let mut slow = mailboxes::admit(&mut ours, &listener);
    let large = Content::new(vec![b'x'; 8 << 20]);
    assert!(matches!(ours.whisper(1, large.clone()), Sent::Queued));
    assert!(matches!(ours.whisper(2, large), Sent::Full(_)));
    for _ in 0..3 {
        ours.serve_for(Duration::from_millis(20));
        ours.seen.clear();
        // How much the system holds on the way is its business.
        while !ours.has_seen(News::Progress(LINK)) {
            mailboxes::read_exactly(&mut ours, &mut slow, 64 << 10);
        }
        assert!(!ours.has_seen(News::Room(LINK)));
    }
    pair.ours.links.close(Duration::ZERO);
}

#[test]
fn what_was_not_written_is_counted_to_the_last_message_when_the_link_is_closed() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut ours = Ours::new(16 << 20);
    ours.connect(listener.local_addr().unwrap());
    let mut far = mailboxes::admit(&mut ours, &listener);
    let (header, size) = (6 + 2, 1_000);
    for number in 0..5_000 {
        let content = Content::new(vec![b'x'; size]);
        assert!(matches!(ours.whisper(number, content), Sent::Queued));
    }
    ours.serve_for(Duration::from_millis(50));
    let unsent = ours.links.disconnect(LINK);
    assert!(unsent > 0, "TCP alone took five megabytes");
    // All that was written is under way, and the rest is not: what comes are so many messages, and
    // perhaps a part of one more.
    let came = mailboxes::read_to_end(&mut far);
    let message = header + 9 + size;
    assert_eq!(came / message, 5_000 - usize::try_from(unsent).unwrap());
    assert_eq!(ours.links.disconnect(LINK), 0, "it is closed already");
}

#[test]
fn nothing_is_counted_when_everything_was_written() {
    let mut pair = Pair::new(4 << 20);
    for number in 1..=100 {
        assert!(matches!(
            pair.ours.whisper(number, Content::new("hello")),
            Sent::Queued
        ));
        assert_eq!(pair.take()[2], b"hello");
    }
    assert_eq!(pair.ours.links.disconnect(LINK), 0);
}

#[test]
fn what_is_queued_when_everything_is_closed_is_still_sent_where_somebody_is_there() {
    let mut pair = Pair::new(16 << 20);
    assert!(matches!(
        pair.ours.send(message(1, Body::Ping), false),
        Sent::Queued
    ));
    pair.take();
    for number in 2..1_000 {
        let content = Content::new(vec![b'x'; 5_000]);
        assert!(matches!(pair.ours.whisper(number, content), Sent::Queued));
    }
    let far = pair.far;
    far.set_rcvtimeo(20_000).unwrap();
    let reader = std::thread::Builder::new()
        .spawn(move || {
            (2..1_000).all(|number| number_of(&far.recv_multipart(0).unwrap()) == number)
        })
        .unwrap();
    pair.ours.links.close(PATIENCE);
    assert!(reader.join().unwrap());
}

#[test]
fn messages_wait_in_order_for_a_mailbox_that_is_opened_later_and_for_the_next_one_there() {
    let mut pair = Pair::new(1 << 20);
    let endpoint = format!("tcp://{}", pair.remote);
    drop(std::mem::replace(
        &mut pair.far,
        zmq::Context::new().socket(zmq::ROUTER).unwrap(),
    ));
    // What the system has taken is lost with a connection: so it has to be known that nobody is there.
    pair.ours
        .serve_until("refused", |ours| ours.has_seen(News::Refused(LINK)));
    for number in 0..500 {
        let content = Content::new(vec![b'x'; 200]);
        assert!(matches!(pair.ours.whisper(number, content), Sent::Queued));
    }
    pair.ours.serve_for(Duration::from_millis(150));
    pair.far.set_linger(0).unwrap();
    pair.far.set_rcvtimeo(0).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = pair.far.bind(&endpoint) {
        assert!(Instant::now() < deadline, "{error}");
        pair.ours.serve(Duration::from_millis(1));
    }
    for number in 0..500 {
        assert_eq!(number_of(&pair.take()), number);
    }
}
