//! Lines and messages that the fuzzer found worth keeping.

use std::fs;
use std::path::PathBuf;

use crate::checks;

#[test]
fn lines_and_messages_that_the_fuzzer_has_kept_do_no_harm() {
    for (name, check) in [
        ("line", checks::line as fn(&[u8])),
        ("payload", checks::payload),
    ] {
        let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/fuzz/corpus", name]
            .iter()
            .collect();
        let mut files = 0;
        for file in fs::read_dir(&folder).unwrap() {
            check(&fs::read(file.unwrap().path()).unwrap());
            files += 1;
        }
        assert!(files > 0, "{} is empty", folder.display());
    }
}
