//! Makes what was received harmless to show: nothing of it moves the cursor, colours the screen,
//! reorders text or hides.
//!
//! Visible means: a C0 control character becomes its picture (`␛`, `␊`), anything else its number
//! (`<U+202E>`). Nothing is left out but combining marks beyond what any script needs.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The most characters without width in a row that are shown: more than any script puts on one letter
/// (and the seven of a regional flag), less than it takes to reach the next rows.
const MARKS: usize = 8;

/// The widest that a name is shown in lines, tables and prompts, in columns: people's names and those of
/// their machines have room, and a screen of 40 columns keeps some for what is said.
const LABEL_COLUMNS: usize = 24;

/// The widest that a text is shown in a row of a table, in columns.
const CELL_COLUMNS: usize = 32;

/// The longest received text that is shown, in octets; the rest is counted. Our own is never longer.
const SHOWN_OCTETS: usize = super::TEXT_OCTETS;

/// What somebody said, on one line.
pub fn text(received: &str) -> Cow<'_, str> {
    if received.len() <= SHOWN_OCTETS {
        return visible(received, Strictness::Text);
    }
    let cut = received.floor_char_boundary(SHOWN_OCTETS);
    let (shown, rest) = received.split_at(cut);
    let mut shown = visible(shown, Strictness::Text).into_owned();
    let _ = write!(shown, "… (and {} more octets)", rest.len());
    shown.into()
}

/// A name of a peer or a group: what is invisible is shown too, since names are compared by eye.
pub(crate) fn name(received: &str) -> Cow<'_, str> {
    visible(received, Strictness::Name)
}

/// A name where it stands among other things: as much of it as has room, with `…` in place of the rest.
pub(crate) fn label(received: &str) -> Cow<'_, str> {
    cut(name(received), LABEL_COLUMNS)
}

/// What somebody said, in a row of a table.
pub(crate) fn cell(received: &str) -> Cow<'_, str> {
    cut(text(received), CELL_COLUMNS)
}

/// A text that is safe already, no wider than this.
fn cut(shown: Cow<'_, str>, columns: usize) -> Cow<'_, str> {
    // A character that takes columns has no more of them than octets.
    if shown.len() <= columns || shown.width() <= columns {
        return shown;
    }
    let mut kept = String::new();
    let mut width = 0;
    for grapheme in shown.graphemes(true) {
        width += grapheme.width();
        if width >= columns {
            break;
        }
        kept.push_str(grapheme);
    }
    kept.push('…');
    kept.into()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Strictness {
    Text,
    Name,
}

fn visible(received: &str, strictness: Strictness) -> Cow<'_, str> {
    let edges =
        strictness == Strictness::Name && (received.starts_with(' ') || received.ends_with(' '));
    if !edges && received.bytes().all(|octet| (b' '..=b'~').contains(&octet)) {
        return received.into();
    }
    let mut shown = String::with_capacity(received.len() + 16);
    let mut marks = 0;
    let mut base = ' ';
    for (at, character) in received.char_indices() {
        let is_mark = character.width() == Some(0);
        marks = if is_mark { marks + 1 } else { 0 };
        let hides = strictness == Strictness::Name && hides(character, base, at, received);
        if hides || is_harmful(character, base) {
            push_visible(&mut shown, character);
        } else if marks <= MARKS {
            shown.push(character);
        } else if marks == MARKS + 1 {
            shown.push('…');
        }
        if !is_mark {
            base = character;
        }
    }
    shown.into()
}

/// Whether a terminal could obey it, or reorder or break the line by it.
fn is_harmful(character: char, base: char) -> bool {
    /// The black flag, which tag characters turn into that of a region.
    const FLAG: char = '\u{1F3F4}';
    match character {
        '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' => true,
        '\u{2066}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' => true,
        '\u{E0000}'..='\u{E007F}' => base != FLAG,
        _ => character.is_control(),
    }
}

/// Whether it can make two different names look the same.
fn hides(character: char, base: char, at: usize, name: &str) -> bool {
    match character {
        ' ' => at == 0 || at + 1 == name.len(),
        // Joiners mean something behind letters of Arabic and Indic scripts, and in emoji; not
        // behind the letters of Europe, which come first.
        '\u{200C}' | '\u{200D}' => base < '\u{0590}',
        '\u{FE00}'..='\u{FE0E}' | '\u{E0100}'..='\u{E01EF}' => base < '\u{0590}',
        '\u{00AD}' | '\u{034F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' => true,
        '\u{180B}'..='\u{180F}' | '\u{200B}' | '\u{2060}'..='\u{2065}' => true,
        '\u{2800}' | '\u{3164}' | '\u{FFA0}' => true,
        _ => character.is_whitespace(),
    }
}

fn push_visible(shown: &mut String, character: char) {
    let number = u32::from(character);
    let picture = match number {
        0..=0x20 => char::from_u32(0x2400 + number),
        0x7F => Some('\u{2421}'),
        _ => None,
    };
    match picture {
        Some(picture) => shown.push(picture),
        None => {
            let _ = write!(shown, "<U+{number:04X}>");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_made_visible() {
        assert_eq!(text("\u{1b}[31mred\u{7}\r\n\tx\u{7f}"), "␛[31mred␇␍␊␉x␡");
        assert_eq!(text("\u{9b}2J\u{85}\u{2028}"), "<U+009B>2J<U+0085><U+2028>");
    }

    #[test]
    fn what_reorders_text_is_made_visible() {
        assert_eq!(
            text("a\u{202e}b\u{2066}c\u{200f}"),
            "a<U+202E>b<U+2066>c<U+200F>"
        );
    }

    #[test]
    fn combining_marks_do_not_pile_up() {
        let pile = format!("a{}b", "\u{301}".repeat(1_000));
        assert_eq!(text(&pile), format!("a{}…b", "\u{301}".repeat(MARKS)));
    }

    #[test]
    fn words_of_all_scripts_and_emoji_stay_as_they_are() {
        for word in [
            "grüße",
            "мир",
            "שלום",
            "می\u{200c}خواهم",
            "日本語",
            "क्षत्रिय",
            "👩‍👩‍👧",
            "❤\u{fe0f}",
        ] {
            assert_eq!(text(word), word);
            assert_eq!(name(word), word);
        }
        let england = "\u{1F3F4}\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}";
        assert_eq!(text(england), england);
    }

    #[test]
    fn a_name_hides_nothing() {
        assert_eq!(name("bo\u{200b}b\u{200d}"), "bo<U+200B>b<U+200D>");
        assert_eq!(name(" bob "), "␠bob␠");
        assert_eq!(name("bob\u{a0}x"), "bob<U+00A0>x");
        assert_eq!(name("Anna Maria"), "Anna Maria");
    }

    #[test]
    fn a_long_name_is_cut_where_a_character_ends() {
        assert_eq!(label("Konferenzraum im Keller"), "Konferenzraum im Keller");
        assert_eq!(label(&"x".repeat(24)), "x".repeat(24));
        assert_eq!(label(&"x".repeat(25)), "x".repeat(23) + "…");
        assert_eq!(label(&"漢".repeat(85)), "漢".repeat(11) + "…");
        assert_eq!(label(&"e\u{301}".repeat(85)), "e\u{301}".repeat(23) + "…");
        let family = "👩‍👩‍👧";
        assert_eq!(label(&family.repeat(14)), family.repeat(11) + "…");
        assert_eq!(label(&"\u{85}".repeat(100)), "<U+0085><U+0085><U+0085…");
    }

    #[test]
    fn a_received_text_beyond_the_limit_is_cut_where_a_character_ends() {
        let long = "ä".repeat(SHOWN_OCTETS);
        let shown = text(&long);
        assert!(shown.ends_with(&format!("… (and {SHOWN_OCTETS} more octets)")));
    }
}
