//! What all firmware here needs of its chip: text and a verdict through semihosting, a panic handler, a timer, an
//! interrupt to pend, and how deep the stack went.
#![no_std]

use cortex_m_semihosting::debug;
use cortex_m_semihosting::hio::{self, HostStream};

pub use cortex_m_rt::{entry, exception};

pub mod interrupt;
pub mod stack;
pub mod timer;

/// Prints a line, made of pieces; without `core::fmt`, whose size would drown what is measured.
pub fn print(pieces: &[&str]) {
    if let Ok(mut out) = hio::hstdout() {
        for piece in pieces {
            write(&mut out, piece);
        }
        write(&mut out, "\n");
    }
}

// There is nobody to tell that printing failed; the exit code is the verdict.
fn write(out: &mut HostStream, text: &str) {
    let _ = out.write_all(text.as_bytes());
}

/// A number in decimal digits.
pub struct Digits([u8; 10], usize);

impl Digits {
    pub fn of(mut number: u32) -> Self {
        let mut digits = Self([b'0'; 10], 10);
        for digit in digits.0.iter_mut().rev() {
            digits.1 -= 1;
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        digits
    }

    pub fn as_str(&self) -> &str {
        self.0.get(self.1..).and_then(|digits| core::str::from_utf8(digits).ok()).unwrap_or("?")
    }
}

/// Ends the emulator: 0 if all is well, else 1.
pub fn exit(well: bool) -> ! {
    debug::exit(if well { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE });
    loop {
        cortex_m::asm::wfi();
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    #[cfg(feature = "report")]
    cortex_m_semihosting::hprintln!("{}", info);
    #[cfg(not(feature = "report"))]
    {
        let _ = info;
        print(&["panicked"]);
    }
    exit(false)
}

/// A stack that grew out of its memory, or a bad access.
#[cfg(feature = "report")]
#[cortex_m_rt::exception]
unsafe fn HardFault(_: &cortex_m_rt::ExceptionFrame) -> ! {
    print(&["hard fault"]);
    exit(false)
}
