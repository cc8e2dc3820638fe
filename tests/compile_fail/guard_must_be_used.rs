//! A guard that is not kept stops its task at once: the compiler says so.
#![deny(unused_must_use)]

use task_registry::mode::Unsync;
use task_registry::{Options, Tasks};

fn main() {
    let tasks = Tasks::<Unsync>::new(Options::new());
    if let Some(task) = tasks.get("a") {
        task.drop_guard();
    }
    tasks.drop_guard();
}
