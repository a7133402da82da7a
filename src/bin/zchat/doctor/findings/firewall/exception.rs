//! The commands that let packets pass, in the words of what manages the rules.

use super::super::super::firewall::{PacketKind, Ruleset, Tool};
use super::{FIRST_MAILBOX, Wall};

/// What has made a rule, and is asked for an exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manager {
    Ufw,
    Firewalld,
    Nft,
    Iptables(&'static str),
}

impl Manager {
    pub(super) fn of<'a>(wall: &Wall, mut rulesets: impl Iterator<Item = &'a Ruleset>) -> Self {
        let base = &wall.blocker.base;
        // ufw leaves dropping to the policy of a chain that is not its own.
        let has_ufw = rulesets.any(|ruleset| {
            let mut chains = ruleset.chains.iter();
            chains.any(|chain| chain.place.chain == "ufw-user-input")
        });
        let by_iptables = ["filter", "ip filter", "ip6 filter"].contains(&base.table.as_str());
        match base.tool {
            _ if has_ufw && by_iptables => Self::Ufw,
            Tool::Nft if base.table == "inet firewalld" => Self::Firewalld,
            Tool::Nft => Self::Nft,
            Tool::Iptables => Self::Iptables("iptables"),
            Tool::IptablesLegacy => Self::Iptables("iptables-legacy"),
            Tool::Ip6tables => Self::Iptables("ip6tables"),
        }
    }

    /// Makes an exception from this wall for this kind of packet.
    pub(super) fn exception(self, wall: &Wall, kind: PacketKind, port: u16) -> Vec<String> {
        let base = &wall.blocker.base;
        let protocol = if kind.is_beacon() { "udp" } else { "tcp" };
        let is_answer = kind == PacketKind::ReplyIn;
        match self {
            Self::Ufw if !is_answer => {
                let is_out = matches!(kind, PacketKind::BeaconOut | PacketKind::ConnectionOut);
                let out = if is_out { "out " } else { "" };
                vec![format!(
                    "sudo ufw allow {out}{}/{protocol}",
                    ports(kind, port, ":")
                )]
            }
            Self::Firewalld if matches!(kind, PacketKind::BeaconIn | PacketKind::ConnectionIn) => {
                let ports = ports(kind, port, "-");
                vec![
                    format!("sudo firewall-cmd --permanent --add-port={ports}/{protocol}"),
                    "sudo firewall-cmd --reload".to_owned(),
                ]
            }
            Self::Nft | Self::Firewalld => {
                let tests = if is_answer {
                    "ct state established,related".to_owned()
                } else {
                    format!("{protocol} dport {}", ports(kind, port, "-"))
                };
                let (table, chain) = (&base.table, &base.chain);
                vec![format!(
                    "sudo nft insert rule {table} {chain} {tests} accept"
                )]
            }
            Self::Iptables(_) | Self::Ufw => {
                let program = match self {
                    Self::Iptables(program) => program,
                    _ if base.tool == Tool::Ip6tables || base.table == "ip6 filter" => "ip6tables",
                    _ => "iptables",
                };
                let tests = if is_answer {
                    "-m conntrack --ctstate ESTABLISHED,RELATED".to_owned()
                } else {
                    format!("-p {protocol} --dport {}", ports(kind, port, ":"))
                };
                let table = match base.table.as_str() {
                    "filter" | "ip filter" | "ip6 filter" => String::new(),
                    table => format!("-t {table} "),
                };
                let chain = &base.chain;
                vec![format!(
                    "sudo {program} {table}-I {chain} {tests} -j ACCEPT"
                )]
            }
        }
    }
}

/// The beacon port; or all ports that mailboxes take, one program after the other, unless one is
/// wanted.
fn ports(kind: PacketKind, port: u16, between: &str) -> String {
    if !kind.is_beacon() && port == FIRST_MAILBOX {
        format!("{FIRST_MAILBOX}{between}65535")
    } else {
        port.to_string()
    }
}
