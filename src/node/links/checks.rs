//! What must hold for any octets over a connection that we have dialled: whoever says what a mailbox has
//! no reason to say is left alone, and everybody else gets what is to be sent, whole.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};

use super::*;
use crate::node::checks::{PATIENCE, Pieces};
use crate::node::tcp::is_for_later;
use crate::node::zmtp::checks::{Way, read};
use crate::node::zmtp::{Item, Side, Version, pong};
use crate::zre::Body;

const LINK: LinkId = LinkId(1);

/// What comes over a connection to what we take for a mailbox.
pub(in super::super) fn dialled(pieces: Pieces<'_>, limits: &Limits) {
    let peer = PeerId::from_bytes([7; 16]);
    let (said, is_refused) = expected(peer, pieces, limits);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has ports");
    let at = listener.local_addr().expect("it is bound");
    let mut links = Links::new(peer, limits, 1).expect("a descriptor is to be had");
    links.connect(Instant::now(), LINK, None, &zre::Link::plain(at, None));
    let queued = links.send(Instant::now(), LINK, whisper(), true);
    assert!(matches!(queued, Sent::Queued));
    let mut mailbox = Mailbox::accept(&listener);
    // It is not there any more when it would be dialled again.
    drop(listener);
    for piece in pieces {
        let _ended = mailbox.socket.write_all(piece);
        mailbox.serve(&mut links, Duration::ZERO);
    }
    let _ended = mailbox.socket.shutdown(Shutdown::Write);
    let deadline = Instant::now() + PATIENCE;
    while !mailbox.is_over {
        assert!(Instant::now() < deadline, "the link does not end");
        mailbox.serve(&mut links, PATIENCE);
    }
    let link = links.links.get(&LINK).expect("nobody has closed it");
    assert_eq!(link.is_given_up(), is_refused, "of {:?}", mailbox.heard);
    let is_cut = is_refused && said.starts_with(&mailbox.heard);
    let is_all = mailbox.heard == said;
    assert!(is_all || is_cut, "{:?}, not {said:?}", mailbox.heard);
}

/// What is to be said to who says this, and whether it is to be left alone.
fn expected(peer: PeerId, pieces: Pieces<'_>, limits: &Limits) -> (Vec<u8>, bool) {
    let words = Words::of_a_dealer(&peer.routing_id());
    let (items, violation) = read(Side::Dealer, pieces.whole(), limits, Way::Plain);
    let mut said = words.hail().to_vec();
    let mut ready: &[u8] = &[];
    for item in items {
        match item {
            Item::Version(version) => {
                ready = match version {
                    Version::Two => &[],
                    Version::Three => words.ready(),
                };
                let greeting = words.to(version).strip_suffix(ready);
                said.extend(greeting.expect("READY is the last of it"));
            }
            Item::Ready(_) => {
                said.extend(ready);
                let mut header = Vec::new();
                whisper().encode_header(&mut header);
                for (more, frame) in [(1, &header[..]), (0, CONTENT)] {
                    said.extend([more, u8::try_from(frame.len()).unwrap_or(0)]);
                    said.extend(frame);
                }
            }
            Item::Ping(context) => said.extend(pong(&context)),
            Item::Pong => {}
            Item::Message(_) | Item::TooLarge => unreachable!("a DEALER reads none"),
        }
    }
    (said, violation.is_some())
}

fn whisper() -> Message {
    Message {
        sequence: 2,
        body: Body::Whisper {
            content: Content::new(Frame::copy_of(CONTENT)),
        },
    }
}

const CONTENT: &[u8] = b"what is to be sent";

/// What we take for a mailbox.
struct Mailbox {
    socket: TcpStream,
    heard: Vec<u8>,
    /// The link has ended the connection.
    is_over: bool,
}

impl Mailbox {
    fn accept(listener: &TcpListener) -> Self {
        let (socket, _) = listener.accept().expect("it is dialled");
        socket
            .set_nonblocking(true)
            .expect("no system refuses that");
        Self {
            socket,
            heard: Vec::new(),
            is_over: false,
        }
    }

    /// One round of the links, as the mesh thread makes it, when there is something or `patience` is
    /// over; and of reading what they say.
    fn serve(&mut self, links: &mut Links, patience: Duration) {
        let mut signals = [
            PollFd::new(links.signal(), PollFlags::POLLIN),
            PollFd::new(self.socket.as_fd(), PollFlags::POLLIN),
        ];
        let _interrupted = poll(&mut signals, poll_timeout(Some(patience)));
        links.signalled = true;
        let now = Instant::now();
        links.attend(now);
        links.flush(now, false);
        let mut octets = [0; 4_096];
        while !self.is_over {
            match self.socket.read(&mut octets) {
                Ok(length) if length > 0 => self.heard.extend(octets.iter().take(length)),
                Err(error) if is_for_later(&error) => return,
                Ok(_) | Err(_) => self.is_over = true,
            }
        }
    }
}
