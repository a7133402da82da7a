//! The screen in a terminal emulator: what is drawn is what a person sees.

use std::num::NonZeroU16;

use proptest::prelude::*;

use super::*;

const ROWS: u16 = 24;

/// A terminal, and what its scrollback holds.
struct Terminal {
    parser: vt100::Parser,
    columns: u16,
}

impl Terminal {
    fn new(columns: u16) -> Self {
        let size = |cells| NonZeroU16::new(cells).unwrap();
        let parser = vt100::Parser::new(size(ROWS), size(columns), 100_000);
        Self { parser, columns }
    }

    fn feed(&mut self, text: &str) {
        self.parser.process(text.as_bytes());
    }

    /// The same, where a backspace in the first column goes on to the row above if that was broken,
    /// as in tmux.
    fn feed_tmux(&mut self, text: &str) {
        for (number, part) in text.split('\x08').enumerate() {
            if number > 0 {
                let (row, column) = self.parser.screen().cursor_position();
                let above = row.checked_sub(1).filter(|_| column == 0);
                let scrolled = self.above();
                let rows = self.rows();
                match above.filter(|above| rows[scrolled + usize::from(*above)].1) {
                    Some(above) => self.feed(&format!("\x1b[{};{}H", above + 1, self.columns)),
                    None => self.feed("\x08"),
                }
            }
            self.feed(part);
        }
    }

    /// All rows, from the oldest in the scrollback to the last with anything in it or the cursor:
    /// the text, and whether the next one goes on with it.
    fn rows(&mut self) -> Vec<(String, bool)> {
        let above = self.above();
        let mut rows = Vec::new();
        for offset in (1..=above).rev() {
            self.parser.screen_mut().set_scrollback(offset);
            let screen = self.parser.screen();
            let text = screen.rows(0, self.columns).next().unwrap();
            rows.push((text, screen.row_wrapped(0)));
        }
        self.parser.screen_mut().set_scrollback(0);
        let screen = self.parser.screen();
        let cursor = usize::from(screen.cursor_position().0);
        for (row, text) in screen.rows(0, self.columns).enumerate() {
            rows.push((text, screen.row_wrapped(u16::try_from(row).unwrap())));
        }
        while rows.len() > above + cursor + 1
            && rows.last().is_some_and(|(text, _)| text.is_empty())
        {
            rows.pop();
        }
        // The emulator does not mark rows as broken where a wide character had no room at the end.
        // No line of these tests begins with one.
        let wide: Vec<bool> = rows
            .iter()
            .map(|(text, _)| {
                text.chars()
                    .next()
                    .is_some_and(|first| first.to_string().width() > 1)
            })
            .collect();
        for (row, wide) in rows.iter_mut().zip(wide.into_iter().skip(1)) {
            row.1 |= wide;
        }
        rows
    }

    /// How many rows are in the scrollback.
    fn above(&self) -> usize {
        self.parser.screen().scrollback_len()
    }

    /// The rows, with those put together that the terminal has broken.
    fn lines(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for (text, goes_on) in self.rows() {
            line.push_str(&text);
            if !goes_on {
                lines.push(std::mem::take(&mut line));
            }
        }
        lines
    }

    /// The messages above the input, without blanks: rows that are indented go on with the one before.
    fn messages(&mut self) -> Vec<String> {
        let mut lines = self.lines();
        lines.pop();
        let mut messages: Vec<String> = Vec::new();
        for line in lines {
            match messages.last_mut().filter(|_| line.starts_with(' ')) {
                Some(message) => message.push_str(&solid(&line)),
                None => messages.push(solid(&line)),
            }
        }
        messages
    }

    fn cursor(&self) -> (usize, u16) {
        let (row, column) = self.parser.screen().cursor_position();
        (self.above() + usize::from(row), column)
    }

    /// Another width, as a terminal has it that breaks its lines anew: the cursor stays on its
    /// character.
    fn reflow(&mut self, columns: u16) {
        let (row, column) = self.cursor();
        let rows = self.rows();
        let start = rows[..row].iter().rposition(|(_, goes_on)| !goes_on);
        let start = start.map_or(0, |before| before + 1);
        let mut before: String = rows[start..row]
            .iter()
            .map(|(text, _)| text.as_str())
            .collect();
        let screen = self.parser.screen();
        let on_screen = u16::try_from(row - self.above()).unwrap();
        for column in 0..column {
            let cell = screen.cell(on_screen, column).unwrap();
            if !cell.is_wide_continuation() {
                before.push_str(if cell.has_contents() {
                    cell.contents()
                } else {
                    " "
                });
            }
        }
        // Behind the last column the cursor waits there, unless something stands where it is.
        let under = screen
            .cell(on_screen, column)
            .map_or("", vt100::Cell::contents);
        let under = under.to_owned();
        let lines = self.lines();
        let line = rows[..row].iter().filter(|(_, goes_on)| !goes_on).count();
        let mut other = Self::new(columns);
        other.feed(&lines.join("\r\n"));
        let mut marked = Self::new(columns);
        marked.feed(
            &lines[..line]
                .iter()
                .map(|line| format!("{line}\r\n"))
                .collect::<String>(),
        );
        marked.feed(&before);
        marked.feed(&under);
        let (row, column) = marked.cursor();
        let column = column - u16::try_from(under.width()).unwrap();
        let row = row - other.above();
        other.feed(&format!("\x1b[{};{}H", row + 1, column + 1));
        *self = other;
    }

    /// Another width, as a terminal has it that cuts its rows.
    fn cut(&mut self, columns: u16) {
        let size = |cells| NonZeroU16::new(cells).unwrap();
        self.parser.set_size(size(ROWS), size(columns));
        self.columns = columns;
    }
}

fn row(line: &str) -> Row {
    Row {
        prompt: "[CHAT] ".to_owned(),
        line: line.to_owned(),
        cursor: line.len(),
        hint: String::new(),
    }
}

/// A text without its blanks.
fn solid(text: &str) -> String {
    text.replace(' ', "")
}

fn lines<const N: usize>(lines: [&str; N]) -> Vec<Text> {
    lines.map(Text::from).to_vec()
}

#[test]
fn messages_stand_above_and_the_input_below_with_the_cursor_behind_it() {
    let mut terminal = Terminal::new(40);
    let mut screen = Screen::new(Resize::Reflows, true);
    terminal.feed(&screen.draw(40, &[], &row("")));
    terminal.feed(&screen.draw(40, &lines(["[CHAT] bob: hello"]), &row("héllo 漢字")));
    assert_eq!(terminal.lines(), ["[CHAT] bob: hello", "[CHAT] héllo 漢字"]);
    assert_eq!(terminal.cursor(), (1, 7 + 6 + 4));
}

#[test]
fn nothing_is_written_where_nothing_has_changed() {
    let mut screen = Screen::new(Resize::Reflows, true);
    assert_ne!(screen.draw(80, &[], &row("text")), "");
    assert_eq!(screen.draw(80, &[], &row("text")), "");
    assert_ne!(screen.draw(79, &[], &row("text")), "");
}

#[test]
fn the_cursor_stands_where_it_is_in_the_text_not_at_its_end() {
    let mut terminal = Terminal::new(80);
    let mut screen = Screen::new(Resize::Reflows, true);
    let mut row = row("e\u{301}漢x");
    for (octet, column) in [(0, 7), (3, 8), (6, 10), (7, 11)] {
        row.cursor = octet;
        terminal.feed(&screen.draw(80, &[], &row));
        assert_eq!(terminal.cursor(), (0, column));
    }
}

#[test]
fn a_line_wider_than_the_screen_is_scrolled_in_its_row() {
    for columns in [20, 40, 80, 200] {
        let mut terminal = Terminal::new(columns);
        let mut screen = Screen::new(Resize::Reflows, true);
        let text: String = "0123456789".repeat(50);
        for length in 0..=text.len() {
            terminal.feed(&screen.draw(columns, &[], &row(&text[..length])));
            let rows = terminal.rows();
            assert_eq!(rows.len(), 1, "{columns} columns, {length} typed");
            assert!(rows[0].0.starts_with("[CHAT] "));
            let before = usize::from(terminal.cursor().1);
            let visible = &rows[0].0[7..before];
            assert!(text[..length].ends_with(visible.trim_start_matches('<')));
            assert!(
                length < 3 || visible.len() >= 3,
                "cursor at the edge: {rows:?}"
            );
        }
    }
}

#[test]
fn moving_within_a_long_line_always_shows_what_is_around_the_cursor() {
    let text: String = (0..300)
        .map(|number| if number % 3 == 0 { '漢' } else { 'x' })
        .collect();
    let mut terminal = Terminal::new(40);
    let mut screen = Screen::new(Resize::Reflows, false);
    let octets: Vec<usize> = text.char_indices().map(|(octet, _)| octet).collect();
    for octet in octets.iter().rev().chain(&octets) {
        let mut row = row(&text);
        row.cursor = *octet;
        terminal.feed(&screen.draw(40, &[], &row));
        let (_, column) = terminal.cursor();
        let cell = terminal.parser.screen().cell(0, column).unwrap();
        let under = &text[*octet..];
        let expected = under.chars().next().unwrap().to_string();
        assert!(
            [expected.as_str(), ">"].contains(&cell.contents()),
            "{:?}",
            terminal.rows()
        );
        assert_eq!(terminal.rows().len(), 1);
        assert!(column < 39);
    }
}

#[test]
fn control_characters_in_the_input_are_shown_as_signs() {
    let mut terminal = Terminal::new(80);
    let mut screen = Screen::new(Resize::Reflows, true);
    terminal.feed(&screen.draw(80, &[], &row("one\ntwo\tthree\u{202e}four\x1b[2J")));
    assert_eq!(terminal.lines(), ["[CHAT] one↵two⇥three·four·[2J"]);
}

#[test]
fn a_hint_stands_behind_the_cursor_and_is_cut_to_the_room_there_is() {
    let mut terminal = Terminal::new(30);
    let mut screen = Screen::new(Resize::Reflows, true);
    let mut row = row("");
    row.hint = "nobody is here; try zchat doctor".to_owned();
    terminal.feed(&screen.draw(30, &[], &row));
    assert_eq!(terminal.lines(), ["[CHAT] nobody is here; try z…"]);
    assert_eq!(terminal.cursor(), (0, 7));
}

#[test]
fn without_attributes_a_hint_is_in_parentheses() {
    let mut terminal = Terminal::new(40);
    let mut screen = Screen::new(Resize::Reflows, false);
    let mut row = row("/msg");
    row.hint = " NAME TEXT".to_owned();
    terminal.feed(&screen.draw(40, &[], &row));
    assert_eq!(terminal.lines(), ["[CHAT] /msg (NAME TEXT)"]);
}

#[test]
fn a_long_prompt_leaves_half_the_row_to_the_input() {
    let mut terminal = Terminal::new(40);
    let mut screen = Screen::new(Resize::Reflows, true);
    let mut row = row("typed");
    row.prompt = format!("[{}] ", "漢".repeat(50));
    terminal.feed(&screen.draw(40, &[], &row));
    let text = terminal.lines().remove(0);
    assert!(text.ends_with("漢…] typed"), "{text}");
    assert!(terminal.cursor().1 <= 25);
}

#[test]
fn the_prompt_can_change_in_the_middle_of_a_line() {
    let mut terminal = Terminal::new(80);
    let mut screen = Screen::new(Resize::Reflows, true);
    terminal.feed(&screen.draw(80, &[], &row("half a mess")));
    let mut other = row("half a mess");
    other.prompt = "[longer group] ".to_owned();
    terminal.feed(&screen.draw(80, &[], &other));
    assert_eq!(terminal.lines(), ["[longer group] half a mess"]);
    assert_eq!(terminal.cursor(), (0, 15 + 11));
}

#[test]
fn a_flood_of_1_000_lines_while_typing_loses_nothing_at_any_width() {
    for columns in [40, 80, 200] {
        let mut terminal = Terminal::new(columns);
        let mut screen = Screen::new(Resize::Reflows, true);
        let mut typed = String::new();
        let mut expected = Vec::new();
        for number in 0..1_000 {
            let text = match number % 5 {
                0 => format!("{number} plain"),
                1 => format!("{number} 漢字と仮名 {}", "長い".repeat(60)),
                2 => format!("{number} e\u{301}a\u{308} combined"),
                3 => format!("{number} {}", "x".repeat(usize::from(columns) - 4)),
                _ => format!("{number} {}", "long ".repeat(34))
                    .trim_end()
                    .to_owned(),
            };
            if number % 7 == 0 {
                typed.push(['a', '漢', 'ß', ' '][number / 7 % 4]);
            }
            expected.push(text.clone());
            terminal.feed(&screen.draw(columns, &[text.into()], &row(&typed)));
        }
        assert!(terminal.lines().pop().unwrap().starts_with("[CHAT] "));
        let expected: Vec<String> = expected.iter().map(|text| solid(text)).collect();
        assert_eq!(terminal.messages(), expected);
    }
}

#[test]
fn a_row_that_the_terminal_has_broken_is_erased_whole_and_nothing_above_it() {
    for columns in 5..80 {
        let mut terminal = Terminal::new(80);
        let mut screen = Screen::new(Resize::Reflows, true);
        let messages = lines([
            "first message",
            "and 漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字",
        ]);
        let mut row = row("typed 漢字 ".repeat(5).trim_end());
        row.cursor = 20;
        terminal.feed(&screen.draw(80, &messages, &row));
        terminal.reflow(columns);
        terminal.feed(&screen.draw(columns, &lines(["third"]), &row));
        let mut lines = terminal.lines();
        let last = lines.pop().unwrap();
        assert_eq!(
            lines,
            [
                messages[0].painted.as_str(),
                messages[1].painted.as_str(),
                "third"
            ],
            "{columns}"
        );
        assert!(last.starts_with('['), "{columns}: {last}");
    }
}

#[test]
fn a_row_that_was_broken_before_the_width_is_known_is_erased_whole_and_nothing_above_it() {
    for columns in 5..80 {
        for cursor in [0, 20, 29, 65] {
            let mut terminal = Terminal::new(80);
            let mut screen = Screen::new(Resize::ReflowsAhead, true);
            let messages = lines([
                "first message",
                "and 漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字",
            ]);
            let mut row = row("typed 漢字 ".repeat(5).trim_end());
            row.cursor = cursor;
            terminal.feed_tmux(&screen.draw(80, &messages, &row));
            terminal.reflow(columns);
            // The emulator breaks rows also where it is told not to: no row is drawn too wide.
            terminal.feed_tmux(&screen.erase(80));
            terminal.feed_tmux(&screen.draw(columns, &lines(["third"]), &row));
            terminal.reflow(80);
            terminal.feed_tmux(&screen.draw(columns, &lines(["fourth"]), &row));
            let mut lines = terminal.lines();
            let last = lines.pop().unwrap();
            let expected = [
                &*messages[0].painted,
                &messages[1].painted,
                "third",
                "fourth",
            ];
            assert_eq!(lines, expected, "{columns} columns, cursor at {cursor}");
            assert!(last.starts_with('['), "{columns}: {last}");
        }
    }
}

#[test]
fn more_room_shows_as_much_of_the_input_as_it_can() {
    let text = "0123456789".repeat(4);
    for narrow in [3, 5, 10, 20] {
        let mut terminal = Terminal::new(40);
        let mut screen = Screen::new(Resize::Reflows, true);
        terminal.feed(&screen.draw(40, &[], &row(&text)));
        terminal.reflow(narrow);
        terminal.feed(&screen.draw(narrow, &[], &row(&text)));
        terminal.reflow(40);
        terminal.feed(&screen.draw(40, &[], &row(&text)));
        let visible = terminal.lines().remove(0);
        assert_eq!(visible, format!("[CHAT] <{}", &text[11..]));
        terminal.reflow(60);
        terminal.feed(&screen.draw(60, &[], &row(&text)));
        assert_eq!(terminal.lines(), [format!("[CHAT] {text}")]);
    }
}

#[test]
fn a_terminal_that_cuts_rows_keeps_what_is_above_the_input() {
    let mut terminal = Terminal::new(80);
    let mut screen = Screen::new(Resize::Cuts, true);
    terminal.feed(&screen.draw(80, &lines(["one", "two"]), &row(&"typed ".repeat(10))));
    for columns in [20, 10, 60, 80] {
        terminal.cut(columns);
        terminal.feed(&screen.draw(columns, &[], &row(&"typed ".repeat(10))));
        assert_eq!(terminal.lines()[..2], ["one", "two"]);
        assert_eq!(terminal.lines().len(), 3);
    }
}

#[test]
fn erasing_leaves_an_empty_row_under_the_messages() {
    let mut terminal = Terminal::new(80);
    let mut screen = Screen::new(Resize::Reflows, true);
    terminal.feed(&screen.draw(80, &lines(["one"]), &row("typed")));
    terminal.feed(&screen.erase(80));
    assert_eq!(terminal.lines(), ["one", ""]);
    assert_eq!(terminal.cursor(), (1, 0));
    terminal.feed(&screen.draw(80, &[], &row("typed")));
    assert_eq!(terminal.lines(), ["one", "[CHAT] typed"]);
}

#[test]
fn a_screen_that_is_cleared_has_the_row_at_its_bottom() {
    let mut terminal = Terminal::new(80);
    let mut screen = Screen::new(Resize::Reflows, true);
    terminal.feed(&screen.draw(80, &lines(["one"]), &row("typed")));
    let texts = [Text::clear(), Text::from("two")];
    terminal.feed(&screen.draw(80, &texts, &row("typed")));
    let shown: Vec<String> = terminal.parser.screen().rows(0, 80).collect();
    assert_eq!(shown[22..], ["two", "[CHAT] typed"]);
    assert!(shown[..22].iter().all(String::is_empty));
}

#[test]
fn a_screen_of_a_few_columns_does_no_harm() {
    for columns in 0..8 {
        let mut screen = Screen::new(Resize::Reflows, true);
        let mut row = row("漢字 typed");
        row.hint = "hint".to_owned();
        screen.draw(columns, &lines(["message"]), &row);
        row.line.clear();
        row.cursor = 0;
        screen.draw(columns, &[], &row);
        screen.erase(columns);
    }
}

/// Something that happens to a screen.
#[derive(Debug, Clone)]
enum Step {
    Type(char),
    Delete,
    Move(usize),
    Receive(String),
    Resize(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop_oneof![Just('a'), Just(' '), Just('漢'), Just('\u{301}'), Just('🙂')]
            .prop_map(Step::Type),
        1 => Just(Step::Delete),
        1 => any::<prop::sample::Index>().prop_map(|at| Step::Move(at.index(100))),
        3 => "[a-z][a-z漢字é]{0,150}".prop_map(Step::Receive),
        3 => "[a-z]{1,9}( [a-z漢字]{1,9}){0,30}".prop_map(Step::Receive),
        1 => (10..120_u16).prop_map(Step::Resize),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_every_message_stands_whole_and_once_above_one_prompt(
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let mut terminal = Terminal::new(80);
        let mut screen = Screen::new(Resize::Reflows, true);
        let mut current = row("");
        let mut messages = Vec::new();
        for step in steps {
            let mut new = Vec::new();
            match step {
                Step::Type(character) => {
                    current.line.insert(current.cursor, character);
                    current.cursor += character.len_utf8();
                }
                Step::Delete => {
                    current.line.pop();
                    current.cursor = current.cursor.min(current.line.len());
                }
                Step::Move(at) => {
                    let octets = current.line.char_indices().map(|(octet, _)| octet);
                    current.cursor = octets.take(at + 1).last().unwrap_or(0);
                }
                Step::Receive(text) => {
                    messages.push(solid(&text));
                    new.push(Text::from(text));
                }
                Step::Resize(columns) => terminal.reflow(columns),
            }
            let columns = terminal.columns;
            terminal.feed(&screen.draw(columns, &new, &current));
            let prompt = terminal.lines().pop().unwrap();
            let start = if columns < 16 { "[CH" } else { "[CHAT]" };
            prop_assert!(prompt.starts_with(start), "{prompt}");
            prop_assert_eq!(&terminal.messages(), &messages);
        }
    }
}
