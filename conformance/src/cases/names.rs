//! Laws 6, 7 and 8: names, ids and handles, where an executor has a hand in it.

use std::collections::HashSet;
use std::future::{pending, ready};
use std::sync::atomic::{AtomicUsize, Ordering};

use task_registry_core::mode::Sync;
use task_registry_core::{
    Options, Outcome, Refusal, Refused, Registry, Spawn, SpawnError, Spawner, State, Tasks,
    conflict,
};

use crate::bench::Bench;
use crate::fault::Verdict;
use crate::harness::Harness;
use crate::kit::{Count, Gate, ensure, yield_now};
use crate::probe::Guard;

/// A task that replaces another is polled again when that one has ended, and does not run before; nor do ten in a row.
pub fn law_06_a_replacement_starts_when_its_predecessor_has_ended<H: Harness>(
    bench: Bench<H>,
) -> Verdict {
    let tasks = bench.registry();
    let (alive, together) = (Count::default(), Count::default());
    let gone = Count::default();
    let mut last = None;
    for number in 0..10 {
        let (alive, together, gone) = (alive.clone(), together.clone(), gone.clone());
        let (probe, watch) = bench.probe(async move {
            if alive.add() != gone.get() + 1 {
                together.add();
            }
            let _leaves = Guard::new(move || {
                gone.add();
            });
            pending::<()>().await;
        });
        let task =
            bench.add(&watch, || tasks.task("a").on_conflict(conflict::Replace).spawn(probe))?;
        // Some begin before they are replaced, and some do not.
        if number % 3 == 0 {
            let lost = "a replacement was not polled when its predecessor had ended";
            bench.wait(lost, watch.polled(1))?;
        }
        last = Some(task);
    }
    let Some(last) = last else { return Ok(()) };
    bench.settle()?;
    ensure!(bench, !together.happened(), "two tasks of one name ran at once");
    let outcome = bench.wait("a cancelled task did not end", last.cancel())?;
    ensure!(bench, outcome.is_cancelled(), "a cancelled task ended as {outcome}");
    ensure!(bench, tasks.live() == 0, "{} replaced tasks live on", tasks.live());
    ensure!(bench, alive.get() == gone.get(), "a replaced task was not dropped");
    Ok(())
}

/// A spawn under a live name is an error that gives the future back; the executor never has it.
pub fn law_06_a_live_name_is_refused_and_the_future_comes_back<H: Harness>(
    bench: Bench<H>,
) -> Verdict {
    let tasks = bench.registry();
    let (holder, _) = bench.spawn(&tasks, "a", pending::<()>())?;
    let (probe, watch) = bench.probe(yield_now());
    let Err(refused) = tasks.try_spawn("a", probe) else {
        return Err(bench.fault("a live name was taken"));
    };
    ensure!(bench, refused.kind == SpawnError::NameTaken { holder: holder.id() }, "{refused}");
    bench.settle()?;
    ensure!(bench, watch.polls() == 0, "a future that was refused was polled");
    ensure!(bench, !watch.is_dropped(), "a future that was refused did not come back");
    // What came back is whole.
    let task = bench.add(&watch, || tasks.spawn("b", refused.into_future()))?;
    let output = bench.wait("a task did not complete", task)?;
    ensure!(bench, output.is_ok(), "a task ended without its output");
    Ok(())
}

/// Refuses every third future, and gives the others to the executor.
struct EveryThird<S>(S, AtomicUsize);

impl<S: Spawner> Spawner for EveryThird<S> {
    type Handle = S::Handle;
    type Mode = S::Mode;
}

impl<F: Future<Output = ()>, S: Spawn<F>> Spawn<F> for EveryThird<S> {
    fn spawn(&self, future: F) -> Result<S::Handle, Refused<F>> {
        if self.1.fetch_add(1, Ordering::SeqCst) % 3 == 2 {
            return Err(Refused::new(future, Refusal::Full));
        }
        self.0.spawn(future)
    }
}

/// Where every third spawn is refused, each refused future comes back whole and its name is free, and all others run.
pub fn law_06_every_third_spawn_refused_loses_nothing<H: Harness>(bench: Bench<H>) -> Verdict {
    let spawner = EveryThird(bench.spawner(), AtomicUsize::new(0));
    let tasks = Registry::with_tasks(spawner, Tasks::<Sync>::new(Options::new().capacity(200)));
    let mut all = Vec::new();
    let mut refused = 0;
    while all.len() < 200 {
        let number = all.len() as u64;
        let (probe, watch) = bench.probe(async move {
            yield_now().await;
            number
        });
        let task = match tasks.try_spawn(number, probe) {
            Ok(task) => task,
            Err(error) => {
                refused += 1;
                ensure!(bench, error.kind == SpawnError::Refused(Refusal::Full), "{error}");
                let name = number.to_string();
                ensure!(bench, tasks.get(&name).is_none(), "a refused task has left its name");
                ensure!(bench, watch.polls() == 0, "a refused future was polled");
                ensure!(bench, !watch.is_dropped(), "a refused future did not come back");
                bench.add(&watch, || tasks.spawn(number, error.into_future()))?
            }
        };
        all.push(task);
    }
    ensure!(bench, refused == 99, "{refused} of 299 spawns were refused: not every third");
    for (number, task) in all.into_iter().enumerate() {
        let output = bench.wait("beside refused ones a task was lost", task)?;
        ensure!(bench, output.ok() == Some(number as u64), "a task's output is another's");
    }
    ensure!(bench, tasks.live() == 0, "{} tasks live on", tasks.live());
    Ok(())
}

/// Ids of tasks that have ended reach nobody, whoever has their places now, in the registry and in the executor.
pub fn law_07_a_stale_id_reaches_nobody<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry_with(Options::new());
    let mut stale = HashSet::new();
    for _ in 0..100 {
        let (task, _) = bench.spawn(&tasks, "a", ready(()))?;
        bench.wait("a task did not complete", task.wait())?;
        ensure!(bench, stale.insert(task.id()), "an id came twice");
        task.purge();
    }
    let mut held = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let (task, watch) = bench.spawn(&tasks, name, pending::<()>())?;
        bench.wait("the task was never polled", watch.polled(1))?;
        held.push(task);
    }
    for id in stale {
        ensure!(bench, tasks.by_id(id).is_none(), "the id of a task that is gone finds another");
        ensure!(bench, tasks.cancel_id(id).is_none(), "it cancels another");
    }
    bench.settle()?;
    for task in held {
        ensure!(bench, task.state() == State::Running, "{task} was reached by a stale id");
    }
    Ok(())
}

/// A task whose handle, or whose registry, was dropped runs on to its end.
pub fn law_08_dropping_handles_and_registries_stops_nothing<H: Harness>(
    bench: Bench<H>,
) -> Verdict {
    for before_the_first_poll in [true, false] {
        let tasks = bench.registry();
        let gate = Gate::default();
        let (task, watch) = bench.spawn(&tasks, "a", gate.pass())?;
        let by_ref = task.task().clone();
        if !before_the_first_poll {
            bench.wait("the task was never polled", watch.polled(1))?;
        }
        drop(task);
        drop(tasks);
        bench.settle()?;
        ensure!(bench, !watch.is_dropped(), "the future was dropped with its handle");
        gate.open();
        let lost = "a task whose handle and registry were dropped did not go on";
        let outcome = bench.wait(lost, by_ref.wait())?;
        ensure!(
            bench,
            outcome == Outcome::Completed,
            "without its handle a task ended as {outcome}"
        );
    }
    Ok(())
}
