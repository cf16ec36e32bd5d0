//! A plan file, packed or about to be: what is sound in itself must hold its own sums.

#![no_main]

libfuzzer_sys::fuzz_target!(init: kinora_fuzz::tell_of_panics(), |data: &[u8]| kinora_fuzz::targets::plan_file(data));
