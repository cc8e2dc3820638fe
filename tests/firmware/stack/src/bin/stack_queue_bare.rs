//! On the run queue, bare: the future lies in a static, where it was made, and the queue has a reference.
#![no_std]
#![no_main]

use core::future::poll_fn;
use core::pin::Pin;
use core::task::Poll;

use queue::Queue;
use stack::Big;
use static_cell::StaticCell;

static QUEUE: Queue<Pin<&'static mut Big>, 1> = Queue::new();
static PLACE: StaticCell<Big> = StaticCell::new();

#[chip::entry]
fn main() -> ! {
    stack::report(chip::stack::depth_of(|| {
        let place = Pin::new(PLACE.init_with(Big::new));
        assert!(QUEUE.spawn(place).is_ok());
        let mut turns = 0;
        let main = poll_fn(|cx| {
            turns += 1;
            cx.waker().wake_by_ref();
            if turns < 6 { Poll::Pending } else { Poll::Ready(()) }
        });
        assert!(QUEUE.drive(main, cortex_m::asm::nop).is_some());
    }))
}
