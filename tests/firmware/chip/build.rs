//! Says where the chip's memory layout is.
use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo says where the package is");
    let target = env::var("TARGET").expect("cargo says what is built for");
    let board = match target.as_str() {
        "thumbv7m-none-eabi" => "lm3s6965evb",
        "thumbv6m-none-eabi" => "microbit",
        // Nothing is linked for it.
        _ => return,
    };
    println!("cargo::rustc-link-search={root}/../layouts/{board}");
}
