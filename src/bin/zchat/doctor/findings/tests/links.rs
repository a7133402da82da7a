//! What is found of IPv6.

use super::*;

/// eth0 by IPv6, with own beacons heard or not.
fn link(heard: bool) -> Link {
    let address = "fe80::1".parse().unwrap();
    Link {
        name: "eth0".into(),
        address,
        verdict: Ok(LinkLocal {
            name: "eth0".into(),
            index: 2,
            address,
        }),
        probe: Some(LinkProbe {
            sent: Ok(()),
            heard,
        }),
    }
}

fn with_link(facts: &mut Facts, link: Link) {
    facts.link_port = Some(Port::Usable);
    facts.links = vec![link];
}

/// A host that has no IPv4 address, and a neighbour that answers by IPv6.
fn only_ipv6() -> Facts {
    let without = Listed {
        address: None,
        ..ethernet()
    };
    let mut facts = with(&[loopback(), without], Selection::All);
    with_link(&mut facts, link(true));
    let at = "[fe80::2%2]:49152".parse().unwrap();
    let sighting = LinkSighting {
        peer: PeerId::from_bytes([2; 16]),
        at,
        is_local: false,
        after: Duration::ZERO,
    };
    facts.link_sightings.push(sighting);
    facts.visits.push(Visit {
        to: at,
        ..visit(OTHER, 1, VisitEnd::Greeted)
    });
    facts
}

#[test]
fn a_host_with_ipv6_alone_is_healthy_and_what_is_wrong_with_that_is_a_problem() {
    let facts = only_ipv6();
    assert_eq!(codes(&facts), [""; 0]);
    assert_eq!(
        find(&facts, "node").what,
        "[fe80::2%2]:49152 (02020202) beacons, and answers"
    );
    let changed = |change: &dyn Fn(&mut Facts)| {
        let mut facts = only_ipv6();
        change(&mut facts);
        codes(&facts)
    };
    let probed = |sent, heard| {
        let probe = Some(LinkProbe { sent, heard });
        changed(&|facts| facts.links[0].probe = probe)
    };
    assert_eq!(probed(Ok(()), false), ["Problem ipv6_unheard"]);
    let refused = Err(Errno::EPERM);
    assert_eq!(probed(refused, false), ["Problem ipv6_send_failed"]);
    let end = |end| changed(&|facts| facts.visits[0].end = end);
    assert_eq!(end(VisitEnd::NoAnswer), ["Problem filtered"]);
    let port = |port: Port| changed(&|facts| facts.link_port = Some(port.clone()));
    assert_eq!(port(Port::Taken(Vec::new())), ["Problem ipv6_port_taken"]);
    let refused = Port::Refused(Errno::EACCES);
    assert_eq!(port(refused), ["Problem ipv6_port_refused"]);
}

#[test]
fn where_ipv4_is_in_order_ipv6_is_worth_a_note() {
    let mut facts = healthy();
    with_link(&mut facts, link(false));
    assert_eq!(codes(&facts), [""; 0]);
    assert_eq!(find(&facts, "ipv6_unheard").severity, Severity::Note);
    facts.links[0].verdict = Err(UnusedLink::Duplicate);
    assert_eq!(codes(&facts), [""; 0]);
    assert_eq!(find(&facts, "ipv6_duplicate").severity, Severity::Note);
}
