//! Any octets as what happens to an engine.

#![no_main]

#[path = "../../engine/operations.rs"]
mod operations;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| operations::operations(octets));
