//! Who a node is: [`PeerId`], a UUID, and how it is written on the wire.
//!
//! Making a random id is the shell's work; nothing here is random.

use std::cmp::Ordering;
use std::fmt;

use uuid::Uuid;

/// The identity of a node for the time of one run: a UUID (RFC 36, "Node Identification").
///
/// Ids made by this crate are random version-4 UUIDs. Their bytes 6 and 7 can therefore never be
/// `8c 7a`, which is kept free for ids that are one day proven by a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PeerId([u8; 16]);

/// Octet by octet, the first one first, as two words: all that is known of peers is found by this.
impl Ord for PeerId {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        u128::from_be_bytes(self.0).cmp(&u128::from_be_bytes(other.0))
    }
}

impl PartialOrd for PeerId {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PeerId {
    /// The id with these 16 octets.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 octets, as a beacon carries them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The id behind a ZeroMQ routing id: 17 octets, the first of them 1 (RFC 36, "Interconnection").
    ///
    /// `None` for a routing id of any other form: whoever sends it does not speak ZRE.
    #[must_use]
    pub fn from_routing_id(frame: &[u8]) -> Option<Self> {
        match frame {
            [1, id @ ..] => id.try_into().ok().map(Self),
            _ => None,
        }
    }

    /// The routing id that this node's mailboxes show to its peers: 17 octets, never starting with
    /// the zero that ZeroMQ keeps for ids of its own.
    #[must_use]
    pub fn routing_id(&self) -> [u8; 17] {
        let mut frame = [1; 17];
        for (to, from) in frame.iter_mut().skip(1).zip(self.0) {
            *to = from;
        }
        frame
    }

    /// The first `digits` of the 32 hexadecimal digits, in lower case: enough to tell apart two
    /// peers that chose one name.
    #[must_use]
    pub fn short(&self, digits: usize) -> String {
        let mut text = self.to_string();
        text.truncate(digits);
        text
    }
}

impl From<Uuid> for PeerId {
    fn from(id: Uuid) -> Self {
        Self(id.into_bytes())
    }
}

impl From<PeerId> for Uuid {
    fn from(id: PeerId) -> Self {
        Self::from_bytes(id.0)
    }
}

/// 32 lower-case hexadecimal digits.
impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerId({self})")
    }
}
