//! Tests of what only the inside can see.

use core::cell::Cell;

std::thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// Counts that a slot was looked at.
pub(crate) fn step() {
    STEPS.with(|steps| steps.set(steps.get() + 1));
}
