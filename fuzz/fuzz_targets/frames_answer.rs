//! What the child that decodes a clip answers, which may be anything.

#![no_main]

libfuzzer_sys::fuzz_target!(init: kinora_fuzz::tell_of_panics(), |data: &[u8]| kinora_fuzz::targets::frames_answer(data));
