//! A future may borrow what outlives its executor, and nothing else.

use async_executor::LocalExecutor;
use task_registry::Registry;
use task_registry::local::OnLocalExecutor;

fn main() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    {
        let text = String::from("shorter");
        let _ = tasks.spawn("borrows", async { println!("{text}") });
    }
    drop(tasks);
    drop(executor);
}
