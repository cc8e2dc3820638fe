//! Shutdowns in stages of which nobody sees the end.

use std::cell::RefCell;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;

use async_executor::LocalExecutor;
use futures_lite::future::{block_on, poll_once};
use task_registry::Registry;
use task_registry::local::OnLocalExecutor;

#[test]
fn law_12_inside_a_task_a_shutdown_in_stages_reaches_the_stages_below_it() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let low = tasks.task("low").stage(0).spawn(pending::<()>()).unwrap();
    let all = tasks.tasks().clone();
    let caller = async move {
        all.shutdown_in_stages(pending::<()>(), |_| pending::<()>()).await;
    };
    let caller = tasks.task("caller").stage(1).spawn(caller).unwrap();
    block_on(executor.run(tasks.wait_idle()));
    assert!(caller.outcome().unwrap().is_cancelled());
    assert!(low.outcome().unwrap().is_cancelled());
}

#[test]
fn a_budget_that_panics_leaves_no_stage_unasked() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let high = tasks.task("high").stage(1).spawn(pending::<()>()).unwrap();
    let low = tasks.task("low").stage(0).spawn(pending::<()>()).unwrap();
    let call = || {
        tasks.shutdown_in_stages(pending::<()>(), |_| -> std::future::Pending<()> {
            std::panic::resume_unwind(Box::new("no budget"))
        })
    };
    assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
    block_on(executor.run(tasks.wait_idle()));
    assert!(high.is_ended() && low.is_ended());
}

#[test]
fn a_budget_that_panics_is_made_at_the_next_poll_and_the_one_before_it_is_polled_no_more() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    for stage in 0..3 {
        drop(tasks.task(stage.to_string()).stage(stage).spawn(pending::<()>()).unwrap());
    }
    let made = RefCell::new(Vec::new());
    let budgets = |stage| {
        made.borrow_mut().push(stage);
        if *made.borrow() == [2, 1] {
            std::panic::resume_unwind(Box::new("no budget"));
        }
        async move {
            if stage == 1 {
                pending::<()>().await;
            }
        }
    };
    let mut end = pin!(tasks.shutdown_in_stages(pending::<()>(), budgets));
    let mut poll = || block_on(poll_once(end.as_mut()));
    // Nothing runs: each stage takes its whole budget.
    assert!(catch_unwind(AssertUnwindSafe(&mut poll)).is_err());
    assert!(poll().is_none());
    assert!(poll().is_none());
    assert_eq!(*made.borrow(), [2, 1, 1]);
    let report = block_on(executor.run(end));
    assert!(report.is_clean());
    assert_eq!(*made.borrow(), [2, 1, 1, 0]);
}
