//! What the connections of both directions have in common.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};

/// A socket for connections to or at this address, which never waits.
pub(super) fn socket(at: SocketAddr) -> io::Result<Socket> {
    let domain = Domain::for_address(at);
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return Socket::new(domain, Type::STREAM.nonblocking(), None);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let socket = Socket::new(domain, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }
}

/// Dead hosts are noticed though nothing is said: after 90 s, for some 3 octets a second.
pub(super) fn keep_alive<'a>(socket: impl Into<SockRef<'a>>) -> io::Result<()> {
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(10))
        .with_retries(3);
    socket.into().set_tcp_keepalive(&keepalive)
}

/// Lets what has come be acknowledged by what is said next, and not in a packet of its own before that: of
/// a handshake, each step is the answer to the one before. What is not answered is acknowledged some 40 ms
/// later, or when more comes.
pub(super) fn answer_at_leisure(socket: &Socket) {
    // If that cannot be had, it takes a few packets more.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _packets = socket.set_tcp_quickack(false);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = socket;
}

/// What a network has lost is sent again once a second at least, so that all is well soon after the
/// network is: by itself the system waits twice as long each time, up to two minutes. It knows this from
/// Linux 6.15 on; elsewhere, that is how it stays.
///
/// It would also give up after so many tries, which take 14 s now, and much longer otherwise.
#[cfg(target_os = "linux")]
pub(super) fn try_often(socket: &Socket) -> io::Result<()> {
    let most = u32::try_from(TRY_AGAIN.as_millis()).unwrap_or(u32::MAX);
    if nix::sys::socket::setsockopt(socket, system::RetryWithin, &most).is_ok() {
        socket.set_tcp_user_timeout(Some(GIVE_UP))?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn try_often(_: &Socket) -> io::Result<()> {
    Ok(())
}

/// How many octets of a connection that we have opened the system at the other end has, if that is to be
/// learned: not even a connection that is over makes it forgotten.
#[cfg(target_os = "linux")]
pub(super) fn arrived(socket: &TcpStream) -> Option<u64> {
    let facts = nix::sys::socket::getsockopt(socket, system::Facts).ok()?;
    // The packet that opens the connection counts as one.
    facts.last()?.checked_sub(1)
}

/// How long ago the system at the other end last acknowledged something, for as long as the connection
/// stands.
#[cfg(target_os = "linux")]
pub(super) fn silence(socket: &TcpStream) -> Option<Duration> {
    const ESTABLISHED: u8 = 1;
    let facts = nix::sys::socket::getsockopt(socket, system::Facts).ok()?;
    let [state, ..] = facts.first()?.to_ne_bytes();
    // `tcpi_last_ack_recv`, in milliseconds; `tcpi_pmtu` is beside it.
    let [a, b, c, d, ..] = facts.get(7)?.to_ne_bytes();
    let silence = u32::from_ne_bytes([a, b, c, d]);
    (state == ESTABLISHED).then(|| Duration::from_millis(silence.into()))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn silence(_: &TcpStream) -> Option<Duration> {
    None
}

#[cfg(not(target_os = "linux"))]
pub(super) fn arrived(_: &TcpStream) -> Option<u64> {
    None
}

#[cfg(target_os = "linux")]
mod system {
    use nix::{getsockopt_impl, libc, setsockopt_impl, sockopt_impl};

    sockopt_impl!(
        /// The beginning of `struct tcp_info` of `linux/tcp.h`, up to `tcpi_bytes_acked` (Linux 4.1).
        Facts,
        GetOnly,
        libc::IPPROTO_TCP,
        libc::TCP_INFO,
        [u64; 16]
    );

    /// `TCP_RTO_MAX_MS` of `linux/tcp.h`, which the `libc` crate does not know yet.
    const TCP_RTO_MAX_MS: libc::c_int = 44;

    sockopt_impl!(
        /// The longest time before something is sent again, in milliseconds: 1,000 at least.
        RetryWithin,
        SetOnly,
        libc::IPPROTO_TCP,
        TCP_RTO_MAX_MS,
        u32
    );
}

/// How long at most before something is sent again. Less is not to be had.
#[cfg(target_os = "linux")]
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// How long nothing may be acknowledged. Linux gives up after this time by itself.
#[cfg(target_os = "linux")]
const GIVE_UP: Duration = Duration::from_secs(924);

/// Whether a connection has what was set for its listener, as far as [`keep_alive`] goes.
pub(super) const INHERITED: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Whether an error says only that there is nothing now.
pub(super) fn is_for_later(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
