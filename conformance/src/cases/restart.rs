//! Tasks that are made anew: what is remembered for that holds a spawner.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::thread;

use task_registry_core::SpawnSend;

use crate::bench::Bench;
use crate::fault::Verdict;
use crate::harness::Harness;
use crate::kit::{Count, blow_up, ensure};
use crate::probe::Probed;

/// A task is restarted by its name, from another thread: the new one is polled when the old one has ended. When the factory
/// panics, the panic goes to whoever asked for the restart, and the old one ends all the same.
pub fn law_14_a_factory_may_panic_at_a_restart<H>(bench: Bench<H>) -> Verdict
where
    H: Harness<Spawner: SpawnSend + Send + Sync>,
{
    let tasks = bench.registry();
    let made = Count::default();
    let first = tasks.spawn_restartable("a", {
        let (log, made) = (bench.log.clone(), made.clone());
        move |cx| {
            if made.add() == 2 {
                blow_up("in a factory");
            }
            let body: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
                cx.ready();
                pending().await
            });
            Probed::new(body, &log, None, false).0
        }
    });
    let first =
        first.map_err(|error| bench.fault(format!("a task could not be spawned: {error}")))?;
    let started = bench.wait("the task was never polled", first.started())?;
    ensure!(bench, started.is_ok(), "a task ended by itself");
    let restarted = catch_unwind(AssertUnwindSafe(|| drop(tasks.restart("a"))));
    ensure!(bench, restarted.is_err(), "a factory's panic was lost");
    let outcome = bench.wait("a task that was restarted did not end", first.wait())?;
    ensure!(bench, outcome.is_cancelled(), "a restarted task ended as {outcome}");
    let table = tasks.tasks().clone();
    let restarted = thread::spawn(move || table.restart("a")).join();
    let Ok(Ok(next)) = restarted else {
        return Err(bench.fault("another thread cannot restart a task whose record is kept"));
    };
    let started = bench.wait("a restarted task was never polled", next.started())?;
    ensure!(bench, started.is_ok(), "a restarted task ended by itself");
    let outcome = bench.wait("a cancelled task did not end", next.cancel())?;
    ensure!(bench, outcome.is_cancelled(), "a cancelled task ended as {outcome}");
    ensure!(bench, made.get() == 3, "the factory was called {} times instead of 3", made.get());
    Ok(())
}
