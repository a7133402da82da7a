//! What is found of firewalls.

use super::*;

#[test]
fn rules_that_are_in_the_way_are_found_once() {
    let rows: [(&str, &str, &[&str]); 6] = [
        (
            "-A INPUT -p udp -m udp --dport 5670 -j DROP",
            "This host drops beacons of others on eth0",
            &["sudo iptables -I INPUT -p udp --dport 5670 -j ACCEPT"],
        ),
        (
            "-A OUTPUT -p udp -m udp --dport 5670 -j DROP",
            "This host drops its own beacons on eth0",
            &["sudo iptables -I OUTPUT -p udp --dport 5670 -j ACCEPT"],
        ),
        (
            "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A INPUT -p tcp -j REJECT",
            "This host drops connections to its mailbox (TCP 49152) on eth0",
            &["sudo iptables -I INPUT -p tcp --dport 49152:65535 -j ACCEPT"],
        ),
        (
            "-A INPUT -j DROP",
            "This host drops beacons of others, connections to its mailbox (TCP 49152) and \
             answers to its own connections on eth0",
            &[
                "sudo iptables -I INPUT -p udp --dport 5670 -j ACCEPT",
                "sudo iptables -I INPUT -p tcp --dport 49152:65535 -j ACCEPT",
                "sudo iptables -I INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
            ],
        ),
        (
            "-A OUTPUT -p tcp -m tcp --dport 1024:65535 -j DROP",
            "This host drops its own connections to mailboxes on eth0",
            &["sudo iptables -I OUTPUT -p tcp --dport 49152:65535 -j ACCEPT"],
        ),
        (
            ":ufw-user-input - [0:0]\n-A INPUT -p udp -j DROP",
            "This host drops beacons of others on eth0",
            &["sudo ufw allow 5670/udp"],
        ),
    ];
    for (rules, what, advice) in rows {
        let mut facts = alone();
        probe(&mut facts, |probe| probe.heard = false);
        if !rules.contains("udp") && !rules.contains("-A INPUT -j") {
            facts = alone();
            hear(&mut facts, 2, OTHER, 49_152, VisitEnd::NoAnswer);
            if rules.contains("INPUT") {
                facts.visits[0].end = VisitEnd::Greeted;
            }
        }
        facts.firewalls = vec![iptables(rules)];
        assert_eq!(codes(&facts), ["Problem firewall"], "{rules}");
        let finding = find(&facts, "firewall");
        assert_eq!(finding.what, what);
        assert_eq!(commands(&finding), advice);
    }
}

#[test]
fn a_rule_that_lets_pass_what_was_heard_is_only_noted() {
    let mut facts = healthy();
    facts.firewalls = vec![iptables("-A INPUT -p udp -j DROP")];
    assert_eq!(codes(&facts), [""; 0]);
    assert_eq!(find(&facts, "firewall").severity, Severity::Note);
}

/// What keeps us from one mailbox is told of that one, and its host is not blamed.
#[test]
fn a_rule_about_one_host_or_one_port_is_found_where_it_is_tried_in_vain() {
    let other = "10.77.0.2:49153";
    for (rules, what) in [
        (
            "-A OUTPUT -d 10.77.0.2/32 -p tcp -j DROP",
            "This host drops its own connections to 10.77.0.2:49153 on eth0",
        ),
        (
            "-A OUTPUT -p tcp -m tcp --dport 49153 -j DROP",
            "This host drops its own connections to 10.77.0.2:49153 on eth0",
        ),
        (
            "-A INPUT -s 10.77.0.2/32 -p tcp -j REJECT",
            "This host drops connections to its mailbox (TCP 49152) and answers of 10.77.0.2:49153 \
             on eth0",
        ),
    ] {
        let mut facts = alone();
        hear(&mut facts, 2, OTHER, 49_153, VisitEnd::NoAnswer);
        facts.firewalls = vec![iptables(rules)];
        assert_eq!(codes(&facts), ["Problem firewall"], "{rules}");
        assert_eq!(find(&facts, "firewall").what, what);
        // Another one that is not reached is not explained by it.
        hear(&mut facts, 3, "10.77.0.3", 50_000, VisitEnd::NoAnswer);
        assert_eq!(codes(&facts), ["Problem firewall", "Problem filtered"]);
        let finding = find(&facts, "filtered");
        assert!(!finding.what.contains(other), "{}", finding.what);
    }
}

#[test]
fn a_rule_about_the_connections_of_one_host_is_found_if_none_has_come_from_there() {
    let mut facts = healthy();
    facts.firewalls = vec![iptables(
        "-A INPUT -s 10.77.0.2/32 -p tcp --dport 49152 -j DROP",
    )];
    facts.meeting = Some(Ok(Meeting {
        peer: PeerId::from_bytes([9; 16]),
        port: 49_152,
        met: vec![Met {
            peer: PeerId::from_bytes([2; 16]),
            name: "bob".to_owned(),
            address: at(OTHER, 49_152).into(),
        }],
    }));
    let ours = |from| {
        let mut back = established((OWN, 49_152), (from, 40_000));
        back.is_ours = true;
        back
    };
    facts.connections = Some(vec![ours("10.77.0.3")]);
    assert_eq!(codes(&facts), ["Problem firewall"]);
    facts.connections = Some(vec![ours(OTHER)]);
    assert_eq!(codes(&facts), [""; 0]);
}

#[test]
fn a_rule_that_may_keep_us_from_a_mailbox_is_named_before_the_other_host_is_blamed() {
    let mut facts = alone();
    hear(&mut facts, 2, OTHER, 49_152, VisitEnd::NoAnswer);
    let uncertain = "-A OUTPUT -p tcp -m set --match-set x dst -j DROP";
    facts.firewalls = vec![iptables(uncertain)];
    assert_eq!(codes(&facts), ["Problem filtered", "Warning firewall"]);
    let why = find(&facts, "filtered").why;
    assert!(why.starts_with("Perhaps the rule of this host"), "{why}");
    let of = |name, reading| Firewall { name, reading };
    facts.firewalls = vec![of(FirewallName::Nftables, Reading::NotPermitted)];
    let finding = find(&facts, "filtered");
    assert!(finding.why.contains("a firewall of this host"));
    assert!(commands(&finding).contains(&"sudo zchat doctor"));
}

/// Two that meet by IPv6 may be cut off from all who have IPv4 only.
#[test]
fn a_rule_against_connections_by_ipv4_is_found_though_peers_are_met_by_ipv6() {
    let mut facts = healthy();
    let rules = "-A INPUT -p tcp -m conntrack --ctstate NEW -j DROP";
    facts.firewalls = vec![iptables(rules)];
    facts.meeting = Some(Ok(Meeting {
        peer: PeerId::from_bytes([9; 16]),
        port: 49_152,
        met: vec![Met {
            peer: PeerId::from_bytes([2; 16]),
            name: "bob".to_owned(),
            address: at(OTHER, 49_152).into(),
        }],
    }));
    facts.connections = Some(Vec::new());
    assert_eq!(codes(&facts), ["Problem firewall"]);
    let mut back = established((OWN, 49_152), (OTHER, 40_000));
    back.is_ours = true;
    facts.connections = Some(vec![back]);
    assert_eq!(codes(&facts), [""; 0]);
}

#[test]
fn a_rule_that_may_be_in_the_way_counts_where_something_is_amiss() {
    let uncertain = "-A INPUT -p udp -m set --match-set x src -j DROP";
    let mut facts = healthy();
    facts.firewalls = vec![iptables(uncertain)];
    assert_eq!(codes(&facts), [""; 0]);
    let mut facts = alone();
    facts.firewalls = vec![iptables(uncertain)];
    assert_eq!(codes(&facts), ["Warning firewall", "Warning alone"]);
    hear(&mut facts, 2, OTHER, 49_152, VisitEnd::Greeted);
    facts.sightings[0].heard = false;
    facts.sightings[0].seen = true;
    assert_eq!(
        codes(&facts),
        ["Problem firewall"],
        "it was seen to be dropped"
    );
}

#[test]
fn a_firewall_that_cannot_be_read_is_noted_with_the_command_for_it() {
    let mut facts = healthy();
    let of = |name, reading| Firewall { name, reading };
    facts.firewalls = vec![
        of(FirewallName::Nftables, Reading::NotPermitted),
        of(FirewallName::Iptables, Reading::NotPermitted),
        of(FirewallName::Ufw, Reading::SwitchedOn),
    ];
    assert_eq!(codes(&facts), [""; 0]);
    let finding = find(&facts, "firewall_unread");
    assert_eq!(
        finding.what,
        "Only root may read the rules of nftables and iptables"
    );
    assert_eq!(commands(&finding), ["sudo zchat doctor"]);
    let finding = find(&facts, "firewall_on");
    assert_eq!(finding.what, "The firewall ufw is switched on");
    assert_eq!(commands(&finding), ["sudo ufw status verbose"]);

    let said = Reading::Failed(Trouble::Said("no such device".into()));
    facts.firewalls = vec![of(FirewallName::Nftables, said)];
    assert_eq!(
        find(&facts, "firewall_unread").why,
        "It said: no such device"
    );
}
