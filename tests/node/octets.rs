//! Octets on a connection, accepted or dialled: what the fuzzer found worth keeping, and some that are
//! drawn anew each time. What must hold for them is said in `zchat::node::checks`.

use proptest::prelude::*;
use zchat::node::checks::connection;

use crate::counting::spending;
use crate::replay::replay;

#[test]
fn octets_on_a_connection_that_the_fuzzer_has_kept_do_no_harm_and_cost_little_memory() {
    replay("zmtp", within_bounds);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn any_octets_on_a_connection_do_no_harm_and_cost_little_memory(
        mut octets in prop::collection::vec(any::<u8>(), 3..400),
        said in prop_oneof![Just(&b""[..]), Just(SIGNATURE), Just(DEALER)],
    ) {
        octets.splice(3..3, said.iter().copied());
        within_bounds(&octets);
    }
}

/// Does to these octets what the fuzzer does, and compares what that allocates with their number.
fn within_bounds(octets: &[u8]) {
    let ((), spent) = spending(|| connection(octets));
    assert!(
        spent.octets <= FIXED + MULTIPLE * octets.len(),
        "{} octets made {spent:?}",
        octets.len()
    );
}

/// What is allocated whatever comes: the buffer of an inbox, and seven readings with 64 KiB each for a
/// frame that is begun.
const FIXED: usize = 640 << 10;

/// Two octets become a frame and its place in a list, in each reading.
const MULTIPLE: usize = 1_024;

/// The beginning of ZMTP, and the handshake of a peer.
const SIGNATURE: &[u8] = b"\xff\0\0\0\0\0\0\0\x01\x7f";
const DEALER: &[u8] = b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x05\0\x11\x01aaaaaaaaaaaaaaaa";
