//! Any octets as what comes over a connection.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| zchat::node::checks::connection(octets));
