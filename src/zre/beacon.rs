//! The beacon: what a node broadcasts so that others find it (RFC 36, "Discovery").

use super::{PeerId, PublicKey};

/// A beacon, as it was sent or as it will be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Beacon {
    /// Who sends it.
    pub peer: PeerId,
    /// The TCP port of its mailbox, at the address that the datagram comes from; 0 says farewell.
    pub port: u16,
    /// The key of a node that speaks over encrypted links only (version 3).
    pub key: Option<Box<PublicKey>>,
}
