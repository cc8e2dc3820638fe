//! Two tasks on the run queue, without a registry: that the ground which the rest stands on is firm.
#![no_std]
#![no_main]

use core::cell::Cell;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll};

use critical_section::Mutex;
use queue::Queue;

static QUEUE: Queue<Turns, 2> = Queue::new();
static TURNS: Mutex<Cell<u32>> = Mutex::new(Cell::new(0));

/// Takes that many turns.
struct Turns(u32);

impl Future for Turns {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        critical_section::with(|cs| TURNS.borrow(cs).set(TURNS.borrow(cs).get() + 1));
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[chip::entry]
fn main() -> ! {
    let spawned = [3, 4].map(|turns| QUEUE.spawn(Turns(turns)).is_ok());
    assert!(spawned == [true, true], "two places, two futures");
    assert!(QUEUE.spawn(Turns(1)).is_err(), "no third place");
    let all = poll_fn(|cx| {
        if critical_section::with(|cs| TURNS.borrow(cs).get()) == 7 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    });
    chip::exit(QUEUE.drive(all, cortex_m::asm::wfe).is_some())
}
