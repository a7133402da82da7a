//! A peer made of bare TCP: it speaks ZMTP 3.0 octet by octet, and so can do what libzmq never would.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use zchat::zre::{GroupName, PeerId};

use crate::support::PATIENCE;

/// A connection that has shaken hands.
pub struct Wire(TcpStream);

impl Wire {
    /// Connects to a mailbox under this routing id.
    pub fn dial(to: SocketAddr, routing_id: &[u8]) -> Self {
        Self::try_dial(to, routing_id).unwrap()
    }

    pub fn try_dial(to: SocketAddr, routing_id: &[u8]) -> std::io::Result<Self> {
        Self::shake(TcpStream::connect(to)?, "DEALER", routing_id)
    }

    /// Takes a connection as a mailbox does.
    pub fn accept(at: &TcpListener) -> Self {
        Self::shake(at.accept().unwrap().0, "ROUTER", b"").unwrap()
    }

    fn shake(stream: TcpStream, kind: &str, routing_id: &[u8]) -> std::io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut wire = Self(stream);
        let mut greeting = [0; 64];
        greeting[..12].copy_from_slice(&[0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0]);
        greeting[12..16].copy_from_slice(b"NULL");
        wire.0.write_all(&greeting)?;
        wire.0.read_exact(&mut greeting)?;
        let mut ready = b"\x05READY".to_vec();
        for (name, value) in [("Socket-Type", kind.as_bytes()), ("Identity", routing_id)] {
            ready.push(u8::try_from(name.len()).unwrap());
            ready.extend(name.as_bytes());
            ready.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
            ready.extend(value);
        }
        wire.0.write_all(&[4, u8::try_from(ready.len()).unwrap()])?;
        wire.0.write_all(&ready)?;
        wire.take_frame()?;
        Ok(wire)
    }

    pub fn send(&mut self, frames: &[&[u8]]) {
        self.try_send(frames).unwrap();
    }

    pub fn try_send(&mut self, frames: &[&[u8]]) -> std::io::Result<()> {
        let mut octets = Vec::new();
        for (index, frame) in frames.iter().enumerate() {
            let more = u8::from(index + 1 < frames.len());
            octets.push(more | 2);
            octets.extend((frame.len() as u64).to_be_bytes());
            octets.extend(*frame);
        }
        self.0.write_all(&octets)
    }

    /// Octets as they are.
    pub fn write(&mut self, octets: &[u8]) -> std::io::Result<()> {
        self.0.write_all(octets)
    }

    /// The next message: all its frames.
    pub fn take(&mut self) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        loop {
            let (flags, frame) = self.take_frame().unwrap();
            if flags & 4 == 0 {
                frames.push(frame);
                if flags & 1 == 0 {
                    return frames;
                }
            }
        }
    }

    fn take_frame(&mut self) -> std::io::Result<(u8, Vec<u8>)> {
        let mut flags = [0];
        self.0.read_exact(&mut flags)?;
        let length = if flags[0] & 2 == 0 {
            let mut length = [0];
            self.0.read_exact(&mut length)?;
            u64::from(length[0])
        } else {
            let mut length = [0; 8];
            self.0.read_exact(&mut length)?;
            u64::from_be_bytes(length)
        };
        let mut frame = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut frame)?;
        Ok((flags[0], frame))
    }

    /// Whether the other side has closed it; waits for that.
    pub fn is_ended(&mut self) -> bool {
        matches!(self.take_frame(), Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof
            || error.kind() == std::io::ErrorKind::ConnectionReset)
    }
}

/// A peer in the group CHAT: its mailbox, and its connection to a node.
pub struct RawPeer {
    pub id: PeerId,
    pub listener: TcpListener,
    pub to_node: Wire,
    /// The node's connection to it.
    from_node: Wire,
    sequence: u16,
    /// The number of the node's last message.
    pub heard: u16,
}

impl RawPeer {
    /// Greets a node, and takes the connection that it opens in answer.
    pub fn greet(octet: u8, mailbox: SocketAddr) -> Self {
        let id = PeerId::from_bytes([octet; 16]);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut to_node = Wire::dial(mailbox, &id.routing_id());
        to_node.send(&[&hello(
            1,
            listener.local_addr().unwrap(),
            &crate::support::chat(),
        )]);
        let mut from_node = Wire::accept(&listener);
        assert_eq!(from_node.take()[0][..4], [0xaa, 0xa1, 1, 2]);
        Self {
            id,
            listener,
            to_node,
            from_node,
            sequence: 1,
            heard: 1,
        }
    }

    /// The node's next message: all its frames. PINGs are answered, and each message has to be the next one.
    pub fn hear(&mut self) -> Vec<Vec<u8>> {
        loop {
            let frames = self.from_node.take();
            self.heard += 1;
            assert_eq!(frames[0][4..6], self.heard.to_be_bytes(), "{frames:?}");
            if frames[0][2] != PING {
                return frames;
            }
            self.say(PING_OK);
        }
    }

    pub fn whisper(&mut self, content: &[u8]) {
        self.sequence += 1;
        let header = header(2, self.sequence);
        self.to_node.send(&[&header, content]);
    }

    /// Sends a message that is its id and number alone.
    pub fn say(&mut self, id: u8) {
        self.sequence += 1;
        self.to_node.send(&[&header(id, self.sequence)]);
    }
}

pub const PING: u8 = 6;
pub const PING_OK: u8 = 7;

pub fn header(id: u8, sequence: u16) -> Vec<u8> {
    let [high, low] = sequence.to_be_bytes();
    vec![0xaa, 0xa1, id, 2, high, low]
}

pub fn hello(sequence: u16, mailbox: SocketAddr, group: &GroupName) -> Vec<u8> {
    let mut octets = header(1, sequence);
    let string = |octets: &mut Vec<u8>, text: &str| {
        octets.push(u8::try_from(text.len()).unwrap());
        octets.extend(text.as_bytes());
    };
    string(&mut octets, &format!("tcp://{mailbox}"));
    octets.extend(1_u32.to_be_bytes());
    octets.extend(u32::try_from(group.len()).unwrap().to_be_bytes());
    octets.extend(group.as_bytes());
    octets.push(1);
    string(&mut octets, "raw");
    octets.extend(0_u32.to_be_bytes());
    octets
}
