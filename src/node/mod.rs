//! The shell around [`zre`](crate::zre): sockets, threads, clocks. Nothing else in the library has them.

pub mod beacon;
mod bell;
pub mod interface;
pub mod mailbox;
