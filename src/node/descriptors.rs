//! How many descriptors the process may open, and how many peers that is enough for.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::zre::Limits;

use super::error::StartError;

/// Raises the limit of the process as far as it may, if that helps, and lowers the limits of the node
/// to what remains possible.
///
/// A peer needs two descriptors: for the connection to it, and for the one from it.
pub(super) fn provide(mut limits: Limits) -> Result<Limits, StartError> {
    let wanted = (limits.peers + limits.unproven + limits.statics) * A_PEER + A_NODE;
    let open = open_now();
    let allowed = raise(open + wanted);
    let needed = open + A_NODE + FEWEST_PEERS * A_PEER;
    if allowed < needed {
        return Err(StartError::TooFewDescriptors {
            limit: allowed,
            needed,
        });
    }
    let peers = (allowed - open - A_NODE) / A_PEER;
    if peers < limits.peers + limits.unproven + limits.statics {
        // Strangers and addresses get a quarter at most, known peers the rest.
        limits.unproven = limits.unproven.min(peers / 8);
        limits.statics = limits.statics.min(peers / 8);
        limits.peers = limits.peers.min(peers - limits.unproven - limits.statics);
        log::info!(
            "{allowed} descriptors are allowed, which is enough for {} peers",
            limits.peers
        );
    }
    Ok(limits)
}

/// How many peers a node can have in a process that may open so many descriptors, and has no others.
pub const fn peers_within(limit: usize) -> usize {
    limit.saturating_sub(A_NODE) / A_PEER
}

/// The limit, after it was raised if it is below `wanted` and may be raised.
fn raise(wanted: usize) -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return usize::MAX;
    };
    let to = hard.min(wanted.try_into().unwrap_or(hard));
    let limit = if soft < to {
        match setrlimit(Resource::RLIMIT_NOFILE, to, hard) {
            Ok(()) => to,
            Err(error) => {
                log::debug!("the limit of descriptors stays at {soft}: {error}");
                soft
            }
        }
    } else {
        soft
    };
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// How many descriptors are open, where the system tells.
fn open_now() -> usize {
    let folder = "/proc/self/fd";
    // From Linux 6.2 on this is the number, at once: a process of many nodes has tens of thousands.
    match std::fs::metadata(folder).map(|told| told.len()) {
        Ok(count @ 1..) => usize::try_from(count).unwrap_or(usize::MAX),
        _ => std::fs::read_dir(folder).map_or(SOME, Iterator::count),
    }
}

const A_PEER: usize = 2;
/// What a node needs besides its peers; 13 were counted.
const A_NODE: usize = 32;
/// A node that can have fewer peers than this is of no use.
const FEWEST_PEERS: usize = 8;
/// What is assumed to be open where it cannot be counted.
const SOME: usize = 64;
