//! Who is told that a task was asked to stop.

use std::future::pending;
use std::sync::Arc;
use std::task::{Wake, Waker};

use async_executor::LocalExecutor;
use task_registry::Registry;
use task_registry::local::OnLocalExecutor;

struct Counted;

impl Wake for Counted {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_waker_that_registers_again_for_the_token_is_kept_once() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let (one, two) = (Arc::new(Counted), Arc::new(Counted));
    let wakers = [one.clone().into(), two.clone().into()];
    let task = tasks.with_context(()).spawn_with("a", |cx| {
        for _ in 0..1000 {
            wakers.iter().cloned().for_each(|waker: Waker| cx.wake_on_cancel(waker));
        }
        pending::<()>()
    });
    let task = task.unwrap();
    drop(wakers);
    assert_eq!((Arc::strong_count(&one), Arc::strong_count(&two)), (2, 2));
    drop(task.cancel());
    assert_eq!((Arc::strong_count(&one), Arc::strong_count(&two)), (1, 1), "woken, and let go of");
}
