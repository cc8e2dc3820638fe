//! What a guard says when it stops its task.

use std::future::pending;

use async_executor::LocalExecutor;
use futures_lite::future::{block_on, yield_now};
use task_registry::local::OnLocalExecutor;
use task_registry::{Cancel, Outcome, Registry};

#[test]
fn a_guard_stops_its_task_with_a_reason_and_a_grace() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let guard = tasks.spawn("receiver", pending::<()>()).unwrap().drop_guard();
    let outcome = block_on(executor.run(guard.stop_with("the client left")));
    assert_eq!(outcome.reason(), Some("the client left"));

    let patient = tasks.with_context(()).spawn_with("patient", |cx| async move {
        cx.cancelled().await;
        cx.cancel_reason().map(|reason| reason.to_string())
    });
    let patient = patient.unwrap();
    let guard = patient.drop_guard();
    block_on(executor.run(async {
        yield_now().await;
        let cancel = Cancel::new().reason("going down").grace(pending::<()>());
        assert_eq!(guard.stop_with(cancel).await, Outcome::Completed);
        assert_eq!(patient.await.unwrap().as_deref(), Some("going down"));
    }));
}
