//! zchat: zero-configuration group chat for local networks, and a native ZRE (RFC 36) node for Rust.

pub mod zre;

#[cfg(feature = "chat")]
pub mod chat;

#[cfg(feature = "node")]
#[expect(
    clippy::disallowed_methods,
    reason = "the shell: here the clock is read and threads are started"
)]
pub mod node;

#[cfg(all(feature = "node", feature = "chat"))]
#[expect(
    clippy::disallowed_methods,
    reason = "the shell of the chat: here the clock is read and a thread is started"
)]
pub mod channel;

#[cfg(feature = "sim")]
pub mod sim;
