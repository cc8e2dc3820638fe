//! A spawn that fails, or that finds a task which is kept: what it was given goes, or comes back, whatever panics at that.

use std::future::{Future, pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

use async_executor::LocalExecutor;
use futures_lite::future::block_on;
use task_registry::local::OnLocalExecutor;
use task_registry::{Registry, SpawnError, Spawned, conflict};

use crate::let_go::{Bomb, cleanup, timer};

/// Panics when it is dropped.
struct Never(Bomb);

impl Future for Never {
    type Output = u64;
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u64> {
        Poll::Pending
    }
}

/// Calls `spawn` with a registry in which "taken" is, one that was shut down, and one whose executor is gone.
fn in_vain(spawn: impl Fn(&Registry<OnLocalExecutor<Weak<LocalExecutor<'static>>>>)) {
    let executor = Rc::new(LocalExecutor::new());
    let registry = |executor: &Rc<_>| Registry::new(OnLocalExecutor(Rc::downgrade(executor)));
    let (taken, closed) = (registry(&executor), registry(&executor));
    let gone = Rc::new(LocalExecutor::new());
    let on_gone = registry(&gone);
    drop(gone);
    let _holder = taken.spawn("taken", pending::<()>()).unwrap();
    drop(closed.shutdown(pending::<()>()));
    for tasks in [taken, closed, on_gone] {
        spawn(&tasks);
    }
}

#[test]
fn law_14_a_future_comes_back_although_the_terms_of_its_task_panic_when_they_go() {
    in_vain(|tasks| {
        let task = tasks.task("taken").cleanup(cleanup(), timer()).grace(timer());
        let error = task.try_spawn(ready(7)).unwrap_err();
        assert_eq!(block_on(error.into_future()), 7);
    });
}

#[test]
fn law_14_a_future_that_is_let_go_of_by_a_failed_spawn_panics_to_nobody() {
    in_vain(|tasks| {
        let error = tasks.spawn("taken", Never(Bomb)).unwrap_err();
        assert_ne!(error, SpawnError::EmptyName);
        assert_eq!(tasks.spawn("", Never(Bomb)).unwrap_err(), SpawnError::EmptyName);
    });
}

#[test]
fn law_14_a_future_that_is_let_go_of_for_a_task_that_is_kept_panics_to_nobody() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let holder = tasks.spawn("a", pending::<u64>()).unwrap();
    let kept = tasks.task("a").on_conflict(conflict::Keep).spawn(Never(Bomb)).unwrap();
    assert!(matches!(kept, Spawned::Existing(task) if task.id() == holder.id()));
}

#[test]
fn law_14_a_factory_that_panics_goes_to_the_caller_although_the_terms_panic_when_they_go() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let task = tasks.task("a").grace(timer());
    let spawn =
        || task.spawn_with((), |_| -> std::future::Ready<()> { resume_unwind(Box::new(7)) });
    let thrown = catch_unwind(AssertUnwindSafe(spawn)).unwrap_err();
    assert_eq!(thrown.downcast_ref(), Some(&7));
    assert!(tasks.get("a").is_none(), "the place was given back");
}
