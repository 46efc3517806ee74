//! What decodes encodes to the same bytes, and nothing makes the decoder panic.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    cbc_tests::life::decode_all(bytes);
});
