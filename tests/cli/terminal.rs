//! The program in a terminal: typing, receiving while typing, resizing, stopping, going away.

use crate::process::{Zchat, field, free_port};
use crate::window::{Window, ZCHAT, wait};

/// A window, and somebody to talk to in it.
fn with_bob(arguments: &str) -> (Window, Zchat) {
    let port = free_port();
    let bob = Zchat::start_json(port, "--name bob");
    let window = Window::zchat(port, &format!("--name alice {arguments}"));
    window.wait_for("bob is here");
    window.wait_for_row("[CHAT] 1 other is here");
    (window, bob)
}

#[test]
fn what_is_typed_is_said_and_shown_above_the_prompt() {
    let (mut window, mut bob) = with_bob("");
    window.type_in("hello 漢字 and e\u{301}");
    window.wait_for_row("[CHAT] hello 漢字 and e\u{301}");
    assert_eq!(window.cursor().1, 7 + 6 + 4 + 5 + 1);
    window.type_in("\r");
    window.wait_for("[CHAT] alice: hello 漢字 and e\u{301}");
    bob.wait_for("\"text\":\"hello 漢字 and e\u{301}\"");
    bob.say("hi alice");
    window.wait_for("[CHAT] bob: hi alice");
    window.wait_for_row("[CHAT] 1 other is here");
    window.type_in("/quit\r");
    assert_eq!(window.finish(), 0);
    bob.wait_for("\"event\":\"exit\"");
}

#[test]
fn lines_that_come_while_typing_leave_what_is_typed_alone() {
    let (mut window, mut bob) = with_bob("");
    for (number, key) in "half a message, still typed".chars().enumerate() {
        window.type_in(&key.to_string());
        for line in 0..20 {
            bob.say(&format!("noise {number} {line}"));
        }
    }
    window.wait_for("noise 26 19");
    window.wait_for_row("[CHAT] half a message, still typed");
    let rows = window.rows();
    let noise: Vec<_> = rows
        .iter()
        .filter_map(|row| row.split_once("noise "))
        .collect();
    assert_eq!(noise.len(), 23, "{rows:#?}");
    let numbers: Vec<u32> = noise
        .iter()
        .map(|(_, numbers)| {
            let (key, line) = numbers.split_once(' ').unwrap();
            key.parse::<u32>().unwrap() * 20 + line.parse::<u32>().unwrap()
        })
        .collect();
    assert!(
        numbers.is_sorted() && numbers[0] + 22 == numbers[22],
        "{rows:#?}"
    );
}

#[test]
fn the_row_follows_the_width_of_the_window() {
    let (mut window, mut bob) = with_bob("");
    let text = "a line that is a good deal longer than forty columns are";
    window.type_in(text);
    window.wait_for_row(&format!("[CHAT] {text}"));
    for columns in [40, 200, 20, 80] {
        window.resize(columns);
        bob.say(&format!("at{columns}"));
        window.wait_for(&format!("at{columns}"));
        window.wait_until("the row", |rows, (row, column)| {
            let shown = rows[usize::from(row)].as_str();
            let whole = columns >= 80 && shown == format!("[CHAT] {text}");
            let part = columns < 80 && shown.starts_with("[CHAT] <") && shown.ends_with("are");
            (whole || part) && column < columns
        });
        let prompts = window
            .rows()
            .iter()
            .filter(|row| row.starts_with("[CHAT] a l"))
            .count();
        assert_eq!(prompts, usize::from(columns >= 80), "{:#?}", window.rows());
    }
    window.type_in("\r");
    bob.wait_for(&format!("\"text\":\"{text}\""));
}

#[test]
fn tab_completes_commands_and_names() {
    let (mut window, mut bob) = with_bob("");
    window.type_in("/ms\t");
    window.wait_for_row("[CHAT] /msg NAME TEXT");
    assert_eq!(window.cursor().1, 7 + 5);
    window.type_in("b\t");
    window.wait_until("the name", |rows, (row, column)| {
        rows[usize::from(row)].trim_end() == "[CHAT] /msg bob" && column == 16
    });
    window.type_in("psst\r");
    bob.wait_for("\"event\":\"whisper\"");
    window.wait_for("[you -> bob] psst");
}

#[test]
fn what_was_typed_for_one_alone_does_not_go_to_all_because_the_private_chat_ended() {
    let (mut window, mut bob) = with_bob("");
    bob.say("/chat alice");
    window.wait_for("bob asks for a private chat");
    window.type_in("/ok\r");
    window.wait_for_row("[you -> bob] only bob reads this; /end ends it");
    window.type_in("a secret");
    window.wait_for_row("[you -> bob] a secret");
    bob.say("/end");
    window.wait_for_row("[CHAT] a secret");
    window.type_in("\r");
    window.wait_for("! not sent: the private chat has ended");
    window.wait_for_row("[CHAT] a secret");
    window.type_in(", no: hello all\r");
    let heard = bob.wait_for("\"event\":\"shout\"");
    assert_eq!(field(&heard, "text"), "a secret, no: hello all");
}

#[test]
fn tab_on_an_empty_line_answers_the_last_whisper() {
    let (mut window, mut bob) = with_bob("");
    bob.say("/msg alice are you there?");
    window.wait_for("[bob -> you] are you there?");
    window.type_in("\tyes\r");
    let heard = bob.wait_for("\"event\":\"whisper\"");
    assert_eq!(field(&heard, "text"), "yes");
}

#[test]
fn a_paste_of_several_lines_is_one_message() {
    let (mut window, mut bob) = with_bob("");
    window.type_in("\x1b[200~one\rtwo\rthree\r\x1b[201~");
    window.wait_for_row("[CHAT] one↵two↵three");
    window.type_in("\r");
    bob.wait_for("\"text\":\"one\\ntwo\\nthree\"");
}

#[test]
fn long_lines_are_broken_at_words_and_lines_of_a_message_stand_below_each_other() {
    let (mut window, mut bob) = with_bob("");
    window.resize(40);
    window.type_in("x");
    window.wait_for_row("[CHAT] x");
    bob.say("shall we meet at noon, or would a later hour suit everybody better?");
    window.wait_until("the words", |rows, _| {
        let texts: Vec<&str> = rows.iter().map(|row| row.trim_end()).collect();
        texts.windows(3).any(|rows| {
            rows[0].ends_with(" [CHAT] bob: shall we meet at noon,")
                && rows[1..]
                    == [
                        "        or would a later hour suit",
                        "        everybody better?",
                    ]
        })
    });
    window.type_in("\x15\x1b[200~one\rtwo\x1b[201~\r");
    window.wait_until("the lines", |rows, _| {
        let mut pairs = rows.windows(2);
        pairs.any(|rows| rows[0].ends_with("[CHAT] alice: one") && rows[1].trim() == "two")
    });
}

#[test]
fn a_paste_that_is_too_long_is_refused_with_a_word() {
    let (mut window, _bob) = with_bob("");
    window.type_in("typed");
    window.type_in(&format!("\x1b[200~{}\x1b[201~", "x".repeat(65_537)));
    window.wait_for("! not taken: a message has at most 65536 octets");
    window.wait_for_row("[CHAT] typed");
}

#[test]
fn the_bell_rings_for_ones_name_and_whispers_if_it_is_wanted() {
    for (options, rings) in [("--bell", 2), ("", 0)] {
        let (mut window, mut bob) = with_bob(options);
        bob.say("nothing for her");
        bob.say("alice: look");
        bob.say("/msg alice psst");
        window.wait_for("[bob -> you] psst");
        assert_eq!(window.written().matches('\x07').count(), rings);
        wait_for_quit(&mut window);
    }
}

#[test]
fn a_burst_of_keys_arrives_whole() {
    // More than fits into one read of a terminal, in one write, without marks of a paste.
    let (mut window, mut bob) = with_bob("");
    let text = "0123456789".repeat(300);
    window.type_in(&text);
    window.type_in("\r");
    bob.wait_for(&format!("\"text\":\"{text}\""));
}

#[test]
fn what_was_entered_is_there_in_the_next_run() {
    let (mut window, mut bob) = with_bob("");
    window.type_in("the first\r");
    bob.wait_for("the first");
    window.type_in("/quit\r");
    assert_eq!(window.finish(), 0);
    let state = window.state.clone();
    let line = format!("{ZCHAT} --interface lo --port {} --name alice", free_port());
    let mut again = Window::open_with(line.split_whitespace(), &[], state);
    again.wait_for_row("[CHAT] nobody is here; try zchat doctor");
    again.type_in("\x1b[A\x1b[A");
    again.wait_for_row("[CHAT] the first");
    again.type_in("\x03\x12fir");
    again.wait_for_row("(match for \"fir\") the first");
}

#[test]
fn ctrl_c_and_ctrl_d_leave_cleanly() {
    for (key, status) in [("\x03", 130), ("\x04", 0)] {
        let (mut window, mut bob) = with_bob("");
        window.type_in("text is given up first");
        window.type_in("\x03");
        window.wait_for_row("[CHAT] 1 other is here");
        window.type_in(key);
        assert_eq!(window.finish(), status);
        bob.wait_for("\"event\":\"exit\"");
    }
}

#[test]
fn the_terminal_is_given_back_as_it_was() {
    let (mut window, _bob) = with_bob("");
    window.type_in("\x04");
    window.finish();
    let written = window.written();
    for (on, off) in [("\x1b[?2004h", "\x1b[?2004l"), ("\x1b[?25l", "\x1b[?25h")] {
        let on = written.rfind(on).unwrap();
        assert!(written.rfind(off).unwrap() > on);
    }
    assert!(!written.ends_with("\x1b[2m"));
}

/// A shell with job control, in a window.
fn shell() -> Window {
    let mut window = Window::open("bash --norc --noprofile -i", &[]);
    window.type_in("PS1='shell> '; unset XTERM_VERSION\r");
    window.wait_for_row("shell>");
    window
}

#[test]
fn ctrl_z_stops_it_and_fg_brings_the_line_back() {
    let port = free_port();
    let mut bob = Zchat::start_json(port, "--name bob");
    let mut window = shell();
    window.type_in(&format!("{ZCHAT} -i lo -p {port} -n alice\r"));
    window.wait_for_row("[CHAT] 1 other is here");
    window.type_in("half a message");
    window.wait_for_row("[CHAT] half a message");
    window.type_in("\x1a");
    window.wait_for_row("shell>");
    window.type_in("echo cooked\r");
    window.wait_until("an echo", |rows, _| rows.iter().any(|row| row == "cooked"));
    window.wait_for_row("shell>");
    window.type_in("fg\r");
    window.wait_for_row("[CHAT] half a message");
    window.type_in(" and the rest\r");
    bob.wait_for("\"text\":\"half a message and the rest\"");
    window.type_in("/quit\r");
    window.wait_for_row("shell>");
    window.type_in("echo status $?\r");
    window.wait_for("status 0");
}

#[test]
fn a_stop_and_a_continue_from_outside_draw_the_line_again() {
    let (mut window, _bob) = with_bob("");
    window.type_in("still here");
    window.wait_for_row("[CHAT] still here");
    let id = window.process_id().to_string();
    let signal = |signal: &str| {
        let mut kill = std::process::Command::new("kill");
        assert!(kill.args([signal, id.as_str()]).status().unwrap().success());
    };
    signal("-STOP");
    let before = window.written().len();
    signal("-CONT");
    window.wait_for_written(before, "still here");
    window.type_in("!");
    window.wait_for_row("[CHAT] still here!");
}

#[test]
fn a_terminal_that_goes_away_ends_it_and_the_others_know() {
    let (window, mut bob) = with_bob("");
    let mut child = window.hang_up();
    bob.wait_for("\"event\":\"exit\"");
    assert_eq!(wait(&mut child), 129);
}

#[test]
fn sigterm_gives_the_terminal_back() {
    let (mut window, mut bob) = with_bob("");
    let id = window.process_id().to_string();
    std::process::Command::new("kill")
        .args(["-TERM", &id])
        .status()
        .unwrap();
    assert_eq!(window.finish(), 143);
    bob.wait_for("\"event\":\"exit\"");
    let written = window.written();
    assert!(written.rfind("\x1b[?2004l") > written.rfind("\x1b[?2004h"));
}

#[test]
fn a_terminal_that_stands_still_costs_lines_on_the_screen_and_nothing_else() {
    // Goal: whoever talks is not held up, and what is not shown is counted. Method: nothing is taken
    // from the terminal while bob says more than can wait for it.
    let port = free_port();
    let mut bob = Zchat::start_json(port, "--name bob");
    let mut eve = Zchat::start_json(port, "--name eve --group OTHER");
    let mut window = Window::zchat(port, "--name alice");
    // Eve is in another group.
    window.wait_for_row("[CHAT] 1 other is here");
    eve.wait_until("alice", |line| {
        line.contains("\"event\":\"enter\"") && line.contains("\"name\":\"alice\"")
    });
    window.stall(true);
    for number in 0..20_000 {
        bob.say(&format!("number {number}"));
    }
    // Her node has read all of it then, and her chat when it has answered what was asked later: no line
    // comes behind the count and moves it off the screen.
    assert_eq!(bob.end().code(), 0);
    eve.say("/select alice");
    eve.wait_for("\"from\":");
    window.type_in("still typed");
    window.stall(false);
    window.wait_for("lines not shown");
    window.wait_for_row("[CHAT] still typed");
    assert_eq!(wait_for_quit(&mut window), 0);
}

#[test]
fn a_terminal_that_stands_still_does_not_keep_a_signal_from_ending_it() {
    let (mut window, mut bob) = with_bob("");
    window.stall(true);
    for number in 0..1_000 {
        bob.say(&format!("number {number}"));
    }
    bob.say("/msg alice the last one");
    assert_eq!(bob.end().code(), 0);
    let id = window.process_id().to_string();
    std::process::Command::new("kill")
        .args(["-TERM", &id])
        .status()
        .unwrap();
    let mut child = window.child.take().unwrap();
    assert_eq!(wait(&mut child), 143);
}

#[test]
fn a_dumb_terminal_gets_plain_lines() {
    let port = free_port();
    let mut bob = Zchat::start_json(port, "--name bob");
    let line = format!("{ZCHAT} -i lo -p {port} -n alice");
    let mut window = Window::open(&line, &[("TERM", "dumb")]);
    window.wait_for("* bob is here");
    window.type_in("hello\r");
    bob.wait_for("\"text\":\"hello\"");
    window.type_in("\x04");
    assert_eq!(window.finish(), 0);
    assert!(!window.written().contains('\x1b'), "{:?}", window.written());
}

#[test]
fn no_color_means_no_color() {
    let port = free_port();
    let _bob = Zchat::start_json(port, "--name bob");
    let line = format!("{ZCHAT} -i lo -p {port} -n alice");
    let mut window = Window::open(&line, &[("NO_COLOR", "1")]);
    window.wait_for("bob is here");
    window.type_in("\x04");
    window.finish();
    let written = window.written();
    let colors = written.split("\x1b[").skip(1).filter(|rest| {
        let parameters =
            rest.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ';');
        parameters.starts_with('m') && !rest.starts_with('m')
    });
    assert_eq!(colors.count(), 0, "{written:?}");
}

#[test]
fn the_log_stands_between_the_lines_and_not_over_them() {
    let (mut window, mut bob) = with_bob("-vvv");
    window.type_in("typed");
    bob.say("more");
    window.wait_for("[CHAT] bob: more");
    window.wait_for_row("[CHAT] typed");
    let rows = window.rows();
    assert!(
        rows.iter().any(|row| row.starts_with("zchat: ")),
        "{rows:#?}"
    );
    assert_eq!(wait_for_quit(&mut window), 0);
}

fn wait_for_quit(window: &mut Window) -> i32 {
    window.type_in("\x15/quit\r");
    window.finish()
}

#[test]
fn a_closed_window_is_noticed_also_where_hanging_up_is_ignored() {
    let port = free_port();
    let mut bob = Zchat::start_json(port, "--name bob");
    let line = format!("trap '' HUP; exec {ZCHAT} -i lo -p {port} -n alice");
    let name = format!("zchat-window-closed-{}", std::process::id());
    let state = std::env::temp_dir().join(name);
    let window = Window::open_with(["bash", "-c", &line], &[], state);
    window.wait_for("bob is here");
    let mut child = window.hang_up();
    bob.wait_for("\"event\":\"exit\"");
    assert_eq!(wait(&mut child), 129);
}
