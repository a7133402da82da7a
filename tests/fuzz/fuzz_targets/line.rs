//! Any text as what a person types.

#![no_main]

#[path = "../../chat/checks.rs"]
#[allow(dead_code, reason = "each target uses one of the checks")]
mod checks;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| checks::line(octets));
