//! An executor with several threads cannot report to a table of one.

use task_registry::mode::Unsync;
use task_registry::tokio::Tokio;
use task_registry::{Options, Registry, Tasks};

fn main() {
    let tasks = Registry::with_tasks(Tokio::current(), Tasks::<Unsync>::new(Options::new()));
    let _ = tasks.spawn("a", async {});
}
