//! An interrupt line that no device uses, to be pended by software.
use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::{NVIC, SCB};

/// The line that both chips have spare: on the microbit's nRF51 it is SWI0, made for this; on the LM3S6965 it is the
/// second timer's.
#[derive(Clone, Copy)]
pub struct Spare;

/// Its number, as the exception `DefaultHandler` is told.
pub const SPARE: i16 = 20;

// SAFETY: both chips have more than 20 lines, and `number` says the same one each time.
unsafe impl InterruptNumber for Spare {
    fn number(self) -> u16 {
        SPARE.unsigned_abs()
    }
}

/// Lets the interrupt through when it is pended.
pub fn enable() {
    // SAFETY: nothing here has a critical section that is made of masked lines.
    unsafe { NVIC::unmask(Spare) };
}

/// Has the interrupt come now; it is over when this returns, unless interrupts are off or one runs already.
pub fn pend() {
    NVIC::pend(Spare);
    cortex_m::asm::dsb();
    cortex_m::asm::isb();
}

/// Whether this is called by an interrupt or another exception.
pub fn is_inside() -> bool {
    !matches!(SCB::vect_active(), cortex_m::peripheral::scb::VectActive::ThreadMode)
}
