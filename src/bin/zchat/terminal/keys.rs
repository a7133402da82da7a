//! Octets from a terminal become keys: a pure decoder of what xterm and its many relatives send.
//!
//! Only what the editor knows is told apart. An octet never panics and is never waited for longer
//! than the shell decides: what is half a key is kept until more comes, or until the shell says that
//! nothing did.

use zchat::chat::TEXT_OCTETS;

/// A key that was pressed, or a text that was pasted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// A character.
    Char(char),
    /// A letter (in lower case) with Ctrl.
    Control(char),
    /// A character with Alt.
    Alt(char),
    Enter,
    /// Enter with Alt: a line break within the message.
    Break,
    Tab,
    /// Tab with Shift.
    BackTab,
    Escape,
    Backspace,
    /// Backspace with Alt or Ctrl.
    WordBackspace,
    Delete,
    /// Delete with Alt or Ctrl.
    WordDelete,
    Up,
    Down,
    Left,
    Right,
    /// Left with Alt or Ctrl.
    WordLeft,
    /// Right with Alt or Ctrl.
    WordRight,
    Home,
    End,
    /// A text, whole, line ends as they came. Of one longer than can be sent, only so much that it
    /// is still too long.
    Paste(String),
    /// A key without a meaning here.
    Other,
}

/// Octets that are not yet a key.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    pending: Vec<u8>,
    paste: Option<Vec<u8>>,
}

/// What has come only in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Key,
    Paste,
}

/// The longest sequence that is looked at; terminals send at most some twenty octets.
const MAX_SEQUENCE: usize = 64;

const PASTE_END: &[u8] = b"\x1b[201~";

impl Decoder {
    /// These octets came. Returns the keys that they complete.
    pub(super) fn feed(&mut self, octets: &[u8]) -> Vec<Key> {
        self.pending.extend_from_slice(octets);
        let mut keys = Vec::new();
        let pending = std::mem::take(&mut self.pending);
        let mut rest = pending.as_slice();
        loop {
            let step = if self.paste.is_some() {
                self.paste_step(rest)
            } else {
                step(rest)
            };
            match step {
                Step::Key(key, used) => {
                    keys.push(key);
                    rest = rest.get(used..).unwrap_or_default();
                }
                Step::Paste(used) => {
                    self.paste = Some(Vec::new());
                    rest = rest.get(used..).unwrap_or_default();
                }
                Step::More(used) => {
                    self.pending = rest.get(used..).unwrap_or_default().to_vec();
                    return keys;
                }
            }
        }
    }

    /// What the rest has not come of, so that it is worth waiting for.
    pub(super) fn waits_for(&self) -> Option<Half> {
        if self.paste.is_some() {
            Some(Half::Paste)
        } else {
            (!self.pending.is_empty()).then_some(Half::Key)
        }
    }

    /// Nothing more came: what is half a key was a whole one, and a paste without end has ended.
    pub(super) fn settle(&mut self) -> Option<Key> {
        if let Some(mut paste) = self.paste.take() {
            paste.append(&mut self.pending);
            return Some(Key::Paste(String::from_utf8_lossy(&paste).into_owned()));
        }
        if self.pending.is_empty() {
            return None;
        }
        let pending = std::mem::take(&mut self.pending);
        Some(match pending.as_slice() {
            [ESCAPE] => Key::Escape,
            [ESCAPE, octet] => Key::Alt(char::from(*octet)),
            _ => Key::Other,
        })
    }

    /// Takes octets into the paste until its end.
    fn paste_step(&mut self, rest: &[u8]) -> Step {
        let Some(paste) = &mut self.paste else {
            return Step::More(0);
        };
        let end = rest
            .windows(PASTE_END.len())
            .position(|window| window == PASTE_END);
        // The end may be cut in two: keep back as much as could be its beginning.
        let taken = end.unwrap_or_else(|| (rest.len() + 1).saturating_sub(PASTE_END.len()));
        let room = (TEXT_OCTETS + 1).saturating_sub(paste.len());
        paste.extend(rest.iter().take(taken.min(room)));
        if end.is_none() {
            return Step::More(taken);
        }
        let text = String::from_utf8_lossy(paste).into_owned();
        self.paste = None;
        Step::Key(Key::Paste(text), taken + PASTE_END.len())
    }
}

/// What the first octets are.
enum Step {
    /// A key, of so many octets.
    Key(Key, usize),
    /// The begin of a paste, of so many octets.
    Paste(usize),
    /// Nothing yet; so many octets are done with.
    More(usize),
}

fn step(octets: &[u8]) -> Step {
    match octets {
        [] => Step::More(0),
        [ESCAPE, b'[', rest @ ..] => sequence(rest),
        [ESCAPE, b'O', rest @ ..] => match rest {
            [] => Step::More(0),
            [last, ..] => Step::Key(letter(*last, false), 3),
        },
        [ESCAPE, ESCAPE, ..] => Step::Key(Key::Escape, 1),
        [ESCAPE] => Step::More(0),
        [ESCAPE, rest @ ..] => match plain(rest) {
            Step::Key(key, used) => Step::Key(with_alt(key), used + 1),
            other => other,
        },
        octets => plain(octets),
    }
}

/// A key that is not a sequence: one character.
fn plain(octets: &[u8]) -> Step {
    let Some(first) = octets.first() else {
        return Step::More(0);
    };
    let key = match first {
        b'\r' => Key::Enter,
        b'\t' => Key::Tab,
        0x7f => Key::Backspace,
        0 => Key::Control(' '),
        1..=0x1a => Key::Control(char::from(first - 1 + b'a')),
        0x1b..=0x1f => Key::Control(char::from(first + 0x40)),
        _ => return character(octets),
    };
    Step::Key(key, 1)
}

/// A character in UTF-8; octets that are none become U+FFFD, one at a time.
fn character(octets: &[u8]) -> Step {
    let head = octets.get(..octets.len().min(4)).unwrap_or_default();
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => match (error.valid_up_to(), error.error_len()) {
            (0, None) => return Step::More(0),
            (0, Some(_)) => return Step::Key(Key::Char(char::REPLACEMENT_CHARACTER), 1),
            (valid, _) => head
                .get(..valid)
                .and_then(|head| std::str::from_utf8(head).ok())
                .unwrap_or_default(),
        },
    };
    match valid.chars().next() {
        Some(character) if character.is_control() => Step::Key(Key::Other, character.len_utf8()),
        Some(character) => Step::Key(Key::Char(character), character.len_utf8()),
        None => Step::More(0),
    }
}

/// What follows `ESC [`: parameters, and a last octet that says what it is.
fn sequence(rest: &[u8]) -> Step {
    // The Linux console's function keys: `ESC [ [ A`.
    if let [b'[', tail @ ..] = rest {
        return if tail.is_empty() {
            Step::More(0)
        } else {
            Step::Key(Key::Other, 4)
        };
    }
    let Some(length) = rest
        .iter()
        .take(MAX_SEQUENCE)
        .position(|octet| !(0x20..=0x3f).contains(octet))
    else {
        return if rest.len() < MAX_SEQUENCE {
            Step::More(0)
        } else {
            Step::Key(Key::Other, MAX_SEQUENCE + 2)
        };
    };
    let last = rest.get(length).copied().unwrap_or_default();
    if !(0x40..=0x7e).contains(&last) {
        // Not a sequence after all; whatever this octet is, it counts.
        return Step::Key(Key::Other, length + 2);
    }
    let used = length + 3;
    let parameters = rest.get(..length).unwrap_or_default();
    let mut numbers = parameters
        .split(|octet| *octet == b';')
        .map(|number| std::str::from_utf8(number).ok()?.parse::<u32>().ok());
    let first = numbers.next().flatten().unwrap_or(1);
    let modifiers = numbers.next().flatten().unwrap_or(1).saturating_sub(1);
    // Bit 1 is Alt, bit 2 is Ctrl.
    let word = modifiers & 0b110 != 0;
    match (last, first) {
        (b'~', 200) => Step::Paste(used),
        (b'~', 1 | 7) => Step::Key(Key::Home, used),
        (b'~', 4 | 8) => Step::Key(Key::End, used),
        (b'~', 3) if word => Step::Key(Key::WordDelete, used),
        (b'~', 3) => Step::Key(Key::Delete, used),
        (b'~', _) => Step::Key(Key::Other, used),
        (last, _) => Step::Key(letter(last, word), used),
    }
}

/// The key of a sequence that ends with this letter.
fn letter(last: u8, word: bool) -> Key {
    match last {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' if word => Key::WordRight,
        b'D' if word => Key::WordLeft,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'H' => Key::Home,
        b'F' => Key::End,
        b'M' => Key::Enter,
        b'Z' => Key::BackTab,
        _ => Key::Other,
    }
}

fn with_alt(key: Key) -> Key {
    match key {
        Key::Char(character) => Key::Alt(character),
        Key::Enter | Key::Control('j') => Key::Break,
        Key::Backspace | Key::Control('h') => Key::WordBackspace,
        other => other,
    }
}

const ESCAPE: u8 = 0x1b;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(octets: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        let keys = decoder.feed(octets);
        assert_eq!(
            decoder.waits_for(),
            None,
            "left over: {:?}",
            decoder.pending
        );
        keys
    }

    #[test]
    fn letters_of_all_lengths_and_control_keys_are_told_apart() {
        assert_eq!(
            keys("aß漢🙂\r\t\x7f\x01\x17\x1f".as_bytes()),
            [
                Key::Char('a'),
                Key::Char('ß'),
                Key::Char('漢'),
                Key::Char('🙂'),
                Key::Enter,
                Key::Tab,
                Key::Backspace,
                Key::Control('a'),
                Key::Control('w'),
                Key::Control('_'),
            ]
        );
    }

    #[test]
    fn cursor_keys_are_known_in_the_dialects_of_the_terminals() {
        for (octets, key) in [
            ("\x1b[A", Key::Up),
            ("\x1bOA", Key::Up),
            ("\x1b[H", Key::Home),
            ("\x1b[1~", Key::Home),
            ("\x1b[7~", Key::Home),
            ("\x1bOF", Key::End),
            ("\x1b[4~", Key::End),
            ("\x1b[3~", Key::Delete),
            ("\x1b[3;5~", Key::WordDelete),
            ("\x1b[1;5C", Key::WordRight),
            ("\x1b[1;3D", Key::WordLeft),
            ("\x1b[1;2D", Key::Left),
            ("\x1b[Z", Key::BackTab),
            ("\x1bb", Key::Alt('b')),
            ("\x1bß", Key::Alt('ß')),
            ("\x1b\x7f", Key::WordBackspace),
            ("\x1b\r", Key::Break),
            ("\x1b[15~", Key::Other),
            ("\x1b[[A", Key::Other),
            ("\x1b[?1;2c", Key::Other),
        ] {
            assert_eq!(keys(octets.as_bytes()), [key], "{octets:?}");
        }
    }

    #[test]
    fn a_lone_escape_is_a_key_once_nothing_follows() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.feed(b"\x1b"), []);
        assert_eq!(decoder.waits_for(), Some(Half::Key));
        assert_eq!(decoder.settle(), Some(Key::Escape));
        assert_eq!(decoder.settle(), None);
        assert_eq!(decoder.feed(b"[A"), [Key::Char('['), Key::Char('A')]);
        assert_eq!(decoder.feed(b"\x1b["), []);
        assert_eq!(decoder.settle(), Some(Key::Alt('[')));
    }

    #[test]
    fn a_paste_is_one_key_whatever_is_in_it() {
        assert_eq!(
            keys(b"\x1b[200~one\rtwo\x1b[A\x1b[201~x"),
            [Key::Paste("one\rtwo\x1b[A".to_owned()), Key::Char('x')]
        );
    }

    #[test]
    fn a_paste_whose_end_is_lost_ends_when_nothing_more_comes() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.feed(b"\x1b[200~lost\x1b[20"), []);
        assert_eq!(decoder.waits_for(), Some(Half::Paste));
        let settled = decoder.settle();
        assert_eq!(settled, Some(Key::Paste("lost\x1b[20".to_owned())));
        assert_eq!(decoder.feed(b"x"), [Key::Char('x')]);
    }

    #[test]
    fn a_paste_beyond_all_bounds_stays_too_long_and_takes_no_more_memory() {
        let mut decoder = Decoder::default();
        decoder.feed(b"\x1b[200~");
        for _ in 0..100 {
            assert_eq!(decoder.feed(&[b'x'; 65_536]), []);
            assert!(decoder.pending.len() < PASTE_END.len());
        }
        let keys = decoder.feed(b"\x1b[201~y");
        let [Key::Paste(text), Key::Char('y')] = keys.as_slice() else {
            panic!("{} keys", keys.len());
        };
        assert_eq!(text.len(), TEXT_OCTETS + 1);
    }

    #[test]
    fn octets_that_are_no_text_are_replaced_one_at_a_time() {
        assert_eq!(
            keys(b"\xffa\xe4\xbcb"),
            [
                Key::Char('\u{fffd}'),
                Key::Char('a'),
                Key::Char('\u{fffd}'),
                Key::Char('\u{fffd}'),
                Key::Char('b'),
            ]
        );
    }

    proptest! {
        #[test]
        fn keys_do_not_depend_on_how_the_octets_come_in_pieces(
            octets in proptest::collection::vec(
                prop_oneof![
                    4 => any::<u8>().prop_map(|octet| vec![octet]),
                    1 => Just(b"\x1b[200~".to_vec()),
                    1 => Just(b"\x1b[201~".to_vec()),
                    1 => Just(b"\x1b[1;5C".to_vec()),
                    1 => Just("é漢🙂".as_bytes().to_vec()),
                ],
                0..60,
            ),
            piece in 1..7_usize,
        ) {
            let octets = octets.concat();
            let mut whole = Decoder::default();
            let expected = whole.feed(&octets);
            let mut pieces = Decoder::default();
            let got: Vec<Key> = octets.chunks(piece).flat_map(|chunk| pieces.feed(chunk)).collect();
            prop_assert_eq!(got, expected);
            prop_assert_eq!(pieces.pending, whole.pending);
        }
    }
}
