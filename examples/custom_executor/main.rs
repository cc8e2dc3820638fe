//! A registry on an executor that nobody has heard of.
//!
//! `cargo run --example custom_executor`
//!
//! `executor.rs` has the executor and its spawner; from here on it is like any other.

mod executor;

use std::error::Error;
use std::future::pending;
use std::sync::Arc;

use executor::Handle;
use task_registry::Registry;

fn main() -> Result<(), Box<dyn Error>> {
    let executor = executor::start();
    let tasks = Registry::new(Handle(Arc::downgrade(&executor)));

    // The executor knows neither results nor cancelling; the registry brings both.
    let sum = tasks.spawn("sum", async { 41 + 1 })?;
    println!("sum: {}", sum.wait_blocking()?);

    tasks.spawn("slow_task", pending::<()>())?;
    if let Some(end) = tasks.cancel("slow_task") {
        println!("slow_task: {}", end.wait_blocking());
    }

    // A panic stays with its task.
    let broken = tasks.spawn("broken", async { panic!("out of tea") })?;
    println!("broken: {}", broken.task().wait_blocking());

    // An executor that goes away takes its tasks along, and whoever waits is told.
    let orphan = tasks.spawn("orphan", pending::<()>())?;
    drop(executor);
    println!("orphan: {}", orphan.task().wait_blocking());
    println!("too_late: {}", tasks.spawn("too_late", async {}).unwrap_err());

    println!("\n{}", tasks.snapshot());
    Ok(())
}
