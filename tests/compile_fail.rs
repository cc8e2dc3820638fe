//! What must not compile, and what the compiler says of it: the message names what was captured, or what to use.
//!
//! The expected messages are those of one compiler, so others are let pass. After a change,
//! `TRYBUILD=overwrite cargo test --all-features --test compile_fail` writes them anew: read what it wrote.

use std::process::Command;

const COMPILER: &str = "rustc 1.95.";

#[test]
fn what_must_not_compile_does_not_and_says_why() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("there is a compiler");
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    if !version.starts_with(COMPILER) {
        println!("skipped: the messages are those of {COMPILER}x, and this is {version}");
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
