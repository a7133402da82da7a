//! Running a program of the system for its output, for a bounded time.

use std::env;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often is looked whether a program has ended.
const LOOK: Duration = Duration::from_millis(5);

/// The most octets of its output that are read.
const MOST_OUTPUT: u64 = 16 << 20;

/// The most octets of its errors that are read.
const MOST_ERRORS: u64 = 1_000;

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    /// With status 0, and this output.
    Well(String),
    /// With another status, and this on its error output.
    Badly(String),
    /// It did not end in time.
    Late,
}

/// Where a program is: in the path, or where those for root are, which is not in everybody's path.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let mut places = env::split_paths(&path).chain(usual);
    // Nothing that lies in the directory that we happen to be in.
    places.find_map(|place| {
        let program = place.join(name);
        (place.is_absolute() && program.is_file()).then_some(program)
    })
}

/// Runs it.
///
/// # Errors
///
/// If it cannot be started.
pub(super) fn run(program: &Path, arguments: &[&str]) -> io::Result<Ended> {
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let deadline = Instant::now() + PATIENCE;
    let output = read(&mut child).and_then(|output| {
        output
            .recv_timeout(PATIENCE)
            .map_err(|_| io::ErrorKind::TimedOut.into())
    });
    if let Ok((output, errors)) = output
        && let Some(status) = end_of(&mut child, deadline)?
    {
        return Ok(if status.success() {
            Ended::Well(output)
        } else {
            Ended::Badly(errors)
        });
    }
    // It may have ended by itself just now.
    let _ended = child.kill();
    child.wait()?;
    Ok(Ended::Late)
}

/// How a program ends that has closed its outputs, which is most often at once; `None` if it stays.
fn end_of(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        let status = child.try_wait()?;
        if status.is_some() || Instant::now() >= deadline {
            return Ok(status);
        }
        thread::sleep(LOOK);
    }
}

/// Reads both outputs to their ends, in a thread that ends with them.
fn read(child: &mut Child) -> io::Result<mpsc::Receiver<(String, String)>> {
    let (mut output, mut errors) = (child.stdout.take(), child.stderr.take());
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::Builder::new()
        .name("zchat-program".into())
        .spawn(move || {
            let of = |stream: Option<&mut dyn Read>, most| {
                let mut octets = Vec::new();
                if let Some(stream) = stream {
                    // What came before an error is taken as all.
                    let _error = stream.take(most).read_to_end(&mut octets);
                }
                String::from_utf8_lossy(&octets).into_owned()
            };
            let output = of(output.as_mut().map(|one| one as &mut dyn Read), MOST_OUTPUT);
            let errors = of(errors.as_mut().map(|one| one as &mut dyn Read), MOST_ERRORS);
            // Nobody waits for it any more if it was late.
            let _late = sender.send((output, errors));
        })?;
    Ok(receiver)
}
