//! Several values of a task's whose destructors panic, one after the other: the second must not come while the first unwinds.

use std::future::{pending, ready};
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Wake, Waker};

use async_executor::LocalExecutor;
use task_registry::local::OnLocalExecutor;
use task_registry::{Outcome, Registry};

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        resume_unwind(Box::new("in a destructor"));
    }
}

impl Wake for Bomb {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn law_14_wakers_of_the_token_that_panic_when_their_task_ends_unasked_are_each_contained() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let task = tasks.with_context(()).spawn_with("a", |cx| {
        (0..3).for_each(|_| cx.wake_on_cancel(Waker::from(Arc::new(Bomb))));
        ready(7)
    });
    let task = task.unwrap();
    while executor.try_tick() {}
    assert_eq!(task.outcome(), Some(Outcome::Completed));
}

#[test]
fn law_14_a_cleanup_and_its_deadline_that_panic_when_they_are_dropped_unmade_are_each_contained() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let (one, two) = (Bomb, Bomb);
    let cleanup = move |_: Outcome| {
        let _ = &one;
        ready(())
    };
    let deadline = move || {
        let _ = &two;
        pending::<()>()
    };
    let task = tasks.task("a").cleanup(cleanup, deadline).spawn(pending::<()>()).unwrap();
    drop(executor);
    assert_eq!(task.outcome(), Some(Outcome::Abandoned));
}

#[test]
fn law_14_what_a_task_would_be_made_anew_from_is_let_go_of_piece_by_piece() {
    let executor = Rc::new(LocalExecutor::new());
    let tasks = Registry::new(OnLocalExecutor(Rc::downgrade(&executor)));
    let (one, two) = (Bomb, Bomb);
    // A restart clones what makes the grace: so it is shared, and the recipe's is the last.
    let one = Rc::new(one);
    let grace = move || {
        let _ = &one;
        pending::<()>()
    };
    let make = move |_| {
        let _ = &two;
        ready(7)
    };
    let task = tasks.task("a").grace(grace).spawn_restartable(make).unwrap();
    while executor.try_tick() {}
    assert_eq!(task.outcome(), Some(Outcome::Completed));
    assert_eq!(tasks.purge(), 1);
}
