//! SHOUTs to many links: written in shares, together with what is shouted meanwhile, and in nobody's way.

use super::mailboxes::admit;
use super::*;
use crate::node::descriptors;

/// Links of one node to mailboxes that do not read, more of them than a round writes to.
struct Hall {
    ours: Ours,
    links: Vec<LinkId>,
    _far: Vec<TcpStream>,
}

const LINKS: u64 = MANY as u64 + 100;

impl Hall {
    fn new() -> Self {
        // Each link has two here, and other tests may be made of as many in the same process.
        descriptors::provide(Limits::default()).unwrap();
        let at = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let to = zre::Link::plain(at.local_addr().unwrap(), None);
        let mut ours = Ours::new(1 << 20);
        let links: Vec<LinkId> = (1..=LINKS).map(LinkId).collect();
        let mut far = Vec::new();
        for link in &links {
            ours.links.connect(Instant::now(), *link, None, &to);
            far.push(admit(&mut ours, &at));
        }
        let is_open = |ours: &Ours| ours.links.links.values().all(Link::is_open);
        ours.serve_until("all are open", is_open);
        let mut hall = Self::of(ours, links, far);
        // The first that is written is news.
        hall.shout(0, "who is here?");
        hall.ours
            .serve_until("all is written", |ours| !ours.links.is_busy());
        hall
    }

    const fn of(ours: Ours, links: Vec<LinkId>, far: Vec<TcpStream>) -> Self {
        Self {
            ours,
            links,
            _far: far,
        }
    }

    fn shout(&mut self, number: u16, text: &str) {
        for link in &self.links {
            let body = Body::Shout {
                group: GroupName::new("CHAT").unwrap(),
                content: Content::new(text.to_owned()),
            };
            let message = message(number, body);
            let sent = self.ours.links.send(Instant::now(), *link, message, false);
            assert!(matches!(sent, Sent::Queued));
        }
    }

    fn flush(&mut self, more: bool) {
        self.ours.links.flush(Instant::now(), more);
    }

    /// Links in which something is still to be written.
    fn unwritten(&self) -> usize {
        let links = self.ours.links.links.values();
        links.filter(|link| link.queue.unwritten() > 0).count()
    }
}

#[test]
fn a_round_writes_a_shout_to_some_hundred_links_and_the_next_rounds_to_the_others() {
    let mut hall = Hall::new();
    hall.shout(1, "to all");
    hall.flush(false);
    let left = hall.unwritten();
    assert!((100..200).contains(&left), "{left} of {LINKS} are left");
    assert!(hall.ours.links.is_busy(), "another round follows at once");
    hall.flush(false);
    assert_eq!(hall.unwritten(), 0);
    assert!(!hall.ours.links.is_busy());
}

#[test]
fn what_is_no_shout_does_not_wait_for_those_to_others_but_for_those_before_it() {
    let mut hall = Hall::new();
    hall.shout(1, "to all");
    let last = *hall.links.last().unwrap();
    let ping = message(2, Body::Ping);
    let sent = hall.ours.links.send(Instant::now(), last, ping, false);
    assert!(matches!(sent, Sent::Queued));
    hall.ours.links.flush_answers(Instant::now());
    assert_eq!(hall.unwritten(), hall.links.len() - 1);
    assert_eq!(hall.ours.links.links[&last].queue.unwritten(), 0);
}

#[test]
fn while_more_shouts_follow_they_gather_for_some_rounds_and_no_longer() {
    let mut hall = Hall::new();
    for round in 1..=GATHERED_ROUNDS {
        hall.shout(u16::try_from(round).unwrap(), "to all");
        hall.flush(true);
        assert_eq!(hall.unwritten(), hall.links.len(), "round {round}");
    }
    hall.shout(100, "to all");
    hall.flush(true);
    assert!(hall.unwritten() < hall.links.len(), "some are written");
    hall.flush(false);
    assert_eq!(hall.unwritten(), 0);
}

#[test]
fn links_gather_no_more_shouts_than_are_worth_a_write() {
    let mut hall = Hall::new();
    let text = "x".repeat(1_000);
    let mut shouts = 0;
    while !hall.ours.links.gathers_enough() {
        shouts += 1;
        hall.shout(shouts, &text);
    }
    let worth = MUCH.min(GATHERED / LINKS) / (text.len() as u64 + 22);
    let gathered = u64::from(shouts);
    assert!(
        gathered.abs_diff(worth) < worth / 4,
        "{gathered} SHOUTs, {worth} are worth it"
    );
    hall.flush(false);
    hall.flush(false);
    assert!(!hall.ours.links.gathers_enough());
}
