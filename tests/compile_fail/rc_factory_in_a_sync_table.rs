//! Any thread may restart a task of a `Sync` table, so the factory has to be one that any thread may call.

use std::rc::Rc;

use task_registry::Registry;
use task_registry::tokio::Tokio;

fn main() {
    let shared = Rc::new(1);
    let tasks = Registry::new(Tokio::ambient());
    let _ = tasks.spawn_restartable("feed", move |_| std::future::ready(*shared));
}
