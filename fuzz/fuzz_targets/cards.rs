//! A workspace's own model card, provider card and price file.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kinora_fuzz::targets::cards(data));
