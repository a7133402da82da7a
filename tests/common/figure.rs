//! How a test tells what it measured. A figure is not asserted: machines differ, and a test that
//! fails on a busy one is a defect. It is shown at the end of `tests/run`.
//!
//! Include it with `#[path = "../common/figure.rs"] mod figure;`.

#![allow(
    unreachable_pub,
    reason = "it is included in test binaries, not used from outside"
)]

use std::fs::OpenOptions;
use std::io::Write as _;

/// Tells one figure, with its unit.
///
/// # Panics
///
/// If the list that `tests/run` has made cannot be written.
pub fn figure(what: &str) {
    eprintln!("FIGURE {what}");
    if let Some(list) = std::env::var_os("ZCHAT_FIGURES") {
        // Appended in one write, so that tests in several processes do not mix their lines.
        let file = OpenOptions::new().append(true).create(true).open(list);
        file.and_then(|mut file| file.write_all(format!("{what}\n").as_bytes()))
            .expect("the list of figures can be written");
    }
}
