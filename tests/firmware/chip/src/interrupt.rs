//! An interrupt line that no device uses, to be pended by software.
use core::cell::UnsafeCell;

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::scb::VectActive;
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

type Call<'a> = &'a mut (dyn FnMut() + Send);

/// What the interrupt is to call.
struct Called(UnsafeCell<Option<Call<'static>>>);

// SAFETY: touched in critical sections alone.
unsafe impl Sync for Called {}

static CALLED: Called = Called(UnsafeCell::new(None));

/// Has the interrupt call this, and returns when it did.
///
/// # Panics
///
/// If the interrupt does not come: one of its priority or above runs already.
pub fn call(call: Call<'_>) {
    // SAFETY: whatever happens it is taken out again before this returns, and so before what it borrows is gone.
    let longer: Call<'static> = unsafe { core::mem::transmute::<Call<'_>, Call<'static>>(call) };
    put(Some(longer));
    pend();
    assert!(put(None).is_none(), "the interrupt did not come");
}

/// For the exception `DefaultHandler`, when it is told the number [`SPARE`].
pub fn serve() {
    if let Some(call) = put(None) {
        call();
    }
}

fn put(call: Option<Call<'static>>) -> Option<Call<'static>> {
    // SAFETY: nobody else runs in a critical section, and this does not nest.
    cortex_m::interrupt::free(|_| core::mem::replace(unsafe { &mut *CALLED.0.get() }, call))
}

/// Whether this is called by that interrupt.
pub fn is_inside() -> bool {
    SCB::vect_active() == VectActive::Interrupt { irqn: SPARE as u8 }
}
