//! Laws 2, 15 and 17: who waits, what is kept, who has the output.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;

use task_registry_core::{Options, Outcome, Retain, State};

use crate::bench::{Bench, poll_by_hand};
use crate::fault::Verdict;
use crate::harness::Harness;
use crate::kit::{Count, Gate, blow_up, ensure, poll_with, waker_calling, yield_now};
use crate::probe::Guard;

/// Whoever waits for a task is woken once its future, and what that owned, is gone: whether it completed, was cancelled or
/// panicked.
pub fn law_02_a_waiter_is_woken_after_the_future_is_gone<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    for way in ["completed", "cancelled", "panicked"] {
        let (finish, woken, early) = (Gate::default(), Gate::default(), Count::default());
        let (mut task, watch) = bench.spawn(&tasks, "a", {
            let finish = finish.clone();
            async move {
                finish.pass().await;
                if way == "panicked" {
                    blow_up("on purpose");
                }
            }
        })?;
        bench.wait("the task was never polled", watch.polled(1))?;
        bench.settle()?;
        let waker = waker_calling({
            let (task, watch) = (task.task().clone(), watch.clone());
            let (woken, early) = (woken.clone(), early.clone());
            move || {
                if !watch.is_dropped() || task.state() != State::Ended {
                    early.add();
                }
                woken.open();
            }
        });
        let by_ref = task.task().clone();
        let mut wait = pin!(by_ref.wait());
        ensure!(bench, poll_with(wait.as_mut(), &waker).is_pending(), "a task ended by itself");
        ensure!(bench, poll_by_hand(&mut task, &waker).is_pending(), "a task ended by itself");
        if way == "cancelled" {
            drop(by_ref.cancel());
        } else {
            finish.open();
        }
        let lost = format!("whoever waited for a task that {way} was never woken");
        bench.wait(&lost, woken.pass())?;
        ensure!(bench, !early.happened(), "a waiter was woken before the future was dropped");
        bench.wait("a task that was waited for did not end", wait)?;
    }
    Ok(())
}

/// What a future owns is dropped once, on the executor, when the task ends, and all of it.
pub fn law_02_what_a_future_owns_goes_with_it_once<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    let owned = Arc::new(());
    let dropped = Count::default();
    let mut all = Vec::new();
    for number in 0..50 {
        let (kept, count) = (owned.clone(), dropped.clone());
        let guard = Guard::new(move || {
            drop(kept);
            count.add();
        });
        let body = async move {
            let _guard = guard;
            yield_now().await;
            if number % 2 == 0 {
                pending::<()>().await;
            }
        };
        let (task, watch) = bench.spawn(&tasks, &number.to_string(), body)?;
        all.push((number, task, watch));
    }
    for (number, task, watch) in &all {
        bench.wait("the task was never polled", watch.polled(1))?;
        if number % 2 == 0 {
            drop(task.cancel());
        }
        bench.wait("a task did not end", task.wait())?;
    }
    ensure!(bench, dropped.get() == 50, "of 50 futures {} were dropped", dropped.get());
    ensure!(bench, Arc::strong_count(&owned) == 1, "something of what futures owned is leaked");
    Ok(())
}

/// A thousand tasks one after the other leave ten records, if ten are to be kept, and nothing else.
pub fn law_15_records_are_bounded_and_futures_do_not_pile_up<H: Harness>(
    bench: Bench<H>,
) -> Verdict {
    let tasks = bench.registry_with(Options::new().retain(Retain::Newest(10)));
    let owned = Arc::new(());
    for number in 0..1000 {
        let kept = owned.clone();
        let (task, _) = bench.spawn(&tasks, "again", async move {
            drop(kept);
            number
        })?;
        let output = bench.wait("a task did not complete", task)?;
        ensure!(bench, output.ok() == Some(number), "a task's output is another's");
    }
    ensure!(bench, tasks.live() == 0, "{} tasks live on", tasks.live());
    ensure!(bench, tasks.records() == 10, "{} records are kept instead of 10", tasks.records());
    ensure!(bench, Arc::strong_count(&owned) == 1, "something of what futures owned is leaked");
    Ok(())
}

/// An output that nobody can take is dropped before those who wait are woken.
pub fn law_15_an_output_that_nobody_can_take_is_dropped<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    let dropped = Count::default();
    let gate = Gate::default();
    let (task, _) = bench.spawn(&tasks, "a", {
        let (dropped, gate) = (dropped.clone(), gate.clone());
        let guard = Guard::new(move || {
            dropped.add();
        });
        async move {
            gate.pass().await;
            guard
        }
    })?;
    let by_ref = task.task().clone();
    drop(task);
    gate.open();
    let outcome = bench.wait("a task whose handle was dropped did not end", by_ref.wait())?;
    ensure!(bench, outcome == Outcome::Completed, "a task that completed ended as {outcome}");
    ensure!(bench, dropped.get() == 1, "an output that nobody can take is kept");
    Ok(())
}

/// The output goes to the handle, or to whoever asks by name and type, once.
pub fn law_17_a_result_is_taken_once<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    let (task, _) = bench.spawn(&tasks, "by handle", async {
        yield_now().await;
        41 + 1
    })?;
    let output = bench.wait("a task did not complete", task)?;
    ensure!(bench, output.as_ref().ok() == Some(&42u64), "the handle gave {output:?}");
    ensure!(
        bench,
        tasks.take_result::<u64>("by handle").is_err(),
        "a result was taken by its handle, and then again by name"
    );
    let (probe, watch) = bench.probe(async { 7u64 });
    let task = bench.add(&watch, || tasks.task("by name").keep_result().spawn(probe))?;
    bench.wait("a task did not complete", task.wait())?;
    drop(task);
    ensure!(bench, tasks.take_result::<u8>("by name").is_err(), "a result has two types");
    let (first, second) = (tasks.take_result("by name"), tasks.take_result::<u64>("by name"));
    ensure!(bench, first.as_ref().ok() == Some(&7u64), "the name gave {first:?}");
    ensure!(bench, second.is_err(), "a result was taken twice");
    Ok(())
}
