//! What these tests have in common: workers that are known to run, and what waits for them.

use std::future::pending;
use std::rc::Rc;
use std::thread;

use futures_lite::future::block_on;
use task_registry::bound::{AnyThread, OneThread};
use task_registry::{
    Fallible, InTask, Plan, Registry, Running, Runtime, Tracked, WorkerCx, Workers, WorkersHandle,
    mode,
};

use crate::Tested;
use crate::kit::{Count, Gate, Trace};

/// The app of all these workers is the trace of what they do.
pub(crate) type Planned<B> = Tracked<InTask<Trace, mode::Sync, B>, mode::Sync, Fallible<()>>;

/// What a worker's own value is made from: its registry.
pub(crate) type Tasks<R> = Registry<<R as Runtime>::Spawner, mode::Sync>;

/// The app of workers that each make their own: their number, their registry, and something that stays on its thread.
pub(crate) type Own<R> = Rc<(usize, Tasks<R>)>;

pub(crate) type PlannedOwn<R> =
    Tracked<InTask<Own<R>, mode::Sync, OneThread>, mode::Sync, Fallible<()>>;

pub(crate) type AnyPlan = Plan<Trace, mode::Sync, AnyThread>;

pub(crate) type Cx<R> = WorkerCx<Trace, <R as Runtime>::Spawner>;

/// Each of so many waits until all of them have come.
#[derive(Clone)]
pub(crate) struct Meeting(Count, Gate, usize);

impl Meeting {
    pub(crate) fn of(size: usize) -> Self {
        Self(Count::default(), Gate::default(), size)
    }

    pub(crate) async fn attend(&self) {
        if self.0.add() == self.2 {
            self.1.open();
        }
        self.1.pass().await;
    }
}

pub(crate) fn workers<R: Tested>(count: usize) -> Workers<R, Trace> {
    Workers::new(count, R::new())
}

/// Workers whose main futures wait for the shutdown, with a task of each of these names on each. All of them run.
pub(crate) fn running<R: Tested>(count: usize, names: &[&'static str]) -> Running {
    let mut plan = AnyPlan::new();
    for name in names {
        plan.task(*name, |_| pending()).unwrap();
    }
    let here = Meeting::of(count + 1);
    let there = here.clone();
    let main = move |cx: Cx<R>| {
        let there = there.clone();
        async move {
            there.attend().await;
            cx.cancelled().await;
        }
    };
    let started = block_on(workers::<R>(count).plan(plan).start(Trace::default(), main)).unwrap();
    block_on(here.attend());
    started
}

/// Waits for what other threads bring about and offer no way to wait for.
pub(crate) fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        thread::yield_now();
    }
}

pub(crate) async fn until_shutdown<R: Tested>(cx: Cx<R>) {
    cx.cancelled().await;
}

pub(crate) fn shut_down(workers: &WorkersHandle) {
    let report = block_on(workers.shutdown(pending::<()>()));
    assert!(report.is_clean(), "{report}");
}

pub(crate) fn thread_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}
