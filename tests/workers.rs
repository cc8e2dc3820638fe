//! Workers, on both of their runtimes. Orders are forced by gates and by polling by hand, never by time.
#![cfg(any(feature = "tokio", feature = "local"))]

#[allow(dead_code, reason = "the laws use more of it")]
#[path = "laws/kit.rs"]
mod kit;
#[path = "common/watchdog.rs"]
mod watchdog;

use std::collections::HashSet;
use std::future::{Future, pending, ready};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use futures_lite::future::block_on;
use kit::{Count, Flag, Gate, Trace, blow_up, on_thread, poll_once, yield_now};
use task_registry::bound::{AnyThread, OneThread};
use task_registry::{
    InTask, Outcome, Plan, Registry, Running, Runtime, Spawn, SpawnError, StartError, State,
    Tracked, WorkerCx, Workers, WorkersHandle, WorkersShutdown, mode,
};
use watchdog::Watchdog;

/// The app of all these workers is the trace of what they do.
type Planned<B> = Tracked<InTask<Trace, mode::Sync, B>, mode::Sync>;
type AnyPlan = Plan<Trace, mode::Sync, AnyThread>;
type Cx<R> = WorkerCx<Trace, <R as Runtime>::Spawner>;

trait Tested: Runtime<Spawner: Spawn<Planned<AnyThread>> + Spawn<Planned<OneThread>>> + Sized {
    fn new() -> Self;
}

#[cfg(feature = "tokio")]
impl Tested for task_registry::tokio::CurrentThread {
    fn new() -> Self {
        Self::new()
    }
}

#[cfg(feature = "local")]
impl Tested for task_registry::local::LocalThread {
    fn new() -> Self {
        Self::new()
    }
}

/// smol's reactor polled by each worker.
#[cfg(feature = "local")]
struct Smol(task_registry::local::LocalThread);

#[cfg(feature = "local")]
impl Runtime for Smol {
    type Spawner = <task_registry::local::LocalThread as Runtime>::Spawner;
    fn run<F: Future>(&self, body: impl FnOnce(Self::Spawner) -> F) -> io::Result<F::Output> {
        self.0.run(body)
    }
}

#[cfg(feature = "local")]
impl Tested for Smol {
    fn new() -> Self {
        Self(task_registry::local::LocalThread::driven_by(|future| smol::block_on(future)))
    }
}

macro_rules! on {
    ($module:ident, $runtime:ty; $($test:ident)*) => {
        mod $module {
            $(#[test]
            fn $test() {
                let _watchdog = crate::Watchdog::over(concat!(stringify!($module), "::", stringify!($test)));
                crate::$test::<$runtime>();
            })*
        }
    };
}

macro_rules! on_every_runtime {
    ($($test:ident)*) => {
        #[cfg(feature = "tokio")]
        on!(on_tokio, task_registry::tokio::CurrentThread; $($test)*);
        #[cfg(feature = "local")]
        on!(on_local, task_registry::local::LocalThread; $($test)*);
        #[cfg(feature = "local")]
        on!(on_smol, crate::Smol; $($test)*);
    };
}

on_every_runtime! {
    every_worker_starts_the_plan_and_its_main_on_a_thread_of_its_own
    a_once_task_is_made_by_exactly_one_worker
    a_plan_started_twice_gives_fresh_tasks_to_both
    workers_start_only_after_all_futures_before_them_completed_in_order
    an_error_before_the_workers_comes_out_and_no_worker_starts
    a_panic_before_the_workers_comes_out_with_its_payload_and_no_worker_starts
    a_shutdown_before_the_start_lets_no_worker_start
    a_shutdown_amid_the_futures_before_the_workers_drops_them_and_lets_no_worker_start
    dropping_the_start_drops_the_futures_before_the_workers_and_lets_no_worker_start
    workers_dropped_unstarted_can_still_be_shut_down
    a_worker_without_an_executor_keeps_all_from_starting
    a_worker_whose_executor_panics_in_the_making_keeps_all_from_starting
    any_thread_lists_all_tasks_by_worker_and_name
    any_thread_gets_tasks_by_name_from_all_workers
    cancel_by_name_reaches_all_workers_or_the_one_that_is_meant
    one_shutdown_ends_all_and_reports_by_worker_and_name
    a_shutdown_has_one_deadline_and_names_what_would_not_stop
    after_the_deadline_executors_are_dropped_with_what_is_left_on_them
    a_blocked_worker_is_reported_and_keeps_no_other_from_stopping
    after_a_shutdown_nothing_is_spawned_on_any_worker
    a_shutdown_is_joined_by_several_callers
    a_main_future_finishes_in_its_own_time_once_its_token_fired
    a_main_future_that_ignores_its_token_is_dropped_at_the_deadline
    dropping_a_shutdown_ends_the_time_of_the_main_futures
    a_main_future_that_panics_is_reported_and_takes_nobody_along
    a_main_future_that_ended_leaves_its_worker_running
    a_main_future_is_cancelled_alone
    dropping_the_running_workers_stops_nothing
    a_planned_task_that_panics_harms_nobody_else
    a_task_that_owns_its_registry_does_not_keep_its_worker
    sixty_four_workers_run_at_the_same_time
    no_workers_at_all_start_and_shut_down
}

/// Each of so many waits until all of them have come.
#[derive(Clone)]
struct Meeting(Count, Gate, usize);

impl Meeting {
    fn of(size: usize) -> Self {
        Self(Count::default(), Gate::default(), size)
    }

    async fn attend(&self) {
        if self.0.add() == self.2 {
            self.1.open();
        }
        self.1.pass().await;
    }
}

fn workers<R: Tested>(count: usize) -> Workers<R, Trace> {
    Workers::new(count, R::new())
}

/// Workers whose main futures wait for the shutdown, with a task of each of these names on each. All of them run.
fn running<R: Tested>(count: usize, names: &[&'static str]) -> Running {
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
fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        thread::yield_now();
    }
}

async fn until_shutdown<R: Tested>(cx: Cx<R>) {
    cx.cancelled().await;
}

fn shut_down(workers: &WorkersHandle) {
    let report = block_on(workers.shutdown(pending::<()>()));
    assert!(report.is_clean(), "{report}");
}

fn start_error<R: Tested>(workers: Workers<R, Trace>, trace: &Trace) -> StartError {
    let main = |cx: Cx<R>| async move { cx.app().note("started") };
    block_on(workers.start(trace.clone(), main)).expect_err("no worker starts")
}

fn thread_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

fn every_worker_starts_the_plan_and_its_main_on_a_thread_of_its_own<R: Tested>() {
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

fn a_once_task_is_made_by_exactly_one_worker<R: Tested>() {
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

fn a_plan_started_twice_gives_fresh_tasks_to_both<R: Tested>() {
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

fn workers_start_only_after_all_futures_before_them_completed_in_order<R: Tested>() {
    let (trace, gates) = (Trace::default(), [Gate::default(), Gate::default()]);
    let mut workers = workers::<R>(2);
    for (n, gate) in gates.iter().cloned().enumerate() {
        let trace = trace.clone();
        workers = workers.before_workers(async move {
            trace.note(format!("{n} begins"));
            gate.pass().await;
            trace.note(format!("{n} is done"));
            Ok::<_, io::Error>(())
        });
    }
    let all_here = Meeting::of(3);
    let here = all_here.clone();
    let mut start = pin!(workers.start(trace.clone(), move |cx: Cx<R>| {
        let here = here.clone();
        async move {
            cx.note("started");
            here.attend().await;
            cx.cancelled().await;
        }
    }));
    gates[1].open();
    assert!(poll_once(&mut start).is_pending());
    assert_eq!(trace.read(), ["0 begins"]);
    gates[0].open();
    let started = block_on(start).unwrap();
    block_on(all_here.attend());
    let wanted = ["0 begins", "0 is done", "1 begins", "1 is done", "started", "started"];
    assert_eq!(trace.read(), wanted);
    shut_down(&started);
}

fn an_error_before_the_workers_comes_out_and_no_worker_starts<R: Tested>() {
    let trace = Trace::default();
    let later = trace.clone();
    let workers =
        workers::<R>(2).before_workers(async { Err("no database") }).before_workers(async move {
            later.note("later");
            Ok::<_, io::Error>(())
        });
    let handle = workers.handle();
    let error = start_error(workers, &trace);
    assert!(
        matches!(&error, StartError::BeforeWorkers(error) if error.to_string() == "no database")
    );
    assert_eq!(error.to_string(), "before the workers: no database");
    block_on(handle.stopped());
    assert!(trace.read().is_empty());
}

fn a_panic_before_the_workers_comes_out_with_its_payload_and_no_worker_starts<R: Tested>() {
    let trace = Trace::default();
    let workers = workers::<R>(2).before_workers(async {
        yield_now().await;
        blow_up("no luck");
        #[expect(unreachable_code, reason = "says what the future would return")]
        Ok::<_, io::Error>(())
    });
    let handle = workers.handle();
    let error = start_error(workers, &trace);
    assert_eq!(error.to_string(), "before the workers: panicked: no luck");
    let StartError::BeforeWorkersPanicked(panic) = error else { panic!("not {error:?}") };
    assert_eq!(panic.into_panic().unwrap().downcast_ref(), Some(&"no luck"));
    block_on(handle.stopped());
    assert!(trace.read().is_empty());
}

fn a_shutdown_before_the_start_lets_no_worker_start<R: Tested>() {
    let trace = Trace::default();
    let before = trace.clone();
    let workers = workers::<R>(3).before_workers(async move {
        before.note("before");
        Ok::<_, io::Error>(())
    });
    let handle = workers.handle();
    assert!(!handle.is_closed());
    shut_down(&handle);
    assert!(handle.is_closed());
    assert!(matches!(start_error(workers, &trace), StartError::ShutDown));
    assert!(trace.read().is_empty());
}

fn a_shutdown_amid_the_futures_before_the_workers_drops_them_and_lets_no_worker_start<R: Tested>() {
    let (trace, dropped, begun) = (Trace::default(), Flag::default(), Gate::default());
    let (guard, begins) = (dropped.on_drop(), begun.clone());
    let workers = workers::<R>(2).before_workers(async move {
        let _guard = guard;
        begins.open();
        pending::<io::Result<()>>().await
    });
    let workers = workers.before_workers(async { Ok::<_, io::Error>(()) });
    let handle = workers.handle();
    let stopping = on_thread(move || {
        begun.pass_blocking();
        block_on(handle.shutdown(pending::<()>()))
    });
    assert!(matches!(start_error(workers, &trace), StartError::ShutDown));
    assert!(dropped.is_set());
    let report = stopping.join();
    assert!(report.is_clean(), "{report}");
    assert!(trace.read().is_empty());
}

fn dropping_the_start_drops_the_futures_before_the_workers_and_lets_no_worker_start<R: Tested>() {
    let (trace, dropped) = (Trace::default(), Flag::default());
    let guard = dropped.on_drop();
    let workers = workers::<R>(2).before_workers(async move {
        let _guard = guard;
        pending::<io::Result<()>>().await
    });
    let handle = workers.handle();
    {
        let main = |cx: Cx<R>| async move { cx.note("started") };
        let mut start = pin!(workers.start(trace.clone(), main));
        assert!(poll_once(&mut start).is_pending());
        assert!(!dropped.is_set());
    }
    assert!(dropped.is_set());
    block_on(handle.stopped());
    assert_eq!(handle.main(0).unwrap().outcome(), Some(Outcome::NeverStarted));
    assert!(trace.read().is_empty());
}

fn workers_dropped_unstarted_can_still_be_shut_down<R: Tested>() {
    let unstarted = workers::<R>(2);
    let handle = unstarted.handle();
    drop(unstarted);
    shut_down(&handle);
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

fn a_worker_without_an_executor_keeps_all_from_starting<R: Tested>() {
    let error = broken::<R>(|| io::Error::other("no more file descriptors"));
    let StartError::Worker { error, .. } = error else { panic!("not {error:?}") };
    assert_eq!(error.to_string(), "no more file descriptors");
}

fn a_worker_whose_executor_panics_in_the_making_keeps_all_from_starting<R: Tested>() {
    let error = broken::<R>(|| blow_up("no ring"));
    let StartError::WorkerPanicked { panic, .. } = error else { panic!("not {error:?}") };
    assert_eq!(panic.into_panic().unwrap().downcast_ref(), Some(&"no ring"));
}

fn any_thread_lists_all_tasks_by_worker_and_name<R: Tested>() {
    let started = running::<R>(3, &["writer", "beat"]);
    assert!(started.tasks(3).is_none());
    let handle = started.handle();
    let list = on_thread(move || handle.snapshot()).join();
    let names: Vec<_> = list.iter().map(|(worker, task)| (*worker, task.name().unwrap())).collect();
    let wanted: Vec<_> = (0..3).flat_map(|worker| [(worker, "beat"), (worker, "writer")]).collect();
    assert_eq!(names, wanted);
    assert_eq!(list.to_string().lines().count(), 6);
    assert!(list.to_string().starts_with("0  beat"), "{list}");
    shut_down(&started);
}

fn any_thread_gets_tasks_by_name_from_all_workers<R: Tested>() {
    let started = running::<R>(3, &["beat"]);
    let handle = started.handle();
    let found = on_thread(move || handle.get("beat")).join();
    assert_eq!(found.iter().map(|(worker, _)| *worker).collect::<Vec<_>>(), [0, 1, 2]);
    let ids: HashSet<_> = found.iter().map(|(_, task)| task.id()).collect();
    assert_eq!(ids.len(), 3);
    assert!(started.get("nobody").is_empty());
    shut_down(&started);
    assert!(found.iter().all(|(_, task)| task.outcome().is_some_and(|end| end.is_cancelled())));
    assert_eq!(started.get("beat").len(), 3, "records are kept");
    assert_eq!(started.purge(), 3);
    assert!(started.get("beat").is_empty());
}

fn cancel_by_name_reaches_all_workers_or_the_one_that_is_meant<R: Tested>() {
    let started = running::<R>(3, &["feed", "beat"]);
    let handle = started.handle();
    let end = on_thread(move || handle.tasks(1)?.cancel("feed").map(|end| end.wait_blocking()));
    let end = end.join();
    assert_eq!(end, Some(Outcome::Cancelled { reason: None }));
    let live = |name| -> Vec<usize> {
        let found = started.get(name).into_iter().filter(|(_, task)| !task.is_ended());
        found.map(|(worker, _)| worker).collect()
    };
    assert_eq!((live("feed"), live("beat")), (vec![0, 2], vec![0, 1, 2]));
    let ends = block_on(started.cancel_with("feed", "enough"));
    assert_eq!(ends.len(), 2);
    assert!(ends.iter().all(|end| end.outcome().reason() == Some("enough")));
    assert_eq!((live("feed"), live("beat")), (vec![], vec![0, 1, 2]));
    assert!(started.cancel("feed").is_empty());
    shut_down(&started);
}

fn one_shutdown_ends_all_and_reports_by_worker_and_name<R: Tested>() {
    let started = running::<R>(3, &["feed", "beat"]);
    let report = block_on(started.shutdown(pending::<()>()));
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.cancelled(), report.completed(), report.remaining().count()), (6, 0, 0));
    for (worker, part) in report.workers().iter().enumerate() {
        assert_eq!(part.worker(), worker);
        assert!(part.is_stopped());
        assert_eq!(part.main(), Some(&Outcome::Completed));
        let mut names: Vec<_> =
            part.tasks().ended().iter().filter_map(|task| task.name()).collect();
        names.sort();
        assert_eq!(names, ["beat", "feed"]);
    }
    let line = "worker 1: main completed; 2 cancelled, 0 completed, 0 remaining";
    assert_eq!(report.to_string().lines().nth(1), Some(line));
    assert!(started.join().iter().all(Result::is_ok));
}

/// Workers of which each has a task that lives until the gate opens, whatever it is asked, and one that does not.
fn stubborn<R: Tested>(gate: &Gate, dropped: &Count) -> Running {
    let (gate, dropped, here) = (gate.clone(), dropped.clone(), Meeting::of(3));
    let mut plan = AnyPlan::new();
    plan.task("beat", |_| pending()).unwrap();
    let there = here.clone();
    plan.task("stubborn", move |cx| {
        let (guard, gate, here) = (dropped.on_drop(), gate.clone(), there.clone());
        async move {
            let _guard = guard;
            let section = async {
                here.attend().await;
                gate.pass().await;
            };
            cx.shield(section).await;
        }
    })
    .unwrap();
    let started = workers::<R>(2).plan(plan).start(Trace::default(), until_shutdown::<R>);
    let started = block_on(started).unwrap();
    block_on(here.attend());
    started
}

fn a_shutdown_has_one_deadline_and_names_what_would_not_stop<R: Tested>() {
    let (deadline, dropped) = (Gate::default(), Count::default());
    let started = stubborn::<R>(&Gate::default(), &dropped);
    let mut shutdown = pin!(started.shutdown(deadline.pass()));
    assert!(poll_once(&mut shutdown).is_pending());
    for worker in 0..2 {
        // They could not be waited for if the deadline held them up.
        block_on(started.main(worker).unwrap().wait());
        block_on(started.tasks(worker).unwrap().get("beat").unwrap().wait());
    }
    assert!(poll_once(&mut shutdown).is_pending());
    assert_eq!(dropped.get(), 0);
    deadline.open();
    let report = block_on(shutdown);
    let remaining: Vec<_> = report.remaining().map(|(n, task)| (n, task.name().unwrap())).collect();
    assert_eq!(remaining, [(0, "stubborn"), (1, "stubborn")]);
    assert!(!report.is_clean());
    assert_eq!(report.cancelled(), 2);
    assert!(report.workers().iter().all(|part| !part.is_stopped() && !part.is_clean()));
    block_on(started.stopped());
}

fn after_the_deadline_executors_are_dropped_with_what_is_left_on_them<R: Tested>() {
    let dropped = Count::default();
    let started = stubborn::<R>(&Gate::default(), &dropped);
    let report = block_on(started.shutdown(ready(())));
    assert!(!report.is_clean());
    block_on(started.stopped());
    assert_eq!(dropped.get(), 2);
    for (_, task) in started.get("stubborn") {
        // It was asked to stop before its executor went.
        assert_eq!(task.outcome().unwrap().reason(), Some("shutdown"));
    }
    let again = block_on(started.shutdown(pending::<()>()));
    assert!(again.is_clean(), "{again}");
}

fn a_blocked_worker_is_reported_and_keeps_no_other_from_stopping<R: Tested>() {
    let (gate, here) = (Gate::default(), Meeting::of(3));
    let (blocked, there) = (gate.clone(), here.clone());
    let main = move |cx: Cx<R>| {
        let (blocked, there) = (blocked.clone(), there.clone());
        async move {
            there.attend().await;
            if cx.worker() == 1 {
                blocked.pass_blocking();
            }
            cx.cancelled().await;
        }
    };
    let started = block_on(workers::<R>(2).start(Trace::default(), main)).unwrap();
    block_on(here.attend());
    let other = started.main(0).unwrap().wait();
    let report = block_on(started.shutdown(other));
    let main = |worker: usize| report.workers()[worker].main();
    assert_eq!((main(0), main(1)), (Some(&Outcome::Completed), None));
    assert!(!report.workers()[1].is_stopped());
    gate.open();
    block_on(started.stopped());
}

fn after_a_shutdown_nothing_is_spawned_on_any_worker<R: Tested>() {
    let trace = Trace::default();
    let main = |cx: Cx<R>| async move {
        cx.cancelled().await;
        let error = cx.registry().spawn_local("late", async {}).unwrap_err();
        assert_eq!(error, SpawnError::Closed);
        cx.note("closed");
    };
    let started = block_on(workers::<R>(2).start(trace.clone(), main)).unwrap();
    until(|| (0..2).all(|worker| started.main(worker).unwrap().state() == State::Running));
    shut_down(&started);
    assert_eq!(trace.read(), ["closed", "closed"]);
}

fn a_shutdown_is_joined_by_several_callers<R: Tested>() {
    let started = running::<R>(3, &["beat"]);
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let handle = started.handle();
            on_thread(move || block_on(handle.shutdown(pending::<()>())))
        })
        .collect();
    assert!(callers.into_iter().all(|caller| caller.join().is_clean()));
    block_on(started.stopped());
    shut_down(&started);
}

fn a_main_future_finishes_in_its_own_time_once_its_token_fired<R: Tested>() {
    let (trace, gate, here) = (Trace::default(), Gate::default(), Meeting::of(3));
    let (hold, there) = (gate.clone(), here.clone());
    let main = move |cx: Cx<R>| {
        let (hold, there) = (hold.clone(), there.clone());
        async move {
            there.attend().await;
            cx.cancelled().await;
            assert_eq!(cx.cancel_reason().as_deref(), Some("shutdown"));
            hold.pass().await;
            cx.note("finished");
        }
    };
    let started = block_on(workers::<R>(2).start(trace.clone(), main)).unwrap();
    block_on(here.attend());
    let mut shutdown = pin!(started.shutdown(pending::<()>()));
    assert!(poll_once(&mut shutdown).is_pending());
    assert!(trace.read().is_empty());
    gate.open();
    let report = block_on(shutdown);
    assert!(report.workers().iter().all(|part| part.main() == Some(&Outcome::Completed)));
    assert_eq!(trace.read(), ["finished", "finished"]);
}

/// Workers whose main futures have begun, and never end.
fn deaf<R: Tested>(dropped: &Count) -> Running {
    let (dropped, here) = (dropped.clone(), Meeting::of(3));
    let there = here.clone();
    let main = move |_: Cx<R>| {
        let (guard, there) = (dropped.on_drop(), there.clone());
        async move {
            let _guard = guard;
            there.attend().await;
            pending().await
        }
    };
    let started = block_on(workers::<R>(2).start(Trace::default(), main)).unwrap();
    block_on(here.attend());
    started
}

fn a_main_future_that_ignores_its_token_is_dropped_at_the_deadline<R: Tested>() {
    let (dropped, deadline) = (Count::default(), Gate::default());
    let started = deaf::<R>(&dropped);
    let mut shutdown = pin!(started.shutdown(deadline.pass()));
    assert!(poll_once(&mut shutdown).is_pending());
    assert_eq!(dropped.get(), 0);
    deadline.open();
    let report = block_on(shutdown);
    assert!(!report.is_clean());
    assert!(report.workers().iter().all(|part| part.main().is_none()));
    let line = "worker 0: main would not stop; 0 cancelled, 0 completed, 0 remaining";
    assert_eq!(report.to_string().lines().next(), Some(line));
    block_on(started.stopped());
    assert_eq!(dropped.get(), 2);
    for ended in started.join() {
        assert_eq!(ended.unwrap_err().reason(), Some("shutdown"));
    }
}

fn dropping_a_shutdown_ends_the_time_of_the_main_futures<R: Tested>() {
    let dropped = Count::default();
    let started = deaf::<R>(&dropped);
    let shutdown: WorkersShutdown<_> = started.shutdown(pending::<()>());
    drop(shutdown);
    block_on(started.stopped());
    assert_eq!(dropped.get(), 2);
    assert!(started.is_closed());
}

fn a_main_future_that_panics_is_reported_and_takes_nobody_along<R: Tested>() {
    let here = Meeting::of(4);
    let there = here.clone();
    let main = move |cx: Cx<R>| {
        let there = there.clone();
        async move {
            there.attend().await;
            if cx.worker() == 1 {
                blow_up("worker 1 fails");
            }
            cx.cancelled().await;
        }
    };
    let mut plan = AnyPlan::new();
    plan.task("beat", |_| pending()).unwrap();
    let started = block_on(workers::<R>(3).plan(plan).start(Trace::default(), main)).unwrap();
    block_on(here.attend());
    let panicked = Outcome::Panicked { message: Some("worker 1 fails".into()) };
    assert_eq!(block_on(started.main(1).unwrap().wait()), panicked);
    for worker in 0..3 {
        let beat = block_on(started.tasks(worker).unwrap().wait_for("beat"));
        assert!(!beat.is_ended(), "on worker {worker}");
    }
    // Its executor runs as well: the cancel of a task takes effect.
    assert_eq!(block_on(started.cancel("beat")).len(), 3);
    assert!(!started.main(0).unwrap().is_ended() && !started.main(2).unwrap().is_ended());
    let report = block_on(started.shutdown(pending::<()>()));
    assert_eq!(report.workers()[1].main(), Some(&panicked));
    assert!(report.to_string().contains("worker 1: main panicked: worker 1 fails"), "{report}");
    let mut ends = started.join();
    assert!(ends[0].is_ok() && ends[2].is_ok());
    let payload = ends.remove(1).unwrap_err().into_panic().unwrap();
    assert_eq!(payload.downcast_ref(), Some(&"worker 1 fails"));
}

fn a_main_future_that_ended_leaves_its_worker_running<R: Tested>() {
    let gate = Gate::default();
    let late = gate.clone();
    let mut plan = AnyPlan::new();
    plan.task("late", move |cx| {
        let late = late.clone();
        async move {
            late.pass().await;
            cx.note("late");
        }
    })
    .unwrap();
    let trace = Trace::default();
    let started = workers::<R>(2).plan(plan).start(trace.clone(), |_: Cx<R>| async {});
    let started = block_on(started).unwrap();
    for worker in 0..2 {
        assert!(block_on(started.main(worker).unwrap().wait()).is_completed());
    }
    gate.open();
    for (_, task) in started.get("late") {
        assert!(block_on(task.wait()).is_completed());
    }
    assert_eq!(trace.read(), ["late", "late"]);
    shut_down(&started);
    assert!(started.join().iter().all(Result::is_ok));
}

fn a_main_future_is_cancelled_alone<R: Tested>() {
    let dropped = Count::default();
    let started = deaf::<R>(&dropped);
    let end = block_on(started.main(0).unwrap().cancel_with("not this one"));
    assert_eq!((end.reason(), dropped.get()), (Some("not this one"), 1));
    assert!(!started.main(1).unwrap().is_ended());
    assert!(started.main(2).is_none());
    let other = block_on(started.main(1).unwrap().cancel());
    assert_eq!((other.reason(), dropped.get()), (None, 2));
    let report = block_on(started.shutdown(pending::<()>()));
    assert_eq!(report.workers()[0].main().unwrap().reason(), Some("not this one"));
    assert!(report.is_clean(), "{report}");
}

fn dropping_the_running_workers_stops_nothing<R: Tested>() {
    let started = running::<R>(2, &["beat"]);
    let handle = started.handle();
    drop(started);
    assert_eq!(block_on(handle.cancel("beat")).len(), 2);
    assert!(!handle.main(0).unwrap().is_ended());
    shut_down(&handle);
}

fn a_planned_task_that_panics_harms_nobody_else<R: Tested>() {
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

fn a_task_that_owns_its_registry_does_not_keep_its_worker<R: Tested>() {
    let (dropped, here) = (Count::default(), Meeting::of(3));
    let (counted, there) = (dropped.clone(), here.clone());
    let main = move |cx: Cx<R>| {
        let (guard, there) = (counted.on_drop(), there.clone());
        async move {
            let registry: Registry<_, _> = cx.registry().clone();
            let owner = async move {
                let _owned = (guard, registry.clone());
                let child = registry.spawn_local("child", async { 1 }).unwrap();
                assert_eq!(child.await.unwrap(), 1);
                there.attend().await;
                pending::<()>().await;
            };
            cx.registry().spawn_local("owner", owner).unwrap();
        }
    };
    let started = block_on(workers::<R>(2).start(Trace::default(), main)).unwrap();
    block_on(here.attend());
    shut_down(&started);
    assert_eq!(dropped.get(), 2);
}

fn sixty_four_workers_run_at_the_same_time<R: Tested>() {
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

fn no_workers_at_all_start_and_shut_down<R: Tested>() {
    let started = block_on(workers::<R>(0).start(Trace::default(), until_shutdown::<R>)).unwrap();
    assert_eq!(started.count(), 0);
    shut_down(&started);
    assert!(started.join().is_empty());
}

#[test]
fn handles_go_to_any_thread_and_the_start_is_a_future_for_any() {
    fn to_any_thread<T: Send + Sync>() {}
    fn sent<T: Send>(value: T) -> T {
        value
    }
    to_any_thread::<WorkersHandle>();
    to_any_thread::<Running>();
    to_any_thread::<StartError>();
    #[cfg(feature = "local")]
    {
        let workers = workers::<task_registry::local::LocalThread>(1);
        let start = sent(workers.start(Trace::default(), |_| async {}));
        let started = block_on(start).unwrap();
        let report = block_on(sent(started.shutdown(pending::<()>())));
        assert!(report.is_clean());
    }
}
