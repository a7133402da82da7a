//! Where a peer is, and who a message is from: [`Link`] and [`Origin`].
//!
//! Both have room for a key, so that links can one day be encrypted and origins proven.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::PeerId;

/// A key that proves an identity: 32 octets (CURVE). Not used on plain links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(pub [u8; 32]);

/// How to reach a mailbox: its address, the address of ours that it is seen from, and maybe a key.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// Address and TCP port of the peer's mailbox.
    pub remote: SocketAddr,
    /// Our own address on the network where the peer was heard: what HELLO names to it. `None` where
    /// that is not known.
    pub local: Option<IpAddr>,
    /// The key that the peer must prove; `None` for a plain link.
    pub key: Option<Box<PublicKey>>,
}

impl Link {
    /// A plain link, neither encrypted nor authenticated.
    #[must_use]
    pub const fn plain(remote: SocketAddr, local: Option<IpAddr>) -> Self {
        Self {
            remote,
            local,
            key: None,
        }
    }
}

/// The endpoint in ZeroMQ's notation: `tcp://10.0.0.5:49152`.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tcp://{}", self.remote)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({self}")?;
        if let Some(local) = self.local {
            write!(f, " from {local}")?;
        }
        write!(f, ")")
    }
}

/// Who a message is from: the id that the sender's connection showed, and maybe the key that proves
/// it. Without a key, anybody on the network could have shown that id first.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin {
    /// The sender.
    pub peer: PeerId,
    /// The key by which the sender has proven that id; `None` on a plain link.
    pub key: Option<Box<PublicKey>>,
}

impl Origin {
    /// An origin that nothing proves.
    #[must_use]
    pub const fn unproven(peer: PeerId) -> Self {
        Self { peer, key: None }
    }
}
