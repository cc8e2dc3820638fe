//! A future that is not `Send` on an executor with several threads: the error names the `Rc`, and the adapter to use.

use std::rc::Rc;
use task_registry::Registry;
use task_registry::tokio::Tokio;

fn main() {
    let tasks = Registry::new(Tokio::current());
    let counter = Rc::new(1);
    let _ = tasks.spawn("rc", async move {
        std::future::pending::<()>().await;
        drop(counter);
    });
}
