//! ZMTP 3 (the wire of ZeroMQ, <https://rfc.zeromq.org/spec/23/>) on plain TCP streams, for tests that
//! do what libzmq never would: stop in the middle of anything, and send whatever octets they like.
//!
//! Mechanism NULL only. Include it with `#[path = "../common/zmtp.rs"] mod zmtp;`.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "no test binary uses everything, and none is used from outside"
)]

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

/// How long a peer may take to answer a step of the handshake, or to take octets.
const PATIENCE: Duration = Duration::from_secs(5);

/// Of a frame: another one of the same message follows.
pub const MORE: u8 = 1;
/// Of a frame: its length has eight octets, not one.
pub const LONG: u8 = 2;
/// Of a frame: it is a command, not part of a message.
pub const COMMAND: u8 = 4;

/// One end of a connection.
#[derive(Debug)]
pub struct Raw {
    pub stream: TcpStream,
}

impl Raw {
    /// A TCP connection, over which nothing has been said yet.
    pub fn dial(to: SocketAddr) -> io::Result<Self> {
        Self::over(TcpStream::connect_timeout(&to, PATIENCE)?)
    }

    /// The same from this address of the host.
    pub fn dial_from(from: Option<IpAddr>, to: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        if let Some(from) = from {
            let scope = match to {
                SocketAddr::V4(_) => 0,
                SocketAddr::V6(to) => to.scope_id(),
            };
            let mut from = SocketAddr::new(from, 0);
            if let SocketAddr::V6(from) = &mut from {
                from.set_scope_id(scope);
            }
            socket.bind(&from.into())?;
        }
        socket.connect_timeout(&to.into(), PATIENCE)?;
        Self::over(socket.into())
    }

    fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream })
    }

    /// A connection as a DEALER under this routing id (none if it is empty) has it when it can send.
    pub fn dealer(to: SocketAddr, routing_id: &[u8]) -> io::Result<Self> {
        let mut raw = Self::dial(to)?;
        raw.greet()?;
        raw.ready("DEALER", routing_id)?;
        raw.read_frame()?;
        Ok(raw)
    }

    /// Says the greeting, and reads the other side's.
    pub fn greet(&mut self) -> io::Result<()> {
        self.octets(&greeting())?;
        let mut theirs = [0; 64];
        self.stream.read_exact(&mut theirs)
    }

    /// Says READY: what kind of socket this is, and under which routing id.
    pub fn ready(&mut self, kind: &str, routing_id: &[u8]) -> io::Result<()> {
        self.ready_with(kind, routing_id, &[])
    }

    /// The same, with more properties.
    pub fn ready_with(
        &mut self,
        kind: &str,
        routing_id: &[u8],
        more: &[(&str, &[u8])],
    ) -> io::Result<()> {
        let mut command = vec![5];
        command.extend(b"READY");
        property(&mut command, "Socket-Type", kind.as_bytes());
        property(&mut command, "Identity", routing_id);
        for (name, value) in more {
            property(&mut command, name, value);
        }
        self.frame(COMMAND, &command)
    }

    /// Sends a whole message.
    pub fn message(&mut self, frames: &[&[u8]]) -> io::Result<()> {
        self.octets(&encoded(frames))
    }

    /// Sends one frame; the flag [`LONG`] is added where it is needed.
    pub fn frame(&mut self, flags: u8, payload: &[u8]) -> io::Result<()> {
        let mut octets = Vec::new();
        encode(&mut octets, flags, payload);
        self.octets(&octets)
    }

    /// Sends octets as they are.
    pub fn octets(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.write_all(octets)
    }

    /// Reads a frame: its flags and what is in it.
    pub fn read_frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head)?;
        let [flags, short] = head;
        let mut length = u64::from(short);
        if flags & LONG != 0 {
            let mut rest = [0; 8];
            rest[0] = short;
            self.stream.read_exact(&mut rest[1..])?;
            length = u64::from_be_bytes(rest);
        }
        let mut payload = vec![0; usize::try_from(length).expect("a length that fits")];
        self.stream.read_exact(&mut payload)?;
        Ok((flags, payload))
    }

    /// Waits until the other side has ended the connection; `false` if it has not in time. What it
    /// says until then is thrown away.
    pub fn ends_within(&mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut buffer = [0; 4_096];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let timed = self.stream.set_read_timeout(Some(left));
            timed.expect("a time that is not zero");
            match self.stream.read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => return false,
                    io::ErrorKind::Interrupted => {}
                    _ => return true,
                },
            }
        }
    }
}

/// A whole message as it is on the wire.
pub fn encoded(frames: &[&[u8]]) -> Vec<u8> {
    let mut octets = Vec::new();
    for (index, frame) in frames.iter().enumerate() {
        let more = if index + 1 < frames.len() { MORE } else { 0 };
        encode(&mut octets, more, frame);
    }
    octets
}

/// Only the head of a frame, as if so many octets came after it.
pub fn head(flags: u8, length: u64) -> Vec<u8> {
    match u8::try_from(length) {
        Ok(short) if flags & LONG == 0 => vec![flags, short],
        _ => {
            let mut octets = vec![flags | LONG];
            octets.extend(length.to_be_bytes());
            octets
        }
    }
}

fn encode(octets: &mut Vec<u8>, flags: u8, payload: &[u8]) {
    octets.extend(head(flags, payload.len() as u64));
    octets.extend(payload);
}

fn greeting() -> [u8; 64] {
    let mut greeting = [0; 64];
    greeting[0] = 0xff;
    greeting[9] = 0x7f;
    greeting[10] = 3;
    greeting[12..16].copy_from_slice(b"NULL");
    greeting
}

fn property(command: &mut Vec<u8>, name: &str, value: &[u8]) {
    command.push(u8::try_from(name.len()).expect("a short name"));
    command.extend(name.as_bytes());
    command.extend(
        u32::try_from(value.len())
            .expect("a short value")
            .to_be_bytes(),
    );
    command.extend(value);
}

/// A message as it came over a connection: routing id of the sender, and its frames.
pub type Delivery = (Vec<u8>, Vec<Vec<u8>>);

/// The value of a property of this length in the command READY.
pub fn value_of<'a>(ready: &'a [u8], name: &str, length: usize) -> Option<&'a [u8]> {
    let at = ready
        .windows(name.len())
        .position(|window| window == name.as_bytes())?;
    ready.get(at + name.len() + 4..)?.get(..length)
}

/// A listener that takes connections as a ROUTER does, and reads what comes.
#[derive(Debug)]
pub struct Mailbox {
    pub address: SocketAddr,
    pub messages: Receiver<Delivery>,
}

impl Mailbox {
    /// At any free port of this address. Its threads end with their connections, or with the test.
    pub fn open(address: Ipv4Addr) -> io::Result<Self> {
        let listener = TcpListener::bind((address, 0))?;
        let address = listener.local_addr()?;
        let (sender, messages) = channel();
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let sender = sender.clone();
                thread::spawn(move || {
                    let Ok(mut raw) = Raw::over(stream) else {
                        return;
                    };
                    let Ok(routing_id) = admit(&mut raw) else {
                        return;
                    };
                    let _forever = raw.stream.set_read_timeout(None);
                    while let Ok(frames) = read_message(&mut raw) {
                        if sender.send((routing_id.clone(), frames)).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Ok(Self { address, messages })
    }
}

/// The handshake of a ROUTER; the other side's routing id.
fn admit(raw: &mut Raw) -> io::Result<Vec<u8>> {
    raw.greet()?;
    raw.ready("ROUTER", &[])?;
    let (_, ready) = raw.read_frame()?;
    let name = b"\x08Identity";
    let at = ready.windows(name.len()).position(|window| window == name);
    Ok(at.map_or_else(Vec::new, |at| ready[at + name.len() + 4..][..17].to_vec()))
}

fn read_message(raw: &mut Raw) -> io::Result<Vec<Vec<u8>>> {
    let mut frames = Vec::new();
    loop {
        let (flags, payload) = raw.read_frame()?;
        if flags & COMMAND != 0 {
            continue;
        }
        frames.push(payload);
        if flags & MORE == 0 {
            return Ok(frames);
        }
    }
}
