//! Nothing happens: and that is all that may be seen.

use std::time::{Duration, Instant};

use crate::program::Program;
use crate::world::{Foreign, World};

#[test]
fn an_idle_half_minute_brings_no_evasive_silent_or_exit() {
    // Goal: peers that say nothing but are there are never called anything else (trap 9).
    // Method: two of ours, Pyre and zyre.js, a host each; whatever any of them shows in half a
    // minute after all have entered is an error.
    let Some(world) = World::new(4) else { return };
    let mut all = [
        world.ours(1, "first", &["--group", "CHAT"]),
        world.ours(2, "second", &["--group", "CHAT"]),
        world.foreign(Foreign::Pyre, 3, "pyre", &["--group", "CHAT"]),
        world.foreign(Foreign::ZyreJs, 4, "zyrejs", &["--group", "CHAT"]),
    ];
    let names = ["first", "second", "pyre", "zyrejs"];
    for (program, own) in all.iter_mut().zip(names) {
        for other in names.into_iter().filter(|&other| other != own) {
            program.event("ENTER", other);
            program.event("JOIN", other);
        }
    }
    let marks: Vec<usize> = all.iter_mut().map(Program::mark).collect();
    // The one wait of these tests that is for time to pass: the absence of events is what is tested.
    let end = Instant::now() + Duration::from_secs(31);
    for ((program, mark), name) in all.iter_mut().zip(marks).zip(names) {
        let noise = program.next_until(mark, end);
        assert!(noise.is_none(), "{name} shows {noise:?}");
    }
}
