//! The chat as a state machine: lines and events in, screen lines and actions out. No socket, no
//! thread, no clock, no terminal, no file.
//!
//! A shell carries a [`Session`] like this:
//!
//! ```text
//! loop {
//!     while let Some(output) = session.poll_output() { show it, write it, or tell the node }
//!     wait for a line (while session.wants_lines()), an event, a signal, or session.poll_timeout()
//!     session.handle_…(now, wall, …)
//! }
//! ```

mod command;
mod complete;
mod config;
mod item;
mod line;
mod mention;
mod merge;
mod naming;
mod note;
mod output;
mod parse;
mod payload;
mod people;
mod record;
mod render;
mod report;
mod request;
mod rows;
mod sanitize;
mod session;
mod settle;
mod stamp;
mod table;

pub use command::{Argument, COMMANDS, CommandInfo};
pub use complete::Completion;
pub use config::{Config, Form, Input, Purpose, TEXT_OCTETS};
pub use line::{Line, LineKind, Span, Style};
pub use output::{Exit, Output, Place, Prompt, Signal};
pub use record::Record;
#[doc(hidden)]
pub use sanitize::text as harmless;
pub use session::{BadLine, Session};
pub use stamp::Stamp;

/// The header by which programs of this kind know each other; its value is the version of what they
/// say to each other in a second frame.
pub const HEADER: &str = "X-ZCHAT";

/// The headers that the node of a chat must be given, by name and value.
pub const HEADERS: [(&str, &str); 1] = [(HEADER, "1")];
