//! Proof that two connections come from the same process: [`Ticket`] and [`Proof`].
//!
//! A mailbox gives each connection a ticket. Whoever opens another one later shows that it has the ticket of the
//! one before, and is heard at once in its place, although the mailbox may not know yet, or never learn, that
//! the first is over (trap 16). The ticket itself is not shown: what answers at an address to which somebody was
//! lured would have it then. It is the key under which the new connection's own ticket and the place that was
//! dialled are sealed; what was made for one place is worth nothing at another.
//!
//! Whoever reads what is on the wire can do all this as well, as it can read and write all else. Where the address of
//! a mailbox is translated on the way to it (NAT), the two see different places, and a connection proves nothing.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use hmac_sha256::HMAC;

/// Octets of a ticket, and of a proof.
pub(crate) const TICKET: usize = 16;

/// What a mailbox gives a connection: random, and told to nobody else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket([u8; TICKET]);

/// What whoever opens another connection shows: see [`Ticket::prove`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Proof([u8; TICKET]);

impl Ticket {
    /// That whoever has this ticket has opened the connection that was given `next` by the mailbox `at` that
    /// place.
    pub(crate) fn prove(&self, next: &Self, at: SocketAddr) -> Proof {
        let mut seal = HMAC::new(self.0);
        seal.update(next.0);
        match at.ip() {
            IpAddr::V4(address) => seal.update(address.octets()),
            IpAddr::V6(address) => seal.update(address.octets()),
        }
        seal.update(at.port().to_be_bytes());
        let sealed = seal.finalize();
        let mut proof = [0; TICKET];
        for (octet, from) in proof.iter_mut().zip(sealed) {
            *octet = from;
        }
        Proof(proof)
    }
}

impl From<[u8; TICKET]> for Ticket {
    fn from(octets: [u8; TICKET]) -> Self {
        Self(octets)
    }
}

impl From<[u8; TICKET]> for Proof {
    fn from(octets: [u8; TICKET]) -> Self {
        Self(octets)
    }
}

impl AsRef<[u8]> for Ticket {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Proof {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// It is nobody's business, nor a log's.
impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket")
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(place: &str) -> SocketAddr {
        place.parse().expect("a place")
    }

    #[test]
    fn a_proof_holds_for_one_ticket_one_connection_and_one_place() {
        let [ticket, next, other] = [1, 2, 3].map(|octet| Ticket::from([octet; TICKET]));
        let place = at("10.0.0.1:49152");
        let proof = ticket.prove(&next, place);
        assert_eq!(proof, ticket.prove(&next, place));
        assert_ne!(proof, other.prove(&next, place));
        assert_ne!(proof, ticket.prove(&other, place));
        assert_ne!(proof, ticket.prove(&next, at("10.0.0.2:49152")));
        assert_ne!(proof, ticket.prove(&next, at("10.0.0.1:49153")));
        assert_ne!(proof, ticket.prove(&next, at("[fe80::1]:49152")));
    }

    #[test]
    fn a_proof_is_that_of_rfc_2104_with_sha_256() {
        let ticket = Ticket::from(*b"0123456789abcdef");
        let next = Ticket::from(*b"fedcba9876543210");
        // printf 'fedcba9876543210\x0a\x00\x00\x01\xc0\x00' | openssl dgst -sha256 -mac HMAC -macopt key:0123456789abcdef
        let proof = ticket.prove(&next, at("10.0.0.1:49152"));
        assert_eq!(
            proof.as_ref(),
            b"\x1f\x5c\x30\xf3\x70\x0e\x0a\x6c\xd9\x17\xcb\x84\x14\xa8\x75\x7b"
        );
    }

    #[test]
    fn neither_is_shown_in_a_log() {
        let ticket = Ticket::from([7; TICKET]);
        let proof = Proof::from([7; TICKET]);
        assert_eq!(format!("{ticket:?} {proof:?}"), "Ticket Proof");
    }
}
