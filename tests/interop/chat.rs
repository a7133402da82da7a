//! `zchat` itself among foreign programs: they see plain text, names and groups, and nothing else.

use crate::membership::{content, in_group};
use crate::world::{Foreign, World};

#[test]
fn zchat_talks_with_pyre_and_zyre_js_in_one_group() {
    let Some(world) = World::new(3) else { return };
    let mut pyre = world.foreign(Foreign::Pyre, 1, "pyre", &["--group", "CHAT"]);
    let mut zyre_js = world.foreign(Foreign::ZyreJs, 2, "zyrejs", &["--group", "CHAT"]);
    let mut zchat = world.zchat(3, "bob", &["--group", "CHAT"]);
    for name in ["pyre", "zyrejs"] {
        in_group(&mut zchat, 0, "join", name, "CHAT");
    }
    for (theirs, name) in [(&mut pyre, "pyre"), (&mut zyre_js, "zyrejs")] {
        in_group(theirs, 0, "JOIN", "bob", "CHAT");
        zchat.say(&format!("hello {name}, schön"));
        content(theirs, "SHOUT", "bob", &format!("hello {name}, schön"));
        zchat.say(&format!("/msg {name} psst"));
        content(theirs, "WHISPER", "bob", "psst");
        theirs.say(&format!("shout CHAT {name} says 你好"));
        content(&mut zchat, "shout", name, &format!("{name} says 你好"));
        theirs.say("whisper bob back");
        content(&mut zchat, "whisper", name, "back");
    }
    zchat.end_input();
    assert!(zchat.wait_for_end().success());
    for theirs in [&mut pyre, &mut zyre_js] {
        theirs.event("EXIT", "bob");
    }
}

#[test]
fn a_renamed_zchat_is_known_to_pyre_and_zyre_js_by_its_new_name() {
    let Some(world) = World::new(3) else { return };
    let mut pyre = world.foreign(Foreign::Pyre, 1, "pyre", &["--group", "CHAT"]);
    let mut zyre_js = world.foreign(Foreign::ZyreJs, 2, "zyrejs", &["--group", "CHAT"]);
    let mut zchat = world.zchat(3, "bob", &["--group", "CHAT"]);
    for (theirs, name) in [(&mut pyre, "pyre"), (&mut zyre_js, "zyrejs")] {
        in_group(&mut zchat, 0, "join", name, "CHAT");
        in_group(theirs, 0, "JOIN", "bob", "CHAT");
    }
    zchat.say("/rename robert");
    for theirs in [&mut pyre, &mut zyre_js] {
        theirs.event("ENTER", "robert");
        in_group(theirs, 0, "JOIN", "robert", "CHAT");
    }
    zchat.say("still the same");
    for (theirs, name) in [(&mut pyre, "pyre"), (&mut zyre_js, "zyrejs")] {
        content(theirs, "SHOUT", "robert", "still the same");
        theirs.say("whisper robert I know");
        content(&mut zchat, "whisper", name, "I know");
    }
}

#[test]
fn ten_thousand_piped_lines_reach_zchat_pyre_and_zyre_js_complete_and_in_order() {
    // Goal: a farewell datagram overtakes what was sent before it (trap 15): so everything must have
    // been read before it goes out. Method: a pipe that ends at once, and what the three listeners
    // have shown when they tell that the sender is gone.
    let Some(world) = World::new(4) else { return };
    let mut pyre = world.foreign(Foreign::Pyre, 1, "pyre", &["--group", "CHAT"]);
    let mut zyre_js = world.foreign(Foreign::ZyreJs, 2, "zyrejs", &["--group", "CHAT"]);
    let mut listener = world.zchat(3, "eve", &["--group", "CHAT"]);
    let mut sender = world.zchat(4, "bob", &["--group", "CHAT"]);
    // It would begin when nobody has come for a while, and one of them may be slow to.
    for name in ["pyre", "zyrejs", "eve"] {
        in_group(&mut sender, 0, "join", name, "CHAT");
    }
    let lines: Vec<String> = (0..10_000).map(|number| format!("line {number}")).collect();
    for line in &lines {
        sender.say(line);
    }
    sender.end_input();
    assert!(sender.wait_for_end().success());
    for (theirs, exit, shout) in [
        (&mut pyre, "EXIT", "SHOUT"),
        (&mut zyre_js, "EXIT", "SHOUT"),
        (&mut listener, "exit", "shout"),
    ] {
        theirs.event(exit, "bob");
        let shouts = theirs.seen().filter(|line| line["event"] == shout);
        let texts: Vec<String> = shouts
            .map(|line| line["text"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(texts.len(), lines.len());
        assert_eq!(texts, lines);
    }
}
