//! Programs of public operations, chosen by coverage: the driver, the model and the checks are those of `tests/model`.
//!
//! ```text
//! cargo +nightly fuzz run growing_table -- -max_len=600 -max_total_time=3600
//! cargo +nightly fuzz cmin growing_table
//! ```
//!
//! The first byte chooses the mode, the others are the program. One that fails is printed step by step;
//! `PROGRAM=… cargo test --test model one_program`, given the bytes after the first, runs it again.
#![no_main]

#[path = "../../tests/model/driver/mod.rs"]
mod driver;

use driver::Tested;
use libfuzzer_sys::fuzz_target;
use task_registry::mode::{Sync, Unsync};

fuzz_target!(|data: &[u8]| {
    match data.split_first() {
        Some((mode, program)) if mode % 2 == 1 => run::<Sync>(program),
        Some((_, program)) => run::<Unsync>(program),
        None => {}
    }
});

fn run<M: Tested>(program: &[u8]) {
    if driver::run::<M>(program, false).is_err() {
        let Err(failure) = driver::run::<M>(program, true) else { panic!("it fails now and then") };
        panic!("{}\n{}", failure.log.join("\n"), failure.fault);
    }
}
