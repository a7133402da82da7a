//! Lists of names and tables of columns, as text; what is put in must be safe to show already.

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

/// How many groups and names a list tells before it only counts.
const TOLD: usize = 12;

/// The first of the names, and how many more there are.
pub(crate) fn few<T: AsRef<str>>(
    names: impl Iterator<Item = T>,
    between: &str,
    count: usize,
) -> String {
    let mut text = String::new();
    for (number, name) in names.take(TOLD).enumerate() {
        if number > 0 {
            text.push_str(between);
        }
        text.push_str(name.as_ref());
    }
    if count > TOLD {
        let _ = write!(text, " and {} more", count - TOLD);
    }
    text
}

/// Rows whose columns stand below each other.
pub(crate) fn table(rows: Vec<Vec<String>>) -> Vec<String> {
    /// A cell wider than this does not move the others' columns.
    const WIDEST: usize = 32;
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| cell.width())
                .filter(|width| *width <= WIDEST)
                .max()
                .unwrap_or(0)
        })
        .collect();
    let row = |cells: Vec<String>| {
        let mut text = String::new();
        for (cell, width) in cells.iter().zip(&widths) {
            let padding = width.saturating_sub(cell.width()) + 2;
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', padding));
        }
        text.truncate(text.trim_end().len());
        text
    };
    rows.into_iter().map(row).collect()
}

/// A table that is no wider than this, if it can be: where it is, each row becomes a line with its
/// first cell, and lines below it, indented, with the words of the others.
pub(crate) fn fitted(rows: &[Vec<String>], width: usize) -> Vec<String> {
    let lines = table(rows.to_vec());
    if lines.iter().all(|line| line.width() <= width) {
        return lines;
    }
    let mut folded = Vec::new();
    for row in rows {
        let mut cells = row.iter();
        folded.extend(cells.next().cloned());
        let mut line = String::new();
        for cell in cells {
            for (number, word) in cell.split(' ').filter(|word| !word.is_empty()).enumerate() {
                let gap = if number == 0 { "  " } else { " " };
                if !line.is_empty() && line.width() + gap.len() + word.width() > width {
                    folded.push(std::mem::take(&mut line));
                }
                line.push_str(if line.is_empty() { "  " } else { gap });
                line.push_str(word);
            }
        }
        folded.extend(Some(line).filter(|line| !line.is_empty()));
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_in_wide_scripts() {
        let rows = [["日本", "x"], ["bob", "y"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(rows.to_vec()), ["日本  x", "bob   y"]);
    }

    #[test]
    fn a_table_that_is_too_wide_is_folded_at_words() {
        let row = ["bob", "10.0.0.5:49152", "CHAT DEV", "21:04:05"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(
            fitted(std::slice::from_ref(&row), 40),
            ["bob  10.0.0.5:49152  CHAT DEV  21:04:05"]
        );
        assert_eq!(
            fitted(&[row], 24),
            ["bob", "  10.0.0.5:49152  CHAT", "  DEV  21:04:05"]
        );
    }
}
