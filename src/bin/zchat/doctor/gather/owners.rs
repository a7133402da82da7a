//! Who has a port: `/proc/net/udp` and `/proc/net/tcp` say which user, `/proc/PID/fd` which process.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::{Uid, User};

use super::super::facts::{Owner, Port, Process};
use super::proc_net;

/// The most processes that are looked at.
const MOST_PROCESSES: usize = 50_000;

/// What an error says about a port that could not be bound.
pub(super) fn port_state(error: &io::Error, protocol: &str, port: u16) -> Port {
    let number = error
        .raw_os_error()
        .map_or(Errno::UnknownErrno, Errno::from_raw);
    if number == Errno::EADDRINUSE {
        Port::Taken(owners(protocol, port))
    } else {
        Port::Refused(number)
    }
}

/// All that have a port of this protocol (`udp` or `tcp`) open.
fn owners(protocol: &str, port: u16) -> Vec<Owner> {
    let mut sockets = Vec::new();
    for family in ["", "6"] {
        let table = super::read(&format!("/proc/net/{protocol}{family}"));
        sockets.extend(proc_net::sockets(&table));
    }
    let has_it = |socket: &proc_net::Socket| {
        socket.port == port && (protocol == "udp" || socket.is_listening)
    };
    sockets.retain(has_it);
    let inodes: BTreeSet<u64> = sockets.iter().map(|socket| socket.inode).collect();
    let processes = processes(&inodes);
    let mut owners: Vec<Owner> = Vec::new();
    for socket in &sockets {
        let process = processes.iter().find(|(inode, _)| *inode == socket.inode);
        let owner = Owner {
            process: process.map(|(_, process)| process.clone()),
            user: user(socket.user),
        };
        if !owners.contains(&owner) {
            owners.push(owner);
        }
    }
    owners
}

fn user(number: u32) -> String {
    let user = User::from_uid(Uid::from_raw(number)).ok().flatten();
    user.map_or_else(|| number.to_string(), |user| user.name)
}

/// The sockets of this process.
pub(super) fn own_sockets() -> BTreeSet<u64> {
    sockets_of(Path::new("/proc/self/fd")).collect()
}

/// Which process has which of these sockets, as far as that may be known.
fn processes(inodes: &BTreeSet<u64>) -> Vec<(u64, Process)> {
    let mut found = Vec::new();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    for entry in entries.take(MOST_PROCESSES) {
        let name = entry.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let files = entry.path().join("fd");
        for inode in sockets_of(&files).filter(|inode| inodes.contains(inode)) {
            let name = super::read(&format!("/proc/{id}/comm"));
            let process = Process {
                id,
                name: name.trim_end().to_owned(),
            };
            found.push((inode, process));
        }
    }
    found
}

/// The numbers of the sockets among the open files in a directory of `/proc`.
fn sockets_of(directory: &Path) -> impl Iterator<Item = u64> {
    let files = fs::read_dir(directory).into_iter().flatten().flatten();
    files.filter_map(|file| {
        let target = fs::read_link(file.path()).ok()?;
        let inode = target
            .to_str()?
            .strip_prefix("socket:[")?
            .strip_suffix(']')?;
        inode.parse().ok()
    })
}
