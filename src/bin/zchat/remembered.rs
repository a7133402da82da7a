//! Where peers were met, kept for the next start (`--remember`): then they are greeted there, without
//! waiting for a beacon of theirs, also where no beacon gets through.
//!
//! One line a peer: the address of its mailbox and when it was met last, in seconds since 1970. What
//! is in the file is dialled and nothing else: who answers there says who it is, as everybody does. A
//! file that cannot be read or written costs the memory, never the chat. Several processes may use it
//! at a time: it is read again before it is replaced as a whole, by a rename.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use etcetera::BaseStrategy as _;
use zchat::zre::Event;

/// The peers that were met, and the file.
#[derive(Debug)]
pub(crate) struct Remembered {
    path: PathBuf,
    /// When somebody was met there last, in seconds since 1970.
    places: BTreeMap<SocketAddr, u64>,
    /// Whether there is something to be written.
    is_new: bool,
    /// When it may be written again.
    not_before: Option<Instant>,
    /// It could not be written, which is not tried again.
    has_failed: bool,
}

impl Remembered {
    /// What the file of this user says: `zchat/peers` in the directory for state. `None` if there is
    /// no such directory.
    pub(crate) fn of_user() -> Option<Self> {
        let base = etcetera::choose_base_strategy()
            .inspect_err(|error| log::warn!("nobody is remembered: {error}"))
            .ok()?;
        let directory = base.state_dir().unwrap_or_else(|| base.data_dir());
        Some(Self::at(directory.join("zchat").join("peers")))
    }

    fn at(path: PathBuf) -> Self {
        let places = read(&path, now()).unwrap_or_else(|error| {
            log::warn!(
                "cannot read who was met before, {}: {error}",
                path.display()
            );
            BTreeMap::new()
        });
        Self {
            path,
            places,
            is_new: false,
            not_before: None,
            has_failed: false,
        }
    }

    /// Where somebody was met, the last one first.
    pub(crate) fn places(&self) -> Vec<SocketAddr> {
        let mut places: Vec<_> = self.places.iter().collect();
        places.sort_by_key(|(_, met)| std::cmp::Reverse(**met));
        places.into_iter().map(|(place, _)| *place).collect()
    }

    /// Remembers who is met.
    pub(crate) fn handle_event(&mut self, event: &Event) {
        if let Event::Enter { link, .. } | Event::Moved { link, .. } = event
            && is_worth_it(link.remote)
        {
            self.places.insert(link.remote, now());
            keep_the_newest(&mut self.places);
            self.is_new = true;
        }
    }

    /// Writes the file if there is something new and it was not written just now: whoever comes alone is
    /// written down at once, and of many who come together the first; the others with whatever happens
    /// next, or at the end.
    pub(crate) fn flush(&mut self) {
        let at = Instant::now();
        if self.is_new && self.not_before.is_none_or(|not_before| not_before <= at) {
            self.not_before = Some(at + PAUSE);
            self.write();
        }
    }

    fn write(&mut self) {
        self.is_new = false;
        if self.has_failed {
            return;
        }
        let written = read(&self.path, now()).and_then(|others| {
            for (place, met) in others {
                let known = self.places.entry(place).or_insert(met);
                *known = met.max(*known);
            }
            keep_the_newest(&mut self.places);
            replace(&self.path, &self.places)
        });
        if let Err(error) = written {
            self.has_failed = true;
            let path = self.path.display();
            log::warn!("cannot write down who was met, {path}: {error}");
        }
    }
}

impl Drop for Remembered {
    fn drop(&mut self) {
        if self.is_new {
            self.write();
        }
    }
}

/// Whether the same peer can be expected there the next time: not on this very host, and not by the
/// number of an interface.
fn is_worth_it(place: SocketAddr) -> bool {
    let is_link_local = match place {
        SocketAddr::V4(_) => false,
        SocketAddr::V6(place) => place.ip().is_unicast_link_local(),
    };
    !place.ip().is_loopback() && !is_link_local
}

/// What is in the file, but for what is no address, or too old. No file is an empty one.
fn read(path: &Path, now: u64) -> io::Result<BTreeMap<SocketAddr, u64>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        opened => opened?,
    };
    let mut octets = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut octets)?;
    let text = String::from_utf8_lossy(&octets);
    let place = |line: &str| {
        let (place, met) = line.split_once(' ')?;
        let (place, met) = (place.parse().ok()?, met.trim().parse().ok()?);
        // A clock may have been wrong.
        let met = u64::min(met, now);
        let is_usable = is_worth_it(place) && place.port() != 0;
        (is_usable && now - met <= MAX_AGE.as_secs()).then_some((place, met))
    };
    let mut places = text.lines().filter_map(place).collect();
    keep_the_newest(&mut places);
    Ok(places)
}

fn keep_the_newest(places: &mut BTreeMap<SocketAddr, u64>) {
    while places.len() > MAX_PLACES {
        let oldest = places.iter().min_by_key(|(_, met)| **met);
        let Some((oldest, _)) = oldest else { return };
        let oldest = *oldest;
        places.remove(&oldest);
    }
}

fn replace(path: &Path, places: &BTreeMap<SocketAddr, u64>) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
    }
    let text: String = places
        .iter()
        .map(|(place, met)| format!("{place} {met}\n"))
        .collect();
    let temporary = path.with_extension(format!("{}.new", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // It was not made, or is of no use.
        let _removed = fs::remove_file(&temporary);
    }
    written
}

fn now() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    elapsed.map_or(0, |elapsed| elapsed.as_secs())
}

/// How many places are kept: those that were of use last. Each is greeted for as long as the program
/// runs, like one that `--peer` names.
const MAX_PLACES: usize = 64;

/// For how long a place is kept where nobody was met again.
const MAX_AGE: Duration = Duration::from_hours(30 * 24);

/// How much of a file is looked at: more than 64 lines have.
const MAX_FILE: u64 = 16 << 10;

/// How long after it was written the file is not written again: many come together.
const PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use zchat::zre::{Headers, Link, Name, PeerId};

    /// A file in a directory of its own, which is removed at the end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(test: &str) -> Self {
            let name = format!("zchat-remembered-{}-{test}", std::process::id());
            Self(std::env::temp_dir().join(name))
        }

        fn path(&self) -> PathBuf {
            self.0.join("zchat").join("peers")
        }

        fn write(&self, text: &str) {
            fs::create_dir_all(self.path().parent().unwrap()).unwrap();
            fs::write(self.path(), text).unwrap();
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn enter(place: &str) -> Event {
        Event::Enter {
            peer: PeerId::from_bytes([2; 16]),
            name: Name::lossy(b"bob"),
            headers: Headers::default(),
            link: Link::plain(place.parse().unwrap(), None),
        }
    }

    fn texts(places: &[SocketAddr]) -> Vec<String> {
        places.iter().map(SocketAddr::to_string).collect()
    }

    #[test]
    fn who_was_met_is_known_at_the_next_start_and_nobody_else_can_read_it() {
        let scratch = Scratch::new("next");
        let mut first = Remembered::at(scratch.path());
        assert_eq!(first.places(), []);
        first.handle_event(&enter("10.0.0.5:49152"));
        first.handle_event(&enter("[2001:db8::5]:49153"));
        first.handle_event(&Event::Moved {
            peer: PeerId::from_bytes([2; 16]),
            link: Link::plain("10.0.0.6:49152".parse().unwrap(), None),
        });
        drop(first);
        let mut places = texts(&Remembered::at(scratch.path()).places());
        places.sort();
        let all = ["10.0.0.5:49152", "10.0.0.6:49152", "[2001:db8::5]:49153"];
        assert_eq!(places, all);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&scratch.path()), 0o600);
        assert_eq!(mode(scratch.path().parent().unwrap()), 0o700);
    }

    #[test]
    fn this_host_and_numbers_of_interfaces_are_not_remembered() {
        let scratch = Scratch::new("useless");
        let mut remembered = Remembered::at(scratch.path());
        remembered.handle_event(&enter("127.0.0.1:49152"));
        remembered.handle_event(&enter("[fe80::5%2]:49152"));
        drop(remembered);
        assert!(!scratch.path().exists(), "there was nothing to write");
    }

    #[test]
    fn what_is_no_place_or_old_is_left_out_and_the_newest_are_kept() {
        let scratch = Scratch::new("limits");
        let now = now();
        let mut text = format!(
            "garbage\n10.0.0.5 {now}\n10.0.0.6:0 {now}\n10.0.0.7:49152 soon\n127.0.0.1:5 {now}\n\
             10.0.0.8:49152 {}\n10.0.0.9:49152 {}\n\u{1b}[31m10.0.0.9:1 {now}\n",
            now - MAX_AGE.as_secs() - 60,
            now + 1_000,
        );
        scratch.write(&text);
        let places = texts(&Remembered::at(scratch.path()).places());
        assert_eq!(places, ["10.0.0.9:49152"]);
        for host in 0..100 {
            text += &format!("10.0.1.{host}:49152 {}\n", now - host);
        }
        scratch.write(&text);
        let places = texts(&Remembered::at(scratch.path()).places());
        assert_eq!(places.len(), MAX_PLACES);
        assert_eq!(places[2], "10.0.1.1:49152", "{places:?}");
        // However much there is, only so much is read.
        scratch.write(&"x".repeat(1 << 20));
        assert_eq!(Remembered::at(scratch.path()).places(), []);
    }

    #[test]
    fn two_processes_remember_what_both_have_met() {
        let scratch = Scratch::new("two");
        let mut one = Remembered::at(scratch.path());
        let mut other = Remembered::at(scratch.path());
        one.handle_event(&enter("10.0.0.5:49152"));
        other.handle_event(&enter("10.0.0.6:49152"));
        drop(one);
        drop(other);
        let mut places = texts(&Remembered::at(scratch.path()).places());
        places.sort();
        assert_eq!(places, ["10.0.0.5:49152", "10.0.0.6:49152"]);
        let mut files = fs::read_dir(scratch.path().parent().unwrap()).unwrap();
        assert_eq!(files.by_ref().count(), 1, "nothing temporary is left");
    }
}
