//! Law 11: what happens to tasks whose executor lets go of them.

use std::pin::pin;

use futures_lite::future::block_on;
use task_registry::{Outcome, State, TaskHandle};

use crate::harness::*;
use crate::kit::*;

pub(crate) fn law_11_every_waiter_resolves_when_the_executor_goes<H: Mortal>() {
    let left = H::lose();
    assert_eq!(block_on(left.pending.task.wait()), Outcome::Abandoned);
    assert_eq!(block_on(left.fresh.task.wait()), Outcome::Abandoned);
    assert_eq!(block_on(left.queued.task.wait()), Outcome::Abandoned);
    assert!(
        block_on(left.cancelled.task.wait()).is_cancelled(),
        "who was asked to stop was cancelled"
    );
    assert!(block_on(left.replaced.task.wait()).is_cancelled());
    assert_eq!(block_on(left.done.task().wait()), Outcome::Completed);
    assert_eq!(block_on(left.nosy.task.wait()), Outcome::Abandoned);
    let lost =
        [&left.pending, &left.fresh, &left.queued, &left.cancelled, &left.replaced, &left.nosy];
    for held in lost {
        assert_eq!(held.task.state(), State::Ended);
        assert!(held.dropped.is_set(), "its future is gone");
    }
    assert_eq!(left.tasks.live(), 0);
    assert_eq!(left.tasks.counts().ended, 7);
}

pub(crate) fn law_11_handles_and_cancels_of_lost_tasks_resolve<H: Mortal>() {
    let left = H::lose();
    let error = |task: TaskHandle<(), H::Mode>| block_on(task).unwrap_err();
    block_on(left.tasks.wait_idle());
    let cancelling = left.pending.task.cancel();
    assert_eq!(block_on(cancelling), Outcome::Abandoned);
    let lost = error(left.pending.task);
    assert_eq!(*lost.outcome(), Outcome::Abandoned);
    assert!(!lost.is_cancelled() && !lost.is_panic());
    assert!(error(left.cancelled.task).is_cancelled());
    assert!(error(left.replaced.task).is_cancelled());
    assert_eq!(block_on(left.done).unwrap(), 7);
    assert!(block_on(left.tasks.cancel_all()).is_empty());
    let report = block_on(left.tasks.shutdown(std::future::pending::<()>()));
    assert!(report.is_clean());
}

pub(crate) fn law_11_names_of_lost_tasks_are_free_and_their_records_can_be_purged<H: Mortal>() {
    let left = H::lose();
    block_on(left.tasks.wait_idle());
    assert!(left.tasks.get_live("pending").is_none());
    assert_eq!(left.tasks.get("pending").unwrap().outcome(), Some(Outcome::Abandoned));
    drop(left.tasks.reserve("pending").expect("the name is free"));
    assert_eq!(left.tasks.purge(), 7);
    assert!(left.tasks.is_empty());
}

pub(crate) fn law_09_destructors_may_call_the_registry_while_the_executor_goes<H: Mortal>() {
    let left = H::lose();
    assert_eq!(block_on(left.nosy.task.wait()), Outcome::Abandoned, "its checks did not panic");
    assert!(left.nosy.dropped.is_set());
}

pub(crate) async fn law_11_a_tracked_future_that_is_dropped_is_abandoned<H: Harness>(
    tasks: Reg<H>,
) {
    let (future, task) = by_hand(&tasks, "a", std::future::pending::<()>());
    let (waker, wakes) = counting_waker();
    let mut handle = pin!(task);
    assert_pending(poll_with(&mut handle, &waker).map(|_| ()));
    drop(future);
    assert_eq!(wakes.get(), 1);
    let error = assert_ready(poll_with(&mut handle, &waker)).unwrap_err();
    assert_eq!(*error.outcome(), Outcome::Abandoned);
    assert!(tasks.get_live("a").is_none());
}
