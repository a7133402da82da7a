//! What a process uses, and what machine it runs on, as Linux tells it; 0 elsewhere.

use std::fs;
use std::path::PathBuf;

/// What a process uses at one time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// Megabytes in memory.
    pub(crate) megabytes: f64,
    pub(crate) descriptors: f64,
    /// Processor time of all its threads so far, in microseconds.
    pub(crate) processor: f64,
}

impl Usage {
    /// Of this process, now.
    pub(crate) fn of(process: u32) -> Self {
        let folder = PathBuf::from(format!("/proc/{process}"));
        let status = fs::read_to_string(folder.join("status")).unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = resident.and_then(first_number).unwrap_or(0.0);
        let tasks = fs::read_dir(folder.join("task")).into_iter().flatten();
        let nanoseconds: f64 = tasks
            .filter_map(|task| fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
            .filter_map(|text| first_number(&text))
            .sum();
        Self {
            megabytes: kilobytes / 1_024.0,
            descriptors: count(fs::read_dir(folder.join("fd")).map_or(0, Iterator::count)),
            processor: nanoseconds / 1e3,
        }
    }
}

/// Octets and datagrams through the interface of the host that this is called in.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traffic {
    pub(crate) octets: f64,
    /// Those of them that are beacons: whatever goes to all.
    pub(crate) beacons: f64,
}

impl Traffic {
    /// Since the host was made, both directions.
    pub(crate) fn of_this_host() -> Self {
        let devices = fs::read_to_string("/proc/thread-self/net/dev").unwrap_or_default();
        let device = devices
            .lines()
            .find_map(|line| line.trim_start().strip_prefix("eth0:"));
        let column = |line: &str, index| line.split_whitespace().nth(index)?.parse().ok();
        let octets = device.map_or(0.0, |line| {
            let received: f64 = column(line, 0).unwrap_or(0.0);
            let sent: f64 = column(line, 8).unwrap_or(0.0);
            received + sent
        });
        // By packets of the interface: sockets that share a port each get one datagram.
        let counters = fs::read_to_string("/proc/thread-self/net/netstat").unwrap_or_default();
        let mut rows = counters.lines().filter(|line| line.starts_with("IpExt:"));
        let (names, values) = (rows.next().unwrap_or(""), rows.next().unwrap_or(""));
        let broadcast = |wanted: &str| -> f64 {
            let index = names.split_whitespace().position(|name| name == wanted);
            index
                .and_then(|index| values.split_whitespace().nth(index)?.parse().ok())
                .unwrap_or(0.0)
        };
        let counters = fs::read_to_string("/proc/thread-self/net/snmp6").unwrap_or_default();
        let multicast = |wanted: &str| -> f64 {
            let mut rows = counters
                .lines()
                .filter_map(|line| line.strip_prefix(wanted));
            rows.find_map(|rest| rest.trim().parse().ok())
                .unwrap_or(0.0)
        };
        Self {
            octets,
            beacons: (broadcast("InBcastPkts") + broadcast("OutBcastPkts")) * BEACON
                + (multicast("Ip6InMcastPkts ") + multicast("Ip6OutMcastPkts ")) * LINK_BEACON,
        }
    }
}

/// A beacon on the Ethernet: 22 octets in UDP and IP, in a frame.
const BEACON: f64 = 22.0 + 8.0 + 20.0 + 14.0;
/// The same by IPv6.
const LINK_BEACON: f64 = 22.0 + 8.0 + 40.0 + 14.0;

/// When and where this is measured, in general words.
pub(crate) fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let information = read("/proc/cpuinfo");
    let model = information
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown", |line| line.trim_start_matches([' ', '\t', ':']));
    let memory = read("/proc/meminfo")
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:").and_then(first_number))
        .unwrap_or(0.0)
        / 1_048_576.0;
    let (major, minor, patch) = zmq::version();
    let version = env!("CARGO_PKG_VERSION");
    let system = read("/proc/sys/kernel/osrelease");
    let release = system.split('-').next().unwrap_or_default().trim();
    format!(
        "zchat {version}, libzmq {major}.{minor}.{patch}, Linux {release}; {processors} processors \
         ({model}), {memory:.0} GiB"
    )
}

fn first_number(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "counts here are small")]
pub(crate) fn count(number: usize) -> f64 {
    number as f64
}
