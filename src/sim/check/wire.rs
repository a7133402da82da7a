//! What a peer receives, checked as a Zyre checks it: numbers that follow on each other, and the
//! status of JOIN and LEAVE, of which a wrong one ends its process.

use std::time::Duration;

use super::{Check, Verdict, Violation};
use crate::sim::time::Time;
use crate::zre::{Body, Message};

/// What a Zyre would know of the peer at the other end.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Wire {
    is_ready: bool,
    last: u16,
    status: u8,
    /// Which HELLO that was.
    greeting: u64,
    since: Time,
    /// The number of the last message of all that have followed on each other since a HELLO.
    heard: Option<u16>,
    /// Whether the message that came last does not follow on it.
    is_astray: bool,
}

impl Check {
    /// A message has arrived at the process `to`; its number counts from the HELLO `greeting`.
    pub(in crate::sim) fn received(
        &mut self,
        now: Time,
        to: usize,
        from: usize,
        greeting: u64,
        message: &Message,
    ) {
        if !self.is_on {
            return;
        }
        let mut wire = self.known(to).wires.get(&from).copied().unwrap_or_default();
        wire.count(message);
        let (heard, is_astray) = (wire.heard, wire.is_astray);
        let verdict = match &message.body {
            // How others count is their business.
            body if self.is_foreign(from) => {
                let is_hello = matches!(body, Body::Hello(_));
                wire.is_ready = is_hello || wire.is_ready && greeting == wire.greeting;
                wire.greeting = greeting;
                Ok(())
            }
            Body::Hello(hello) => {
                wire = Wire {
                    is_ready: true,
                    last: 1,
                    status: hello.status,
                    greeting,
                    since: now,
                    heard,
                    is_astray,
                };
                wire.expect(to, from, 1, message.sequence)
            }
            _ if wire.is_ready => self.follow(now, &mut wire, (to, from), greeting, message),
            _ => Ok(()),
        };
        self.known(to).wires.insert(from, wire);
        if let Err(violation) = verdict {
            self.fail(violation);
        }
    }

    /// Whether what arrives from a peer counts from a HELLO that has arrived. If not, something is lost
    /// with a connection, and if a number fits all the same, nobody can tell.
    pub(in crate::sim) fn is_in_step(&self, to: usize, from: usize) -> bool {
        let wires = self.processes.get(to).map(|known| &known.wires);
        wires
            .and_then(|wires| wires.get(&from))
            .is_some_and(|wire| wire.is_ready)
    }

    /// Content is told only from a message on which every one before it was counted, whoever sent it: one
    /// that is missing may have been a JOIN, or what the rest is about. A number that fits by chance is
    /// nobody's fault.
    pub(super) fn follows(&self, told: usize, peer: usize) -> Verdict {
        let wires = self.processes.get(told).map(|known| &known.wires);
        let wire = wires.and_then(|wires| wires.get(&peer));
        if wire.is_some_and(|wire| wire.is_astray) && !self.is_foreign(told) {
            return Err(Violation::Unnoticed { told, peer });
        }
        Ok(())
    }

    fn follow(
        &self,
        now: Time,
        wire: &mut Wire,
        (to, from): (usize, usize),
        greeting: u64,
        message: &Message,
    ) -> Verdict {
        let wanted = wire.last.wrapping_add(1);
        let came = message.sequence;
        if came == 0 && message.body == Body::PingOk {
            // It goes before a HELLO, which a Zyre then takes for the first one (trap 10).
            wire.is_ready = false;
            return Ok(());
        }
        if came != wanted || greeting != wire.greeting {
            // Something is lost (a HELLO, if the number fits by chance).
            wire.is_ready = false;
            if self.are_well(now, to, from, wire.since) && !self.is_excused(now, to, from) {
                return wire.expect(to, from, wanted, came);
            }
            return Ok(());
        }
        wire.last = came;
        if let Body::Join { status: came, .. } | Body::Leave { status: came, .. } = message.body {
            wire.status = wire.status.wrapping_add(1);
            let wanted = wire.status;
            if came != wanted {
                return Err(Violation::Status {
                    to,
                    from,
                    wanted,
                    came,
                });
            }
        }
        Ok(())
    }
}

impl Check {
    /// Whether two have been well since a moment. Who has not read for a while finds now what came long
    /// ago, and what was wrong then.
    fn are_well(&self, now: Time, to: usize, from: usize, since: Time) -> bool {
        let known = self.processes.get(to);
        let has_read = known.is_some_and(|it| it.reads && now.since(it.reads_since) > READ);
        if has_read {
            self.calm.since(to, from, since)
        } else {
            self.calm.for_long(to, from, now)
        }
    }
}

/// How long an application has to have read again until all that was under way is read.
const READ: Duration = Duration::from_secs(10);

impl Wire {
    /// Counts a message, as all programs do that we know (trap 1): Pyre goes on with 0 after 65,534.
    const fn count(&mut self, message: &Message) {
        let came = message.sequence;
        self.is_astray = false;
        match (&message.body, self.heard) {
            (Body::Hello(_), _) => self.heard = Some(came),
            // It goes before a HELLO (trap 10).
            (Body::PingOk, _) if came == 0 => {}
            (_, Some(65_534)) if came == 0 || came == u16::MAX => self.heard = Some(came),
            (_, Some(last)) if came == last.wrapping_add(1) => self.heard = Some(came),
            // What has come already may come again over another connection.
            (_, Some(last)) if last.wrapping_sub(came) < u16::MAX / 2 => self.is_astray = true,
            _ => {
                self.is_astray = true;
                self.heard = None;
            }
        }
    }

    fn expect(&self, to: usize, from: usize, wanted: u16, came: u16) -> Verdict {
        if came == wanted && self.is_ready {
            return Ok(());
        }
        Err(Violation::Number {
            to,
            from,
            wanted,
            came,
        })
    }
}
