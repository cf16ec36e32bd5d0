//! A clip, as a provider sends it: its index, and the picture that stands for it.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kinora_fuzz::targets::clip(data));
