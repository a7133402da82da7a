//! What is found of interfaces and their networks.

use super::*;

#[test]
fn what_is_wrong_with_interfaces_is_found() {
    /// The situation, the interfaces, those that are named, and what is found.
    type Row<'a> = (&'a str, &'a [Listed], &'a [&'a str], &'a [&'a str]);
    let rows: &[Row<'_>] = &[
        ("nothing at all", &[], &[], &["Problem no_network"]),
        (
            "loopback only",
            &[loopback()],
            &[],
            &["Problem only_loopback"],
        ),
        (
            "loopback named",
            &[loopback(), ethernet()],
            &["lo"],
            &["Warning alone"],
        ),
        (
            "no broadcast",
            &[loopback(), tunnel()],
            &[],
            &["Problem no_broadcast"],
        ),
        (
            "a tunnel beside",
            &[ethernet(), tunnel()],
            &[],
            &["Warning alone"],
        ),
        (
            "no room for broadcasts",
            &[another("eth1", "10.4.0.4", 31)],
            &[],
            &["Problem no_broadcast"],
        ),
        (
            "unknown",
            &[ethernet()],
            &["eth7"],
            &["Problem unknown_interface"],
        ),
        (
            "self-made address",
            &[another("eth1", "169.254.3.4", 16)],
            &[],
            &["Warning link_local", "Warning alone"],
        ),
        (
            "self-made address beside another",
            &[ethernet(), another("eth1", "169.254.3.4", 16)],
            &[],
            &["Warning alone"],
        ),
    ];
    for (situation, listed, names, expected) in rows {
        let facts = with(listed, Selection::parse(*names));
        assert_eq!(codes(&facts), *expected, "{situation}");
    }
}

#[test]
fn why_an_interface_is_not_used_is_told_with_the_remedy() {
    let down = Listed {
        is_up: false,
        ..another("eth1", "10.1.0.5", 24)
    };
    let unplugged = Listed {
        is_running: false,
        ..another("eth1", "10.1.0.5", 24)
    };
    let bare = Listed {
        address: None,
        ..another("eth1", "10.1.0.5", 24)
    };
    let rows = [
        (down, "it is switched off", "sudo ip link set eth1 up"),
        (
            unplugged,
            "it has no carrier: no cable, or no Wi-Fi joined",
            "",
        ),
        (bare, "it has no IPv4 address", "nmcli device connect eth1"),
    ];
    for (listed, reason, remedy) in rows {
        let facts = with(&[loopback(), listed.clone()], Selection::All);
        let finding = find(&facts, "only_loopback");
        assert_eq!(finding.why, format!("eth1: {reason}."));
        assert_eq!(commands(&finding).first().copied().unwrap_or(""), remedy);

        let facts = with(&[ethernet(), listed.clone()], Selection::All);
        let finding = find(&facts, "interface_unused");
        assert_eq!(finding.what, format!("eth1 is not used: {reason}"));

        let both = Selection::parse(["eth0", "eth1"]);
        let facts = with(&[ethernet(), listed], both);
        assert_eq!(
            find(&facts, "interface_unusable").severity,
            Severity::Problem
        );
    }
}

#[test]
fn a_bridge_for_containers_is_a_note() {
    let facts = with(
        &[ethernet(), another("docker0", "172.17.0.1", 16)],
        Selection::All,
    );
    assert_eq!(find(&facts, "container_bridge").severity, Severity::Note);
}

#[test]
fn a_node_that_does_not_start_and_networks_that_come_and_go_are_found() {
    check(&[
        (
            "no node",
            |facts| facts.meeting = Some(Err("there is nothing left".into())),
            &["Problem no_node"],
        ),
        (
            "changes",
            |facts| facts.is_changing = true,
            &["Warning changing"],
        ),
    ]);
}
