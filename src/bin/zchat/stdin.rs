//! Lines from a pipe, a file or a plain terminal to the chat, on a thread of their own that nobody
//! waits for: a read cannot be called off.

use std::io::{self, BufRead};

use zchat::channel::Lines;
use zchat::chat::TEXT_OCTETS;

/// Sends every line on, and the end of them. Waits wherever the chat does not take more; ends when
/// the chat does.
pub(crate) fn start(lines: Lines) -> io::Result<()> {
    std::thread::Builder::new()
        .name("zchat-stdin".to_owned())
        .spawn(move || {
            let mut input = io::stdin().lock();
            while let Some(line) = read(&mut input) {
                if lines.send(&line).is_err() {
                    return;
                }
            }
            let _the_chat_has_ended = lines.end();
        })
        .map(drop)
}

/// The next line, without its end; `None` after the last. Of a line that is too long to be sent, only
/// so much that it is still too long.
fn read(input: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    let mut begun = false;
    loop {
        let available = match input.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                log::error!("cannot read the input: {error}");
                return begun.then_some(line);
            }
        };
        if available.is_empty() {
            return begun.then_some(line);
        }
        begun = true;
        let end = available.iter().position(|octet| *octet == b'\n');
        let part = end.unwrap_or(available.len());
        let room = (TEXT_OCTETS + 1).saturating_sub(line.len());
        line.extend(available.iter().take(part.min(room)));
        input.consume(end.map_or(part, |end| end + 1));
        if end.is_some() {
            return Some(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8], buffer: usize) -> Vec<Vec<u8>> {
        let mut input = io::BufReader::with_capacity(buffer, text);
        std::iter::from_fn(|| read(&mut input)).collect()
    }

    #[test]
    fn lines_are_cut_at_their_ends_however_they_come_in_pieces() {
        for buffer in [1, 2, 3, 100] {
            assert_eq!(
                lines(b"one\n\ntwo\r\nthree", buffer),
                [
                    b"one".to_vec(),
                    b"".to_vec(),
                    b"two\r".to_vec(),
                    b"three".to_vec()
                ]
            );
            assert_eq!(lines(b"", buffer), Vec::<Vec<u8>>::new());
            assert_eq!(lines(b"\n", buffer), [b"".to_vec()]);
        }
    }

    #[test]
    fn a_line_without_end_takes_no_more_memory_than_shows_that_it_is_too_long() {
        let mut text = vec![b'x'; 10 * TEXT_OCTETS];
        text.extend_from_slice(b"\nnext");
        let lines = lines(&text, 8_192);
        assert_eq!(lines[0].len(), TEXT_OCTETS + 1);
        assert_eq!(lines[1], b"next");
        assert_eq!(lines.len(), 2);
    }
}
