//! Law 11: the executor goes away under its tasks, at each point of their lives.

use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;
use std::thread;

use task_registry_core::{Cancel, Cleanup, Outcome, Spawn, SpawnError, conflict};

use crate::bench::{Bench, Gone, Handle, poll_by_hand};
use crate::fault::Verdict;
use crate::harness::Harness;
use crate::kit::{Count, ensure, yield_now};
use crate::probe::{Guard, Inside, MakeCleanup, Watch};

/// What is left of a task: it has ended so, and its future is gone.
fn judge<H: Harness>(
    gone: &Gone<H>,
    task: &Handle,
    watch: &Watch,
    right: impl Fn(&Outcome) -> bool,
) -> Verdict {
    let lost = "the future is leaked: its task never ended";
    let outcome = gone.wait(lost, task.wait())?;
    ensure!(gone, right(&outcome), "when its executor was dropped a task ended as {outcome}");
    ensure!(gone, watch.is_dropped(), "a task ended before its future was dropped");
    Ok(())
}

fn abandoned(outcome: &Outcome) -> bool {
    *outcome == Outcome::Abandoned
}

/// Dropped under tasks that were never polled.
pub fn law_11_the_executor_goes_before_the_first_poll<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    let (task, watch) = bench.spawn(&tasks, "fresh", pending::<()>())?;
    let bare = bench.put(pending())?;
    drop(tasks);
    let gone = bench.kill()?;
    gone.wait("a future that was never polled is leaked", bare.dropped())?;
    judge(&gone, &task, &watch, abandoned)
}

/// Dropped under tasks that wait, and whose wakers others have.
pub fn law_11_the_executor_goes_while_a_task_waits<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    let (task, watch) = bench.spawn(&tasks, "waits", pending::<()>())?;
    let bare = bench.put(pending())?;
    bench.wait("the task was never polled", watch.polled(1))?;
    bench.wait("a future was never polled", bare.polled(1))?;
    bench.settle()?;
    drop(tasks);
    let gone = bench.kill()?;
    let lost = "the future is leaked: it waits for a waker that somebody else has";
    gone.wait(lost, bare.dropped())?;
    judge(&gone, &task, &watch, abandoned)
}

/// Dropped between a wake and the poll that follows it.
pub fn law_11_the_executor_goes_when_a_task_was_woken<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    let (task, watch) = bench.spawn(&tasks, "woken", pending::<()>())?;
    let bare = bench.put(pending())?;
    bench.wait("the task was never polled", watch.polled(1))?;
    bench.wait("a future was never polled", bare.polled(1))?;
    drop(tasks);
    watch.wake();
    bare.wake();
    let gone = bench.kill()?;
    gone.wait("a future that had been woken is leaked", bare.dropped())?;
    judge(&gone, &task, &watch, abandoned)
}

/// Dropped when a task was asked to stop, and not polled since: that is what it ended of. Its successor is abandoned.
pub fn law_11_the_executor_goes_when_a_task_was_cancelled<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    let (task, watch) = bench.spawn(&tasks, "cancelled", pending::<()>())?;
    let (old, old_watch) = bench.spawn(&tasks, "replaced", pending::<()>())?;
    bench.wait("the task was never polled", watch.polled(1))?;
    bench.wait("the task was never polled", old_watch.polled(1))?;
    let (probe, new_watch) = bench.probe(pending::<()>());
    let new = bench
        .add(&new_watch, || tasks.task("replaced").on_conflict(conflict::Replace).spawn(probe))?;
    drop(task.cancel());
    drop(tasks);
    let gone = bench.kill()?;
    judge(&gone, &task, &watch, Outcome::is_cancelled)?;
    judge(&gone, &old, &old_watch, Outcome::is_cancelled)?;
    judge(&gone, &new, &new_watch, abandoned)
}

/// Dropped under a task whose cleanup runs: that is skipped, and how the task ended stands.
pub fn law_11_the_executor_goes_in_the_middle_of_a_cleanup<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    let (cleanup, cleaning) = bench.probe(pending());
    let make: MakeCleanup = Box::new(move |_| cleanup);
    let (probe, watch) = bench.probe(pending::<()>());
    let task = bench.add(&watch, || {
        let never: fn() -> std::future::Pending<()> = pending;
        tasks.task("a").cleanup(make, never).spawn(probe)
    })?;
    bench.wait("the task was never polled", watch.polled(1))?;
    drop(task.cancel());
    bench.wait("a cleanup was never polled", cleaning.polled(1))?;
    drop(tasks);
    let gone = bench.kill()?;
    judge(&gone, &task, &watch, Outcome::is_cancelled)?;
    ensure!(gone, cleaning.is_dropped(), "a task ended before its cleanup was dropped");
    let cleanup = task.info().cleanup();
    ensure!(gone, cleanup == Some(Cleanup::Skipped), "the cleanup is told as {cleanup:?}");
    Ok(())
}

/// Dropped under a task that was asked to stop and goes on, in a shield: the shield goes with it, half-way.
pub fn law_11_the_executor_goes_under_a_shield<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    let (section, inside) = bench.probe(pending::<()>());
    let task = tasks.with_context(()).spawn_with("shielded", |cx| {
        let (probe, _) = bench.probe(async move { cx.shield(section).await });
        probe
    });
    let task =
        task.map_err(|error| bench.fault(format!("a task could not be spawned: {error}")))?;
    bench.wait("the task was never polled", inside.polled(1))?;
    drop(task.cancel());
    bench.settle()?;
    ensure!(bench, !inside.is_dropped(), "a shielded section was dropped half-way");
    drop(tasks);
    let gone = bench.kill()?;
    judge(&gone, &task, &inside, Outcome::is_cancelled)
}

/// Dropped under a task in its grace: who granted it learns that the task has ended, whether the grace is over or not.
pub fn law_11_the_executor_goes_in_the_middle_of_a_grace<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    let (task, watch) = bench.spawn(&tasks, "graced", pending::<()>())?;
    bench.wait("the task was never polled", watch.polled(1))?;
    let mut end = Box::pin(task.cancel_with(Cancel::new().grace(pending::<()>())));
    ensure!(bench, poll_by_hand(&mut end, Waker::noop()).is_pending(), "a grace was cut short");
    bench.settle()?;
    ensure!(bench, !watch.is_dropped(), "a task was dropped in its grace");
    drop(tasks);
    let gone = bench.kill()?;
    judge(&gone, &task, &watch, Outcome::is_cancelled)?;
    let outcome = gone.wait("who granted a grace was not told of the end", end)?;
    ensure!(gone, outcome.is_cancelled(), "a task in its grace ended as {outcome}");
    Ok(())
}

/// Dropped when a task has ended: nothing happens to it.
pub fn law_11_the_executor_goes_when_a_task_has_ended<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    let (task, watch) = bench.spawn(&tasks, "a", yield_now())?;
    let bare = bench.put(yield_now())?;
    bench.wait("a task did not complete", task.wait())?;
    bench.wait("a future was not dropped when it had completed", bare.dropped())?;
    drop(tasks);
    let gone = bench.kill()?;
    judge(&gone, &task, &watch, Outcome::is_completed)?;
    gone.verdict()
}

/// Dropped under a thousand tasks in all of these states.
pub fn law_11_the_executor_goes_under_a_thousand_tasks<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    let mut all = Vec::new();
    for number in 0..1000 {
        let (task, watch) = bench.spawn(&tasks, &number.to_string(), pending::<()>())?;
        all.push((task, watch));
        if number == 500 {
            bench.settle()?;
        }
    }
    for (task, _) in all.iter().step_by(3) {
        drop(task.cancel());
    }
    let table = tasks.tasks().clone();
    drop(tasks);
    let gone = bench.kill()?;
    for (number, (task, watch)) in all.iter().enumerate() {
        let cancelled = number % 3 == 0;
        judge(&gone, task, watch, |end| end.is_cancelled() == cancelled)?;
    }
    gone.wait("tasks of an executor that is gone live on", table.wait_idle())
}

/// A spawn on an executor that is gone gives the future back, or drops it; in no case does it keep it, or panic.
pub fn law_11_a_spawn_on_an_executor_that_is_gone_keeps_nothing<H: Harness>(
    bench: Bench<H>,
) -> Verdict {
    let (spawner, tasks) = (bench.spawner(), bench.registry());
    let gone = bench.kill()?;
    let (probe, watch) = gone.bare(ready(()));
    let spawned =
        catch_unwind(AssertUnwindSafe(|| watch.within(Inside::Spawn, || spawner.spawn(probe))));
    match spawned {
        Err(_) => return Err(gone.fault("`spawn` panics when the executor is gone")),
        Ok(Err(refused)) => {
            let back = !watch.is_dropped() && watch.polls() == 0;
            ensure!(gone, back, "`spawn` refused a future that it had polled");
            drop(refused);
        }
        Ok(Ok(handle)) => {
            task_registry_core::JoinHandle::detach(handle);
            let lost = "`spawn` took a future although the executor is gone, and keeps it";
            gone.wait(lost, watch.dropped())?;
            let polls = watch.polls();
            ensure!(gone, polls == 0, "a future was polled by an executor that is gone");
        }
    }
    let (probe, watch) = gone.probe(ready(()));
    match tasks.try_spawn("late", probe) {
        Err(refused) => {
            let kind = refused.kind;
            ensure!(gone, matches!(kind, SpawnError::Refused(_)), "a late spawn: {kind}");
            ensure!(gone, tasks.get("late").is_none(), "a refused task has left its name");
        }
        Ok(task) => judge(&gone, &task, &watch, abandoned)?,
    }
    ensure!(gone, tasks.live() == 0, "{} tasks live on", tasks.live());
    Ok(())
}

/// Wakers outlive their executor: calling and dropping them does nothing.
pub fn law_11_a_waker_may_be_called_when_its_executor_is_gone<H: Harness>(
    bench: Bench<H>,
) -> Verdict {
    let mut watches = Vec::new();
    for _ in 0..4 {
        let watch = bench.put(pending())?;
        bench.wait("a future was never polled", watch.polled(1))?;
        watches.push(watch);
    }
    let gone = bench.kill()?;
    for watch in &watches {
        gone.wait("a future is leaked", watch.dropped())?;
    }
    let polls: Vec<_> = watches.iter().map(Watch::polls).collect();
    let wakers: Vec<_> = watches.iter().filter_map(Watch::waker).collect();
    let woken = catch_unwind(AssertUnwindSafe(|| {
        wakers.iter().for_each(std::task::Waker::wake_by_ref);
        wakers.clone().into_iter().for_each(std::task::Waker::wake);
    }));
    ensure!(gone, woken.is_ok(), "a waker panics when its executor is gone");
    let woken = thread::spawn(move || wakers.into_iter().for_each(std::task::Waker::wake)).join();
    ensure!(gone, woken.is_ok(), "a waker panics when its executor is gone");
    let after: Vec<_> = watches.iter().map(Watch::polls).collect();
    ensure!(gone, polls == after, "a future was polled by an executor that is gone");
    gone.verdict()
}

/// Destructors that run while the executor goes may use the registry, and wake others.
pub fn law_09_a_destructor_may_use_the_registry_while_the_executor_goes<H: Harness>(
    bench: Bench<H>,
) -> Verdict {
    let tasks = bench.registry();
    let ran = Count::default();
    let mut all = Vec::new();
    for number in 0..4 {
        let (table, ran) = (tasks.tasks().clone(), ran.clone());
        let guard = Guard::new(move || {
            drop(table.cancel_all());
            drop((table.reserve("from a destructor"), table.snapshot(), table.counts()));
            table.purge();
            ran.add();
        });
        let (task, watch) = bench.spawn(&tasks, &number.to_string(), async move {
            let _guard = guard;
            pending::<()>().await;
        })?;
        bench.wait("the task was never polled", watch.polled(1))?;
        all.push((task, watch));
    }
    drop(tasks);
    let gone = bench.kill()?;
    for (task, watch) in &all {
        judge(&gone, task, watch, |end| abandoned(end) || end.is_cancelled())?;
    }
    ensure!(gone, ran.get() == 4, "of 4 destructors {} were run", ran.get());
    Ok(())
}
