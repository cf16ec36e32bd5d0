//! A clip, as a provider sends it: its index, and the picture that stands for it.

#![no_main]

libfuzzer_sys::fuzz_target!(init: kinora_fuzz::tell_of_panics(), |data: &[u8]| kinora_fuzz::targets::clip(data));
