//! What is said over a connection besides messages: greetings, commands, and the heads of frames.

use crate::zre::ticket::{Proof, Ticket};

/// The rest of the greeting to ZMTP 3: minor version 1, NULL, and zeros.
const GREETING_REST: &[u8; GREETING - VERSION] = &{
    let mut rest = [0; GREETING - VERSION];
    [rest[0], rest[1], rest[2], rest[3], rest[4]] = *b"\x01NULL";
    rest
};

/// A version of ZMTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Version {
    /// As libzmq 3 spoke it, and the Zyre for .NET.
    Two,
    /// That of libzmq 4, and all that call themselves later ones.
    Three,
}

/// All that one side says in a handshake.
///
/// The first of it is said as soon as there is a connection: the signature, and version 3. It is enough
/// for both sides to know how to go on. With ZMTP 3 the rest of the greeting and READY follow at once:
/// the other side has no say in either.
#[derive(Debug, Clone)]
pub(in super::super) struct Words {
    /// All of it to each version; both begin with the same [`VERSION`] octets.
    second: Vec<u8>,
    third: Vec<u8>,
    /// The properties of READY.
    ready: Vec<u8>,
}

impl Words {
    /// A ROUTER's, under this routing id. (That of other implementations shows none.)
    pub(in super::super) fn of_a_router(routing_id: &[u8]) -> Self {
        Self::new(6, b"ROUTER", routing_id)
    }

    /// A DEALER's, under this routing id.
    pub(in super::super) fn of_a_dealer(routing_id: &[u8]) -> Self {
        Self::new(5, b"DEALER", routing_id)
    }

    fn new(number: u8, kind: &[u8], routing_id: &[u8]) -> Self {
        let mut ready = property(b"Socket-Type", kind);
        ready.extend(property(b"Identity", routing_id));
        // To ZMTP 1, it would be the head of a frame with the routing id.
        let length = u8::try_from(1 + routing_id.len()).unwrap_or(u8::MAX);
        let hail: [u8; VERSION] = [0xff, 0, 0, 0, 0, 0, 0, 0, length, 0x7f, 3];
        let mut second = hail.to_vec();
        second.push(number);
        frame_head(&mut second, 0, routing_id.len());
        second.extend_from_slice(routing_id);
        Self {
            second,
            third: [&hail[..], GREETING_REST, &command(b"READY", &ready)].concat(),
            ready,
        }
    }

    /// What is said first.
    pub(in super::super) fn hail(&self) -> &[u8] {
        self.third.get(..VERSION).unwrap_or_default()
    }

    /// The rest of the greeting to ZMTP 3, for whoever waits with READY for that of the other side.
    pub(in super::super) const fn greeting_rest() -> &'static [u8] {
        GREETING_REST
    }

    /// READY to ZMTP 3, with nothing of ours in it.
    #[cfg(any(test, feature = "sim"))]
    pub(in super::super) fn ready(&self) -> &[u8] {
        self.third.get(GREETING..).unwrap_or_default()
    }

    /// All that is said behind the hail to this version.
    pub(in super::super) fn to(&self, version: Version) -> &[u8] {
        self.all_to(version).get(VERSION..).unwrap_or_default()
    }

    /// The same, with a ticket for the connection.
    pub(in super::super) fn to_with_ticket(&self, version: Version, ticket: &Ticket) -> Vec<u8> {
        self.to_with(version, property(TICKET, ticket.as_ref()))
    }

    /// The same, with the proof that it is not the first of its process.
    pub(in super::super) fn to_with_proof(&self, version: Version, proof: &Proof) -> Vec<u8> {
        self.to_with(version, property(PROOF, proof.as_ref()))
    }

    /// The same, with one more property, if the version has any.
    fn to_with(&self, version: Version, property: Vec<u8>) -> Vec<u8> {
        if version == Version::Two {
            return self.to(version).to_vec();
        }
        let ready = [&self.ready[..], &property].concat();
        [&GREETING_REST[..], &command(b"READY", &ready)].concat()
    }

    /// Both at once, where the other side was first.
    pub(in super::super) fn all_to(&self, version: Version) -> &[u8] {
        match version {
            Version::Two => &self.second,
            Version::Three => &self.third,
        }
    }
}

/// Asks for an answer, and does not say until when (ZMTP 3.1).
pub(in super::super) fn ping() -> Vec<u8> {
    command(b"PING", &[0, 0])
}

/// Answers a PING.
pub(in super::super) fn pong(context: &[u8]) -> Vec<u8> {
    command(b"PONG", context)
}

/// Appends the head of a frame of so many octets.
pub(in super::super) fn frame_head(octets: &mut Vec<u8>, flags: u8, length: usize) {
    if let Ok(short) = u8::try_from(length) {
        octets.extend_from_slice(&[flags, short]);
    } else {
        octets.push(flags | LONG);
        octets.extend_from_slice(&(length as u64).to_be_bytes());
    }
}

pub(super) fn command(name: &[u8], rest: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    frame_head(&mut octets, COMMAND, 1 + name.len() + rest.len());
    octets.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    octets.extend_from_slice(name);
    octets.extend_from_slice(rest);
    octets
}

/// A property of READY.
fn property(name: &[u8], value: &[u8]) -> Vec<u8> {
    let octet = u8::try_from(name.len()).unwrap_or(u8::MAX);
    let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
    [&[octet][..], name, &length.to_be_bytes(), value].concat()
}

/// Properties of READY that are ours (RFC 37: names of applications begin with `X-`). Whoever does not know
/// them takes no notice of them, as libzmq does.
pub(super) const TICKET: &[u8] = b"X-Zchat-Ticket";
pub(super) const PROOF: &[u8] = b"X-Zchat-Proof";
/// Of a frame: another one of the same message follows.
pub(in super::super) const MORE: u8 = 1;
/// Of a frame: its length has eight octets, not one.
pub(super) const LONG: u8 = 2;
/// Of a frame: it is a command.
pub(super) const COMMAND: u8 = 4;
/// The length of a greeting, and of the part of it that tells the version.
pub(super) const GREETING: usize = 64;
pub(super) const VERSION: usize = 11;
