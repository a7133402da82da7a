//! Rows as they are written, and as an emulator shows them.

use std::num::NonZeroU16;

use proptest::prelude::*;

use super::*;

fn rows(text: &str, indent: usize, columns: usize) -> Vec<String> {
    let text = Text {
        painted: text.to_owned(),
        indent,
    };
    let mut out = String::new();
    text.rows_into(&mut out, columns);
    out.split("\r\n").map(str::to_owned).collect()
}

/// What a terminal of so many columns shows: each row, and whether the terminal has broken it.
fn shown(text: &Text, columns: u16) -> Vec<(String, bool)> {
    let size = |cells| NonZeroU16::new(cells).unwrap();
    let mut parser = vt100::Parser::new(size(500), size(columns), 0);
    let mut out = String::new();
    text.rows_into(&mut out, columns.into());
    parser.process(out.as_bytes());
    let screen = parser.screen();
    let last = screen.cursor_position().0;
    let rows = screen.rows(0, columns).zip(0..=last);
    rows.map(|(row, number)| (row, screen.row_wrapped(number)))
        .collect()
}

#[test]
fn a_line_is_broken_at_its_words_and_goes_on_below_what_was_said() {
    assert_eq!(
        rows("[CHAT] bob: shall we meet at noon, or later?", 12, 30),
        [
            "[CHAT] bob: shall we meet at",
            "            noon, or later?"
        ]
    );
}

#[test]
fn where_there_is_little_room_rows_begin_further_to_the_left() {
    assert_eq!(
        rows("21:04 [CHAT] bob: shall we meet at noon?", 18, 30),
        ["21:04 [CHAT] bob: shall we", "      meet at noon?"]
    );
    assert_eq!(rows("one two three", 18, 5), ["one", " two", " three"]);
}

#[test]
fn an_address_of_the_web_is_left_to_the_terminal_to_break() {
    let address = "https://example.org/".to_owned() + &"path/".repeat(10) + "漢字";
    assert_eq!(
        rows(&format!("bob: look at {address} please"), 5, 40),
        [
            "bob: look at".to_owned(),
            format!("     {address}"),
            "     please".to_owned()
        ]
    );
    assert_eq!(
        rows(&format!("bob: {address} please do look"), 5, 30),
        [format!("bob: {address} please do"), "     look".to_owned()]
    );
    assert_eq!(
        rows("bob: look at https://example.org/path/to/it", 5, 40),
        ["bob: look at", "     https://example.org/path/to/it"]
    );
}

#[test]
fn scripts_without_blanks_are_broken_between_characters_but_not_before_punctuation() {
    assert_eq!(
        rows("bob: 今日は良い天気ですね。散歩", 5, 15),
        ["bob: 今日は良い", "     天気です", "     ね。散歩"]
    );
    assert_eq!(
        rows("bob: 今日は良い。", 5, 15),
        ["bob: 今日は良", "     い。"]
    );
    assert_eq!(rows("漢字漢。", 2, 7), ["漢字", "  漢。"]);
}

#[test]
fn what_a_reader_sees_as_one_character_stays_one() {
    let family = "👩\u{200d}👩\u{200d}👧";
    assert_eq!(
        rows(&family.repeat(3), 2, 5),
        [family.repeat(2), format!("  {family}")]
    );
    assert_eq!(rows("ne\u{301}e\u{301}n", 2, 3), ["ne\u{301}e\u{301}n"]);
}

#[test]
fn lines_of_a_message_stand_below_each_other_with_their_blanks() {
    assert_eq!(
        rows("bob: fn main() {\n    run();\n\n}", 5, 40),
        ["bob: fn main() {", "         run();", "     ", "     }"]
    );
}

#[test]
fn blanks_that_begin_a_row_give_way_to_the_word_behind_them() {
    assert_eq!(rows("bob: \n \u{a0} 名", 3, 5), ["bob: ", "  \u{a0}名"]);
    assert_eq!(rows("bob: \n       six", 5, 8), ["bob: ", "     six"]);
}

#[test]
fn colors_end_with_the_row_and_begin_again_in_the_next() {
    assert_eq!(
        rows("\x1b[31m! one two\x1b[m three", 2, 7),
        ["\x1b[31m! one\x1b[m", "  \x1b[31mtwo\x1b[m", "  three"]
    );
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-z]{1,9}",
        2 => "[a-z]{20,60}",
        2 => "[漢字仮名]{1,30}",
        1 => Just("e\u{301}".repeat(5)),
        1 => Just("\x1b[1mbold\x1b[m".to_owned()),
        1 => Just("\n".to_owned()),
        1 => Just("\u{a0}".to_owned()),
    ]
}

proptest! {
    /// Nothing is lost, and no row but the first begins with what somebody said, unless the terminal
    /// has broken a word there.
    #[test]
    fn whatever_is_said_stands_there_whole_and_every_further_row_is_indented(
        pieces in proptest::collection::vec(piece(), 0..30),
        indent in 2..30_usize,
        columns in 5..120_u16,
    ) {
        let text = Text { painted: format!("bob: {}", pieces.join(" ")), indent };
        let rows = shown(&text, columns);
        let all: String = rows.iter().map(|(row, _)| row.as_str()).collect();
        let without = |text: &str| {
            text.replace("\x1b[1m", "").replace(PLAIN, "").replace(char::is_whitespace, "")
        };
        prop_assert_eq!(without(&all), without(&text.painted));
        for pair in rows.windows(2) {
            let [(_, goes_on), (row, _)] = pair else { unreachable!() };
            prop_assert!(*goes_on || row.is_empty() || row.starts_with(' '), "{rows:#?}");
        }
    }
}
