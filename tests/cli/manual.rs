//! The examples of the manual, run as they stand there.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::process::{Zchat, free_port};

/// The commands between the marks, each with what it is said to do.
fn examples() -> Vec<(String, String)> {
    let manual = std::fs::read_to_string("docs/manual.md").unwrap();
    let (_, rest) = manual.split_once("<!-- examples").unwrap();
    let (examples, _) = rest.split_once("<!-- end of examples -->").unwrap();
    let (_, code) = examples.split_once("```sh\n").unwrap();
    let (code, _) = code.split_once("```").unwrap();
    code.split("\n\n")
        .map(|example| {
            let (what, command) = example.split_once('\n').unwrap();
            (what.to_owned(), command.to_owned())
        })
        .collect()
}

/// Runs a command where `zchat` is ours, and talks to nobody but bob; what it prints.
fn run(command: &str, port: u16, directory: &Path) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_zchat"));
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", program.parent().unwrap().display());
    let output = Command::new("bash")
        // Not pipefail: a reader that has enough is no failure of the writer.
        .args(["-euc", command])
        .current_dir(directory)
        .env("PATH", path)
        .env("ZCHAT_INTERFACE", "lo")
        .env("ZCHAT_PORT", port.to_string())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && errors.is_empty(),
        "{command}\n{errors}"
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_examples_of_the_manual_do_what_it_says() {
    let port = free_port();
    let mut bob = Zchat::start_json(port, "--name bob");
    let directory = std::env::temp_dir().join(format!("zchat-manual-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let examples = examples();
    let find = |what: &str| {
        let found = examples.iter().find(|(comment, _)| comment.contains(what));
        found
            .unwrap_or_else(|| panic!("no example that says: {what}"))
            .1
            .as_str()
    };
    run(find("Tell everybody"), port, &directory);
    bob.wait_for("\"text\":\"the build is done\"");
    assert!(run(find("Tell one peer"), port, &directory).ends_with("bob has read it\n"));
    bob.wait_for("\"event\":\"whisper\"");
    assert_eq!(run(find("Who is here"), port, &directory), "bob\n");
    // The others wait for somebody who talks.
    let done = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&done);
    let talking = thread::spawn(move || {
        while !over.load(Ordering::SeqCst) {
            bob.say("hello");
            thread::park_timeout(Duration::from_millis(50));
        }
    });
    let heard = run(find("Wait for somebody"), port, &directory);
    assert_eq!(heard, "[CHAT] bob: hello\n");
    run(find("for each message"), port, &directory);
    let logged = std::fs::read_to_string(directory.join("shouts.jsonl")).unwrap();
    assert!(logged.contains("\"text\":\"hello\""), "{logged}");
    done.store(true, Ordering::SeqCst);
    talking.join().unwrap();
    std::fs::remove_dir_all(directory).unwrap();
    assert_eq!(examples.len(), 5, "an example that is not run");
}
