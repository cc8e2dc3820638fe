//! Critical sections of threads. Not those that the crate `critical-section` has for std: tests of the workspace that bring
//! their own would be linked with these, too.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use critical_section::RawRestoreState;

struct Section;

critical_section::set_impl!(Section);

/// Whether some thread is in a section.
static TAKEN: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// How many sections of this thread are in each other.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: the outermost section of a thread begins when that thread has set `TAKEN`, which was clear, and clears it at its
// end, so no two threads are in one at the same time; acquire and release make what one did seen by the next.
unsafe impl critical_section::Impl for Section {
    unsafe fn acquire() -> RawRestoreState {
        if DEPTH.get() == 0 {
            while TAKEN.swap(true, Ordering::Acquire) {
                thread::yield_now();
            }
        }
        DEPTH.set(DEPTH.get() + 1);
    }

    unsafe fn release((): RawRestoreState) {
        DEPTH.set(DEPTH.get() - 1);
        if DEPTH.get() == 0 {
            TAKEN.store(false, Ordering::Release);
        }
    }
}
