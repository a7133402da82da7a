//! What the `zmq` crate does not offer safely. The only file of this crate with `unsafe`.
//!
//! A context whose number of sockets can be raised; frames whose octets are shared and not copied,
//! with news of when libzmq has let go of them; a seed for libc's `rand()`; and what the kernel knows
//! of connections whose descriptors libzmq keeps. What is safe in the `zmq` crate (options, connect,
//! receiving) is used as it is there.

#![expect(
    unsafe_code,
    reason = "libzmq is C, and these calls are missing in the zmq crate"
)]

use std::ffi::{c_int, c_void};
use std::io;
use std::ops::Deref;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::os::fd::RawFd;
use std::sync::Arc;

struct RawContext(*mut c_void);

// SAFETY: libzmq documents contexts as thread safe; the pointer itself is never changed.
unsafe impl Send for RawContext {}
// SAFETY: as above.
unsafe impl Sync for RawContext {}

impl Drop for RawContext {
    fn drop(&mut self) {
        // SAFETY: the pointer came from zmq_ctx_new and is terminated here only. Every socket keeps
        // an Arc of this: all are closed, so the call waits for what they linger for, no longer.
        while unsafe { zmq_sys::zmq_ctx_term(self.0) } != 0
            && last_error().kind() == io::ErrorKind::Interrupted
        {}
    }
}

/// A ZeroMQ context. It ends when it, its clones and its [`Socket`]s are dropped.
#[derive(Clone)]
pub(super) struct Context(Arc<RawContext>);

impl Context {
    /// A context with so many sockets at most, whose threads run.
    pub(super) fn new(sockets: usize) -> io::Result<Self> {
        // SAFETY: takes nothing; the result is checked.
        let context = unsafe { zmq_sys::zmq_ctx_new() };
        if context.is_null() {
            return Err(last_error());
        }
        let context = Self(Arc::new(RawContext(context)));
        let sockets = c_int::try_from(sockets).unwrap_or(c_int::MAX);
        let most = zmq_sys::ZMQ_MAX_SOCKETS as c_int;
        // SAFETY: the context is alive, and the call is thread safe.
        checked(unsafe { zmq_sys::zmq_ctx_set(context.0.0, most, sockets) })?;
        // libzmq starts its threads with the first socket.
        drop(context.socket(zmq_sys::ZMQ_DEALER)?);
        Ok(context)
    }

    /// A new socket of a kind such as `zmq_sys::ZMQ_DEALER`. It keeps its context alive.
    pub(super) fn socket(&self, kind: u32) -> io::Result<Socket> {
        // SAFETY: the context is alive as long as `self`.
        let socket = unsafe { zmq_sys::zmq_socket(self.0.0, kind as c_int) };
        if socket.is_null() {
            return Err(last_error());
        }
        // SAFETY: the socket was opened just now, and nobody else has the pointer.
        let socket = unsafe { zmq::Socket::from_raw(socket) };
        Ok(Socket {
            socket,
            _context: self.clone(),
        })
    }
}

/// A socket that keeps its context alive. (Fields are dropped in this order.)
pub(super) struct Socket {
    socket: zmq::Socket,
    _context: Context,
}

impl Deref for Socket {
    type Target = zmq::Socket;

    fn deref(&self) -> &zmq::Socket {
        &self.socket
    }
}

impl Socket {
    /// Sends octets that are not copied. Their owner is dropped, on some thread, as soon as libzmq
    /// has no need of them any more: when they were written to the connection, or thrown away with
    /// the socket, or at once in case of an error.
    pub(super) fn send_owned<O>(&mut self, owner: O, flags: c_int) -> io::Result<()>
    where
        O: AsRef<[u8]> + Send + 'static,
    {
        let owner = Box::into_raw(Box::new(owner));
        // SAFETY: boxed just now.
        let octets = unsafe { &*owner }.as_ref();
        let (data, length) = (octets.as_ptr().cast::<c_void>().cast_mut(), octets.len());
        let mut message = zmq_sys::zmq_msg_t::default();
        let (to, hint) = (&raw mut message, owner.cast::<c_void>());
        // SAFETY: the octets live as long as the boxed owner, which stays where it is and is not
        // touched until `release` drops it; libzmq calls that exactly once, and only reads.
        if unsafe { zmq_sys::zmq_msg_init_data(to, data, length, Some(release::<O>), hint) } != 0 {
            let error = last_error();
            // SAFETY: for lack of memory libzmq has not taken the owner, which was boxed above.
            drop(unsafe { Box::from_raw(owner) });
            return Err(error);
        }
        // SAFETY: the message was made above, and the socket is open as long as `self`.
        if unsafe { zmq_sys::zmq_msg_send(to, self.socket.as_mut_ptr(), flags) } >= 0 {
            return Ok(());
        }
        let error = last_error();
        // SAFETY: a message that was not sent is still ours to close.
        unsafe { zmq_sys::zmq_msg_close(to) };
        Err(error)
    }
}

/// Called by libzmq with the `hint` of [`Socket::send_owned`].
unsafe extern "C" fn release<O>(_octets: *mut c_void, hint: *mut c_void) {
    // SAFETY: `hint` is the box that `send_owned` gave away, and libzmq calls this once for it.
    drop(unsafe { Box::from_raw(hint.cast::<O>()) });
}

/// Seeds libc's `rand()`, from which libzmq draws when to connect again.
pub(super) fn seed_libc(seed: u32) {
    // SAFETY: takes any value; libc guards its state by itself.
    unsafe { nix::libc::srand(seed) };
}

/// How many octets have come over a TCP connection; `None` if that is not known, or it is none.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn received_octets(descriptor: RawFd) -> Option<u64> {
    // `tcpi_bytes_received` of Linux 4.1 and later is at octet 128; libc's `tcp_info` is shorter.
    let (mut info, mut length) = ([0_u64; 32], 256);
    let (to, name) = (info.as_mut_ptr().cast(), nix::libc::TCP_INFO);
    // SAFETY: no more than 256 octets are written to `info`. Of a descriptor with another owner
    // something is asked, which changes nothing; one that is closed is an error.
    let result = unsafe {
        nix::libc::getsockopt(
            descriptor,
            nix::libc::IPPROTO_TCP,
            name,
            to,
            &raw mut length,
        )
    };
    let is_there = result == 0 && length >= 136;
    info.get(16).copied().filter(|_| is_there)
}

fn checked(result: c_int) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(last_error())
    }
}

fn last_error() -> io::Error {
    // SAFETY: reads a variable of this thread.
    io::Error::from_raw_os_error(unsafe { zmq_sys::zmq_errno() })
}
