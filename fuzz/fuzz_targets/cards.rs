//! A workspace's own model card, provider card and price file.

#![no_main]

libfuzzer_sys::fuzz_target!(init: kinora_fuzz::tell_of_panics(), |data: &[u8]| kinora_fuzz::targets::cards(data));
