//! Beacon threads that hear each other: on the loopback interface with a UDP port for each test, and
//! on hosts of their own whose networks come and go. Nodes here are beacon threads alone; what the
//! protocol does with a sighting is tested elsewhere.

mod loopback;
mod networks;

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Socket, Type};
use zchat::node::beacon::{self, BeaconHandle, Config, Counts, Heard, StartError};
use zchat::node::interface::{Network, Selection};
use zchat::node::mailbox::{Capacity, Receiver, Waker, channel};
use zchat::zre::{Beacon, PeerId};

/// Far beyond what anything here takes.
const IN_TIME: Duration = Duration::from_secs(20);

/// A beacon thread, and the end of the queue that the mesh thread has otherwise.
struct Node {
    id: PeerId,
    handle: BeaconHandle,
    waker: Waker,
    heard: Receiver<Heard>,
}

impl Node {
    fn start(config: Config) -> Result<Self, StartError> {
        Self::with_queue(config, 2_000)
    }

    fn with_queue(config: Config, values: usize) -> Result<Self, StartError> {
        let waker = Waker::new().unwrap();
        let (mesh, heard) = channel(Capacity { values, octets: 0 }, &waker);
        let id = config.peer;
        let handle = beacon::start(config, mesh)?;
        Ok(Self {
            id,
            handle,
            waker,
            heard,
        })
    }

    /// What is told until `wanted` finds something in it.
    fn wait_for<T>(&self, mut wanted: impl FnMut(Heard) -> Option<T>) -> T {
        let deadline = Instant::now() + IN_TIME;
        let mut all = Vec::new();
        loop {
            while let Ok(heard) = self.heard.try_recv() {
                all.push(heard.clone());
                if let Some(found) = wanted(heard) {
                    return found;
                }
            }
            assert!(Instant::now() < deadline, "in vain, only {all:#?}");
            self.waker.prepare_sleep();
            if !self.heard.is_ready() {
                readable(&self.waker, Duration::from_millis(100));
            }
            self.waker.awake();
            assert!(!self.heard.is_closed(), "the beacon thread has ended");
        }
    }

    fn wait_for_networks(&self, wanted: impl Fn(&[Network]) -> bool) -> Vec<Network> {
        self.wait_for(|heard| match heard {
            Heard::Networks { networks, .. } if wanted(&networks) => Some(networks),
            _ => None,
        })
    }

    /// Waits for a beacon of this node; the address it came from, and ours on which it was heard.
    fn wait_for_beacon(&self, of: PeerId, port: u16) -> (IpAddr, IpAddr) {
        self.wait_for(|heard| match heard {
            Heard::Sighting(sighting)
                if sighting.beacon.peer == of && sighting.beacon.port == port =>
            {
                Some((sighting.source.address, sighting.local))
            }
            _ => None,
        })
    }

    /// Where the next two beacons of this node came from.
    fn wait_for_two_beacons(&self, of: PeerId) -> [IpAddr; 2] {
        [(); 2].map(|()| {
            self.wait_for(|heard| match heard {
                Heard::Sighting(sighting) if sighting.beacon.peer == of => {
                    Some(sighting.source.address)
                }
                _ => None,
            })
        })
    }

    /// The beacons that are told until one of `of` comes, farewells left out.
    fn beacons_until(&self, of: PeerId) -> Vec<(PeerId, IpAddr)> {
        let mut beacons = Vec::new();
        self.wait_for(|heard| match heard {
            Heard::Sighting(sighting) if !sighting.beacon.is_farewell() => {
                beacons.push((sighting.beacon.peer, sighting.source.address));
                (sighting.beacon.peer == of).then_some(())
            }
            _ => None,
        });
        beacons
    }

    fn wait_for_counts(&self, wanted: impl Fn(&Counts) -> bool) {
        let deadline = Instant::now() + IN_TIME;
        while !wanted(&self.handle.counts()) {
            assert!(
                Instant::now() < deadline,
                "in vain: {:?}",
                self.handle.counts()
            );
            // Nothing tells that something was counted.
            readable(&self.waker, Duration::from_millis(5));
        }
    }

    /// Forgets what was told so far.
    fn forget(&self) {
        while self.heard.try_recv().is_ok() {}
    }
}

fn id(number: u8) -> PeerId {
    PeerId::from_bytes([number; 16])
}

fn config(number: u8, port: u16, interfaces: &[&str]) -> Config {
    let mut config = Config::new(id(number), 50_000 + u16::from(number));
    config.port = port;
    config.interval = Duration::from_millis(200);
    config.selection = Selection::parse(interfaces);
    config
}

/// A plain socket that shares a beacon port, as other programs do.
pub fn other_program(port: u16) -> UdpSocket {
    bound_to(Ipv4Addr::UNSPECIFIED, port)
}

fn bound_to(address: impl Into<IpAddr>, port: u16) -> UdpSocket {
    let at = SocketAddr::new(address.into(), port);
    let socket = Socket::new(Domain::for_address(at), Type::DGRAM, None).unwrap();
    if at.is_ipv6() {
        socket.set_only_v6(true).unwrap();
    }
    socket.set_reuse_address(true).unwrap();
    socket.set_reuse_port(true).unwrap();
    socket.set_broadcast(true).unwrap();
    socket.bind(&at.into()).unwrap();
    let socket = UdpSocket::from(socket);
    socket.set_read_timeout(Some(IN_TIME)).unwrap();
    socket
}

/// Whether the descriptor became readable in time. (Not, if the process was stopped and continued.)
fn readable(fd: impl AsFd, within: Duration) -> bool {
    let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::try_from(within).unwrap()).is_ok_and(|ready| ready > 0)
}

/// The next datagram that a plain socket hears, and where it is from.
fn receive<'a>(socket: &UdpSocket, octets: &'a mut [u8]) -> (&'a [u8], IpAddr) {
    loop {
        match socket.recv_from(octets) {
            Ok((length, from)) => return (&octets[..length], from.ip()),
            // A process that was stopped and continued.
            Err(error) => assert_eq!(error.kind(), ErrorKind::Interrupted),
        }
    }
}

/// What the next beacon says that a plain socket hears, and where it is from.
pub fn next_beacon(socket: &UdpSocket) -> (Beacon, IpAddr) {
    let mut octets = [0; 100];
    let (datagram, from) = receive(socket, &mut octets);
    (Beacon::decode(datagram).unwrap(), from)
}
