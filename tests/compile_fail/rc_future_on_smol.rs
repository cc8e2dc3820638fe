//! The same on smol's global executor.

use std::rc::Rc;
use task_registry::Registry;
use task_registry::smol::Smol;

fn main() {
    let tasks = Registry::new(Smol);
    let counter = Rc::new(1);
    let _ = tasks.spawn("rc", async move {
        std::future::pending::<()>().await;
        drop(counter);
    });
}
