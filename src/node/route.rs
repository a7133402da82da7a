//! Which address of ours is on the way to another host: what a HELLO to it has to name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::zre::Host;

/// The address that the system would send from, `None` if it knows no way there. Nothing is sent.
pub fn local_towards(remote: Host) -> Option<IpAddr> {
    let any: IpAddr = match remote.address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    socket.connect(remote.at(DISCARD)).ok()?;
    let local = socket.local_addr().ok()?.ip();
    (!local.is_unspecified()).then_some(local)
}

/// A port has to be named; nothing goes there.
const DISCARD: u16 = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_the_loopback_address_begins_there() {
        let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
        assert_eq!(local_towards(loopback.into()), Some(loopback));
    }
}
