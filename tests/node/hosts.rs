//! The laboratory itself: what the other tests take for granted about it.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use crate::lab::{Bridge, Lab};

const PORT: u16 = 5670;

fn open(lab: &Lab, host: u8) -> UdpSocket {
    lab.run(host, || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).unwrap();
        socket.set_broadcast(true).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        socket
    })
}

/// Whether one of so many broadcasts arrives.
fn hears_one_of(tries: u16, from: &UdpSocket, to: &UdpSocket) -> bool {
    (0..tries).any(|_| {
        from.send_to(b"?", (Ipv4Addr::new(10, 77, 0, 255), PORT))
            .unwrap();
        to.recv(&mut [0; 1]).is_ok()
    })
}

/// Whether a broadcast arrives now, and not only one that was late.
fn hears(from: &UdpSocket, to: &UdpSocket) -> bool {
    while to.recv(&mut [0; 1]).is_ok() {}
    hears_one_of(10, from, to)
}

/// Whether a broadcast arrives in the end: a link that has just come up may take a moment.
fn hears_soon(from: &UdpSocket, to: &UdpSocket) -> bool {
    hears_one_of(400, from, to)
}

#[test]
fn hosts_hear_each_other_as_long_as_they_are_on_one_bridge() {
    let Some(lab) = Lab::new(2) else { return };
    let (one, two) = (open(&lab, 1), open(&lab, 2));
    assert!(hears_soon(&one, &two));
    lab.cut(2);
    assert!(!hears(&one, &two));
    lab.plug(2, Bridge::Second);
    assert!(!hears(&one, &two));
    lab.plug(2, Bridge::First);
    assert!(hears_soon(&one, &two));
    lab.carrier_down(2, "eth0");
    assert!(!hears(&one, &two));
    lab.carrier_up(2, "eth0");
    assert!(hears_soon(&one, &two));
    lab.lose(2, "udp", 1_000);
    assert!(!hears(&one, &two));
    lab.lose(2, "udp", 0);
    assert!(hears_soon(&one, &two));
    let interfaces = lab.command(1, "ip").args(["-br", "link"]).output().unwrap();
    let interfaces = String::from_utf8(interfaces.stdout).unwrap();
    assert_eq!(interfaces.lines().count(), 2, "lo and eth0:\n{interfaces}");
}
