//! How deep the stack goes: it is painted first, and looked at afterwards.
use core::ptr;

use cortex_m::register::msp;

const PAINT: u32 = 0x5AFE_57AC;
/// Left alone below the stack pointer of who paints.
const MARGIN: u32 = 16;

unsafe extern "C" {
    /// Where the stack may grow down to: cortex-m-rt's linker script puts it after all statics.
    static mut _stack_end: u32;
}

/// How many bytes of stack `run` took beyond what was in use before, to within what painting takes itself.
///
/// # Panics
///
/// If it took all there is.
#[inline(never)]
pub fn depth_of(run: impl FnOnce()) -> u32 {
    // What `run` takes must not become part of this function's own frame.
    #[inline(never)]
    fn outside(run: impl FnOnce()) {
        run();
    }
    let top = paint();
    outside(run);
    let bottom = (&raw const _stack_end) as u32;
    let mut deepest = bottom;
    // SAFETY: between the statics and the stack pointer there is RAM that belongs to nobody but the stack.
    while deepest < top && unsafe { ptr::read_volatile(deepest as *const u32) } == PAINT {
        deepest += 4;
    }
    if deepest == bottom {
        panic!("the stack went through its end");
    }
    top + MARGIN - deepest
}

/// Paints what is below, and says up to where.
#[inline(never)]
fn paint() -> u32 {
    let top = (msp::read() - MARGIN) & !3;
    let mut word = (&raw const _stack_end) as u32;
    while word < top {
        // SAFETY: as above; the margin keeps it off this function's own frame.
        unsafe { ptr::write_volatile(word as *mut u32, PAINT) };
        word += 4;
    }
    top
}
