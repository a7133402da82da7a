//! Running the doctor on a host, and others that it can find there: real nodes, and scripted ones that
//! do what no node would.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::Value;
use zchat::node::Node;
use zchat::node::interface::{Watch, list};
use zchat::zre::{Beacon, Name, PeerId};

use crate::lab::Lab;

pub const PORT: u16 = 5_670;

/// The longest that anything is waited for that is expected to come.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Hosts whose cables are all recognized: that may take them a second.
pub fn lab(hosts: u8) -> Option<Lab> {
    let lab = Lab::new(hosts)?;
    for host in 1..=hosts {
        wait_for_carrier(&lab, host);
    }
    Some(lab)
}

/// Waits until a host has recognized the cable of its `eth0`, which has an address.
pub fn wait_for_carrier(lab: &Lab, host: u8) {
    let deadline = Instant::now() + PATIENCE;
    lab.run(host, || {
        let watch = Watch::new();
        let is_up = || {
            list()
                .unwrap()
                .interfaces
                .iter()
                .any(|one| one.label == "eth0" && one.is_running)
        };
        while !is_up() {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "host {host} has no carrier");
            let mut change = [PollFd::new(watch.fd().unwrap(), PollFlags::POLLIN)];
            poll(&mut change, PollTimeout::try_from(left).unwrap()).unwrap();
            watch.take_events();
        }
    });
}

/// What the doctor found.
#[derive(Debug)]
pub struct Diagnosis {
    pub status: i32,
    pub findings: Vec<Value>,
}

impl Diagnosis {
    /// The codes of all findings but notes, sorted.
    pub fn codes(&self) -> Vec<&str> {
        let bad = self.findings.iter().filter(|one| one["severity"] != "note");
        let mut codes: Vec<&str> = bad.map(|one| one["code"].as_str().unwrap()).collect();
        codes.sort_unstable();
        codes
    }

    /// The finding with this code.
    #[track_caller]
    pub fn find(&self, code: &str) -> &Value {
        let found = self.findings.iter().find(|one| one["code"] == code);
        found.unwrap_or_else(|| panic!("no {code} in {self:#?}"))
    }

    /// What the finding with this code says.
    #[track_caller]
    pub fn what(&self, code: &str) -> &str {
        self.find(code)["what"].as_str().unwrap()
    }

    /// The commands that the finding with this code advises.
    #[track_caller]
    pub fn commands(&self, code: &str) -> Vec<&str> {
        let commands = self.find(code)["commands"].as_array().unwrap();
        commands.iter().map(|one| one.as_str().unwrap()).collect()
    }

    /// Exactly these were found, and nothing else but notes.
    #[track_caller]
    pub fn assert(&self, codes: &[&str]) {
        assert_eq!(self.codes(), codes, "{self:#?}");
        assert_eq!(self.status, i32::from(!codes.is_empty()), "{self:#?}");
    }
}

/// Examines a host, as root.
pub fn doctor(lab: &Lab, host: u8, options: &[&str]) -> Diagnosis {
    diagnosis(command(lab, host, options).output().unwrap())
}

pub fn command(lab: &Lab, host: u8, options: &[&str]) -> Command {
    let mut command = lab.command(host, env!("CARGO_BIN_EXE_zchat"));
    prepare(&mut command, options);
    command
}

fn prepare(command: &mut Command, options: &[&str]) {
    command.args(["doctor", "--json"]).args(options);
    if !options.contains(&"--wait") {
        // As long as it listens by itself: on a slow machine, what has to come takes its time.
        command.args(["--wait", "3"]);
    }
    command.env_remove("RUST_LOG");
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("ZCHAT_") {
            command.env_remove(variable);
        }
    }
}

/// Examines a host as a user who may do nothing.
pub fn doctor_of_nobody(lab: &Lab, host: u8, options: &[&str]) -> Diagnosis {
    // The program may be where this user may not look.
    static COPIES: AtomicU32 = AtomicU32::new(0);
    let number = COPIES.fetch_add(1, Ordering::Relaxed);
    let place = format!("zchat-doctor-{}-{number}", std::process::id());
    let place = std::env::temp_dir().join(place);
    install(Path::new(env!("CARGO_BIN_EXE_zchat")), &place);
    let mut command = lab.command(host, "setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.arg("--inh-caps=-all").arg(&place);
    prepare(&mut command, options);
    let output = command.current_dir("/").output().unwrap();
    std::fs::remove_file(&place).unwrap();
    diagnosis(output)
}

/// Copies a program, by another one: if this process had it open for writing, it could not be run
/// while some other thread starts a program.
pub fn install(from: &Path, to: &Path) {
    let mut install = Command::new("install");
    let output = install.args(["-m", "755"]).args([from, to]).output();
    assert!(output.unwrap().status.success());
}

/// What it printed, and how it ended.
pub fn diagnosis(output: Output) -> Diagnosis {
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(errors, "");
    let text = String::from_utf8(output.stdout).unwrap();
    let findings: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for finding in &findings {
        assert_eq!(finding["event"], "finding");
        assert!(
            finding["time"].as_str().unwrap().ends_with('Z'),
            "{finding}"
        );
    }
    Diagnosis {
        status: output.status.code().unwrap(),
        findings,
    }
}

/// Runs what was advised on a host, but for `sudo`.
pub fn obey(lab: &Lab, host: u8, commands: &[&str]) {
    for command in commands {
        let mut words = command.split(' ').skip_while(|word| *word == "sudo");
        let mut command = lab.command(host, words.next().unwrap());
        let output = command.args(words).output().unwrap();
        assert!(output.status.success(), "{command:?}: {output:?}");
    }
}

/// Gives a host a firewall: lines of rules for these chains.
pub fn firewall(lab: &Lab, host: u8, rules: &str) {
    lab.rules(host, &format!("flush ruleset\n{rules}"));
}

/// A real node on a host.
pub fn node(lab: &Lab, host: u8, name: &str) -> Node {
    lab.run(host, || {
        Node::builder(Name::new(name).unwrap()).start().unwrap()
    })
}

/// What a scripted node does to those who connect to its mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Greeting {
    /// What ZeroMQ says first.
    Zmtp,
    /// Another protocol.
    Other,
    /// Nothing.
    None,
    /// There is no mailbox.
    Closed,
}

/// A node that beacons, and connects to nobody unless it is told to.
pub struct Script {
    pub id: PeerId,
    pub mailbox: u16,
    pub greeting: Greeting,
    /// Where the beacons go.
    pub target: Ipv4Addr,
    /// The address that they come from.
    pub source: Ipv4Addr,
    /// What is sent in place of a beacon.
    pub datagram: Option<Vec<u8>>,
    /// Whether it connects to the mailboxes that it hears of.
    pub connects: bool,
}

impl Script {
    pub fn new(host: u8) -> Self {
        Self {
            id: PeerId::from_bytes([host; 16]),
            mailbox: 49_152,
            greeting: Greeting::Zmtp,
            target: Ipv4Addr::new(10, 77, 0, 255),
            source: Lab::address(host),
            datagram: None,
            connects: false,
        }
    }

    /// Starts on a host.
    pub fn start(self, lab: &Lab, host: u8) -> Running {
        let ends = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ends);
        let thread = lab.run(host, || thread::spawn(move || self.run(&told)));
        Running {
            ends,
            thread: Some(thread),
        }
    }

    fn run(self, ends: &AtomicBool) {
        let sender = UdpSocket::bind((self.source, 0)).unwrap();
        sender.set_broadcast(true).unwrap();
        let receiver = shared(PORT);
        let mailbox = (self.greeting != Greeting::Closed)
            .then(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, self.mailbox)).unwrap());
        if let Some(mailbox) = &mailbox {
            mailbox.set_nonblocking(true).unwrap();
        }
        let plain = Beacon::new(self.id, self.mailbox).encode().to_vec();
        let datagram = self.datagram.clone().unwrap_or(plain);
        let mut connections = Vec::new();
        let mut known = BTreeSet::new();
        while !ends.load(Ordering::Relaxed) {
            // A firewall, or a missing route, may be what is tested.
            let _sent = sender.send_to(&datagram, (self.target, PORT));
            let next = Instant::now() + Duration::from_millis(50);
            while let Some((mut connection, _)) = mailbox.as_ref().and_then(|one| one.accept().ok())
            {
                match self.greeting {
                    Greeting::Zmtp => connection.write_all(&ZMTP).unwrap(),
                    Greeting::Other => connection.write_all(b"SSH-2.0-x\r\n").unwrap(),
                    Greeting::None | Greeting::Closed => {}
                }
                connections.push(connection);
            }
            // More of them come than it sends: its own, and those of others.
            while let Some((octets, from)) = read_until(&receiver, next) {
                let Ok(beacon) = Beacon::decode(&octets) else {
                    continue;
                };
                let is_wanted = self.connects
                    && !beacon.is_farewell()
                    && beacon.peer != self.id
                    && !known.contains(&beacon.peer);
                if is_wanted && let Ok(connection) = TcpStream::connect((from.ip(), beacon.port)) {
                    known.insert(beacon.peer);
                    connections.push(connection);
                }
            }
        }
    }
}

/// The next datagram, if one comes in time.
fn read_until(receiver: &UdpSocket, deadline: Instant) -> Option<(Vec<u8>, SocketAddr)> {
    let left = deadline.checked_duration_since(Instant::now())?;
    let left = left.max(Duration::from_millis(1));
    receiver.set_read_timeout(Some(left)).unwrap();
    let mut octets = vec![0; 64];
    let (length, from) = receiver.recv_from(&mut octets).ok()?;
    octets.truncate(length);
    Some((octets, from))
}

/// The signature of ZMTP 3.
const ZMTP: [u8; 10] = [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f];

/// The beacon port, shared.
pub fn shared(port: u16) -> UdpSocket {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    let address: SocketAddr = (Ipv4Addr::UNSPECIFIED, port).into();
    socket.bind(&address.into()).unwrap();
    socket.into()
}

/// A scripted node that runs until it is dropped.
pub struct Running {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        let ended = self.thread.take().unwrap().join();
        assert!(
            ended.is_ok() || thread::panicking(),
            "a scripted node failed"
        );
    }
}
