//! The build script of every package with firmware: cortex-m-rt's linker script, which includes the chip's memory
//! layout. Not in `.cargo/config.toml`, where `RUSTFLAGS` would replace it.
fn main() {
    println!("cargo::rerun-if-changed=../link.rs");
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
}
