//! A manifest with a feed beside it.

#![no_main]

libfuzzer_sys::fuzz_target!(init: kinora_fuzz::tell_of_panics(), |data: &[u8]| kinora_fuzz::targets::manifest(data));
