//! Embassy's interrupt-mode executor, on a line that no device uses: its tasks run whatever the thread is doing.

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;
use embassy_executor::{InterruptExecutor, SendSpawner};

/// The number of the line, as the exception `DefaultHandler` is told: on the microbit's nRF51, SWI1.
pub const LINE: i16 = 21;

#[derive(Clone, Copy)]
struct Line;

// SAFETY: both chips have more than 21 lines, and `number` says the same one each time.
unsafe impl InterruptNumber for Line {
    fn number(self) -> u16 {
        LINE.unsigned_abs()
    }
}

static EXECUTOR: InterruptExecutor = InterruptExecutor::new();

/// Starts it, below the interrupt that the laws have call them.
///
/// # Panics
///
/// The second time.
pub fn start() -> SendSpawner {
    // SAFETY: only this changes priorities, before anything of the line's priority can come.
    unsafe {
        let mut nvic = cortex_m::Peripherals::steal().NVIC;
        nvic.set_priority(Line, 0x80);
        NVIC::unpend(Line);
    }
    EXECUTOR.start(Line)
}

pub(crate) fn serve() {
    // SAFETY: this is the interrupt, which is let through by `start` alone.
    unsafe { EXECUTOR.on_interrupt() };
}
