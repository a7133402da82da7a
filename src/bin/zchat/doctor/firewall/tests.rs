//! Rulesets as the tools wrote them, and what becomes of our packets.

use std::net::Ipv4Addr;

use super::{Family, Outcome, Packet, PacketKind, Ruleset, Span, Tool, parse_iptables, parse_nft};

macro_rules! ruleset {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/doctor/rulesets/",
            $name
        ))
    };
}

const FIREWALLD: &str = ruleset!("firewalld.json");
const UFW: &str = ruleset!("ufw.iptables");
const UFW_BY_NFT: &str = ruleset!("ufw.json");
const WORKSTATION: &str = ruleset!("workstation.json");

fn packet(kind: PacketKind, device: &str) -> Packet {
    let network = Span::prefix(Ipv4Addr::new(10, 77, 0, 1), 24);
    let own = Span::one(Ipv4Addr::new(10, 77, 0, 1).into());
    let broadcast = Span::one(Ipv4Addr::new(10, 77, 0, 255).into());
    let (source, destination) = match kind {
        PacketKind::BeaconIn => (network, broadcast),
        PacketKind::BeaconOut => (own, broadcast),
        PacketKind::ConnectionIn | PacketKind::ReplyIn => (network, own),
        PacketKind::ConnectionOut => (own, network),
    };
    Packet {
        kind,
        family: Family::V4,
        device: device.to_owned(),
        source,
        destination,
        port: if kind.is_beacon() { 5670 } else { 49152 },
    }
}

/// What becomes of each kind of packet, in words.
fn fates(ruleset: &Ruleset, device: &str) -> Vec<String> {
    let told = |kind: PacketKind| match ruleset.judge(&packet(kind, device)) {
        Outcome::Passes => "passes".to_owned(),
        Outcome::Blocked(blocker) => blocker.to_string(),
        Outcome::MayBeBlocked(blocker) => format!("may be: {blocker}"),
    };
    PacketKind::ALL.into_iter().map(told).collect()
}

#[test]
fn rules_for_one_family_are_not_for_the_other() {
    let of = |family, table: &str, statements: &str| {
        let table = format!(r#""family": "{table}", "table": "t""#);
        let rules = parse_nft(&format!(
            r#"{{"nftables": [
                {{"chain": {{{table}, "name": "in", "type": "filter", "hook": "input", "prio": 0,
                    "policy": "accept"}}}},
                {{"rule": {{{table}, "chain": "in", "expr": [{statements} {{"drop": null}}]}}}}]}}"#
        ));
        let packet = Packet {
            family,
            ..packet(PacketKind::BeaconIn, "eth0")
        };
        match rules.unwrap().judge(&packet) {
            Outcome::Passes => "passes",
            Outcome::Blocked(_) => "blocked",
            Outcome::MayBeBlocked(_) => "may be",
        }
    };
    let fates = |table: &str, statements: &str| {
        [Family::V4, Family::V6].map(|family| of(family, table, statements))
    };
    assert_eq!(fates("ip", ""), ["blocked", "passes"]);
    assert_eq!(fates("ip6", ""), ["passes", "blocked"]);
    assert_eq!(fates("inet", ""), ["blocked", "blocked"]);
    let source = |protocol, address| {
        format!(
            r#"{{"match": {{"op": "==", "left": {{"payload": {{"protocol": "{protocol}", "field":
                "saddr"}}}}, "right": {{"prefix": {{"addr": "{address}", "len": 8}}}}}}}},"#
        )
    };
    assert_eq!(
        fates("inet", &source("ip", "10.0.0.0")),
        ["blocked", "passes"]
    );
    // Addresses of IPv6 are not compared.
    assert_eq!(
        fates("inet", &source("ip6", "fe00::")),
        ["passes", "may be"]
    );
    let kind =
        r#"{"match": {"op": "==", "left": {"meta": {"key": "pkttype"}}, "right": "multicast"}},"#;
    assert_eq!(fates("inet", kind), ["passes", "blocked"]);
    let rules = "*filter\n:INPUT DROP [0:0]\nCOMMIT\n";
    let rules = parse_iptables(rules, Tool::Ip6tables);
    assert_eq!(
        rules.judge(&packet(PacketKind::BeaconIn, "eth0")),
        Outcome::Passes
    );
}

fn nft(rules: &str) -> Ruleset {
    let chain = |name: &str, hook: &str, policy: &str| {
        format!(
            r#"{{"chain": {{"family": "inet", "table": "t", "name": "{name}", "type": "filter",
                "hook": "{hook}", "prio": 0, "policy": "{policy}"}}}},"#
        )
    };
    parse_nft(&format!(
        r#"{{"nftables": [{}{}
            {{"chain": {{"family": "inet", "table": "t", "name": "sub"}}}}
            {rules}]}}"#,
        chain("in", "input", "accept"),
        chain("out", "output", "accept"),
    ))
    .unwrap()
}

fn rule(chain: &str, statements: &str) -> String {
    format!(
        r#", {{"rule": {{"family": "inet", "table": "t", "chain": "{chain}", "expr": [{statements}]}}}}"#
    )
}

const POLICY: &str = "no rule accepts it, and its policy is to drop";

#[test]
fn what_ufw_forbids_by_default_is_what_comes_in() {
    let ruleset = parse_iptables(UFW, Tool::Iptables);
    let unwanted = format!("table filter, chain INPUT: {POLICY}");
    assert_eq!(
        fates(&ruleset, "eth0"),
        [
            "table filter, chain ufw-skip-to-policy-input: -A ufw-skip-to-policy-input -j DROP",
            "passes",
            unwanted.as_str(),
            "passes",
            "passes"
        ]
    );
}

#[test]
fn an_exception_of_ufw_is_seen() {
    let open = "-A ufw-user-input -p udp -m udp --dport 5670 -j ACCEPT\n\
                -A ufw-user-input -p tcp -m multiport --dports 22,49152:65535 -j ACCEPT\nCOMMIT";
    let ruleset = parse_iptables(&UFW.replacen("COMMIT", open, 1), Tool::Iptables);
    assert_eq!(fates(&ruleset, "eth0"), ["passes"; 5]);
}

#[test]
fn rules_of_iptables_that_nft_does_not_understand_make_it_uncertain() {
    let fates = fates(&parse_nft(UFW_BY_NFT).unwrap(), "eth0");
    assert!(fates[0].starts_with("may be: table ip filter"), "{fates:?}");
    assert_eq!(fates[1], "passes");
}

#[test]
fn firewalld_rejects_what_comes_in() {
    let rejected = "table inet firewalld, chain filter_IN_public: reject";
    assert_eq!(
        fates(&parse_nft(FIREWALLD).unwrap(), "eth0"),
        [rejected, "passes", rejected, "passes", "passes"]
    );
}

#[test]
fn sets_maps_marks_and_wildcards_are_understood() {
    let ruleset = parse_nft(WORKSTATION).unwrap();
    let early = "may be: table netdev early, chain in: udp dport 5670 drop";
    assert_eq!(
        fates(&ruleset, "eth0"),
        [
            "table inet filter, chain input: meta pkttype broadcast reject",
            "passes",
            "passes",
            "passes",
            "passes"
        ]
    );
    let mailbox = format!("table inet filter, chain input: {POLICY}");
    assert_eq!(
        fates(&ruleset, "wlan0"),
        [
            early,
            "table inet filter, chain output: udp dport { 137-139, 5670 } \
             fib daddr type broadcast meta oifname wlan0 drop",
            mailbox.as_str(),
            "passes",
            "passes"
        ]
    );
}

#[test]
fn what_depends_on_the_sender_is_uncertain() {
    let saddr = |right: &str| {
        format!(
            r#"{{"match": {{"op": "==", "left": {{"payload": {{"protocol": "ip", "field": "saddr"}}}},
                "right": {right}}}}}, "#
        )
    };
    let cases = [
        (r#""10.77.0.9""#, "may be"),
        (r#"{"prefix": {"addr": "10.0.0.0", "len": 8}}"#, "table"),
        (r#"{"range": ["10.88.0.0", "10.99.0.0"]}"#, "passes"),
        (r#""@missing""#, "may be"),
    ];
    for (right, expected) in cases {
        let ruleset = nft(&rule("in", &(saddr(right) + r#"{"drop": null}"#)));
        let fate = &fates(&ruleset, "eth0")[0];
        assert!(fate.starts_with(expected), "{right}: {fate}");
    }
    let accepts_one = rule("in", &(saddr(r#""10.77.0.9""#) + r#"{"accept": null}"#));
    let ruleset = nft(&(accepts_one + &rule("in", r#"{"drop": null}"#)));
    assert!(fates(&ruleset, "eth0")[0].starts_with("may be"));
}

#[test]
fn chains_that_call_each_other_for_ever_come_to_an_end() {
    let call = rule("sub", r#"{"jump": {"target": "sub"}}"#);
    let rules = rule("in", r#"{"jump": {"target": "sub"}}"#) + &call.repeat(12);
    assert_eq!(fates(&nft(&rules), "eth0")[1], "passes");
    assert_eq!(fates(&nft(&rules), "eth0")[0], "passes");
}

#[test]
fn jump_comes_back_and_goto_does_not() {
    let drop = rule("in", r#"{"drop": null}"#);
    let jump = rule("in", r#"{"jump": {"target": "sub"}}"#) + &drop;
    assert_eq!(
        fates(&nft(&jump), "eth0")[0],
        "table inet t, chain in: drop"
    );
    let goto = rule("in", r#"{"goto": {"target": "sub"}}"#) + &drop;
    assert_eq!(fates(&nft(&goto), "eth0")[0], "passes");
    let returned = rule("in", r#"{"return": null}"#) + &drop;
    assert_eq!(fates(&nft(&returned), "eth0")[0], "passes");
}

#[test]
fn options_of_iptables_are_understood() {
    let cases = [
        ("-p udp -m udp --dport 5670 -j DROP", "table"),
        ("-p udp -m udp ! --dport 5670 -j DROP", "passes"),
        ("! -i eth0 -j DROP", "passes"),
        ("-i eth+ -j DROP", "table"),
        (
            "! -p tcp -j REJECT --reject-with icmp-port-unreachable",
            "table",
        ),
        ("-s 10.0.0.0/255.0.0.0 -j DROP", "table"),
        ("-s 192.168.0.0/16 -j DROP", "passes"),
        (
            "-m iprange --src-range 10.77.0.3-10.77.0.9 -j DROP",
            "may be",
        ),
        ("-m pkttype --pkt-type broadcast -j DROP", "table"),
        ("-m mark --mark 0x8000/0x8000 -j DROP", "passes"),
        ("-m conntrack --ctstate INVALID -j DROP", "passes"),
        ("-m rt --rt-type 0 -j DROP", "passes"),
        (
            "-p udp -m comment --comment \"a \\\"b\\\" -j ACCEPT\" -j DROP",
            "table",
        ),
        ("-m set --match-set bad src -j DROP", "may be"),
        (
            "-p udp -m limit --limit 3/min -j LOG --log-prefix \"-j DROP \"",
            "passes",
        ),
        ("-p udp -j NOWHERE", "passes"),
        ("-p icmp -j DROP", "passes"),
    ];
    for (options, expected) in cases {
        let text = format!("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT {options}\nCOMMIT\n");
        let fate = &fates(&parse_iptables(&text, Tool::Iptables), "eth0")[0];
        assert!(fate.starts_with(expected), "{options}: {fate}");
    }
}

#[test]
fn other_output_is_no_ruleset() {
    assert!(parse_nft("").is_err());
    assert!(parse_nft("[]").is_err());
    assert!(parse_nft(r#"{"nftables": 7}"#).is_err());
    let odd = r#"{"nftables": [7, {"rule": 7}, {"chain": {"family": "ip"}}, {"set": null}]}"#;
    assert_eq!(fates(&parse_nft(odd).unwrap(), "eth0"), ["passes"; 5]);
    assert_eq!(
        parse_iptables("-A\n:X\n*\n-A INPUT", Tool::Iptables).chains,
        []
    );
}
