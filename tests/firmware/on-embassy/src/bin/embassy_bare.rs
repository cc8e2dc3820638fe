//! Two tasks on embassy's thread-mode executor, without a registry: that the ground which the rest stands on is firm.
#![no_std]
#![no_main]

use core::future::poll_fn;
use core::task::Poll;

use embassy_executor::{Executor, Spawner};
use static_cell::StaticCell;

#[embassy_executor::task]
async fn first(spawner: Spawner) {
    yield_now().await;
    let Ok(token) = second() else { panic!("its place is free") };
    spawner.spawn(token);
    assert!(second().is_err(), "and now it is not");
}

#[embassy_executor::task]
async fn second() {
    yield_now().await;
    chip::exit(true)
}

async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if core::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[chip::entry]
fn main() -> ! {
    static EXECUTOR: StaticCell<Executor> = StaticCell::new();
    EXECUTOR.init(Executor::new()).run(|spawner| {
        let Ok(token) = first(spawner) else { panic!("its place is free") };
        spawner.spawn(token);
    })
}
