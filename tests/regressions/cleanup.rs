//! Cleanups that an executor lets go of.

use std::future::{pending, ready};

use async_executor::LocalExecutor;
use futures_lite::future::block_on;
use task_registry::local::OnLocalExecutor;
use task_registry::{Cleanup, Outcome, Registry, State};

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        std::panic::resume_unwind(Box::new("in the cleanup's destructor"));
    }
}

#[test]
fn law_03_a_cleanup_whose_destructor_panics_in_an_executors_hands_changes_no_outcome() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let hangs = |_: Outcome| {
        let bomb = Bomb;
        async move {
            let _bomb = bomb;
            pending::<()>().await;
        }
    };
    let cancelled = tasks.task("a").cleanup(hangs, pending::<()>).spawn(pending::<()>()).unwrap();
    let completed = tasks.task("b").cleanup(hangs, pending::<()>).spawn(ready(7)).unwrap();
    drop(cancelled.cancel_with("enough"));
    while executor.try_tick() {}
    assert_eq!((cancelled.state(), completed.state()), (State::Stopping, State::Running));
    drop(executor);
    let reason = Some("enough".into());
    assert_eq!(cancelled.outcome(), Some(Outcome::Cancelled { reason }));
    assert_eq!(cancelled.info().cleanup(), Some(Cleanup::Skipped));
    assert_eq!(block_on(completed).unwrap(), 7);
}
