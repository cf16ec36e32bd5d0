//! A feed of JSON objects.

#![no_main]

libfuzzer_sys::fuzz_target!(init: kinora_fuzz::tell_of_panics(), |data: &[u8]| kinora_fuzz::targets::feed_json_lines(data));
