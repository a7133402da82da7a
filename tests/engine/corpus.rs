//! Operations that the fuzzer found worth keeping, and some thousands that are drawn anew each time.

use proptest::prelude::*;

use crate::operations::operations;
use crate::replay::replay;

#[test]
fn operations_that_the_fuzzer_has_kept_make_sense() {
    replay("operations", operations);
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
