//! A result that is not `Send`, taken by its name from a table of all threads.

use std::rc::Rc;
use task_registry::mode::Sync;
use task_registry::{Options, Tasks};

fn main() {
    let tasks = Tasks::<Sync>::new(Options::new());
    let _ = tasks.take_result::<Rc<u32>>("rc");
}
