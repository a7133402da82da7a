//! Starts that fail leave nothing behind, and say what is wrong; starts that do not.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use zchat::node::StartError;
use zchat::zre::Event;

use crate::alone::{Process, is_alone};
use crate::support::{World, chat, find, mailbox, mailbox_port, until};

#[test]
fn a_port_that_is_taken_is_named_and_nothing_is_left_running() {
    if !is_alone("start::a_port_that_is_taken_is_named_and_nothing_is_left_running") {
        return;
    }
    let world = World::new();
    // Its own, so that no other node takes it when it is free again.
    let builder = world.builder("first").mailbox_port(mailbox_port());
    let mut first = builder.start().unwrap();
    find(&mut first, |event| {
        matches!(event, Event::Network { .. }).then_some(())
    });
    let before = Process::now();
    for _ in 0..20 {
        let error = world
            .builder("second")
            .mailbox_port(first.port())
            .start()
            .unwrap_err();
        assert!(matches!(error, StartError::PortTaken(at) if at == mailbox(&first)));
        assert!(
            error
                .to_string()
                .contains(&format!("TCP port {}", first.port())),
            "{error}"
        );
    }
    before.assert_again();
    let port = first.port();
    drop(first);
    assert_eq!(
        world
            .builder("second")
            .mailbox_port(port)
            .start()
            .unwrap()
            .port(),
        port
    );
}

#[test]
fn an_interface_that_does_not_exist_is_named_and_nothing_is_left_running() {
    if !is_alone("start::an_interface_that_does_not_exist_is_named_and_nothing_is_left_running") {
        return;
    }
    let world = World::new();
    let before = Process::now();
    let error = world
        .builder("alice")
        .interface("nosuch0")
        .start()
        .unwrap_err();
    assert!(matches!(error, StartError::UnknownInterface(_)));
    let text = error.to_string();
    assert!(text.contains("nosuch0") && text.contains("lo"), "{text}");
    before.assert_again();
}

#[test]
fn a_beacon_port_that_is_not_shared_is_named_and_nothing_is_left_running() {
    if !is_alone("start::a_beacon_port_that_is_not_shared_is_named_and_nothing_is_left_running") {
        return;
    }
    let world = World::new();
    let taken = UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let before = Process::now();
    for _ in 0..20 {
        let error = world
            .builder("alice")
            .beacon_port(port)
            .start()
            .unwrap_err();
        assert!(matches!(error, StartError::Beacon(_)), "{error:?}");
        assert!(
            error.to_string().contains(&format!("UDP port {port}")),
            "{error}"
        );
    }
    before.assert_again();
}

#[test]
fn a_limit_of_descriptors_that_is_too_low_is_named_and_nothing_is_left_running() {
    use nix::sys::resource::{Resource, setrlimit};
    if !is_alone(
        "start::a_limit_of_descriptors_that_is_too_low_is_named_and_nothing_is_left_running",
    ) {
        return;
    }
    let world = World::new();
    let before = Process::now();
    setrlimit(Resource::RLIMIT_NOFILE, 40, 40).unwrap();
    let error = world.start_error("alice");
    assert!(
        matches!(error, StartError::TooFewDescriptors { limit: 40, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("ulimit -n"), "{error}");
    before.assert_again();
}

#[test]
fn a_low_soft_limit_of_descriptors_is_raised() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if !is_alone("start::a_low_soft_limit_of_descriptors_is_raised") {
        return;
    }
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 64, hard).unwrap();
    let world = World::new();
    let [_alice, _bob] = world.chat(["alice", "bob"]);
    assert!(getrlimit(Resource::RLIMIT_NOFILE).unwrap().0 > 64);
}

#[test]
fn a_node_says_first_which_networks_it_uses() {
    let world = World::new();
    let mut alice = world.builder("alice").group(chat()).start().unwrap();
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    assert_eq!(
        alice.recv(),
        Ok(Event::Network {
            addresses: vec![here]
        })
    );
    assert_eq!(alice.own_groups().count(), 1);
    assert_eq!(alice.uuid().get_version_num(), 4);
    assert!(alice.port() >= 49_152);
}

#[test]
fn nodes_in_one_process_get_ports_of_their_own_and_see_each_other() {
    let world = World::new();
    let mut nodes: Vec<_> = (0..5)
        .map(|number| world.start(&format!("node{number}")))
        .collect();
    let mut ports: Vec<u16> = nodes.iter().map(zchat::node::Node::port).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 5);
    for node in &mut nodes {
        until(node, |node| node.peers().len() == 4);
    }
}

#[test]
fn a_peer_named_at_the_start_is_greeted_without_a_beacon() {
    let (here, there) = (World::new(), World::new());
    let mut bob = there.start("bob");
    let mut alice = here.builder("alice").peer(mailbox(&bob)).start().unwrap();
    let entered = |event: &Event| match event {
        Event::Enter { name, .. } => Some(name.to_string()),
        _ => None,
    };
    assert_eq!(find(&mut alice, entered), "bob");
    assert_eq!(find(&mut bob, entered), "alice");
}
