//! Where a host is: an address and, for link-local IPv6, by which interface.

use std::fmt;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

/// An address of a host, as it is seen from here.
///
/// A link-local IPv6 address (`fe80::…`) means something on one link only, so it goes with the number
/// of our interface there: its scope (RFC 4007). Of all other addresses the scope is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Host {
    /// The address.
    pub address: IpAddr,
    /// The number of our interface on its link; 0 where that does not matter.
    pub scope: u32,
}

impl Host {
    /// Something at this host: a mailbox, by its TCP port.
    #[must_use]
    pub const fn at(self, port: u16) -> SocketAddr {
        match self.address {
            IpAddr::V4(_) => SocketAddr::new(self.address, port),
            IpAddr::V6(address) => SocketAddr::V6(SocketAddrV6::new(address, port, 0, self.scope)),
        }
    }

    /// Whether its address means something on one link only.
    #[must_use]
    pub const fn is_link_local(self) -> bool {
        is_link_local(self.address)
    }
}

/// An address whose interface does not matter.
impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        Self { address, scope: 0 }
    }
}

/// The host where something is.
impl From<SocketAddr> for Host {
    fn from(at: SocketAddr) -> Self {
        let scope = match at {
            SocketAddr::V4(_) => 0,
            SocketAddr::V6(at) => at.scope_id(),
        };
        Self {
            address: at.ip(),
            scope,
        }
    }
}

/// Such as `10.0.0.5`, or `fe80::5%2`.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scope {
            0 => self.address.fmt(f),
            scope => write!(f, "{}%{scope}", self.address),
        }
    }
}

/// Whether an address means something on one link only, as far as scopes are concerned.
pub(super) const fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}
