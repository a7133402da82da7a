//! A laboratory of "real hosts": network namespaces on one bridge, for tests that pull cables.
//!
//! The bridge is in a namespace of its own, so that the machine's own network gets no interface, no
//! address and no route from it: nothing that is sent inside can leave. Host I has `eth0` with
//! 10.77.0.I/24, and no IPv6 until it is [switched on](Lab::set_ipv6). Needs Linux, root, `ip` and `nsenter`, and `nft` for [`Lab::lose`]; without them
//! [`Lab::new`] says that the test is skipped. No delays: that would need `tc netem`.
//!
//! Include it beside `skip.rs`: `#[path = "../common/lab.rs"] mod lab;`.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "no test binary uses everything, and none is used from outside"
)]

use std::fs::File;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use nix::unistd::geteuid;

use super::skip::skip;

/// The most hosts: their addresses are one octet.
const MOST_HOSTS: u8 = 60;

/// From so many hosts on that all talk to each other, the ARP table, which is one for all namespaces, may
/// be too small for what they learn. So they are told where the others are: that does not count.
const MANY_HOSTS: u8 = 30;

/// How the names of our namespaces begin; the process that made them follows.
const PREFIX: &str = "zchat-test-";

/// Namespaces that are gone when this is dropped.
#[derive(Debug)]
pub struct Lab {
    prefix: String,
    hosts: u8,
}

/// One of the two bridges, which do not know of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bridge {
    /// Where all hosts are at the start.
    First,
    /// Nobody is, at the start.
    Second,
}

impl Bridge {
    fn name(self) -> &'static str {
        match self {
            Self::First => "br1",
            Self::Second => "br2",
        }
    }
}

impl Lab {
    /// Hosts 1 up to `hosts`, or `None` where that is not possible: then it was said that the test is
    /// skipped.
    pub fn new(hosts: u8) -> Option<Self> {
        static LABS: AtomicU32 = AtomicU32::new(0);
        assert!(hosts <= MOST_HOSTS, "at most {MOST_HOSTS} hosts");
        if let Some(reason) = obstacle() {
            skip(&reason);
            return None;
        }
        remove_left_over();
        let number = LABS.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("{PREFIX}{}-{number}-", std::process::id());
        let mut lab = Self { prefix, hosts: 0 };
        // From here on, Drop cleans up behind a failure.
        let made = run(Command::new("ip").args(["netns", "add", &lab.hub()]));
        if !made.status.success() {
            skip(&format!("no network namespaces: {}", errors_of(&made)));
            return None;
        }
        let bridge = |bridge: Bridge| {
            let name = bridge.name();
            format!(
                "link add {name} type bridge forward_delay 0 stp_state 0 mcast_snooping 0\n\
                 link set {name} up\n"
            )
        };
        ip_batch(
            &lab.hub(),
            &(bridge(Bridge::First) + &bridge(Bridge::Second)),
        );
        for host in 1..=hosts {
            lab.hosts = host;
            ip(&["netns", "add", &lab.namespace(host)]);
            lab.set_ipv6(host, false);
            ip_batch(&lab.namespace(host), "link set lo up");
            lab.add_interface(host, "eth0", Bridge::First);
            let address = Self::address(host);
            lab.ip(host, &format!("addr add {address}/24 brd + dev eth0"));
            lab.ip(host, "link set eth0 up");
        }
        if hosts > MANY_HOSTS {
            lab.introduce_all();
        }
        Some(lab)
    }

    /// Gives hosts hardware addresses by their numbers, and tells all to all.
    fn introduce_all(&self) {
        let hardware = |host: u8| format!("02:00:0a:4d:00:{host:02x}");
        for host in 1..=self.hosts {
            let others = (1..=self.hosts).filter(|other| *other != host);
            let entries = others.map(|other| {
                let (address, hardware) = (Self::address(other), hardware(other));
                format!("neigh replace {address} lladdr {hardware} dev eth0 nud permanent\n")
            });
            let lines: String = entries.collect();
            let own = hardware(host);
            let change = format!("link set eth0 down\nlink set eth0 address {own}\n");
            ip_batch(
                &self.namespace(host),
                &format!("{change}link set eth0 up\n{lines}"),
            );
        }
    }

    /// Switches IPv6 on or off in a host; it is off at the start, so that a test says what it is about.
    pub fn set_ipv6(&self, host: u8, on: bool) {
        let text = if on { "0" } else { "1" };
        self.run(host, || {
            // Interfaces that come later, those that are there, and whatever has been changed since.
            for which in ["default", "all"] {
                let path = format!("/proc/sys/net/ipv6/conf/{which}/disable_ipv6");
                // Where the kernel has no IPv6, it is off.
                if let Err(error) = std::fs::write(&path, text) {
                    assert!(!on, "{path}: {error}");
                }
            }
        });
    }

    /// Waits until the system has done with an interface's link-local address, and says which it is.
    ///
    /// # Panics
    ///
    /// If it has none within twenty seconds.
    pub fn wait_for_ipv6(&self, host: u8, interface: &str) -> Ipv6Addr {
        let deadline = Instant::now() + Duration::from_secs(20);
        let namespace = self.namespace(host);
        let words = [
            "-n", &namespace, "-6", "addr", "show", "dev", interface, "scope", "link",
        ];
        loop {
            let shown = run(Command::new("ip").args(words));
            let text = String::from_utf8_lossy(&shown.stdout);
            let address = text
                .split_once("inet6 ")
                .and_then(|(_, rest)| rest.split_once('/')?.0.parse().ok());
            if let Some(address) =
                address.filter(|_| !text.contains("tentative") || text.contains("dadfailed"))
            {
                return address;
            }
            assert!(Instant::now() < deadline, "no IPv6 address: {text}");
            thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// The number that a host has given to an interface.
    pub fn scope(&self, host: u8, interface: &str) -> u32 {
        self.run(host, || nix::net::if_::if_nametoindex(interface).unwrap())
    }

    /// The address of a host's `eth0`.
    pub fn address(host: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, 0, host)
    }

    /// Gives a host one more interface; it is down, and has no address.
    pub fn add_interface(&self, host: u8, name: &str, bridge: Bridge) {
        let (far, namespace) = (far_end(host, name), self.namespace(host));
        let bridge = bridge.name();
        ip_batch(
            &self.hub(),
            &format!(
                "link add {far} type veth peer name {name} netns {namespace}\n\
                 link set {far} master {bridge}\n\
                 link set {far} up\n"
            ),
        );
    }

    /// Runs `ip` in a host, with these words separated by spaces.
    pub fn ip(&self, host: u8, words: &str) {
        ip_batch(&self.namespace(host), words);
    }

    /// Takes a host's `eth0` off its bridge. The link stays up, packets just vanish: a cable pulled
    /// behind a switch.
    pub fn cut(&self, host: u8) {
        let far = far_end(host, "eth0");
        ip_batch(&self.hub(), &format!("link set {far} nomaster"));
    }

    /// Puts a host's `eth0` on this bridge, wherever it was.
    pub fn plug(&self, host: u8, bridge: Bridge) {
        let (far, bridge) = (far_end(host, "eth0"), bridge.name());
        ip_batch(&self.hub(), &format!("link set {far} master {bridge}"));
    }

    /// Drops the carrier of a host's interface: a cable pulled at the host.
    pub fn carrier_down(&self, host: u8, interface: &str) {
        let far = far_end(host, interface);
        ip_batch(&self.hub(), &format!("link set {far} down"));
    }

    /// Raises the carrier again.
    pub fn carrier_up(&self, host: u8, interface: &str) {
        let far = far_end(host, interface);
        ip_batch(&self.hub(), &format!("link set {far} up"));
    }

    /// Drops so many per mille of the packets of a protocol (`tcp`, `udp`) that arrive at a host, at
    /// random; 0 ends it.
    pub fn lose(&self, host: u8, protocol: &str, per_mille: u16) {
        let which = match per_mille {
            0..1_000 => format!("numgen random mod 1000 < {per_mille}"),
            1_000.. => String::new(),
        };
        let rules = format!(
            "table inet zchat_test {{}}\n\
             delete table inet zchat_test\n\
             table inet zchat_test {{\n\
               chain in {{\n\
                 type filter hook input priority 0;\n\
                 meta l4proto {protocol} {which} drop\n\
               }}\n\
             }}\n"
        );
        self.rules(host, &rules);
    }

    /// Makes a host a router, with these rules of `nft`.
    pub fn forward(&self, host: u8, rules: &str) {
        self.run(host, || {
            std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
        });
        self.rules(host, rules);
    }

    /// Hands these commands to `nft` in a host.
    pub fn rules(&self, host: u8, rules: &str) {
        let mut nft = self.command(host, "nft");
        run_with_input(nft.args(["-f", "-"]), rules);
    }

    /// A program to be started in a host. It becomes the process that is started (`nsenter` executes
    /// it), so that signals to its id reach it.
    pub fn command(&self, host: u8, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net={}", path(&self.namespace(host)).display()))
            .arg("--")
            .arg(program.as_ref());
        command
    }

    /// Runs a closure in a host, in a thread of its own; sockets opened and threads started by it are
    /// of that host for ever. Panics if it panics.
    pub fn run<T: Send>(&self, host: u8, work: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(path(&self.namespace(host))).unwrap();
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                setns(&namespace, CloneFlags::CLONE_NEWNET).unwrap();
                work()
            });
            inside.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    fn hub(&self) -> String {
        format!("{}hub", self.prefix)
    }

    fn namespace(&self, host: u8) -> String {
        assert!((1..=self.hosts).contains(&host), "there is no host {host}");
        format!("{}{host}", self.prefix)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for name in namespaces().filter(|name| name.starts_with(&self.prefix)) {
            run(Command::new("ip").args(["netns", "del", &name]));
        }
    }
}

/// The end of a host's interface that is in the hub. Names of interfaces have 15 octets at most.
fn far_end(host: u8, interface: &str) -> String {
    format!("h{host}-{interface}")
}

fn obstacle() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("network namespaces are of Linux only".into());
    }
    if !geteuid().is_root() {
        return Some("only root may make network namespaces".into());
    }
    ["ip", "nsenter"].into_iter().find_map(|program| {
        let found = Command::new(program)
            .arg("-V")
            .stdout(Stdio::null())
            .status();
        found
            .err()
            .map(|error| format!("`{program}` cannot be run: {error}"))
    })
}

/// Removes what test processes have left behind that were killed.
fn remove_left_over() {
    let dead = |name: &String| {
        let process = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next());
        process.is_some_and(|process| !Path::new("/proc").join(process).exists())
    };
    for name in namespaces().filter(dead) {
        run(Command::new("ip").args(["netns", "del", &name]));
    }
}

fn namespaces() -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir("/run/netns").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok())
}

fn path(namespace: &str) -> PathBuf {
    Path::new("/run/netns").join(namespace)
}

fn ip(arguments: &[&str]) {
    let output = run(Command::new("ip").args(arguments));
    assert!(
        output.status.success(),
        "ip {arguments:?}: {}",
        errors_of(&output)
    );
}

fn ip_batch(namespace: &str, lines: &str) {
    run_with_input(
        Command::new("ip").args(["-n", namespace, "-batch", "-"]),
        lines,
    );
}

fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

fn run_with_input(command: &mut Command, input: &str) {
    use std::io::Write;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that reads no input says why on its error output.
    let _written = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{input}",
        errors_of(&output)
    );
}

fn errors_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}
