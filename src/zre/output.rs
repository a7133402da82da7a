//! What the engine is told by its shell besides messages, and what it wants done.

use std::net::IpAddr;

use super::{Beacon, Event, Host, Link, Message, PeerId};

/// The number of an outgoing connection (a DEALER), given by the engine and never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkId(pub u64);

/// A beacon that was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The host that the datagram came from.
    pub source: Host,
    /// Our own address on the network where it was heard.
    pub local: IpAddr,
    /// What it says.
    pub beacon: Beacon,
}

/// The connection that a message came over, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Via {
    /// The host at its far end.
    pub remote: Option<Host>,
    /// Our own address, at its near end.
    pub local: Option<IpAddr>,
    /// Whether its sender has asked us something before it said anything, as our own nodes do on each later
    /// connection of a link: what they do not know to have arrived over the one before comes again over this.
    pub again: bool,
}

/// What the engine wants done, in this order and at once.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Open an outgoing connection: a DEALER under our routing id. That nobody answers there (yet) is
    /// not an error: it is tried again and again until it is closed.
    Connect {
        /// Its number.
        link: LinkId,
        /// To whom, if that is known. Nothing is sent to a mailbox that says to be somebody else's; that counts as
        /// if nobody listened there. (Those of other implementations say nothing.)
        peer: Option<PeerId>,
        /// Where to.
        to: Link,
    },
    /// Lead a connection to another place. What was sent on it and has not arrived where it was goes
    /// there, before anything else.
    Lead {
        /// The connection.
        link: LinkId,
        /// To whom.
        peer: PeerId,
        /// Where to.
        to: Link,
    },
    /// From now on a connection is known to be to this peer: what is sent on it is for nobody else.
    Belong {
        /// The connection.
        link: LinkId,
        /// To whom.
        peer: PeerId,
    },
    /// Send on a connection. If its budget of octets is full, give the message back by
    /// [`Engine::handle_full`](super::Engine::handle_full).
    Send {
        /// The connection.
        link: LinkId,
        /// What to send.
        message: Message,
        /// Whether the tail of its content is for this receiver.
        tail: bool,
    },
    /// Find out when the system at the other end of a connection last acknowledged something, and answer at
    /// once by [`Engine::handle_acknowledged`](super::Engine::handle_acknowledged); not at all if that is
    /// not known, or if there is no connection just now.
    Probe {
        /// The connection.
        link: LinkId,
    },
    /// Close a connection and whatever is queued in it; answer at once by
    /// [`Engine::handle_closed`](super::Engine::handle_closed).
    Disconnect {
        /// The connection.
        link: LinkId,
    },
    /// Read the inbound connection under this peer's routing id to its end: the peer is not behind it
    /// any more, and nothing comes after what is there. Then, if others from this host wait under that id,
    /// the newest is heard, and older ones are ended. None of them is told as broken.
    HangUp {
        /// The peer.
        peer: PeerId,
        /// Where it is now, as far as is known.
        at: Host,
    },
    /// Send a farewell beacon (port 0) to this host alone.
    Farewell {
        /// The host; the port is the beacon port.
        to: Host,
    },
    /// Tell the application.
    Event(Event),
    /// Everything is delivered, or given up: say farewell to all, then close.
    Stop,
}
