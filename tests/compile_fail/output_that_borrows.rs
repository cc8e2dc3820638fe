//! A future may borrow from its executor's surroundings; its output may not: records outlive the executor.

use async_executor::LocalExecutor;
use task_registry::Registry;
use task_registry::local::OnLocalExecutor;

fn main() {
    let text = String::from("outlives the executor");
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let _ = tasks.spawn("borrows", async { text.as_str() });
}
