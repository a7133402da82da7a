//! Rules of this host that are in the way; and that what is advised against them helps.

use std::fs;

use crate::support::{
    command, diagnosis, doctor, doctor_of_nobody, firewall, install, lab, node, obey,
};

/// Host 1 with these rules, and a node on host 2.
fn check(rules: &str, what: &str) {
    let Some(lab) = lab(2) else { return };
    let _alice = node(&lab, 2, "alice");
    firewall(&lab, 1, rules);
    let diagnosis = doctor(&lab, 1, &[]);
    let found = diagnosis.find("firewall");
    assert_eq!(found["what"], what, "{diagnosis:#?}");
    assert_eq!(diagnosis.status, 1);
    let commands = diagnosis.commands("firewall");
    obey(&lab, 1, &commands);
    doctor(&lab, 1, &[]).assert(&[]);
}

#[test]
fn a_rule_that_drops_beacons_of_others_is_found() {
    check(
        "table inet filter { chain input { type filter hook input priority 0; policy accept;
         udp dport 5000-6000 drop;\n}\n}",
        "This host drops beacons of others on eth0",
    );
}

#[test]
fn a_rule_that_drops_own_beacons_is_found() {
    check(
        "table ip filter { chain output { type filter hook output priority 0;
         fib daddr type broadcast drop;\n}\n}",
        "This host drops its own beacons on eth0",
    );
}

#[test]
fn a_rule_that_drops_connections_is_found() {
    check(
        "table inet filter { chain input { type filter hook input priority 0;
         ct state established accept; tcp flags syn drop;\n}\n}",
        "This host drops connections to its mailbox (TCP 49152) on eth0",
    );
}

#[test]
fn a_policy_that_drops_all_that_comes_is_found() {
    check(
        "table inet filter { chain input { type filter hook input priority 0; policy drop;
         iif lo accept; ct state established,related accept; tcp dport 22 accept;\n}\n}",
        "This host drops beacons of others and connections to its mailbox (TCP 49152) on eth0",
    );
}

#[test]
fn a_policy_that_drops_answers_as_well_is_found() {
    check(
        "table inet filter { chain input { type filter hook input priority 0; policy drop;\n}\n}",
        "This host drops beacons of others, connections to its mailbox (TCP 49152) and answers to \
         its own connections on eth0",
    );
}

#[test]
fn a_rule_that_rejects_what_goes_out_is_found() {
    check(
        "table inet filter { chain out { type filter hook output priority 0;
         ct state established accept; tcp dport 1024-65535 reject;\n}\n}",
        "This host drops its own connections to mailboxes on eth0",
    );
}

/// What is about one host, or one port, is only found when it is in the way of somebody.
#[test]
fn a_rule_about_one_host_is_found_and_that_host_is_not_blamed() {
    let Some(lab) = lab(2) else { return };
    let _alice = node(&lab, 2, "alice");
    let out = |rule: &str| {
        format!("table inet f {{ chain out {{ type filter hook output priority 0; {rule};\n}}\n}}")
    };
    let rules = [
        out("ip daddr 10.77.0.2 tcp dport 49152 drop"),
        out("ip daddr 10.77.0.2 tcp dport 49152 reject with tcp reset"),
    ];
    for rules in rules {
        firewall(&lab, 1, &rules);
        let diagnosis = doctor(&lab, 1, &[]);
        diagnosis.assert(&["firewall"]);
        assert_eq!(
            diagnosis.what("firewall"),
            "This host drops its own connections to 10.77.0.2:49152 on eth0"
        );
        obey(&lab, 1, &diagnosis.commands("firewall"));
        doctor(&lab, 1, &[]).assert(&[]);
    }
    firewall(&lab, 1, &out("ip daddr 10.77.0.2 tcp dport 49152 drop"));
    let diagnosis = doctor_of_nobody(&lab, 1, &[]);
    let why = diagnosis.find("filtered")["why"].as_str().unwrap();
    assert!(why.contains("Or a firewall of this host does it"), "{why}");
    let commands = diagnosis.commands("filtered");
    assert!(commands.contains(&"sudo zchat doctor"), "{commands:?}");
}

#[test]
fn without_root_what_a_firewall_does_is_found_by_its_effects() {
    let Some(lab) = lab(2) else { return };
    let _alice = node(&lab, 2, "alice");
    let input = |rules: &str| {
        firewall(
            &lab,
            1,
            &format!(
                "table inet t {{ chain in {{ type filter hook input priority 0;
                 {rules};\n}}\nchain out {{ type filter hook output priority 0;\n}}\n}}"
            ),
        );
    };
    input("udp dport 5670 drop");
    let diagnosis = doctor_of_nobody(&lab, 1, &[]);
    diagnosis.assert(&["beacons_lost", "own_unheard"]);
    // And of iptables, where that is installed.
    let unread = diagnosis.what("firewall_unread");
    let expected = "Only root may read the rules of nftables";
    assert!(unread.starts_with(expected), "{unread}");
    input("ct state established accept; tcp flags syn drop");
    doctor_of_nobody(&lab, 1, &[]).assert(&["not_connected_back"]);
    firewall(
        &lab,
        1,
        "table inet t { chain out { type filter hook output priority 0; udp dport 5670 drop;\n}\n}",
    );
    doctor_of_nobody(&lab, 1, &[]).assert(&["send_failed"]);
    firewall(&lab, 1, "");
    doctor_of_nobody(&lab, 1, &[]).assert(&[]);
}

/// A directory with a program that does this, to be found in the path first.
struct Programs(std::path::PathBuf);

impl Programs {
    fn new(test: &str, program: &str, script: &str) -> Self {
        let name = format!("zchat-doctor-{}-{test}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).unwrap();
        let place = directory.join(program);
        let draft = directory.join("draft");
        fs::write(&draft, format!("#!/bin/sh\n{script}\n")).unwrap();
        install(&draft, &place);
        Self(directory)
    }

    fn path(&self) -> String {
        let path = std::env::var("PATH").unwrap();
        format!("{}:{path}", self.0.display())
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn rules_of_iptables_are_read_and_ufw_is_told_by_them() {
    let Some(lab) = lab(1) else { return };
    let rules = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/doctor/rulesets/ufw.iptables"
    );
    let programs = Programs::new("ufw", "iptables-save", &format!("cat {rules}"));
    let output = command(&lab, 1, &[]).env("PATH", programs.path()).output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(text.contains("sudo ufw allow 5670/udp"), "{text}");
    assert!(text.contains("sudo ufw allow 49152:65535/tcp"), "{text}");
}

#[test]
fn a_tool_that_hangs_holds_nothing_up() {
    let Some(lab) = lab(2) else { return };
    let _alice = node(&lab, 2, "alice");
    let programs = Programs::new("hang", "iptables-save", "exec sleep 60");
    let started = std::time::Instant::now();
    let output = command(&lab, 1, &[]).env("PATH", programs.path()).output();
    let output = output.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("The rules of iptables could not be read"),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(0));
    // The tool hangs for a minute.
    assert!(started.elapsed().as_secs() < 45);
}

#[test]
fn beacons_that_are_dropped_by_rules_that_nobody_can_read_are_found() {
    let Some(lab) = lab(2) else { return };
    let _alice = node(&lab, 2, "alice");
    firewall(
        &lab,
        1,
        "table inet t { chain in { type filter hook input priority 0; udp dport 5670 drop;\n}\n}",
    );
    let programs = Programs::new("dropped", "nft", "echo broken >&2; exit 1");
    let output = command(&lab, 1, &[]).env("PATH", programs.path()).output();
    let diagnosis = diagnosis(output.unwrap());
    diagnosis.assert(&["own_unheard"]);
    let why = diagnosis.find("own_unheard")["why"].as_str().unwrap();
    assert!(why.ends_with("the beacons of 10.77.0.2 arrive."), "{why}");
    assert_eq!(diagnosis.find("firewall_unread")["why"], "It said: broken");
}
