//! The smallest useful node: it whispers back whatever is whispered to it.
//!
//! ```text
//! cargo run --example echo -- lo          (an interface; all of them unless given)
//! cargo run -- --interface lo             and there: /msg echo hello
//! ```

use zchat::node::Node;
use zchat::zre::{Event, GroupName, Name};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = Node::builder(Name::new("echo")?).group(GroupName::new("CHAT")?);
    if let Some(interface) = std::env::args().nth(1) {
        builder = builder.interface(interface);
    }
    let mut node = builder.start()?;
    loop {
        match node.recv()? {
            Event::Enter { name, link, .. } => println!("{name:?} is here ({link})"),
            Event::Whisper { origin, content } => {
                // Nothing but the text: other frames were for others to understand.
                node.whisper(origin.peer, content.first().clone())?;
            }
            _ => {}
        }
    }
}
