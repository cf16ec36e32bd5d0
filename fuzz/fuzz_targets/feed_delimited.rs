//! A feed of cells: as whichever program is said to have written it, or as it looks.

#![no_main]

libfuzzer_sys::fuzz_target!(init: kinora_fuzz::tell_of_panics(), |data: &[u8]| kinora_fuzz::targets::feed_delimited(data));
