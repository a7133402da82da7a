//! A program with the terminal of zchat and a chat in it that panics where it is told to: on the thread
//! of the chat at a line with "panic" in it, on that of the terminal at Ctrl-C, on its first one after
//! `/quit`. Tests run it, to see what a panic leaves of a terminal; zchat itself has no place where one
//! could be asked for. Its argument is the beacon port.
#![allow(
    clippy::disallowed_methods,
    unreachable_pub,
    reason = "a shell, whose modules are those of another one"
)]

#[allow(
    dead_code,
    unused_imports,
    reason = "the module is the program's, which uses all of it"
)]
#[path = "../../src/bin/zchat/terminal/mod.rs"]
mod terminal;

use std::error::Error;
use std::io;

use terminal::{Lines, Status, Terminal};
use zchat::channel::{Channel, Console};
use zchat::chat::{Config, Line, Prompt};
use zchat::node::Node;
use zchat::zre::{GroupName, Name};

/// Shows lines, but one.
struct Screen {
    lines: Lines<Status>,
}

impl Console for Screen {
    fn show(&mut self, line: &Line) -> io::Result<()> {
        assert!(!line.text.contains("panic"), "this line is not shown");
        self.lines.show(line.text.clone());
        Ok(())
    }

    fn prompt(&mut self, _prompt: &Prompt) {
        self.lines.set_status(Status {
            prompt: "[CHAT] ".to_owned(),
            ..Status::default()
        });
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).ok_or("usage: panicking PORT")?;
    terminal::tty::install_panic_hook();
    let name = Name::new("node")?;
    let group = GroupName::new("CHAT")?;
    let node = Node::builder(name.clone())
        .interface("lo")
        .beacon_port(port.parse()?)
        .group(group.clone())
        .start()?;
    let (terminal, lines) = Terminal::new();
    let screen = Screen { lines };
    let (pipe, task) = Channel::open(node, Config::new(name, vec![group]), screen)?.split();
    let running = terminal.run(pipe, task.control(), true, |why| {
        panic!("the terminal is left, for it was {why:?}");
    })?;
    let exit = task.wait();
    assert!(std::env::args().count() > 2, "the chat has ended: {exit:?}");
    running.end();
    Ok(())
}
