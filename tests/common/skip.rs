//! How a test says that it cannot run on this machine: no root, no network namespaces, no Python.
//!
//! Include it with `#[path = "../common/skip.rs"] mod skip;`.

#![allow(
    unreachable_pub,
    reason = "it is included in test binaries, not used from outside"
)]

use std::fs::OpenOptions;
use std::io::Write as _;

/// Notes that the calling test is skipped, and why; the test then returns. `tests/run` counts it.
///
/// # Panics
///
/// With `CI=true`: where everything must be there, a test that cannot run has failed.
pub fn skip(why: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{test} cannot run here: {why}"
    );
    eprintln!("SKIPPED {test}: {why}");
    if let Some(list) = std::env::var_os("ZCHAT_SKIPPED") {
        // Appended in one write, so that tests in several processes do not mix their lines.
        let file = OpenOptions::new().append(true).create(true).open(list);
        let line = format!("{test}: {why}\n");
        file.and_then(|mut file| file.write_all(line.as_bytes()))
            .expect("the list of skipped tests can be written");
    }
}
