//! What futures that have a spawner may do with it: written once, for spawners of `Send` futures and for those of others.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use task_registry_core::{JoinHandle, Outcome, Refused, SpawnLocal, SpawnSend};

use crate::bench::{Bench, put_by};
use crate::fault::{Fault, Verdict};
use crate::harness::Harness;
use crate::kit::{OnDrop, ensure, message, owning, yield_now};
use crate::probe::{Log, Probed, Watch};

/// Spawns from inside a poll or a destructor, where nobody can return a fault.
fn put_inside<F, T: JoinHandle>(
    log: &Log,
    watch: &Watch,
    inside: &str,
    spawn: impl FnOnce() -> Result<T, Refused<Probed<F>>>,
) {
    let put = catch_unwind(AssertUnwindSafe(|| put_by(watch, spawn)));
    match put {
        Ok(Ok(())) => (),
        Ok(Err(fault)) => log.note(fault),
        Err(panic) => {
            let why = format!("`spawn` panics inside {inside}: {}", message(&*panic));
            log.note(Fault::new(9, why));
        }
    }
}

macro_rules! cases {
    (
        [$($bounds:tt)*] $bare:ident $spawn:ident $spawn_task:ident;
        $in_poll:ident $in_destructor:ident $while_it_goes:ident $owns:ident
    ) => {
        /// A future may spawn another in the middle of its own poll: the executor holds no lock then, and no borrow.
        pub fn $in_poll<H: Harness<Spawner: $($bounds)*>>(bench: Bench<H>) -> Verdict {
            let (child, child_watch) = bench.$bare(yield_now());
            let (spawner, log, told) = (bench.spawner(), bench.log.clone(), child_watch.clone());
            let (parent, watch) = bench.$bare(async move {
                put_inside(&log, &told, "a poll", || spawner.$spawn(child));
                yield_now().await;
            });
            put_by(&watch, || bench.spawner().$spawn(parent))?;
            bench.wait("a future that spawns in its poll was lost", watch.dropped())?;
            bench.wait("what a future spawned in its poll was lost", child_watch.dropped())
        }

        /// A future may spawn another in its destructor, when it has completed.
        pub fn $in_destructor<H: Harness<Spawner: $($bounds)*>>(bench: Bench<H>) -> Verdict {
            let (child, child_watch) = bench.$bare(yield_now());
            let (spawner, log, told) = (bench.spawner(), bench.log.clone(), child_watch.clone());
            let spawns = OnDrop::new(move || {
                put_inside(&log, &told, "a destructor", || spawner.$spawn(child));
            });
            let (parent, watch) = bench.$bare(owning(spawns, || Poll::Ready(())));
            put_by(&watch, || bench.spawner().$spawn(parent))?;
            bench.wait("a future that spawns in its destructor was lost", watch.dropped())?;
            let lost = "what a future spawned in its destructor was lost";
            bench.wait(lost, child_watch.dropped())
        }

        /// The same while the executor goes: what is spawned then is given back, or dropped.
        pub fn $while_it_goes<H: Harness<Spawner: $($bounds)*>>(bench: Bench<H>) -> Verdict {
            let (child, child_watch) = bench.$bare(yield_now());
            let (spawner, log, told) = (bench.spawner(), bench.log.clone(), child_watch.clone());
            let spawns = OnDrop::new(move || {
                let late = AssertUnwindSafe(|| match spawner.$spawn(child) {
                    Ok(handle) => handle.detach(),
                    Err(back) => drop(back),
                });
                if let Err(panic) = catch_unwind(late) {
                    let why = "`spawn` panics in a destructor while the executor goes: ";
                    log.note(Fault::new(9, format!("{why}{}", message(&*panic))));
                }
            });
            told.let_go();
            let (parent, watch) = bench.$bare(owning(spawns, || Poll::Pending));
            put_by(&watch, || bench.spawner().$spawn(parent))?;
            bench.wait("a future was never polled", watch.polled(1))?;
            let gone = bench.kill()?;
            gone.wait("a future that spawns in its destructor is leaked", watch.dropped())?;
            let lost = "a future that was spawned while the executor went is leaked";
            gone.wait(lost, child_watch.dropped())?;
            gone.verdict()
        }

        /// A task may own its registry, and so a spawner: that is no cycle that keeps the executor, and the task is abandoned
        /// when that goes.
        pub fn $owns<H: Harness<Spawner: $($bounds)*>>(bench: Bench<H>) -> Verdict {
            let tasks = bench.registry();
            let owner = tasks.clone();
            let (task, watch) = bench.$spawn_task(&tasks, "owns its registry", async move {
                pending::<()>().await;
                drop(owner);
            })?;
            bench.wait("the task was never polled", watch.polled(1))?;
            bench.settle()?;
            drop(tasks);
            let gone = bench.kill()?;
            let lost = "a task that owns its registry keeps its executor alive, and is leaked: a spawner is to hold its executor weakly";
            let outcome = gone.wait(lost, task.wait())?;
            ensure!(gone, outcome == Outcome::Abandoned, "its executor gone, it ended as {outcome}");
            ensure!(gone, watch.is_dropped(), "a task ended before its future was dropped");
            Ok(())
        }
    };
}

cases! {
    [SpawnSend + Send + Sync] bare spawn_send spawn;
    law_09_a_future_may_spawn_in_its_poll
    law_09_a_future_may_spawn_in_its_destructor
    law_09_a_future_may_spawn_while_its_executor_goes
    law_11_a_task_that_owns_its_registry_keeps_no_executor
}

cases! {
    [SpawnLocal] local_bare spawn_local spawn_local;
    law_09_a_local_future_may_spawn_in_its_poll
    law_09_a_local_future_may_spawn_in_its_destructor
    law_09_a_local_future_may_spawn_while_its_executor_goes
    law_11_a_local_task_that_owns_its_registry_keeps_no_executor
}
