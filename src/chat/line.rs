//! A line of the screen: text that is safe to write to a terminal, and what its parts are.
//!
//! Colours and widths are the terminal's business; here is only what a part means.

use std::ops::Range;

use super::Stamp;

/// One line to show. Its text holds no control character, no escape sequence and nothing that reorders
/// text, whatever was received.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// What kind of line it is.
    pub kind: LineKind,
    /// When what it tells happened.
    pub time: Stamp,
    /// The text, without a line end.
    pub text: String,
    /// What parts of the text are; in order, not overlapping, on character boundaries.
    pub spans: Vec<Span>,
    /// Where what it tells begins, behind the time and who says it to whom, in octets of the text: a
    /// screen that breaks the line may go on below that.
    pub body: usize,
    /// Whether somebody else named this user in it: a terminal may ring its bell.
    pub mention: bool,
}

/// What kind of line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineKind {
    /// Somebody said something to a group, or to everybody.
    Shout,
    /// Somebody said something to us alone, or asks for a private chat.
    Whisper,
    /// We said something.
    Own,
    /// Somebody came, went, joined, left, has another name, is away or back.
    Presence,
    /// An answer to a command, or something worth knowing.
    Notice,
    /// A row of such an answer.
    Row,
    /// Something was not done, or not delivered.
    Error,
    /// Another day has begun.
    Day,
}

/// A part of a line's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Where it is, in octets of the text.
    pub range: Range<usize>,
    /// What it is.
    pub style: Style,
}

/// What a part of a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Style {
    /// The time of day before the line.
    Time,
    /// The name of a peer; the number is the same for one name in every run, to choose a colour by.
    Name(u8),
    /// Our own name.
    OwnName,
    /// The name of a group.
    Group,
    /// Our own name in what somebody else said.
    Mention,
    /// A sign that stands for the end of a line within what was said: a screen may end its row there.
    End,
}

impl Line {
    /// An empty line of this kind.
    pub(crate) const fn new(kind: LineKind, time: Stamp) -> Self {
        Self {
            kind,
            time,
            text: String::new(),
            spans: Vec::new(),
            body: 0,
            mention: false,
        }
    }

    /// This line with more text, which must be safe already.
    pub(crate) fn with(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// This line; what it tells begins here.
    pub(crate) const fn begun(mut self) -> Self {
        self.body = self.text.len();
        self
    }

    /// This line with more text of a style.
    pub(crate) fn styled(mut self, style: Style, text: &str) -> Self {
        let start = self.text.len();
        self.text.push_str(text);
        self.spans.push(Span {
            range: start..self.text.len(),
            style,
        });
        self
    }
}
