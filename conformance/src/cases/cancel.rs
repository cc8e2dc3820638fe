//! Laws 1, 3, 4 and 5: what is asked of a task reaches it, because its executor polls it again.

use std::future::pending;
use std::thread;

use task_registry_core::{Outcome, State, conflict};

use crate::bench::Bench;
use crate::fault::Verdict;
use crate::harness::Harness;
use crate::kit::{Count, Gate, blow_up, ensure, yield_now};
use crate::probe::Guard;

/// A task that nobody ever wakes, whose waker is never called otherwise, is polled once more when it is asked to stop.
pub fn law_01_a_cancel_reaches_a_task_that_nothing_else_would_wake<H: Harness>(
    bench: Bench<H>,
) -> Verdict {
    let tasks = bench.registry();
    let (task, watch) = bench.spawn(&tasks, "deaf", pending::<()>())?;
    bench.wait("the task was never polled", watch.polled(1))?;
    bench.settle()?;
    let end = task.cancel_with("because");
    ensure!(bench, task.state() >= State::Stopping, "the request did not stand at once");
    let lost = "the task was asked to stop and not polled again, so it never ended";
    let outcome = bench.wait(lost, end)?;
    ensure!(bench, outcome.reason() == Some("because"), "a cancelled task ended as {outcome}");
    ensure!(bench, watch.is_dropped(), "a cancelled task ended before its future was dropped");
    Ok(())
}

/// The same, asked by another thread while the executor has nothing to do.
pub fn law_01_a_cancel_by_another_thread_reaches_its_task<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    for _ in 0..10 {
        let (task, watch) = bench.spawn(&tasks, "a", pending::<()>())?;
        bench.wait("the task was never polled", watch.polled(1))?;
        bench.settle()?;
        let table = tasks.tasks().clone();
        let asked = thread::spawn(move || drop(table.cancel("a"))).join();
        ensure!(bench, asked.is_ok(), "a cancel by another thread panicked");
        let lost = "another thread asked the task to stop, and it was not polled again";
        let outcome = bench.wait(lost, task.wait())?;
        ensure!(bench, outcome.is_cancelled(), "a cancelled task ended as {outcome}");
    }
    Ok(())
}

/// Completed, cancelled and panicked are told apart, and a request that comes after the end changes nothing.
pub fn law_03_each_way_to_end_has_its_outcome<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    let (completed, _) = bench.spawn(&tasks, "completes", yield_now())?;
    let (cancelled, watch) = bench.spawn(&tasks, "is cancelled", pending::<()>())?;
    let (panicked, _) = bench.spawn::<()>(&tasks, "panics", async { blow_up("on purpose") })?;
    bench.wait("the task was never polled", watch.polled(1))?;
    drop(cancelled.cancel());
    for _ in 0..2 {
        let outcome = bench.wait("a task did not complete", completed.wait())?;
        ensure!(bench, outcome == Outcome::Completed, "a task that completed ended as {outcome}");
        let outcome = bench.wait("a cancelled task did not end", cancelled.wait())?;
        ensure!(bench, outcome.is_cancelled(), "a cancelled task ended as {outcome}");
        let outcome: Outcome = bench.wait("a task that panicked did not end", panicked.wait())?;
        ensure!(bench, outcome.is_panicked(), "a task that panicked ended as {outcome}");
        // Too late: the second time round, all is as it was.
        for task in ["completes", "is cancelled", "panics"] {
            drop(tasks.cancel_with(task, "late"));
        }
        bench.settle()?;
    }
    Ok(())
}

/// A task that is asked to stop before it was ever polled is dropped without being run.
///
/// On an executor with threads it may have begun before it was asked; it then waits for its successor's turn here: as the one
/// that replaces another, it is queued although it is polled.
pub fn law_04_a_task_cancelled_before_its_first_poll_never_runs<H: Harness>(
    bench: Bench<H>,
) -> Verdict {
    let tasks = bench.registry();
    let ran = Count::default();
    let body = || {
        let ran = ran.clone();
        async move {
            ran.add();
        }
    };
    if !H::DRIVES_ITSELF {
        let (task, watch) = bench.spawn(&tasks, "fresh", body())?;
        ensure!(bench, task.state() == State::Queued, "a task was {} at once", task.state());
        let outcome = bench.wait("a task that was never polled did not end", task.cancel())?;
        ensure!(bench, outcome.is_cancelled(), "a cancelled task ended as {outcome}");
        ensure!(bench, watch.is_dropped(), "a cancelled task ended before its future was dropped");
    }
    let gate = Gate::default();
    // Under a shield, so that it goes on for as long as the gate is closed.
    let (shielded, first) = bench.probe({
        let gate = gate.clone();
        async move { gate.pass().await }
    });
    let old = tasks.with_context(()).spawn_with("a", |cx| {
        let (probe, _) = bench.probe(async move { cx.shield(shielded).await });
        probe
    });
    let old = old.map_err(|error| bench.fault(format!("a task could not be spawned: {error}")))?;
    bench.wait("the task was never polled", first.polled(1))?;
    let (probe, watch) = bench.probe(body());
    let new = bench.add(&watch, || tasks.task("a").on_conflict(conflict::Replace).spawn(probe))?;
    bench.settle()?;
    ensure!(bench, new.state() == State::Queued, "a replacement did not wait");
    let lost = "a replacement that was queued was asked to stop, and not polled for that";
    let outcome = bench.wait(lost, new.cancel())?;
    ensure!(bench, outcome.is_cancelled(), "a cancelled task ended as {outcome}");
    ensure!(bench, old.state() == State::Stopping, "the one before it did not go on");
    gate.open();
    bench.wait("a task whose shield was over did not end", old.wait())?;
    bench.settle()?;
    ensure!(bench, !ran.happened(), "a task that was cancelled before its first poll ran");
    Ok(())
}

/// A task that asks itself to stop, in the middle of its poll, is polled once more, and gone.
pub fn law_05_a_task_may_cancel_itself_and_wait_for_it<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    let went_on = Count::default();
    let (task, watch) = bench.spawn(&tasks, "me", {
        let (table, went_on) = (tasks.tasks().clone(), went_on.clone());
        async move {
            if let Some(end) = table.cancel("me") {
                end.await;
            }
            went_on.add();
        }
    })?;
    let lost = "a task that cancelled itself in its poll never ended";
    let outcome = bench.wait(lost, task.wait())?;
    ensure!(bench, outcome.is_cancelled(), "a task that cancelled itself ended as {outcome}");
    ensure!(bench, !went_on.happened(), "a task went on after it had waited for its own end");
    ensure!(bench, watch.is_dropped(), "a cancelled task ended before its future was dropped");
    Ok(())
}

/// Two tasks that ask each other to stop, one of which waits for the other's end, both end of it.
pub fn law_05_two_tasks_may_cancel_each_other_and_wait<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    let went_on = Count::default();
    // Cancels the other while it is dropped: before it has ended, and so before the other goes on.
    let guard = Guard::new({
        let table = tasks.tasks().clone();
        move || drop(table.cancel("first"))
    });
    let (second, watch) = bench.spawn(&tasks, "second", async move {
        let _guard = guard;
        pending::<()>().await;
    })?;
    bench.wait("the task was never polled", watch.polled(1))?;
    let (first, _) = bench.spawn(&tasks, "first", {
        let (table, went_on) = (tasks.tasks().clone(), went_on.clone());
        async move {
            if let Some(end) = table.cancel("second") {
                end.await;
            }
            // Another thread may be so quick that there was nothing to wait for: then this is where it stops.
            yield_now().await;
            went_on.add();
        }
    })?;
    for task in [second, first] {
        let lost = "of two tasks that cancelled each other one never ended";
        let outcome = bench.wait(lost, task.wait())?;
        ensure!(bench, outcome.is_cancelled(), "a cancelled task ended as {outcome}");
    }
    ensure!(bench, !went_on.happened(), "a task went on although it was asked to stop");
    Ok(())
}
