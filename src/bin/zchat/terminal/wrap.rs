//! Lines broken into rows at their words, as a pure function of the line and the width.
//!
//! The rows that follow the first are indented, so nothing in them can be taken for another line. A
//! word that no row has room for, as an address of the web, is left to the terminal to break: it can
//! be copied whole then, since terminals know where they have broken a row themselves. Rows that are
//! on the screen already are not broken anew when the width changes, for nobody knows where they are
//! by then; Ctrl-L draws them anew.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// A line to be shown. It is safe to be written to a terminal: it has no control characters but
/// attributes that it also switches off, a bell at its end, and line feeds where a row is to end
/// whatever the width is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    /// The line, with its colours.
    pub(crate) painted: String,
    /// In which column the rows that follow the first begin, where the screen is wide enough.
    pub(crate) indent: usize,
}

impl From<String> for Text {
    fn from(painted: String) -> Self {
        Self {
            painted,
            indent: LEAST,
        }
    }
}

impl From<&str> for Text {
    fn from(painted: &str) -> Self {
        Self::from(painted.to_owned())
    }
}

impl Text {
    /// What stands for clearing the screen, in the place of a line.
    pub(crate) fn clear() -> Self {
        Self::from(CLEAR)
    }

    /// Whether it stands for that.
    pub(super) fn is_clear(&self) -> bool {
        self.painted == CLEAR
    }

    /// How many rows it takes on a screen of so many columns.
    pub(super) fn height(&self, columns: usize) -> usize {
        let mut out = String::new();
        self.rows_into(&mut out, columns);
        let height = |row: &str| {
            let widths = units(row).map(|unit| match unit {
                Unit::Blank(text) | Unit::Glyph(text) => text.width(),
                Unit::End | Unit::Mark(_) => 0,
            });
            widths.sum::<usize>().div_ceil(columns.max(1)).max(1)
        };
        out.split("\r\n").map(height).sum()
    }

    /// Appends the rows of this line on a screen of so many columns, without the end of the last.
    pub(super) fn rows_into(&self, out: &mut String, columns: usize) {
        let is_short = self.painted.len() <= columns && !self.painted.contains('\n');
        if is_short {
            out.push_str(&self.painted);
            return;
        }
        let columns = columns.max(1);
        let mut rows = Rows {
            out,
            columns,
            indent: indent(self.indent, columns),
            first: self.indent,
            column: 0,
            begun: false,
            style: String::new(),
        };
        let mut blanks = String::new();
        let mut word = Word::default();
        for unit in units(&self.painted) {
            match unit {
                Unit::Blank(text) => {
                    if !word.parts.is_empty() {
                        rows.word(&mut blanks, &mut word);
                    }
                    blanks.push_str(text);
                }
                Unit::End => {
                    rows.word(&mut blanks, &mut word);
                    blanks.clear();
                    rows.end();
                }
                Unit::Mark(text) => word.parts.push((text, 0)),
                Unit::Glyph(text) => word.parts.push((text, text.width())),
            }
        }
        rows.word(&mut blanks, &mut word);
    }
}

/// In which column rows begin: under the text, unless that leaves too little room for it.
const fn indent(wanted: usize, columns: usize) -> usize {
    if wanted * 5 <= columns * 2 {
        wanted
    } else if columns / 5 < NARROW {
        columns / 5
    } else {
        NARROW
    }
}

/// A part of a line.
enum Unit<'a> {
    /// What looks like a blank.
    Blank(&'a str),
    /// The row ends here.
    End,
    /// What has no width: an attribute, a bell.
    Mark(&'a str),
    /// What a reader sees as one character.
    Glyph(&'a str),
}

/// The parts of a line. Only attributes begin with an escape.
fn units(painted: &str) -> impl Iterator<Item = Unit<'_>> {
    painted.split_inclusive('m').flat_map(|piece| {
        let (text, mark) = piece.split_at(piece.find('\x1b').unwrap_or(piece.len()));
        let glyphs = text.graphemes(true).map(|grapheme| match grapheme {
            "\n" => Unit::End,
            _ if grapheme.chars().all(is_blank) => Unit::Blank(grapheme),
            _ if grapheme.chars().any(char::is_control) => Unit::Mark(grapheme),
            _ => Unit::Glyph(grapheme),
        });
        let mark = Some(mark).filter(|mark| !mark.is_empty());
        glyphs.chain(mark.map(Unit::Mark))
    })
}

/// Whether a character is seen as a gap: a row may end there, so that none can begin with a text of
/// several words.
fn is_blank(character: char) -> bool {
    character.is_whitespace() && character != '\n'
        || matches!(character, '\u{2800}' | '\u{3164}' | '\u{ffa0}')
}

/// What stands between two blanks, with its attributes.
#[derive(Default)]
struct Word<'a> {
    /// Each with its width.
    parts: Vec<(&'a str, usize)>,
}

impl<'a> Word<'a> {
    /// The pieces that need not stay together: scripts that are written without blanks are broken
    /// between any two characters, but for punctuation; an address never is.
    fn pieces(&self) -> Vec<&[(&'a str, usize)]> {
        let glyphs = || self.parts.iter().filter(|(_, width)| *width > 0);
        let is_wide = glyphs().any(|(_, width)| *width > 1);
        if !is_wide || self.is_address() {
            return vec![&self.parts];
        }
        let mut pieces = Vec::new();
        let (mut start, mut last) = (0, None);
        for (at, (text, width)) in self.parts.iter().enumerate() {
            if *width == 0 {
                continue;
            }
            if let Some((before, wide)) = last.replace((*text, *width > 1))
                && (wide || *width > 1)
                && !BEGINS.contains(before)
                && !ENDS.contains(*text)
            {
                pieces.extend(self.parts.get(start..at));
                start = at;
            }
        }
        pieces.extend(self.parts.get(start..));
        pieces
    }

    fn is_address(&self) -> bool {
        let text: String = self.parts.iter().map(|(text, _)| *text).collect();
        text.contains("://")
    }
}

/// Rows as they are written.
struct Rows<'a> {
    out: &'a mut String,
    columns: usize,
    indent: usize,
    /// Where the first word of the text is.
    first: usize,
    column: usize,
    /// Whether the row has more than its indent.
    begun: bool,
    /// The attributes that are on.
    style: String,
}

impl Rows<'_> {
    /// Writes a word, and the blanks before it if they are in the same row.
    fn word(&mut self, blanks: &mut String, word: &mut Word<'_>) {
        for piece in word.pieces() {
            self.piece(blanks, piece);
            blanks.clear();
        }
        word.parts.clear();
    }

    fn piece(&mut self, blanks: &str, piece: &[(&str, usize)]) {
        let width: usize = piece.iter().map(|(_, width)| width).sum();
        let gap = blanks.width();
        let fits = self.column + gap + width <= self.columns;
        // What no row has room for is broken in any case, and needs no row of its own for that.
        let is_first = self.column + gap <= self.first && self.first < self.columns;
        let never_fits = self.indent + width > self.columns;
        if width == 0 || fits || never_fits && (is_first || !self.begun) {
            self.gap(blanks, self.columns);
        } else if self.begun {
            self.end();
        } else {
            // Another row had no more room than this one: the word comes before the blanks.
            self.gap(blanks, self.columns.saturating_sub(width));
        }
        for (text, width) in piece {
            self.part(text, *width);
        }
        self.begun |= width > 0;
    }

    /// Writes blanks, as far as they have room up to a column.
    fn gap(&mut self, blanks: &str, end: usize) {
        for blank in blanks.graphemes(true) {
            let width = blank.width();
            if self.column + width <= end {
                self.out.push_str(blank);
                self.column += width;
            }
        }
    }

    fn part(&mut self, text: &str, width: usize) {
        self.out.push_str(text);
        if self.column + width > self.columns {
            // The terminal itself goes on in the next row.
            self.column = 0;
        }
        self.column += width;
        if text == PLAIN {
            self.style.clear();
        } else if text.starts_with('\x1b') {
            self.style.push_str(text);
        }
    }

    /// Ends the row, and begins the next.
    fn end(&mut self) {
        if !self.style.is_empty() {
            self.out.push_str(PLAIN);
        }
        self.out.push_str("\r\n");
        self.out.extend(std::iter::repeat_n(' ', self.indent));
        self.out.push_str(&self.style);
        self.column = self.indent;
        self.begun = false;
    }
}

/// In which column rows begin at least: a line never begins with a blank.
const LEAST: usize = 2;

/// In which column they begin where there is no room under the text: behind the time of day.
const NARROW: usize = 8;

/// A form feed: no line has one.
const CLEAR: &str = "\x0c";

const PLAIN: &str = "\x1b[m";

/// What no row begins with.
const ENDS: &str =
    "、。，．！？：；）」』】〉》〕｝…ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ.,:;!?)]}\"'%";

/// What no row ends with.
const BEGINS: &str = "（「『【〈《〔｛([{";

#[cfg(test)]
mod tests;
