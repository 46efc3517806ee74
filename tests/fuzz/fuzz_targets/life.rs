//! Programs of bytes: see `cbc_tests::life`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    cbc_tests::life::run(bytes);
});
