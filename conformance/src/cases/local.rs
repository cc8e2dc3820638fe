//! Law 10: futures that are not `Send` stay where they are.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::thread;

use task_registry_core::SpawnLocal;

use crate::bench::{Bench, put_by};
use crate::fault::Verdict;
use crate::harness::Harness;
use crate::kit::{Gate, ensure, yield_now};

/// A future that is not `Send` is polled and dropped on its thread, whoever wakes it.
pub fn law_10_a_local_future_stays_on_its_thread<H: Harness<Spawner: SpawnLocal>>(
    bench: Bench<H>,
) -> Verdict {
    let shared = Rc::new(Cell::new(0));
    let gate = Gate::default();
    let (probe, watch) = bench.local_bare({
        let (shared, pass) = (shared.clone(), gate.pass());
        async move {
            shared.set(1);
            pass.await;
            shared.set(2);
        }
    });
    put_by(&watch, || bench.spawner().spawn_local(probe))?;
    bench.wait("a future was never polled", watch.polled(1))?;
    let opened = thread::spawn(move || gate.open()).join();
    ensure!(bench, opened.is_ok(), "a wake by another thread panicked");
    bench.wait("a wake by another thread was lost", watch.dropped())?;
    ensure!(bench, shared.get() == 2, "a future was dropped half-way");
    ensure!(bench, Rc::strong_count(&shared) == 1, "what a future owned is leaked");
    Ok(())
}

/// Other threads list and cancel a task that is not `Send`; it is dropped on its own.
pub fn law_10_other_threads_cancel_a_local_task_and_it_is_dropped_at_home<
    H: Harness<Spawner: SpawnLocal>,
>(
    bench: Bench<H>,
) -> Verdict {
    let tasks = bench.registry();
    let shared = Rc::new(());
    for polled_before in [true, false] {
        let kept = shared.clone();
        let (task, watch) = bench.spawn_local(&tasks, "home", async move {
            pending::<()>().await;
            drop(kept);
        })?;
        if polled_before {
            bench.wait("the task was never polled", watch.polled(1))?;
        }
        let table = tasks.tasks().clone();
        let asked = thread::spawn(move || {
            let listed = table.snapshot().iter().any(|task| task.name() == Some("home"));
            drop(table.cancel("home"));
            listed
        });
        ensure!(bench, asked.join().ok() == Some(true), "another thread does not see the task");
        let lost = "another thread asked the task to stop, and it was not polled again";
        let outcome = bench.wait(lost, task.wait())?;
        ensure!(bench, outcome.is_cancelled(), "a cancelled task ended as {outcome}");
    }
    ensure!(bench, Rc::strong_count(&shared) == 1, "what a future owned is leaked");
    Ok(())
}

/// The output of such a task need not be `Send`: whoever awaits the handle has the very same value.
pub fn law_17_a_local_result_is_handed_over_as_it_is<H: Harness<Spawner: SpawnLocal>>(
    bench: Bench<H>,
) -> Verdict {
    let tasks = bench.registry();
    let shared = Rc::new(());
    let kept = shared.clone();
    let (task, _) = bench.spawn_local(&tasks, "rc", async move {
        yield_now().await;
        kept
    })?;
    let output = bench.wait("a task did not complete", task)?;
    let same = output.is_ok_and(|output| Rc::ptr_eq(&output, &shared));
    ensure!(bench, same, "a task's output is another's");
    ensure!(bench, Rc::strong_count(&shared) == 1, "something of what a future owned is leaked");
    Ok(())
}
