//! What a node costs that has nothing to do: alone, and among a hundred.

use std::time::Duration;

use crate::Bench;
use crate::figures::Of;
use crate::ground::Ground;
use crate::mass::Mesh;
use crate::pair::time;
use crate::process::{Traffic, Usage};
use crate::program::Program;

/// How long a node is watched, and how long it is left alone before.
const WATCHED: Duration = Duration::from_secs(10);
const SETTLE: Duration = Duration::from_secs(8);

const PEERS: usize = 100;

/// More runs would take minutes, and these figures hardly differ.
const MOST_RUNS: usize = 3;

/// Memory, descriptors, processor and traffic.
pub(crate) fn footprint(bench: &mut Bench) {
    for _ in 0..bench.runs.min(MOST_RUNS) {
        let ground = Ground::new(1);
        let mut alone = ground.node(1, "peer", "A", &[]);
        alone.wait("START", |line| line["event"] == "START");
        let alone = watch(bench, &alone, "no peers");

        let mut mesh = Mesh::start(PEERS, 2);
        if mesh.wait_until_whole().is_none() {
            continue;
        }
        let host = 3;
        let mut among = mesh.ground.node(host, "peer", "P", &[]);
        time(&among.wait("START", |line| line["event"] == "START").line);
        for met in 0..PEERS {
            among.wait_after(met + 1, WATCHED, "ENTER", |line| line["event"] == "ENTER");
        }
        std::thread::sleep(SETTLE);
        let traffic = || mesh.ground.run(host, Traffic::of_this_host);
        let before = traffic();
        let all = watch(bench, &among, "100 peers");
        let after = traffic();
        let beacons = after.beacons - before.beacons;
        let beyond = (after.octets - before.octets - beacons) / WATCHED.as_secs_f64();
        let figures = &mut bench.figures;
        let each = (all.descriptors - alone.descriptors) / 100.0;
        figures.add(Of::Zchat, "descriptors a peer", each);
        if mesh.ground.has_hosts() {
            let what = "idle, 100 peers, traffic of the host beyond beacons, B/s";
            figures.add(Of::Zchat, what, beyond);
        }
    }
}

fn watch(bench: &mut Bench, program: &Program, what: &str) -> Usage {
    if what == "no peers" {
        std::thread::sleep(Duration::from_secs(3));
    }
    let before = Usage::of(program.id());
    std::thread::sleep(WATCHED);
    let after = Usage::of(program.id());
    let share = (after.processor - before.processor) / WATCHED.as_secs_f64() / 1e4;
    let figures = &mut bench.figures;
    figures.add(
        Of::Zchat,
        &format!("idle, {what}, memory, MB"),
        after.megabytes,
    );
    figures.add(Of::Zchat, &format!("idle, {what}, processor, %"), share);
    figures.add(
        Of::Zchat,
        &format!("idle, {what}, descriptors"),
        after.descriptors,
    );
    after
}
