//! Figures of several runs, and the table that shows them.

use std::fmt::Write as _;

/// Whose figure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Zchat,
    /// The program docs/examples/raw.rs: ZeroMQ and nothing else.
    Raw,
    Pyre,
}

/// What was measured, in the order in which it came first.
#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<Row>);

#[derive(Debug)]
struct Row {
    what: String,
    zchat: Vec<f64>,
    raw: Vec<f64>,
    pyre: Vec<f64>,
}

impl Figures {
    /// Adds the figure of one run.
    pub(crate) fn add(&mut self, of: Of, what: &str, figure: f64) {
        eprintln!("bench:   {what}: {} ({of:?})", short(figure));
        let index = match self.0.iter().position(|row| row.what == what) {
            Some(index) => index,
            None => {
                self.0.push(Row {
                    what: what.to_owned(),
                    zchat: Vec::new(),
                    raw: Vec::new(),
                    pyre: Vec::new(),
                });
                self.0.len() - 1
            }
        };
        let row = &mut self.0[index];
        match of {
            Of::Zchat => row.zchat.push(figure),
            Of::Raw => row.raw.push(figure),
            Of::Pyre => row.pyre.push(figure),
        }
    }

    /// Everything so far as a table in Markdown; begins anew.
    pub(crate) fn take_table(&mut self) -> String {
        let mut table = String::from(
            "| measured | zchat | raw ZeroMQ | zchat / raw | Pyre |\n| --- | --- | --- | --- | --- |\n",
        );
        for row in std::mem::take(&mut self.0) {
            // Runs belong together in pairs: what disturbed one has most likely disturbed the other.
            let ratios: Vec<f64> = (row.zchat.iter().zip(&row.raw))
                .map(|(zchat, raw)| zchat / raw)
                .collect();
            writeln!(
                table,
                "| {} | {} | {} | {} | {} |",
                row.what,
                cell(&row.zchat),
                cell(&row.raw),
                cell(&ratios),
                cell(&row.pyre)
            )
            .expect("a string takes everything");
        }
        table
    }
}

/// The median, with the least and the greatest.
fn cell(figures: &[f64]) -> String {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (Some(least), Some(greatest)) = (sorted.first(), sorted.last()) else {
        return "–".to_owned();
    };
    let middle = sorted.len() / 2;
    let median = if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    } else {
        sorted[middle]
    };
    if sorted.len() == 1 {
        return short(median);
    }
    format!("{} ({}–{})", short(median), short(*least), short(*greatest))
}

/// A number to be read: three digits that matter, thousands set apart.
fn short(number: f64) -> String {
    if number.is_infinite() {
        return "never".to_owned();
    }
    if number.abs() >= 1_000.0 {
        let digits = format!("{:.0}", number.abs());
        let mut grouped = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        return grouped;
    }
    let decimals = match number.abs() {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    format!("{number:.decimals$}")
}
