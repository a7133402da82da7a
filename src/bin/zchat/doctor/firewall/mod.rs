//! What a firewall does to the packets of zchat: its rules as plain data, and [`Ruleset::judge`].
//!
//! Read from `nft -j list ruleset` ([`nft`]) and from `iptables-save` ([`iptables`]). IPv4 only, and
//! filtering only: no address translation, no forwarding, no bridging. What is not understood of a rule
//! is kept as [`Values::Unknown`], and makes what follows from it uncertain, never wrong.

mod iptables;
mod judge;
mod nft;

use std::fmt;
use std::net::Ipv4Addr;

pub(crate) use iptables::parse as parse_iptables;
pub(crate) use nft::parse as parse_nft;

/// All that is known of the rules of this host.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Ruleset {
    pub(crate) chains: Vec<Chain>,
}

/// One list of rules.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chain {
    pub(crate) place: Place,
    /// Where packets come into it; `None` if only from other chains.
    pub(crate) base: Option<Base>,
    pub(crate) rules: Vec<Rule>,
}

/// Which chain it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) tool: Tool,
    /// As the tool names it: `inet filter` by nft, `filter` by iptables.
    pub(crate) table: String,
    pub(crate) chain: String,
}

/// What a rule was made with, and is changed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Nft,
    Iptables,
    /// iptables over the old interface of the kernel, which nft does not see.
    IptablesLegacy,
    /// iptables for IPv6.
    Ip6tables,
}

/// How packets come into a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base {
    pub(crate) direction: Direction,
    /// Those of these interfaces only; all, if there is none here.
    pub(crate) devices: Vec<String>,
    /// Whether what no rule decides about is dropped.
    pub(crate) drops: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Direction {
    In,
    Out,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rule {
    /// As a person can read it.
    pub(crate) text: String,
    /// It applies where all of them say yes.
    pub(crate) tests: Vec<Test>,
    pub(crate) verdict: Option<Verdict>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accept,
    Drop,
    Reject,
    Return,
    Jump(String),
    Goto(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Test {
    pub(crate) field: Field,
    pub(crate) negated: bool,
    pub(crate) values: Values,
}

impl Test {
    /// Something that is not understood.
    pub(crate) const UNKNOWN: Self = Self {
        field: Field::Other,
        negated: false,
        values: Values::Unknown,
    };

    /// Something that holds for none of our packets.
    pub(crate) const NEVER: Self = Self {
        field: Field::Family,
        negated: false,
        values: Values::Names(Vec::new()),
    };
}

/// What of a packet is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// Names, with `*` or `+` at the end for any rest.
    InDevice,
    OutDevice,
    /// Numbers of IP protocols.
    Protocol,
    SourcePort,
    DestinationPort,
    SourceAddress,
    DestinationAddress,
    /// Names: `new`, `established`, …
    State,
    /// What the routing table says of the destination: `local`, `broadcast`, `unicast`, …
    DestinationKind,
    /// How it came by the link: `broadcast`, `host`, …
    LinkKind,
    /// The names of the flags that are set, all of them, of those that are looked at.
    TcpFlags,
    /// `ipv4` or `ipv6`.
    Family,
    /// A number that other rules, or programs, have put on the packet: zero on ours.
    Mark,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Values {
    Spans(Vec<Span>),
    Names(Vec<String>),
    /// Not understood, or not told.
    Unknown,
}

/// Numbers from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: u32,
    pub(crate) last: u32,
}

impl Span {
    pub(crate) const ALL: Self = Self {
        first: 0,
        last: u32::MAX,
    };

    pub(crate) const fn one(number: u32) -> Self {
        Self {
            first: number,
            last: number,
        }
    }

    /// Both ends, in whichever order.
    pub(crate) const fn new(one: u32, other: u32) -> Self {
        if one <= other {
            Self {
                first: one,
                last: other,
            }
        } else {
            Self {
                first: other,
                last: one,
            }
        }
    }

    /// The addresses that have these leading bits in common.
    pub(crate) fn prefix(address: Ipv4Addr, bits: u32) -> Self {
        let host = u32::MAX.checked_shr(bits).unwrap_or(0);
        let first = u32::from(address) & !host;
        Self {
            first,
            last: first | host,
        }
    }
}

/// A packet of zchat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) kind: PacketKind,
    pub(crate) family: Family,
    pub(crate) device: String,
    /// Where it may come from.
    pub(crate) source: Span,
    /// Where it may go to.
    pub(crate) destination: Span,
    /// The port of the beacons, or of a mailbox.
    pub(crate) port: u16,
}

/// By which protocol a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    V4,
    /// Its addresses are not compared with those in rules.
    V6,
}

/// What a packet is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PacketKind {
    /// A beacon of somebody else.
    BeaconIn,
    /// Our own beacon.
    BeaconOut,
    /// The beginning of a connection to our mailbox.
    ConnectionIn,
    /// The beginning of a connection to somebody's mailbox.
    ConnectionOut,
    /// What comes back on a connection that we have begun.
    ReplyIn,
}

impl PacketKind {
    pub(crate) const ALL: [Self; 5] = [
        Self::BeaconIn,
        Self::BeaconOut,
        Self::ConnectionIn,
        Self::ConnectionOut,
        Self::ReplyIn,
    ];

    pub(crate) const fn direction(self) -> Direction {
        match self {
            Self::BeaconIn | Self::ConnectionIn | Self::ReplyIn => Direction::In,
            Self::BeaconOut | Self::ConnectionOut => Direction::Out,
        }
    }

    pub(crate) const fn is_beacon(self) -> bool {
        matches!(self, Self::BeaconIn | Self::BeaconOut)
    }
}

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passes,
    Blocked(Blocker),
    /// It depends on something that was not understood, or on who sends it.
    MayBeBlocked(Blocker),
}

/// What is in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blocker {
    /// The chain that the packet came into first: an exception has to go there.
    pub(crate) base: Place,
    /// The chain that the rule, or the policy, is in.
    pub(crate) chain: String,
    /// The rule; `None` if no rule accepts the packet and the policy is to drop.
    pub(crate) rule: Option<String>,
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (table, chain) = (&self.base.table, &self.chain);
        match &self.rule {
            Some(rule) => write!(f, "table {table}, chain {chain}: {rule}"),
            None => write!(
                f,
                "table {table}, chain {chain}: no rule accepts it, and its policy is to drop"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
