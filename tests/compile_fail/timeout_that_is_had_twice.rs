//! A timeout is one future, and a task that is restarted would need another.

use task_registry::Registry;
use task_registry::tokio::Tokio;

fn main() {
    let tasks = Registry::new(Tokio::ambient());
    let timed = tasks.task("feed").timeout(std::future::pending::<()>());
    let _ = timed.spawn_restartable(|_| std::future::ready(()));
}
