//! Any octets as a datagram.

#![no_main]

#[path = "../../protocol/checks.rs"]
#[allow(dead_code, reason = "each target uses one of the checks")]
mod checks;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| checks::beacon(octets));
