//! What the connections of both directions have in common.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

/// Dead hosts are noticed though nothing is said: after 90 s, for some 3 octets a second.
pub(super) fn keep_alive<'a>(socket: impl Into<SockRef<'a>>) -> io::Result<()> {
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(10))
        .with_retries(3);
    socket.into().set_tcp_keepalive(&keepalive)
}

/// Whether an error says only that there is nothing now.
pub(super) fn is_for_later(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
