//! What can be wrong in a world: [`Violation`].

use std::fmt;

use crate::zre::GroupName;

/// Something that must never happen. Processes are named by their numbers, as in the trace.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// An event about a peer that does not exist.
    Invented {
        /// Who was told.
        told: usize,
    },
    /// An event about oneself.
    Oneself {
        /// Who was told.
        told: usize,
    },
    /// ENTER of a peer that has entered.
    EnteredTwice {
        /// Who was told.
        told: usize,
        /// The peer.
        peer: usize,
    },
    /// An event about a peer that has not entered, or has exited.
    NotEntered {
        /// Who was told.
        told: usize,
        /// The peer.
        peer: usize,
        /// What kind of event.
        event: &'static str,
    },
    /// JOIN of a group that the peer is in, or LEAVE of one that it is not in.
    Membership {
        /// Who was told.
        told: usize,
        /// The peer.
        peer: usize,
        /// The group.
        group: GroupName,
    },
    /// SHOUT of a member before its JOIN.
    NotJoined {
        /// Who was told.
        told: usize,
        /// The peer.
        peer: usize,
        /// The group.
        group: GroupName,
    },
    /// EXIT, EVASIVE or SILENT of a peer that was well and reachable all the time.
    Slandered {
        /// Who was told.
        told: usize,
        /// The peer.
        peer: usize,
        /// What kind of event.
        event: &'static str,
    },
    /// EVASIVE, SILENT or HEARD twice or in the wrong order, or anything else that an evasive or silent
    /// peer causes without HEARD before it.
    OutOfTurn {
        /// Who was told.
        told: usize,
        /// The peer.
        peer: usize,
        /// What kind of event.
        event: &'static str,
    },
    /// Content that was never sent, or not to this receiver, or not in this form.
    Forged {
        /// Who was told.
        told: usize,
        /// The peer.
        peer: usize,
    },
    /// Content that came twice, or after some that was sent later.
    OutOfOrder {
        /// Who was told.
        told: usize,
        /// The peer.
        peer: usize,
        /// The number of the content.
        content: u64,
        /// The number of the one before.
        after: u64,
    },
    /// Content that never came, though both were well, and nobody was told.
    Lost {
        /// Who should have been told.
        to: usize,
        /// Who sent it.
        from: usize,
        /// The number of the content.
        content: u64,
    },
    /// A message whose number does not follow on the one before, between peers that are well.
    Number {
        /// Who received it.
        to: usize,
        /// Who sent it.
        from: usize,
        /// The number that should have come.
        wanted: u16,
        /// The one that came.
        came: u16,
    },
    /// Content of a message that does not follow on the one before it, which is missing.
    Unnoticed {
        /// Who was told.
        told: usize,
        /// The peer.
        peer: usize,
    },
    /// A status that would end a Zyre or Pyre.
    Status {
        /// Who received it.
        to: usize,
        /// Who sent it.
        from: usize,
        /// The status that should have come.
        wanted: u8,
        /// The one that came.
        came: u8,
    },
    /// A foreign peer has died of what it was sent.
    Killed {
        /// Which one.
        foreign: usize,
        /// Of what.
        of: &'static str,
    },
    /// More is queued than may be.
    Overfull {
        /// The process.
        process: usize,
        /// What.
        what: &'static str,
        /// How much or many.
        found: u64,
        /// How much or many there may be.
        limit: u64,
    },
    /// A machine wants to be woken at the same time again and again.
    Spins {
        /// The process.
        process: usize,
    },
    /// Something is wanted of a connection that does not exist, or exists already.
    Link {
        /// The process.
        process: usize,
        /// The number of the connection.
        link: u64,
    },
    /// Something of ours cannot be decoded.
    Undecodable {
        /// Who received it.
        process: usize,
        /// What.
        what: &'static str,
    },
    /// All is well, but a peer is not listed.
    Missing {
        /// Who does not list it.
        by: usize,
        /// The peer.
        peer: usize,
    },
    /// A peer is listed that is not there.
    Ghost {
        /// Who lists it.
        by: usize,
        /// The peer.
        peer: usize,
    },
    /// All is well, but a peer is listed with groups that it is not in, or without one that it is in.
    Groups {
        /// Who lists it.
        by: usize,
        /// The peer.
        peer: usize,
    },
    /// A chat sends what was typed to others than it was meant for.
    Astray {
        /// Which one.
        by: usize,
        /// The number of the text.
        content: u64,
    },
    /// A chat has not shown what was said, or not once, or not as it was said.
    Misshown {
        /// Which one.
        by: usize,
        /// Who said it.
        peer: usize,
        /// The number of the text.
        content: u64,
    },
    /// A chat shows something that nobody has said now.
    MadeUp {
        /// Which one.
        by: usize,
        /// What it shows.
        text: String,
    },
    /// A chat shows something that a terminal would obey.
    Raw {
        /// Which one.
        by: usize,
        /// What it shows.
        text: String,
    },
    /// A chat says again that somebody is here, or that one is gone who was not here.
    Unbalanced {
        /// Which one.
        by: usize,
        /// The peer.
        peer: usize,
    },
    /// All is well, but a chat has not said that somebody is here, or gone.
    Unannounced {
        /// Which one.
        by: usize,
        /// The peer.
        peer: usize,
    },
    /// A chat has not told that something did not arrive which was typed.
    Untold {
        /// Which one.
        by: usize,
        /// Where it did not arrive.
        peer: usize,
    },
    /// A private chat that one of the two does not want.
    Unwanted {
        /// Where it begins, or is asked for.
        by: usize,
        /// The other side.
        peer: usize,
    },
    /// All is well, but one believes to be in a private chat with another, who does not.
    Disagreed {
        /// Who believes it.
        one: usize,
        /// Who does not.
        other: usize,
    },
    /// A chat ended with a status that is not true.
    Untrue {
        /// Which one.
        by: usize,
    },
    /// A process has two connections to one place, which would be in each other's way, or one to itself.
    TwoDials {
        /// Which one.
        by: usize,
        /// The port of the place.
        port: u16,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invented { told } => write!(f, "p{told} is told of a peer that does not exist"),
            Self::Oneself { told } => write!(f, "p{told} is told of itself"),
            Self::EnteredTwice { told, peer } => write!(f, "p{told}: p{peer} enters twice"),
            Self::NotEntered { told, peer, event } => {
                write!(f, "p{told}: {event} of p{peer}, which has not entered")
            }
            Self::Membership { told, peer, group } => {
                write!(
                    f,
                    "p{told}: JOIN or LEAVE of p{peer} changes nothing in {group}"
                )
            }
            Self::NotJoined { told, peer, group } => {
                write!(f, "p{told}: p{peer} shouts to {group} before its JOIN")
            }
            Self::Slandered { told, peer, event } => {
                write!(
                    f,
                    "p{told}: {event} of p{peer}, which was well all the time"
                )
            }
            Self::OutOfTurn { told, peer, event } => {
                write!(f, "p{told}: {event} of p{peer} out of turn")
            }
            Self::Forged { told, peer } => {
                write!(f, "p{told}: content of p{peer} that was not sent like this")
            }
            Self::OutOfOrder {
                told,
                peer,
                content,
                after,
            } => write!(f, "p{told}: content {content} of p{peer} after {after}"),
            Self::Lost { to, from, content } => {
                write!(
                    f,
                    "content {content} of p{from} to p{to} is lost, and nobody was told"
                )
            }
            Self::Number {
                to,
                from,
                wanted,
                came,
            } => write!(
                f,
                "p{to} wants message {wanted} of p{from}, and gets {came}"
            ),
            Self::Status {
                to,
                from,
                wanted,
                came,
            } => write!(f, "p{to} wants status {wanted} of p{from}, and gets {came}"),
            Self::Killed { foreign, of } => write!(f, "p{foreign} has died of {of}"),
            Self::Overfull {
                process,
                what,
                found,
                limit,
            } => write!(f, "p{process}: {what}: {found}, and {limit} are allowed"),
            Self::Spins { process } => write!(f, "p{process} wants to be woken without end"),
            Self::Link { process, link } => write!(f, "p{process}: what is connection {link}?"),
            Self::Undecodable { process, what } => write!(f, "p{process} cannot decode {what}"),
            _ => self.of_places(f),
        }
    }
}

impl Violation {
    /// Who is not where it should be, in words.
    fn of_places(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unnoticed { told, peer } => {
                write!(
                    f,
                    "p{told}: content of p{peer}, of whom a message is missing"
                )
            }
            Self::Missing { by, peer } => write!(f, "p{by} does not list p{peer}"),
            Self::Ghost { by, peer } => write!(f, "p{by} lists p{peer}, which is not there"),
            Self::Groups { by, peer } => write!(f, "p{by} lists wrong groups of p{peer}"),
            Self::TwoDials { by, port } => {
                write!(
                    f,
                    "p{by} has two connections to port {port}, or one to itself"
                )
            }
            _ => self.of_chats(f),
        }
    }

    /// What chats do wrong, in words.
    fn of_chats(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Astray { by, content } => {
                write!(
                    f,
                    "p{by} sends text {content} to others than it was meant for"
                )
            }
            Self::Misshown { by, peer, content } => {
                write!(
                    f,
                    "p{by} shows text {content} of p{peer} otherwise than it was said"
                )
            }
            Self::MadeUp { by, text } => write!(f, "p{by} shows what nobody said: {text:?}"),
            Self::Raw { by, text } => write!(f, "p{by} shows what a terminal obeys: {text:?}"),
            Self::Unbalanced { by, peer } => {
                write!(f, "p{by} shows p{peer} come or go twice")
            }
            Self::Unannounced { by, peer } => {
                write!(f, "p{by} has not shown p{peer} come or go")
            }
            Self::Untold { by, peer } => {
                write!(f, "p{by} does not show that p{peer} has not got something")
            }
            Self::Unwanted { by, peer } => {
                write!(f, "p{by}: a private chat with p{peer} that nobody wants")
            }
            Self::Disagreed { one, other } => {
                write!(
                    f,
                    "p{one} believes to be in a private chat with p{other}, which does not"
                )
            }
            Self::Untrue { by } => write!(f, "p{by} ends with a status that is not true"),
            _ => write!(f, "{self:?}"),
        }
    }
}
