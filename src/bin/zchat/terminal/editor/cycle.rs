//! What stands behind the line while it is completed: the candidates for Tab, and what a command is to
//! be given. What the candidates are is the chat's business.

use zchat::chat::{COMMANDS, CommandInfo, Completion};

/// A completion that goes on with the next Tab.
#[derive(Debug)]
pub(super) struct Cycle {
    pub(super) completion: Completion,
    pub(super) chosen: Option<usize>,
}

impl Cycle {
    /// The next candidate, or the one before.
    pub(super) fn step(&mut self, backwards: bool) -> String {
        let count = self.completion.candidates.len();
        let next = match (self.chosen, backwards) {
            (None, false) => 0,
            (None, true) => count - 1,
            (Some(at), false) => (at + 1) % count,
            (Some(at), true) => (at + count - 1) % count,
        };
        self.chosen = Some(next);
        self.completion
            .candidates
            .get(next)
            .cloned()
            .unwrap_or_default()
    }

    /// The candidates, the chosen one first.
    pub(super) fn hint(&self) -> String {
        let first = self.chosen.unwrap_or(0);
        let candidates = &self.completion.candidates;
        let (before, after) = candidates.split_at(first.min(candidates.len()));
        after
            .iter()
            .chain(before)
            .map(|candidate| format!("  {}", candidate.trim_end()))
            .collect()
    }
}

/// What a command that has just been typed is to be given.
pub(super) fn usage(line: &str) -> Option<String> {
    let name = line.strip_suffix(' ').unwrap_or(line);
    let is_it = |info: &&CommandInfo| info.name == name || info.also.contains(&name);
    let usage = COMMANDS.iter().find(is_it)?.usage;
    let (_, arguments) = usage.split_once(' ')?;
    let gap = if line.ends_with(' ') { "" } else { " " };
    Some(format!("{gap}{arguments}"))
}

/// As far as all agree.
pub(super) fn agreed(candidates: &[String]) -> Option<String> {
    let (first, rest) = candidates.split_first()?;
    let mut shared = first.as_str();
    for candidate in rest {
        let same: usize = shared
            .chars()
            .zip(candidate.chars())
            .take_while(|(one, other)| one == other)
            .map(|(one, _)| one.len_utf8())
            .sum();
        shared = shared.get(..same).unwrap_or_default();
    }
    Some(shared.to_owned())
}
