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
pub(crate) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let widths = widths(rows);
    rows.iter().map(|cells| laid(cells, &widths)).collect()
}

/// A table with a head, no wider than this, if it can be. Where the head has room, so have the rows
/// below it, and what is left of those that have not stands below them, indented. Where it has none,
/// each row becomes a line with its first cell, and lines with the words of the others.
pub(crate) fn fitted(rows: &[Vec<String>], width: usize) -> Vec<String> {
    let widths = widths(rows);
    let head = rows.first().map(|head| laid(head, &widths));
    if head.is_some_and(|head| head.width() > width) {
        rows.iter().flat_map(|row| hung(row, width)).collect()
    } else {
        hanging(rows, &widths, width)
    }
}

/// The same for rows that have no head: none is folded because another one has to be.
pub(crate) fn pairs(rows: &[Vec<String>], width: usize) -> Vec<String> {
    hanging(rows, &widths(rows), width)
}

/// How wide the columns are.
fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    /// A cell wider than this does not move the others' columns.
    const WIDEST: usize = 32;
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let column = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widths = cells.map(|cell| cell.width());
        widths.filter(|width| *width <= WIDEST).max().unwrap_or(0)
    };
    (0..columns).map(column).collect()
}

/// Cells beside each other.
fn laid(cells: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        let padding = width.saturating_sub(cell.width()) + 2;
        text.push_str(cell);
        text.extend(std::iter::repeat_n(' ', padding));
    }
    text.truncate(text.trim_end().len());
    text
}

fn hanging(rows: &[Vec<String>], widths: &[usize], width: usize) -> Vec<String> {
    let fits = |cells: &[String]| laid(cells, widths).width() <= width;
    let mut lines = Vec::new();
    for row in rows {
        let room = (1..=row.len()).rev();
        let most = room
            .into_iter()
            .find(|count| row.get(..*count).is_some_and(fits));
        let (beside, below) = row.split_at(most.unwrap_or(1).min(row.len()));
        let mut first = vec![laid(beside, widths)];
        first.extend(below.iter().cloned());
        lines.extend(hung(&first, width));
    }
    lines
}

/// A line with the first cell, and lines below it, indented, with the words of the others.
fn hung(row: &[String], width: usize) -> Vec<String> {
    let mut others = row.iter();
    let mut lines: Vec<String> = others.next().cloned().into_iter().collect();
    let mut line = String::new();
    for cell in others {
        for (number, word) in cell.split(' ').filter(|word| !word.is_empty()).enumerate() {
            let gap = if number == 0 { "  " } else { " " };
            if !line.is_empty() && line.width() + gap.len() + word.width() > width {
                lines.push(std::mem::take(&mut line));
            }
            line.push_str(if line.is_empty() { "  " } else { gap });
            line.push_str(word);
        }
    }
    lines.extend(Some(line).filter(|line| !line.is_empty()));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_in_wide_scripts() {
        let rows = [["日本", "x"], ["bob", "y"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows), ["日本  x", "bob   y"]);
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

    #[test]
    fn what_is_left_of_one_long_row_stands_below_it_and_folds_no_other() {
        let rows = [
            ["name", "id", "since", ""],
            ["bob", "b0", "21:04", "(away: gone to lunch)"],
            ["carol", "ca", "21:05", "(away)"],
        ]
        .map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            fitted(&rows, 24),
            [
                "name   id  since",
                "bob    b0  21:04",
                "  (away: gone to lunch)",
                "carol  ca  21:05  (away)"
            ]
        );
        assert_eq!(
            pairs(&rows[1..], 12),
            [
                "bob    b0",
                "  21:04",
                "  (away:",
                "  gone to",
                "  lunch)",
                "carol  ca",
                "  21:05",
                "  (away)"
            ]
        );
    }
}
