//! What colour and weight the parts of a line have; nothing else about them.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;
use zchat::chat::{Line, LineKind, Style};

use crate::terminal::Text;

/// Whether and how lines are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    /// Not at all.
    Plain,
    /// With the few colours that every terminal has.
    Few,
    /// With those of the palette of 256.
    Many,
}

impl Paint {
    /// Colours for a terminal of this kind (`TERM`), which may have true colours (`COLORTERM`).
    pub(crate) fn of_terminal(term: &str, colors: Option<&str>) -> Self {
        if term.contains("256color") || colors.is_some_and(|colors| !colors.is_empty()) {
            Self::Many
        } else {
            Self::Few
        }
    }

    /// The line with its colours, for a screen: with its own rows, and where they begin.
    pub(crate) fn rows(self, line: &Line) -> Text {
        let before = line.text.get(..line.body).unwrap_or_default();
        Text {
            painted: self.with_ends(line, Some("\n")),
            indent: before.width().max(2),
        }
    }

    /// The line with its colours; it ends without any.
    pub(crate) fn line(self, line: &Line) -> String {
        self.with_ends(line, None)
    }

    /// The same, with this in place of each end of a row, if anything.
    fn with_ends(self, line: &Line, end: Option<&str>) -> String {
        let has_ends = end.is_some() && line.spans.iter().any(|span| span.style == Style::End);
        if self == Self::Plain && !has_ends {
            return line.text.clone();
        }
        let base = if self == Self::Plain {
            ""
        } else {
            base(line.kind)
        };
        let text = line.text.as_str();
        let mut painted = String::with_capacity(text.len() + 64);
        let mut spans: Vec<_> = line.spans.iter().collect();
        spans.sort_by_key(|span| span.range.start);
        let mut done = 0;
        painted.push_str(base);
        for span in spans {
            let (Some(before), Some(part)) = (
                text.get(done..span.range.start),
                text.get(span.range.clone()),
            ) else {
                continue;
            };
            painted.push_str(before);
            done = span.range.end;
            if span.style == Style::End {
                painted.push_str(end.unwrap_or(part));
            } else if self == Self::Plain {
                painted.push_str(part);
            } else {
                painted.push_str(PLAIN);
                self.begin(&mut painted, span.style);
                painted.push_str(part);
                painted.push_str(PLAIN);
                painted.push_str(base);
            }
        }
        painted.push_str(text.get(done..).unwrap_or_default());
        if painted.contains('\x1b') {
            painted.push_str(PLAIN);
        }
        painted
    }

    fn begin(self, painted: &mut String, style: Style) {
        match style {
            Style::Time => painted.push_str(DIM),
            Style::Name(number) if self == Self::Many => {
                let color = MANY.get(usize::from(number) % MANY.len()).unwrap_or(&0);
                let _ = write!(painted, "\x1b[38;5;{color}m");
            }
            Style::Name(number) => {
                let color = FEW.get(usize::from(number) % FEW.len()).unwrap_or(&0);
                let _ = write!(painted, "\x1b[{color}m");
            }
            Style::OwnName => painted.push_str(BOLD),
            Style::Mention => painted.push_str(REVERSE),
            _ => {}
        }
    }
}

/// What the whole line has where nothing else is said.
const fn base(kind: LineKind) -> &'static str {
    match kind {
        LineKind::Presence | LineKind::Day => DIM,
        LineKind::Error => RED,
        LineKind::Whisper => BOLD,
        _ => "",
    }
}

const PLAIN: &str = "\x1b[m";
const DIM: &str = "\x1b[2m";
const BOLD: &str = "\x1b[1m";
const REVERSE: &str = "\x1b[1;7m";
const RED: &str = "\x1b[31m";

/// Red, green, magenta, cyan: the colours that are readable on light and on dark.
const FEW: [u8; 4] = [31, 32, 35, 36];

/// Colours whose contrast is at least 3.6 to black as well as to white, all round the wheel.
const MANY: [u8; 14] = [
    160, 166, 130, 100, 64, 28, 30, 32, 27, 63, 99, 134, 164, 161,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_color_of_a_name_is_readable_on_light_and_on_dark() {
        /// Relative luminance of a color of the cube of 6 x 6 x 6 (WCAG 2, 1.4.3).
        fn luminance(color: u8) -> f64 {
            let index = usize::from(color - 16);
            let level = |step: usize| {
                let value = f64::from([0_u8, 95, 135, 175, 215, 255][step]) / 255.0;
                if value <= 0.039_28 {
                    value / 12.92
                } else {
                    ((value + 0.055) / 1.055).powf(2.4)
                }
            };
            0.2126 * level(index / 36) + 0.7152 * level(index / 6 % 6) + 0.0722 * level(index % 6)
        }
        for color in MANY {
            let luminance = luminance(color);
            let (on_black, on_white) = ((luminance + 0.05) / 0.05, 1.05 / (luminance + 0.05));
            assert!(
                on_black > 3.6 && on_white > 3.6,
                "{color}: {on_black} {on_white}"
            );
        }
    }

    #[test]
    fn terminals_that_say_so_get_many_colors() {
        assert_eq!(Paint::of_terminal("xterm-256color", None), Paint::Many);
        assert_eq!(Paint::of_terminal("xterm", Some("truecolor")), Paint::Many);
        assert_eq!(Paint::of_terminal("linux", None), Paint::Few);
        assert_eq!(Paint::of_terminal("linux", Some("")), Paint::Few);
    }
}
