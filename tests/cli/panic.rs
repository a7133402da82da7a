//! What a panic leaves of a terminal, whatever thread it is on.

use std::path::Path;

use crate::process::free_port;
use crate::window::{Window, ZCHAT};

/// A shell in a window in which the program runs that panics at these keys; what the shell then tells.
fn panic_at(keys: &str, message: &str) {
    let program = Path::new(ZCHAT)
        .with_file_name("examples")
        .join("panicking");
    assert!(
        program.exists(),
        "{} is missing; `cargo test --no-run` builds it",
        program.display()
    );
    let mut window = Window::open("bash --norc --noprofile", &[("RUST_BACKTRACE", "0")]);
    window.type_in("PS1='shell> '\r");
    window.wait_for_row("shell>");
    window.type_in("before=$(stty -g)\r");
    let program = program.display();
    window.type_in(&format!("{program} {}\r", free_port()));
    window.wait_for_row("[CHAT]");
    window.type_in(keys);
    // The message is whole, each of its rows begins at the left, and nothing is drawn over it.
    window.wait_until("the message", |rows, _| {
        let told = rows.iter().position(|row| row.starts_with("thread '"));
        told.is_some_and(|told| rows[told + 1].starts_with(message))
    });
    window.wait_for_row("shell>");
    window.type_in("echo status $? $([ \"$before\" = \"$(stty -g)\" ] && echo the same)\r");
    window.wait_for("status 101 the same");
    let written = window.written();
    // The shell switches some of it on again.
    let written = written.split("thread '").next().unwrap();
    for (on, off) in [
        ("\x1b[?2004h", "\x1b[?2004l"),
        ("\x1b[?25l", "\x1b[?25h"),
        ("\x1b[?7l", "\x1b[?7h"),
        ("\x1b[?2026h", "\x1b[?2026l"),
    ] {
        let (on, off) = (written.rfind(on).unwrap(), written.rfind(off).unwrap());
        assert!(off > on, "{written:?}");
    }
}

#[test]
fn a_panic_of_the_chat_gives_the_terminal_back_and_can_be_read() {
    panic_at("/help panic\r", "this line is not shown");
}

#[test]
fn a_panic_of_the_terminal_itself_gives_it_back_and_can_be_read() {
    panic_at("\x03", "the terminal is left, for it was Interrupted");
}

#[test]
fn a_panic_of_the_first_thread_gives_the_terminal_back_and_can_be_read() {
    panic_at("/quit\r", "the chat has ended: Done");
}
