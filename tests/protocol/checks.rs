//! What must hold for any octets whatsoever. Shared: the fuzz targets look for octets that break it,
//! and the plain tests replay all that were ever interesting.
//!
//! Each check panics where something does not hold.

use zchat::zre::{Beacon, Body, Content, DecodeError, Frame, Limits, Message};

/// A datagram: it is no beacon, or the very one that its beacon would be sent as.
pub(crate) fn beacon(datagram: &[u8]) {
    match Beacon::decode(datagram) {
        Ok(beacon) => {
            match beacon.encode_with_key() {
                Some(again) => assert_eq!(again, *datagram),
                None => assert_eq!(beacon.encode(), *datagram),
            }
            assert_eq!(beacon.is_farewell(), beacon.port == 0);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A message: the first octet says how many content frames there are (modulo 4), the others are the
/// header frame. It is no message, or one that is read again as it was read.
pub(crate) fn message(octets: &[u8]) {
    let Some((&frames, header)) = octets.split_first() else {
        return;
    };
    let frames = usize::from(frames % 4);
    let content = Content::from_frames((0..frames).map(|_| Frame::from("content")));
    let limits = Limits::default();
    match Message::decode(header, content.clone(), &limits) {
        Ok(message) => {
            assert_eq!(message.body.content(), content.as_ref());
            read_again(message, header.len(), &limits);
        }
        Err(error) => explain(error, header, frames),
    }
}

/// What was read is written and read again: only what could not be read as text may differ in length,
/// and nothing in meaning.
fn read_again(mut message: Message, octets: usize, limits: &Limits) {
    let mut header = Vec::new();
    message.encode_header(&mut header);
    // An octet that is no text takes three as U+FFFD.
    assert!(
        header.len() <= 3 * octets,
        "{message:?} grew to {}",
        header.len()
    );
    // So that what was kept is kept again.
    let mut limits = limits.clone();
    limits.frame_octets *= 3;
    limits.header_octets *= 3;
    limits.headers_octets *= 3;
    let again = Message::decode(&header, message.body.content().cloned(), &limits);
    if let Body::Hello(hello) = &mut message.body {
        hello.left_out = 0;
    }
    assert_eq!(again.as_ref(), Ok(&message));
}

/// What an error says can be true.
fn explain(error: DecodeError, header: &[u8], frames: usize) {
    match error {
        DecodeError::Truncated { missing, .. } => assert!(missing > 0),
        DecodeError::Signature { found } => assert_eq!(found.to_be_bytes(), header[..2]),
        DecodeError::UnknownMessage { id } => assert_eq!(id, header[2]),
        DecodeError::Version { found } => assert_eq!(found, header[3]),
        DecodeError::Count { count, .. } => assert!(count > 0),
        DecodeError::NoContent => assert_eq!(frames, 0),
        DecodeError::HiddenFrames { frames: hidden } => assert_eq!(hidden, frames),
        DecodeError::TooManyFrames { .. } => panic!("{frames} frames are not too many"),
        DecodeError::FrameTooLong { octets } => assert_eq!(octets, header.len()),
        _ => {}
    }
    assert!(!error.to_string().is_empty());
}
