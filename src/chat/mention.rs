//! Finds a name in what somebody said.

use std::ops::Range;

/// Where a text names somebody, whatever the case of the letters, as a word of its own.
pub(crate) fn mentions(text: &str, name: &str) -> Vec<Range<usize>> {
    let name: Vec<char> = name.chars().flat_map(char::to_lowercase).collect();
    let mut found = Vec::new();
    let mut before = ' ';
    let mut next = 0;
    for (at, character) in text.char_indices() {
        if at >= next && !before.is_alphanumeric() && !name.is_empty() {
            let rest = text.get(at..).unwrap_or_default();
            if let Some(length) = word(rest, &name) {
                found.push(at..at + length);
                next = at + length;
            }
        }
        before = character;
    }
    found
}

/// How long the name is that a text begins with, if it does and a word ends there.
fn word(text: &str, name: &[char]) -> Option<usize> {
    let mut expected = name.iter();
    for (at, character) in text.char_indices() {
        if expected.len() == 0 {
            return (!character.is_alphanumeric()).then_some(at);
        }
        if !character
            .to_lowercase()
            .all(|letter| expected.next() == Some(&letter))
        {
            return None;
        }
    }
    (expected.len() == 0).then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mention_is_a_whole_word_in_any_case() {
        assert_eq!(
            mentions("Alice, ask alice2 or ALICE", "alice"),
            [0..5, 21..26]
        );
        assert_eq!(mentions("malice", "alice"), []);
        assert_eq!(mentions("Ärzte: ärzte!", "ärzte"), [0..6, 8..14]);
    }
}
