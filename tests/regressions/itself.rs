//! A task that waits for its own end.

use std::future::ready;

use async_executor::LocalExecutor;
use futures_lite::future::block_on;
use task_registry::local::OnLocalExecutor;
use task_registry::{Outcome, Registry, WaitsForItself};

#[test]
fn law_05_waiting_for_oneself_is_an_error_where_the_context_is_known() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let other = tasks.spawn("other", ready(())).unwrap();
    let task = tasks.with_context(()).spawn_with("a", |cx| async move {
        let itself = cx.tasks().get("a").unwrap();
        let (of_itself, of_other) = cx
            .shield(async {
                let other = cx.wait(&other).expect("it is another one").await;
                (cx.wait(&itself).err(), other)
            })
            .await;
        (of_itself, of_other)
    });
    let (of_itself, of_other) = block_on(executor.run(task.unwrap())).unwrap();
    assert_eq!((of_itself, of_other), (Some(WaitsForItself), Outcome::Completed));
}
