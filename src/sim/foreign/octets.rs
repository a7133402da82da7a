//! The wire as foreign programs write and read it: written a second time, from RFC 36 and from what Zyre
//! and Pyre do, so that a mistake in our own codec does not cancel itself out.

use crate::zre::{Body, Message};

/// Something that a foreign program does not survive, or does not forgive.
pub(super) type Death = &'static str;

/// What a foreign program makes of a first frame.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) id: u8,
    pub(super) sequence: u16,
    pub(super) endpoint: String,
    pub(super) groups: Vec<String>,
    pub(super) group: String,
    pub(super) status: u8,
    pub(super) name: String,
}

/// Reads a first frame, strictly.
pub(super) fn read(frame: &[u8]) -> Result<Said, Death> {
    let mut rest = frame;
    if number(&mut rest, 2)? != 0xAAA1 {
        return Err("a wrong signature");
    }
    let mut said = Said {
        id: octet(&mut rest)?,
        ..Said::default()
    };
    if octet(&mut rest)? != 2 {
        return Err("a wrong version");
    }
    said.sequence = u16::try_from(number(&mut rest, 2)?).map_err(|_| "a long number")?;
    match said.id {
        1 => {
            said.endpoint = string(&mut rest)?;
            for _ in 0..number(&mut rest, 4)? {
                said.groups.push(long_string(&mut rest)?);
            }
            said.status = octet(&mut rest)?;
            said.name = string(&mut rest)?;
            for _ in 0..number(&mut rest, 4)? {
                string(&mut rest)?;
                long_string(&mut rest)?;
            }
        }
        3 => said.group = string(&mut rest)?,
        4 | 5 => {
            said.group = string(&mut rest)?;
            said.status = octet(&mut rest)?;
        }
        2 | 6 | 7 => {}
        8..=10 => return Err("an election or a GOODBYE"),
        _ => return Err("an unknown message"),
    }
    if rest.is_empty() {
        Ok(said)
    } else {
        Err("octets behind the last field")
    }
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8], Death> {
    let length = usize::try_from(length).map_err(|_| "a length beyond the frame")?;
    let (taken, left) = rest
        .split_at_checked(length)
        .ok_or("a frame that is too short")?;
    *rest = left;
    Ok(taken)
}

fn number(rest: &mut &[u8], octets: u64) -> Result<u64, Death> {
    let taken = take(rest, octets)?;
    Ok(taken
        .iter()
        .fold(0, |number, octet| number << 8 | u64::from(*octet)))
}

fn octet(rest: &mut &[u8]) -> Result<u8, Death> {
    u8::try_from(number(rest, 1)?).map_err(|_| "a long octet")
}

fn text(octets: &[u8]) -> Result<String, Death> {
    String::from_utf8(octets.to_vec()).map_err(|_| "text that is not UTF-8")
}

fn string(rest: &mut &[u8]) -> Result<String, Death> {
    let length = number(rest, 1)?;
    text(take(rest, length)?)
}

fn long_string(rest: &mut &[u8]) -> Result<String, Death> {
    let length = number(rest, 4)?;
    text(take(rest, length)?)
}

/// Writes the first frame of a message. Who counts characters where octets are meant cuts off the end
/// of what is not ASCII (trap 8).
pub(in crate::sim) fn write(message: &Message, counts_characters: bool) -> Vec<u8> {
    let mut frame = vec![0xAA, 0xA1];
    let mut writer = Writer {
        frame: &mut frame,
        counts_characters,
    };
    writer.message(message);
    frame
}

struct Writer<'a> {
    frame: &'a mut Vec<u8>,
    counts_characters: bool,
}

impl Writer<'_> {
    fn message(&mut self, message: &Message) {
        let id = match message.body {
            Body::Hello(_) => 1,
            Body::Whisper { .. } => 2,
            Body::Shout { .. } => 3,
            Body::Join { .. } => 4,
            Body::Leave { .. } => 5,
            Body::Ping => 6,
            Body::PingOk => 7,
            Body::Elect { .. } => 8,
            Body::Leader { .. } => 9,
            Body::Goodbye => 10,
        };
        self.frame.extend([id, 2]);
        self.frame.extend(message.sequence.to_be_bytes());
        match &message.body {
            Body::Hello(hello) => {
                self.string(&hello.endpoint);
                self.count(hello.groups.len());
                for group in &hello.groups {
                    self.long_string(group);
                }
                self.frame.push(hello.status);
                self.string(&hello.name);
                self.count(hello.headers.len());
                for (name, value) in hello.headers.iter() {
                    self.string(name);
                    self.long_string(value);
                }
            }
            Body::Shout { group, .. } => self.string(group),
            Body::Join { group, status } | Body::Leave { group, status } => {
                self.string(group);
                self.frame.push(*status);
            }
            _ => {}
        }
    }

    fn count(&mut self, count: usize) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.frame.extend(count.to_be_bytes());
    }

    fn cut<'t>(&self, text: &'t str) -> &'t [u8] {
        let length = if self.counts_characters {
            text.chars().count()
        } else {
            text.len()
        };
        text.as_bytes().get(..length).unwrap_or_default()
    }

    fn string(&mut self, text: &str) {
        let octets = self.cut(text);
        self.frame
            .push(u8::try_from(octets.len()).unwrap_or(u8::MAX));
        self.frame.extend(octets);
    }

    fn long_string(&mut self, text: &str) {
        let octets = self.cut(text);
        self.count(octets.len());
        self.frame.extend(octets);
    }
}
