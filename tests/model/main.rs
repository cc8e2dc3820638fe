//! The model-based test of the growing table: random programs, done to the real thing and to a naive model.
//!
//! ```text
//! cargo test --features std --test model                           20,000 programs, always the same, in each mode
//! PROGRAMS=5000000 SEED=7 cargo test --release --test model        others, and more of them
//! PROGRAM=0a1b2c cargo test --test model -- --nocapture one        one of them, step by step
//! ```
//!
//! A program that fails is made smaller first, then printed with all that it does, so that it can be written down as a
//! test in `tests/regressions`. The driver is that of the fuzzer in `fuzz/` as well: see [`driver`].

mod driver;
mod shrink;

use std::fmt::Write as _;

use driver::Tested;
use task_registry::mode::{Sync, Unsync};

/// The numbers of a generator that needs no crate: SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn program(&mut self) -> Vec<u8> {
        let length = 20 + self.next() % 400;
        (0..length).map(|_| (self.next() >> 24) as u8).collect()
    }
}

fn setting(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")),
        Err(_) => otherwise,
    }
}

/// What is printed of a program that fails.
fn story<M: Tested>(program: &[u8]) -> String {
    let Err(failure) = driver::run::<M>(program, true) else { return "it passes".into() };
    let mut story = String::new();
    for byte in program {
        let _ = write!(story, "{byte:02x}");
    }
    format!("PROGRAM={story}\n{}\n{}", failure.log.join("\n"), failure.fault)
}

fn many<M: Tested>() {
    let mut random = Random(setting("SEED", 1));
    let mut polls = 0;
    for number in 0..setting("PROGRAMS", 20_000) {
        let program = random.program();
        match driver::run::<M>(&program, false) {
            Ok(more) => polls += more,
            Err(_) => {
                let least = shrink::shrink(&program, |some| driver::run::<M>(some, false).is_err());
                panic!("program {number} fails\n{}", story::<M>(&least));
            }
        }
    }
    assert!(polls > 0, "no task was ever polled");
}

#[test]
fn random_programs_do_on_one_thread_what_the_model_says() {
    many::<Unsync>();
}

#[test]
fn random_programs_do_in_a_shared_table_what_the_model_says() {
    many::<Sync>();
}

#[test]
fn one_program_is_told_step_by_step() {
    let given = std::env::var("PROGRAM").unwrap_or_default();
    let digits: Vec<_> = given.bytes().collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let program: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    let program = program.expect("a program is written in hexadecimal digits");
    for failure in [driver::run::<Unsync>(&program, true), driver::run::<Sync>(&program, true)] {
        if let Err(failure) = failure {
            panic!("{}\n{}", failure.log.join("\n"), failure.fault);
        }
    }
}
