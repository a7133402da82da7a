//! What must hold for any octets over a connection that an inbox has accepted: it makes of them what
//! they mean, answers what is to be answered, and afterwards nothing is left of it.

use std::net::{IpAddr, Ipv4Addr, Shutdown};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, poll};

use super::*;
use crate::node::bell::poll_timeout;
use crate::node::checks::{PATIENCE, Pieces};
use crate::node::zmtp::Side;
use crate::node::zmtp::checks::{Way, read};
use crate::zre::Body;

/// Whose inbox it is, and the ticket that it gives.
const OWN: PeerId = PeerId::from_bytes([5; 16]);
const TICKET: [u8; 16] = *b"one of a mailbox";

/// An address of loopback that no node uses: where nodes are, peers of one that has gone may still dial its
/// port, and would be refused here.
const NOBODYS: Ipv4Addr = Ipv4Addr::new(127, 7, 7, 7);

fn words() -> Words {
    Words::of_a_router(&OWN.routing_id())
}

/// What an inbox is to tell, and to say to the other side.
#[derive(Debug, Default)]
struct Meaning {
    received: Vec<Received>,
    notice: Option<Notice>,
    said: Vec<u8>,
    /// The inbox ends the connection by itself.
    is_ended: bool,
}

/// What comes over a connection that somebody has dialled to us.
pub(in super::super) fn accepted(pieces: Pieces<'_>, limits: &Limits) {
    let expected = Meaning::of(pieces, limits);
    let address = IpAddr::V4(NOBODYS);
    let mut inbox =
        Inbox::bind(OWN, &[address.into()], None, limits, 1).expect("loopback has ports");
    inbox.tickets = || Ticket::from(TICKET);
    let mut other = Other::dial(SocketAddr::new(address, inbox.port()));
    let mut seen = Meaning::default();
    for piece in pieces {
        // It may have been ended already.
        let _ended = other.socket.write_all(piece);
        other.serve(&mut inbox, &mut seen, Duration::ZERO);
    }
    let _ended = other.socket.shutdown(Shutdown::Write);
    let deadline = Instant::now() + PATIENCE;
    while !other.is_over {
        assert!(Instant::now() < deadline, "not ended: {seen:?}");
        other.serve(&mut inbox, &mut seen, PATIENCE);
    }
    assert!(inbox.streams.is_empty() && inbox.held == 0);
    seen.compare(&expected);
}

impl Meaning {
    /// What these octets mean to whoever reads all of them at once.
    fn of(pieces: Pieces<'_>, limits: &Limits) -> Self {
        let (items, violation) = read(Side::Router, pieces.whole(), limits, Way::Plain);
        let words = words();
        let mut meaning = Self {
            said: words.hail().to_vec(),
            ..Self::default()
        };
        let mut peer = None;
        for item in items {
            match item {
                Item::Version(version) => {
                    let ticket = Ticket::from(TICKET);
                    meaning.said.extend(words.to_with_ticket(version, &ticket));
                }
                Item::Ready(ready) => match PeerId::from_routing_id(&ready.routing_id) {
                    None => return meaning.ended_by(Some(Notice::BadOrigin)),
                    id => peer = id,
                },
                Item::Ping(context) => meaning.said.extend(zmtp::pong(&context)),
                Item::Pong => unreachable!("a ROUTER asks nothing"),
                Item::TooLarge => {
                    let malformed = peer.map(|from| Received::Malformed { from });
                    meaning.received.extend(malformed);
                    return meaning.ended_by(None);
                }
                Item::Message(frames) => {
                    let from = peer.expect("messages come behind READY");
                    if !meaning.is_told(from, frames, limits) {
                        return meaning.ended_by(None);
                    }
                }
            }
        }
        if violation.is_some() {
            meaning = meaning.ended_by(Some(Notice::Violation));
        }
        meaning
    }

    /// Adds a message; `false` if it cannot be read.
    fn is_told(&mut self, from: PeerId, frames: Vec<Frame>, limits: &Limits) -> bool {
        let mut frames = frames.into_iter();
        let header = frames.next().expect("a message has a frame");
        let message = Message::decode(&header, Content::from_frames(frames), limits);
        let is_read = message.is_ok();
        let via = Via::default();
        self.received.push(match message {
            Ok(message) => Received::Message { from, via, message },
            Err(_) => Received::Malformed { from },
        });
        is_read
    }

    fn ended_by(mut self, notice: Option<Notice>) -> Self {
        self.notice = notice;
        self.is_ended = true;
        self
    }

    /// Compares what was seen with what was expected.
    fn compare(&self, expected: &Self) {
        let entered = expected.received.iter().any(is_hello);
        let told = self.received.len() - usize::from(entered);
        assert_eq!(told, expected.received.len(), "{self:?}, not {expected:?}");
        for (seen, expected) in self.received.iter().zip(&expected.received) {
            assert!(is_same(seen, expected), "{seen:?}, not {expected:?}");
        }
        if entered {
            // The end of a peer's connection is told behind all that came over it.
            let last = self.received.last();
            assert!(matches!(last, Some(Received::Broken { .. })), "{last:?}");
        }
        assert_eq!(self.notice, expected.notice);
        let is_all = self.said == expected.said;
        // An end of ours may take with it what is still under way.
        let is_cut = expected.is_ended && expected.said.starts_with(&self.said);
        // Who has gone before saying a version need not be told ours.
        let is_unsaid = self.said.is_empty() && expected.said == words().hail();
        assert!(is_all || is_cut || is_unsaid, "{self:?}, not {expected:?}");
    }
}

fn is_hello(received: &Received) -> bool {
    matches!(received, Received::Message { message, .. } if matches!(message.body, Body::Hello(_)))
}

fn is_same(one: &Received, other: &Received) -> bool {
    match (one, other) {
        (
            Received::Message { from, message, .. },
            Received::Message {
                from: other,
                message: same,
                ..
            },
        ) => from == other && message == same,
        (Received::Malformed { from }, Received::Malformed { from: other }) => from == other,
        _ => false,
    }
}

/// The other side of the connection.
struct Other {
    socket: TcpStream,
    /// The inbox has ended the connection.
    is_over: bool,
}

impl Other {
    fn dial(to: SocketAddr) -> Self {
        let socket = TcpStream::connect(to).expect("somebody listens there");
        socket
            .set_nonblocking(true)
            .expect("no system refuses that");
        Self {
            socket,
            is_over: false,
        }
    }

    /// One round of the inbox, as the mesh thread makes it, when there is something or `patience` is
    /// over; and of reading what it says.
    fn serve(&mut self, inbox: &mut Inbox, seen: &mut Meaning, patience: Duration) {
        let mut signals = [
            PollFd::new(inbox.signal(), PollFlags::POLLIN),
            PollFd::new(inbox.arrival_signal(), PollFlags::POLLIN),
            PollFd::new(std::os::fd::AsFd::as_fd(&self.socket), PollFlags::POLLIN),
        ];
        let _interrupted = poll(&mut signals, poll_timeout(Some(patience)));
        let now = Instant::now();
        (inbox.signalled, inbox.arrived) = (true, true);
        inbox.attend(now);
        inbox.begin_round();
        while let Some(received) = inbox.receive() {
            if let Received::Message { from, .. } = &received
                && is_hello(&received)
            {
                inbox.entered(now, *from);
            }
            seen.received.push(received);
        }
        while let Some(notice) = inbox.take_notice() {
            assert_eq!(seen.notice.replace(notice), None, "another notice");
        }
        self.listen(&mut seen.said);
    }

    fn listen(&mut self, said: &mut Vec<u8>) {
        let mut octets = [0; 4_096];
        while !self.is_over {
            match self.socket.read(&mut octets) {
                Ok(length) if length > 0 => said.extend(octets.iter().take(length)),
                Err(error) if is_for_later(&error) => return,
                Ok(_) | Err(_) => self.is_over = true,
            }
        }
    }
}
