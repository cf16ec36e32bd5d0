//! A manifest with a feed beside it.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kinora_fuzz::targets::manifest(data));
