//! Scopes within scopes within scopes.

use std::future::{pending, ready};

use async_executor::LocalExecutor;
use futures_lite::future::block_on;
use task_registry::local::OnLocalExecutor;
use task_registry::{Registry, SpawnError};

#[test]
fn a_hundred_thousand_nested_scopes_are_entered_left_cancelled_and_dropped() {
    const LEVELS: usize = 100_000;
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let root = tasks.child("");
    let mut scope = root.clone();
    for _ in 0..LEVELS {
        // The path grows by the slash alone.
        scope = scope.child("");
    }
    let deepest = tasks.unnamed().within(&scope).spawn(pending::<()>()).unwrap();
    assert_eq!((root.live(), scope.live()), (1, 1));
    let ended = block_on(executor.run(root.cancel()));
    assert_eq!((ended.len(), root.live(), scope.live()), (1, 0, 0));
    assert!(deepest.outcome().unwrap().is_cancelled());
    assert!(scope.is_closed());
    assert_eq!(tasks.unnamed().within(&scope).spawn(ready(())).unwrap_err(), SpawnError::Closed);
    drop(root);
    drop(scope);
}
