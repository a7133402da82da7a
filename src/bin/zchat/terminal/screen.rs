//! The picture in the terminal, as a pure function: messages pass by above, one row of input stays
//! at the bottom. State, width and new lines go in, bytes for one write come out.
//!
//! The input takes one row, however long it is: it is scrolled sideways, is never as wide as the
//! screen and is drawn without automatic wrapping. So a terminal that measures a character otherwise
//! than we do can show the cursor beside its place, but never touches the rows above.
//!
//! Rows are erased one by one, from below: erasing "to the end of the screen" pushes what is there
//! into the scrollback of some terminals, where it stays as a ghost of the prompt.
//!
//! tmux tells a program of another width up to half a second late, and then maybe of one that is over.
//! There the start of the row is found without a width: a backspace goes on to the row above where
//! tmux has broken the row, and nowhere else.

use std::fmt::Write as _;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::wrap::Text;

/// The row of input, as it shall be seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// What stands before the input. Plain text.
    pub(super) prompt: String,
    /// The input.
    pub(super) line: String,
    /// Where the cursor is in it, in octets.
    pub(super) cursor: usize,
    /// What stands behind the input as far as there is room, as a hint.
    pub(super) hint: String,
}

/// What a terminal does with its rows when its width changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resize {
    /// It cuts them.
    Cuts,
    /// It breaks them anew, and tells the width first.
    Reflows,
    /// It breaks them anew, and tells the width later, as tmux does.
    ReflowsAhead,
}

/// What is on the screen now, as far as it has to be known to change it.
#[derive(Debug)]
pub(super) struct Screen {
    /// How wide each character of the row is that was drawn, and before which one the cursor stands.
    /// `None` while the cursor is at the start of an empty row.
    drawn: Option<(Vec<usize>, usize)>,
    /// What was drawn last, to draw nothing where nothing has changed.
    last: Option<(Row, u16)>,
    /// The first column of the input that is visible.
    scrolled: usize,
    /// The columns that there were for the input.
    room: usize,
    resize: Resize,
    /// Whether colours and other attributes may be used.
    styled: bool,
}

impl Screen {
    /// A screen whose cursor is at the start of an empty row.
    pub(super) fn new(resize: Resize, styled: bool) -> Self {
        Self {
            drawn: None,
            last: None,
            scrolled: 0,
            room: 0,
            resize,
            styled,
        }
    }

    /// The bytes that put `lines` above the row and draw the row. Nothing if nothing has changed.
    ///
    /// The lines are broken into rows at their words.
    pub(super) fn draw(&mut self, columns: u16, lines: &[Text], row: &Row) -> String {
        let unchanged = self
            .last
            .as_ref()
            .is_some_and(|(last, width)| last == row && *width == columns);
        if unchanged && lines.is_empty() {
            return String::new();
        }
        let mut out = String::from(BEGIN);
        self.erase_into(&mut out, columns);
        for line in lines {
            if line.is_clear() {
                out.push_str(CLEAR);
                continue;
            }
            line.rows_into(&mut out, columns.into());
            out.push_str("\r\n");
        }
        out.push_str(WRAP_OFF);
        self.draw_row(&mut out, columns, row);
        out.push_str(END);
        self.last = Some((row.clone(), columns));
        out
    }

    /// The bytes that take the row away and leave the cursor at the start of an empty one.
    pub(super) fn erase(&mut self, columns: u16) -> String {
        let mut out = String::from(BEGIN);
        self.erase_into(&mut out, columns);
        out.push_str(END);
        self.last = None;
        out
    }

    /// Draws anew next time, also if nothing has changed: the terminal has been at the row.
    pub(super) fn touch(&mut self) {
        self.last = None;
    }

    /// Forgets what is on the screen: somebody else has written to it.
    pub(super) fn forget(&mut self) {
        self.drawn = None;
        self.last = None;
    }

    fn erase_into(&mut self, out: &mut String, columns: u16) {
        let drawn = self.drawn.take();
        let (mut last, mut current) = (0, 0);
        match (drawn, self.resize) {
            (Some((widths, cursor)), Resize::ReflowsAhead) => {
                let before = widths.get(..cursor).unwrap_or(&widths);
                let to_start = "\x08".repeat(backspaces(before));
                out.push_str(&to_start);
                out.push_str(ERASE_ROW);
                out.push_str(ERASE_BELOW);
            }
            (Some((widths, cursor)), Resize::Reflows) => {
                (last, current) = rows(&widths, cursor, usize::from(columns));
            }
            (Some(_), Resize::Cuts) | (None, _) => {}
        }
        out.push('\r');
        if last > current {
            let _ = write!(out, "\x1b[{}B", last - current);
        }
        out.push_str(ERASE_ROW);
        for _ in 0..last {
            out.push_str("\x1b[1A");
            out.push_str(ERASE_ROW);
        }
    }

    fn draw_row(&mut self, out: &mut String, columns: u16, row: &Row) {
        let room = usize::from(columns).saturating_sub(1).max(1);
        let mut pen = Pen::new(self.styled);
        let prompt = cut_prompt(&row.prompt, room / 2);
        pen.text(PROMPT, &prompt);
        let room = room - prompt.width();
        let cells = cells(&row.line);
        let before: usize = cells
            .iter()
            .filter(|cell| cell.octet < row.cursor)
            .map(|cell| cell.width)
            .sum();
        let total: usize = cells.iter().map(|cell| cell.width).sum();
        self.scroll(before, total, room);
        let cursor = pen.line(&cells, self.scrolled, room, row.cursor);
        let used: usize = pen.widths.iter().sum::<usize>() - prompt.width();
        if self.scrolled == 0 && used < room && !row.hint.is_empty() {
            let hint = if self.styled {
                row.hint.clone()
            } else {
                // Nothing else would tell it from what is typed.
                let text = row.hint.trim_start();
                let gap = " ".repeat(row.hint.len() - text.len());
                format!("{gap}({text})")
            };
            pen.text(HINT, &cut(&hint, room - used));
        }
        out.push_str(&pen.out);
        let column: usize = pen.widths.iter().take(cursor).sum::<usize>() + 1;
        let _ = write!(out, "\x1b[{column}G");
        self.drawn = Some((pen.widths, cursor));
    }

    /// Moves the visible part only where the cursor would leave it, and then by a good piece: a line
    /// that shifts with every key is hard to read. More room shows as much more as it can.
    fn scroll(&mut self, cursor: usize, total: usize, room: usize) {
        if room > self.room {
            self.scrolled = self.scrolled.min((total + 2).saturating_sub(room));
        }
        self.room = room;
        if total < room {
            self.scrolled = 0;
        } else if cursor <= self.scrolled {
            self.scrolled = cursor.saturating_sub(room / 3 + 1);
        } else if cursor >= self.scrolled + room.saturating_sub(1) {
            self.scrolled = cursor.saturating_sub((room * 2 / 3).min(room - 1));
        }
    }
}

/// Draws a row, and keeps account of the cells that it takes.
struct Pen {
    out: String,
    widths: Vec<usize>,
    styled: bool,
}

impl Pen {
    const fn new(styled: bool) -> Self {
        Self {
            out: String::new(),
            widths: Vec::new(),
            styled,
        }
    }

    fn text(&mut self, style: &str, text: &str) {
        let styled = self.styled && !text.is_empty();
        if styled {
            self.out.push_str(style);
        }
        for grapheme in text.graphemes(true) {
            self.cell(grapheme, grapheme.width());
        }
        if styled {
            self.out.push_str(PLAIN);
        }
    }

    fn cell(&mut self, text: &str, width: usize) {
        self.out.push_str(text);
        self.widths.push(width);
    }

    /// Draws the columns of the input from `from` on that have room, with a mark at either end where
    /// some are left out. Returns before which cell the cursor is.
    fn line(&mut self, cells: &[Cell<'_>], from: usize, room: usize, cursor: usize) -> usize {
        let total: usize = cells.iter().map(|cell| cell.width).sum();
        let more = total - from.min(total) >= room;
        let until = from + if more { room - 1 } else { room };
        let mut at = None;
        let mut column = 0;
        for cell in cells {
            let start = column;
            column += cell.width;
            if at.is_none() && cell.octet >= cursor {
                at = Some(self.widths.len());
            }
            if column <= from {
                continue;
            }
            if from > 0 && start <= from {
                self.text(HINT, "<");
                (from + 1..column).for_each(|_| self.cell(" ", 1));
            } else if column <= until {
                self.cell(&cell.text, cell.width);
            } else {
                break;
            }
        }
        let at = at.unwrap_or(self.widths.len());
        if more {
            self.text(HINT, ">");
        }
        at
    }
}

/// One visible character of the input.
struct Cell<'a> {
    octet: usize,
    text: std::borrow::Cow<'a, str>,
    width: usize,
}

fn cells(line: &str) -> Vec<Cell<'_>> {
    line.grapheme_indices(true)
        .map(|(octet, grapheme)| {
            let text = visible(grapheme);
            let width = text.width();
            Cell { octet, text, width }
        })
        .collect()
}

/// How a character of the input is shown: those that would move the cursor or reorder the row, by a
/// sign in their place.
fn visible(grapheme: &str) -> std::borrow::Cow<'_, str> {
    if !grapheme.chars().any(moves) {
        return grapheme.into();
    }
    grapheme
        .chars()
        .map(|character| match character {
            '\n' => '↵',
            '\t' => '⇥',
            character if moves(character) => '·',
            character => character,
        })
        .collect::<String>()
        .into()
}

/// Whether a character has an effect on others: control characters, line separators, and those that
/// set the direction of writing.
fn moves(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{feff}'
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// As much of a prompt as fits into `room` columns, with its end: what is typed stands apart from it.
fn cut_prompt(prompt: &str, room: usize) -> String {
    let (name, end) = prompt.split_at(prompt.trim_end_matches([' ', ']', ')']).len());
    if prompt.width() <= room || room < NARROW {
        return cut(prompt, room);
    }
    cut(name, room - end.width()) + end
}

/// As much of a text as fits into `room` columns, with a sign where something is left out.
fn cut(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut width = 0;
    for grapheme in text.graphemes(true) {
        width += grapheme.width();
        if width >= room {
            break;
        }
        kept.push_str(grapheme);
    }
    if room > 0 {
        kept.push('…');
    }
    kept
}

/// The number of the last row, and of the one with the cursor, when cells of these widths are broken
/// into rows of `columns`.
fn rows(widths: &[usize], cursor: usize, columns: usize) -> (usize, usize) {
    let (mut row, mut column, mut with_cursor) = (0, 0, 0);
    for (index, width) in widths.iter().enumerate() {
        if column + width > columns {
            row += 1;
            column = 0;
        }
        if index == cursor {
            with_cursor = row;
        }
        column += width;
    }
    if cursor >= widths.len() {
        // Behind a full row the cursor waits at its end, in tmux at least. Where it goes on to the
        // next one, a row stays as a ghost: better than to take one of the messages.
        with_cursor = row;
    }
    (row, with_cursor)
}

/// How many backspaces lead to the start of a row from behind cells of these widths, whatever width
/// the terminal has by now: those that find no broken row above do nothing. A wide character that had
/// no room at the end of a row has left a gap there, and others may measure it wider than we do.
fn backspaces(before: &[usize]) -> usize {
    let of_cell = |width: &usize| if *width == 1 { 1 } else { width + 2 };
    before.iter().map(of_cell).sum()
}

/// With fewer columns for the prompt than these, all of them are for its beginning.
const NARROW: usize = 12;

/// Draw all at once, where the terminal can (mode 2026), and without a dancing cursor.
const BEGIN: &str = "\x1b[?2026h\x1b[?25l";
const WRAP_OFF: &str = "\x1b[?7l";
const END: &str = "\x1b[?7h\x1b[?25h\x1b[?2026l";
/// Clears the screen; what is on it goes into the scrollback where there is one. The row goes to the
/// bottom: in the first rows, above empty ones, tmux would push a part of it into its scrollback when
/// the window gets narrower, where nobody can erase it.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[9999B";
const ERASE_ROW: &str = "\x1b[2K";
/// All rows below, and this one but for its first cell: from the top left one, tmux would push the
/// screen into its scrollback.
const ERASE_BELOW: &str = "\x1b[2G\x1b[J";
const PROMPT: &str = "\x1b[1m";
const HINT: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[m";

#[cfg(test)]
mod tests;
