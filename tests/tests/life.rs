//! Programs of bytes, at random and from the fuzzer's corpus: see `cbc_tests::life`.

#![allow(clippy::unwrap_used, reason = "tests")]

use cbc_tests::{data, life};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[test]
fn programs_at_random_find_no_fault() {
    let programs: u64 = std::env::var("CBC_SOAK_EXECUTIONS").map_or(600, |it| it.parse().unwrap());
    let (mut dropped, mut equivocators, mut finals) = (0, 0, 0);
    for seed in 0..programs {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let length = random.random_range(0..700);
        // Most steps make honest messages, or else nothing is ever final.
        let honest = random.random_range(0..4_u32);
        let program: Vec<u8> = (0..length)
            .map(|_| match random.random_range(0..4) < honest {
                true => random.random_range(0..4_u8) * 8,
                false => random.random(),
            })
            .collect();
        let lived = life::run(&program);
        dropped += usize::from(lived.dropped > 5);
        equivocators += usize::from(lived.dropped > 5 && lived.equivocators > 0);
        finals += usize::from(lived.is_final);
        life::decode_all(&program);
    }
    println!(
        "{programs} programs: {finals} finalize, {dropped} drop, {equivocators} with equivocators"
    );
    assert!(equivocators as u64 > programs / 20, "{equivocators} of {programs} are of any use");
}

#[test]
fn what_the_fuzzer_kept_finds_no_fault() {
    let mut run = 0;
    for target in ["life", "decode"] {
        for entry in std::fs::read_dir(data("fuzz").join(target)).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            life::run(&bytes);
            life::decode_all(&bytes);
            run += 1;
        }
    }
    assert!(run > 2, "{run} inputs");
}
