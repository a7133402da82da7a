//! The lines that were shown last, to be shown once more in another width.

use std::collections::VecDeque;

use super::wrap::Text;

/// How many lines are kept: more than any screen has rows.
const LINES: usize = 500;

/// How many octets they may have in all; the last one is always kept.
const OCTETS: usize = 1 << 20;

/// The lines that were shown last.
#[derive(Debug, Default)]
pub(super) struct Latest {
    lines: VecDeque<Text>,
    octets: usize,
}

impl Latest {
    /// These were shown. What stands for clearing the screen forgets all before it.
    pub(super) fn extend(&mut self, lines: impl IntoIterator<Item = Text>) {
        for line in lines {
            if line.is_clear() {
                *self = Self::default();
                continue;
            }
            self.octets += line.painted.len();
            self.lines.push_back(line);
            while self.lines.len() > LINES || (self.octets > OCTETS && self.lines.len() > 1) {
                let oldest = self.lines.pop_front();
                self.octets -= oldest.map_or(0, |oldest| oldest.painted.len());
            }
        }
    }

    /// As many of the last as have room in so many rows, without bells.
    pub(super) fn fitting(&self, columns: usize, rows: usize) -> Vec<Text> {
        let mut room = rows;
        let mut fitting = Vec::new();
        for line in self.lines.iter().rev() {
            let height = line.height(columns);
            if height > room {
                break;
            }
            room -= height;
            let mut line = line.clone();
            line.painted = line.painted.replace('\x07', "");
            fitting.push(line);
        }
        fitting.reverse();
        fitting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Latest {
        let mut latest = Latest::default();
        latest.extend(lines.iter().map(|line| Text::from(*line)));
        latest
    }

    fn shown(latest: &Latest, columns: usize, rows: usize) -> Vec<String> {
        let fitting = latest.fitting(columns, rows);
        fitting.into_iter().map(|line| line.painted).collect()
    }

    #[test]
    fn as_many_lines_as_have_room_are_shown_again() {
        let latest = of(&["one", "two words", "three\x07", "漢字漢字漢字"]);
        assert_eq!(
            shown(&latest, 80, 3),
            ["two words", "three", "漢字漢字漢字"]
        );
        assert_eq!(shown(&latest, 8, 3), ["three", "漢字漢字漢字"]);
        assert_eq!(shown(&latest, 8, 1), Vec::<String>::new());
        let address = format!("https://{}", "x".repeat(25));
        assert_eq!(of(&[&address]).fitting(10, 3).len(), 0);
        assert_eq!(of(&[&address]).fitting(10, 4).len(), 1);
    }

    #[test]
    fn a_cleared_screen_is_not_filled_again() {
        let mut latest = of(&["one"]);
        latest.extend([Text::clear(), "two".into()]);
        assert_eq!(shown(&latest, 80, 24), ["two"]);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut latest = of(&["x"; 2 * LINES]);
        assert_eq!(latest.lines.len(), LINES);
        latest.extend([Text::from("y".repeat(2 * OCTETS))]);
        assert_eq!((latest.lines.len(), latest.octets), (1, 2 * OCTETS));
    }
}
