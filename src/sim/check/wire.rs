//! What a peer receives, checked as a Zyre checks it: numbers that follow on each other, and the
//! status of JOIN and LEAVE, of which a wrong one ends its process.

use std::net::SocketAddr;

use super::{Check, Verdict, Violation};
use crate::sim::time::Time;
use crate::zre::{Body, Message};

/// What a Zyre would know of the peer at the other end.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Wire {
    is_ready: bool,
    last: u16,
    status: u8,
    since: Time,
}

impl Check {
    /// A message was queued to a mailbox at an address.
    pub(in crate::sim) const fn sent(
        &mut self,
        _now: Time,
        _from: usize,
        _to: SocketAddr,
        _message: &Message,
    ) {
        self.counts.messages += 1;
    }

    /// A message has arrived at the process `to`.
    pub(in crate::sim) fn received(
        &mut self,
        now: Time,
        to: usize,
        from: usize,
        message: &Message,
    ) {
        if !self.is_on {
            return;
        }
        if let Err(violation) = self.follow(now, to, from, message) {
            self.fail(violation);
        }
    }

    fn follow(&mut self, now: Time, to: usize, from: usize, message: &Message) -> Verdict {
        let mut wire = self.known(to).wires.get(&from).copied().unwrap_or_default();
        let came = message.sequence;
        let result = match &message.body {
            Body::Hello(hello) => {
                wire = Wire {
                    is_ready: true,
                    last: 1,
                    status: hello.status,
                    since: now,
                };
                let wanted = 1;
                let number = Violation::Number {
                    to,
                    from,
                    wanted,
                    came,
                };
                if came == wanted { Ok(()) } else { Err(number) }
            }
            _ if !wire.is_ready => Ok(()),
            _ if came != wire.last.wrapping_add(1) => {
                wire.is_ready = false;
                let wanted = wire.last.wrapping_add(1);
                let number = Violation::Number {
                    to,
                    from,
                    wanted,
                    came,
                };
                if self.calm.since(to, from, wire.since) {
                    Err(number)
                } else {
                    Ok(())
                }
            }
            Body::Join { status, .. } | Body::Leave { status, .. } => {
                wire.last = came;
                wire.status = wire.status.wrapping_add(1);
                let (wanted, came) = (wire.status, *status);
                let wrong = Violation::Status {
                    to,
                    from,
                    wanted,
                    came,
                };
                if came == wanted { Ok(()) } else { Err(wrong) }
            }
            _ => {
                wire.last = came;
                Ok(())
            }
        };
        self.known(to).wires.insert(from, wire);
        result
    }
}
