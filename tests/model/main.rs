//! The model-based test of the growing table: random programs, done to the real thing and to a naive model.
//!
//! ```text
//! cargo test --features std --test model                           4,000 programs, always the same, in each mode
//! PROGRAMS=5000000 SEED=7 cargo test --release --test model        others, and more of them
//! PROGRAM=0a1b2c cargo test --test model -- --nocapture one        one of them, step by step
//! ```
//!
//! A program that fails is made smaller first, then printed with all that it does, so that it can be written down as a
//! test in `tests/regressions`. The driver is that of the fuzzer in `fuzz/` as well: see [`driver`].

mod driver;
mod shrink;

use std::fmt::Write as _;
use std::path::Path;

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
    // Without optimisation each takes ten times as long.
    let programs = if cfg!(debug_assertions) { 4_000 } else { 40_000 };
    for number in 0..setting("PROGRAMS", programs) {
        let program = random.program();
        if driver::run::<M>(&program, false).is_err() {
            let least = shrink::shrink(&program, |some| driver::run::<M>(some, false).is_err());
            panic!("program {number} fails\n{}", story::<M>(&least));
        }
    }
}

#[test]
fn random_programs_do_on_one_thread_what_the_model_says() {
    many::<Unsync>();
}

#[test]
fn random_programs_do_in_a_shared_table_what_the_model_says() {
    many::<Sync>();
}

fn replay<M: Tested>(path: &Path, program: &[u8]) {
    let passes = driver::run::<M>(program, false).is_ok();
    assert!(passes, "{}\n{}", path.display(), story::<M>(program));
}

/// What the fuzzer of `fuzz/` found to be worth keeping: as it runs them, the first byte chooses the mode.
#[test]
fn every_program_of_the_corpus_does_what_the_model_says() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/growing_table");
    let files: Vec<_> = std::fs::read_dir(corpus).expect("it is in the repository").collect();
    assert!(files.len() >= 400, "{} programs in {corpus}", files.len());
    for file in files {
        let path = file.unwrap().path();
        let data = std::fs::read(&path).unwrap();
        let Some((mode, program)) = data.split_first() else { continue };
        match mode % 2 {
            1 => replay::<Sync>(&path, program),
            _ => replay::<Unsync>(&path, program),
        }
    }
}

/// A model that is never asked agrees with everything.
#[test]
fn random_programs_come_to_all_that_the_model_knows() {
    let mut random = Random(1);
    let mut left = KNOWN.to_vec();
    for _ in 0..3_000 {
        let log = match driver::run::<Unsync>(&random.program(), true) {
            Ok(log) => log,
            Err(failure) => panic!("{}\n{}", failure.log.join("\n"), failure.fault),
        };
        left.retain(|(what, other)| {
            !log.iter().any(|line| line.contains(what) && line.contains(other))
        });
        if left.is_empty() {
            return;
        }
    }
    panic!("nothing ever came to {left:?}");
}

/// Two parts of a line each.
const KNOWN: [(&str, &str); 59] = [
    ("ended: Completed", "cleanup Some(Ran)"),
    ("ended: Failed", ""),
    ("ended: Panicked", "cleanup Some(Ran)"),
    ("ended: Abandoned", "cleanup None"),
    ("ended: NeverStarted", ""),
    ("ended: Cancelled", "replaced"),
    ("ended: Cancelled", "timed out"),
    ("ended: Cancelled", "shutdown"),
    ("ended: Cancelled", "cleanup Some(TimedOut)"),
    ("ended: ", "cleanup Some(Skipped)"),
    ("ended: ", "cleanup Some(Panicked)"),
    ("and its destructor panics", ""),
    ("an output's destructor panics", ""),
    ("a waker panics", ""),
    ("has run in place: true", ""),
    ("has run in place: false", ""),
    ("= Next(Some", ""),
    ("= Next(None", ""),
    ("is to wake somebody", ""),
    ("by a guard that is dropped", ""),
    ("an observer panics", ""),
    ("a factory panics", ""),
    ("-> a panic", ""),
    ("restart: a panic", ""),
    ("-> Err", "EmptyName"),
    ("-> Err", "NameTaken"),
    ("-> Err", "Closed"),
    ("-> Err", "Full { capacity"),
    ("-> Err", "Refused"),
    ("-> Err", "Cancelled"),
    ("-> existing", ""),
    ("restart: Ok", ""),
    ("restart: Err", "NotFound"),
    ("restart: Err", "NotRestartable"),
    ("restart: Err", "Closed"),
    ("restart: Err", "Refused"),
    ("restart: Err", "Full"),
    ("taken: Ok(true)", ""),
    ("taken: Ok(false)", ""),
    ("taken: Err", "NoResult"),
    ("taken: Err", "NotEnded"),
    ("taken: Err", "Join"),
    ("= End", ""),
    ("= Joined(Ok", ""),
    ("= Joined(Err", ""),
    ("= Started(Ok", ""),
    ("= Started(Err", ""),
    ("= Ends", ", ("),
    ("= Named", ""),
    ("= Report", "None)"),
    ("= Report", "Completed"),
    ("told Added", ""),
    ("told Started", ""),
    ("told Stopping", ""),
    ("told Ended", ""),
    ("told Unclaimed", ""),
    ("no shield over", ""),
    ("guard of", ""),
    ("in stages: true", ", "),
];

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
