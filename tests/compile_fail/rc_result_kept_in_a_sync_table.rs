//! A result that is not `Send`, kept where other threads could take it.

use std::rc::Rc;
use async_executor::LocalExecutor;
use task_registry::local::OnLocalExecutor;
use task_registry::mode::Sync;
use task_registry::{Options, Registry, Tasks};

fn main() {
    let executor = LocalExecutor::new();
    let tasks = Registry::with_tasks(OnLocalExecutor(&executor), Tasks::<Sync>::new(Options::new()));
    let _ = tasks.task("rc").keep_result().spawn(async { Rc::new(1) });
}
