//! What ZeroMQ itself can do: the frames of ZRE from a DEALER to a ROUTER, and nothing else.
//!
//! The figures of a node are read beside those of this program, on the same machine at the same time.
//! It does no more than it must: no protocol, no queue, no bound; its high-water marks are Zyre's.
//!
//! ```text
//! raw recv ENDPOINT COUNT SIZE              a ROUTER that receives, and prints the rate
//! raw send ENDPOINT COUNT SIZE              a DEALER that sends
//! raw fan COUNT SIZE ENDPOINT...            one DEALER for each endpoint, every message to all
//! raw echo ENDPOINT COUNT SIZE PEER         as a node: receives by a ROUTER, answers by a DEALER
//! raw rtt ENDPOINT COUNT SIZE PEER          round trips with an echo
//! ```
//!
//! Each prints one JSON object a line; times are `CLOCK_MONOTONIC` in nanoseconds. The last line,
//! DONE, says how much processor time it took.

#[path = "peer/tally.rs"]
#[allow(
    dead_code,
    reason = "the scripted peer counts more than is counted here"
)]
mod tally;

use std::error::Error;
use std::process::ExitCode;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use tally::{Spread, now, seconds};

/// The header of a WHISPER: signature, id, version, number.
const HEADER: [u8; 6] = [0xaa, 0xa1, 2, 2, 0, 2];

/// As in Zyre: its `expired` time in milliseconds, times 100.
const SEND_MARK: i32 = 3_000_000;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("raw: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<(), Box<dyn Error>> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let context = zmq::Context::new();
    let sent = match *words.as_slice() {
        ["recv", endpoint, count, size] => {
            receive(&router(&context, endpoint)?, count.parse()?, size.parse()?)?;
            0
        }
        ["send", endpoint, count, size] => send(
            &[dealer(&context, endpoint)?],
            count.parse()?,
            size.parse()?,
        )?,
        ["fan", count, size, ref endpoints @ ..] => {
            let to: Result<Vec<_>, _> = endpoints.iter().map(|to| dealer(&context, to)).collect();
            send(&to?, count.parse()?, size.parse()?)?
        }
        ["echo", endpoint, count, size, peer] => {
            let (inbox, outbox) = (router(&context, endpoint)?, dealer(&context, peer)?);
            echo(&inbox, &outbox, count.parse()?, size.parse()?)?;
            0
        }
        ["rtt", endpoint, count, size, peer] => {
            let (inbox, outbox) = (router(&context, endpoint)?, dealer(&context, peer)?);
            round_trips(&inbox, &outbox, count.parse()?, size.parse()?)?;
            0
        }
        _ => return Err("see the head of raw.rs".into()),
    };
    // Waits until everything is sent: sockets linger for ever unless told otherwise.
    drop(context);
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let processor = (usage.user_time() + usage.system_time()).num_microseconds();
    println!(
        r#"{{"event":"DONE","sent":{sent},"cpu_us":{processor},"t":{}}}"#,
        now()
    );
    Ok(())
}

fn router(context: &zmq::Context, endpoint: &str) -> zmq::Result<zmq::Socket> {
    let socket = context.socket(zmq::ROUTER)?;
    socket.bind(endpoint)?;
    Ok(socket)
}

fn dealer(context: &zmq::Context, endpoint: &str) -> zmq::Result<zmq::Socket> {
    let socket = context.socket(zmq::DEALER)?;
    socket.set_sndhwm(SEND_MARK)?;
    socket.set_identity(b"\x010123456789abcdef")?;
    socket.connect(endpoint)?;
    Ok(socket)
}

fn post(socket: &zmq::Socket, content: &[u8]) -> zmq::Result<()> {
    socket.send(&HEADER[..], zmq::SNDMORE)?;
    socket.send(content, 0)
}

/// Receives the routing id, the header and the content; how long the content is.
fn take(socket: &zmq::Socket, frame: &mut zmq::Message) -> zmq::Result<usize> {
    loop {
        socket.recv(frame, 0)?;
        if !frame.get_more() {
            return Ok(frame.len());
        }
    }
}

fn receive(inbox: &zmq::Socket, count: u64, size: usize) -> zmq::Result<()> {
    let mut frame = zmq::Message::new();
    let mut octets = 0;
    let mut first = 0;
    for number in 0..count {
        octets += take(inbox, &mut frame)?;
        if number == 0 {
            first = now();
        }
    }
    let last = now();
    let (major, minor, patch) = zmq::version();
    let secs = seconds(last - first);
    println!(
        "{{\"event\":\"COUNTED\",\"libzmq\":\"{major}.{minor}.{patch}\",\"msgs\":{count},\
         \"size\":{size},\"secs\":{secs:.6},\"first_t\":{first},\"last_t\":{last},\
         \"msg_per_s\":{:.0},\"mb_per_s\":{:.2}}}",
        float(count.saturating_sub(1)) / secs,
        float(octets as u64) / secs / 1e6,
    );
    Ok(())
}

fn send(outboxes: &[zmq::Socket], count: u64, size: usize) -> zmq::Result<u64> {
    let content = vec![b'x'; size];
    for _ in 0..count {
        for outbox in outboxes {
            post(outbox, &content)?;
        }
    }
    Ok(count * outboxes.len() as u64)
}

fn echo(inbox: &zmq::Socket, outbox: &zmq::Socket, count: u64, size: usize) -> zmq::Result<()> {
    let mut frame = zmq::Message::new();
    let content = vec![b'x'; size];
    for _ in 0..count {
        take(inbox, &mut frame)?;
        post(outbox, &content)?;
    }
    Ok(())
}

fn round_trips(
    inbox: &zmq::Socket,
    outbox: &zmq::Socket,
    count: u64,
    size: usize,
) -> zmq::Result<()> {
    let mut frame = zmq::Message::new();
    let content = vec![b'x'; size];
    let mut trips = Spread::default();
    for _ in 0..count {
        let sent = now();
        post(outbox, &content)?;
        take(inbox, &mut frame)?;
        trips.add(now() - sent);
    }
    println!(
        "{{\"event\":\"RTT\",\"n\":{count},\"size\":{size},\"p50_us\":{:.1},\"p99_us\":{:.1},\
         \"max_us\":{:.1}}}",
        trips.share(0.5),
        trips.share(0.99),
        trips.share(1.0),
    );
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 9 * 10^15")]
fn float(number: u64) -> f64 {
    number as f64
}
