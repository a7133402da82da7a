//! Listening by IPv6: own beacons go out to all hosts of each link and come back, and those of others
//! come in. Concludes nothing.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use uuid::Uuid;
use zchat::node::beacon::{LinkSocket, MOST_OCTETS};
use zchat::node::interface::{ALL_NODES, LinkLocal};
use zchat::zre::{Beacon, Host, PeerId};

use super::super::facts::{LinkProbe, Port};
use super::owners::port_state;

/// The most datagrams that are read before the clock is looked at again.
const MOST_AT_ONCE: usize = 256;

/// The links, and what is heard on them.
pub(super) struct Ear {
    socket: Option<LinkSocket>,
    /// Whether the port can be used; `None` where there is no IPv6.
    port: Option<Port>,
    links: Vec<LinkLocal>,
    probes: BTreeMap<PeerId, Sent>,
}

/// Our own beacon on one link.
struct Sent {
    link: LinkLocal,
    probe: LinkProbe,
}

/// What somebody says on a link.
pub(super) struct Said {
    pub(super) peer: PeerId,
    /// Where its mailbox is; `None` if it leaves.
    pub(super) at: Option<SocketAddr>,
    /// Whether it is on this very host.
    pub(super) is_local: bool,
}

impl Ear {
    pub(super) fn open(links: &[LinkLocal], port: u16) -> Self {
        let (socket, port) = match LinkSocket::open(port) {
            Ok(socket) => (Some(socket), Some(Port::Usable)),
            Err(error) => match error.raw_os_error().map(Errno::from_raw) {
                Some(Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL) => (None, None),
                _ => (None, Some(port_state(&error, "udp", port))),
            },
        };
        let mut probes = BTreeMap::new();
        for link in links.iter().filter(|_| socket.is_some()) {
            let joined = socket.as_ref().map(|socket| socket.join(link.index));
            if let Some(Err(error)) = joined {
                log::debug!("beacons by IPv6 are not heard on {link}: {error}");
            }
            let sent = Sent {
                link: link.clone(),
                probe: LinkProbe {
                    sent: Ok(()),
                    heard: false,
                },
            };
            probes.insert(PeerId::from(Uuid::new_v4()), sent);
        }
        Self {
            socket,
            port,
            links: links.to_vec(),
            probes,
        }
    }

    pub(super) fn port(&self) -> Option<Port> {
        self.port.clone()
    }

    /// What became of our own beacons on a link.
    pub(super) fn probe(&self, link: &LinkLocal) -> Option<LinkProbe> {
        let mut probes = self.probes.values();
        probes
            .find(|sent| sent.link == *link)
            .map(|sent| sent.probe)
    }

    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().map(AsFd::as_fd)
    }

    pub(super) fn send_probes(&mut self) {
        let Some(socket) = &self.socket else { return };
        for (id, Sent { link, probe }) in &mut self.probes {
            // A farewell of somebody whom nobody knows.
            let datagram = Beacon::farewell(*id).encode();
            probe.sent = socket.send(&datagram, ALL_NODES, link.index, link.address);
        }
    }

    /// What came since the last call.
    pub(super) fn hear(&mut self) -> Vec<Said> {
        let mut said = Vec::new();
        let mut octets = [0; MOST_OCTETS];
        for _ in 0..MOST_AT_ONCE {
            let Some(socket) = &mut self.socket else {
                break;
            };
            let (length, arrival) = match socket.receive(&mut octets) {
                Ok(Some(received)) => received,
                // Errors of what was sent before are told here, too.
                Ok(None) | Err(Errno::EINTR | Errno::ECONNREFUSED) => continue,
                Err(_) => break,
            };
            let Ok(beacon) = Beacon::decode(octets.get(..length).unwrap_or_default()) else {
                continue;
            };
            let mut here = self.links.iter();
            if let Some(own) = here.find(|link| link.index == arrival.interface) {
                let is_local = own.address == arrival.source;
                match self.probes.get_mut(&beacon.peer) {
                    Some(sent) => sent.probe.heard |= is_local,
                    None => said.extend(understood(&beacon, arrival.source.into(), own, is_local)),
                }
            }
        }
        said
    }
}

/// Who says this; nothing, if it speaks over encrypted links only.
fn understood(beacon: &Beacon, from: IpAddr, link: &LinkLocal, is_local: bool) -> Option<Said> {
    let host = Host {
        address: from,
        scope: link.index,
    };
    (beacon.key.is_none()).then(|| Said {
        peer: beacon.peer,
        at: (!beacon.is_farewell()).then(|| host.at(beacon.port)),
        is_local,
    })
}
