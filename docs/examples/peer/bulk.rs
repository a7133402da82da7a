//! A bulk send, on a thread of its own.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use zchat::node::Sender;
use zchat::zre::{Content, Frame, GroupName, PeerId};

use crate::options::Bulk;
use crate::output::{per_second, tell_directly};
use crate::tally::{NUMBERED, now, number, seconds};

/// Who gets it, by now known.
#[derive(Debug)]
pub(crate) enum Receiver {
    Group(GroupName),
    Peer(PeerId),
}

/// Sends, and prints SENT when everything is handed to the node. The thread ends after `linger`.
pub(crate) fn start(
    sender: Sender,
    receiver: Receiver,
    bulk: Bulk,
    linger: Duration,
) -> JoinHandle<()> {
    let run = move || {
        send(&sender, &receiver, &bulk);
        pause(linger);
    };
    thread::Builder::new()
        .name("peer-bulk".to_owned())
        .spawn(run)
        .expect("one more thread can be started")
}

fn send(sender: &Sender, receiver: &Receiver, bulk: &Bulk) {
    let template = vec![b'x'; bulk.size];
    let start = now();
    let mut sent = 0;
    while sent < bulk.count {
        if let Some(rate) = bulk.rate {
            keep_pace(start, sent, rate);
        }
        let content = content(&template, sent);
        let taken = match receiver {
            Receiver::Group(group) => sender.shout(group, content),
            Receiver::Peer(peer) => sender.whisper(*peer, content),
        };
        if let Err(error) = taken {
            tell_directly("ERROR", &[("text", error.to_string().into())]);
            break;
        }
        sent += 1;
    }
    let secs = seconds(now() - start);
    tell_directly(
        "SENT",
        &[
            ("msgs", sent.into()),
            ("size", bulk.size.into()),
            ("secs", secs.into()),
            ("msg_per_s", per_second(sent, secs).into()),
        ],
    );
}

/// One message. Nothing but its own octets is allocated.
fn content(template: &[u8], sent: u64) -> Content {
    let mut octets = template.to_vec();
    if octets.len() >= NUMBERED {
        number(&mut octets, now(), sent);
    }
    Content::new(Frame::from(octets))
}

/// Waits until this message is due.
fn keep_pace(start: u64, sent: u64, rate: f64) {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 9 * 10^15 messages")]
    let due = sent as f64 / rate;
    let ahead = due - seconds(now() - start);
    if ahead > 0.0 {
        pause(Duration::from_secs_f64(ahead));
    }
}

fn pause(time: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "the pace of a sender is a matter of time"
    )]
    thread::sleep(time);
}
