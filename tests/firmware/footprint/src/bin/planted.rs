//! What must be found in firmware, or the search for it says nothing: a panic that input reaches, formatting, a function that comes
//! back to itself.
#![no_std]
#![no_main]

use core::fmt::{self, Write};
use core::hint::black_box;

struct Length(usize);

impl Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

#[inline(never)]
fn recursion(depth: usize) -> usize {
    if black_box(depth) == 0 { 0 } else { black_box(recursion(depth - 1)) + 1 }
}

/// The name that a global allocator is called by.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn __rust_alloc(size: usize) -> usize {
    black_box(size)
}

#[footprint::chip::entry]
fn main() -> ! {
    let slots = [3, 2, 1];
    let mut length = Length(slots[black_box(1)] + __rust_alloc(black_box(1)));
    let _ = write!(length, "{}", recursion(black_box(2)));
    footprint::chip::exit(length.0 > 0)
}
