//! A picture: recognised, probed, decoded, and made fit for a receiver.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kinora_fuzz::targets::picture(data));
