//! Many tasks at once.

use std::future::pending;
use std::sync::Arc;
use std::thread;

use task_registry_core::{Options, Outcome, Retain, SpawnSend};

use crate::bench::{Bench, Handle, Reg};
use crate::fault::Verdict;
use crate::harness::Harness;
use crate::kit::{ensure, yield_now};
use crate::probe::{Log, Probe, Probed, Watch};

/// How many tasks the load has.
const TASKS: usize = 4000;

/// Four thousand named tasks, half of which are cancelled: each ends as it ought to, and nothing is left.
pub fn smoke_thousands_of_named_tasks_half_of_them_cancelled<H: Harness>(
    bench: Bench<H>,
) -> Verdict {
    let tasks = bench.registry_with(Options::new().retain(Retain::Everything));
    let owned = Arc::new(());
    let mut all = Vec::new();
    for number in 0..TASKS {
        let kept = owned.clone();
        let (task, _) = bench.spawn(&tasks, &name(number), body(number, kept))?;
        all.push((number, task));
        if number % 1000 == 500 {
            bench.settle()?;
        }
    }
    cancel_half(&all);
    judge(&bench, &tasks, &all, &owned)
}

/// The same, spawned and cancelled by four threads while the executor runs.
pub fn smoke_threads_spawn_and_cancel_while_the_executor_runs<H>(bench: Bench<H>) -> Verdict
where
    H: Harness<Spawner: SpawnSend + Send + Sync>,
{
    const THREADS: usize = 4;
    let tasks = bench.registry_with(Options::new().retain(Retain::Everything));
    let owned = Arc::new(());
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (tasks, owned, log) = (tasks.clone(), owned.clone(), bench.log.clone());
            thread::spawn(move || {
                let mut all = Vec::new();
                for number in (thread..TASKS).step_by(THREADS) {
                    let (probe, _) = probe(&log, body(number, owned.clone()));
                    all.push((number, tasks.spawn_send(name(number), probe)?));
                }
                cancel_half(&all);
                Ok::<_, task_registry_core::SpawnError>(all)
            })
        })
        .collect();
    let mut all = Vec::new();
    while !threads.iter().all(thread::JoinHandle::is_finished) {
        bench.settle()?;
        thread::yield_now();
    }
    for thread in threads {
        match thread.join() {
            Ok(Ok(spawned)) => all.extend(spawned),
            Ok(Err(error)) => return Err(bench.fault(format!("a thread cannot spawn: {error}"))),
            Err(_) => return Err(bench.fault("a thread that spawns and cancels panicked")),
        }
    }
    judge(&bench, &tasks, &all, &owned)
}

fn name(number: usize) -> String {
    format!("load:{number}")
}

fn probe<T>(log: &Log, future: impl Future<Output = T> + Send + 'static) -> (Probe<T>, Watch) {
    Probed::new(Box::pin(future), log, None, false)
}

/// The odd ones run to their end, the even ones until they are cancelled.
async fn body(number: usize, owned: Arc<()>) -> u64 {
    for _ in 0..number % 5 {
        yield_now().await;
    }
    if number % 2 == 0 {
        pending::<()>().await;
    }
    drop(owned);
    number as u64
}

fn cancel_half(all: &[(usize, Handle<u64>)]) {
    for (number, task) in all {
        if number % 2 == 0 {
            drop(task.cancel());
        }
    }
}

fn judge<H: Harness>(
    bench: &Bench<H>,
    tasks: &Reg<H>,
    all: &[(usize, Handle<u64>)],
    owned: &Arc<()>,
) -> Verdict {
    ensure!(bench, all.len() == TASKS, "{} tasks were spawned of {TASKS}", all.len());
    let everyone = async {
        for (_, task) in all {
            task.wait().await;
        }
    };
    if let Err(fault) = bench.wait("a task was lost", everyone) {
        bench.log.verdict()?;
        let lost = all.iter().filter(|(_, task)| !task.is_ended());
        let (lost, [queued, running, stopping]) = (lost.count(), {
            let counts = tasks.counts();
            [counts.queued, counts.running, counts.stopping]
        });
        ensure!(
            bench,
            lost == 0,
            "{lost} of {TASKS} tasks were lost: {queued} queued, {running} running, {stopping} stopping"
        );
        return Err(fault);
    }
    for (number, task) in all {
        let outcome = task.outcome();
        let right = match &outcome {
            Some(outcome) if number % 2 == 0 => outcome.is_cancelled(),
            outcome => *outcome == Some(Outcome::Completed),
        };
        ensure!(bench, right, "{} ended as {outcome:?}", name(*number));
        let found = tasks.get(&name(*number));
        ensure!(bench, found.as_ref() == Some(task.task()), "{} is not found", name(*number));
    }
    ensure!(bench, tasks.live() == 0, "{} tasks live on", tasks.live());
    ensure!(bench, tasks.purge() == TASKS, "not every task has left a record");
    ensure!(bench, Arc::strong_count(owned) == 1, "something of what futures owned is leaked");
    Ok(())
}
