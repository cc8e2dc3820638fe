//! On the run queue, bare: the future is given to the queue by value, and has nothing to drop.
#![no_std]
#![no_main]

use core::future::poll_fn;
use core::task::Poll;

use queue::Queue;
use stack::Plain;

static QUEUE: Queue<Plain, 1> = Queue::new();

#[chip::entry]
fn main() -> ! {
    stack::report(chip::stack::depth_of(|| {
        assert!(QUEUE.spawn(Plain::new()).is_ok());
        let mut turns = 0;
        let main = poll_fn(|cx| {
            turns += 1;
            cx.waker().wake_by_ref();
            if turns < 6 { Poll::Pending } else { Poll::Ready(()) }
        });
        assert!(QUEUE.drive(main, cortex_m::asm::nop).is_some());
    }))
}
