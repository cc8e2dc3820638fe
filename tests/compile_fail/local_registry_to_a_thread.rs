//! A registry that spawns on one thread stays there, even when its table goes anywhere.

use async_executor::LocalExecutor;
use task_registry::local::OnLocalExecutor;
use task_registry::mode::Sync;
use task_registry::{Options, Registry, Tasks};

fn main() {
    let executor: &'static LocalExecutor<'static> = Box::leak(Box::new(LocalExecutor::new()));
    let tasks = Registry::with_tasks(OnLocalExecutor(executor), Tasks::<Sync>::new(Options::new()));
    std::thread::spawn(move || drop(tasks.spawn("a", async {})));
}
