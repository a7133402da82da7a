//! The host itself: its limits and its clock.

use zchat::node::peers_within;

use super::super::facts::Facts;
use super::Finding;

/// The fewest files that a process must be allowed to have open: two for each peer, and those
/// of the program. Fewer is not enough for a class room.
const FEWEST_DESCRIPTORS: u64 = 256;

/// 2025-01-01: no clock is right that shows an earlier time, since this program is younger.
const EARLIEST: i64 = 1_735_689_600_000;

pub(super) fn diagnose(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(limit) = facts
        .descriptors
        .filter(|limit| *limit < FEWEST_DESCRIPTORS)
    {
        let peers = peers_within(usize::try_from(limit).unwrap_or(usize::MAX));
        findings.push(
            Finding::warning(
                "few_descriptors",
                format!("A program may have {limit} files open: enough for about {peers} peers"),
            )
            .say("Before zchat is started, in the same shell:")
            .run("sudo prlimit --pid $$ --nofile=4096"),
        );
    }
    if facts.clock < EARLIEST {
        findings.push(
            Finding::warning("wrong_clock", "The clock of this host is wrong by years")
                .because("Others see wrong times beside messages from here.")
                .run("sudo timedatectl set-ntp true"),
        );
    }
    findings
}
