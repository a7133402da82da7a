//! The file in which entered lines are kept between runs. One line a line; a newline within one is
//! written `\n`, a backslash `\\`.
//!
//! Several processes may use it at a time: each entry is appended by one write, and the file is only
//! ever replaced as a whole, by a rename, when it has grown to twice what is kept. What another
//! process appends in that very moment is lost, nothing else. A file that cannot be read or written
//! costs the history, never the chat.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use super::recall::{MAX_LINES, MAX_OCTETS, Recall};

/// The file; without one, nothing is kept.
#[derive(Debug)]
pub(super) struct History {
    path: Option<PathBuf>,
}

impl History {
    /// The file of this user: `zchat/history` in the directory for state (`XDG_STATE_HOME`), or for
    /// data where the system has none for state.
    pub(super) fn of_user() -> Self {
        let path = etcetera::choose_base_strategy().ok().map(|base| {
            let directory = base.state_dir().unwrap_or_else(|| base.data_dir());
            directory.join("zchat").join("history")
        });
        Self { path }
    }

    /// The file at this path.
    #[cfg(test)]
    fn at(path: PathBuf) -> Self {
        Self { path: Some(path) }
    }

    /// What is in the file, the oldest left out where it is more than is kept.
    pub(super) fn read(&self) -> Recall {
        let Some(path) = &self.path else {
            return Recall::default();
        };
        match read(path) {
            Ok(lines) => Recall::new(lines),
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    log::warn!("cannot read the history {}: {error}", path.display());
                }
                Recall::default()
            }
        }
    }

    /// Adds a line to the end of the file.
    pub(super) fn append(&mut self, line: &str) {
        let Some(path) = &self.path else { return };
        if let Err(error) = append(path, line) {
            log::warn!("cannot write the history {}: {error}", path.display());
            self.path = None;
        }
    }
}

fn read(path: &Path) -> io::Result<Vec<String>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let skipped = length.saturating_sub(MAX_FILE);
    file.seek(SeekFrom::Start(skipped))?;
    let mut octets = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut octets)?;
    let text = String::from_utf8_lossy(&octets);
    // The first line may be the rest of one that began before.
    let lines: Vec<&str> = text.lines().skip(usize::from(skipped > 0)).collect();
    let mut octets = 0;
    let few_enough = lines.len().saturating_sub(MAX_LINES);
    let small_enough = lines
        .iter()
        .rposition(|line| {
            octets += line.len() + 1;
            octets > MAX_OCTETS
        })
        .map_or(0, |last_left_out| last_left_out + 1);
    let (left_out, kept) = lines.split_at(few_enough.max(small_enough).min(lines.len()));
    if left_out.len() > MAX_LINES || length > 2 * MAX_OCTETS as u64 {
        replace(path, kept)?;
    }
    Ok(kept.iter().map(|line| unescape(line)).collect())
}

fn append(path: &Path, line: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut file = private(OpenOptions::new().append(true).create(true)).open(path)?;
    file.write_all(format!("{}\n", escape(line)).as_bytes())
}

fn replace(path: &Path, lines: &[&str]) -> io::Result<()> {
    let temporary = path.with_extension(format!("{}.new", std::process::id()));
    let mut text = lines.join("\n");
    text.push('\n');
    let written = private(OpenOptions::new().write(true).create(true).truncate(true))
        .open(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// What somebody has typed is for nobody else to read.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

fn escape(line: &str) -> String {
    line.replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\r', "")
}

fn unescape(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n') => text.push('\n'),
                Some(other) => text.push(other),
                None => text.push('\\'),
            },
            other => text.push(other),
        }
    }
    text
}

/// How much of a file is looked at, from its end.
const MAX_FILE: u64 = 4 * MAX_OCTETS as u64;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A directory of its own for each test, removed at its end.
    struct Directory(PathBuf);

    impl Directory {
        fn new() -> Self {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let number = NEXT.fetch_add(1, Ordering::SeqCst);
            let name = format!("zchat-history-{}-{number}", std::process::id());
            Self(std::env::temp_dir().join(name))
        }

        fn history(&self) -> History {
            History::at(self.0.join("zchat").join("history"))
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn all(history: &History) -> Vec<String> {
        let mut recall = history.read();
        let mut lines: Vec<String> = Vec::new();
        while let Some(line) = recall.older("") {
            lines.push(line.to_owned());
        }
        lines.reverse();
        lines
    }

    #[test]
    fn what_was_entered_is_there_in_the_next_run_newlines_and_backslashes_included() {
        let directory = Directory::new();
        let mut history = directory.history();
        assert_eq!(all(&history), Vec::<String>::new());
        let lines = ["hello", "two\nlines", "C:\\new\\n", "ünïcödé 💬"];
        for line in lines {
            history.append(line);
        }
        assert_eq!(all(&directory.history()), lines);
    }

    #[test]
    #[cfg(unix)]
    fn nobody_else_may_read_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let directory = Directory::new();
        let mut history = directory.history();
        history.append("psst");
        let path = history.path.unwrap();
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn the_file_is_cut_when_it_has_grown_to_twice_what_is_kept() {
        let directory = Directory::new();
        let mut history = directory.history();
        for number in 0..=2 * MAX_LINES {
            history.append(&number.to_string());
        }
        let lines = all(&history);
        assert_eq!(lines.len(), MAX_LINES);
        assert_eq!(lines[0], (MAX_LINES + 1).to_string());
        let text = fs::read_to_string(history.path.as_ref().unwrap()).unwrap();
        assert_eq!(text.lines().count(), MAX_LINES);
        assert_eq!(all(&history), lines);
    }

    #[test]
    fn several_that_append_at_a_time_lose_nothing() {
        let directory = Directory::new();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let mut history = directory.history();
                scope.spawn(move || {
                    for number in 0..100 {
                        history.append(&format!("{writer} {number}"));
                    }
                });
            }
        });
        let lines = all(&directory.history());
        assert_eq!(lines.len(), 400);
        for writer in 0..4 {
            let own = lines
                .iter()
                .filter(|line| line.starts_with(&format!("{writer} ")));
            let numbers: Vec<_> = own.map(|line| line[2..].parse::<u32>().unwrap()).collect();
            assert_eq!(numbers, (0..100).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_file_full_of_rubbish_costs_no_more_than_the_history() {
        let directory = Directory::new();
        let history = directory.history();
        let path = history.path.as_ref().unwrap();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, [0xff, b'\n', b'o', b'k', b'\n', b'\\']).unwrap();
        assert_eq!(all(&history), ["\u{fffd}", "ok", "\\"]);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_given_up_silently() {
        let mut history = History::at(PathBuf::from("/proc/zchat/history"));
        history.append("lost");
        assert_eq!(history.path, None);
        assert_eq!(all(&history), Vec::<String>::new());
    }
}
