//! Law 14: a panic goes where the law says, and the executor and all else on it go on.

use std::any::Any;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;

use task_registry_core::{Cleanup, Observer, Options, Outcome, TaskInfo};

use crate::bench::{Bench, Handle, Reg};
use crate::fault::{Fault, Verdict};
use crate::harness::Harness;
use crate::kit::{Count, Gate, blow_up, ensure, poll_with, waker_calling, yield_now};
use crate::probe::{Guard, MakeCleanup, Probe};

/// A task that has to be none the worse for what happens beside it.
struct Bystander {
    task: Handle<u64>,
    gate: Gate,
}

impl Bystander {
    fn new<H: Harness>(bench: &Bench<H>, tasks: &Reg<H>) -> Result<Self, Fault> {
        let gate = Gate::default();
        let pass = gate.pass();
        let (task, watch) = bench.spawn(tasks, "bystander", async move {
            pass.await;
            yield_now().await;
            7
        })?;
        bench.wait("the task was never polled", watch.polled(1))?;
        Ok(Self { task, gate })
    }

    fn judge<H: Harness>(self, bench: &Bench<H>, tasks: &Reg<H>) -> Verdict {
        bench.settle()?;
        self.gate.open();
        let output = bench.wait("after a panic another task was lost", self.task)?;
        ensure!(bench, output.ok() == Some(7), "after a panic another task has no output");
        let (next, _) = bench.spawn(tasks, "next", yield_now())?;
        bench
            .wait("after a panic the next task was lost", next)?
            .map_err(|error| bench.fault(format!("after a panic the next task: {error}")))
    }
}

fn says(panic: Option<Box<dyn Any + Send>>, words: &str) -> bool {
    panic.is_some_and(|panic| panic.downcast_ref::<&str>() == Some(&words))
}

/// A panic in `poll` goes to the handle, with its payload; not to the executor.
pub fn law_14_a_panic_in_a_poll_goes_to_the_handle<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    let bystander = Bystander::new(&bench, &tasks)?;
    for yields in [0, 1] {
        let (task, watch) = bench.spawn::<()>(&tasks, "bad", async move {
            for _ in 0..yields {
                yield_now().await;
            }
            blow_up("in a poll");
        })?;
        let Err(error) = bench.wait("a task that panicked did not end", task)? else {
            return Err(bench.fault("a task that panicked has an output"));
        };
        ensure!(bench, says(error.into_panic(), "in a poll"), "the panic's payload was lost");
        ensure!(bench, watch.is_dropped(), "a task that panicked ended before it was dropped");
    }
    bystander.judge(&bench, &tasks)
}

/// A panic in the destructor of a future that is cancelled goes to the handle.
pub fn law_14_a_panic_in_a_futures_destructor_goes_to_the_handle<H: Harness>(
    bench: Bench<H>,
) -> Verdict {
    let tasks = bench.registry();
    let bystander = Bystander::new(&bench, &tasks)?;
    let bomb = Guard::new(|| blow_up("in a destructor"));
    let (task, watch) = bench.spawn(&tasks, "bad", async move {
        let _bomb = bomb;
        pending::<()>().await;
    })?;
    bench.wait("the task was never polled", watch.polled(1))?;
    drop(task.cancel());
    let Err(error) = bench.wait("a task whose destructor panicked did not end", task)? else {
        return Err(bench.fault("a task whose destructor panicked has an output"));
    };
    ensure!(bench, says(error.into_panic(), "in a destructor"), "the panic's payload was lost");
    bystander.judge(&bench, &tasks)
}

/// A panic in the destructor of an output that nobody takes is nobody's.
pub fn law_14_a_panic_in_an_outputs_destructor_harms_nobody<H: Harness>(
    bench: Bench<H>,
) -> Verdict {
    let tasks = bench.registry();
    let bystander = Bystander::new(&bench, &tasks)?;
    let gate = Gate::default();
    let (task, _) = bench.spawn(&tasks, "bad", {
        let pass = gate.pass();
        async move {
            pass.await;
            Guard::new(|| blow_up("in an output"))
        }
    })?;
    let by_ref = task.task().clone();
    drop(task);
    gate.open();
    let outcome = bench.wait("a task whose output panicked did not end", by_ref.wait())?;
    ensure!(bench, outcome == Outcome::Completed, "a task that completed ended as {outcome}");
    bystander.judge(&bench, &tasks)
}

/// A waiter's waker that panics keeps no other waiter from being woken, and does not reach the executor.
pub fn law_14_a_panic_in_a_waker_harms_no_other_waiter<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    let bystander = Bystander::new(&bench, &tasks)?;
    let (gate, woken) = (Gate::default(), Gate::default());
    let (task, _) = bench.spawn(&tasks, "a", gate.pass())?;
    let bomb = waker_calling(|| blow_up("in a waker"));
    let good = waker_calling({
        let woken = woken.clone();
        move || woken.open()
    });
    let (mut first, mut second, mut third) =
        (pin!(task.wait()), pin!(task.wait()), pin!(task.wait()));
    let pending = poll_with(first.as_mut(), &bomb).is_pending()
        & poll_with(second.as_mut(), &good).is_pending()
        & poll_with(third.as_mut(), &bomb).is_pending();
    ensure!(bench, pending, "a task ended by itself");
    gate.open();
    bench.wait("a waiter was not woken beside one whose waker panics", woken.pass())?;
    let outcome = bench.wait("a task whose waiter panicked did not end", task.wait())?;
    ensure!(bench, outcome == Outcome::Completed, "a task that completed ended as {outcome}");
    bystander.judge(&bench, &tasks)
}

/// Panics whatever it is told.
struct Bomb(Count);

impl Bomb {
    fn go_off(&self) -> ! {
        self.0.add();
        blow_up("in an observer");
    }
}

impl Observer for Bomb {
    fn added(&self, _: &TaskInfo) {
        self.go_off();
    }
    fn started(&self, _: &TaskInfo) {
        self.go_off();
    }
    fn stopping(&self, _: &TaskInfo, _: Option<&str>) {
        self.go_off();
    }
    fn ended(&self, _: &TaskInfo, _: &Outcome) {
        self.go_off();
    }
}

/// An observer that panics at each call harms no task.
pub fn law_14_a_panic_in_an_observer_harms_nobody<H: Harness>(bench: Bench<H>) -> Verdict {
    let calls = Count::default();
    let tasks = bench.registry_with(Options::new().observer(Bomb(calls.clone())));
    let bystander = Bystander::new(&bench, &tasks)?;
    let (task, watch) = bench.spawn(&tasks, "a", pending::<()>())?;
    bench.wait("the task was never polled", watch.polled(1))?;
    let outcome = bench.wait("a task whose observer panicked did not end", task.cancel())?;
    ensure!(bench, outcome.is_cancelled(), "a cancelled task ended as {outcome}");
    bystander.judge(&bench, &tasks)?;
    // Added, started, stopping, ended; and of two others all but `stopping`.
    ensure!(bench, calls.get() == 10, "the observer was called {} times of 10", calls.get());
    Ok(())
}

/// A factory that panics panics to who spawns, and leaves its name free; the executor never hears of it.
pub fn law_14_a_panic_in_a_factory_goes_to_who_spawns<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    let bystander = Bystander::new(&bench, &tasks)?;
    let spawned = catch_unwind(AssertUnwindSafe(|| {
        let cx = tasks.with_context(());
        drop(cx.spawn_with("bad", |_| -> Probe { blow_up("in a factory") }));
    }));
    ensure!(bench, says(spawned.err(), "in a factory"), "a factory's panic was lost");
    ensure!(bench, tasks.get_live("bad").is_none(), "a factory that panicked has left its name");
    let (task, _) = bench.spawn(&tasks, "bad", yield_now())?;
    bench.wait("a task of that name was lost", task.wait())?;
    bystander.judge(&bench, &tasks)
}

/// A cleanup that panics is told as such; how the task ended was decided before.
pub fn law_14_a_panic_in_a_cleanup_leaves_the_outcome<H: Harness>(bench: Bench<H>) -> Verdict {
    let tasks = bench.registry();
    let bystander = Bystander::new(&bench, &tasks)?;
    for (yields, makes) in [(0, true), (1, true), (0, false)] {
        let (cleanup, _) = bench.probe::<()>(async move {
            for _ in 0..yields {
                yield_now().await;
            }
            blow_up("in a cleanup");
        });
        let make: MakeCleanup = Box::new(move |_| {
            if !makes {
                blow_up("in what makes the cleanup");
            }
            cleanup
        });
        let (probe, watch) = bench.probe(pending::<()>());
        let task = bench.add(&watch, || {
            let never: fn() -> std::future::Pending<()> = pending;
            tasks.task("a").cleanup(make, never).spawn(probe)
        })?;
        bench.wait("the task was never polled", watch.polled(1))?;
        let outcome = bench.wait("a task whose cleanup panicked did not end", task.cancel())?;
        ensure!(bench, outcome.is_cancelled(), "a cancelled task ended as {outcome}");
        let cleanup = task.info().cleanup();
        ensure!(bench, cleanup == Some(Cleanup::Panicked), "its cleanup is told as {cleanup:?}");
        task.purge();
    }
    bystander.judge(&bench, &tasks)
}
