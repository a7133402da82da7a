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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_in_wide_scripts() {
        let rows = [["日本", "x"], ["bob", "y"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(rows.to_vec()), ["日本  x", "bob   y"]);
    }
}
