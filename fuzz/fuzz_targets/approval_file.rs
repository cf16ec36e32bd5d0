//! An approval that travelled as a file.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kinora_fuzz::targets::approval_file(data));
