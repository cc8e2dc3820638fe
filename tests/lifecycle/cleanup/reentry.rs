//! What it may do with the registry, and with its own task.

use std::future::{pending, ready};
use std::pin::pin;

use task_registry::{Cancel, Cleanup, Outcome, SpawnError, Tasks};

use super::how;
use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

pub(crate) async fn a_cleanup_may_spawn<H: Lives>(tasks: Reg<H>) {
    let (spawner, trace) = (tasks.clone(), Trace::default());
    let inner = trace.clone();
    let cleanup = make_of_end(move |_| async move {
        // Its own name is still its own.
        let taken = spawner.spawn("a", body(async {})).unwrap_err();
        assert!(matches!(taken, SpawnError::NameTaken { .. }));
        let helper = spawner.spawn("helper", body(async { 5u32 })).unwrap();
        inner.note(format!("helper: {}", helper.await.unwrap()));
    });
    let task = tasks.task("a").cleanup(cleanup, never()).spawn(body(async { 7u32 })).unwrap();
    task.wait().await;
    assert_eq!(how(&task), Some(Cleanup::Ran));
    assert_eq!(trace.read(), ["helper: 5"]);
}

pub(crate) async fn a_cleanup_may_cancel_its_own_task<H: Lives>(tasks: Reg<H>) {
    let inner = tasks.tasks().clone();
    let cleanup = make_of_end(move |_| async move {
        drop(inner.cancel_with("a", "by its cleanup").expect("it has not ended"));
        drop(inner.cancel_with("a", Cancel::new().now()));
        yield_now().await;
    });
    let task = tasks.task("a").cleanup(cleanup, never()).spawn(body(async { 7u32 })).unwrap();
    assert_eq!(task.wait().await, Outcome::Completed);
    assert_eq!(how(&task), Some(Cleanup::Ran));
    assert_eq!(task.await.unwrap(), 7);
}

pub(crate) async fn law_05_a_cleanup_that_awaits_its_own_task_hangs_no_longer_than_its_deadline<
    H: Lives,
>(
    tasks: Reg<H>,
) {
    type Waits<M> = fn(Tasks<M>) -> Body<()>;
    let ways: [Waits<H::Mode>; 4] = [
        |tasks| body(async move { drop(tasks.get("a").unwrap().wait().await) }),
        |tasks| body(async move { drop(tasks.cancel("a").unwrap().await) }),
        |tasks| body(async move { tasks.wait_idle().await }),
        |tasks| body(async move { drop(tasks.cancel_all().await) }),
    ];
    for way in ways {
        let (began, deadline) = (Gate::default(), Gate::default());
        let cleanup = make_of_end({
            let (began, tasks) = (began.clone(), tasks.tasks().clone());
            move |_| async move {
                began.open();
                way(tasks).await;
            }
        });
        let cleaned = tasks.task("a").cleanup(cleanup, until(&deadline));
        let task = cleaned.spawn(body(async { 7u32 })).unwrap();
        began.pass().await;
        deadline.open();
        assert_eq!(task.wait().await, Outcome::Completed);
        assert_eq!(how(&task), Some(Cleanup::TimedOut));
        assert_eq!(task.await.unwrap(), 7);
    }
}

pub(crate) async fn a_cleanup_may_shut_its_registry_down<H: Lives>(tasks: Reg<H>) {
    let held = hold(&tasks, "other").await;
    let (began, deadline, trace) = (Gate::default(), Gate::default(), Trace::default());
    let cleanup = make_of_end({
        let (began, tasks, trace) = (began.clone(), tasks.tasks().clone(), trace.clone());
        move |_| async move {
            let bounded = tasks.shutdown(ready(())).await;
            trace.note(format!(
                "{} remain",
                bounded.remaining().iter().any(|task| task.name() == Some("a"))
            ));
            began.open();
            tasks.shutdown(pending::<()>()).await;
            trace.note("never: it waits for itself");
        }
    });
    let cleaned = tasks.task("a").cleanup(cleanup, until(&deadline));
    let task = cleaned.spawn(body(async { 7u32 })).unwrap();
    began.pass().await;
    let mut shutdown = pin!(tasks.shutdown(pending::<()>()));
    assert!(held.task.wait().await.is_cancelled());
    assert_pending(poll_once(&mut shutdown));
    deadline.open();
    assert!(shutdown.await.is_clean());
    assert_eq!(task.outcome(), Some(Outcome::Completed));
    assert_eq!(how(&task), Some(Cleanup::TimedOut));
    assert_eq!(trace.read(), ["true remain"]);
}
