//! Workers start: each with an executor, a thread and fresh tasks of its own.

use std::future::{Future, pending};
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};

use futures_lite::future::block_on;
use task_registry::bound::OneThread;
use task_registry::{Outcome, Plan, Runtime, Spawn, StartError, State, WorkerCx, Workers, mode};

use crate::Tested;
use crate::kit::{Count, OnDrop, Trace, blow_up, yield_now};
use crate::setup::{
    AnyPlan, Cx, Meeting, Own, PlannedOwn, Tasks, shut_down, thread_name, until, until_shutdown,
    workers,
};

pub(crate) fn every_worker_starts_the_plan_and_its_main_on_a_thread_of_its_own<R: Tested>() {
    let trace = Trace::default();
    let mut plan = Plan::<Trace, mode::Sync, OneThread>::new();
    plan.task("beat", |cx| async move {
        let not_send = Rc::new(cx);
        not_send.note(format!("beat on {}", thread_name()));
        yield_now().await;
        pending::<()>().await;
        drop(not_send);
    })
    .unwrap();
    let here = Meeting::of(4);
    let main = {
        let here = here.clone();
        move |cx: Cx<R>| {
            let here = here.clone();
            async move {
                let not_send = Rc::new(cx);
                let planned = not_send.planned();
                assert_eq!((planned.len(), planned[0].name()), (1, Some("beat")));
                not_send.note(format!("main {} on {}", not_send.worker(), thread_name()));
                let started = not_send.tasks().get("beat").unwrap();
                while started.state() == State::Queued {
                    yield_now().await;
                }
                here.attend().await;
                not_send.cancelled().await;
            }
        }
    };
    let started = block_on(workers::<R>(3).plan(plan).start(trace.clone(), main)).unwrap();
    block_on(here.attend());
    let mut seen = trace.read();
    seen.sort();
    let wanted = [
        "beat on worker-0",
        "beat on worker-1",
        "beat on worker-2",
        "main 0 on worker-0",
        "main 1 on worker-1",
        "main 2 on worker-2",
    ];
    assert_eq!(seen, wanted);
    shut_down(&started);
}

pub(crate) fn each_worker_makes_its_own_app_and_a_planned_task_spawns_with_its_registry<R>()
where
    R: Tested + Runtime<Spawner: Spawn<PlannedOwn<R>>>,
{
    let (trace, here) = (Trace::default(), Meeting::of(4));
    let mut plan = Plan::<Own<R>, mode::Sync, OneThread>::new();
    let notes = trace.clone();
    plan.task("parent", move |cx| {
        let notes = notes.clone();
        async move {
            let (worker, tasks) = &**cx.app();
            let child = tasks.spawn_local("child", async { thread_name() }).unwrap();
            notes.note(format!("{worker} has a child on {}", child.await.unwrap()));
        }
    })
    .unwrap();
    let there = here.clone();
    let main = move |cx: WorkerCx<Own<R>, R::Spawner>| {
        let there = there.clone();
        async move {
            assert_eq!(cx.app().0, cx.worker());
            assert!(cx.planned()[0].task().unwrap().wait().await.is_completed());
            there.attend().await;
            cx.cancelled().await;
        }
    };
    let app = |worker, tasks: &Tasks<R>| Rc::new((worker, tasks.clone()));
    let started = block_on(Workers::new(3, R::new()).plan(plan).start_with(app, main)).unwrap();
    block_on(here.attend());
    shut_down(&started);
    let mut seen = trace.read();
    seen.sort();
    let wanted =
        ["0 has a child on worker-0", "1 has a child on worker-1", "2 has a child on worker-2"];
    assert_eq!(seen, wanted);
    assert!(started.join().iter().all(Result::is_ok));
}

pub(crate) fn a_worker_whose_app_panics_in_the_making_takes_nobody_along<R: Tested>() {
    let here = Meeting::of(2);
    let there = here.clone();
    let mut plan = AnyPlan::new();
    plan.task("beat", |_| pending()).unwrap();
    let app = |worker, _: &Tasks<R>| match worker {
        1 => blow_up("no app for this one"),
        _ => Trace::default(),
    };
    let main = move |cx: Cx<R>| {
        let there = there.clone();
        async move {
            there.attend().await;
            cx.cancelled().await;
        }
    };
    let started = block_on(workers::<R>(2).plan(plan).start_with(app, main)).unwrap();
    block_on(here.attend());
    assert_eq!(block_on(started.main(1).unwrap().wait()), Outcome::NeverStarted);
    assert_eq!(started.get("beat").len(), 1, "nothing of the plan starts there");
    shut_down(&started);
    let mut ends = started.join();
    let payload = ends.remove(1).unwrap_err().into_panic().unwrap();
    assert_eq!(payload.downcast_ref(), Some(&"no app for this one"));
    assert!(ends.remove(0).is_ok());
}

/// Two factories whose destructors panic.
fn explosive() -> AnyPlan {
    let mut plan = AnyPlan::new();
    for name in ["beat", "tick"] {
        let bomb = OnDrop::new(|| blow_up("in a factory's destructor"));
        plan.task(name, move |_| {
            let _ = &bomb;
            pending()
        })
        .unwrap();
    }
    plan
}

/// Sees to it that no task of that plan is started, and waits.
fn instead<R: Tested>(tasks: &Tasks<R>, goes: &Mutex<mpsc::Receiver<()>>) {
    for name in ["beat", "tick"] {
        drop(tasks.spawn_local(name, pending::<()>()).unwrap());
    }
    goes.lock().unwrap().recv().unwrap();
}

pub(crate) fn a_plan_that_panics_when_it_is_dropped_takes_no_worker_along<R: Tested>() {
    // Whoever started the workers has let go of the plan by then, and no task has the factories: the worker lets go of them.
    let (go, goes) = mpsc::channel();
    let goes = Mutex::new(goes);
    let app = move |_, tasks: &Tasks<R>| {
        instead::<R>(tasks, &goes);
        Trace::default()
    };
    let main = until_shutdown::<R>;
    let started = block_on(workers::<R>(1).plan(explosive()).start_with(app, main)).unwrap();
    go.send(()).unwrap();
    let main = started.main(0).unwrap();
    until(|| main.state() == State::Running || main.is_ended());
    assert!(!main.is_ended());
    shut_down(&started);
    assert!(started.join().iter().all(Result::is_ok));
}

pub(crate) fn a_plan_that_panics_when_it_is_dropped_hides_no_panic_of_the_apps<R: Tested>() {
    let (go, goes) = mpsc::channel();
    let goes = Mutex::new(goes);
    let app = move |_, tasks: &Tasks<R>| {
        instead::<R>(tasks, &goes);
        blow_up("no app")
    };
    let main = until_shutdown::<R>;
    let started = block_on(workers::<R>(1).plan(explosive()).start_with(app, main)).unwrap();
    go.send(()).unwrap();
    assert_eq!(block_on(started.main(0).unwrap().wait()), Outcome::NeverStarted);
    shut_down(&started);
    let payload = started.join().remove(0).unwrap_err().into_panic().unwrap();
    assert_eq!(payload.downcast_ref(), Some(&"no app"));
}

pub(crate) fn a_once_task_is_made_by_exactly_one_worker<R: Tested>() {
    let trace = Trace::default();
    let mut plan = AnyPlan::new();
    plan.once("migration", |cx| async move { cx.note("migrated") }).unwrap();
    plan.task("beat", |_| pending()).unwrap();
    let started = workers::<R>(8).plan(plan).start(trace.clone(), until_shutdown::<R>);
    let started = block_on(started).unwrap();
    let mut planned = Vec::new();
    // All have started the plan when all have this task of it.
    for worker in 0..8 {
        block_on(started.tasks(worker).unwrap().wait_for("beat"));
        planned.extend(started.tasks(worker).unwrap().get("migration"));
    }
    assert_eq!(planned.len(), 1);
    assert!(block_on(planned[0].wait()).is_completed());
    shut_down(&started);
    assert_eq!(trace.read(), ["migrated"]);
}

pub(crate) fn a_plan_started_twice_gives_fresh_tasks_to_both<R: Tested>() {
    let (trace, made) = (Trace::default(), Count::default());
    let mut plan = AnyPlan::new();
    let making = made.clone();
    plan.task("beat", move |_| {
        making.add();
        pending()
    })
    .unwrap();
    plan.once("migration", |cx| async move { cx.note("migrated") }).unwrap();
    let plan = Arc::new(plan);
    let start = |made_by_then| {
        let started = workers::<R>(2).plan(plan.clone()).start(trace.clone(), until_shutdown::<R>);
        let started = block_on(started).unwrap();
        until(|| made.get() == made_by_then);
        started
    };
    let first = start(2);
    let migration = first.get("migration");
    assert!(block_on(migration[0].1.wait()).is_completed());
    shut_down(&first);
    let second = start(4);
    assert!(second.get("beat").iter().all(|(_, task)| task.state() == State::Running));
    assert!(second.get("migration").is_empty());
    shut_down(&second);
    assert_eq!(trace.read(), ["migrated"]);
}

/// Makes executors for all but one worker, whichever comes to it second.
struct Broken<R> {
    runtime: R,
    made: Count,
    how: fn() -> io::Error,
}

impl<R: Runtime> Runtime for Broken<R> {
    type Spawner = R::Spawner;
    fn run<F: Future>(&self, body: impl FnOnce(R::Spawner) -> F) -> io::Result<F::Output> {
        if self.made.add() == 2 {
            return Err((self.how)());
        }
        self.runtime.run(body)
    }
}

fn broken<R: Tested>(how: fn() -> io::Error) -> StartError {
    let trace = Trace::default();
    let runtime = Broken { runtime: R::new(), made: Count::default(), how };
    let workers = Workers::new(3, runtime);
    let handle = workers.handle();
    let main = |cx: Cx<R>| async move { cx.app().note("started") };
    let error = block_on(workers.start(trace.clone(), main)).expect_err("no worker starts");
    block_on(handle.stopped());
    shut_down(&handle);
    assert!(trace.read().is_empty());
    error
}

pub(crate) fn a_worker_without_an_executor_keeps_all_from_starting<R: Tested>() {
    let error = broken::<R>(|| io::Error::other("no more file descriptors"));
    let StartError::Worker { error, .. } = error else { panic!("not {error:?}") };
    assert_eq!(error.to_string(), "no more file descriptors");
}

pub(crate) fn a_worker_whose_executor_panics_in_the_making_keeps_all_from_starting<R: Tested>() {
    let error = broken::<R>(|| blow_up("no ring"));
    let StartError::WorkerPanicked { panic, .. } = error else { panic!("not {error:?}") };
    assert_eq!(panic.into_panic().unwrap().downcast_ref(), Some(&"no ring"));
}

pub(crate) fn a_planned_task_that_panics_harms_nobody_else<R: Tested>() {
    let mut plan = AnyPlan::new();
    plan.task("bad", |_| async { blow_up("bad") }).unwrap();
    plan.task("beat", |_| pending()).unwrap();
    let started = workers::<R>(2).plan(plan).start(Trace::default(), until_shutdown::<R>);
    let started = block_on(started).unwrap();
    for worker in 0..2 {
        block_on(started.tasks(worker).unwrap().wait_for("beat"));
        let bad = started.tasks(worker).unwrap().get("bad").unwrap();
        assert!(block_on(bad.wait()).is_panicked());
    }
    assert_eq!(block_on(started.cancel("beat")).len(), 2);
    shut_down(&started);
}

pub(crate) fn sixty_four_workers_run_at_the_same_time<R: Tested>() {
    const MANY: usize = 64;
    let here = Meeting::of(2 * MANY + 1);
    let mut plan = AnyPlan::new();
    let there = here.clone();
    plan.task("beat", move |_| {
        let there = there.clone();
        async move {
            there.attend().await;
            pending().await
        }
    })
    .unwrap();
    let there = here.clone();
    let main = move |cx: Cx<R>| {
        let there = there.clone();
        async move {
            there.attend().await;
            cx.cancelled().await;
        }
    };
    let started = block_on(workers::<R>(MANY).plan(plan).start(Trace::default(), main)).unwrap();
    block_on(here.attend());
    assert_eq!((started.count(), started.snapshot().len()), (MANY, MANY));
    let report = block_on(started.shutdown(pending::<()>()));
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.workers().len(), report.cancelled()), (MANY, MANY));
    assert_eq!(started.join().len(), MANY);
}

pub(crate) fn no_workers_at_all_start_and_shut_down<R: Tested>() {
    let started = block_on(workers::<R>(0).start(Trace::default(), until_shutdown::<R>)).unwrap();
    assert_eq!(started.count(), 0);
    shut_down(&started);
    assert!(started.join().is_empty());
}
