//! SysTick, which both chips have: an interrupt that comes by itself.
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;

/// Starts it. From now on the exception `SysTick` comes every `cycles` of the core's clock.
///
/// # Panics
///
/// The second time.
pub fn start(cycles: u32) {
    let mut timer = cortex_m::Peripherals::take().expect("the timer is started once").SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(cycles);
    timer.clear_current();
    timer.enable_counter();
    timer.enable_interrupt();
    let _: SYST = timer;
}
