//! zchat: zero-configuration group chat for local networks, and a native ZRE (RFC 36) node for Rust.

pub mod zre;

#[cfg(feature = "chat")]
pub mod chat;
