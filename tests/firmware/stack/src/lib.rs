//! A future of 16 KiB, and how deep the stack goes when it is spawned and run.
#![no_std]

use core::future::Future;
use core::hint::black_box;
use core::pin::Pin;
use core::task::{Context, Poll};

pub mod embassy;

/// 16 KiB, all of which is used at each of three turns; and nothing to drop.
pub struct Plain {
    bytes: [u8; 16 * 1024],
    turns: u8,
}

impl Plain {
    #[expect(clippy::new_without_default, reason = "one does not want this by default")]
    pub fn new() -> Self {
        // Not a constant, which the compiler might unroll into 4,096 instructions.
        Self { bytes: [black_box(0); 16 * 1024], turns: 0 }
    }
}

impl Future for Plain {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.turns += 1;
        let turns = self.turns;
        for byte in black_box(&mut self.bytes) {
            assert!(*byte == turns - 1);
            *byte = turns;
        }
        if turns == 3 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The same, with something to drop, as most futures have.
pub struct Big(Plain);

impl Big {
    #[expect(clippy::new_without_default, reason = "as above")]
    pub fn new() -> Self {
        Self(Plain::new())
    }
}

impl Future for Big {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl Drop for Big {
    fn drop(&mut self) {
        black_box(&mut self.0.bytes);
    }
}

/// Says how deep the stack went, and ends the emulator.
pub fn report(depth: u32) -> ! {
    chip::print(&["stack: ", chip::Digits::of(depth).as_str(), " bytes"]);
    chip::exit(true)
}
