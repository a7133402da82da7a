//! The peers that are played: one thread, one epoll, two connections each.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket};
use zchat::zre::{Beacon, Body, GroupName, Headers, Hello, Message, Name, PeerId};

use crate::ground::Ground;

/// Peers of one address, and the port of the first of them there.
const AN_ADDRESS: usize = 50;
const FIRST_PORT: u16 = 30_000;
/// The last octet of the first address.
const FIRST_ADDRESS: u8 = 100;

/// The ports of nodes: that of their beacons, and where their mailbox is if nobody else has it.
const BEACONS: u16 = 5_670;
const MAILBOX: u16 = 49_152;

/// Between two beacons of a peer.
const INTERVAL: Duration = Duration::from_secs(1);

/// The thread that plays them; it ends when this is dropped.
pub(crate) struct Crowd {
    /// SHOUTs and WHISPERs that they have received.
    pub(crate) contents: Arc<AtomicUsize>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Crowd {
    /// Plays so many peers in a host, towards the node at this address.
    pub(crate) fn start(ground: &Ground, host: u8, node: Ipv4Addr, peers: usize) -> Self {
        let addresses = (0..peers.div_ceil(AN_ADDRESS)).map(address);
        for address in addresses {
            ground.add_address(host, address);
        }
        let contents = Arc::new(AtomicUsize::new(0));
        let ends = Arc::new(AtomicBool::new(false));
        let mut played = Played {
            node: SocketAddrV4::new(node, MAILBOX),
            contents: Arc::clone(&contents),
            inbound: Vec::new(),
            outbound: (0..peers).map(|_| None).collect(),
        };
        let is_over = Arc::clone(&ends);
        let thread = ground.run(host, move || {
            std::thread::spawn(move || played.run(peers, &is_over).expect("sockets work"))
        });
        Self {
            contents,
            ends,
            thread: Some(thread),
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn address(index: usize) -> Ipv4Addr {
    let last = FIRST_ADDRESS + u8::try_from(index).expect("some hundred addresses");
    Ipv4Addr::new(10, 77, 0, last)
}

fn port(index: usize) -> u16 {
    FIRST_PORT + u16::try_from(index).expect("a few ports")
}

fn id(peer: usize) -> PeerId {
    let mut octets = [0x4c; 16];
    octets[8..].copy_from_slice(&(peer as u64).to_be_bytes());
    PeerId::from_bytes(octets)
}

struct Played {
    node: SocketAddrV4,
    contents: Arc<AtomicUsize>,
    /// What the node has opened, by the order of their coming.
    inbound: Vec<Option<Inbound>>,
    outbound: Vec<Option<Outbound>>,
}

/// A connection from the node to one of the peers.
struct Inbound {
    stream: TcpStream,
    peer: usize,
    /// What was read and is not a whole frame yet.
    rest: Vec<u8>,
    is_greeted: bool,
}

/// A connection from a peer to the node.
struct Outbound {
    stream: TcpStream,
    sequence: u16,
}

/// Connections have numbers from here on; below are the listeners.
const CONNECTIONS: usize = 1_000;

impl Played {
    fn run(&mut self, peers: usize, ends: &AtomicBool) -> io::Result<()> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let mut listeners = Vec::new();
        for index in 0..AN_ADDRESS {
            let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port(index)))?;
            listener.set_nonblocking(true)?;
            epoll.add(
                &listener,
                EpollEvent::new(EpollFlags::EPOLLIN, index as u64),
            )?;
            listeners.push(listener);
        }
        let mut voices = Vec::new();
        for index in 0..peers.div_ceil(AN_ADDRESS) {
            let voice = UdpSocket::bind((address(index), 0))?;
            voice.set_broadcast(true)?;
            voices.push(voice);
        }
        let mut next = 0;
        let start = Instant::now();
        let mut events = [EpollEvent::empty(); 256];
        while !ends.load(Ordering::Relaxed) {
            // Each has its moment within the interval.
            let due = start.elapsed().as_secs_f64() / INTERVAL.as_secs_f64() * peers as f64;
            while (next as f64) < due {
                let peer = next % peers;
                let beacon = Beacon::new(id(peer), port(peer % AN_ADDRESS)).encode();
                let to = (Ipv4Addr::new(10, 77, 0, 255), BEACONS);
                let _may_be_lost = voices[peer / AN_ADDRESS].send_to(&beacon, to);
                next += 1;
            }
            let count = epoll
                .wait(&mut events, EpollTimeout::from(1_u8))
                .unwrap_or(0);
            for event in &events[..count] {
                match usize::try_from(event.data()).expect("small numbers") {
                    index if index < listeners.len() => self.accept(&epoll, &listeners[index])?,
                    number => self.read(number - CONNECTIONS),
                }
            }
        }
        Ok(())
    }

    fn accept(&mut self, epoll: &Epoll, listener: &TcpListener) -> io::Result<()> {
        while let Ok((mut stream, _)) = listener.accept() {
            stream.set_nonblocking(true)?;
            let SocketAddr::V4(local) = stream.local_addr()? else {
                continue;
            };
            let index = usize::from(local.ip().octets()[3] - FIRST_ADDRESS);
            let peer = index * AN_ADDRESS + usize::from(local.port() - FIRST_PORT);
            stream.write_all(&handshake("ROUTER", &[]))?;
            let number = (CONNECTIONS + self.inbound.len()) as u64;
            epoll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, number))?;
            self.inbound.push(Some(Inbound {
                stream,
                peer,
                rest: Vec::new(),
                is_greeted: false,
            }));
            self.outbound[peer] = Some(self.dial(*local.ip(), peer)?);
        }
        Ok(())
    }

    /// Connects a peer to the node, and says HELLO.
    fn dial(&self, from: Ipv4Addr, peer: usize) -> io::Result<Outbound> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let dialling = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
        bind(
            dialling.as_raw_fd(),
            &SockaddrIn::from(SocketAddrV4::new(from, 0)),
        )?;
        connect(dialling.as_raw_fd(), &SockaddrIn::from(self.node))?;
        let mut stream = TcpStream::from(dialling);
        stream.set_nonblocking(true)?;
        let hello = Hello {
            endpoint: format!("tcp://{from}:{}", port(peer % AN_ADDRESS)),
            groups: vec![GroupName::new("G").expect("a name")],
            status: 1,
            name: Name::new(&format!("crowd-{peer}")).expect("a name"),
            headers: Headers::default(),
            left_out: 0,
        };
        let mut octets = handshake("DEALER", &[&[1][..], &id(peer).as_bytes()[..]].concat());
        octets.extend(message(1, Body::Hello(hello)));
        stream.write_all(&octets)?;
        Ok(Outbound {
            stream,
            sequence: 1,
        })
    }

    fn read(&mut self, number: usize) {
        let Some(inbound) = &mut self.inbound[number] else {
            return;
        };
        let mut octets = [0; 16_384];
        match inbound.stream.read(&mut octets) {
            Ok(0) => self.inbound[number] = None,
            Ok(length) => {
                inbound.rest.extend_from_slice(&octets[..length]);
                let pings = inbound.take_frames(&self.contents);
                let peer = inbound.peer;
                for _ in 0..pings {
                    if let Some(outbound) = &mut self.outbound[peer] {
                        outbound.sequence = outbound.sequence.wrapping_add(1);
                        let answer = message(outbound.sequence, Body::PingOk);
                        let _taken_or_gone = outbound.stream.write_all(&answer);
                    }
                }
            }
            Err(_) => {}
        }
    }
}

impl Inbound {
    /// Counts content; how many PINGs there were.
    fn take_frames(&mut self, contents: &AtomicUsize) -> usize {
        let mut pings = 0;
        let mut from = 0;
        if !self.is_greeted {
            if self.rest.len() < GREETING {
                return 0;
            }
            self.is_greeted = true;
            from = GREETING;
        }
        while let Some(&[flags, length]) = self.rest.get(from..from + 2) {
            assert!(flags & 2 == 0, "short frames only");
            let end = from + 2 + usize::from(length);
            let Some(frame) = self.rest.get(from + 2..end) else {
                break;
            };
            // Signature and id of a header; a command and a content begin otherwise.
            match frame {
                [0xaa, 0xa1, 6, ..] => pings += 1,
                [0xaa, 0xa1, 2 | 3, ..] => {
                    contents.fetch_add(1, Ordering::Relaxed);
                }
                _ => {}
            }
            from = end;
        }
        self.rest.drain(..from);
        pings
    }
}

/// The octets of a ZMTP greeting.
const GREETING: usize = 64;

/// A greeting without security, and READY (ZeroMQ RFC 23).
fn handshake(kind: &str, routing_id: &[u8]) -> Vec<u8> {
    let mut octets = vec![0; GREETING];
    octets[0] = 0xff;
    octets[9] = 0x7f;
    octets[10] = 3;
    octets[12..16].copy_from_slice(b"NULL");
    let mut ready = b"\x05READY".to_vec();
    for (name, value) in [("Socket-Type", kind.as_bytes()), ("Identity", routing_id)] {
        ready.push(u8::try_from(name.len()).expect("a short name"));
        ready.extend(name.as_bytes());
        ready.extend(
            u32::try_from(value.len())
                .expect("a short value")
                .to_be_bytes(),
        );
        ready.extend(value);
    }
    octets.extend([4, u8::try_from(ready.len()).expect("a short command")]);
    octets.extend(ready);
    octets
}

/// A message of one frame, as it is on the wire.
fn message(sequence: u16, body: Body) -> Vec<u8> {
    let mut header = Vec::new();
    Message { sequence, body }.encode_header(&mut header);
    let mut octets = vec![0, u8::try_from(header.len()).expect("a short header")];
    octets.extend(header);
    octets
}
