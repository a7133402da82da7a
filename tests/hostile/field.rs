//! What an attacker knows, and what all attacks are made of.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use zchat::zre::{Beacon, PeerId};

use crate::words;
use crate::zmtp::Raw;

/// Everything that somebody on the same network can find out, and the time of the attack's end.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// The mailbox of the node that is attacked.
    pub(crate) mailbox: SocketAddr,
    pub(crate) victim: PeerId,
    /// The honest peer that it talks with, and the mailbox of that.
    pub(crate) bob: PeerId,
    pub(crate) bob_at: SocketAddr,
    /// The attacker's own address.
    pub(crate) own: Ipv4Addr,
    /// Where beacons are broadcast.
    pub(crate) beacons: SocketAddr,
    pub(crate) until: Instant,
    /// Who has said HELLO over a connection of its own: such a peer may enter, hostile or not.
    pub(crate) real: Arc<Mutex<BTreeSet<PeerId>>>,
    /// What the attack has done, counted in its own unit.
    pub(crate) deeds: Arc<AtomicU64>,
}

impl Field {
    pub(crate) fn goes_on(&self) -> bool {
        Instant::now() < self.until
    }

    pub(crate) fn count(&self) {
        self.deeds.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection to the victim's mailbox under this routing id.
    pub(crate) fn dealer(&self, routing_id: &[u8]) -> io::Result<Raw> {
        Raw::dealer(self.mailbox, routing_id)
    }

    /// A peer that says HELLO in earnest, with a mailbox at this port of the attacker.
    pub(crate) fn intruder(&self, mailbox: u16) -> io::Result<Intruder> {
        let id = fresh();
        self.real.lock().unwrap().insert(id);
        let mut raw = self.dealer(&id.routing_id())?;
        let endpoint = format!("tcp://{}:{mailbox}", self.own);
        raw.message(&[&words::hello(1, &endpoint, &["CHAT"], 1, "mallory")])?;
        Ok(Intruder::new(raw))
    }

    /// A connection under an id that says HELLO in one way or another, and so may enter.
    pub(crate) fn somebody(&self) -> io::Result<Raw> {
        let id = fresh();
        self.real.lock().unwrap().insert(id);
        self.dealer(&id.routing_id())
    }

    /// Broadcasts a beacon from this address.
    pub(crate) fn broadcast(&self, from: &UdpSocket, beacon: &Beacon) {
        let _lost_or_not = from.send_to(&beacon.encode(), self.beacons);
    }

    /// A socket that broadcasts.
    pub(crate) fn udp(&self) -> UdpSocket {
        self.udp_from(self.own)
    }

    /// The same from another address of the host.
    pub(crate) fn udp_from(&self, address: Ipv4Addr) -> UdpSocket {
        let socket = UdpSocket::bind((address, 0)).unwrap();
        socket.set_broadcast(true).unwrap();
        socket
    }
}

/// A hostile peer that is a peer all the same.
#[derive(Debug)]
pub(crate) struct Intruder {
    pub(crate) raw: Raw,

    sequence: u16,
}

impl Intruder {
    /// One whose HELLO was said over this connection.
    pub(crate) fn new(raw: Raw) -> Self {
        Self { raw, sequence: 1 }
    }

    /// The number of the next message.
    pub(crate) fn next(&mut self) -> u16 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }
}

/// An id that nobody had before.
pub(crate) fn fresh() -> PeerId {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let mut octets = [0xb5; 16];
    octets[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    octets[8..12].copy_from_slice(&std::process::id().to_be_bytes());
    PeerId::from_bytes(octets)
}
