//! SysTick, as a clock that counts down from 2^24.
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;

const LAST: u32 = 0x00FF_FFFF;

/// Starts it.
///
/// # Panics
///
/// The second time.
pub fn start() {
    let mut timer = cortex_m::Peripherals::take().expect("the timer is started once").SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(LAST);
    timer.clear_current();
    timer.enable_counter();
}

#[inline(always)]
pub fn now() -> u32 {
    SYST::get_current()
}

/// How many ticks went by. Less than a round of the clock.
#[must_use]
pub fn between(began: u32, ended: u32) -> u32 {
    began.wrapping_sub(ended) & LAST
}

/// How many ticks a thousand instructions take. A hundred are run: what follows them reaches no further back on a Cortex-M0.
#[must_use]
#[inline(never)]
pub fn thousand() -> u32 {
    // The first pass is for QEMU, which translates what it has not run yet.
    let mut took = 0;
    for _ in 0..2 {
        let began = now();
        // SAFETY: they do nothing.
        unsafe { core::arch::asm!(".rept 100", "nop", ".endr", options(nomem, nostack)) };
        took = between(began, now());
    }
    took * 10
}
