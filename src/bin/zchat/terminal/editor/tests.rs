//! Keys in, the line out.

use proptest::prelude::*;

use super::*;
use crate::terminal::keys::Decoder;

fn editor() -> Editor {
    Editor::new(Recall::new(
        ["first", "second one", "third"].map(str::to_owned),
    ))
}

/// The reactions to what a terminal sends.
fn type_in(editor: &mut Editor, text: &str) -> Vec<Reaction> {
    let mut decoder = Decoder::default();
    let mut keys = decoder.feed(text.as_bytes());
    keys.extend(decoder.settle());
    keys.into_iter().map(|key| editor.handle_key(key)).collect()
}

fn enter(line: &str) -> Reaction {
    Reaction::Enter {
        line: line.to_owned(),
        remember: true,
        private: false,
    }
}

/// The line, with a bar where the cursor is.
fn line(editor: &Editor) -> String {
    let row = editor.row("> ", "");
    let (before, after) = row.line.split_at(row.cursor);
    format!("{before}|{after}")
}

fn after(text: &str) -> String {
    let mut editor = editor();
    type_in(&mut editor, text);
    line(&editor)
}

#[test]
fn text_is_typed_and_entered() {
    let mut editor = editor();
    let reactions = type_in(&mut editor, "hi 漢\r");
    assert_eq!(reactions.last(), Some(&enter("hi 漢")));
    assert_eq!(line(&editor), "|");
}

#[test]
fn keys_move_and_delete_as_in_every_line_editor() {
    for (keys, expected) in [
        ("one two\x01x", "x|one two"),
        ("one two\x02\x02x", "one tx|wo"),
        ("one two\x01\x06x", "ox|ne two"),
        ("one two\x1b[D\x7f", "one t|o"),
        ("one two\x1b[D\x1b[3~", "one tw|"),
        ("one two\x01\x04", "|ne two"),
        ("one two\x1bbx", "one x|two"),
        ("one two\x01\x1bfx", "one x|two"),
        ("one two\x1b[1;5Dx", "one x|two"),
        ("one two\x17", "one |"),
        ("one two\x1b\x7f", "one |"),
        ("one two\x01\x1bd", "|two"),
        ("one two\x1bb\x0b", "one |"),
        ("one two\x1bb\x15", "|two"),
        ("e\u{301}x\x08\x08", "|"),
        ("a👨\u{200d}👩\u{200d}👧\x7f", "a|"),
    ] {
        assert_eq!(after(keys), expected, "{keys:?}");
    }
}

#[test]
fn what_was_cut_comes_back_with_ctrl_y() {
    assert_eq!(after("one two\x17x\x01\x19"), "two|one x");
    assert_eq!(after("one two\x1bb\x0b\x01\x19 "), "two |one ");
    assert_eq!(after("one two three\x17\x17\x01\x19"), "two three|one ");
}

#[test]
fn the_arrows_walk_through_what_was_entered_and_back_to_what_was_being_typed() {
    assert_eq!(after("draft\x1b[A"), "third|");
    assert_eq!(after("draft\x1b[A\x1b[A\x10"), "first|");
    assert_eq!(after("draft\x1b[A\x1b[A\x1b[A\x1b[A"), "first|");
    assert_eq!(after("draft\x1b[A\x1b[A\x1b[B"), "third|");
    assert_eq!(after("draft\x1b[A\x1b[B"), "draft|");
    assert_eq!(after("new\r\x1b[A"), "new|");
}

#[test]
fn ctrl_r_searches_backwards_while_typing() {
    assert_eq!(after("\x12d"), "thir|d");
    assert_eq!(after("\x12d\x12"), "secon|d one");
    assert_eq!(after("\x12co"), "se|cond one");
    assert_eq!(after("draft\x12co\x07"), "draft|");
    assert_eq!(after("draft\x12co\x1b"), "draft|");
    assert_eq!(after("\x12co\x05!"), "second one!|");
    let mut editor = editor();
    type_in(&mut editor, "\x12firs");
    assert_eq!(editor.row("> ", "").prompt, "(match for \"firs\") ");
    assert_eq!(type_in(&mut editor, "x"), [Reaction::Bell]);
    type_in(&mut editor, "\x7f");
    let reactions = type_in(&mut editor, "\r");
    assert_eq!(reactions, [enter("first")]);
}

#[test]
fn a_search_without_a_match_says_so_and_comes_back_when_letters_are_taken_away() {
    let mut editor = editor();
    type_in(&mut editor, "\x12zzz");
    assert_eq!(editor.row("> ", "").prompt, "(no match for \"zzz\") ");
    type_in(&mut editor, "\x7f\x7f\x7ffir");
    assert_eq!(line(&editor), "|first");
}

#[test]
fn a_paste_of_several_lines_is_one_message_and_nothing_in_it_is_a_key() {
    let mut editor = editor();
    type_in(
        &mut editor,
        "say: \x1b[200~one\r\ntwo\rth\x1bree\x03\r\n\x1b[201~",
    );
    assert_eq!(line(&editor), "say: one\ntwo\nthree|");
    assert_eq!(type_in(&mut editor, "\r"), [enter("say: one\ntwo\nthree")]);
}

#[test]
fn alt_enter_breaks_the_line_within_a_message() {
    assert_eq!(after("one\x1b\rtwo"), "one\ntwo|");
}

#[test]
fn what_is_too_long_to_be_sent_is_not_taken_in() {
    let mut editor = editor();
    let paste = |length: usize| Key::Paste("é".repeat(length / 2));
    assert_eq!(editor.handle_key(paste(TEXT_OCTETS)), Reaction::Typed);
    assert_eq!(editor.handle_key(paste(2)), Reaction::TooLong);
    assert_eq!(editor.handle_key(Key::Char('x')), Reaction::TooLong);
    assert_eq!(editor.row("", "").line.len(), TEXT_OCTETS);
}

#[test]
fn ctrl_c_gives_up_the_line_and_on_an_empty_one_the_chat() {
    let mut editor = editor();
    assert_eq!(type_in(&mut editor, "x\x03").last(), Some(&Reaction::Typed));
    assert_eq!(line(&editor), "|");
    assert_eq!(type_in(&mut editor, "\x03"), [Reaction::Interrupt]);
}

#[test]
fn ctrl_d_deletes_and_on_an_empty_line_ends_the_input() {
    let mut editor = editor();
    assert_eq!(after("xy\x01\x04"), "|y");
    assert_eq!(after("xy\x04"), "xy|");
    assert_eq!(type_in(&mut editor, "\x04"), [Reaction::End]);
}

#[test]
fn ctrl_z_and_ctrl_l_are_the_owners_affair_and_leave_the_line() {
    let mut editor = editor();
    let reactions = type_in(&mut editor, "x\x1a\x0c");
    assert_eq!(reactions[1..], [Reaction::Suspend, Reaction::Redraw]);
    assert_eq!(line(&editor), "x|");
}

fn completion(start: usize, candidates: &[&str]) -> Completion {
    let candidates = candidates.iter().map(|text| (*text).to_owned()).collect();
    Completion { start, candidates }
}

/// Types, presses Tab, and answers with these candidates.
fn tab(text: &str, start: usize, candidates: &[&str]) -> (Editor, Reaction) {
    let mut editor = editor();
    let reactions = type_in(&mut editor, &format!("{text}\t"));
    let Some(Reaction::Complete(question)) = reactions.last() else {
        panic!("{reactions:?}");
    };
    let reaction = editor.handle_completion(question, completion(start, candidates));
    (editor, reaction)
}

#[test]
fn tab_puts_the_only_candidate_in_place_of_what_was_typed() {
    let (editor, _) = tab("/msg bo", 5, &["bob "]);
    assert_eq!(line(&editor), "/msg bob |");
    let (editor, reaction) = tab("/msg x", 5, &[]);
    assert_eq!(
        (line(&editor).as_str(), reaction),
        ("/msg x|", Reaction::Bell)
    );
}

#[test]
fn tab_goes_as_far_as_all_agree_and_then_from_one_to_the_next() {
    let (mut editor, _) = tab("hello b", 6, &["bob~3f2a ", "bob~77c0 ", "bobby "]);
    assert_eq!(line(&editor), "hello bob|");
    assert_eq!(editor.row("", "").hint, "  bob~3f2a  bob~77c0  bobby");
    type_in(&mut editor, "\t");
    assert_eq!(line(&editor), "hello bob~3f2a |");
    type_in(&mut editor, "\t\t");
    assert_eq!(line(&editor), "hello bobby |");
    assert_eq!(editor.row("", "").hint, "  bobby  bob~3f2a  bob~77c0");
    type_in(&mut editor, "\x1b[Z");
    assert_eq!(line(&editor), "hello bob~77c0 |");
    type_in(&mut editor, "x");
    assert_eq!(line(&editor), "hello bob~77c0 x|");
    assert_eq!(editor.row("", "").hint, "");
}

#[test]
fn an_answer_that_comes_after_the_line_has_changed_is_too_late() {
    let mut editor = editor();
    let reactions = type_in(&mut editor, "/msg bo\t");
    let Some(Reaction::Complete(question)) = reactions.last() else {
        panic!("{reactions:?}");
    };
    type_in(&mut editor, "x");
    editor.handle_completion(question, completion(5, &["bob "]));
    assert_eq!(line(&editor), "/msg box|");
}

#[test]
fn the_hint_gives_way_to_what_is_typed() {
    let mut editor = editor();
    assert_eq!(editor.row("> ", "nobody here").hint, "nobody here");
    type_in(&mut editor, "x");
    assert_eq!(editor.row("> ", "nobody here").hint, "");
}

#[test]
fn a_command_that_was_typed_says_what_it_is_to_be_given() {
    for (line, hint) in [
        ("/msg", " NAME TEXT"),
        ("/w ", "NAME TEXT"),
        ("/msg b", ""),
        ("/ms", ""),
        ("/quit", " [TEXT]"),
        ("/ok", " [NAME]"),
        ("/end", ""),
        ("//msg", ""),
        ("msg", ""),
    ] {
        let mut editor = editor();
        type_in(&mut editor, line);
        assert_eq!(editor.row("> ", "").hint, hint, "{line:?}");
    }
}

proptest! {
    #[test]
    fn no_octets_make_it_panic_or_put_the_cursor_beside_a_character(
        octets in proptest::collection::vec(any::<u8>(), 0..200),
        candidates in proptest::collection::vec("[a-c漢]{0,4}", 0..4),
    ) {
        let mut editor = editor();
        for key in Decoder::default().feed(&octets) {
            if let Reaction::Complete(question) = editor.handle_key(key) {
                let candidates: Vec<&str> = candidates.iter().map(String::as_str).collect();
                editor.handle_completion(&question, completion(0, &candidates));
            }
            let row = editor.row("> ", "");
            prop_assert!(row.line.is_char_boundary(row.cursor));
        }
    }
}

#[test]
fn a_line_that_was_begun_in_private_is_not_said_to_all_by_the_first_enter() {
    let mut editor = editor();
    editor.set_private(true);
    type_in(&mut editor, "psst");
    editor.set_private(false);
    assert_eq!(type_in(&mut editor, "\r"), [Reaction::Misdirected]);
    assert_eq!(line(&editor), "psst|");
    assert_eq!(type_in(&mut editor, "\r"), [enter("psst")]);
    for begin in ["hello", "\x1b[200~hello\x1b[201~", "\x1b[A"] {
        editor.set_private(true);
        type_in(&mut editor, begin);
        editor.set_private(false);
        assert_eq!(type_in(&mut editor, "\r"), [Reaction::Misdirected]);
        type_in(&mut editor, "\x15");
    }
}

/// Whoever was asked about one line has not agreed to another.
#[test]
fn consent_to_say_a_line_to_all_is_for_that_line_and_for_none_that_takes_its_place() {
    let mut editor = editor();
    editor.set_private(true);
    type_in(&mut editor, "secret one\rsecret two");
    editor.set_private(false);
    assert_eq!(type_in(&mut editor, "\r"), [Reaction::Misdirected]);
    type_in(&mut editor, "\x1b[A");
    assert_eq!(line(&editor), "secret one|");
    assert_eq!(type_in(&mut editor, "\r"), [Reaction::Misdirected]);
    type_in(&mut editor, "!");
    assert_eq!(type_in(&mut editor, "\r"), [enter("secret one!")]);
}

#[test]
fn whoever_ends_a_private_chat_knows_where_the_next_line_goes() {
    let mut editor = editor();
    editor.set_private(true);
    // The chat tells a moment later that it has ended.
    type_in(&mut editor, "/end\rhello");
    editor.set_private(false);
    assert_eq!(
        type_in(&mut editor, " all\r").last(),
        Some(&enter("hello all"))
    );
    type_in(&mut editor, "/ok\rhe");
    editor.set_private(true);
    type_in(&mut editor, "llo");
    editor.set_private(false);
    assert_eq!(type_in(&mut editor, "\r"), [Reaction::Misdirected]);
}

#[test]
fn what_says_nothing_or_was_begun_anew_is_not_held_up() {
    for (before, after, reaction) in [
        ("/list", "\r", enter("/list")),
        ("psst", "\x15hello\r", enter("hello")),
        ("psst\x7f\x7f\x7f\x7f", "hello\r", enter("hello")),
        ("/me nods", "\r", Reaction::Misdirected),
        ("//list", "\r", Reaction::Misdirected),
        ("/quit bye", "\r", Reaction::Misdirected),
    ] {
        let mut editor = editor();
        editor.set_private(true);
        type_in(&mut editor, before);
        editor.set_private(false);
        assert_eq!(
            type_in(&mut editor, after).last(),
            Some(&reaction),
            "{before:?}"
        );
    }
}

#[test]
fn a_line_comes_with_whether_the_prompt_said_that_it_goes_to_one_alone() {
    let mut editor = editor();
    for private in [true, false] {
        editor.set_private(private);
        type_in(&mut editor, "text");
        let entered = editor.handle_key(Key::Enter);
        assert!(matches!(entered, Reaction::Enter { private: said, .. } if said == private));
    }
}
