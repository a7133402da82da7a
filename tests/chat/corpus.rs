//! Lines and messages that the fuzzer found worth keeping.

use crate::checks;
use crate::replay::replay;

#[test]
fn lines_and_messages_that_the_fuzzer_has_kept_do_no_harm() {
    replay("line", checks::line);
    replay("payload", checks::payload);
}
