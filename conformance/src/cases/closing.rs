//! Laws 12 and 13: shutting down what runs on the executor.

use std::future::{pending, ready};

use task_registry_core::SpawnError;

use crate::bench::Bench;
use crate::fault::Verdict;
use crate::harness::Harness;
use crate::kit::{Gate, ensure, yield_now};

/// A shutdown ends tasks in every state, and after it the executor is given nothing more.
pub fn law_12_a_shutdown_ends_every_task_and_closes<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    let mut watches = Vec::new();
    for number in 0..60 {
        let body = async move {
            match number % 3 {
                0 => pending::<()>().await,
                1 => loop {
                    yield_now().await;
                    pending::<()>().await;
                },
                _ => (),
            }
        };
        let (_, watch) = bench.spawn(&tasks, &number.to_string(), body)?;
        if number < 30 {
            bench.wait("the task was never polled", watch.polled(1))?;
        }
        watches.push(watch);
    }
    let shutdown = tasks.shutdown(pending::<()>());
    let (probe, late) = bench.probe(ready(()));
    let Err(refused) = tasks.try_spawn("late", probe) else {
        return Err(bench.fault("a task slipped in after the shutdown"));
    };
    ensure!(bench, refused.kind == SpawnError::Closed, "{refused}");
    ensure!(bench, late.polls() == 0 && !late.is_dropped(), "a refused future did not come back");
    let lost = "a shutdown never came to its end: a task was not polled once more to be stopped";
    let report = bench.wait(lost, shutdown)?;
    ensure!(bench, report.is_clean(), "a shutdown without a deadline left something: {report}");
    ensure!(bench, tasks.live() == 0, "{} tasks live on", tasks.live());
    ensure!(bench, watches.iter().all(|watch| watch.is_dropped()), "a future was not dropped");
    Ok(())
}

/// A task may shut down its own registry, and is stopped by that like the others.
pub fn law_12_a_task_may_shut_its_registry_down<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    let (other, _) = bench.spawn(&tasks, "other", pending::<()>())?;
    let (task, _) = bench.spawn(&tasks, "closes", {
        let table = tasks.tasks().clone();
        async move {
            let _ = table.shutdown(pending::<()>()).await;
        }
    })?;
    for task in [task, other] {
        let lost = "a task was not stopped by a shutdown that was called inside a task";
        let outcome = bench.wait(lost, task.wait())?;
        ensure!(bench, outcome.is_cancelled(), "a task that was shut down ended as {outcome}");
    }
    let idle = bench.wait("a second shutdown never came to its end", tasks.shutdown(ready(())))?;
    ensure!(bench, idle.is_clean(), "a shutdown of nothing left something: {idle}");
    Ok(())
}

/// A shutdown whose deadline comes says what would not stop, and the rest has ended by itself.
pub fn law_13_a_shutdown_reports_what_will_not_stop<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    let gate = Gate::default();
    let (section, inside) = bench.probe(gate.pass());
    let stuck = tasks.with_context(()).spawn_with("stuck", |cx| {
        let (probe, _) = bench.probe(async move { cx.shield(section).await });
        probe
    });
    let stuck =
        stuck.map_err(|error| bench.fault(format!("a task could not be spawned: {error}")))?;
    let (willing, _) = bench.spawn(&tasks, "willing", pending::<()>())?;
    bench.wait("the task was never polled", inside.polled(1))?;
    let deadline = Gate::default();
    let shutdown = tasks.shutdown(deadline.pass());
    let outcome = bench.wait("a task was not stopped by a shutdown", willing.wait())?;
    ensure!(bench, outcome.is_cancelled(), "a task that was shut down ended as {outcome}");
    bench.settle()?;
    ensure!(bench, !inside.is_dropped(), "a shielded section was dropped half-way");
    deadline.open();
    let report = bench.wait("a shutdown did not end at its deadline", shutdown)?;
    let remaining: Vec<_> = report.remaining().iter().filter_map(|task| task.name()).collect();
    ensure!(bench, remaining == ["stuck"], "a shutdown says that {remaining:?} would not stop");
    gate.open();
    let outcome = bench.wait("a task whose shield was over did not end", stuck.wait())?;
    ensure!(bench, outcome.is_cancelled() || outcome.is_completed(), "it ended as {outcome}");
    Ok(())
}
