//! Critical sections that are measured: how many instructions the longest had.
//!
//! QEMU counts instructions, not cycles, and its clock goes on by as much for each (`-icount`). The timer that counts is the
//! core's own, which both chips have. How many of its ticks an instruction takes is measured first.
#![no_std]

use core::sync::atomic::{AtomicU32, Ordering};

use critical_section::RawRestoreState;

pub mod timer;

struct Section;

critical_section::set_impl!(Section);

/// What the timer said when the outermost section began.
static BEGAN: AtomicU32 = AtomicU32::new(0);
/// Ticks of the longest so far.
static LONGEST: AtomicU32 = AtomicU32::new(0);
/// 0: interrupts were on.
static DEPTH: AtomicU32 = AtomicU32::new(0);

// SAFETY: interrupts are off from the outermost `acquire` to its `release`, and both chips have one core. Nothing in this
// firmware turns them on or off by other means.
unsafe impl critical_section::Impl for Section {
    unsafe fn acquire() -> RawRestoreState {
        cortex_m::interrupt::disable();
        let depth = DEPTH.load(Ordering::Relaxed);
        DEPTH.store(depth + 1, Ordering::Relaxed);
        if depth == 0 {
            BEGAN.store(timer::now(), Ordering::Relaxed);
        }
    }

    unsafe fn release((): RawRestoreState) {
        let ended = timer::now();
        let depth = DEPTH.load(Ordering::Relaxed) - 1;
        DEPTH.store(depth, Ordering::Relaxed);
        if depth > 0 {
            return;
        }
        let took = timer::between(BEGAN.load(Ordering::Relaxed), ended);
        LONGEST.store(LONGEST.load(Ordering::Relaxed).max(took), Ordering::Relaxed);
        // SAFETY: this was the outermost section, before which they were on.
        unsafe { cortex_m::interrupt::enable() };
    }
}

/// How long sections are, in instructions.
#[derive(Clone, Copy)]
pub struct Scale {
    /// Ticks of a thousand instructions.
    thousand: u32,
    /// Ticks of a section in which nothing is done.
    empty: u32,
}

impl Scale {
    /// Starts the timer and measures it.
    #[expect(clippy::new_without_default, reason = "it starts a timer")]
    pub fn new() -> Self {
        timer::start();
        let thousand = timer::thousand();
        let mut scale = Self { thousand, empty: 0 };
        scale.empty = scale.ticks(|| critical_section::with(|_| {}));
        scale
    }

    fn ticks(self, operation: impl FnOnce()) -> u32 {
        LONGEST.store(0, Ordering::Relaxed);
        operation();
        LONGEST.load(Ordering::Relaxed)
    }

    /// Instructions in the longest section of this operation.
    pub fn longest(self, operation: impl FnOnce()) -> u32 {
        let ticks = self.ticks(operation).saturating_sub(self.empty);
        (ticks * 1000 + self.thousand / 2) / self.thousand
    }
}
