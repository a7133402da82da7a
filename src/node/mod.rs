//! The shell around [`zre`](crate::zre): sockets, threads, clocks. Nothing else in the library has them.

mod bell;
pub mod interface;
pub mod mailbox;
