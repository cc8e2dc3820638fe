//! A borrow of a local on an executor whose tasks may outlive it.

use task_registry::Registry;
use task_registry::tokio::Tokio;

fn main() {
    let tasks = Registry::new(Tokio::current());
    let text = String::from("local");
    let _ = tasks.spawn("borrows", async { println!("{text}") });
}
