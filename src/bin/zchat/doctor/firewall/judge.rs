//! What becomes of a packet, rule by rule, in three values: yes, no, and it is not known.

use super::{
    Base, Blocker, Chain, Direction, Family, Field, Outcome, Packet, PacketKind, Rule, Ruleset,
    Span, Test, Tool, Values, Verdict,
};

/// How deep chains may call each other; the kernel allows 16.
const DEEPEST: usize = 16;

/// The most rules that are looked at for one packet: chains that call each other many times must not
/// hold up the program. A ruleset of this size is taken as one that lets the packet pass.
const MOST_RULES: usize = 100_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    Unknown,
}

impl Ruleset {
    /// Whether a packet passes all chains in its way.
    pub(crate) fn judge(&self, packet: &Packet) -> Outcome {
        let mut may_be = None;
        let mut rules_left = MOST_RULES;
        for chain in &self.chains {
            let Some(base) = &chain.base else { continue };
            if !takes(chain, base, packet) {
                continue;
            }
            let mut walk = Walk {
                ruleset: self,
                packet,
                base: chain,
                may_be: None,
                may_be_accepted: false,
                rules_left,
            };
            match walk.base_chain(base) {
                Some(blocker) if !walk.may_be_accepted => return Outcome::Blocked(blocker),
                Some(blocker) => walk.may_be = Some(blocker),
                None => {}
            }
            may_be = may_be.or(walk.may_be);
            rules_left = walk.rules_left;
        }
        may_be.map_or(Outcome::Passes, Outcome::MayBeBlocked)
    }
}

fn takes(chain: &Chain, base: &Base, packet: &Packet) -> bool {
    let family = match chain.place.tool {
        Tool::Iptables | Tool::IptablesLegacy => Some(Family::V4),
        Tool::Ip6tables => Some(Family::V6),
        Tool::Nft if chain.place.table.starts_with("ip ") => Some(Family::V4),
        Tool::Nft if chain.place.table.starts_with("ip6 ") => Some(Family::V6),
        Tool::Nft => None,
    };
    family.is_none_or(|family| family == packet.family)
        && base.direction == packet.kind.direction()
        && (base.devices.is_empty() || base.devices.contains(&packet.device))
}

/// One packet on its way through one base chain.
struct Walk<'a> {
    ruleset: &'a Ruleset,
    packet: &'a Packet,
    base: &'a Chain,
    /// The first rule that drops it, if it applies.
    may_be: Option<Blocker>,
    /// Whether a rule would have ended the walk, if it applies.
    may_be_accepted: bool,
    rules_left: usize,
}

enum Fate {
    Accepted,
    Dropped(Blocker),
    /// The chain came to its end, or returned.
    Undecided,
}

impl<'a> Walk<'a> {
    fn base_chain(&mut self, base: &Base) -> Option<Blocker> {
        match self.chain(self.base, 0) {
            Fate::Accepted => None,
            Fate::Dropped(blocker) => Some(blocker),
            Fate::Undecided => base.drops.then(|| self.blocker(self.base, None)),
        }
    }

    fn chain(&mut self, chain: &'a Chain, depth: usize) -> Fate {
        for rule in &chain.rules {
            let Some(rules_left) = self.rules_left.checked_sub(1) else {
                return Fate::Accepted;
            };
            self.rules_left = rules_left;
            let Some(verdict) = &rule.verdict else {
                continue;
            };
            let is_certain = match applies(rule, self.packet) {
                Answer::No => continue,
                Answer::Unknown => false,
                Answer::Yes => true,
            };
            let fate = self.carry_out(verdict, chain, rule, depth);
            let ends = matches!(verdict, Verdict::Return | Verdict::Goto(_));
            match fate {
                Fate::Undecided if ends && is_certain => return Fate::Undecided,
                Fate::Undecided => self.may_be_accepted |= ends,
                fate if is_certain => return fate,
                Fate::Accepted => self.may_be_accepted = true,
                Fate::Dropped(blocker) => {
                    self.may_be.get_or_insert(blocker);
                }
            }
        }
        Fate::Undecided
    }

    fn carry_out(
        &mut self,
        verdict: &Verdict,
        chain: &'a Chain,
        rule: &Rule,
        depth: usize,
    ) -> Fate {
        match verdict {
            Verdict::Accept => Fate::Accepted,
            Verdict::Drop | Verdict::Reject => Fate::Dropped(self.blocker(chain, Some(rule))),
            Verdict::Return => Fate::Undecided,
            Verdict::Jump(name) | Verdict::Goto(name) => match self.find(chain, name) {
                Some(next) if depth < DEEPEST => self.chain(next, depth + 1),
                _ => Fate::Undecided,
            },
        }
    }

    fn find(&self, from: &Chain, name: &str) -> Option<&'a Chain> {
        let is_it = |chain: &&Chain| {
            chain.place.chain == name
                && chain.place.table == from.place.table
                && chain.place.tool == from.place.tool
        };
        self.ruleset.chains.iter().find(is_it)
    }

    fn blocker(&self, chain: &Chain, rule: Option<&Rule>) -> Blocker {
        Blocker {
            base: self.base.place.clone(),
            chain: chain.place.chain.clone(),
            rule: rule.map(|rule| rule.text.clone()),
        }
    }
}

fn applies(rule: &Rule, packet: &Packet) -> Answer {
    let mut answer = Answer::Yes;
    for test in &rule.tests {
        match ask(test, packet) {
            Answer::No => return Answer::No,
            Answer::Unknown => answer = Answer::Unknown,
            Answer::Yes => {}
        }
    }
    answer
}

fn ask(test: &Test, packet: &Packet) -> Answer {
    let answer = match &test.values {
        Values::Unknown => Answer::Unknown,
        Values::Spans(spans) => {
            number(test.field, packet).map_or(Answer::Unknown, |value| is_within(value, spans))
        }
        Values::Names(names) => name(test.field, packet, names),
    };
    match answer {
        Answer::Yes if test.negated => Answer::No,
        Answer::No if test.negated => Answer::Yes,
        answer => answer,
    }
}

/// What the packet has there: one number, or one of several.
fn number(field: Field, packet: &Packet) -> Option<Span> {
    const TCP: u32 = 6;
    const UDP: u32 = 17;
    let port = Span::one(packet.port.into());
    match field {
        Field::Protocol if packet.kind.is_beacon() => Some(Span::one(UDP)),
        Field::Protocol => Some(Span::one(TCP)),
        Field::SourceAddress | Field::DestinationAddress if packet.family == Family::V6 => None,
        Field::SourceAddress => Some(packet.source),
        Field::DestinationAddress => Some(packet.destination),
        // An answer comes from the port that the connection was made to.
        Field::SourcePort => (packet.kind == PacketKind::ReplyIn).then_some(port),
        Field::DestinationPort => (packet.kind != PacketKind::ReplyIn).then_some(port),
        Field::Mark => Some(Span::one(0)),
        _ => None,
    }
}

fn is_within(value: Span, spans: &[Span]) -> Answer {
    let holds = |span: &Span| span.first <= value.first && value.last <= span.last;
    let touches = |span: &Span| span.first <= value.last && value.first <= span.last;
    if spans.iter().any(holds) {
        Answer::Yes
    } else if spans.iter().any(touches) {
        Answer::Unknown
    } else {
        Answer::No
    }
}

fn name(field: Field, packet: &Packet, names: &[String]) -> Answer {
    let is_in = packet.kind.direction() == Direction::In;
    let is_beacon = packet.kind.is_beacon();
    let to_all = match packet.family {
        Family::V4 => "broadcast",
        Family::V6 => "multicast",
    };
    let is_one_of = |words: &[&str]| names.iter().any(|name| words.contains(&name.as_str()));
    let holds = match field {
        Field::InDevice => is_in && names.iter().any(|name| is_device(name, &packet.device)),
        Field::OutDevice => !is_in && names.iter().any(|name| is_device(name, &packet.device)),
        Field::State if packet.kind == PacketKind::ReplyIn => is_one_of(&["established"]),
        Field::State => is_one_of(&["new"]),
        Field::DestinationKind if is_beacon => is_one_of(&[to_all]),
        Field::DestinationKind if is_in => is_one_of(&["local"]),
        Field::DestinationKind => is_one_of(&["unicast"]),
        Field::LinkKind if !is_in => return Answer::Unknown,
        Field::LinkKind if is_beacon => is_one_of(&[to_all]),
        Field::LinkKind => is_one_of(&["host", "unicast"]),
        Field::TcpFlags if packet.kind == PacketKind::ReplyIn => return Answer::Unknown,
        Field::TcpFlags => !is_beacon && names == ["syn"],
        Field::Family if packet.family == Family::V6 => is_one_of(&["ipv6", "ip6"]),
        Field::Family => is_one_of(&["ipv4", "ip"]),
        _ => return Answer::Unknown,
    };
    if holds { Answer::Yes } else { Answer::No }
}

fn is_device(pattern: &str, device: &str) -> bool {
    match pattern.strip_suffix(['*', '+']) {
        Some(beginning) => device.starts_with(beginning),
        None => pattern == device,
    }
}
