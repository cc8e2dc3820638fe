//! On embassy's executor, bare.
#![no_std]
#![no_main]

use core::sync::atomic::Ordering;

use stack::Big;
use stack::embassy::{DONE, depth_of};

#[embassy_executor::task]
async fn task() {
    Big::new().await;
    DONE.store(true, Ordering::SeqCst);
}

#[chip::entry]
fn main() -> ! {
    stack::report(depth_of(|spawner| {
        let Ok(token) = task() else { panic!("it is free") };
        spawner.spawn(token);
    }))
}
