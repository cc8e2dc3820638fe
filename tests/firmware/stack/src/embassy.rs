//! Polls embassy's executor by hand, since its own loop never returns.
use core::sync::atomic::{AtomicBool, Ordering};

use embassy_executor::{Spawner, raw};
use static_cell::StaticCell;

/// Set by the task at its end.
pub static DONE: AtomicBool = AtomicBool::new(false);

/// How deep the stack goes while `spawn` spawns, and what it spawned runs.
pub fn depth_of(spawn: impl FnOnce(Spawner)) -> u32 {
    static EXECUTOR: StaticCell<raw::Executor> = StaticCell::new();
    // Nobody sleeps here, so it does not matter whom it wakes.
    let executor: &'static raw::Executor = EXECUTOR.init(raw::Executor::new(usize::MAX as *mut ()));
    chip::stack::depth_of(|| {
        spawn(executor.spawner());
        while !DONE.load(Ordering::SeqCst) {
            // SAFETY: not from within itself.
            unsafe { executor.poll() };
        }
    })
}
