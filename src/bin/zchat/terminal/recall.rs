//! The lines that were entered, to be had again: by the arrow keys and by searching. Pure; the file
//! they are kept in is `history`'s affair.

use std::collections::VecDeque;

/// How many lines are kept. Nobody walks further back; searching reaches them all.
pub(super) const MAX_LINES: usize = 1_000;

/// How many octets they may have in all: one line may have 64 KiB.
pub(super) const MAX_OCTETS: usize = 1 << 20;

/// The entered lines, oldest first, and where the user is in them.
#[derive(Debug, Default)]
pub(super) struct Recall {
    lines: VecDeque<String>,
    octets: usize,
    /// Which line is shown; `None` for the one being typed.
    at: Option<usize>,
    /// What was being typed before the walk began.
    draft: String,
}

impl Recall {
    /// What was entered in earlier runs, oldest first.
    pub(super) fn new(lines: impl IntoIterator<Item = String>) -> Self {
        let mut recall = Self::default();
        for line in lines {
            recall.add(&line);
        }
        recall
    }

    /// Adds a line, and ends the walk. Blank lines and the same line again are not kept. Returns
    /// whether it was.
    pub(super) fn add(&mut self, line: &str) -> bool {
        self.rest();
        if line.trim().is_empty() || self.lines.back().is_some_and(|last| last == line) {
            return false;
        }
        self.octets += line.len();
        self.lines.push_back(line.to_owned());
        while self.lines.len() > MAX_LINES || self.octets > MAX_OCTETS {
            match self.lines.pop_front() {
                Some(dropped) => self.octets -= dropped.len(),
                None => break,
            }
        }
        true
    }

    /// The line before the one that is shown. `typed` is kept to come back to.
    pub(super) fn older(&mut self, typed: &str) -> Option<&str> {
        let at = match self.at {
            None if self.lines.is_empty() => return None,
            None => {
                typed.clone_into(&mut self.draft);
                self.lines.len() - 1
            }
            Some(0) => return None,
            Some(at) => at - 1,
        };
        self.at = Some(at);
        self.lines.get(at).map(String::as_str)
    }

    /// The line after the one that is shown, at last what was being typed.
    pub(super) fn newer(&mut self) -> Option<&str> {
        let at = self.at? + 1;
        if at < self.lines.len() {
            self.at = Some(at);
            self.lines.get(at).map(String::as_str)
        } else {
            self.at = None;
            Some(&self.draft)
        }
    }

    /// Ends the walk: what is shown now is being typed.
    pub(super) fn rest(&mut self) {
        self.at = None;
        self.draft.clear();
    }

    /// The youngest line before number `before` that contains `text`, and its number.
    pub(super) fn find(&self, text: &str, before: usize) -> Option<(usize, &str)> {
        let older = before.min(self.lines.len());
        self.lines
            .range(..older)
            .enumerate()
            .rev()
            .find(|(_, line)| line.contains(text))
            .map(|(number, line)| (number, line.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recall() -> Recall {
        Recall::new(["one", "two", "three"].map(str::to_owned))
    }

    #[test]
    fn walking_up_and_down_comes_back_to_what_was_being_typed() {
        let mut recall = recall();
        assert_eq!(recall.older("draft"), Some("three"));
        assert_eq!(recall.older("three"), Some("two"));
        assert_eq!(recall.older("two"), Some("one"));
        assert_eq!(recall.older("one"), None);
        assert_eq!(recall.newer(), Some("two"));
        assert_eq!(recall.newer(), Some("three"));
        assert_eq!(recall.newer(), Some("draft"));
        assert_eq!(recall.newer(), None);
    }

    #[test]
    fn blank_lines_and_repetitions_are_not_kept() {
        let mut recall = recall();
        assert!(!recall.add("three"));
        assert!(!recall.add("  "));
        assert!(recall.add("two"));
        assert_eq!(recall.older(""), Some("two"));
    }

    #[test]
    fn searching_finds_the_youngest_first_and_then_older_ones() {
        let recall = recall();
        assert_eq!(recall.find("o", usize::MAX), Some((1, "two")));
        assert_eq!(recall.find("o", 1), Some((0, "one")));
        assert_eq!(recall.find("o", 0), None);
        assert_eq!(recall.find("x", usize::MAX), None);
    }

    #[test]
    fn the_number_of_lines_and_their_octets_are_bounded() {
        let mut recall = Recall::default();
        for number in 0..2 * MAX_LINES {
            recall.add(&number.to_string());
        }
        assert_eq!(recall.lines.len(), MAX_LINES);
        assert_eq!(recall.lines[0], MAX_LINES.to_string());
        for number in 0..40 {
            recall.add(&format!("{number}{}", "x".repeat(64 << 10)));
        }
        assert!(recall.octets <= MAX_OCTETS);
        assert!(recall.lines.len() > 10);
    }
}
