//! A result that is not `Send` on an executor with several threads.

use std::rc::Rc;
use task_registry::Registry;
use task_registry::tokio::Tokio;

fn main() {
    let tasks = Registry::new(Tokio::current());
    let _ = tasks.spawn("rc", async { Rc::new(1) });
}
