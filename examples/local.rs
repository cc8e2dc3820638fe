//! One thread, no runtime: futures that are not `Send` under `block_on` alone.
//!
//! `cargo run --example local --features local`

use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;

use async_executor::LocalExecutor;
use futures_lite::future::{block_on, yield_now};
use task_registry::Registry;
use task_registry::local::OnLocalExecutor;

fn main() -> Result<(), Box<dyn Error>> {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let log = Rc::new(RefCell::new(Vec::new()));

    block_on(executor.run(async {
        for name in ["ping", "pong"] {
            let log = log.clone();
            tasks.spawn(name, async move {
                loop {
                    log.borrow_mut().push(name);
                    yield_now().await;
                }
            })?;
        }
        while log.borrow().len() < 6 {
            yield_now().await;
        }

        // The endings, in the order in which they come.
        let mut endings = tasks.endings();
        for end in tasks.cancel_all().await {
            println!("{:?}: {}", end.name(), end.outcome());
        }
        while let Some(end) = endings.try_next_ended() {
            println!("observed the end of {:?}", end?.name());
        }
        println!("{:?} and so on", &log.borrow()[..6]);

        // A task may return what never leaves its thread.
        let shared = tasks.spawn("shared", async { Rc::new("not Send") })?.await?;
        println!("{shared}");
        Ok(())
    }))
}
