//! Scopes within scopes within scopes.

use std::future::{Future, pending, ready};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use async_executor::LocalExecutor;
use futures_lite::future::{block_on, yield_now};
use task_registry::local::OnLocalExecutor;
use task_registry::{Options, Registry, Scope, SpawnError, Tasks, mode};

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

#[test]
fn what_a_cancelled_scope_says_to_a_spawn_is_true_although_its_registry_is_open() {
    let executor = Rc::new(LocalExecutor::new());
    let tasks = Registry::new(OnLocalExecutor(Rc::downgrade(&executor)));
    let scope = tasks.child("s");
    let made = tasks.task("made").within(&scope).spawn_restartable(|_| ready(())).unwrap();
    drop((scope.cancel(), made));
    let spawned = tasks.task("a").within(&scope).try_spawn(ready(())).unwrap_err().to_string();
    let reserved = tasks.task("a").within(&scope).reserve().unwrap_err().to_string();
    let restarted = tasks.restart("s/made").unwrap_err().to_string();
    assert!(!tasks.is_closed());
    drop(tasks.shutdown(ready(())));
    let closed = tasks.spawn("a", ready(())).unwrap_err().to_string();
    for said in [spawned, reserved, restarted, closed] {
        assert_eq!(said, "the registry was shut down, or the scope cancelled");
    }
}

#[test]
fn a_task_that_has_ended_and_is_about_to_leave_its_scope_is_not_asked_by_it() {
    /// Its destructor runs between the end of its task and the task's leaving.
    struct Last {
        scope: Scope<mode::Sync>,
        asked: Arc<Mutex<Option<usize>>>,
    }
    impl Wake for Last {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Last {
        fn drop(&mut self) {
            let asked = self.scope.cancel();
            *self.asked.lock().unwrap() = Some(asked.len());
        }
    }
    let executor = LocalExecutor::new();
    let tasks = Tasks::<mode::Sync>::new(Options::new());
    let tasks = Registry::with_tasks(OnLocalExecutor(&executor), tasks);
    let scope = tasks.child("s");
    let asked = Arc::new(Mutex::new(None));
    let ticket = tasks.task("a").within(&scope).reserve().unwrap();
    let task = ticket.task().clone();
    let mut run = Box::pin(ticket.track(yield_now()).unwrap().0);
    let waker = Waker::from(Arc::new(Last { scope: scope.clone(), asked: asked.clone() }));
    assert!(run.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    assert!(run.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    assert!(task.is_ended());
    assert_eq!(*asked.lock().unwrap(), Some(0), "nobody is left who could be asked");
}
