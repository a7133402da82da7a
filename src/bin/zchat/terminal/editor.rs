//! The line being typed, as a pure function of keys: editing, history, searching, completion.
//!
//! It draws nothing and reads nothing. The keys are those of readline, irssi and tiny, as far as
//! these agree.

mod cycle;

use tui_input::{Input, InputRequest};
use zchat::chat::{Completion, TEXT_OCTETS};

use self::cycle::{Cycle, agreed, usage};
use super::keys::Key;
use super::recall::Recall;
use super::screen::Row;

/// What a key asks of the terminal's owner; the line itself is always to be drawn again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reaction {
    /// Nothing.
    Typed,
    /// A line was entered.
    Enter {
        /// The line.
        line: String,
        /// Whether it is worth keeping.
        remember: bool,
        /// Whether the prompt said that it goes to one peer alone.
        private: bool,
    },
    /// Tab: what could stand at the cursor of the line? To be answered by
    /// [`Editor::handle_completion`].
    Complete(Question),
    /// Ctrl-C on an empty line: leave.
    Interrupt,
    /// Ctrl-D on an empty line: end of input.
    End,
    /// Ctrl-Z.
    Suspend,
    /// Ctrl-L.
    Redraw,
    /// The line was begun for one peer alone and would go to others now: it is entered by the next Enter.
    Misdirected,
    /// What was typed or pasted would make the line too long to be sent, and is not taken.
    TooLong,
    /// The key has no meaning here.
    Bell,
}

/// What Tab asks: the line, and where the cursor is in it, in octets. Whoever answers may take their
/// time; the answer counts while the line is still the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Question {
    /// The line.
    pub(super) line: String,
    /// The cursor.
    pub(super) cursor: usize,
}

/// The line being typed.
#[derive(Debug)]
pub(super) struct Editor {
    input: Input,
    recall: Recall,
    search: Option<Search>,
    cycle: Option<Cycle>,
    /// Whether the candidate before is wanted, not the one after.
    backwards: bool,
    /// Whether what is typed goes to one peer alone.
    private: bool,
    /// Whether it did when the line was begun.
    begun_private: Option<bool>,
    /// The line may be said to more than it was begun for: this one, as far as it is typed on, and no
    /// other that is put in its place.
    consented: bool,
    /// Whether what was entered last may change that by itself.
    change_is_ours: bool,
}

/// A search in the lines entered before.
#[derive(Debug)]
struct Search {
    text: String,
    /// The number of the line that is shown.
    found: Option<usize>,
    /// The line and the cursor before the search.
    draft: (String, usize),
}

impl Editor {
    /// An empty line, after these.
    pub(super) fn new(recall: Recall) -> Self {
        Self {
            input: Input::default(),
            recall,
            search: None,
            cycle: None,
            backwards: false,
            private: false,
            begun_private: None,
            consented: false,
            change_is_ours: false,
        }
    }

    /// Whether what is typed goes to one peer alone from now on.
    pub(super) fn set_private(&mut self, private: bool) {
        if self.private != private && std::mem::take(&mut self.change_is_ours) {
            self.begun_private = self.begun_private.map(|_| private);
        }
        self.private = private;
    }

    /// How the line is to be shown. `prompt` and `hint` stand around it where it needs nothing else
    /// there itself.
    pub(super) fn row(&self, prompt: &str, hint: &str) -> Row {
        let line = self.input.value().to_owned();
        let (prompt, hint) = if let Some(search) = &self.search {
            let lost = if search.found.is_some() { "" } else { "no " };
            let prompt = format!("({lost}match for \"{}\") ", search.text);
            (prompt, String::new())
        } else if let Some(cycle) = &self.cycle {
            (prompt.to_owned(), cycle.hint())
        } else if line.is_empty() {
            (prompt.to_owned(), hint.to_owned())
        } else {
            (prompt.to_owned(), usage(&line).unwrap_or_default())
        };
        let cursor = self.octet();
        Row {
            prompt,
            line,
            cursor,
            hint,
        }
    }

    /// A key was pressed.
    pub(super) fn handle_key(&mut self, key: Key) -> Reaction {
        let enters = matches!(key, Key::Enter | Key::Control('j' | 'm'));
        if enters && self.is_misdirected() && !self.consented {
            self.consented = true;
            return Reaction::Misdirected;
        }
        let reaction = self.take_key(key);
        let begun = self.begun_private.unwrap_or(self.private);
        self.begun_private = (!self.input.value().is_empty()).then_some(begun);
        if self.begun_private.is_none() {
            self.consented = false;
        }
        reaction
    }

    /// Whether the line says something to more than it would have when it was begun.
    fn is_misdirected(&self) -> bool {
        let first = first_word(self.input.value());
        let is_command = first.starts_with('/') && !first.starts_with("//");
        let says = !is_command || ["/me", "/quit", "/exit"].contains(&first);
        says && self.begun_private == Some(true) && !self.private
    }

    fn take_key(&mut self, key: Key) -> Reaction {
        if self.search.is_some()
            && let Some(reaction) = self.search_key(&key)
        {
            return reaction;
        }
        match key {
            Key::Tab => return self.complete(false),
            Key::BackTab => return self.complete(true),
            _ => self.cycle = None,
        }
        match key {
            Key::Enter => self.enter(),
            Key::Break => self.insert("\n"),
            Key::Paste(text) => self.paste(&text),
            Key::Up => self.walk(true),
            Key::Down => self.walk(false),
            Key::Control(letter) => self.control(letter),
            Key::Escape | Key::Other => Reaction::Typed,
            key => match request(&key) {
                Some(request) => self.edit(request),
                None => Reaction::Bell,
            },
        }
    }

    /// A text was pasted: several lines are one message.
    fn paste(&mut self, text: &str) -> Reaction {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let text: String = text
            .trim_end_matches('\n')
            .chars()
            .filter(|character| matches!(character, '\n' | '\t') || !character.is_control())
            .collect();
        self.insert(&text)
    }

    fn control(&mut self, letter: char) -> Reaction {
        match letter {
            'c' => self.interrupt(),
            'd' if self.input.value().is_empty() => Reaction::End,
            'z' => Reaction::Suspend,
            'l' => Reaction::Redraw,
            'j' | 'm' => self.enter(),
            'p' => self.walk(true),
            'n' => self.walk(false),
            'r' | 's' => self.start_search(),
            'g' => Reaction::Typed,
            letter => match control_request(letter) {
                Some(request) => self.edit(request),
                None => Reaction::Bell,
            },
        }
    }

    fn edit(&mut self, request: InputRequest) -> Reaction {
        if let InputRequest::InsertChar(character) = request
            && self.input.value().len() + character.len_utf8() > TEXT_OCTETS
        {
            return Reaction::TooLong;
        }
        self.input.handle(request);
        Reaction::Typed
    }

    fn insert(&mut self, text: &str) -> Reaction {
        let mut line = self.input.value().to_owned();
        if line.len() + text.len() > TEXT_OCTETS {
            return Reaction::TooLong;
        }
        line.insert_str(self.octet(), text);
        let cursor = self.input.cursor() + text.chars().count();
        self.set(line, cursor);
        Reaction::Typed
    }

    /// Ctrl-C gives up the line; where there is none, it gives up the chat.
    fn interrupt(&mut self) -> Reaction {
        if self.input.value().is_empty() {
            return Reaction::Interrupt;
        }
        self.recall.rest();
        self.input.reset();
        Reaction::Typed
    }

    fn enter(&mut self) -> Reaction {
        let line = self.input.value_and_reset();
        self.change_is_ours = ["/chat", "/ok", "/end"].contains(&first_word(&line));
        let remember = self.recall.add(&line);
        Reaction::Enter {
            line,
            remember,
            private: self.private,
        }
    }

    fn walk(&mut self, older: bool) -> Reaction {
        self.consented = false;
        let line = if older {
            self.recall.older(self.input.value())
        } else {
            self.recall.newer()
        };
        match line.map(str::to_owned) {
            Some(line) => {
                self.set(line, usize::MAX);
                Reaction::Typed
            }
            None => Reaction::Bell,
        }
    }

    fn start_search(&mut self) -> Reaction {
        self.consented = false;
        self.search = Some(Search {
            text: String::new(),
            found: None,
            draft: (self.input.value().to_owned(), self.input.cursor()),
        });
        Reaction::Typed
    }

    /// A key during a search; `None` if it ends the search and means what it always means.
    fn search_key(&mut self, key: &Key) -> Option<Reaction> {
        let search = self.search.as_mut()?;
        let reaction = match key {
            Key::Control('r' | 's') => {
                let before = search.found.unwrap_or(usize::MAX);
                self.look(before)
            }
            Key::Control('g' | 'c') | Key::Escape => {
                let (line, cursor) = std::mem::take(&mut search.draft);
                self.search = None;
                self.set(line, cursor);
                Reaction::Typed
            }
            Key::Backspace | Key::Control('h') => {
                search.text.pop();
                self.look(usize::MAX)
            }
            Key::Char(letter) if search.text.len() < TEXT_OCTETS => {
                search.text.push(*letter);
                let before = search.found.map_or(usize::MAX, |found| found + 1);
                self.look(before)
            }
            _ => {
                self.search = None;
                return None;
            }
        };
        Some(reaction)
    }

    /// Shows the youngest line before this number that has what is searched.
    fn look(&mut self, before: usize) -> Reaction {
        let Some(search) = &mut self.search else {
            return Reaction::Typed;
        };
        if search.text.is_empty() {
            search.found = None;
            return Reaction::Typed;
        }
        let Some((number, line)) = self.recall.find(&search.text, before) else {
            if before == usize::MAX || search.found.is_none() {
                search.found = None;
            }
            return Reaction::Bell;
        };
        search.found = Some(number);
        let line = line.to_owned();
        let octet = line.find(&search.text).unwrap_or(line.len());
        let cursor =
            line.chars().count() - line.get(octet..).map_or(0, |rest| rest.chars().count());
        self.set(line, cursor);
        Reaction::Typed
    }

    fn complete(&mut self, backwards: bool) -> Reaction {
        self.backwards = backwards;
        let Some(mut cycle) = self.cycle.take() else {
            return Reaction::Complete(self.question());
        };
        let chosen = cycle.step(backwards);
        self.replace(cycle.completion.start, &chosen);
        self.cycle = Some(cycle);
        Reaction::Typed
    }

    fn question(&self) -> Question {
        Question {
            line: self.input.value().to_owned(),
            cursor: self.octet(),
        }
    }

    /// What could stand at the cursor: put there as far as all candidates agree, and with the next
    /// Tab each of them in turn.
    pub(super) fn handle_completion(
        &mut self,
        question: &Question,
        completion: Completion,
    ) -> Reaction {
        if *question != self.question() || self.search.is_some() || self.cycle.is_some() {
            return Reaction::Typed;
        }
        let typed = question.line.get(completion.start..question.cursor);
        let (Some(typed), Some(shared)) = (typed, agreed(&completion.candidates)) else {
            return Reaction::Bell;
        };
        if completion.candidates.len() == 1 {
            self.replace(completion.start, &shared);
            return Reaction::Typed;
        }
        let mut cycle = Cycle {
            completion,
            chosen: None,
        };
        let text = if shared.chars().count() > typed.chars().count() {
            shared
        } else {
            cycle.step(self.backwards)
        };
        self.replace(cycle.completion.start, &text);
        self.cycle = Some(cycle);
        Reaction::Typed
    }

    /// Puts `text` in place of what is between `start` and the cursor.
    fn replace(&mut self, start: usize, text: &str) {
        let cursor = self.octet();
        let line = self.input.value();
        if let (Some(before), Some(after)) = (line.get(..start), line.get(cursor..)) {
            let before = format!("{before}{text}");
            let cursor = before.chars().count();
            let line = before + after;
            self.set(line, cursor);
        }
    }

    fn set(&mut self, line: String, cursor: usize) {
        self.input = std::mem::take(&mut self.input)
            .with_value(line)
            .with_cursor(cursor);
    }

    /// Where the cursor is, in octets.
    fn octet(&self) -> usize {
        let line = self.input.value();
        line.char_indices()
            .nth(self.input.cursor())
            .map_or(line.len(), |(octet, _)| octet)
    }
}

fn first_word(line: &str) -> &str {
    line.split(char::is_whitespace).next().unwrap_or_default()
}

/// What a key does to the line.
fn request(key: &Key) -> Option<InputRequest> {
    Some(match key {
        Key::Char(character) => InputRequest::InsertChar(*character),
        Key::Left => InputRequest::GoToPrevChar,
        Key::Right => InputRequest::GoToNextChar,
        Key::WordLeft | Key::Alt('b') => InputRequest::GoToPrevWord,
        Key::WordRight | Key::Alt('f') => InputRequest::GoToNextWord,
        Key::Home => InputRequest::GoToStart,
        Key::End => InputRequest::GoToEnd,
        Key::Backspace => InputRequest::DeletePrevChar,
        Key::WordBackspace => InputRequest::DeletePrevWord,
        Key::Delete => InputRequest::DeleteNextChar,
        Key::WordDelete | Key::Alt('d') => InputRequest::DeleteNextWord,
        _ => return None,
    })
}

/// What a letter with Ctrl does to the line.
fn control_request(letter: char) -> Option<InputRequest> {
    Some(match letter {
        'a' => InputRequest::GoToStart,
        'e' => InputRequest::GoToEnd,
        'b' => InputRequest::GoToPrevChar,
        'f' => InputRequest::GoToNextChar,
        'd' => InputRequest::DeleteNextChar,
        'h' => InputRequest::DeletePrevChar,
        'k' => InputRequest::DeleteTillEnd,
        'u' => InputRequest::DeleteFromStart,
        'w' => InputRequest::DeletePrevWord,
        'y' => InputRequest::Yank,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
