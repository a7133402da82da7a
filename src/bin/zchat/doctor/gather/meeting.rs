//! A node of our own that takes part for a while: whoever is met by it would be in the list.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use zchat::node::Node;
use zchat::node::error::{RecvError, StartError};
use zchat::zre::{Name, PeerId};

use super::super::Options;
use super::super::facts::{Meeting, Met, Port};

/// How others know it.
const NAME: &str = "zchat-doctor";

/// How long its end may take: it has sent nothing.
const FAREWELL: Duration = Duration::from_millis(200);

/// Why there is no node.
pub(super) enum Unstarted {
    /// It is among the facts already.
    Known,
    Why(String),
}

/// A node that says nothing.
pub(super) struct Guest(Node);

impl Guest {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub(super) fn start(options: &Options, mailbox: Option<&Port>) -> Result<Self, Unstarted> {
        let name = Name::new(NAME).map_err(|error| Unstarted::Why(error.to_string()))?;
        let mut builder = Node::builder(name).beacon_port(options.port);
        for interface in &options.interfaces {
            builder = builder.interface(interface);
        }
        for peer in &options.peers {
            builder = builder.peer(*peer);
        }
        // A port that is taken is told anyway.
        let is_usable = mailbox == Some(&Port::Usable);
        if let Some(port) = options.bind_port.filter(|_| is_usable) {
            builder = builder.mailbox_port(port);
        }
        builder.start().map(Self).map_err(|error| match error {
            StartError::UnknownInterface(_) => Unstarted::Known,
            error => Unstarted::Why(error.to_string()),
        })
    }

    /// Takes in what it tells; whether it still runs.
    pub(super) fn listen(&mut self) -> bool {
        loop {
            match self.0.try_recv() {
                Ok(_) => {}
                Err(RecvError::Stopped) => return false,
                Err(_) => return true,
            }
        }
    }

    pub(super) fn has_met(&self, peer: PeerId) -> bool {
        self.0.peer(peer).is_some()
    }

    pub(super) fn id(&self) -> PeerId {
        self.0.id()
    }

    /// Whom it has met.
    pub(super) fn meeting(&self) -> Meeting {
        let met = self.0.peers().map(|peer| Met {
            peer: peer.id,
            name: peer.name.to_string(),
            address: peer.link.remote,
        });
        Meeting {
            peer: self.0.id(),
            port: self.0.port(),
            met: met.collect(),
        }
    }

    /// Says farewell.
    pub(super) fn leave(self) {
        self.0.close(FAREWELL);
    }
}

impl AsFd for Guest {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
