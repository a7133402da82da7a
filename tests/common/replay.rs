//! What the fuzzer has kept of one target, done again.

use std::fs;
use std::path::PathBuf;

/// Gives each file of a target's corpus to its check, which panics where something is wrong.
///
/// # Panics
///
/// If there is none: then nothing was tested.
pub(crate) fn replay(target: &str, check: fn(&[u8])) {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/fuzz/corpus", target]
        .iter()
        .collect();
    let mut files = 0;
    for file in fs::read_dir(&folder).unwrap() {
        check(&fs::read(file.unwrap().path()).unwrap());
        files += 1;
    }
    assert!(files > 0, "{} is empty", folder.display());
}
