//! ZRE messages as octets, right and wrong ones.

pub(crate) const HELLO: u8 = 1;
pub(crate) const WHISPER: u8 = 2;
pub(crate) const SHOUT: u8 = 3;
pub(crate) const JOIN: u8 = 4;
pub(crate) const LEAVE: u8 = 5;
pub(crate) const PING: u8 = 6;

/// What every message begins with.
pub(crate) fn head(id: u8, sequence: u16) -> Vec<u8> {
    let mut octets = vec![0xaa, 0xa1, id, 2];
    octets.extend(sequence.to_be_bytes());
    octets
}

pub(crate) fn hello(
    sequence: u16,
    endpoint: &str,
    groups: &[&str],
    status: u8,
    name: &str,
) -> Vec<u8> {
    let mut octets = head(HELLO, sequence);
    string(&mut octets, endpoint);
    number(&mut octets, groups.len());
    for group in groups {
        number(&mut octets, group.len());
        octets.extend(group.as_bytes());
    }
    octets.push(status);
    string(&mut octets, name);
    number(&mut octets, 0);
    octets
}

/// JOIN or LEAVE.
pub(crate) fn change(id: u8, sequence: u16, group: &str, status: u8) -> Vec<u8> {
    let mut octets = head(id, sequence);
    string(&mut octets, group);
    octets.push(status);
    octets
}

/// The first frame of a SHOUT.
pub(crate) fn shout(sequence: u16, group: &str) -> Vec<u8> {
    let mut octets = head(SHOUT, sequence);
    string(&mut octets, group);
    octets
}

pub(crate) fn string(octets: &mut Vec<u8>, text: &str) {
    octets.push(u8::try_from(text.len()).unwrap());
    octets.extend(text.as_bytes());
}

pub(crate) fn number(octets: &mut Vec<u8>, number: usize) {
    octets.extend(u32::try_from(number).unwrap().to_be_bytes());
}
