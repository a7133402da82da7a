//! The beacon: what a node broadcasts so that others find it (RFC 36, "Discovery").
//!
//! When it is sent, and where to, is not decided here: see `announcer`, and the node's beacon thread.

use std::fmt;

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

impl Beacon {
    /// The length of a plain beacon in octets.
    pub const OCTETS: usize = 22;

    /// The length of a beacon with a key in octets.
    pub const OCTETS_WITH_KEY: usize = 54;

    /// The beacon of a node whose mailbox is at this TCP port.
    #[must_use]
    pub const fn new(peer: PeerId, port: u16) -> Self {
        Self {
            peer,
            port,
            key: None,
        }
    }

    /// The beacon of a node that leaves.
    #[must_use]
    pub const fn farewell(peer: PeerId) -> Self {
        Self::new(peer, FAREWELL)
    }

    /// Whether its sender leaves.
    #[must_use]
    pub const fn is_farewell(&self) -> bool {
        self.port == FAREWELL
    }

    /// The datagram of a plain beacon (version 1): a key is left out.
    ///
    /// This is the only one that may be broadcast where Pyre can hear it: any other length that
    /// begins with "ZRE" kills it (trap 3).
    #[must_use]
    pub fn encode(&self) -> [u8; Self::OCTETS] {
        let mut datagram = [0; Self::OCTETS];
        self.fill(&mut datagram, PLAIN);
        datagram
    }

    /// The datagram of a beacon with a key (version 3), as Zyre sends it where CURVE is on; `None`
    /// without a key. It kills every Pyre that hears it (trap 3).
    #[must_use]
    pub fn encode_with_key(&self) -> Option<[u8; Self::OCTETS_WITH_KEY]> {
        let key = self.key.as_deref()?;
        let mut datagram = [0; Self::OCTETS_WITH_KEY];
        self.fill(&mut datagram, WITH_KEY);
        let (_, place) = datagram.split_last_chunk_mut()?;
        *place = key.0;
        Some(datagram)
    }

    fn fill(&self, datagram: &mut [u8], version: u8) {
        let fields = PREFIX
            .iter()
            .copied()
            .chain([version])
            .chain(*self.peer.as_bytes())
            .chain(self.port.to_be_bytes());
        for (to, from) in datagram.iter_mut().zip(fields) {
            *to = from;
        }
    }

    /// What a datagram says.
    ///
    /// # Errors
    ///
    /// If it is no beacon of version 1 or 3, or has not exactly the length of one.
    pub fn decode(datagram: &[u8]) -> Result<Self, BeaconError> {
        let length = BeaconError::Length {
            octets: datagram.len(),
        };
        let rest = datagram
            .strip_prefix(PREFIX)
            .ok_or(BeaconError::Signature)?;
        let (&version, rest) = rest.split_first().ok_or(length)?;
        if version != PLAIN && version != WITH_KEY {
            return Err(BeaconError::Version { found: version });
        }
        let (peer, rest) = rest.split_first_chunk().ok_or(length)?;
        let (port, rest) = rest.split_first_chunk().ok_or(length)?;
        let key = match version {
            PLAIN if rest.is_empty() => None,
            WITH_KEY => Some(Box::new(PublicKey(rest.try_into().map_err(|_| length)?))),
            _ => return Err(length),
        };
        Ok(Self {
            peer: PeerId::from_bytes(*peer),
            port: u16::from_be_bytes(*port),
            key,
        })
    }
}

/// Why a datagram is not a beacon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BeaconError {
    /// It does not begin with "ZRE": something else uses this port.
    Signature,
    /// It is of a version that this crate does not know.
    Version {
        /// Which one.
        found: u8,
    },
    /// It is shorter or longer than a beacon of its version.
    Length {
        /// Its length.
        octets: usize,
    },
}

impl fmt::Display for BeaconError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature => write!(f, "the datagram is no ZRE beacon"),
            Self::Version { found } => write!(f, "the beacon is of the unknown version {found}"),
            Self::Length { octets } => write!(
                f,
                "the beacon is {octets} octets long, not {}, or {} with a key",
                Beacon::OCTETS,
                Beacon::OCTETS_WITH_KEY
            ),
        }
    }
}

impl std::error::Error for BeaconError {}

/// What every beacon begins with.
const PREFIX: &[u8] = b"ZRE";

/// The version without a key.
const PLAIN: u8 = 1;

/// The version with a key.
const WITH_KEY: u8 = 3;

/// The port that says farewell.
const FAREWELL: u16 = 0;
