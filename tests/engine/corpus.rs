//! Operations that the fuzzer found worth keeping, and some thousands that are drawn anew each time.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use crate::operations::operations;

#[test]
fn operations_that_the_fuzzer_has_kept_make_sense() {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/fuzz/corpus/operations"]
        .iter()
        .collect();
    let mut files = 0;
    for file in fs::read_dir(&folder).unwrap() {
        operations(&fs::read(file.unwrap().path()).unwrap());
        files += 1;
    }
    assert!(files > 0, "{} is empty", folder.display());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_operations_in_any_order_make_sense(
        octets in prop::collection::vec(any::<u8>(), 0..1_200)
    ) {
        operations(&octets);
    }
}
