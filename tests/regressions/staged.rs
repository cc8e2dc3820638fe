//! Shutdowns in stages of which nobody sees the end.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};

use async_executor::LocalExecutor;
use futures_lite::future::block_on;
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
