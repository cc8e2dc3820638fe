//! Named background tasks on tokio.
//!
//! `cargo run --example tokio --features tokio`

use std::error::Error;
use std::time::Duration;

use task_registry::tokio::Tokio;
use task_registry::{Cancel, Registry};
use tokio::time::sleep;

async fn slow_work() {
    sleep(Duration::from_secs(3600)).await;
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let tasks = Registry::new(Tokio::current());

    // A handle is awaitable and owns the result. Dropping it does not stop the task.
    let answer = tasks.spawn("sum", async { 41 + 1 })?.await?;
    println!("sum: {answer}");
    tasks.spawn("slow_task", slow_work())?;

    // A live name is never silently taken.
    println!("again: {}", tasks.spawn("slow_task", slow_work()).unwrap_err());

    // Found by name, from anywhere that has a clone of the registry.
    let task = tasks.get("slow_task").ok_or("slow_task is gone")?;
    println!("found: {task}");

    // The request stands at once; awaiting it waits until the task's future has been dropped.
    if let Some(end) = tasks.cancel_with("slow_task", Cancel::new().reason("no longer needed")) {
        println!("slow_task: {}", end.await);
    }

    // What has ended stays on record until it is purged.
    for task in tasks.snapshot() {
        println!("listed: {task}");
    }
    println!("purged: {}", tasks.purge());

    // Any future is a deadline. From here on a spawn is an error.
    for id in 0..3 {
        tasks.spawn(format_args!("receiver:{id}"), slow_work())?;
    }
    let report = tasks.shutdown(sleep(Duration::from_secs(5))).await;
    println!("{report}");
    Ok(())
}
