//! The tables in `/proc/net` (proc(5)), as text. Lines that are not understood are left out.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::super::facts::{Connection, ConnectionState};

/// The most lines of a table that are read: a server may have a million connections.
const MOST_LINES: usize = 100_000;

/// One line of `/proc/net/udp` or `/proc/net/tcp`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Socket {
    pub(super) port: u16,
    pub(super) is_listening: bool,
    pub(super) user: u32,
    pub(super) inode: u64,
}

/// The words of all lines but the first, which says what they are.
fn lines(table: &str) -> impl Iterator<Item = Vec<&str>> {
    let lines = table.lines().skip(1).take(MOST_LINES);
    lines.map(|line| line.split_whitespace().collect())
}

pub(super) fn sockets(table: &str) -> Vec<Socket> {
    lines(table)
        .filter_map(|words| {
            let (_, port) = words.get(1)?.split_once(':')?;
            Some(Socket {
                port: u16::from_str_radix(port, 16).ok()?,
                is_listening: state(words.get(3)?) == ConnectionState::Listening,
                user: words.get(7)?.parse().ok()?,
                inode: words.get(9)?.parse().ok()?,
            })
        })
        .collect()
}

/// `own` are the sockets of this process.
pub(super) fn connections(table: &str, own: &BTreeSet<u64>) -> Vec<Connection> {
    lines(table)
        .filter_map(|words| {
            Some(Connection {
                local: address(words.get(1)?)?,
                remote: address(words.get(2)?)?,
                state: state(words.get(3)?),
                is_ours: words
                    .get(9)
                    .and_then(|inode| inode.parse().ok())
                    .is_some_and(|inode| own.contains(&inode)),
            })
        })
        .collect()
}

fn state(word: &str) -> ConnectionState {
    match word {
        "01" => ConnectionState::Established,
        "0A" => ConnectionState::Listening,
        _ => ConnectionState::Other,
    }
}

/// From `0100007F:C000`; or the same behind an IPv6 address that stands for an IPv4 one. The kernel
/// writes addresses as numbers of its own byte order.
fn address(word: &str) -> Option<SocketAddrV4> {
    const MAPPED: &str = "0000000000000000FFFF0000";
    const UNSPECIFIED: &str = "00000000000000000000000000000000";
    let (address, port) = word.split_once(':')?;
    let address = match address.strip_prefix(MAPPED) {
        Some(address) => address,
        None if address == UNSPECIFIED => "00000000",
        None => address,
    };
    if address.len() != 8 {
        return None;
    }
    let octets = u32::from_str_radix(address, 16).ok()?.to_ne_bytes();
    let port = u16::from_str_radix(port, 16).ok()?;
    Some(SocketAddrV4::new(Ipv4Addr::from(octets), port))
}

/// The hosts that have answered lately, and the interfaces they are behind.
pub(super) fn neighbours(table: &str) -> Vec<(Ipv4Addr, String)> {
    const COMPLETE: u32 = 0x2;
    lines(table)
        .filter_map(|words| {
            let flags = words.get(2)?.strip_prefix("0x")?;
            let flags = u32::from_str_radix(flags, 16).ok()?;
            let address = words.first()?.parse().ok()?;
            (flags & COMPLETE != 0).then(|| Some((address, (*words.get(5)?).to_owned())))?
        })
        .collect()
}

/// The interfaces that are Wi-Fi.
pub(super) fn wireless(table: &str) -> Vec<String> {
    let names = lines(table).filter_map(|words| Some(words.first()?.strip_suffix(':')?.to_owned()));
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_read_with_their_states() {
        let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:C000 00000000:0000 0A 00000000:00000000 00:00000000 00000000   104        0 1122 1
   1: 01004D0A:C000 02004D0A:8EF2 01 00000000:00000000 00:00000000 00000000  1000        0 1123 1
   2: nonsense
   3: 01004D0A:8EF3 02004D0A:C000 06
";
        let own = BTreeSet::from([1_123]);
        let of = |place: usize| connections(table, &own)[place];
        assert_eq!(connections(table, &own).len(), 3);
        assert_eq!(
            [0, 1, 2].map(|place| of(place).is_ours),
            [false, true, false]
        );
        assert_eq!(of(0).state, ConnectionState::Listening);
        assert_eq!(of(1).state, ConnectionState::Established);
        assert_eq!(of(1).local, "10.77.0.1:49152".parse().unwrap());
        assert_eq!(of(1).remote, "10.77.0.2:36594".parse().unwrap());
        assert_eq!(of(2).state, ConnectionState::Other);
        let sockets = sockets(table);
        assert_eq!(sockets.len(), 2);
        assert_eq!(
            (sockets[0].port, sockets[0].user, sockets[0].inode),
            (49_152, 104, 1_122)
        );
    }

    #[test]
    fn addresses_of_ipv4_are_found_in_those_of_ipv6() {
        let mapped = "0000000000000000FFFF000001004D0A:1626";
        assert_eq!(address(mapped), Some("10.77.0.1:5670".parse().unwrap()));
        assert_eq!(address("000080FE00000000FF005450B7F2A1FE:1626"), None);
        let any = "00000000000000000000000000000000:1626";
        assert_eq!(address(any), Some("0.0.0.0:5670".parse().unwrap()));
    }

    #[test]
    fn neighbours_are_those_that_have_answered() {
        let table = "\
IP address       HW type     Flags       HW address            Mask     Device
10.77.0.2        0x1         0x2         02:fc:00:00:00:05     *        eth0
10.77.0.3        0x1         0x0         00:00:00:00:00:00     *        eth0
";
        assert_eq!(
            neighbours(table),
            [("10.77.0.2".parse().unwrap(), "eth0".into())]
        );
    }

    #[test]
    fn wireless_interfaces_are_named() {
        let table = "\
Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
wlp3s0: 0000   60.  -50.  -256        0      0      0      0      0        0
";
        assert_eq!(wireless(table), ["wlp3s0"]);
    }
}
