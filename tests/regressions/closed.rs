//! What a registry lets go of when it is closed.

use std::future::ready;
use std::rc::Rc;

use async_executor::LocalExecutor;
use futures_lite::future::block_on;
use task_registry::local::OnLocalExecutor;
use task_registry::{Registry, RestartError, SpawnError};

#[test]
fn a_shutdown_lets_go_of_what_restarts_need_so_that_no_record_keeps_the_registry() {
    let executor = Rc::new(LocalExecutor::new());
    let tasks = Registry::new(OnLocalExecutor(Rc::downgrade(&executor)));
    let app = Rc::new(());
    let view = tasks.with_context(app.clone()).with_registry();
    let task = view.spawn_restartable("a", |cx| async move { drop(cx) }).unwrap();
    block_on(executor.run(task)).unwrap();
    drop(view);
    assert_eq!(Rc::strong_count(&app), 2, "its record can be made anew");
    block_on(executor.run(tasks.shutdown(ready(()))));
    assert_eq!(Rc::strong_count(&app), 1);
    let closed = RestartError::NotSpawned(SpawnError::Closed);
    assert_eq!(tasks.restart("a").unwrap_err(), closed);
}
