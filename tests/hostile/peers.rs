//! Peers that are peers, but too many, or too much.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::field::{Field, Intruder};
use crate::ground::withstands;
use crate::words::{self, JOIN, LEAVE, WHISPER};
use crate::zmtp::{Mailbox, Raw, encoded};

#[test]
fn hundreds_of_peers_of_one_host_that_come_and_go() {
    withstands("peers that come and go", come_and_go);
}

#[test]
fn peers_that_join_groups_without_end() {
    withstands("JOIN and LEAVE without end", join_without_end);
}

#[test]
fn peers_that_rename_themselves_without_end() {
    withstands("HELLO without end", rename_without_end);
}

#[test]
fn peers_whose_messages_come_faster_than_they_can_be_shown() {
    withstands("whispers of 60 KiB without end", whisper_without_end);
}

#[test]
fn endpoints_that_lead_elsewhere() {
    withstands("HELLOs with endpoints of others", elsewhere);
}

#[test]
fn peers_that_take_nothing() {
    withstands("peers that take nothing", deaf);
}

#[test]
fn peers_that_join_and_leave_one_group_without_end() {
    withstands("JOIN and LEAVE of one group without end", flap);
}

#[test]
fn peers_that_have_another_name_a_thousand_times_a_second() {
    withstands("another name without end", rename_at_once);
}

#[test]
fn peers_that_ask_whether_we_live_without_end_and_do_not_read_the_answers() {
    withstands("PING without end", ping_without_end);
}

#[test]
fn peers_that_end_their_half_of_a_connection() {
    withstands("connections that are half closed", half_closed);
}

#[test]
fn hundreds_of_peers_that_take_nothing() {
    withstands("hundreds of peers that take nothing", hundreds_deaf);
}

pub(crate) fn come_and_go(field: &Field) {
    let mailbox = Mailbox::open(field.own).unwrap();
    let mut held = Vec::new();
    while field.goes_on() {
        if held.len() >= 200 {
            held.drain(..100);
        }
        if let Ok(intruder) = field.intruder(mailbox.address.port()) {
            field.count();
            held.push(intruder);
        }
    }
}

pub(crate) fn join_without_end(field: &Field) {
    let mailbox = Mailbox::open(field.own).unwrap();
    while field.goes_on() {
        let Ok(mut intruder) = field.intruder(mailbox.address.port()) else {
            continue;
        };
        for number in 0..5_000_u16 {
            let group = format!("{}-{number}", "g".repeat(200));
            let status = u8::try_from((2 + number) % 256).unwrap();
            let join = words::change(JOIN, intruder.next(), &group, status);
            if !field.goes_on() || intruder.raw.message(&[&join]).is_err() {
                break;
            }
            field.count();
            if number % 3 == 0 {
                let leave = words::change(LEAVE, intruder.next(), &group, status);
                let _refused = intruder.raw.message(&[&leave]);
            }
        }
    }
}

/// A second HELLO is a change of name: each has another one, and hundreds of headers.
pub(crate) fn rename_without_end(field: &Field) {
    let mailbox = Mailbox::open(field.own).unwrap();
    let endpoint = format!("tcp://{}", mailbox.address);
    while field.goes_on() {
        let Ok(mut intruder) = field.intruder(mailbox.address.port()) else {
            continue;
        };
        for number in 0..500 {
            let mut hello = words::hello(1, &endpoint, &["CHAT"], 1, &format!("mallory-{number}"));
            hello.truncate(hello.len() - 4);
            words::number(&mut hello, 300);
            for header in 0..300 {
                words::string(&mut hello, &format!("X-{header}"));
                words::number(&mut hello, 100);
                hello.extend([b'h'; 100]);
            }
            if !field.goes_on() || intruder.raw.message(&[&hello]).is_err() {
                break;
            }
            field.count();
        }
    }
}

pub(crate) fn whisper_without_end(field: &Field) {
    let mailbox = Mailbox::open(field.own).unwrap();
    while field.goes_on() {
        let Ok(mut intruder) = field.intruder(mailbox.address.port()) else {
            continue;
        };
        while field.goes_on() && whisper(&mut intruder).is_ok() {
            field.count();
        }
    }
}

fn whisper(intruder: &mut Intruder) -> io::Result<()> {
    let head = words::head(WHISPER, intruder.next());
    intruder.raw.message(&[&head, &[b'w'; 60 << 10]])
}

/// Every HELLO leads the node somewhere else: to itself, to bob, to the attacker's other ports, to
/// nobody.
pub(crate) fn elsewhere(field: &Field) {
    let endpoints = [
        "tcp://127.0.0.1:22".to_owned(),
        format!("tcp://127.0.0.1:{}", field.mailbox.port()),
        format!("tcp://{}", field.mailbox),
        format!("tcp://{}", field.bob_at),
        "tcp://10.77.0.200:80".to_owned(),
        "tcp://a.host.that.is.not:80".to_owned(),
        "ipc:///tmp/zchat-hostile".to_owned(),
        "inproc://zchat.inbox.monitor".to_owned(),
        "tcp://*:*".to_owned(),
        "udp://10.77.0.255:5670".to_owned(),
        String::new(),
        "tcp://[::1]:65536".to_owned(),
    ];
    while field.goes_on() {
        for endpoint in &endpoints {
            let id = crate::field::fresh();
            field.real.lock().unwrap().insert(id);
            let Ok(mut raw) = field.dealer(&id.routing_id()) else {
                continue;
            };
            let hello = words::hello(1, endpoint, &["CHAT"], 1, "mallory");
            let _refused = raw.message(&[&hello]);
            field.count();
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// They are members of the group, but their mailboxes read nothing: what is shouted piles up.
pub(crate) fn deaf(field: &Field) {
    let deaf = Deaf::new(field);
    let mut held = Vec::new();
    for _ in 0..20 {
        held.extend(field.intruder(deaf.listen()));
        field.count();
    }
    while field.goes_on() {
        for intruder in &mut held {
            let ping = words::head(words::PING, intruder.next());
            let _refused = intruder.raw.message(&[&ping]);
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Says it as fast as it is taken, with the right status.
pub(crate) fn flap(field: &Field) {
    let mailbox = Mailbox::open(field.own).unwrap();
    while field.goes_on() {
        let Ok(mut intruder) = field.intruder(mailbox.address.port()) else {
            continue;
        };
        let mut status = 1_u8;
        let mut said = Ok(());
        while field.goes_on() && said.is_ok() {
            let mut burst = Vec::new();
            for id in [JOIN, LEAVE].repeat(500) {
                status = status.wrapping_add(1);
                let change = words::change(id, intruder.next(), "flapping", status);
                burst.extend(encoded(&[&change]));
                field.count();
            }
            said = intruder.raw.octets(&burst);
        }
    }
}

/// A small HELLO after the other, each with another name.
pub(crate) fn rename_at_once(field: &Field) {
    let mailbox = Mailbox::open(field.own).unwrap();
    let endpoint = format!("tcp://{}", mailbox.address);
    while field.goes_on() {
        let Ok(mut intruder) = field.intruder(mailbox.address.port()) else {
            continue;
        };
        for number in 0_u64.. {
            let hello = words::hello(1, &endpoint, &["CHAT"], 1, &format!("mallory-{number}"));
            if !field.goes_on() || intruder.raw.message(&[&hello]).is_err() {
                break;
            }
            field.count();
            thread::sleep(Duration::from_micros(500));
        }
    }
}

pub(crate) fn ping_without_end(field: &Field) {
    let mailbox = Deaf::new(field).listen();
    while field.goes_on() {
        let Ok(mut intruder) = field.intruder(mailbox) else {
            continue;
        };
        let mut said = Ok(());
        while field.goes_on() && said.is_ok() {
            let mut burst = Vec::new();
            for _ in 0..1_000 {
                burst.extend(encoded(&[&words::head(words::PING, intruder.next())]));
            }
            said = intruder.raw.octets(&burst);
            field.count();
        }
    }
}

/// Peers that say HELLO and that nothing more will come, and go on to listen; and such that do not read
/// any more, and go on to talk.
pub(crate) fn half_closed(field: &Field) {
    let mailbox = Mailbox::open(field.own).unwrap();
    let mut held = Vec::new();
    while field.goes_on() {
        if held.len() >= 150 {
            held.drain(..50);
        }
        for how in [Shutdown::Write, Shutdown::Read] {
            let Ok(mut intruder) = field.intruder(mailbox.address.port()) else {
                continue;
            };
            let _refused = intruder.raw.stream.shutdown(how);
            let whisper = words::head(WHISPER, intruder.next());
            let _refused = intruder.raw.message(&[&whisper, b"still here"]);
            let Ok(raw) = field.dealer(&crate::field::fresh().routing_id()) else {
                continue;
            };
            let _refused = raw.stream.shutdown(how);
            field.count();
            held.push(intruder.raw);
            held.push(raw);
        }
    }
}

/// As many as an address may have, all members of the group. Each has a mailbox of its own: whoever is
/// where another one is has to wait until that one is gone.
pub(crate) fn hundreds_deaf(field: &Field) {
    let deaf = Deaf::new(field);
    let mut mailbox = deaf.listen();
    let mut held = Vec::new();
    while field.goes_on() {
        if held.len() < 190
            && let Ok(intruder) = field.intruder(mailbox)
        {
            held.push(intruder);
            mailbox = deaf.listen();
            field.count();
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Mailboxes that shake hands and then read nothing, with windows as small as the system allows.
struct Deaf {
    own: Ipv4Addr,
    mailboxes: Sender<TcpListener>,
}

impl Deaf {
    fn new(field: &Field) -> Self {
        let (mailboxes, more) = channel();
        let own = field.own;
        let field = field.clone();
        thread::spawn(move || {
            let mut listeners: Vec<TcpListener> = Vec::new();
            let mut open = Vec::new();
            while field.goes_on() {
                listeners.extend(more.try_iter());
                for (stream, _) in listeners.iter().filter_map(|it| it.accept().ok()) {
                    stream.set_nonblocking(false).unwrap();
                    let mut raw = Raw { stream };
                    let _refused = raw.greet().and_then(|()| raw.ready("ROUTER", &[]));
                    open.push(raw);
                }
                thread::sleep(Duration::from_millis(5));
            }
        });
        Self { own, mailboxes }
    }

    /// The port of one more.
    fn listen(&self) -> u16 {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(1).unwrap();
        socket
            .bind(&SocketAddr::from((self.own, 0)).into())
            .unwrap();
        socket.listen(256).unwrap();
        let listener = TcpListener::from(socket);
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        // Where the attack is over, nobody answers any more.
        let _over = self.mailboxes.send(listener);
        port
    }
}
